"""The pages of lectures: the list, and what remains of one."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from core.contracts import Role, Viewer
from core.db import now
from core.engine import offers
from core.exports.packing import kind_of
from core.http.callers import viewer_in_lecture
from core.http.problems import no_lecture, no_room
from core.http.views import find_lecture
from core.lectures import listing
from core.lectures.models import Lecture
from core.lectures.sections import duration, sections_for
from core.rooms.models import Room
from core.rooms.rooms import by_public_id
from core.rooms.settings import settings_of
from core.rooms.views import me, page_number
from core.text import clock

bp = Blueprint("lectures", __name__)
STILL_MADE = timedelta(hours=1)


def init_app(app: Flask) -> None:
    """What templates need to show a section."""
    app.jinja_env.filters.update(clock=clock, filesize=filesize, duration=duration)
    app.jinja_env.globals["section_shape"] = kind_of


@bp.get("/lectures")
@login_required
def all_lectures() -> ResponseReturnValue:
    """Every lecture that the caller may read, newest first."""
    room = _filter_room()
    page = listing.readable(me(), room=room, page=page_number())
    return render_template("lectures/list.html", page=page, room=room)


def _filter_room() -> Room | None:
    asked = request.args.get("room", "")
    found = by_public_id(asked, me().id) if asked else None
    if asked and found is None:
        raise no_room()
    return found


@bp.get("/lectures/<lecture_id>")
def show(lecture_id: str) -> ResponseReturnValue:
    """What remains of a lecture, for its hosts, admins and, if the room says so, its participants."""
    lecture = find_lecture(lecture_id)
    viewer = reader_of(lecture)
    sections = sections_for(lecture, viewer)
    if "HX-Request" in request.headers:
        return render_template("lectures/_parts.html", sections=sections)
    return render_template(
        "lectures/lecture.html",
        lecture=lecture,
        room=lecture.room,
        sections=sections,
        viewer=viewer,
        listens=_listens(lecture, viewer),
        has_ways_out=bool(offers.exporters()) and not lecture.is_live,
        length=((lecture.ended_at or now()) - lecture.started_at).total_seconds(),
    )


def _listens(lecture: Lecture, viewer: Viewer) -> bool:
    """Whether the page hears of changes: while something may still be made, or a host works on it."""
    return viewer.is_host or lecture.ended_at is None or lecture.ended_at > now() - STILL_MADE


def reader_of(lecture: Lecture) -> Viewer:
    """The caller, who may read the lecture; a 404 for everybody else."""
    viewer = viewer_in_lecture(lecture)
    if not may_read(lecture, viewer):
        raise no_lecture()
    return viewer


def may_read(lecture: Lecture, viewer: Viewer) -> bool:
    """Hosts and admins always; participants if the room lets them."""
    if viewer.role in (Role.HOST, Role.ADMIN):
        return True
    return viewer.role is Role.PARTICIPANT and settings_of(lecture.room).participants_read


def filesize(size: int) -> str:
    """Bytes as people read them."""
    amount = float(size)
    for unit in ("B", "KB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
