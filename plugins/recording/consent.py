"""Who is in a recording, and what people read about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import aliased

from core.api import Lecture, Participant, Room, db, now, room_settings, same_person, settings
from plugins.recording.models import Choice, LectureRecording, recording_of
from plugins.recording.settings import RoomSettings, Settings


@dataclass(frozen=True)
class Chosen:
    """What somebody wants now: to be in the recording at all, and with their camera."""

    recorded: bool = True
    camera: bool = False


def words() -> str:
    """What people read about it: the institution's words, or ours."""
    return settings(Settings).notice_text or str(
        _(
            "This lecture is recorded: the shared screen or the hosts’ cameras, and the voices of all "
            "who speak. You can leave yourself out at any time."
        )
    )


def notice(room: Room, lecture: Lecture | None) -> str:
    """What somebody should know before they join; empty where nothing is recorded."""
    if settings(Settings).engine == "off":
        return ""
    made = recording_of(lecture) if lecture is not None else None
    if made is not None:
        return words() if made.is_wanted else ""
    return words() if room_settings(room, RoomSettings).start == "by_itself" else ""


def cameras_allowed(room: Room) -> bool:
    """Whether guests may agree that their camera is in it."""
    return settings(Settings).guests_cameras and room_settings(room, RoomSettings).guests_cameras


def choose(lecture: Lecture, person: Participant, recorded: bool | None, camera: bool | None) -> bool:
    """Note what somebody wants from now on (None: as before); whether that is new."""
    before = chosen_by(lecture, person)
    wanted = Chosen(
        before.recorded if recorded is None else recorded, before.camera if camera is None else camera
    )
    if wanted == before:
        return False
    row = Choice(lecture_id=lecture.id, participant_id=person.id, since=now(), **vars(wanted))
    db.session.add(row)
    db.session.flush()
    return True


def chosen_by(lecture: Lecture, person: Participant) -> Chosen:
    """What that person has said in this lecture, under whatever identity."""
    return _choices(lecture).get(person.identity, Chosen())


def places(lecture: Lecture) -> Mapping[str, dict[str, bool]]:
    """Of everybody who is admitted now, by identity, what of them is recorded.

    ``host``, ``voice``, ``camera``, ``screen``: see ``recorder.choosing.Place``.
    """
    chosen, cameras = _choices(lecture), cameras_allowed(lecture.room)
    people = db.session.execute(
        sa.select(Participant.identity, Participant.role).where(
            Participant.lecture_id == lecture.id, Participant.removed_at.is_(None)
        )
    )
    made = {row.identity: (row.role == "host", chosen.get(row.identity, Chosen())) for row in people}
    return {
        identity: {
            "host": is_host,
            "voice": one.recorded,
            "camera": one.recorded and (is_host or (cameras and one.camera)),
            "screen": one.recorded,
        }
        for identity, (is_host, one) in made.items()
    }


def _choices(lecture: Lecture) -> dict[str, Chosen]:
    """The last of each person, for every identity that they have, or had, in this lecture."""
    mine, chooser = aliased(Participant), aliased(Participant)
    query = (
        sa.select(mine.identity, Choice.recorded, Choice.camera)
        .select_from(Choice)
        .join(chooser, chooser.id == Choice.participant_id)
        .join(mine, same_person(mine, chooser))
        .where(Choice.lecture_id == lecture.id)
        .order_by(Choice.since, Choice.id)
    )
    return {row.identity: Chosen(row.recorded, row.camera) for row in db.session.execute(query)}


def may_record(room: Room, user_id: int | None) -> str:
    """Why this host can't record here, in words; empty where they can."""
    house, kept = settings(Settings), room_settings(room, RoomSettings)
    if house.engine == "off":
        return str(_("The institution doesn’t record lectures."))
    if kept.start == "never":
        return str(_("This room is never recorded. Its owner can change that in the room’s settings."))
    if house.who == "owner" and user_id != room.owner_id:
        return str(_("Only the room’s owner can record here."))
    return ""


def is_by_itself(lecture: Lecture) -> bool:
    """Whether this lecture is recorded from its beginning."""
    kept = room_settings(lecture.room, RoomSettings)
    return settings(Settings).engine != "off" and kept.start == "by_itself"


def is_forbidden(recording: LectureRecording) -> bool:
    """Whether the room, or the institution, has come to forbid it meanwhile."""
    kept = room_settings(recording.lecture.room, RoomSettings)
    return settings(Settings).engine == "off" or kept.start == "never"
