"""Where the assistant comes into the house."""

from __future__ import annotations

from collections.abc import Sequence

import procrastinate
from flask_babel import lazy_gettext as _l

from core.api import (
    AdminPage,
    Event,
    FileChanged,
    HealthCheck,
    Lecture,
    LectureCut,
    LectureEnded,
    LectureStarted,
    LiveSign,
    Mount,
    MountPoint,
    Person,
    PersonalData,
    Process,
    Retained,
    Room,
    RoomUi,
    Section,
    Viewer,
    defer,
    hookimpl,
    live_in,
    settings,
)
from plugins.ai_assistant import consent, erasing, health, internal, pages, review, sections, state, views
from plugins.ai_assistant import jobs as background
from plugins.ai_assistant import retention as keeping
from plugins.ai_assistant.settings import Settings


@hookimpl
def blueprints() -> list[Mount]:
    return [
        Mount(MountPoint.ROOM, views.in_room),
        Mount(MountPoint.LECTURE, review.of_lecture),
        Mount(MountPoint.INTERNAL, internal.internal),
        Mount(MountPoint.SITE, pages.site),
    ]


@hookimpl
def jobs() -> list[procrastinate.Blueprint]:
    return [background.jobs]


@hookimpl
def retention() -> list[Retained]:
    return keeping.retained()


@hookimpl
def processes() -> list[Process]:
    if settings(Settings).provider == "off":
        return []
    return [Process("agent", ("{python}", "-m", "plugins.ai_assistant.agent", "start"))]


@hookimpl
def admin_pages() -> list[AdminPage]:
    return [AdminPage("assistant", _l("Assistant"), "ai_assistant_site.admin", "captions")]


@hookimpl
def health_checks() -> list[HealthCheck]:
    return health.checks()


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    return [RoomUi(notice=consent.notice(room, live_in(room)))]


@hookimpl
def live_signs(lecture_ids: Sequence[int]) -> dict[int, LiveSign]:
    return state.signs(lecture_ids)


@hookimpl
def lecture_sections(lecture: Lecture, viewer: Viewer, lines: int | None) -> list[Section]:
    return sections.of(lecture, viewer, lines)


@hookimpl
def on_event(event: Event) -> None:
    if isinstance(event, LectureStarted):
        defer("ai_assistant:come", lecture_id=event.lecture_id)
    elif isinstance(event, LectureEnded):
        defer("ai_assistant:finish", lock=f"ai_assistant:{event.lecture_id}", lecture_id=event.lecture_id)
    elif isinstance(event, LectureCut):
        defer("ai_assistant:follow_cut", lecture_id=event.lecture_id, for_good=event.for_good)
    elif isinstance(event, FileChanged):
        defer("ai_assistant:learn", lecture_id=event.lecture_id)


@hookimpl
def erase(person: Person) -> None:
    erasing.erase(person)


@hookimpl
def personal_data(person: Person) -> PersonalData:
    return erasing.collected(person)
