"""A large university to look at: what an institution has after two years, made in bulk, each time alike.

What runs in it is made up: nobody is connected. It stays only where nothing compares it with LiveKit.
"""

from __future__ import annotations

import io
import json
import random
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa

from core.db import now
from core.lectures.models import Lecture, Participant
from core.livekit import presence
from core.models import AuditEntry, SettingChange, SystemEntry, Waiting, WebhookEvent
from core.people.models import GuestSession, User
from core.rooms import codes
from core.rooms.models import Room, RoomHost, RoomPlugin

PEOPLE, TEACHERS, ADMINS, ROOMS, FINISHED, LIVE, INSIDE = 5000, 400, 6, 2000, 5000, 200, 30
# Teachers whose accounts are disabled: their rooms are in need of somebody else.
LEFT = 6
DEEDS, ERRORS, CHANGES, EVENTS = 20_000, 400, 600, 20_000
ADDRESS = "large.demo.example"
# Whoever has this address was made with all the others.
FIRST = f"rector@{ADDRESS}"
LONGEST_NAME = "Konstantin-Alexander Freiherr von und zu Langenscheidt-Hohenstein"
YEARS = timedelta(days=730)
GIVEN = (
    "Ada Amira Ben Berta Chiara Dilan Elif Emmy Farid Greta Haruto Ines Jonas Jürgen Kateryna Liam Mei Nikos "
    "Noor Olga Paul Quirin Rosa Sören Tarek Ümit Vera Wanda Xenia Yusuf Zoë"
).split()
FAMILY = (
    "Bondar,Chen,Duarte,Fischer,Größl,Haddad,Hernández,Ibrahim,Jansen,Karimi,Kowalewski,Lindqvist,Mori,Müller,"
    "Nakamura,O’Connor,Okafor,Pappas,Quast,Rossi,Şahin,Schmidt-Petersen,Tanaka,Ueda,Vogt,Weber,Yıldız,Zimmermann"
).split(",")
SUBJECTS = (
    "Abstract algebra,Analysis,Betriebswirtschaftslehre,Biochemie,Computer networks,Constitutional law,"
    "Datenbanksysteme,Elektrodynamik,Festkörperphysik,Geschichte der Neuzeit,Human geography,"
    "Informationsrecht,Kognitionspsychologie,Linear algebra,Makroökonomik,Numerics,"
    "Organische Chemie,Philosophy of mind,Quantum mechanics,Rechnerarchitektur,Statistics,"
    "Thermodynamics,Urban planning,Werkstoffkunde"
).split(",")
KINDS = ("I", "II", "Seminar", "Übung", "Tutorium", "Colloquium", "Practical course", "Office hour")
LONGEST_TITLE = (
    "Ausgewählte Kapitel der Wissenschaftsgeschichte: Donaudampfschifffahrtsgesellschaft und Quantenphysik"
)
PARTS = ("Introduction", "Exercises", "Proofs and examples", "Questions", "A second look", "Before the exam")
ACTIONS = (
    "lecture.start lecture.end lecture.rename lecture.share room.create room.edit room.rotate_code "
    "room.archive room.change_owner room.add_host lecture.remove_person lecture.message_hosts user.disable "
    "user.reset_link invitation.send setting.change moderation.mute moderation.ban recording.start"
).split()
FAULTS = ("TimeoutError", "ConnectionResetError", "ValueError", "OperationalError", "KeyError", "")
OF_CORE = ("core.livekit.client", "core.people.mail")
OWNERS = ("", "", "ai_assistant", "recording", "files", "export_gdrive")
SETTINGS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("core", "institution", ("University of Ulm", "Universität Ulm", LONGEST_TITLE)),
    ("core", "absence_minutes", (5, 10, 15, 20)),
    ("core", "sign_up_domains", (["uni.example"], ["uni.example", ".uni.example"])),
    ("core", "share_links", (True, False)),
    ("core", "export_days", (3, 7, 30)),
    ("recording", "notice_seconds", (5, 10, 15)),
)

Row = dict[str, Any]


class Somebody(NamedTuple):
    """An account, as far as other rows name it."""

    id: int
    name: str


class Place(NamedTuple):
    """A room, as far as other rows name it."""

    id: int
    title: str
    owner: Somebody


class Held(NamedTuple):
    """A lecture, as far as other rows name it."""

    id: int
    public_id: str
    room: Place
    begun: datetime


@dataclass
class House:
    """What is made, and what has been; ``dice`` fall alike each time."""

    connection: sa.Connection
    plugins: Sequence[str] = ()
    moment: datetime = field(default_factory=now)
    # No secret comes of them.
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311
    people: list[Somebody] = field(default_factory=list)
    rooms: list[Place] = field(default_factory=list)

    def ago(self, most: timedelta, least: timedelta = timedelta()) -> datetime:
        return self.moment - least - (most - least) * self.dice.random()

    def happens(self, chance: float) -> bool:
        return self.dice.random() < chance


def fill(connection: sa.Connection, plugins: Sequence[str] = ()) -> None:
    """Make it once; what ran and has ended since is made up again. The caller commits.

    These plugins are switched off in its rooms: none shall send anybody into lectures that are made up.
    """
    house = House(connection, plugins)
    if not connection.scalar(sa.select(sa.exists().where(User.email == FIRST))):
        _make(house)
    _run(house)
    connection.execute(sa.text("ANALYZE"))


def _make(house: House) -> None:
    _people(house)
    _rooms(house)
    held = _finished(house)
    _deeds(house, held)
    _errors(house)
    _changes(house)


# --- people and rooms ---------------------------------------------------------------------


def _people(house: House) -> None:
    names = [LONGEST_NAME, *(_name(house) for _ in range(PEOPLE - 1))]
    ids = _ids(house.connection, User, PEOPLE)
    house.people = [Somebody(*one) for one in zip(ids, names, strict=True)]
    _put(house.connection, User, [_person(house, n, one) for n, one in enumerate(house.people)])


def _name(house: House) -> str:
    return f"{house.dice.choice(GIVEN)} {house.dice.choice(FAMILY)}"


def _person(house: House, number: int, one: Somebody) -> Row:
    made = house.ago(YEARS, timedelta(days=30))
    is_teacher = number < TEACHERS
    has_left = number >= TEACHERS - LEFT if is_teacher else house.happens(0.04)
    return {
        "id": one.id,
        "email": FIRST if number == 0 else f"{_letters(one.name)}.{number}@{ADDRESS}",
        "name": one.name,
        "is_admin": number < ADMINS,
        "created_at": made,
        "verified_at": made if is_teacher or house.happens(0.97) else None,
        "disabled_at": house.ago(timedelta(days=30)) if has_left else None,
        "last_seen_at": house.ago(timedelta(days=30)) if house.happens(0.8) else None,
    }


def _letters(name: str) -> str:
    return re.sub("[^a-z]+", ".", name.lower()).strip(".")


def _rooms(house: House) -> None:
    titles = [LONGEST_TITLE, *(_title(house) for _ in range(ROOMS - 1))]
    # Those in which something runs come first; whoever has left teaches in none of them.
    owners = [
        house.dice.choice(house.people[: TEACHERS - LEFT if at < LIVE else TEACHERS])
        for at in range(len(titles))
    ]
    ids = _ids(house.connection, Room, ROOMS)
    house.rooms = [Place(*one) for one in zip(ids, titles, owners, strict=True)]
    _put(house.connection, Room, [_room(house, n, one) for n, one in enumerate(house.rooms)])
    _put(house.connection, RoomHost, [row for one in house.rooms for row in _co_hosts(house, one)])
    quiet = [(one.id, name) for one in house.rooms for name in house.plugins]
    rows = [{"room_id": key, "plugin": name, "enabled": False} for key, name in quiet]
    _put(house.connection, RoomPlugin, rows)


def _title(house: House) -> str:
    return f"{house.dice.choice(SUBJECTS)} {house.dice.choice(KINDS)}"


def _room(house: House, number: int, one: Place) -> Row:
    is_archived = number >= LIVE and house.happens(0.15)
    return {
        "id": one.id,
        "code": codes.new_code(),
        "title": one.title,
        "owner_id": one.owner.id,
        "language": house.dice.choice(("en", "de")),
        "created_at": house.ago(YEARS, timedelta(days=60)),
        "archived_at": house.ago(timedelta(days=60)) if is_archived else None,
    }


def _co_hosts(house: House, one: Place) -> Iterator[Row]:
    for other in house.dice.sample(house.people[:TEACHERS], house.dice.choice((0, 0, 1, 2))):
        if other != one.owner:
            yield {"room_id": one.id, "user_id": other.id}


# --- lectures -----------------------------------------------------------------------------


def _finished(house: House) -> list[Held]:
    ids = _ids(house.connection, Lecture, FINISHED)
    begun = sorted(house.ago(YEARS, timedelta(hours=3)) for _ in ids)
    held = [_held(house, *one) for one in zip(ids, begun, strict=True)]
    _put(house.connection, Lecture, [_lecture(house, one, timedelta(minutes=90)) for one in held])
    _put(house.connection, Participant, [row for one in held for row in _audience(house, one)])
    return held


def _held(house: House, key: int, begun: datetime) -> Held:
    return Held(key, secrets.token_hex(11), house.dice.choice(house.rooms), begun)


def _lecture(house: House, one: Held, length: timedelta | None) -> Row:
    ended = one.begun + length if length else None
    return {
        "id": one.id,
        "public_id": one.public_id,
        "room_id": one.room.id,
        "title": f"{one.room.title}: {house.dice.choice(PARTS)}",
        "started_by_id": one.room.owner.id,
        "started_at": one.begun,
        "ended_at": ended,
        "ended_reason": "host" if ended else "",
        "closed_at": ended,
        "absent_since": None,
    }


def _audience(house: House, one: Held) -> Iterator[Row]:
    for person in [one.room.owner, *_students(house, house.dice.randint(4, 14))]:
        came = one.begun + timedelta(minutes=house.dice.randint(0, 20))
        stayed = timedelta(minutes=house.dice.randint(5, 70))
        left = {"left_at": came + stayed, "seconds_present": int(stayed.total_seconds())}
        yield _participant(one, person, came) | left


def _students(house: House, count: int) -> list[Somebody]:
    return house.dice.sample(house.people[TEACHERS:], count)


def _participant(one: Held, person: Somebody, came: datetime) -> Row:
    return {
        "lecture_id": one.id,
        "user_id": person.id,
        "name": person.name,
        "role": "host" if person == one.room.owner else "guest",
        "admitted_at": came,
        "first_joined_at": came,
        "present_since": None,
        "left_at": None,
        "seconds_present": 0,
        "identity": secrets.token_hex(11),
        "livekit_sid": "",
    }


def _run(house: House) -> None:
    """A lecture in each of the first rooms that are open and have none."""
    rooms, students = _silent_rooms(house), _known(house)
    if not rooms:
        return
    house.people = students
    ids = _ids(house.connection, Lecture, len(rooms))
    held = [
        Held(key, secrets.token_hex(11), room, house.ago(timedelta(minutes=80)))
        for key, room in zip(ids, rooms, strict=True)
    ]
    _put(house.connection, Lecture, [_lecture(house, one, None) for one in held])
    inside = [row for one in held for row in _crowd(house, one)]
    _put(house.connection, Participant, inside)
    _wait(house, held)
    _events(house, held, inside)


def _silent_rooms(house: House) -> list[Place]:
    first = (
        sa.select(Room.id, Room.title, User.id.label("owner"), User.name)
        .join(User, User.id == Room.owner_id)
        .where(User.email.endswith(f"@{ADDRESS}"), Room.archived_at.is_(None))
        .order_by(Room.id)
        .limit(LIVE)
        .subquery()
    )
    live = sa.exists().where(Lecture.room_id == first.c.id, Lecture.ended_at.is_(None))
    found = house.connection.execute(sa.select(first).where(~live).order_by(first.c.id))
    return [Place(key, title, Somebody(*owner)) for key, title, *owner in found]


def _known(house: House) -> list[Somebody]:
    query = sa.select(User.id, User.name).where(User.email.endswith(f"@{ADDRESS}")).order_by(User.id)
    return [Somebody(*row) for row in house.connection.execute(query)]


def _crowd(house: House, one: Held) -> Iterator[Row]:
    for person in [one.room.owner, *_students(house, INSIDE - 1)]:
        came = one.begun + (house.moment - one.begun) * house.dice.random()
        here = {"present_since": came, "livekit_sid": f"PA_{secrets.token_hex(6)}"}
        yield _participant(one, person, came) | here


def _wait(house: House, held: list[Held]) -> None:
    """Before every third door stand some people."""
    doors = [one for one in held[::3] for _ in range(house.dice.randint(1, 6))]
    people = [house.dice.choice(house.people).name for _ in doors]
    ids = _ids(house.connection, GuestSession, len(doors))
    rows = list(zip(ids, people, doors, strict=True))
    guests = [{"id": key, "name": name, "token_hash": secrets.token_hex(32)} for key, name, _door in rows]
    _put(house.connection, GuestSession, guests)
    waits = {"cause": "lobby", "since": house.moment, "seen_at": house.moment, "left_at": None}
    _put(
        house.connection,
        Waiting,
        [waits | {"room_id": one.room.id, "guest_session_id": key, "name": name} for key, name, one in rows],
    )


def _events(house: House, held: list[Held], inside: list[Row]) -> None:
    """What LiveKit would have said: who came, whose network broke and came back, and of assistants."""
    of = {one.id: one for one in held}
    told = [_came(of[row["lecture_id"]], row) for row in inside]
    for number, one in enumerate(held):
        if number % 3 < 2:
            told += _assistant(one, stays=number % 3 == 0)
    wanted = EVENTS * len(held) // LIVE - len(told)
    told += islice(_breaks(house, of, inside), max(wanted, 0))
    _put(house.connection, WebhookEvent, told)


def _came(one: Held, row: Row) -> Row:
    return _event(one, presence.JOINED, row["identity"], row["livekit_sid"])


def _assistant(one: Held, stays: bool) -> list[Row]:
    kinds = (presence.JOINED,) if stays else (presence.JOINED, presence.LEFT)
    sid = f"PA_{secrets.token_hex(6)}"
    return [_event(one, kind, f"captions-{one.public_id}", sid, int(presence.AGENTS)) for kind in kinds]


def _breaks(house: House, of: dict[int, Held], inside: list[Row]) -> Iterator[Row]:
    while True:
        row, sid = house.dice.choice(inside), f"PA_{secrets.token_hex(6)}"
        for kind in (presence.JOINED, presence.LEFT):
            yield _event(of[row["lecture_id"]], kind, row["identity"], sid)


def _event(one: Held, kind: str, identity: str, sid: str, who: int = int(presence.PEOPLE)) -> Row:
    at = one.begun + timedelta(minutes=1)
    payload = {"identity": identity, "sid": sid, "kind": who, "joined_at_ms": int(at.timestamp() * 1000)}
    return {
        "id": f"EV_{secrets.token_hex(8)}",
        "kind": kind,
        "lecture_public_id": one.public_id,
        "happened_at": at,
        "received_at": at,
        "worked_at": at,
        "payload": payload,
    }


# --- logs and settings --------------------------------------------------------------------


def _deeds(house: House, held: list[Held]) -> None:
    _put(house.connection, AuditEntry, [_deed(house, house.dice.choice(held)) for _ in range(DEEDS)])


def _deed(house: House, one: Held) -> Row:
    action, actor = house.dice.choice(ACTIONS), house.dice.choice(house.people[:TEACHERS])
    family = action.partition(".")[0]
    at_a_place = family in ("lecture", "room", "moderation", "recording")
    return {
        "at": house.ago(YEARS),
        "action": action,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "room_id": one.room.id if at_a_place else None,
        "lecture_id": one.id if at_a_place and family != "room" else None,
        "target": one.room.title if family == "room" else house.dice.choice(house.people).name,
        "details": {"lectures": house.dice.randint(1, 9)} if house.happens(0.2) else {},
    }


def _errors(house: House) -> None:
    _put(house.connection, SystemEntry, [_error(house, number) for number in range(ERRORS)])


def _error(house: House, number: int) -> Row:
    kind, owner = house.dice.choice(FAULTS), house.dice.choice(OWNERS)
    module = f"plugins.{owner}.jobs" if owner else house.dice.choice(OF_CORE)
    place = f"{module.replace('.', '/')}.py:{number + 20} in work"
    last = house.ago(timedelta(days=60))
    return {
        "fingerprint": secrets.token_hex(16),
        "kind": kind,
        "message": f"job %s can't be done now, step {number}: it is tried again",
        "logger": module,
        "plugin": owner,
        "hook": "exporters" if owner and house.happens(0.2) else "",
        "place": place,
        "trace": f"{kind}\n{place}" if kind else "",
        "count": house.dice.choice((1, 1, 2, 7, 40, 1200)),
        "first_at": last - timedelta(days=house.dice.randint(0, 90)),
        "last_at": last,
        "request_id": secrets.token_hex(8) if house.happens(0.5) else "",
    }


def _changes(house: House) -> None:
    """The history of some settings, each change from what was before; what came last isn't set."""
    before: dict[tuple[str, str], Any] = {}
    _put(house.connection, SettingChange, [_change(house, before, number) for number in range(CHANGES)])


def _change(house: House, before: dict[tuple[str, str], Any], number: int) -> Row:
    scope, name, values = SETTINGS[number % len(SETTINGS)]
    # At the end all have their default again, as the house that runs has.
    is_last = number >= CHANGES - len(SETTINGS)
    old, new = before.get((scope, name)), None if is_last else house.dice.choice(values)
    before[scope, name] = new
    actor = house.dice.choice(house.people[:ADMINS])
    at = house.moment - YEARS + YEARS * (number + 1) / (CHANGES + 1)
    made = {"scope": scope, "name": name, "before": old, "after": new, "at": at}
    return made | {"actor_id": actor.id, "actor_name": actor.name}


# --- in bulk ------------------------------------------------------------------------------


def _ids(connection: sa.Connection, model: Any, count: int) -> list[int]:
    """Keys that nobody else gets."""
    query = sa.text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
    return list(connection.scalars(query, {"name": f'"{model.__tablename__}"', "count": count}))


def _put(connection: sa.Connection, model: Any, rows: Iterable[Row]) -> None:
    """All rows by one COPY; what they don't say is as in a new row."""
    rows = list(rows)
    if not rows:
        return
    columns = [one for one in model.__table__.columns if one.name in rows[0] or one.default is not None]
    cells = [_cell(one, said=one.name in rows[0]) for one in columns]
    lines = "".join("\t".join(cell(row) for cell in cells) + "\n" for row in rows)
    names = ", ".join(f'"{one.name}"' for one in columns)
    driver: Any = connection.connection
    with driver.cursor() as cursor:
        cursor.copy_expert(f'COPY "{model.__tablename__}" ({names}) FROM STDIN', io.StringIO(lines))


def _cell(column: Any, *, said: bool) -> Callable[[Row], str]:
    """What a row's line has in this column."""
    name, write = column.name, _as_json if isinstance(column.type, sa.JSON) else _written
    if said:
        return lambda row: write(row[name])
    if column.default.is_scalar:
        fixed = write(column.default.arg)
        return lambda _row: fixed
    return lambda _row: write(column.default.arg(None))


def _as_json(value: Any) -> str:
    return _written(None if value is None else json.dumps(value))


def _written(value: Any) -> str:
    if value is None:
        return r"\N"
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n")
