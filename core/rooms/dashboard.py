"""The dashboard's live part: which of somebody's rooms are live, and how many are inside."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask
from flask_babel import format_time, ngettext
from flask_babel import gettext as _
from simple_websocket import Server

from core.http import sockets
from core.http.callers import signed_in
from core.rooms import rooms
from core.rooms.rooms import Card

bp = Blueprint("dashboard", __name__)


def init_app(app: Flask) -> None:
    """Give templates the same words as the socket has."""
    app.jinja_env.globals.update(people_words=people_words, since_words=since_words)


@sockets.sock.route("/ws/dashboard", bp=bp)
def socket(made: Server) -> None:
    """Every change of the caller's live rooms, as it happens."""
    user = signed_in()
    if user is None:
        return sockets.close(made, sockets.Closed.NOT_ALLOWED)
    topics = [f"dashboard:{user.id}", f"user:{user.id}"]
    return sockets.hold(made, f"dashboard:{user.id}", topics, state)


def state() -> dict[str, Any] | None:
    """What the page has to know; None for somebody who isn't signed in any more."""
    user = signed_in()
    if user is None:
        return None
    return {"live": [_shown(card) for card in rooms.live_cards(user.id)]}


def people_words(count: int) -> str:
    """How many are inside, in words."""
    return ngettext("%(num)s person", "%(num)s people", count)


def since_words(card: Card) -> str:
    """When the running lecture began."""
    return _("since %(time)s", time=format_time(card.started_at, "HH:mm"))


def _shown(card: Card) -> dict[str, Any]:
    return {
        "id": card.room.public_id,
        "title": card.room.title,
        "url": f"/r/{card.room.code}",
        "people": people_words(card.people),
        "since": since_words(card),
    }
