"""A university to look at: an admin, a professor, rooms, and lectures that are over."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from core.config import config
from core.db import db, now
from core.errors import ConfigError
from core.lectures.models import Lecture, Participant
from core.people import passwords
from core.people.models import User
from core.rooms import rooms
from core.rooms.models import Room, RoomHost
from core.run import places

ADMIN, PROFESSOR, COLLEAGUE = "admin@demo.example", "noether@demo.example", "hopper@demo.example"
STUDENTS = (
    "Amira Haddad, Ben Okafor, Chiara Rossi, Dilan Yıldız, Elif Şahin, Farid Karimi, Greta Lindqvist, "
    "Haruto Mori, Ines Duarte, Jonas Weber, Kateryna Bondar, Liam O’Connor, Mei Chen, Nikos Pappas"
).split(", ")
TITLES = {
    "Abstract algebra": ["Groups and symmetry", "Rings and ideals", "Noetherian rings", "Modules"],
    "Seminar: invariants": ["Conservation laws", "Variational problems"],
    "Office hour": [],
}


def fill() -> list[tuple[str, str]]:
    """Make everything once; gives the accounts and their passwords, for the terminal.

    Raises ``ConfigError`` where people are who aren't the demo's.
    """
    kept = config().instance / "demo.json"
    if not db.session.scalar(sa.select(sa.func.count()).select_from(User)):
        _make(kept)
    elif not kept.exists():
        raise ConfigError(
            f"{config().instance} belongs to an installation with people of its own: the demo needs a folder "
            "for itself, another AUDIMAX_INSTANCE_DIR or none"
        )
    return [(str(email), str(password)) for email, password in json.loads(kept.read_text("utf-8")).items()]


def _make(kept: Path) -> None:
    # Known to whoever reads this terminal and to nobody else, as in every other installation.
    words = {email: secrets.token_urlsafe(9) for email in (ADMIN, PROFESSOR)}
    places.write_private(kept, json.dumps(words, indent=2) + "\n")
    _user(ADMIN, "Ada Admin", words[ADMIN], is_admin=True)
    professor = _user(PROFESSOR, "Emmy Noether", words[PROFESSOR])
    colleague = _user(COLLEAGUE, "Grace Hopper", secrets.token_urlsafe(30))
    db.session.commit()
    for title, lectures in TITLES.items():
        _room(professor, colleague, title, lectures)
    db.session.commit()


def _user(email: str, name: str, password: str, *, is_admin: bool = False) -> User:
    hashed = passwords.hash_password(password)
    made = User(email=email, name=name, password_hash=hashed, is_admin=is_admin, verified_at=now())
    db.session.add(made)
    return made


def _room(owner: User, colleague: User, title: str, lectures: list[str]) -> None:
    room = rooms.create(owner, title, description=f"{title}, with {owner.name}")
    db.session.add(RoomHost(room_id=room.id, user_id=colleague.id))
    for weeks_ago, name in enumerate(reversed(lectures), start=1):
        _lecture(room, owner, name, weeks_ago)


def _lecture(room: Room, owner: User, title: str, weeks_ago: int) -> None:
    began = (now() - timedelta(weeks=weeks_ago)).replace(hour=9, minute=15, second=0, microsecond=0)
    ended = began + timedelta(minutes=90)
    made = Lecture(room_id=room.id, title=title, started_by_id=owner.id, started_at=began)
    made.ended_at, made.closed_at, made.ended_reason = ended, ended, "host"
    db.session.add(made)
    db.session.flush()
    db.session.add_all(_people(made, owner, weeks_ago))


def _people(lecture: Lecture, owner: User, weeks_ago: int) -> Iterator[Participant]:
    assert lecture.ended_at is not None
    yield _person(lecture, owner.name, 0, 90, role="host", user_id=owner.id)
    for place, name in enumerate(STUDENTS):
        if (place * 7 + weeks_ago * 3) % 5:
            late = place * weeks_ago % 11
            yield _person(lecture, name, late, 88 - late - place % 4 * 9)


def _person(
    lecture: Lecture, name: str, late: int, minutes: int, *, role: str = "guest", user_id: int | None = None
) -> Participant:
    came = lecture.started_at + timedelta(minutes=late)
    made = Participant(lecture_id=lecture.id, name=name, role=role, user_id=user_id, admitted_at=came)
    made.first_joined_at, made.left_at = came, came + timedelta(minutes=minutes)
    made.seconds_present = minutes * 60
    return made
