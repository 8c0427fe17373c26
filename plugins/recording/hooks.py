"""Where recording comes into the house."""

from __future__ import annotations

from collections.abc import Sequence

import procrastinate

from core.api import (
    EgressChanged,
    Event,
    HealthCheck,
    Lecture,
    LectureEnded,
    LectureStarted,
    LiveSign,
    Mount,
    MountPoint,
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
from plugins.recording import consent, desk, health, internal, pages, sections, state, views
from plugins.recording import jobs as background
from plugins.recording.egress import needs, runs, scene
from plugins.recording.retention import FILMS
from plugins.recording.settings import Settings


@hookimpl
def blueprints() -> list[Mount]:
    return [
        Mount(MountPoint.ROOM, views.in_room),
        Mount(MountPoint.LECTURE, desk.of_lecture),
        Mount(MountPoint.INTERNAL, internal.internal),
        Mount(MountPoint.SITE, pages.site),
        Mount(MountPoint.LECTURE, scene.in_lecture),
        Mount(MountPoint.SITE, scene.pages),
    ]


@hookimpl
def jobs() -> list[procrastinate.Blueprint]:
    return [background.jobs]


@hookimpl
def retention() -> list[Retained]:
    return [FILMS]


@hookimpl
def processes() -> list[Process]:
    engine = settings(Settings).engine
    if engine == "egress":
        # Asked last at the start, when every storage is known.
        needs.refuse_a_folder()
    if engine != "recorder":
        return []
    return [Process("recorder", ("{python}", "-m", "plugins.recording.worker", "start"))]


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
def lecture_sections(lecture: Lecture, viewer: Viewer) -> list[Section]:
    return sections.of(lecture, viewer)


@hookimpl
def on_event(event: Event) -> None:
    if isinstance(event, LectureStarted):
        defer("recording:come", lecture_id=event.lecture_id)
    elif isinstance(event, LectureEnded):
        defer("recording:finish", lock=f"recording:{event.lecture_id}", lecture_id=event.lecture_id)
    elif isinstance(event, EgressChanged):
        runs.heard(event)
