"""The waiting stream of guests, and what hosts see and do; every call may run twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa
from flask import Blueprint, Response, render_template, request
from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy.dialects.postgresql import insert

from core.api import (
    EVERYONE,
    HOSTS,
    Answer,
    Body,
    Lecture,
    Refusal,
    User,
    by_address_and_room,
    clean_prose,
    db,
    here,
    live,
    live_in,
    notify,
    now,
    order,
    page,
    plugin_page,
    record,
    switch_plugin,
    view,
    waiting_stream,
)
from plugins.lobby import line, state
from plugins.lobby.models import APPROVED, PENDING, REJECTED, Door, Entry, Listed
from plugins.lobby.names import name_key, read_list
from plugins.lobby.settings import Who
from plugins.lobby.state import State

in_room = Blueprint("lobby_room", __name__)
site = Blueprint("lobby", __name__)
MOST_AT_ONCE = 1_000
LONGEST_LIST = 200_000
LONGEST_WORDS = 300


# --- for those who wait ---------------------------------------------------------------


@in_room.get("/stream")
@view(roles=EVERYONE, limit="6000/minute", limit_by=by_address_and_room)
def stream() -> Response:
    """The waiting stream (SSE) of a guest who stands in this room's line."""
    row = line.entry_of(here.room, here.caller)
    if row is None:
        detail = _("You aren't waiting for this room. Open the link again and type your name.")
        raise Refusal(403, detail, code="not_waiting")
    return waiting_stream(here.room, missed=line.missed(here.room, row))


# --- what hosts see -------------------------------------------------------------------


@site.get("/rooms/<room_id>")
@page(roles=HOSTS)
def room() -> str:
    """Who waits for a room, also while no lecture runs."""
    config = {**plugin_page(here.room, "lobby"), "now": now().isoformat()}
    return render_template("lobby/room.html", room=here.room, config=config)


def _topics() -> list[str]:
    return [f"lobby:{here.room.id}", f"waiting:{here.room.id}"]


@live(in_room, "/live", roles=HOSTS, topics=_topics)
def following() -> dict[str, Any]:
    """Who waits and how the door stands, as it changes; ``q`` searches names."""
    return state.of(here.room, request.args.get("q", "")).model_dump(mode="json")


class Search(Body):
    q: str = Field("", max_length=100)


@in_room.get("/state")
@view(roles=HOSTS, query=Search, answer=State)
def look(query: Search) -> State:
    """The same once."""
    return state.of(here.room, query.q)


# --- what hosts do --------------------------------------------------------------------


class Decision(Body):
    """``ids`` as the state gives them; ``rejected`` takes back what a host had rejected."""

    ids: list[str] = Field(min_length=1, max_length=MOST_AT_ONCE)
    verdict: Literal["admit", "reject"]
    words: str = Field("", max_length=LONGEST_WORDS)
    rejected: bool = False


class Already(Answer):
    """Somebody about whom another host was faster."""

    id: str
    name: str
    state: str
    by: str


class Decided(Answer):
    """``live``: a lecture runs, so they come in now; else when it starts."""

    done: int
    already: list[Already]
    live: bool


class Switch(Body):
    on: bool


class Said(Body):
    text: str = Field(max_length=LONGEST_WORDS)


class Pasted(Body):
    text: str = Field(max_length=LONGEST_LIST)


class Matches(Answer):
    """``people`` are listed now. ``ids`` wait and match; ``doubtful`` too, by a name not theirs alone."""

    people: int
    ids: list[str]
    doubtful: list[str]


class WhoWaits(Body):
    who_waits: Who


@in_room.post("/decide")
@view(roles=HOSTS, body=Decision, answer=Decided, limit="1200/minute")
def decide(body: Decision) -> Decided:
    """Let people in, or send them away with words."""
    named = Entry.public_id.in_(body.ids)
    open_states = [PENDING, REJECTED] if body.rejected and body.verdict == "admit" else [PENDING]
    words = _clean(body.words)
    lecture = live_in(here.room)
    made = _decide(lecture, sa.and_(named, Entry.state.in_(open_states)), body.verdict, words)
    already = _already(body.ids, {row.public_id for row in made})
    if not made and not already:
        raise Refusal(404, _("Nobody of these waits for this room."), code="not_waiting")
    db.session.commit()
    return Decided(done=len(made), already=already, live=lecture is not None)


@in_room.post("/admit-all")
@view(roles=HOSTS, answer=Decided, limit="120/minute")
def admit_all() -> Decided:
    """Let in everybody who waits now."""
    lecture = live_in(here.room)
    made = _admit_all(lecture)
    db.session.commit()
    return Decided(done=len(made), already=[], live=lecture is not None)


@in_room.post("/open")
@view(roles=HOSTS, body=Switch, status=204, limit="120/minute")
def open_door(body: Switch) -> None:
    """Let everybody in from now on, until the lecture has ended; or make them wait again."""
    lecture = live_in(here.room)
    made = _admit_all(lecture) if body.on else []
    _set(opened_at=now() if body.on else None, opened_in=lecture.id if lecture and body.on else None)
    _record(lecture, "open", on=body.on, people=len(made))
    _tell_everybody()


@in_room.post("/message")
@view(roles=HOSTS, body=Said, status=204, limit="60/minute")
def say(body: Said) -> None:
    """Say something to everybody who waits, and to who comes; nothing takes it back."""
    lecture = live_in(here.room)
    text = _clean(body.text)
    _set(message=text, said_at=now(), said_in=lecture.id if lecture else None)
    _record(lecture, "message", text=text)
    _tell_everybody()


@in_room.post("/who")
@view(roles=HOSTS, body=WhoWaits, status=204, limit="120/minute")
def who(body: WhoWaits) -> None:
    """Change who has to wait; acts at once on those who do."""
    actor = line.user_of(here.caller.user_id)
    switch_plugin(here.room, "lobby", True, {"who_waits": body.who_waits}, actor=actor)
    line.tell_hosts(here.room)
    order.settle(here.room)


@in_room.post("/class-list")
@view(roles=HOSTS, body=Pasted, answer=Matches, limit="60/minute")
def class_list(body: Pasted) -> Matches:
    """Keep a pasted class list in place of the last one; empty text removes it."""
    people = read_list(body.text)
    db.session.execute(sa.delete(Listed).where(Listed.room_id == here.room.id))
    rows = [_row(one.email, one.name) for one in people]
    if rows:
        db.session.execute(insert(Listed), rows)
    _record(live_in(here.room), "class_list", people=len(people))
    _tell_everybody()
    matching = state.on_class_list(here.room, MOST_AT_ONCE)
    return Matches(
        people=len(people),
        ids=[one.id for one in matching if not one.is_doubtful],
        doubtful=[one.id for one in matching if one.is_doubtful],
    )


def _row(email: str, name: str) -> dict[str, Any]:
    return {
        "room_id": here.room.id,
        "email": email,
        "name": name,
        "name_key": name_key(name) if name else "",
    }


# --- what they share ------------------------------------------------------------------


def _clean(text: str) -> str:
    return clean_prose(text, LONGEST_WORDS)


def _decide(
    lecture: Lecture | None, chosen: sa.ColumnElement[bool], verdict: str, words: str
) -> Sequence[Any]:
    by = here.caller.user_id
    assert by is not None
    made = line.decide(
        here.room,
        chosen,
        APPROVED if verdict == "admit" else REJECTED,
        by,
        words if verdict == "reject" else "",
        lecture.id if lecture else None,
    )
    if made:
        line.tell(here.room, made)
        target = made[0].name if len(made) == 1 else ""
        more = {"words": words} if words else {}
        _record(lecture, verdict, target, people=[row.name for row in made], **more)
    return made


def _admit_all(lecture: Lecture | None) -> Sequence[Any]:
    stands = sa.exists().where(line.there(here.room.id))
    return _decide(lecture, sa.and_(Entry.state == PENDING, stands), "admit", "")


def _already(ids: Sequence[str], done: set[str]) -> list[Already]:
    rest = [one for one in ids if one not in done]
    if not rest:
        return []
    mine = Entry.room_id == here.room.id, Entry.public_id.in_(rest)
    query = sa.select(Entry.public_id, Entry.name, Entry.state, User.name.label("by"))
    rows = db.session.execute(query.outerjoin(User, User.id == Entry.decided_by_id).where(*mine))
    return [Already(id=r.public_id, name=r.name, state=r.state, by=r.by or "") for r in rows]


def _set(**values: Any) -> None:
    row = {"message": "", **values, "room_id": here.room.id}
    made = insert(Door).values(row)
    db.session.execute(made.on_conflict_do_update(index_elements=["room_id"], set_=values))


def _tell_everybody() -> None:
    notify(f"room:{here.room.id}")
    line.tell_hosts(here.room)
    db.session.commit()


def _record(lecture: Lecture | None, action: str, target: str = "", **details: Any) -> None:
    record(
        f"lobby.{action}",
        actor=line.user_of(here.caller.user_id),
        room_id=here.room.id,
        lecture_id=lecture.id if lecture else None,
        target=target,
        **details,
    )
