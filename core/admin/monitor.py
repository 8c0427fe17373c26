"""The live monitor: all running lectures as they change, and a look into one; never at its content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import format_datetime, ngettext
from flask_babel import gettext as _
from livekit.protocol import models
from simple_websocket import Server
from sqlalchemy.orm import contains_eager

from core import audit, order
from core.admin.menu import done, show
from core.bus import LIVE
from core.contracts import LiveSign, Role
from core.db import db
from core.engine.plugins import plugins
from core.errors import LiveKitDown, LiveKitError, Refusal
from core.http import sockets
from core.http.callers import me, signed_in
from core.http.forms import Form
from core.http.tries import Tries
from core.http.views import ViewSpec
from core.lectures import lectures
from core.lectures.models import Lecture, Participant
from core.livekit import presence
from core.livekit.client import livekit
from core.models import Waiting
from core.people.models import User
from core.people.sessions import admin_required
from core.rooms import hosts
from core.rooms.models import Room
from core.text import clean_message

bp = Blueprint("admin_monitor", __name__)
PAGE = "/admin/live"
MOST_LECTURES = 500
MOST_PEOPLE = 500
LONGEST_MESSAGE = 500
MESSAGES = Tries("live-message", "30 per 10 minute")
REMOVALS = Tries("live-remove", "120 per minute")
CLOSINGS = Tries("live-close", "60 per minute")
SOURCES = {
    models.TrackSource.MICROPHONE: "microphone",
    models.TrackSource.CAMERA: "camera",
    models.TrackSource.SCREEN_SHARE: "screen",
}
_SOCKET = ViewSpec(frozenset({Role.ADMIN}), None, None, None, 101, "The running lectures.", sockets.OPENINGS)


# --- all of them ------------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    """A lecture that runs: how many are connected, how many wait, and whether an agent is inside.

    ``weak``: how many say that their connection is. ``signs``: what plugins say of it. ``node``: the LiveKit
    server on which it runs, where there are several.
    """

    id: str
    started_at: datetime
    title: str
    host: str
    people: int
    waiting: int
    weak: int
    node: str = field(kw_only=True)
    has_agent: bool = field(kw_only=True)
    signs: tuple[LiveSign, ...] = field(kw_only=True)


@bp.get(PAGE)
@admin_required
def page() -> ResponseReturnValue:
    """All running lectures, the newest first."""
    found = running()
    return show("live", rows=shown(found), total=total(found), most=MOST_LECTURES)


def running() -> list[Running]:
    """At most ``MOST_LECTURES``; two statements and one of each plugin that says something, however many."""
    with_agents = presence.with_agents()
    count = sa.func.count()
    inside = (
        sa.select(count.label("people"), count.filter(Participant.quality != "").label("weak"))
        .where(Participant.lecture_id == Lecture.id, Participant.present_since.is_not(None))
        .lateral()
    )
    before_the_door = (Waiting.room_id == Lecture.room_id, Waiting.left_at.is_(None))
    waiting = sa.select(count).select_from(Waiting).where(*before_the_door).scalar_subquery()
    query = (
        sa.select(
            Lecture.id,
            Lecture.node,
            Lecture.public_id,
            Lecture.started_at,
            Room.title,
            User.name,
            inside.c.people,
            waiting,
            inside.c.weak,
        )
        .select_from(Lecture)
        .join(inside, sa.true())
        .join(Room, Room.id == Lecture.room_id)
        .join(User, User.id == Room.owner_id)
        .where(Lecture.ended_at.is_(None))
        .order_by(Lecture.started_at.desc(), Lecture.id.desc())
    )
    rows = db.session.execute(query.limit(MOST_LECTURES)).all()
    said = signs([row.id for row in rows])
    is_one_node = len({row.node for row in rows} - {""}) < 2
    return [
        Running(
            *row[2:],
            node="" if is_one_node else row.node,
            has_agent=row.public_id in with_agents,
            signs=said.get(row.id, ()),
        )
        for row in rows
    ]


def signs(lecture_ids: Sequence[int]) -> dict[int, tuple[LiveSign, ...]]:
    """What plugins say of running lectures, trouble first, then by the plugin's place."""
    found: dict[int, list[LiveSign]] = {}
    for _plugin, answers in plugins.ask("live_signs", lecture_ids=lecture_ids) if lecture_ids else ():
        for lecture_id, sign in answers.items():
            found.setdefault(lecture_id, []).append(sign)
    for several in found.values():
        several.sort(key=lambda sign: not sign.is_trouble)
    return {lecture_id: tuple(several) for lecture_id, several in found.items()}


def shown(found: Iterable[Running]) -> list[dict[str, Any]]:
    """Lines of the list, as the page and its socket have them; ``at`` is what they are ordered by."""
    pattern, inside = _("d MMM y, HH:mm"), _("Assistant inside")
    # Lectures begin at the same minutes: a moment costs more than all else of a line.
    when = cache(lambda minute: format_datetime(minute, pattern))
    return [_line(one, when(one.started_at.replace(second=0, microsecond=0)), inside) for one in found]


def _line(one: Running, since: str, inside: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "at": int(one.started_at.timestamp() * 1000),
        "title": one.title,
        "host": one.host,
        "people": str(one.people),
        "waiting": str(one.waiting),
        "since": since,
        "agent": inside if one.has_agent else "",
        "signs": [[sign.words, sign.is_trouble] for sign in one.signs],
        "weak": weak_words(one.weak),
        "node": one.node,
    }


def weak_words(count: int) -> str:
    """How many connections are weak; nothing where none is."""
    return ngettext("%(num)s weak connection", "%(num)s weak connections", count) if count else ""


def total(found: Sequence[Running]) -> str:
    """All of them in words."""
    people = sum(one.people for one in found)
    return " · ".join(
        (
            ngettext("%(num)s lecture", "%(num)s lectures", len(found)),
            ngettext("%(num)s person", "%(num)s people", people),
        )
    )


@sockets.sock.route("/ws/live", bp=sockets.Checked(bp, _SOCKET))
def socket(made: Server) -> None:
    """Every change of the running lectures, as it happens."""
    user = signed_in()
    if user is None:
        return sockets.close(made, sockets.Closed.NOT_ALLOWED)
    return sockets.hold(made, f"live:{user.id}", [LIVE, f"user:{user.id}"], News())


class News:
    """What one socket hasn't been told yet; first everything, then what has changed."""

    def __init__(self) -> None:
        self._told: dict[str, Running] | None = None

    def __call__(self) -> dict[str, Any] | None:
        """None for somebody who is no administrator any more."""
        user = signed_in()
        if user is None or not user.is_admin:
            return None
        found = running()
        now_there = {one.id: one for one in found}
        told, self._told = self._told, now_there
        before = told or {}
        return {
            "all": told is None,
            "rows": shown(one for one in found if before.get(one.id) != one),
            "gone": [key for key in before if key not in now_there],
            "total": total(found),
        }


# --- a look into one --------------------------------------------------------------------


@dataclass(frozen=True)
class Inside:
    """Somebody who is admitted. ``sends`` is what LiveKit has of them now, ``region`` where its node is."""

    row: Participant
    is_connected: bool
    sends: frozenset[str]
    region: str


@bp.get(f"{PAGE}/<lecture_id>")
@admin_required
def lecture(lecture_id: str) -> ResponseReturnValue:
    """Who is in a lecture, and what can be done about it."""
    found = _find(lecture_id)
    if not found.is_live:
        flash(_("This lecture has ended."), "warn")
        return redirect(PAGE)
    return _show(found)


@bp.get(f"{PAGE}/<lecture_id>/now")
@admin_required
def facts(lecture_id: str) -> ResponseReturnValue:
    """The part of the page that changes; nothing once the lecture has ended, which the socket tells."""
    found = _find(lecture_id)
    return show("_live_facts", **_about(found)) if found.is_live else ("", 204)


@bp.post(f"{PAGE}/<lecture_id>/close")
@admin_required
def close(lecture_id: str) -> ResponseReturnValue:
    """End it for everybody."""
    found = _running(lecture_id)
    CLOSINGS.take(str(me().id))
    title = found.room.title
    lectures.end(found, reason="admin", by=me())
    if found.closed_at is None:
        words = _("“%(title)s” is over, and nobody can come in any more. The media server can’t be reached: "
                  "people who are inside are disconnected as soon as it is back.", title=title)  # fmt: skip
        return done(PAGE, words, "warn")
    return done(PAGE, _("“%(title)s” is closed.", title=title))


@bp.post(f"{PAGE}/<lecture_id>/people/<public_id>/remove")
@admin_required
def remove(lecture_id: str, public_id: str) -> ResponseReturnValue:
    """Put somebody out; they may come back through the door."""
    found = _running(lecture_id)
    REMOVALS.take(str(me().id))
    order.lock(found)
    db.session.refresh(found)
    _must_run(found)
    person = _person(found, public_id)
    if person is None:
        return _done(found, _("This person isn’t in the lecture any more."))
    name = person.name
    order.remove([person])
    _record("remove_person", found, target=name)
    db.session.commit()
    if order.keep(found).failed:
        words = _("%(name)s can’t come in any more with what they have. The media server can’t be reached: "
                  "they are put out as soon as it is back.", name=name)  # fmt: skip
        return _done(found, words, "warn")
    return _done(found, _("%(name)s was removed.", name=name))


@bp.post(f"{PAGE}/<lecture_id>/message")
@admin_required
def send_message(lecture_id: str) -> ResponseReturnValue:
    """Tell the hosts who are connected; nothing of it is kept."""
    found, form = _running(lecture_id), Form(request.form)
    text = form.clean("text", _message)
    if form.ok:
        try:
            MESSAGES.take(str(me().id))
            count = _tell_hosts(found, text)
        except Refusal as refusal:
            form.refuse(refusal)
    if not form.ok:
        return _show(found, form)
    audit.record("lecture.message_hosts", actor=me(), room_id=found.room_id, lecture_id=found.id, hosts=count)
    db.session.commit()
    return _done(found, ngettext("%(num)s host got the message.", "%(num)s hosts got the message.", count))


def _message(typed: str) -> str:
    return clean_message(typed, LONGEST_MESSAGE)


def _tell_hosts(found: Lecture, text: str) -> int:
    """How many hosts have it; a ``Refusal`` when nobody can."""
    listed = _listed(found)
    if listed is None:
        raise _media_down()
    here = {identity for identity, info in listed.items() if presence.is_present(info)}
    to = [person for person in order.people_in(found) if person.is_host and person.identity in here]
    # Without names it would go to everybody.
    if not to:
        raise Refusal(409, _("No host is in the lecture at the moment: nobody was told."), code="no_host")
    if not order.tell(found, order.ROOM_TOPIC, {"message": text}, to=to):
        raise _media_down()
    return len(to)


def _media_down() -> Refusal:
    words = _("The media server can’t be reached: nobody was told. Please try again in a moment.")
    return Refusal(503, words, code="livekit_down")


def _find(public_id: str) -> Lecture:
    query = (
        sa.select(Lecture)
        .join(Lecture.room)
        .join(Room.owner)
        .options(contains_eager(Lecture.room).contains_eager(Room.owner))
        .where(Lecture.public_id == public_id, Lecture.deleted_at.is_(None))
    )
    found = db.session.scalar(query)
    if found is None:
        raise Refusal(404, _("There is no such lecture. It may have been deleted."), code="not_found")
    return found


def _running(public_id: str) -> Lecture:
    found = _find(public_id)
    _must_run(found)
    return found


def _must_run(found: Lecture) -> None:
    if not found.is_live:
        raise Refusal(
            409, _("This lecture has ended meanwhile. There is nothing left to do."), code="not_live"
        )


def _person(found: Lecture, public_id: str) -> Participant | None:
    mine = (Participant.lecture_id == found.id, Participant.removed_at.is_(None))
    return db.session.scalar(sa.select(Participant).where(*mine, Participant.public_id == public_id))


def _listed(found: Lecture) -> Mapping[str, models.ParticipantInfo] | None:
    """Who LiveKit says is connected, by identity; None while it can't say."""
    try:
        return {one.identity: one for one in livekit().list_participants(found.public_id)}
    except (LiveKitDown, LiveKitError):
        return None


def _inside(found: Lecture, listed: Mapping[str, models.ParticipantInfo] | None) -> list[Inside]:
    """Those who are connected come first."""
    query = (
        sa.select(Participant)
        .where(Participant.lecture_id == found.id, Participant.removed_at.is_(None))
        .order_by(Participant.present_since.is_(None), Participant.role != "host", Participant.id)
        .limit(MOST_PEOPLE)
    )
    return [_seen(row, listed) for row in db.session.scalars(query)]


def _seen(row: Participant, listed: Mapping[str, models.ParticipantInfo] | None) -> Inside:
    if listed is None:
        return Inside(row, row.present_since is not None, frozenset(), "")
    info = listed.get(row.identity)
    if info is None:
        return Inside(row, False, frozenset(), "")
    sends = frozenset(SOURCES[one.source] for one in info.tracks if not one.muted and one.source in SOURCES)
    return Inside(row, presence.is_present(info), sends, info.region)


def _show(found: Lecture, form: Form | None = None) -> ResponseReturnValue:
    form = form or Form()
    status = 200 if form.ok else form.status
    return show("live_lecture", status, form=form, longest=LONGEST_MESSAGE, **_about(found))


def _about(found: Lecture) -> dict[str, Any]:
    listed = _listed(found)
    waiting = sa.select(sa.func.count()).where(Waiting.room_id == found.room_id, Waiting.left_at.is_(None))
    return {
        "lecture": found,
        "people": _inside(found, listed),
        "knows_media": listed is not None,
        "has_agent": any(one.kind == presence.AGENTS for one in (listed or {}).values()),
        "waiting": db.session.scalar(waiting),
        "signs": signs([found.id]).get(found.id, ()),
        "co_hosts": hosts.co_hosts(found.room),
        "most": MOST_PEOPLE,
    }


def _record(what: str, found: Lecture, **about: Any) -> None:
    audit.record(f"lecture.{what}", actor=me(), room_id=found.room_id, lecture_id=found.id, **about)


def _done(found: Lecture, words: str, kind: str = "ok") -> ResponseReturnValue:
    return done(f"{PAGE}/{found.public_id}", words, kind)
