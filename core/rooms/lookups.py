"""From a typed code to its room, so that nobody finds rooms by guessing."""

from __future__ import annotations

from flask_babel import gettext as _

from core.contracts import Role
from core.errors import Refusal
from core.http.callers import viewer_in_room
from core.http.security import client_address
from core.http.tries import Tries
from core.rooms import rooms
from core.rooms.models import Room

# Only misses count: a lecture hall behind one address opens its link three hundred times at nine.
# Misses that run in parallel may pass together; against 40 bits that is nothing.
MISSES = Tries("room_code", "120 per minute")


def find(typed: str) -> Room:
    """The room of that code; 404 where there is none, 429 for an address that guesses.

    While an address is shut out, people whom the room knows still find it.
    """
    room = rooms.by_code(typed)
    if room is None:
        MISSES.take(client_address())
        raise Refusal(
            404, _("There is no room with this code. Check it, or ask whoever sent it."), code="no_room"
        )
    try:
        MISSES.check(client_address())
    except Refusal:
        if viewer_in_room(room).role is Role.STRANGER:
            raise
    return room
