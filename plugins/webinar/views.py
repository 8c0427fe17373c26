"""One call for each thing that people ask and hosts answer; every one may run twice."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint
from flask_babel import gettext as _

from core.api import (
    HOSTS,
    PEOPLE_INSIDE,
    Answer,
    Body,
    Lecture,
    Participant,
    Refusal,
    Tries,
    User,
    change_room_settings,
    db,
    here,
    order,
    record,
    room_settings,
    running_in,
    view,
)
from plugins.webinar import models, news
from plugins.webinar.settings import RoomSettings

in_room = Blueprint("webinar", __name__)
Emoji = Literal["👍", "👏", "❤️", "😂", "😮", "🎉"]
# By person, not by address: a lecture hall sits behind one.
HANDS = Tries("webinar.hands", "30 per minute")
REACTIONS = Tries("webinar.reactions", "10 per 10 second")


class Given(Body):
    """``camera_and_screen``: whether they go with the microphone."""

    camera_and_screen: bool


class Switch(Body):
    on: bool


class Reaction(Body):
    emoji: Emoji


class RaisedHand(Answer):
    """``since``: seconds since 1970."""

    identity: str
    name: str
    since: int


class Holder(Answer):
    identity: str
    name: str
    camera_and_screen: bool


class State(Answer):
    """The first hands and floors, how many there are, and how it stands with the caller.

    ``at`` tells which of two states is newer. Packets carry the same without names and the caller's part.
    """

    at: float
    on: bool
    may_react: bool
    hands: list[RaisedHand]
    count: int
    floors: list[Holder]
    floors_count: int
    raised: bool
    place: int | None = None
    has_floor: bool


class Called(Answer):
    """``microphone`` is False where something else keeps them silent, such as a panic."""

    identity: str
    name: str
    microphone: bool


# --- for everybody inside -------------------------------------------------------------


@in_room.get("/state")
@view(roles=PEOPLE_INSIDE, answer=State)
def state() -> State:
    """The queue, who has the floor, and where the caller stands."""
    lecture = running_in(here.room)
    return _state(lecture, order.person(lecture, here.caller.identity))


@in_room.post("/raise")
@view(roles=PEOPLE_INSIDE, answer=State)
def raise_hand() -> State:
    """Ask for the floor; who has asked already keeps their place."""
    me = _me()
    HANDS.take(me.identity)
    models.raise_hand(me)
    db.session.commit()
    news.tell_queue_soon(me.lecture)
    return _state(me.lecture, me)


@in_room.post("/lower")
@view(roles=PEOPLE_INSIDE, answer=State)
def lower() -> State:
    """Take one's own hand down."""
    me = _me()
    HANDS.take(me.identity)
    models.lower_hands([me.id])
    db.session.commit()
    news.tell_queue_soon(me.lecture)
    return _state(me.lecture, me)


@in_room.post("/react")
@view(roles=PEOPLE_INSIDE, body=Reaction, status=204)
def react(body: Reaction) -> None:
    """Send a reaction to everybody."""
    me = _me()
    if not room_settings(here.room, RoomSettings).reactions:
        raise Refusal(409, _("Reactions are switched off in this room."), code="no_reactions")
    REACTIONS.take(me.identity)
    news.applaud(me.lecture, body.emoji)


# --- for hosts ------------------------------------------------------------------------


@in_room.post("/mode")
@view(roles=HOSTS, body=Switch, status=204, limit="600/minute")
def mode(body: Switch) -> None:
    """Switch the webinar on or off; it begins and ends with nobody having the floor."""
    lecture = running_in(here.room)
    change_room_settings(here.room, RoomSettings, _user(), webinar_mode=body.on)
    order.lock(lecture)
    models.end_floors(models.everybody_in(lecture))
    _settle("mode", lecture, None, on=body.on)


@in_room.post("/next")
@view(roles=HOSTS, body=Given, answer=Called, limit="600/minute")
def call_next(body: Given) -> Called:
    """Give the floor to the first in the queue who is here."""
    lecture = order.begin(here.room)
    person = models.first_who_is_here(lecture)
    if person is None:
        raise Refusal(409, _("Nobody who is here has raised a hand."), code="no_hands")
    return _give(lecture, person, body.camera_and_screen)


@in_room.post("/people/<identity>/give")
@view(roles=HOSTS, body=Given, answer=Called, limit="600/minute")
def give(identity: str, body: Given) -> Called:
    """Give somebody the floor, whether or not they raised a hand."""
    lecture = order.begin(here.room)
    return _give(lecture, _person(lecture, identity), body.camera_and_screen)


@in_room.post("/people/<identity>/take-back")
@view(roles=HOSTS, status=204, limit="600/minute")
def take_back(identity: str) -> None:
    """End somebody's turn."""
    lecture = order.begin(here.room)
    person = _person(lecture, identity)
    models.end_floors([person.id])
    _settle("take_back", lecture, [person])


@in_room.post("/take-back-all")
@view(roles=HOSTS, status=204, limit="600/minute")
def take_back_all() -> None:
    """End everybody's turn."""
    lecture = order.begin(here.room)
    models.end_floors(models.everybody_in(lecture))
    _settle("take_back_all", lecture, None)


@in_room.post("/people/<identity>/lower")
@view(roles=HOSTS, status=204, limit="600/minute")
def lower_somebody(identity: str) -> None:
    """Take somebody's hand down."""
    lecture = running_in(here.room)
    person = _person(lecture, identity)
    models.lower_hands([person.id])
    _record("lower", lecture, person.name)
    db.session.commit()
    news.tell_queue(lecture)
    order.tell(lecture, news.TOPIC, {"you": "lowered"}, to=[person])


@in_room.post("/clear")
@view(roles=HOSTS, status=204, limit="600/minute")
def clear() -> None:
    """Take all hands down."""
    lecture = running_in(here.room)
    models.lower_hands(models.everybody_in(lecture))
    _record("clear", lecture)
    db.session.commit()
    news.tell_queue(lecture)


# --- what they share ------------------------------------------------------------------


def _me() -> Participant:
    found = order.person(running_in(here.room), here.caller.identity)
    if found is None:
        raise Refusal(409, _("Join the lecture first."), code="not_inside")
    return found


def _state(lecture: Lecture, me: Participant | None) -> State:
    queue, kept = models.read_queue(lecture), room_settings(here.room, RoomSettings)
    place = models.place_of(me) if me else None
    return State(
        **vars(queue),
        on=kept.webinar_mode,
        may_react=kept.reactions,
        raised=place is not None,
        place=place,
        has_floor=bool(me and models.floors_of([me])),
    )


def _person(lecture: Lecture, identity: str) -> Participant:
    found = order.person(lecture, identity)
    if found is None:
        raise Refusal(404, _("This person isn't in this lecture."), code="not_inside")
    return found


def _give(lecture: Lecture, person: Participant, camera_and_screen: bool) -> Called:
    """In a webinar a right, elsewhere a sign: in both the person is asked before a microphone opens."""
    models.lower_hands([person.id])
    if room_settings(here.room, RoomSettings).webinar_mode and not person.is_host:
        models.give_floor(person, camera_and_screen)
    order.narrow(lecture, [person])
    called = Called(identity=person.identity, name=person.name, microphone=person.microphone)
    _record("give", lecture, person.name, camera_and_screen=camera_and_screen)
    db.session.commit()
    order.keep(lecture)
    news.tell_queue(lecture)
    if called.microphone:
        asked = {"you": "called", "camera_and_screen": camera_and_screen}
        order.tell(lecture, news.TOPIC, asked, to=[person])
    return called


def _settle(action: str, lecture: Lecture, people: list[Participant] | None, **details: Any) -> None:
    """The rows first, then words, so that pages know why a right is gone, then LiveKit."""
    order.narrow(lecture, people)
    _record(action, lecture, people[0].name if people else "", **details)
    db.session.commit()
    news.tell_queue(lecture)
    order.keep(lecture)


def _user() -> User:
    return db.session.get_one(User, here.caller.user_id)


def _record(action: str, lecture: Lecture, target: str = "", **details: Any) -> None:
    room_id = here.room.id
    record(
        f"webinar.{action}", actor=_user(), room_id=room_id, lecture_id=lecture.id, target=target, **details
    )
