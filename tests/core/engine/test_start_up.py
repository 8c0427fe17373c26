"""A mistake stops the start, and the message names the plugin and the remedy."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from flask import Blueprint

from core.contracts import AdminPage, HealthCheck, Mount, MountPoint, Process
from core.engine import answers
from core.engine import plugins as loader
from core.engine.plugins import Installed
from core.engine.settings import setting
from core.errors import PluginError
from core.hookspecs import hookimpl


@dataclass(frozen=True)
class Settings:
    place: str = setting()
    longest: int = setting(10, maximum=20)


@dataclass(frozen=True)
class NeedsMore:
    code: str


@dataclass
class Thawed:
    code: str = ""


@dataclass(frozen=True)
class Fine:
    names: list[str] = field(default_factory=list)


class Offer:
    def __init__(self, id: str) -> None:
        self.id = self.title = id

    def export(self, package, options): ...


def blueprint(name: str = "x") -> Blueprint:
    return Blueprint(name, __name__)


def with_view(made: Blueprint, rule: str = "/a", view=lambda: "a") -> Blueprint:
    made.add_url_rule(rule, "a", view)
    return made


def escaping() -> Blueprint:
    made = blueprint()
    made.record(lambda state: state.app.add_url_rule("/everywhere", "x.everywhere", lambda: "x"))
    return made


def raises() -> list:
    raise RuntimeError("the cupboard is bare")


def wrapper(room):
    return (yield)


CASES = {
    "needs a newer core": (
        {"manifest": {"requires_core": ">=7"}},
        "needs core >=7, this is 0.1.0; install a version of it that fits, or update Audimax",
    ),
    "garbled requires_core": (
        {"manifest": {"requires_core": "new"}},
        "requires_core is 'new'; write it like",
    ),
    "another name": (
        {"manifest": {"name": "z"}},
        "calls itself 'z'; folder or entry point and manifest need the same name",
    ),
    "does not import": (
        {"source": "import nowhere"},
        "could not import fake_x.hooks: No module named 'nowhere'; install its libraries",
    ),
    "broken source": ({"source": "1/0"}, "could not import fake_x.hooks: ZeroDivisionError"),
    "leaves the interpreter": (
        {"source": "raise SystemExit(3)"},
        "could not import fake_x.hooks: SystemExit: 3",
    ),
    "unknown hook": ({"admitt": lambda room: None}, "there is no hook 'admitt', did you mean 'admit'?"),
    "wrong argument": ({"admit": lambda joinn: None}, "joinn"),
    "wrapper": ({"admit": hookimpl(wrapper=True)(wrapper)}, "admit() is a wrapper; return an answer"),
    "raises": (
        {"storages": raises},
        "storages() failed: the cupboard is bare; take it out of enabled_plugins",
    ),
    "wrong type": ({"storages": lambda: Offer("a")}, "storages() must return list, not Offer"),
    "wrong kind of value": (
        {"exporters": lambda: [1]},
        "exporters() must return Exporter or Destination, not int",
    ),
    "huge answer": (
        {"exporters": lambda: [Offer(f"a{n}") for n in range(1000)]},
        "1000 answers; 100 is the limit",
    ),
    "duplicate id": (
        {"exporters": lambda: [Offer("a"), Offer("a")]},
        "the id 'a' is taken by itself; rename one",
    ),
    "impossible id": (
        {"exporters": lambda: [Offer("A b")]},
        "exporters() gave the id 'A b'; use small letters",
    ),
    "unfrozen settings": ({"manifest": {"settings": Thawed}}, "its settings are no frozen dataclass"),
    "room settings without default": (
        {"manifest": {"room_settings": NeedsMore}},
        "a room can't start with its room_settings: 'code' is required",
    ),
    "foreign blueprint": (
        {"blueprints": lambda: [Mount(MountPoint.SITE, blueprint("y"))]},
        "its blueprint is named 'y'; name it 'x' or 'x_…'",
    ),
    "view without roles": (
        {"blueprints": lambda: [Mount(MountPoint.ROOM, with_view(blueprint()))]},
        "its view 'x.a' declares no roles; put @view(roles=…) or @page(roles=…) of core.api under its route",
    ),
    "route elsewhere": (
        {"blueprints": lambda: [Mount(MountPoint.SITE, escaping())]},
        "adds the route '/everywhere'; stay below /plugins/x/",
    ),
    "admin page to nowhere": (
        {"admin_pages": lambda: [AdminPage("x", "X", "x.nowhere")]},
        "admin page 'x' leads to 'x.nowhere', which doesn't exist",
    ),
    "process without a program": ({"processes": lambda: [Process("p", ())]}, "process 'p' needs argv"),
    "jobs that are none": ({"jobs": lambda: ["tidy"]}, "jobs() must return procrastinate blueprints"),
}


@pytest.mark.parametrize(("how", "message"), CASES.values(), ids=CASES)
def test_the_start_stops_and_says_why(make_app, install, monkeypatch, how, message):
    monkeypatch.setattr("core.engine.schema.upgrade_all", lambda app: None)
    install("x", **how)
    with pytest.raises(PluginError) as error:
        make_app("x")
    assert str(error.value).startswith("plugin 'x': ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "bad settings: 'place' is required; see [plugins.x] in audimax.toml"),
        ({"place": "a", "longst": 1}, "unknown setting 'longst', did you mean 'longest'?"),
        ({"place": "a", "longest": "30"}, "'longest' must be 20 or less, not '30'"),
        ("a", "its settings are not a table; write them below [plugins.x]"),
    ],
)
def test_wrong_settings_stop_the_start(make_app, install, raw, message):
    install("x", manifest={"settings": Settings})
    with pytest.raises(PluginError) as error:
        make_app("x", plugins={"x": raw})
    assert str(error.value).startswith("plugin 'x': ")
    assert message in str(error.value)


def test_a_misspelt_name_is_answered_with_the_right_one(make_app, install):
    install("lobby_of_mine")
    with pytest.raises(PluginError) as error:
        make_app("loby_of_mine")
    assert str(error.value) == "plugin 'loby_of_mine': is not installed; did you mean 'lobby_of_mine'?"


def test_settings_of_a_plugin_that_nobody_has_are_a_mistake(make_app):
    with pytest.raises(PluginError, match="plugin 'nobodys': has settings but is not installed"):
        make_app(plugins={"nobodys": {"a": 1}})


def test_settings_of_a_plugin_that_is_switched_off_may_stay(make_app, install):
    install("x", manifest={"settings": Settings})
    make_app(plugins={"x": {"place": "a"}})


def test_a_name_with_two_packages_cannot_be_enabled(make_app, monkeypatch):
    twice = {"x": [Installed("x", "one.x", "1", "one"), Installed("x", "two.x", "1", "two")]}
    monkeypatch.setattr(loader, "installed", lambda: twice)
    with pytest.raises(PluginError, match=r"provided twice, by one\.x and two\.x; uninstall one"):
        make_app("x")


@pytest.mark.parametrize("name", ["X", "a__b", "1a", "a" * 31, "join"])
def test_a_name_that_does_not_fit_into_tables_and_addresses_is_refused(make_app, install, name):
    install(name)
    with pytest.raises(PluginError, match="name"):
        make_app(name)


def test_two_plugins_cannot_offer_the_same_id(make_app, install):
    install("x", exporters=lambda: [Offer("pdf")])
    install("y", exporters=lambda: [Offer("pdf")])
    with pytest.raises(PluginError) as error:
        make_app("x", "y")
    assert "plugin 'y': exporters(): the id 'pdf' is taken by plugin 'x'" in str(error.value)


def test_two_plugins_may_have_a_check_of_the_same_name(make_app, install):
    from core.engine import offers

    install("x", health_checks=lambda: [HealthCheck("disk", lambda: None)])
    install("y", health_checks=lambda: [HealthCheck("disk", lambda: None)])
    with make_app("x", "y").app_context():
        assert list(offers.health_checks()) == ["x.disk", "y.disk"]


@pytest.mark.parametrize(
    "hang", [lambda: time.sleep(60), lambda: [0 for _ in iter(int, 1)]], ids=["waits", "loops"]
)
def test_a_hook_that_hangs_at_the_start_is_stopped(make_app, install, monkeypatch, hang):
    monkeypatch.setattr(answers, "SECONDS", {**answers.SECONDS, "exporters": 0.1})
    install("x", exporters=hang)
    with pytest.raises(PluginError, match=r"plugin 'x': exporters\(\) failed: took longer than 0.1 seconds"):
        make_app("x")


def test_a_table_with_a_foreign_name_is_refused(make_app, install):
    install("x", source="import sqlalchemy as sa\nfrom core.db import db\nsa.Table('stray', db.metadata)\n")
    try:
        with pytest.raises(PluginError, match="table 'stray' has another's name; call it 'x__"):
            make_app("x")
    finally:
        from core.db import db

        db.metadata.remove(db.metadata.tables["stray"])


def test_what_is_installed_but_not_enabled_is_not_imported(make_app, install):
    install("x", source="raise RuntimeError('imported')")
    app = make_app()
    described = {one.name: one for one in loader.describe(app)}
    assert not described["x"].enabled
    assert described["x"].version == "1.0"


def test_audimax_plugins_tells_what_an_enabled_plugin_hooks_into(make_app, install):
    install("x", exporters=lambda: [], admit=lambda room: None)
    described = {one.name: one for one in loader.describe(make_app("x"))}
    assert described["x"].enabled
    assert sorted(described["x"].hooks) == ["admit", "exporters"]
    assert described["x"].title == "X"
