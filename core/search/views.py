"""The page on which somebody looks through all their lectures."""

from __future__ import annotations

from functools import cache
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import login_required
from sqlalchemy.orm import load_only

from core.db import db
from core.http.callers import me
from core.http.forms import Form
from core.http.views import limited
from core.lectures.access import Reader, readable_by
from core.lectures.listing import read_cursor
from core.lectures.models import Lecture
from core.people.models import User
from core.rooms.models import Room
from core.search.finding import Answer, Asked, search
from core.search.words import LONGEST_QUERY, Query, read

bp = Blueprint("search", __name__)
FIELDS = ("q", "speaker", "room", "since", "until")
LONGEST_NAME = 100
MOST_ROOMS = 200


@bp.get("/search")
@login_required
def page() -> ResponseReturnValue:
    """Who said what when, in all lectures that the caller may read."""
    form = Form({name: request.args.get(name, "") for name in FIELDS})
    rooms = _rooms(me())
    asked = _asked(form, rooms)
    answer = None
    if asked is not None:
        take()
        answer = search(me(), asked)
    body = render_template(
        "search.html", form=form, rooms=rooms, answer=answer, next_page=_next_page, longest=LONGEST_QUERY
    )
    return body, 200 if form.ok else form.status


take = limited(page, "120/minute")


def _rooms(user: User) -> list[Room]:
    """The rooms that have something to find."""
    return list(db.session.scalars(_with_something(user.is_admin), {"reader": user.id}))


@cache
def _with_something(is_admin: bool) -> sa.Select[Room]:
    # Built once: that takes longer than the answer.
    reader = Reader(sa.bindparam("reader", type_=sa.BigInteger), is_admin)
    return (
        sa.select(Room)
        .where(sa.exists().where(Lecture.room_id == Room.id, readable_by(reader)))
        .order_by(Room.title, Room.id)
        .limit(MOST_ROOMS)
        .options(load_only(Room.public_id, Room.title))
    )


def _asked(form: Form, rooms: list[Room]) -> Asked | None:
    """What the form asks for; None when it asks for nothing, or something is wrong with it."""
    query, speaker = _query(form), form.value("speaker").strip()
    if len(speaker) > LONGEST_NAME:
        form.fail("speaker", _("Please use at most %(limit)s characters.", limit=LONGEST_NAME))
    wanted = form.value("room")
    room = next((one for one in rooms if one.public_id == wanted), None)
    if wanted and room is None:
        form.fail("room", _("There is no such room. Choose one of these."))
    since, until = form.days(_("Please choose a day."), _("This day is before the first one."))
    if not form.ok or (query is None and not speaker):
        return None
    return Asked(query, speaker, room, since, until, read_cursor(request.args.get("before", "")))


def _query(form: Form) -> Query | None:
    try:
        return read(form.value("q"))
    except ValueError as error:
        form.fail("q", str(error))
        return None


def _next_page(answer: Answer) -> str:
    """The address of what comes after."""
    kept = {name: request.args[name] for name in FIELDS if request.args.get(name)}
    return f"/search?{urlencode({**kept, 'before': answer.more})}"
