"""The room page ``/r/<code>``: for strangers, guests and hosts alike. The only caller of ``room_ui``."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from core.config import config
from core.contracts import PEOPLE_INSIDE, RoomUi, Viewer
from core.engine import room_plugins
from core.engine.mounts import lecture_api, room_api, static_url
from core.engine.plugins import plugins
from core.errors import Refusal
from core.http.assets import assets
from core.http.callers import signed_in, viewer_in_room
from core.http.forms import Form
from core.http.i18n import messages_for_browser
from core.http.views import Answer, here, view
from core.lectures.lectures import live_in
from core.lectures.models import Lecture
from core.people.guests import current_guest
from core.rooms import codes, invitations, lookups
from core.rooms.models import Room
from core.rooms.settings import settings_of

bp = Blueprint("room_page", __name__)


@bp.get("/r/<code>")
def show(code: str) -> ResponseReturnValue:
    """The room, or friendly words about a code that leads nowhere."""
    written = codes.read(code)
    if written is not None and written != code:
        return redirect(f"/r/{written}")
    try:
        room = lookups.find(code)
    except Refusal as refusal:
        return _nowhere(code, refusal)
    viewer = viewer_in_room(room)
    if room.archived_at is not None:
        return make_response(render_template("rooms/archived.html", room=room, is_host=viewer.is_host), 403)
    shown = render_template("room.html", room_title=room.title, room_config=page_config(room, viewer))
    made = make_response(shown)
    made.headers["Cache-Control"] = "no-store"
    return made


class PluginsAnswer(Answer):
    plugins: list[dict[str, Any]]


@bp.get("/api/rooms/<room_id>/plugins")
@view(roles=PEOPLE_INSIDE, answer=PluginsAnswer, limit="3000/minute")
def plugins_now() -> PluginsAnswer:
    """The browser parts of the plugins that are on now, for a page that is inside while one is switched."""
    locale = str(get_locale() or "en")
    return PluginsAnswer(plugins=plugin_entries(here.room, here.caller, locale))


def _nowhere(code: str, refusal: Refusal) -> ResponseReturnValue:
    form = Form({"code": code[:60]})
    form.fail("code", refusal.detail)
    made = make_response(render_template("rooms/landing.html", form=form, lost=True), refusal.status)
    if refusal.retry_after:
        made.headers["Retry-After"] = str(refusal.retry_after)
    return made


def page_config(room: Room, viewer: Viewer) -> dict[str, Any]:
    """What the page's script has to know; all of it may be read by whoever has the link."""
    locale = str(get_locale() or "en")
    return {
        "room": {
            "id": room.public_id,
            "title": room.title,
            "code": room.code,
            "link": invitations.link(room),
            "live": live_in(room) is not None,
            "shut": invitations.shut_because(room) if viewer.is_host else "",
        },
        "me": _me(viewer),
        "api": {"base": f"/api/rooms/{room.public_id}"},
        "urls": {"home": "/", "lecture_base": "/lectures/"},
        "livekit_url": config().livekit_url,
        "locale": locale.replace("_", "-"),
        "messages": messages_for_browser(locale),
        "icons": assets().sprite,
        "plugins": plugin_entries(room, viewer, locale),
        "switched_on": sorted(room_plugins.enabled_in(room)),
        "settings": vars(settings_of(room)),
    }


def plugin_page(room: Room, plugin: str, lecture: Lecture | None = None) -> dict[str, Any]:
    """What the script of a plugin's own page about a room has to know (``@audimax/page``).

    About a lecture of it, ``api`` is where the plugin's ``LECTURE`` routes begin, else its ``ROOM`` routes.
    """
    locale = str(get_locale() or "en")
    return {
        "room": {"id": room.public_id, "title": room.title, "code": room.code},
        "api": lecture_api(plugin, lecture.public_id) if lecture else room_api(plugin, room.public_id),
        "plugin": plugin,
        **({"lecture": {"id": lecture.public_id, "title": lecture.title}} if lecture else {}),
        "locale": locale.replace("_", "-"),
        "strings": messages_for_browser(locale, under=f"plugins/{plugin}/ui"),
        "icons": assets().sprite,
    }


def _me(viewer: Viewer) -> dict[str, Any]:
    guest = current_guest()
    name = viewer.name or (guest.name if guest else "")
    return {
        "signed_in": signed_in() is not None,
        "name": name,
        "role": viewer.role.value,
        "known": bool(name),
    }


def plugin_entries(room: Room, viewer: Viewer, locale: str) -> list[dict[str, Any]]:
    """The browser parts of the plugins that are on in the room."""
    return [
        _entry(plugin, number, ui, room, locale)
        for plugin, several in plugins.ask("room_ui", room=room, viewer=viewer)
        for number, ui in enumerate(several)
    ]


def _entry(plugin: str, number: int, ui: RoomUi, room: Room, locale: str) -> dict[str, Any]:
    built = f"plugins/{plugin}/room"
    styles = [static_url(plugin, path) for path in ui.css]
    return {
        "id": f"{plugin}-{number}" if number else plugin,
        "name": str(plugins.loaded[plugin].manifest.title),
        "module": static_url(plugin, ui.module) if ui.module else assets().url(built),
        "css": styles if ui.module else [*assets().css(built), *styles],
        "api": room_api(plugin, room.public_id),
        "apiVersion": ui.api_version,
        "config": dict(ui.config),
        "notice": ui.notice,
        "strings": messages_for_browser(locale, under=f"plugins/{plugin}/ui"),
    }
