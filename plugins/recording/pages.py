"""The page on which hosts edit a recording."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from core.api import HOSTS, Lecture, here, page, plugin_page, scoped, show_what_storages_hand_out

site = Blueprint("recording_site", __name__)


@site.get("/rooms/<room_id>/lectures/<lecture_public_id>")
@page(roles=HOSTS)
def edit(lecture_public_id: str) -> ResponseReturnValue:
    """Passages to be cut out, and chapters."""
    lecture = scoped(here.room, Lecture, lecture_public_id)
    show_what_storages_hand_out()
    config = plugin_page(here.room, "recording", lecture)
    return render_template("recording/edit.html", room=here.room, lecture=lecture, config=config)
