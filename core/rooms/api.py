"""Rooms as JSON, beside their pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint
from flask_babel import gettext as _
from pydantic import Field

from core import order
from core.contracts import EVERYONE, HOSTS, HOSTS_AND_ADMINS
from core.db import db
from core.engine import room_plugins
from core.errors import Refusal
from core.http.callers import signed_in
from core.http.views import SIGNED_IN, Answer, Body, here, view
from core.lectures.lectures import live_in
from core.people.models import User
from core.rooms import forms, hosts, invitations, lookups, rooms
from core.rooms import settings as core_settings
from core.rooms.forms import LANGUAGES
from core.rooms.models import Room
from core.rooms.rooms import Card
from core.text import clean_prose, clean_title

bp = Blueprint("rooms_api", __name__)


class PluginBody(Body):
    """Whether a plugin is on in the room, and its settings there; what is left out stays."""

    enabled: bool | None = None
    settings: dict[str, Any] | None = Field(None, max_length=50)


class RoomBody(Body):
    """What a room can be told; everything but the title of a new one may be left out."""

    title: str | None = Field(None, max_length=10_000)
    description: str | None = Field(None, max_length=10_000)
    language: str | None = Field(None, max_length=20)
    settings: dict[str, Any] | None = Field(None, max_length=50)
    plugins: dict[str, PluginBody] | None = Field(None, max_length=50)


class NewRoomBody(RoomBody):
    title: str = Field(max_length=10_000)


class HostBody(Body):
    email: str = Field(max_length=320)


class RoomsQuery(Body):
    q: str = Field("", max_length=100)
    archived: bool = False
    page: int = Field(1, ge=1, le=10_000)


class Person(Answer):
    id: str
    name: str


class RoomItem(Answer):
    id: str
    title: str
    code: str
    url: str
    live: bool
    people: int
    archived: bool
    owner_name: str
    is_owner: bool


class RoomList(Answer):
    rooms: list[RoomItem]
    page: int
    has_more: bool
    total: int


class PluginState(Answer):
    enabled: bool
    settings: dict[str, Any]


class RoomAnswer(Answer):
    """A room as its hosts see it; ``locked`` names what only the institution can change."""

    id: str
    title: str
    description: str
    code: str
    url: str
    language: str
    live: bool
    archived: bool
    created_at: datetime
    owner: Person
    hosts: list[Person]
    settings: dict[str, Any]
    plugins: dict[str, PluginState]
    missing_guards: list[str]
    locked: list[str]


class FormChoice(Answer):
    value: str
    label: str


class FormField(Answer):
    """One setting as the form shows it; ``kind`` is that of ``core.engine.settings.Field``."""

    name: str
    kind: str
    label: str
    help: str
    value: Any
    locked: bool
    choices: list[FormChoice]
    minimum: float | None = None
    maximum: float | None = None


class FormGroup(Answer):
    """The settings of core, or of a plugin that can be switched: then it says whether it is ``on``."""

    owner: str
    title: str
    help: str
    on: bool | None = None
    on_locked: bool = False
    page: str
    page_title: str
    fields: list[FormField]


class FormAnswer(Answer):
    groups: list[FormGroup]


class Found(Answer):
    id: str
    title: str
    code: str
    live: bool
    archived: bool
    host_name: str


class Code(Answer):
    code: str
    url: str


# --- many -----------------------------------------------------------------------------


@bp.get("/api/rooms")
@view(roles=SIGNED_IN, query=RoomsQuery, answer=RoomList, limit="240/minute")
def list_rooms(query: RoomsQuery) -> RoomList:
    """The caller's rooms, live ones first."""
    user = _me()
    found = rooms.cards(user.id, search=query.q.strip(), archived=query.archived, page=query.page)
    return RoomList(
        rooms=[_item(card, user) for card in found.items],
        page=found.number,
        has_more=found.has_more,
        total=found.total,
    )


@bp.post("/api/rooms")
@view(roles=SIGNED_IN, body=NewRoomBody, answer=RoomAnswer, status=201, limit="60/minute")
def create_room(body: NewRoomBody) -> RoomAnswer:
    """Make a room; the caller owns it."""
    user = _me()
    room = rooms.create(user, _clean("title", clean_title, body.title))
    _apply(room, body, user)
    db.session.commit()
    return _answer(room)


@bp.get("/api/rooms/by-code/<code>")
@view(roles=EVERYONE, answer=Found)
def room_by_code(code: str) -> Found:
    """The room of an invite code, typed in any way; misses are limited by address."""
    room = lookups.find(code)
    live = live_in(room) is not None
    return Found(
        id=room.public_id,
        title=room.title,
        code=room.code,
        live=live,
        archived=room.archived_at is not None,
        host_name=room.owner.name,
    )


# --- one ------------------------------------------------------------------------------


@bp.get("/api/rooms/<room_id>")
@view(roles=HOSTS_AND_ADMINS, answer=RoomAnswer, limit="600/minute")
def get_room() -> RoomAnswer:
    """The room with its hosts, settings and plugins."""
    return _answer(here.room)


@bp.patch("/api/rooms/<room_id>")
@view(roles=HOSTS, body=RoomBody, answer=RoomAnswer, limit="120/minute")
def change_room(body: RoomBody) -> RoomAnswer:
    """Change what is given, leave the rest."""
    _apply(here.room, body, _me())
    order.settle(here.room)
    return _answer(here.room)


@bp.get("/api/rooms/<room_id>/form")
@view(roles=HOSTS, answer=FormAnswer, limit="240/minute")
def room_form() -> FormAnswer:
    """The room form as data: what can be set, in which words, and what is set now."""
    return FormAnswer(groups=[FormGroup(**group) for group in forms.described(here.room)])


@bp.delete("/api/rooms/<room_id>")
@view(roles=HOSTS_AND_ADMINS, status=204, limit="60/minute")
def delete_room() -> None:
    """Remove the room with its lectures; for its owner and admins."""
    rooms.delete(_owned(), _me())
    db.session.commit()


@bp.post("/api/rooms/<room_id>/archive")
@view(roles=HOSTS_AND_ADMINS, answer=RoomAnswer, limit="60/minute")
def archive_room() -> RoomAnswer:
    """Close the room until it is opened again; for its owner and admins."""
    rooms.archive(_owned(), _me())
    db.session.commit()
    return _answer(here.room)


@bp.delete("/api/rooms/<room_id>/archive")
@view(roles=HOSTS_AND_ADMINS, answer=RoomAnswer, limit="60/minute")
def unarchive_room() -> RoomAnswer:
    """Open an archived room again."""
    rooms.unarchive(_owned(), _me())
    db.session.commit()
    return _answer(here.room)


@bp.post("/api/rooms/<room_id>/code")
@view(roles=HOSTS, answer=Code, limit="30/minute")
def rotate_code() -> Code:
    """A new code; the old link leads nowhere from now on."""
    rooms.rotate_code(here.room, _me())
    db.session.commit()
    return Code(code=here.room.code, url=invitations.link(here.room))


@bp.post("/api/rooms/<room_id>/hosts")
@view(roles=HOSTS, body=HostBody, answer=Person, status=201, limit="30/minute")
def add_host(body: HostBody) -> Person:
    """Make a user a co-host; for the owner."""
    added = hosts.add_host(_owned(), body.email, _me())
    order.settle(here.room)
    return _person(added)


@bp.delete("/api/rooms/<room_id>/hosts/<user_id>")
@view(roles=HOSTS, status=204, limit="60/minute")
def remove_host(user_id: str) -> None:
    """Take a co-host's rights; for the owner, and for co-hosts who leave by themselves."""
    room = here.room if user_id == _me().public_id else _owned()
    hosts.remove_host(room, user_id, _me())
    order.settle(room)


# --- in and out -----------------------------------------------------------------------


def _me() -> User:
    user = signed_in()
    if user is None:
        raise Refusal(401, _("Please sign in first."), code="sign_in")
    return user


def _owned() -> Room:
    user = _me()
    if here.room.owner_id != user.id and not user.is_admin:
        raise Refusal(403, _("Only the room's owner can do this."), code="not_owner")
    return here.room


def _apply(room: Room, body: RoomBody, user: User) -> None:
    title = room.title if body.title is None else _clean("title", clean_title, body.title)
    prose = (
        room.description if body.description is None else _clean("description", clean_prose, body.description)
    )
    rooms.describe(room, title, prose, _language(room, body.language), user)
    if body.settings:
        _change_settings(room, body.settings)
    forms.from_json(room, body.plugins or {}, user)


def _language(room: Room, given: str | None) -> str:
    if given is not None and given not in LANGUAGES:
        raise _wrong("language", _("Choose one of these: %(languages)s.", languages=", ".join(LANGUAGES)))
    return given or room.language


def _change_settings(room: Room, given: dict[str, Any]) -> None:
    forms.refuse(forms.mistakes(core_settings.RoomSettings, given, "settings"))
    core_settings.change(room, given)


def _clean(name: str, cleaner: Any, text: str) -> str:
    try:
        return str(cleaner(text))
    except ValueError as error:
        raise _wrong(name, str(error)) from error


def _wrong(field: str, words: str) -> Refusal:
    return Refusal(422, words, code="invalid", errors=[{"field": field, "message": words}])


def _person(user: User) -> Person:
    return Person(id=user.public_id, name=user.name)


def _item(card: Card, user: User) -> RoomItem:
    return RoomItem(
        id=card.room.public_id,
        title=card.room.title,
        code=card.room.code,
        url=invitations.link(card.room),
        live=card.is_live,
        people=card.people,
        archived=card.room.archived_at is not None,
        owner_name=card.owner_name,
        is_owner=card.room.owner_id == user.id,
    )


def _answer(room: Room) -> RoomAnswer:
    return RoomAnswer(
        id=room.public_id,
        title=room.title,
        description=room.description,
        code=room.code,
        url=invitations.link(room),
        language=room.language,
        live=live_in(room) is not None,
        archived=room.archived_at is not None,
        created_at=room.created_at,
        owner=_person(room.owner),
        hosts=[_person(user) for user in hosts.co_hosts(room)],
        settings=vars(core_settings.settings_of(room)),
        plugins={name: PluginState(**state) for name, state in forms.plugin_states(room).items()},
        missing_guards=list(room_plugins.missing_guards(room)),
        locked=forms.locked_names(),
    )
