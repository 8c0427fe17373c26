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
from core.engine.settings import setting
from core.kit.promises import REMEDIES, words

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
    assert found - {"core.testing"} == {place[1]}


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


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_in_a_package_that_can_be_read(hook):
    hooks = (CORE.parent / "tests/example_plugin/audimax_example/hooks.py").read_text("utf-8")
    assert f"\n@hookimpl\ndef {hook}(" in hooks


def test_every_promise_is_documented_with_its_remedy():
    page = reference.pages()["promises.md"]
    for test, remedy in REMEDIES.items():
        assert f"- **{words(test)}.** {remedy}\n" in page


def test_what_tests_of_plugins_may_use_is_documented():
    page = reference.pages()["promises.md"]
    for name in ("PluginContract", "StorageContract", "DirectUploadsContract", *reference.FOR_TESTS):
        assert f"## `{name}`\n\n" in page
    assert "def add_guest" not in page and "add_guest(app: Flask, place: Place, name: str = 'Bob')" in page


def test_every_kind_of_setting_and_argument_of_setting_is_documented():
    page = reference.pages()["settings.md"]
    for argument in inspect.signature(setting).parameters:
        assert re.search(rf"\b{argument}: ", page), argument


@pytest.mark.parametrize("name", [n for n in api.__all__ if inspect.isfunction(getattr(api, n))])
def test_every_function_is_documented_with_its_arguments(name):
    shown = re.search(
        rf"## `{name}`\n\n```python\n{name}\((.*?)\) ->", reference.pages()["contracts.md"], re.S
    )
    assert shown, name
    for argument in inspect.signature(getattr(api, name)).parameters:
        assert re.search(rf"\b{argument}\b", shown[1]), argument
