"""Routes: in rooms, in lectures, on the site, and for the agent."""

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, render_template
from pydantic import Field

from audimax_example.models import Note
from audimax_example.settings import Settings
from core.api import (
    ADMINS,
    AGENTS,
    HOSTS,
    HOSTS_AND_ADMINS,
    PEOPLE_INSIDE,
    Answer,
    Body,
    Refusal,
    db,
    here,
    page,
    record,
    scoped,
    settings,
    view,
)

site = Blueprint("example", __name__)
in_room = Blueprint("example_room", __name__)
in_lecture = Blueprint("example_lecture", __name__)
internal = Blueprint("example_internal", __name__)


class NewNote(Body):
    text: str = Field(min_length=1)


class OneNote(Answer):
    id: str
    author: str
    text: str


class Notes(Answer):
    notes: list[OneNote]


def shown(note: Note) -> OneNote:
    return OneNote(id=note.public_id, author=note.author, text=note.text)


@in_room.post("/notes")
@view(roles=PEOPLE_INSIDE, body=NewNote, answer=OneNote, status=201, limit="30/minute")
def write(body: NewNote) -> Any:
    """Leave a note."""
    if len(body.text) > settings(Settings).longest_note:
        raise Refusal(422, "This note is too long.", code="too_long")
    note = Note(
        room_id=here.room.id,
        guest_session_id=here.caller.guest_session_id,
        author=here.caller.name,
        text=body.text,
    )
    db.session.add(note)
    db.session.commit()
    return shown(note), 201


@in_room.get("/notes")
@view(roles=PEOPLE_INSIDE, answer=Notes)
def read() -> Any:
    """The room's guest book."""
    rows = db.session.scalars(
        sa.select(Note).where(Note.room_id == here.room.id).order_by(Note.id).limit(200)
    )
    return Notes(notes=[shown(note) for note in rows])


@in_room.delete("/notes/<note_id>")
@view(roles=HOSTS)
def remove(note_id: str) -> Any:
    """Take a note away."""
    db.session.delete(scoped(here.room, Note, note_id))
    record("example.remove", room_id=here.room.id, target=note_id)
    db.session.commit()


@in_lecture.get("/notes/<note_id>")
@view(roles=HOSTS_AND_ADMINS, answer=OneNote)
def one(note_id: str) -> Any:
    """A note of one lecture."""
    return shown(scoped(here.lecture, Note, note_id))


@internal.post("/heard")
@view(roles=AGENTS, body=NewNote, status=201)
def heard(body: NewNote) -> Any:
    """What the agent has noticed."""
    room_id, lecture_id = here.lecture.room_id, here.lecture.id
    db.session.add(Note(room_id=room_id, lecture_id=lecture_id, author="Agent", text=body.text))
    db.session.commit()
    return {}, 201


@site.get("/overview")
@page(roles=ADMINS)
def overview() -> Any:
    """How many notes there are."""
    count = db.session.scalar(sa.select(sa.func.count()).select_from(Note))
    return render_template("example/overview.html", count=count)
