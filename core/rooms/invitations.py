"""How a room is handed on: its link, its QR code, the text for a mail."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import segno
from flask_babel import gettext as _
from markupsafe import Markup

from core.config import config
from core.engine import room_plugins
from core.rooms.models import Room

SVG: dict[str, Any] = {
    "kind": "svg",
    "xmldecl": False,
    "svgns": True,
    "nl": False,
    "omitsize": True,
    "border": 4,
    "light": "#fff",
    "dark": "#000",
    "svgclass": "qr",
    "lineclass": None,
}


@dataclass(frozen=True)
class Mail:
    """An invitation as plain text."""

    subject: str
    body: str


def link(room: Room) -> str:
    """The room's full address."""
    return f"{config().address}/r/{room.code}"


def mail(room: Room) -> Mail:
    """What a host pastes into a mail."""
    body = _(
        "You are invited to “%(title)s”.\n\n"
        "Open this link in a browser, type your name, and join:\n%(link)s\n\n"
        "Or go to %(site)s and type the code %(code)s.\n"
        "Nothing has to be installed.",
        title=room.title,
        link=link(room),
        site=config().address,
        code=room.code,
    )
    return Mail(_("Invitation: %(title)s", title=room.title), body)


def qr_code(room: Room) -> Markup:
    """The link as an SVG that fits into a page: no style, no width, dark on light in both themes."""
    out = BytesIO()
    segno.make(link(room), error="m", micro=False).save(out, **SVG)
    # Made of numbers alone: nothing that somebody typed is in it.
    return Markup(out.getvalue().decode())  # noqa: S704


def shut_because(room: Room) -> str:
    """Why nobody but hosts gets in, and what to do, in words for a host; empty while people do."""
    missing = room_plugins.missing_guards(room)
    if not missing:
        return ""
    return _(
        "Nobody but hosts can enter: this room is kept by %(plugins)s, which this installation has "
        "switched off. Ask your administrator to switch it on, or to release its rooms.",
        plugins=", ".join(missing),
    )
