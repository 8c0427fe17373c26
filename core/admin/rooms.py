"""All rooms of the institution: whose they are, what they hold, closed and handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import contains_eager

from core import order
from core.admin import violations
from core.admin.menu import done, show
from core.db import db
from core.errors import Refusal
from core.files.models import BYTES, IS_KEPT, StoredFile
from core.http.callers import me
from core.http.forms import Form
from core.lectures.models import Lecture
from core.lists import Order, Part, given, has_words
from core.people.models import User
from core.people.sessions import admin_required
from core.rooms import codes, hosts, rooms
from core.rooms.models import Room

bp = Blueprint("admin_rooms", __name__)
PAGE = "/admin/rooms"
LONGEST_TEXT = 100
NAMES = ("text", "state")
STATES = {
    "": _l("Any state"),
    "live": _l("Live now"),
    "open": _l("Open"),
    "archived": _l("Archived"),
    "against": _l("Against the rules"),
}
BY_TITLE = Order(sa.func.lower(Room.title, type_=sa.Text), Room.id)


@dataclass(frozen=True)
class Kept:
    """What a plugin keeps of a room's lectures in the file storage; bytes."""

    plugin: str
    files: int
    size: int


@bp.get(PAGE)
@admin_required
def page() -> ResponseReturnValue:
    """All rooms, by title."""
    filters = given(NAMES, LONGEST_TEXT)
    size = db.session.scalar(_size())
    return show("rooms", part=find(filters, request.args), filters=filters, states=STATES, size=size)


def find(filters: Mapping[str, str], place: Mapping[str, str]) -> Part:
    """Rooms that fit, by one statement.

    Each with its lectures, when the last began, bytes, and whether it is live, and against the rules.
    """
    lectures = sa.select(sa.func.count()).where(Lecture.room_id == Room.id, Lecture.deleted_at.is_(None))
    last = sa.select(sa.func.max(Lecture.started_at)).where(Lecture.room_id == Room.id)
    against = violations.is_against()
    columns = {"lectures": lectures, "last": last, "size": _size().where(StoredFile.room_id == Room.id)}
    query = (
        sa.select(Room, *(one.correlate(Room).scalar_subquery().label(name) for name, one in columns.items()))
        .add_columns(_is_live().label("is_live"), against.label("is_against"))
        .join(Room.owner)
        .options(contains_eager(Room.owner))
        .where(*_wanted(filters, against))
    )
    return BY_TITLE.part(query, place)


def _size() -> sa.Select[Any]:
    return sa.select(BYTES).where(IS_KEPT)


def _is_live() -> sa.ColumnElement[bool]:
    return sa.exists().where(Lecture.room_id == Room.id, Lecture.ended_at.is_(None)).correlate(Room)


def _wanted(filters: Mapping[str, str], against: sa.ColumnElement[bool]) -> list[sa.ColumnElement[bool]]:
    code = codes.read(filters["text"])
    by_words = has_words(filters["text"], Room.title, User.name, User.email)
    found = [Room.code == code] if code else by_words
    is_open = Room.archived_at.is_(None)
    states = {"live": _is_live(), "open": is_open, "archived": ~is_open, "against": against}
    return [*found, *(states[name] for name in [filters["state"]] if name in states)]


# --- one of them ------------------------------------------------------------------------


@bp.get(f"{PAGE}/<public_id>")
@admin_required
def room(public_id: str) -> ResponseReturnValue:
    """What there is to know of a room, and what can be done about it."""
    return _show(_find(public_id))


@bp.post(f"{PAGE}/<public_id>/owner")
@admin_required
def change_owner(public_id: str) -> ResponseReturnValue:
    """Hand a room over, for whoever has left the institution."""
    found, form = _find(public_id), Form(request.form)
    try:
        owner = hosts.change_owner(found, form.value("email"), form.has("stays"), by=me())
    except Refusal as refusal:
        form.fail("email", refusal.detail)
        form.status = refusal.status
        return _show(found, form)
    order.settle(found)
    return done(_address(found), _("The room belongs to %(name)s now.", name=owner.name))


@bp.post(f"{PAGE}/<public_id>/archive")
@admin_required
def archive(public_id: str) -> ResponseReturnValue:
    """Close its door; its lectures stay readable."""
    found = _find(public_id)
    rooms.archive(found, by=me())
    db.session.commit()
    return done(_address(found), _("The room is archived: nobody can come in any more."))


@bp.post(f"{PAGE}/<public_id>/unarchive")
@admin_required
def unarchive(public_id: str) -> ResponseReturnValue:
    """Open it again, with the same link."""
    found = _find(public_id)
    rooms.unarchive(found, by=me())
    db.session.commit()
    return done(_address(found), _("The room is open again."))


def _find(public_id: str) -> Room:
    query = sa.select(Room).join(Room.owner).options(contains_eager(Room.owner))
    found = db.session.scalar(query.where(Room.public_id == public_id))
    if found is None:
        raise Refusal(404, _("There is no such room. It may have been deleted."), code="not_found")
    return found


def _address(found: Room) -> str:
    return f"{PAGE}/{found.public_id}"


def _show(found: Room, form: Form | None = None) -> ResponseReturnValue:
    form = form or Form(stays="1")
    counts = sa.select(sa.func.count(), sa.func.max(Lecture.started_at)).where(
        Lecture.room_id == found.id, Lecture.deleted_at.is_(None)
    )
    lectures, last = db.session.execute(counts).one()
    about = {"room": found, "form": form, "lectures": lectures, "last": last, "kept": _kept(found)}
    about["against"] = violations.of(found)
    return show("room", 200 if form.ok else form.status, **about, co_hosts=hosts.co_hosts(found))


def _kept(found: Room) -> Sequence[Kept]:
    query = (
        sa.select(StoredFile.plugin, sa.func.count(), BYTES)
        .where(StoredFile.room_id == found.id, IS_KEPT)
        .group_by(StoredFile.plugin)
        .order_by(BYTES.desc())
    )
    return [Kept(*row) for row in db.session.execute(query)]
