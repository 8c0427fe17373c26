"""The pages of lectures: the list, and what remains of one."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from flask import Blueprint, Flask, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from core.contracts import Viewer
from core.db import now
from core.engine import offers
from core.errors import Refusal
from core.http import security
from core.http.callers import me, signed_in
from core.http.forms import Form
from core.http.pages import growing
from core.http.views import find_lecture
from core.lectures import archive, changes, films, trash
from core.lectures.access import is_granted, reader_of
from core.lectures.models import Lecture
from core.lectures.parts import FIRST_LINES, page_of, words
from core.lectures.sections import duration
from core.retention import notices
from core.text import clock, file_size, moment

bp = Blueprint("lectures", __name__)
STILL_MADE = timedelta(hours=1)


def init_app(app: Flask) -> None:
    """What templates need to show a section."""
    app.jinja_env.filters.update(clock=clock, moment=moment, filesize=file_size, duration=duration)
    app.jinja_env.filters.update(film_told=films.told, language_name=films.language)


@bp.get("/lectures")
@login_required
def all_lectures() -> ResponseReturnValue:
    """Every lecture that the caller may read, newest first, as the filters say."""
    user, form = me(), Form(request.args.to_dict())
    filters = archive.read(form, user)
    set_filters = {name for name in archive.NAMES if form.value(name)}
    before, after = request.args.get("before", ""), request.args.get("after", "")
    made = render_template(
        "lectures/list.html",
        form=form,
        part=archive.find(user, filters, before=before, after=after) if form.ok else archive.Part([]),
        room=filters.room,
        rooms=archive.rooms(user, form, filters.room),
        whose=archive.whose(user),
        states=archive.STATES,
        is_filtered=bool(set_filters),
        is_one_room=set_filters == {"room"},
        has_deleted=trash.has_any(user),
        place_address=_place_address,
    )
    return make_response(made, 200 if form.ok else form.status)


def _place_address(**place: str) -> str:
    """This list's address at another place, its filters kept."""
    kept = {name: value for name in archive.NAMES if (value := request.args.get(name, ""))}
    return f"/lectures?{urlencode({**kept, **place})}"


@bp.get("/lectures/<lecture_id>")
def show(lecture_id: str) -> ResponseReturnValue:
    """What remains of a lecture, for its hosts, admins and, if the room says so, its participants."""
    try:
        lecture = find_lecture(lecture_id)
    except Refusal:
        if _is_in_the_trash(lecture_id):
            return redirect("/lectures/deleted")
        raise
    viewer = reader_of(lecture)
    # Also where there is no film: it may come while the page is open.
    security.show_what_storages_hand_out()
    lines = None if "all" in request.args else FIRST_LINES
    made = growing(
        "lectures/lecture.html",
        lecture=lecture,
        room=lecture.room,
        page_of=lambda: page_of(lecture, viewer, lines=lines),
        words=words(),
        viewer=viewer,
        going_of=lambda: notices.going(lecture) if viewer.sees_hosts_part else (),
        listens=_listens(lecture, viewer),
        has_ways_out=bool(offers.exporters()) and not lecture.is_live and is_granted(lecture, viewer),
        **changes.actions(lecture, viewer),
    )
    made.headers["X-Robots-Tag"] = "noindex"
    return made


def _is_in_the_trash(lecture_id: str) -> bool:
    """Whether those who may bring it back look at it."""
    user = signed_in()
    found = trash.find(lecture_id, user) if user is not None else None
    return found is not None and found.deleted_at is not None


def _listens(lecture: Lecture, viewer: Viewer) -> bool:
    """Whether the page hears of changes: while something may still be made, or a host works on it."""
    return viewer.is_host or lecture.ended_at is None or lecture.ended_at > now() - STILL_MADE
