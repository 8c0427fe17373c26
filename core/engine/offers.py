"""What plugins offer beside their routes, joined; two offers never share an id."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from flask import Flask, current_app

from core.config import config
from core.contracts import AdminPage, Destination, Exporter, HealthCheck, Process, Retained, Storage
from core.engine.plugins import Answer, Plugins
from core.errors import PluginError
from core.files.local import LocalStorage

T = TypeVar("T")
# An offer's id is kept in the database and stands in addresses.
ID = re.compile(r"[a-z][a-z0-9_.-]{0,59}\Z")
KINDS: Mapping[str, str] = {
    "storages": "id",
    "exporters": "id",
    "admin_pages": "id",
    "health_checks": "name",
    "processes": "name",
    "retention": "name",
}
PYTHON = "{python}"


def init_app(app: Flask) -> None:
    """Ask for every offer once; a mistake stops the start."""
    engine = app.extensions["audimax_plugins"]
    with app.app_context():
        own: dict[str, list[Answer]] = {
            "storages": [Answer("core", [LocalStorage(config().instance / "files")])]
        }
        given = {kind: [*own.get(kind, []), *_asked(engine, kind)] for kind in KINDS}
        app.extensions["audimax_offers"] = {kind: _joined(kind, given[kind]) for kind in KINDS}
        app.extensions["audimax_exporters_of"] = {
            offer.id: plugin for plugin, offers in given["exporters"] for offer in offers
        }
    for name, page in app.extensions["audimax_offers"]["admin_pages"].items():
        _check_page(app, name, page)
    _check_room_pages(app, engine)


def storages() -> dict[str, Storage]:
    """Places that keep files, by id: core's own folder, and those of plugins."""
    return _offered("storages")


def exporters() -> dict[str, Exporter | Destination]:
    """Ways to take a lecture out, and places to take it to, by id."""
    return _offered("exporters")


def plugin_of_exporter(exporter_id: str) -> str:
    """The name of the plugin that offers an exporter; a ``LookupError`` for none."""
    return cast("dict[str, str]", current_app.extensions["audimax_exporters_of"])[exporter_id]


def admin_pages() -> dict[str, AdminPage]:
    """Entries of the admin menu, by id."""
    return _offered("admin_pages")


def health_checks() -> dict[str, HealthCheck]:
    """What must work, by ``<plugin>.<name>``."""
    return _offered("health_checks")


def processes() -> dict[str, Process]:
    """Programs to run beside the web, by ``<plugin>.<name>``; argv[0] is a real path for ``{python}``."""
    return _offered("processes")


def retained() -> dict[str, Retained]:
    """What plugins keep of lectures for a time, by ``<plugin>.<kind>``."""
    return _offered("retention")


def _offered(kind: str) -> dict[str, Any]:
    return dict(cast("dict[str, Any]", current_app.extensions["audimax_offers"][kind]))


def _asked(engine: Plugins, kind: str) -> list[Answer]:
    # Spelled out so that every hook can be found where it is called.
    asked = {
        "storages": lambda: engine.ask("storages"),
        "exporters": lambda: engine.ask("exporters"),
        "admin_pages": lambda: engine.ask("admin_pages"),
        "health_checks": lambda: engine.ask("health_checks"),
        "processes": lambda: engine.ask("processes"),
        "retention": lambda: engine.ask("retention"),
    }
    return asked[kind]()


def _joined(kind: str, answers: Iterable[Answer]) -> dict[str, Any]:
    found: dict[str, tuple[str, Any]] = {}
    for plugin, offers in answers:
        for offer in offers:
            key = _key(kind, plugin, offer)
            if key in found:
                _refuse_twice(kind, plugin, key, found[key][0])
            found[key] = (plugin, _prepared(offer))
    return {key: offer for key, (_plugin, offer) in found.items()}


def _key(kind: str, plugin: str, offer: Any) -> str:
    given = getattr(offer, KINDS[kind])
    if not isinstance(given, str) or not ID.match(given):
        remedy = "use small letters, digits and _ . -, 60 at most"
        raise PluginError(plugin, f"{kind}() gave the {KINDS[kind]} {given!r}", remedy)
    return f"{plugin}.{given}" if KINDS[kind] == "name" else given


def _refuse_twice(kind: str, plugin: str, key: str, other: str) -> None:
    by = "itself" if other == plugin else "core" if other == "core" else f"plugin {other!r}"
    remedy = "take one of the two out of enabled_plugins"
    if other in (plugin, "core"):
        remedy = "rename one"
    raise PluginError(plugin, f"{kind}(): the id {key!r} is taken by {by}", remedy)


def _prepared(offer: Any) -> Any:
    if isinstance(offer, Process) and offer.argv[0] == PYTHON:
        return Process(offer.name, (sys.executable, *offer.argv[1:]), offer.env)
    return offer


def _check_room_pages(app: Flask, engine: Plugins) -> None:
    for name, loaded in engine.loaded.items():
        endpoint = loaded.manifest.room_page
        if not endpoint:
            continue
        rules = app.url_map.iter_rules(endpoint) if endpoint in app.view_functions else ()
        if not any(rule.arguments == {"room_id"} for rule in rules):
            remedy = "give the endpoint of a page of a SITE mount, at '/rooms/<room_id>' or alike"
            raise PluginError(name, f"room_page leads to {endpoint!r}, which shows no room", remedy)


def _check_page(app: Flask, name: str, page: AdminPage) -> None:
    if page.endpoint in app.view_functions:
        return
    plugin = page.endpoint.partition(".")[0]
    remedy = "give the endpoint of a view of a SITE mount, like 'name.view'"
    raise PluginError(plugin, f"admin page {name!r} leads to {page.endpoint!r}, which doesn't exist", remedy)
