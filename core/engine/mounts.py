"""Where plugins' routes are mounted, and what core checks before one of their views runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Flask, current_app, g, request
from flask_babel import gettext as _
from werkzeug.routing import Rule

from core.contracts import AGENTS, FrontDoor, Mount, MountPoint, Role, Viewer
from core.engine import front_doors, offers
from core.engine.agent_keys import is_agent_key
from core.engine.front_doors import Door
from core.engine.plugins import Loaded, plugins
from core.engine.room_plugins import is_enabled_in
from core.errors import PluginError, Refusal
from core.http.security import from_machines
from core.http.views import SignedIn, ViewSpec, find_here, here

PREFIXES: Mapping[MountPoint, str] = {
    MountPoint.SITE: "/plugins/{name}",
    MountPoint.ROOM: "/api/rooms/<room_id>/{name}",
    MountPoint.LECTURE: "/api/lectures/<lecture_id>/{name}",
    MountPoint.INTERNAL: "/api/internal/lectures/<lecture_id>/{name}",
}
A_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Mounted:
    """A plugin's route: whose it is and where it hangs."""

    plugin: str
    at: MountPoint


def init_app(app: Flask) -> None:
    """Mount every plugin's blueprints and files, then join what they offer; the last step of the start."""
    mounted: dict[str, Mounted] = app.extensions.setdefault("audimax_mounts", {})
    engine = app.extensions["audimax_plugins"]
    for name, loaded in engine.loaded.items():
        _serve_files(app, name, loaded)
    with app.app_context():
        answers = engine.ask("blueprints")
    doors = []
    for name, given in answers:
        for one in given:
            if isinstance(one, FrontDoor):
                doors.append(Door(name, one))
            else:
                mounted.update(_mount(app, name, one))
    front_doors.stand(app, doors)
    app.before_request(_guard)
    app.add_template_global(static_url, "plugin_static")
    offers.init_app(app)


def prefix(name: str, at: MountPoint) -> str:
    """The address below which a plugin's routes of that mount live."""
    return PREFIXES[at].format(name=name)


def room_api(plugin: str, room_public_id: str) -> str:
    """The address of a plugin's ``ROOM`` mount in one room."""
    return prefix(plugin, MountPoint.ROOM).replace("<room_id>", room_public_id)


def lecture_api(plugin: str, lecture_public_id: str) -> str:
    """The address of a plugin's ``LECTURE`` mount in one lecture."""
    return prefix(plugin, MountPoint.LECTURE).replace("<lecture_id>", lecture_public_id)


# --- files and templates --------------------------------------------------------------


def static_url(plugin: str, path: str) -> str:
    """The address of a file below the plugin's ``static`` folder; it changes with its content."""
    file = plugins.loaded[plugin].folder / "static" / path
    digest = _digest(file, file.stat().st_mtime_ns) if file.is_file() else ""
    return f"/plugins/{plugin}/static/{path}" + (f"?{digest}" if digest else "")


@lru_cache(maxsize=1024)
def _digest(file: Path, _changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10]


def _serve_files(app: Flask, name: str, loaded: Loaded) -> None:
    """``static`` and ``templates`` of a plugin's folder work without a word in its code."""
    made = Blueprint(
        f"{name}__files",
        loaded.package,
        root_path=str(loaded.folder),
        static_folder="static" if (loaded.folder / "static").is_dir() else None,
        static_url_path="/static",
        template_folder="templates" if (loaded.folder / "templates").is_dir() else None,
    )
    made.get_send_file_max_age = _max_age  # type: ignore[method-assign, assignment]
    app.register_blueprint(made, url_prefix=prefix(name, MountPoint.SITE))


def _max_age(_file: str | None) -> int:
    return A_YEAR if request.query_string else 0


# --- mounting -------------------------------------------------------------------------


def _mount(app: Flask, name: str, mount: Mount) -> Iterator[tuple[str, Mounted]]:
    _check_name(name, mount)
    before = {(rule.rule, rule.endpoint) for rule in app.url_map.iter_rules()}
    try:
        app.register_blueprint(mount.blueprint, url_prefix=prefix(name, mount.at))
    except (ValueError, AssertionError, TypeError) as error:
        problem = f"its blueprint {mount.blueprint.name!r} can't be mounted: {error}"
        raise PluginError(name, problem, "give every blueprint and view a name of its own") from error
    for rule in list(app.url_map.iter_rules()):
        if (rule.rule, rule.endpoint) not in before:
            _check_rule(app, name, mount.at, rule)
            yield rule.endpoint, Mounted(name, mount.at)


def _check_name(name: str, mount: Mount) -> None:
    given = mount.blueprint.name
    if not isinstance(mount.at, MountPoint):
        raise PluginError(name, f"mounts {given!r} at {mount.at!r}", "use one of MountPoint")
    if given != name and not given.startswith(f"{name}_"):
        raise PluginError(name, f"its blueprint is named {given!r}", f"name it {name!r} or '{name}_…'")


def _check_rule(app: Flask, name: str, at: MountPoint, rule: Rule) -> None:
    if not rule.rule.startswith(prefix(name, at) + "/"):
        raise PluginError(name, f"adds the route {rule.rule!r}", f"stay below {prefix(name, at)}/")
    view = app.view_functions[rule.endpoint]
    if rule.endpoint.endswith(".static"):
        return
    spec = declared(view)
    if spec is None:
        remedy = "put @view(roles=…) or @page(roles=…) of core.api under its route"
        raise PluginError(name, f"its view {rule.endpoint!r} declares no roles", remedy)
    _check_roles(name, at, rule, spec)
    if at is MountPoint.INTERNAL:
        from_machines(view)


def declared(view: Any) -> ViewSpec | None:
    """What a view has said with ``@view`` or ``@page``."""
    return cast("ViewSpec | None", getattr(view, "audimax_view", None) or getattr(view, "audimax_page", None))


def _check_roles(name: str, at: MountPoint, rule: Rule, spec: ViewSpec) -> None:
    roles = frozenset() if isinstance(spec.roles, SignedIn) else frozenset(spec.roles)
    if at is MountPoint.INTERNAL and roles != AGENTS:
        raise PluginError(name, f"its internal view {rule.endpoint!r} is open to people", "use roles=AGENTS")
    if at is not MountPoint.INTERNAL and Role.AGENT in roles:
        problem = f"its view {rule.endpoint!r} is for the agent"
        raise PluginError(name, problem, "mount it at MountPoint.INTERNAL")


# --- before a view runs ---------------------------------------------------------------


def _guard() -> None:
    mounted: Mounted | None = current_app.extensions["audimax_mounts"].get(request.endpoint)
    if mounted is None:
        return
    path = request.view_args or {}
    if mounted.at is MountPoint.SITE and "room_id" not in path:
        return
    if mounted.at is MountPoint.INTERNAL:
        _let_agent_in(path["lecture_id"])
    else:
        find_here(path.get("room_id"), path.get("lecture_id"))
    room = here.room if "room_id" in path else here.lecture.room
    if not is_enabled_in(room, mounted.plugin):
        raise Refusal(404, _("This is switched off here."), code="switched_off")


def _let_agent_in(lecture_id: str) -> None:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        find_here(None, lecture_id)
    except Refusal as refusal:
        raise _no_agent() from refusal
    if not is_agent_key(here.lecture, given):
        raise _no_agent()
    g.here_caller = Viewer(role=Role.AGENT)


def _no_agent() -> Refusal:
    # One answer for a wrong key and an unknown lecture: the address is no oracle.
    return Refusal(401, _("The agent's key is wrong or has expired."), code="no_agent")
