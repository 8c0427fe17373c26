"""Who has an account: found, looked at, given and taken rights."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core import order
from core.admin.menu import done, first, show
from core.db import db
from core.errors import Refusal
from core.http.callers import me
from core.http.forms import Form
from core.lectures.models import Lecture, Participant
from core.lists import Order, Part, given, has_words
from core.people import accounts, limits
from core.people.again import ask_again
from core.people.models import PersonErasure, PersonExport, User
from core.people.sessions import admin_required
from core.rooms.models import Room, RoomHost

bp = Blueprint("admin_people", __name__)
PAGE = "/admin/people"
LONGEST_TEXT = 100
Choices = dict[str, Any]
MOST_ROOMS = 20
NAMES = ("text", "role", "state")
ROLES = {
    "": _l("Everybody"),
    "admin": _l("Administrators"),
    "host": _l("Hosts of rooms"),
    "none": _l("Others"),
}
STATES = {"": _l("Any state"), "active": _l("Can sign in"), "disabled": _l("Disabled")}
BY_NAME = Order(sa.func.lower(User.name, type_=sa.Text), User.id)


@bp.get("/admin")
@admin_required
def admin() -> ResponseReturnValue:
    """The first of the admin pages."""
    return redirect(first())


@bp.get(PAGE)
@admin_required
def page() -> ResponseReturnValue:
    """All accounts, by name."""
    filters = given(NAMES, LONGEST_TEXT)
    return show("people", part=find(filters, request.args), filters=filters, roles=ROLES, states=STATES)


def find(filters: dict[str, str], place: Any) -> Part:
    """Accounts that fit, each with how many rooms it owns; one statement. Unknown choices are none."""
    rooms = sa.select(sa.func.count()).where(Room.owner_id == User.id).correlate(User).scalar_subquery()
    query = sa.select(User, rooms.label("rooms")).where(*_wanted(filters))
    return BY_NAME.part(query, place)


def _wanted(filters: dict[str, str]) -> list[sa.ColumnElement[bool]]:
    found = has_words(filters["text"], User.name, User.email)
    hosts = User.id.in_(sa.select(Room.owner_id).union(sa.select(RoomHost.user_id)))
    roles: Choices = {"admin": User.is_admin, "host": hosts, "none": sa.and_(~User.is_admin, ~hosts)}
    states: Choices = {"active": User.disabled_at.is_(None), "disabled": User.disabled_at.is_not(None)}
    chosen = ((roles, filters["role"]), (states, filters["state"]))
    found += [choices[name] for choices, name in chosen if name in choices]
    return found


# --- one of them ------------------------------------------------------------------------


@bp.get(f"{PAGE}/<public_id>")
@admin_required
def person(public_id: str) -> ResponseReturnValue:
    """What there is to know of an account, and what can be done about it."""
    return _show(find_account(public_id))


@bp.post(f"{PAGE}/<public_id>/role")
@admin_required
def change_role(public_id: str) -> ResponseReturnValue:
    """Make somebody an administrator, which takes one's own password again, or take it away."""
    user, form = find_account(public_id), Form(request.form)
    wanted = form.has("is_admin")
    if wanted:
        ask_again(form, me())
    if not form.ok:
        return _show(user, form)
    accounts.set_admin(user, wanted, by=me())
    db.session.commit()
    if wanted:
        return done(account_page(user), _("%(name)s is an administrator now.", name=user.name))
    return done(account_page(user), _("%(name)s is no administrator any more.", name=user.name))


@bp.post(f"{PAGE}/<public_id>/disable")
@admin_required
def disable(public_id: str) -> ResponseReturnValue:
    """Every session ends, and there is no new one; what they made stays."""
    user = find_account(public_id)
    lectures = accounts.disable(user, by=me())
    db.session.commit()
    for lecture in lectures:
        order.keep(lecture)
    words = _("%(name)s is signed out everywhere and can’t sign in any more.", name=user.name)
    return done(account_page(user), words)


@bp.post(f"{PAGE}/<public_id>/enable")
@admin_required
def enable(public_id: str) -> ResponseReturnValue:
    """They can sign in again, with the password they had."""
    user = find_account(public_id)
    accounts.enable(user, by=me())
    db.session.commit()
    return done(account_page(user), _("%(name)s can sign in again.", name=user.name))


@bp.post(f"{PAGE}/<public_id>/sign-out")
@admin_required
def sign_out(public_id: str) -> ResponseReturnValue:
    """End all their sessions, for a laptop that was lost."""
    user = find_account(public_id)
    accounts.sign_out_everywhere(user, by=me())
    db.session.commit()
    return done(account_page(user), _("%(name)s is signed out everywhere.", name=user.name))


@bp.post(f"{PAGE}/<public_id>/reset")
@admin_required
def send_reset(public_id: str) -> ResponseReturnValue:
    """Send a link for a new password to the account's address."""
    user = find_account(public_id)
    limits.MAILS_TO.take(user.email)
    accounts.send_reset(user, by=me())
    db.session.commit()
    return done(account_page(user), _("A link for a new password goes to %(email)s.", email=user.email))


def find_account(public_id: str) -> User:
    """The account of a page, or a 404."""
    found = db.session.scalar(sa.select(User).where(User.public_id == public_id))
    if found is None:
        raise Refusal(404, _("There is no such account. It may have been deleted."), code="not_found")
    return found


def account_page(user: User) -> str:
    """Where the page about an account stands."""
    return f"{PAGE}/{user.public_id}"


def _show(user: User, form: Form | None = None) -> ResponseReturnValue:
    rooms = sa.select(Room).where(Room.owner_id == user.id).order_by(Room.title, Room.id)
    counts = sa.select(
        sa.select(sa.func.count()).where(Lecture.started_by_id == user.id).scalar_subquery(),
        sa.select(sa.func.count()).where(Participant.user_id == user.id).scalar_subquery(),
    )
    gave, took_part = db.session.execute(counts).one()
    found = db.session.scalars(rooms.limit(MOST_ROOMS + 1)).all()
    form = form or Form()
    about = {"person": user, "form": form, "given": gave, "took_part": took_part, **_data_of(user)}
    shown, has_more = found[:MOST_ROOMS], len(found) > MOST_ROOMS
    return show("person", 200 if form.ok else form.status, **about, rooms=shown, has_more_rooms=has_more)


def _data_of(user: User) -> dict[str, Any]:
    """Copies of their data that I have asked for, the newest first, and whether they are being deleted."""
    mine = sa.and_(PersonExport.user_id == User.id, PersonExport.asked_by_id == me().id)
    query = sa.select(PersonErasure, PersonExport).select_from(User).where(User.id == user.id)
    query = query.outerjoin(PersonErasure, PersonErasure.user_id == User.id).outerjoin(PersonExport, mine)
    rows = db.session.execute(query.order_by(PersonExport.id.desc())).all()
    return {"erasure": rows[0][0] if rows else None, "copies": [copy for _one, copy in rows if copy]}
