"""What the panel asks of the server."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from audimax_poll import news, polls
from audimax_poll.models import Poll
from core.api import (
    HOSTS,
    PEOPLE_INSIDE,
    Answer,
    Body,
    Lecture,
    Refusal,
    Tries,
    db,
    here,
    order,
    record,
    running_in,
    scoped,
    view,
)

in_room = Blueprint("poll", __name__)
# By person, not by address: a lecture hall sits behind one.
VOTES = Tries("poll.votes", "30 per minute")
Option = Annotated[str, Field(max_length=polls.LONGEST_OPTION)]


class NewPoll(Body):
    """``hidden``: nobody but hosts sees results before the end."""

    question: str = Field(min_length=1, max_length=polls.LONGEST_QUESTION)
    options: list[Option] = Field(min_length=2, max_length=polls.MOST_OPTIONS)
    hidden: bool = False


class NewVote(Body):
    choice: int = Field(ge=0, lt=polls.MOST_OPTIONS)


class OnePoll(Answer):
    """``counts`` are missing where they are hidden, ``mine`` where the caller hasn't voted."""

    id: str
    question: str
    options: list[str]
    hidden: bool
    is_open: bool
    votes: int
    counts: list[int] | None = None
    mine: int | None = None


class Polls(Answer):
    polls: list[OnePoll]


@in_room.get("/polls")
@view(roles=PEOPLE_INSIDE, answer=Polls)
def all_polls() -> Polls:
    """The polls of the lecture that is running."""
    lecture = running_in(here.room)
    return Polls(polls=_shown(lecture, polls.of(lecture)))


@in_room.post("/polls")
@view(roles=HOSTS, body=NewPoll, answer=OnePoll, status=201, limit="60/minute")
def ask(body: NewPoll) -> tuple[OnePoll, int]:
    """Ask everybody in the room."""
    lecture = running_in(here.room)
    poll = polls.ask(lecture, body.question, body.options, body.hidden)
    record("poll.ask", room_id=here.room.id, lecture_id=lecture.id, target=poll.public_id)
    db.session.commit()
    news.tell(poll)
    return _shown(lecture, [poll])[0], 201


@in_room.post("/polls/<poll_id>/vote")
@view(roles=PEOPLE_INSIDE, body=NewVote, answer=OnePoll)
def vote(poll_id: str, body: NewVote) -> OnePoll:
    """Choose an answer, or another one than before."""
    lecture, poll = _running(poll_id)
    me = order.person(lecture, here.caller.identity)
    if me is None:
        raise Refusal(409, "Join the lecture first.", code="not_inside")
    VOTES.take(me.identity)
    polls.vote(poll, me, body.choice)
    db.session.commit()
    news.tell_soon(poll)
    return _shown(lecture, [poll])[0]


@in_room.post("/polls/<poll_id>/close")
@view(roles=HOSTS, answer=OnePoll, limit="60/minute")
def close(poll_id: str) -> OnePoll:
    """End a poll; quietly so when it was ended before."""
    lecture, poll = _running(poll_id)
    if polls.close(poll):
        record("poll.close", room_id=here.room.id, lecture_id=lecture.id, target=poll.public_id)
    db.session.commit()
    news.tell(poll)
    return _shown(lecture, [poll])[0]


@in_room.delete("/polls/<poll_id>")
@view(roles=HOSTS, status=204, limit="60/minute")
def remove(poll_id: str) -> None:
    """Take a poll away, with its votes."""
    lecture, poll = _running(poll_id)
    record("poll.remove", room_id=here.room.id, lecture_id=lecture.id, target=poll.public_id)
    polls.remove(poll)
    db.session.commit()
    order.tell(lecture, news.TOPIC, {"gone": poll_id})


def _running(poll_id: str) -> tuple[Lecture, Poll]:
    """The lecture that is running and its poll of that id; a 404 for a poll of another one."""
    lecture = running_in(here.room)
    return lecture, scoped(lecture, Poll, poll_id)


def _shown(lecture: Lecture, found: list[Poll]) -> list[OnePoll]:
    """As the caller may see them."""
    counted = polls.counts(found)
    chosen = polls.chosen_by(order.person(lecture, here.caller.identity))
    is_host = here.caller.is_host
    shown: list[dict[str, Any]] = [
        {**news.public(poll, counted[poll.id], for_host=is_host), "mine": chosen.get(poll.id)}
        for poll in found
    ]
    return [OnePoll(**one) for one in shown]
