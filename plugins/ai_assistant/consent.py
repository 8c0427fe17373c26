"""What may be written along: when the transcript is kept, and who wants to be heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import aliased

from core.api import Lecture, Participant, Room, db, now, room_settings, same_person, settings
from plugins.ai_assistant.models import Choice, Keeping, LectureArtifact, artifact_of, locked
from plugins.ai_assistant.settings import RoomSettings, Settings


def wishes(room: Room) -> dict[str, bool]:
    """Whether a lecture in this room begins with captions, and whether its transcript is kept."""
    kept, house = room_settings(room, RoomSettings), settings(Settings)
    return {
        "captions": _on(kept.captions, house.captions_by_default),
        "keep": _on(kept.keep, house.keep_by_default),
    }


def _on(said: str, by_default: bool) -> bool:
    return by_default if said == "default" else said == "on"


def locked_artifact(lecture: Lecture) -> LectureArtifact:
    """How the assistant stands, nobody else changes it until the commit; begun as the room wishes."""
    return locked(lecture, **wishes(lecture.room))


def words(captions: bool, keep: bool) -> str:
    """What people read about it: the institution's words, or ours; empty where nothing is on."""
    if not (captions or keep):
        return ""
    given = settings(Settings).consent_text
    if given:
        return given
    if not keep:
        return str(_("Live captions are on: a program writes along what is said. Nothing of it is kept."))
    if not captions:
        return str(_("A program writes along what is said. The transcript stays with the lecture."))
    said = _(
        "Live captions are on: a program writes along what is said. The transcript stays with the lecture."
    )
    return str(said)


def notice(room: Room, lecture: Lecture | None) -> str:
    """What somebody should know before they join."""
    made = artifact_of(lecture) if lecture is not None else None
    wanted = {"captions": made.captions, "keep": made.keep} if made else wishes(room)
    return words(**wanted) if settings(Settings).provider != "off" else ""


# --- keeping --------------------------------------------------------------------------


def keep_from_now(artifact: LectureArtifact, on: bool) -> None:
    """Open or close a time of keeping; nothing said outside of one is ever stored."""
    if artifact.keep == on:
        return
    artifact.keep = on
    mine = Keeping.lecture_id == artifact.lecture_id, Keeping.until.is_(None)
    if on:
        db.session.add(Keeping(lecture_id=artifact.lecture_id, since=now()))
    else:
        db.session.execute(sa.update(Keeping).where(*mine).values(until=now()))
    db.session.flush()


# --- who is heard ---------------------------------------------------------------------


def choose(lecture: Lecture, person: Participant, heard: bool) -> bool:
    """Note what somebody wants from now on; whether that is new."""
    if is_heard(lecture, person) == heard:
        return False
    db.session.add(Choice(lecture_id=lecture.id, participant_id=person.id, heard=heard, since=now()))
    db.session.flush()
    return True


def is_heard(lecture: Lecture, person: Participant) -> bool:
    """Whether that person is written along now."""
    return Hearing.of(lecture, [person.identity]).is_heard(person.identity)


def heard_by_default() -> bool:
    """Whether guests who have said nothing are written along."""
    return not settings(Settings).ask_people


def exceptions(lecture: Lecture) -> list[str]:
    """The identities of those with whom it is not as with guests who have said nothing."""
    by_default = heard_by_default()
    hearing = Hearing.of(lecture)
    return sorted(one for one in hearing.people if hearing.is_heard(one) != by_default)


@dataclass(frozen=True)
class Speaker:
    """Whose identity it is, and what they have said about being heard, in order of time."""

    participant_id: int
    name: str
    by_default: bool
    choices: tuple[tuple[datetime, bool], ...]

    def is_heard(self, moment: datetime | None = None) -> bool:
        said = [heard for since, heard in self.choices if moment is None or since <= moment]
        return said[-1] if said else self.by_default

    def is_heard_all_through(self, since: datetime, until: datetime) -> bool:
        changed = any(since < at <= until and not heard for at, heard in self.choices)
        return self.is_heard(since) and not changed


@dataclass(frozen=True)
class Hearing:
    """Who in a lecture is written along; read once for many lines."""

    people: Mapping[str, Speaker]

    @classmethod
    def of(cls, lecture: Lecture, identities: Sequence[str] | None = None) -> Hearing:
        """Those with these identities, or all for whom something else holds than for everybody.

        People of another lecture are nobody here.
        """
        wanted = Participant.role == "host" if identities is None else Participant.identity.in_(identities)
        query = sa.select(Participant.identity, Participant.id, Participant.name, Participant.role)
        found = list(db.session.execute(query.where(Participant.lecture_id == lecture.id, wanted)))
        choices: dict[str, list[tuple[datetime, bool]]] = {}
        for row in db.session.execute(_choices(), {"lecture": lecture.id}):
            choices.setdefault(row.identity, []).append((row.since, row.heard))
            if identities is None:
                found.append(row)
        return cls({row.identity: _speaker(row, choices.get(row.identity, [])) for row in found})

    def is_heard(self, identity: str) -> bool:
        found = self.people.get(identity)
        return found.is_heard() if found else heard_by_default()


@cache
def _choices() -> Any:
    """What people have chosen, for every identity that they have, or had, in a lecture.

    Built once: two aliases of a wide table took a third of a report's time.
    """
    speaker, chooser = aliased(Participant), aliased(Participant)
    return (
        sa.select(speaker.identity, speaker.id, speaker.name, speaker.role, Choice.since, Choice.heard)
        .select_from(Choice)
        .join(chooser, chooser.id == Choice.participant_id)
        .join(speaker, same_person(speaker, chooser))
        .where(Choice.lecture_id == sa.bindparam("lecture"))
        .order_by(Choice.since, Choice.id)
    )


def _speaker(row: Any, choices: Sequence[tuple[datetime, bool]]) -> Speaker:
    return Speaker(row.id, row.name, heard_by_default() or row.role == "host", tuple(choices))


@dataclass(frozen=True)
class Kept:
    """The times of a lecture in which its transcript was kept."""

    spans: tuple[tuple[datetime, datetime | None], ...]

    @classmethod
    def of(cls, lecture: Lecture) -> Kept:
        query = sa.select(Keeping.since, Keeping.until).where(Keeping.lecture_id == lecture.id)
        return cls(tuple((row.since, row.until) for row in db.session.execute(query)))

    def covers(self, since: datetime, until: datetime) -> bool:
        """Whether all of that time lies in one of them."""
        return any(begun <= since and (over is None or until <= over) for begun, over in self.spans)
