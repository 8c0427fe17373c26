"""Every hook there is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import procrastinate
import sqlalchemy as sa

from audimax_example import jobs as background
from audimax_example import views
from audimax_example.export import TitlesExporter
from audimax_example.models import Note
from audimax_example.settings import RoomSettings, Settings
from audimax_example.storage import FolderStorage
from core.api import (
    AdminPage,
    Audience,
    Event,
    Exporter,
    Facts,
    Grants,
    HealthCheck,
    JoinRequest,
    Lecture,
    LectureEnded,
    LiveSign,
    Mount,
    MountPoint,
    Participant,
    Person,
    PersonalData,
    Process,
    Retained,
    RetentionKind,
    Room,
    RoomUi,
    Section,
    Storage,
    Table,
    Verdict,
    Viewer,
    db,
    defer,
    delete_rows,
    held_rows,
    hookimpl,
    room_settings,
    settings,
)

NAME = "example"


# --- once, at start-up ----------------------------------------------------------------


@hookimpl
def blueprints() -> list[Mount]:
    return [
        Mount(MountPoint.SITE, views.site),
        Mount(MountPoint.ROOM, views.in_room),
        Mount(MountPoint.LECTURE, views.in_lecture),
        Mount(MountPoint.INTERNAL, views.internal),
    ]


@hookimpl
def storages() -> list[Storage]:
    return [FolderStorage(Path(settings(Settings).folder))]


@hookimpl
def exporters() -> list[Exporter]:
    return [TitlesExporter()]


@hookimpl
def admin_pages() -> list[AdminPage]:
    return [AdminPage("example", "Guest book", "example.overview", icon="book-open")]


@hookimpl
def health_checks() -> list[HealthCheck]:
    return [HealthCheck("folder", _check_folder)]


def _check_folder() -> None:
    folder = Path(settings(Settings).folder)
    if not folder.is_dir():
        raise RuntimeError(f"{folder} doesn't exist: make it, or change plugins.example.folder")


@hookimpl
def jobs() -> list[procrastinate.Blueprint]:
    return [background.tasks]


@hookimpl
def retention() -> list[Retained]:
    return [Retained(RetentionKind.CHAT, _notes, _remove_notes)]


def _notes(lectures: Any) -> Any:
    return held_rows(lectures, Note)


def _remove_notes(lecture: Lecture) -> None:
    delete_rows(lecture, Note)


@hookimpl
def processes() -> list[Process]:
    return [Process("ticker", ("{python}", "-m", "audimax_example.ticker"))]


# --- when somebody joins --------------------------------------------------------------


@hookimpl
def admit(room: Room, joins: Sequence[JoinRequest]) -> Mapping[str, Verdict]:
    word = room_settings(room, RoomSettings).word
    strangers = [join for join in joins if word and NAME not in join.passes]
    return {join.key: _question(word) for join in strangers}


def _question(word: str) -> Verdict:
    wrong = "That isn't it."

    def check(answer: str) -> Verdict | None:
        return None if answer == word else Verdict.ask("word", "Magic word", check, reason=wrong)

    return Verdict.ask("word", "Magic word", check)


@hookimpl
def narrow_grants(room: Room, participants: Sequence[Participant]) -> Mapping[int, Grants]:
    if not room_settings(room, RoomSettings).quiet:
        return {}
    return {participant.id: Grants(microphone=False) for participant in participants}


# --- when a page is shown -------------------------------------------------------------


@hookimpl
def room_ui(viewer: Viewer) -> list[RoomUi]:
    return [RoomUi(module="room.js", css=("room.css",), config={"host": viewer.is_host})]


@hookimpl
def live_signs(lecture_ids: Sequence[int]) -> Mapping[int, LiveSign]:
    count = sa.func.count().label("count")
    query = sa.select(Note.lecture_id, count).where(Note.lecture_id.in_(lecture_ids))
    found = db.session.execute(query.group_by(Note.lecture_id))
    return {lecture_id: LiveSign(f"{notes} in the guest book") for lecture_id, notes in found}


@hookimpl
def lecture_sections(lecture: Lecture, viewer: Viewer) -> list[Section]:
    notes = db.session.scalars(sa.select(Note).where(Note.lecture_id == lecture.id).order_by(Note.id)).all()
    rows = tuple((note.author, note.text) for note in notes)
    book = Table("book", "Guest book", order=60, columns=("Who", "Note"), rows=rows)
    count = Facts("count", "Guest book in figures", Audience.HOSTS, 900, facts=(("Notes", str(len(rows))),))
    return [book, count] if viewer.sees_hosts_part else [book]


# --- people's data --------------------------------------------------------------------


@hookimpl
def personal_data(person: Person) -> PersonalData:
    """The notes are registered by the migration; this adds what isn't in a column of its own."""
    count = sa.select(sa.func.count()).where(Note.guest_session_id.in_(person.guest_session_ids))
    return PersonalData({"summary": [{"notes": db.session.scalar(count)}]})


@hookimpl
def erase(person: Person) -> None:
    mine = Note.guest_session_id.in_(person.guest_session_ids)
    db.session.execute(sa.delete(Note).where(mine))


# --- when something happened ----------------------------------------------------------


@hookimpl
def on_event(event: Event) -> None:
    if isinstance(event, LectureEnded):
        facts: dict[str, Any] = asdict(event)
        open_notes = sa.update(Note).where(Note.room_id == event.room_id, Note.lecture_id.is_(None))
        db.session.execute(open_notes.values(lecture_id=facts["lecture_id"]))
        defer("example:tidy", room_id=event.room_id)
