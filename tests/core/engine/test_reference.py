"""The docs for plugin authors are complete, and true."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from core import api
from core.contracts import EVENT_TYPES
from core.engine import answers, reference
from core.engine.plugins import HOOKS

CORE = Path(api.__file__).parent
README = (reference.FOLDER / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", reference.pages())
def test_the_generated_page_is_up_to_date(name):
    written = (reference.FOLDER / name).read_text("utf-8")
    assert written == reference.pages()[name], "run `python -m core.engine.reference`"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_arguments(hook):
    arguments = ", ".join(inspect.signature(HOOKS[hook]).parameters)
    written = reference.pages()["hooks.md"]
    shown = re.search(rf"```python\n{hook}\((.*?)\) ->", written)
    assert shown
    assert re.sub(r": [^,]+(\[[^]]*\])?", "", shown[1]) == arguments


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_called_only_where_it_says(hook):
    place = re.search(r"Called by ``(core\.[a-z_.]+)``", inspect.getdoc(HOOKS[hook]) or "")
    assert place, "say 'Called by ``core.<module>``'"
    calls = re.compile(rf"""\b(ask|users_of|ask_one)\((\w+, )?["']{hook}["']""")
    found = {_module(path) for path in CORE.rglob("*.py") if calls.search(path.read_text("utf-8"))}
    missing = {"core.people.privacy"}  # written with the admin pages
    assert found - {"core.testing"} == {place[1]} - missing


def _module(path: Path) -> str:
    return ".".join(path.relative_to(CORE.parent).with_suffix("").parts)


@pytest.mark.parametrize("name", api.__all__)
def test_everything_behind_the_door_is_documented(name):
    assert f"## `{name}`\n\n" in reference.pages()["contracts.md"]


@pytest.mark.parametrize("event", EVENT_TYPES, ids=lambda cls: cls.__name__)
def test_every_event_is_documented_and_behind_the_door(event):
    assert f"## `{event.__name__}`" in reference.pages()["events.md"]
    assert event.__name__ in api.__all__


def test_every_hook_has_a_time_limit():
    assert set(answers.SECONDS) == set(HOOKS)


def test_the_limits_in_the_text_are_those_of_the_code():
    assert f"{answers.MOST_OFFERS} offers" in README
    assert f"{answers.MOST_SECTIONS} sections" in README
    assert f"{answers.MOST_LINES:,} lines" in README
    assert f"{answers.LONGEST_SECTIONS // 1_000_000} million characters" in README
    assert f"{answers.LARGEST_CONFIG // 1000} KB" in README
    assert f"{answers.LONGEST_REASON:,} characters for a reason" in README
