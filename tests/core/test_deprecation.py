"""What goes away works for a release, and says so: to authors in their tests, to administrators in the log."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from packaging.version import Version

from core import api, deprecation, hookspecs
from core.deprecation import LEAVING, PluginDeprecation, announce, deprecated, renamed
from core.version import VERSION
from tests.core.engine.conftest import install

__all__ = ["install"]


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> Iterator[None]:
    before = dict(LEAVING)
    deprecation._note.cache_clear()
    yield
    LEAVING.clear()
    LEAVING.update(before)


@pytest.fixture
def old() -> Any:
    @deprecated(since="0.2", gone_in="0.3", instead="new()")
    def old(number: int) -> int:
        """Twice as much."""
        return number * 2

    return old


def test_a_function_that_goes_still_works_and_warns_where_it_is_called(old: Any) -> None:
    words = r"^old is deprecated since 0\.2 and gone in 0\.3: use new\(\)$"
    with pytest.warns(PluginDeprecation, match=words) as seen:
        assert old(2) == 4
    assert seen[0].filename == __file__
    assert old.__doc__ == "Twice as much.\n\nDeprecated since 0.2, gone in 0.3: use new()."


def test_administrators_read_once_which_module_it_is(old: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _again in range(3):
            old(1)
    assert [record.getMessage() for record in caplog.records] == [
        f"{__name__}: old is deprecated since 0.2 and gone in 0.3: use new()"
    ]


def test_an_old_name_gives_the_new_thing_and_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    announce("core.api.writes_down", since="0.2", gone_in="0.3", instead="record")
    monkeypatch.setitem(api.RENAMED, "writes_down", "record")
    with pytest.warns(PluginDeprecation, match="core.api.writes_down is deprecated") as seen:
        from core.api import writes_down  # type: ignore[attr-defined]
    assert writes_down is api.record
    assert seen[0].filename == __file__


def test_a_name_that_never_was_is_no_name() -> None:
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from core.api import nothing  # type: ignore[attr-defined]  # noqa: F401
    with pytest.raises(AttributeError, match="module 'm' has no attribute 'x'"):
        renamed("x", "m", {}, {})


@pytest.mark.parametrize("leaving", ["joins", "admit"])
def test_a_hook_or_an_argument_that_goes_warns_those_who_have_it(
    install: Any, make_app: Any, monkeypatch: pytest.MonkeyPatch, leaving: str
) -> None:
    gone = announce(f"{leaving} of admit()", since="0.2", gone_in="0.3", instead="requests")
    monkeypatch.setattr(hookspecs.admit, "leaving", {leaving: gone})
    monkeypatch.setattr("core.engine.schema.upgrade_all", lambda app: None)
    install("x", admit=lambda joins: {})
    with pytest.warns(PluginDeprecation, match="deprecated since 0.2 and gone in 0.3: use requests"):
        make_app("x")


def test_who_doesnt_ask_for_the_argument_hears_nothing(
    install: Any, make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = announce("room of admit()", since="0.2", gone_in="0.3", instead="here.room")
    monkeypatch.setattr(hookspecs.admit, "leaving", {"room": gone})
    monkeypatch.setattr("core.engine.schema.upgrade_all", lambda app: None)
    install("x", admit=lambda joins: {})
    make_app("x")


def test_nothing_stays_longer_than_it_was_said_to() -> None:
    for leaving in LEAVING.values():
        assert Version(leaving.since) < Version(leaving.gone_in), leaving
        assert Version(VERSION) < Version(leaving.gone_in), f"remove it: {leaving}"


def test_every_old_name_was_announced_and_leads_to_something() -> None:
    for name, new in api.RENAMED.items():
        assert f"core.api.{name}" in LEAVING
        assert new in api.__all__ and name not in api.__all__
