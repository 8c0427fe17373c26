"""What Audimax asks this plugin."""

import sqlalchemy as sa

from audimax_hello.settings import RoomSettings, Settings
from core.api import (
    Audience,
    Facts,
    Lecture,
    Participant,
    Section,
    Viewer,
    clock,
    db,
    hookimpl,
    now,
    room_settings,
    settings,
)


@hookimpl
def lecture_sections(lecture: Lecture, viewer: Viewer) -> list[Section]:
    hidden = room_settings(lecture.room, RoomSettings).for_hosts
    audience = Audience.HOSTS if hidden else Audience.EVERYONE
    length = (lecture.ended_at or now()) - lecture.started_at
    facts = (("People", str(people_in(lecture))), ("Length", clock(length.total_seconds())))
    return [Facts("figures", "Hello", audience, settings(Settings).order, facts=facts)]


def people_in(lecture: Lecture) -> int:
    """How many took part."""
    query = sa.select(sa.func.count()).select_from(Participant).where(Participant.lecture_id == lecture.id)
    return db.session.scalar(query) or 0
