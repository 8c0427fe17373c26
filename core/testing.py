"""Test kit for plugin authors: a pytest plugin that is there once Audimax is installed.

Subclass ``PluginContract``, set ``name`` (and ``settings``, if some are required) and pytest checks
every promise that a plugin makes, on a real PostgreSQL: the one that ``AUDIMAX_TEST_DATABASE_URL``
names (its role must be allowed to create databases), or one of its own. ``StorageContract`` and
``DirectUploadsContract`` do so for storages.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import itertools
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.routing import Rule
    from werkzeug.test import TestResponse

    from core.contracts import LecturePackage, Viewer
    from core.engine.plugins import Loaded
    from core.engine.settings import Field

ORIGIN = "http://localhost:8000"
FOREIGN = "https://elsewhere.example"
REFUSED = (401, 403, 404)
FOR_PEOPLE = {"room_id", "lecture_id"}
PERSON_TABLES = {"user", "guest_session", "participant"}
MOST_QUERIES_OF_A_GUARD = 3
MB = 1024 * 1024
# How settings end that say where a server goes, or let it in there.
LEADING = frozenset(
    "url urls endpoint endpoints address addresses host hosts server servers proxy proxies "
    "folder folders dir path paths file key keys token secret password".split()
)
# The kinds of settings in which anything may be written.
ANY_WORDS = frozenset({"text", "list", "table"})
WRONG_BODIES: tuple[Any, ...] = ([], {"no such field": 1}, None, "x" * 1000)
_numbers = itertools.count(1)


# --- a database -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def audimax_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL in which databases may be created."""
    if given := os.environ.get("AUDIMAX_TEST_DATABASE_URL", ""):
        yield given
        return
    from core.run.postgres import EmbeddedPostgres

    folder = tmp_path_factory.mktemp("audimax-pg")
    server = EmbeddedPostgres(folder / "data", folder / "run", settings={"fsync": "off"})
    server.start()
    yield server.url
    server.destroy()


@pytest.fixture(scope="class")
def audimax_url(audimax_server: str) -> Iterator[str]:
    """The address of an empty database, dropped afterwards."""
    import sqlalchemy as sa

    name = f"audimax_contract_{secrets.token_hex(6)}"
    engine = sa.create_engine(
        audimax_server, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 10}
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
        yield engine.url.set(database=name).render_as_string(hide_password=False)
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


# --- people and places ----------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A room with a live lecture, its host and one guest; ids are database keys, texts public ids."""

    room_id: int
    lecture_id: int
    participant_id: int
    guest_session_id: int
    owner_id: int
    room: str
    lecture: str
    host: Caller
    guest: Caller


class Caller:
    """Somebody with a browser of their own; every request comes from another address."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Send a request as our own pages do."""
        number = next(_numbers)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return self.client.open(
            path,
            method=method,
            json=body,
            base_url=ORIGIN,
            headers={"Origin": ORIGIN, **headers},
            environ_base={"REMOTE_ADDR": address},
        )


def new_place(app: Flask, plugin: str) -> Place:
    """Make a room in which the plugin is on, with everybody in it."""
    from core.db import db
    from core.engine import room_plugins
    from core.lectures.models import Lecture, Participant
    from core.rooms import codes
    from core.rooms.models import Room

    number = next(_numbers)
    with app.app_context():
        owner = _new_user(f"host{number}@uni.example")
        room = Room(title=f"Room {number}", owner_id=owner.id, code=codes.new_code())
        db.session.add(room)
        db.session.flush()
        lecture = Lecture(room_id=room.id, title=room.title, started_by_id=owner.id)
        guest, token = _new_guest()
        db.session.add(lecture)
        db.session.flush()
        person = Participant(lecture_id=lecture.id, guest_session_id=guest.id, name="Ann")
        db.session.add(person)
        if app.extensions["audimax_plugins"].loaded[plugin].manifest.room_settings is not None:
            room_plugins.switch(room, plugin, True)
        db.session.commit()
        return Place(
            room_id=room.id,
            lecture_id=lecture.id,
            participant_id=person.id,
            guest_session_id=guest.id,
            owner_id=owner.id,
            room=room.public_id,
            lecture=lecture.public_id,
            host=signed_in(app, owner.get_id()),
            guest=with_session(app, token),
        )


def add_guest(app: Flask, place: Place, name: str = "Bob") -> Caller:
    """One more guest inside that lecture, at a browser of their own."""
    from core.db import db
    from core.lectures.models import Participant

    with app.app_context():
        guest, token = _new_guest()
        db.session.add(Participant(lecture_id=place.lecture_id, guest_session_id=guest.id, name=name))
        db.session.commit()
        return with_session(app, token)


def add_host(app: Flask, place: Place) -> Caller:
    """One more host of that room: a co-host."""
    from core.db import db
    from core.rooms.models import RoomHost

    with app.app_context():
        user = _new_user(f"host{next(_numbers)}@uni.example")
        db.session.add(RoomHost(room_id=place.room_id, user_id=user.id))
        db.session.commit()
        return signed_in(app, user.get_id())


def new_admin(app: Flask) -> Caller:
    """An admin who is no host."""
    from core.db import db

    with app.app_context():
        user = _new_user(f"admin{next(_numbers)}@uni.example", is_admin=True)
        db.session.commit()
        return signed_in(app, user.get_id())


def signed_in(app: Flask, session_id: str) -> Caller:
    """A browser that has signed in as that user (``user.get_id()``)."""
    client = app.test_client()
    with client.session_transaction(base_url=ORIGIN) as session:
        session["_user_id"], session["_fresh"] = session_id, True
    return Caller(client)


def with_session(app: Flask, token: str) -> Caller:
    """A guest's browser."""
    from core.people.guests import COOKIE

    client = app.test_client()
    client.set_cookie(COOKIE, token, domain="localhost")
    return Caller(client)


def _new_user(email: str, **more: Any) -> Any:
    from core.db import db, now
    from core.people.models import User

    user = User(email=email, name="Emmy Noether", verified_at=now(), **more)
    db.session.add(user)
    db.session.flush()
    return user


def _new_guest() -> tuple[Any, str]:
    from core.db import db
    from core.people.models import GuestSession

    token = secrets.token_urlsafe(32)
    guest = GuestSession(token_hash=hashlib.sha256(token.encode()).hexdigest(), name="Ann")
    db.session.add(guest)
    db.session.flush()
    return guest, token


def sample_package() -> LecturePackage:
    """A lecture with every type of section, and with what exporters stumble over."""
    from core.contracts import (
        Facts,
        FileEntry,
        Files,
        Film,
        FilmSpan,
        LecturePackage,
        Line,
        Prose,
        Table,
        Timeline,
    )

    odd = "<b>Gödel & Erdős</b> قاعة 講堂 🎓 =1+1"
    return LecturePackage(
        id="sample",
        title=f"Algorithms II {odd}",
        room_title="Algorithms",
        started_at=datetime(2026, 3, 2, 9, 15, tzinfo=UTC),
        ended_at=datetime(2026, 3, 2, 10, 45, tzinfo=UTC),
        language="en",
        sections=(
            Prose("summary", "Summary", paragraphs=("One paragraph.", odd)),
            Timeline("chat", "Chat", lines=(Line(1.5, "Ann", odd), Line(3600, "Bob", "Bye."))),
            Facts("facts", "Facts", facts=(("People", "2"), ("Odd", odd))),
            Table("people", "People", columns=("Name", "Minutes"), rows=(("Ann", "90"), (odd, "1"))),
            Files("files", "Files", files=(FileEntry("a/../b.pdf", "application/pdf", 12, "/files/1"),)),
            Film(
                "film",
                "Recording",
                files=(FileEntry("lecture.webm", "video/webm", 34, "/files/2"),),
                spans=(FilmSpan(0, 5390, 10),),
                chapters=((0, odd),),
                language="en",
                length=5390,
            ),
            Prose("empty", "Empty"),
        ),
    )


# --- settings -------------------------------------------------------------------------


def set_in_browsers(settings: Any, *others: Any) -> Iterator[Field]:
    """Of the installation's settings those that may be edited; of a room's, and of options, all."""
    from core.engine.settings import fields

    yield from (field for field in fields(settings).values() if field.editable)
    yield from (field for cls in others if cls for field in fields(cls).values())


def leads_somewhere(field: Field) -> bool:
    """Whether it is the operator's alone: a secret, or by its name an address, a place for files, a key.

    Switches, numbers and choices out of your own list lead nowhere, whatever they are called.
    """
    return field.secret or (field.kind in ANY_WORDS and field.name.rpartition("_")[2] in LEADING)


# --- the contract ---------------------------------------------------------------------


class PluginContract:
    """Every promise a plugin makes. Subclass it, set ``name`` and, if some are required, ``settings``.

    ``make_rows(place)`` puts a row of yours into that room and lecture and returns the public ids
    by the names that your routes use, e.g. ``{"note_id": note.public_id}``: it is needed as soon
    as a route has such a part. ``bodies`` gives request bodies by endpoint where the one made
    from the model won't do. ``package()`` gives the lecture that exporters are tried with: change it
    when yours needs something that the sample doesn't have. Exporters and storages named in
    ``needs_outside`` are not run. ``machines`` names the endpoints outside of ``INTERNAL`` that programs
    call: they prove their caller by themselves, and other pages aren't kept from them.
    Settings named in ``shown_only`` are addresses that people are shown
    and the server never asks.

    Your own tests may stand in the same class: ``app`` is the app with your plugin and its tables,
    ``places`` are two rooms with a live lecture, a host and a guest each.
    """

    name: ClassVar[str] = ""
    settings: ClassVar[Mapping[str, Any]] = {}
    bodies: ClassVar[Mapping[str, Any]] = {}
    needs_outside: ClassVar[frozenset[str]] = frozenset()
    machines: ClassVar[frozenset[str]] = frozenset()
    shown_only: ClassVar[frozenset[str]] = frozenset()

    def make_rows(self, place: Place) -> Mapping[str, str]:
        """Rows in one room and lecture, inside an app context; commit them."""
        return {}

    def package(self) -> LecturePackage:
        """The lecture that exporters are tried with."""
        return sample_package()

    # --- what the tests use ---

    @pytest.fixture(scope="class")
    @classmethod
    def app(cls, audimax_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
        from core.db import db
        from core.engine import schema

        made = cls._app(audimax_url, tmp_path_factory.mktemp("instance"), [cls.name])
        schema.upgrade_all(made)
        yield made
        with made.app_context():
            db.session.remove()
            db.engine.dispose()

    @classmethod
    def _app(cls, url: str, instance: Path, enabled: list[str]) -> Flask:
        from core import create_app

        return create_app(
            {
                "mode": "test",
                "instance_dir": str(instance),
                "public_url": ORIGIN,
                "secret_key": secrets.token_urlsafe(48),
                "database_url": url,
                "livekit_key": "contract",
                "livekit_secret": secrets.token_urlsafe(48),
                "livekit_api_url": "http://127.0.0.1:9",
                "enabled_plugins": enabled,
                "plugins": {cls.name: dict(cls.settings)} if cls.settings else {},
            }
        )

    @pytest.fixture
    def loaded(self, app: Flask) -> Loaded:
        found: Loaded = app.extensions["audimax_plugins"].loaded[self.name]
        return found

    @pytest.fixture
    def places(self, app: Flask) -> tuple[Place, Place]:
        """Two rooms that have nothing to do with each other."""
        return new_place(app, self.name), new_place(app, self.name)

    def rows(self, app: Flask, place: Place) -> dict[str, str]:
        with app.app_context():
            return dict(self.make_rows(place))

    # --- what it says of itself ---

    def test_it_says_what_it_is(self, loaded: Loaded) -> None:
        assert str(loaded.manifest.title).strip(), "give Plugin(…) a title: it is shown to hosts and admins"
        docs = ast.get_docstring(ast.parse((loaded.folder / "__init__.py").read_text("utf-8")))
        assert docs, "begin __init__.py with a line that says what the plugin does"

    def test_no_hook_forgot_its_marker(self, loaded: Loaded) -> None:
        from core.engine.plugins import HOOKS

        module = import_module(f"{loaded.package}.hooks")
        own = {n: f for n, f in vars(module).items() if getattr(f, "__module__", "") == module.__name__}
        for hook in HOOKS.keys() & own.keys():
            assert hook in loaded.hooks, f"{hook}() lacks @hookimpl: it is never called"

    def test_every_setting_explains_itself(self, loaded: Loaded) -> None:
        for cls in (loaded.manifest.settings, loaded.manifest.room_settings):
            for field in dataclasses.fields(cls) if cls else ():
                said = field.metadata.get("label") or field.metadata.get("help")
                assert said, f"{field.name}: say what it is with setting(label=…) or setting(help=…)"

    def test_addresses_places_and_keys_are_the_operators_alone(self, app: Flask, loaded: Loaded) -> None:
        options = [getattr(one, "options", None) for one in self._offers(app, "exporters")]
        known = set_in_browsers(loaded.manifest.settings, loaded.manifest.room_settings, *options)
        wrong = sorted(one.name for one in known if leads_somewhere(one) and one.name not in self.shown_only)
        assert not wrong, f"{', '.join(wrong)}: set in a browser, it would send the server where people want"

    def test_templates_live_in_a_folder_of_its_own(self, loaded: Loaded) -> None:
        templates = loaded.folder / "templates"
        found = [path.name for path in templates.iterdir()] if templates.is_dir() else [self.name]
        assert found == [self.name], f"move templates to templates/{self.name}/: names are shared by all"

    def test_it_uses_core_only_through_the_one_door(self, loaded: Loaded) -> None:
        wrong = [
            f"{path.name} imports {name}"
            for path in loaded.folder.rglob("*.py")
            for name in _imports(path)
            if self._is_forbidden(name, loaded)
        ]
        assert not wrong, (
            f"{wrong}: import from core.api (agents: core.agents, tests: core.testing), "
            "and from no other plugin"
        )

    def _is_forbidden(self, name: str, loaded: Loaded) -> bool:
        if name == "core" or name.startswith("core."):
            return name not in ("core.api", "core.agents", "core.testing")
        return name.startswith("plugins.") and not f"{name}.".startswith(f"{loaded.package}.")

    # --- its tables ---

    def test_its_tables_come_and_go(self, app: Flask, loaded: Loaded) -> None:
        from core.engine import schema

        if not self._tables(app) and not (loaded.folder / "migrations").is_dir():
            return
        schema.check(app, self.name)
        schema.downgrade(app, self.name)
        left = self._tables(app)
        schema.upgrade_all(app)
        assert not left, f"downgrade() leaves {left}"
        schema.check(app, self.name)

    def test_its_tables_hang_on_core_only_and_go_with_it(self, app: Flask) -> None:
        for table in self._metadata():
            for key in table.foreign_keys:
                target = key.column.table.name
                assert "__" not in target or target.startswith(f"{self.name}__"), (
                    f"{key.parent} points at another plugin's table {target}"
                )
                assert key.ondelete in ("CASCADE", "SET NULL"), f"{key.parent}: add ondelete='CASCADE'"

    def test_columns_about_people_are_registered(self, app: Flask) -> None:
        registered = self._registered(app)
        for table in self._metadata():
            for key in table.foreign_keys:
                if key.column.table.name in PERSON_TABLES:
                    about = (table.name, key.parent.name)
                    assert about in registered, f"{about}: call register_personal_columns in its migration"

    def _registered(self, app: Flask) -> set[tuple[str, str]]:
        import sqlalchemy as sa

        from core.db import db
        from core.models import PersonalColumn

        with app.app_context():
            rows = db.session.scalars(sa.select(PersonalColumn).filter_by(plugin=self.name)).all()
            return {(row.table, name) for row in rows for name in (row.column, row.person_column)}

    def _metadata(self) -> list[Any]:
        from core.db import db

        return [t for name, t in sorted(db.metadata.tables.items()) if name.startswith(f"{self.name}__")]

    def _tables(self, app: Flask) -> list[str]:
        import sqlalchemy as sa

        from core.db import db

        with app.app_context():
            names = sa.inspect(db.engine).get_table_names()
        return [n for n in names if n.startswith(f"{self.name}__") and not n.endswith("alembic_version")]

    def test_core_goes_on_without_it(
        self, app: Flask, audimax_url: str, tmp_path: Path, places: tuple[Place, Place]
    ) -> None:
        from core.db import db
        from core.engine import schema

        without = self._app(audimax_url, tmp_path, [])
        try:
            assert schema.at_head(without)
            assert Caller(without.test_client()).ask("GET", "/").status_code < 500
        finally:
            with without.app_context():
                db.engine.dispose()

    # --- its routes ---

    def test_ids_of_another_room_open_nothing(self, app: Flask, places: tuple[Place, Place]) -> None:
        here, there = places
        ids = self.rows(app, there)
        self.rows(app, here)
        for rule, method in self._routes(app):
            parts = rule.arguments - FOR_PEOPLE
            if not parts or not rule.arguments & FOR_PEOPLE:
                continue
            unknown = parts - ids.keys()
            assert not unknown, f"{rule.rule}: make_rows() must give {sorted(unknown)}"
            status = self._ask(app, rule, method, here, ids).status_code
            assert status in (403, 404), (
                f"{method} {rule.rule} with an id of another room: {status}; use scoped()"
            )

    def test_its_own_ids_are_found(self, app: Flask, places: tuple[Place, Place]) -> None:
        here, _there = places
        ids = self.rows(app, here)
        for rule, method in self._routes(app):
            if method == "GET" and rule.arguments & FOR_PEOPLE:
                answer = self._ask(app, rule, method, here, ids)
                assert answer.status_code != 404, f"{rule.rule}: the id that make_rows() gave isn't found"
                assert answer.status_code < 500, f"{rule.rule}: {answer.text[:300]}"

    def test_views_are_for_those_they_name(self, app: Flask, places: tuple[Place, Place]) -> None:
        here, there = places
        ids = self.rows(app, here)
        for rule, method in self._routes(app):
            for role, caller in self._callers(app, here, there).items():
                if not self._may(app, rule, role):
                    answer = self._send(app, caller, rule, method, here, ids)
                    assert _is_refused(answer), f"{method} {rule.rule} by a {role}: {answer.status_code}"

    def test_an_unknown_room_is_not_found(self, app: Flask, places: tuple[Place, Place]) -> None:
        here, _there = places
        ids = self.rows(app, here)
        for rule, method in self._routes(app):
            if rule.arguments & FOR_PEOPLE:
                nowhere = replace(here, room="nowhere", lecture="nowhere")
                answer = self._send(app, here.host, rule, method, nowhere, ids)
                assert answer.status_code in REFUSED, f"{method} {rule.rule}"

    def test_where_it_is_off_its_routes_are_gone(
        self, app: Flask, loaded: Loaded, places: tuple[Place, Place]
    ) -> None:
        if loaded.manifest.room_settings is None:
            return
        here, _there = places
        ids = self.rows(app, here)
        self._switch_off(app, here)
        for rule, method in self._routes(app):
            if rule.arguments & FOR_PEOPLE:
                assert self._ask(app, rule, method, here, ids).status_code == 404, f"{method} {rule.rule}"

    def test_bodies_that_are_wrong_are_refused_in_words(
        self, app: Flask, places: tuple[Place, Place]
    ) -> None:
        here, _there = places
        ids = self.rows(app, here)
        for rule, method in self._routes(app):
            if _spec(app, rule).body is None:
                continue
            for wrong in WRONG_BODIES:
                answer = self._ask(app, rule, method, here, ids, body=wrong)
                assert 400 <= answer.status_code < 500, (
                    f"{method} {rule.rule} with {wrong!r}: {answer.status_code}"
                )

    def test_no_foreign_page_changes_anything(self, app: Flask, places: tuple[Place, Place]) -> None:
        here, _there = places
        ids = {**self.rows(app, here), "room_id": here.room, "lecture_id": here.lecture}
        open_to_pages = [one for one in self._routes(app) if not self._is_for_machines(app, one[0])]
        for rule, method in open_to_pages:
            opening = {"Connection": "Upgrade", "Upgrade": "websocket"} if rule.websocket else {}
            if method in ("GET", "HEAD") and not opening:
                continue
            caller = self._rightful(app, rule, here)
            answer = caller.ask(method, _path(rule, ids), {}, Origin=FOREIGN, **opening)
            assert answer.status_code == 403, f"{method} {rule.rule} from another page: {answer.status_code}"

    def _is_for_machines(self, app: Flask, rule: Rule) -> bool:
        from core.contracts import MountPoint

        if app.extensions["audimax_mounts"][rule.endpoint].at is MountPoint.INTERNAL:
            return True
        is_exempt = getattr(app.view_functions[rule.endpoint], "from_machines", False)
        assert not is_exempt or rule.endpoint in self.machines, (
            f"{rule.endpoint} is open to every page: take @from_machines away, or name it in machines"
        )
        return is_exempt

    def _switch_off(self, app: Flask, place: Place) -> None:
        from core.db import db
        from core.engine import room_plugins
        from core.rooms.models import Room

        with app.app_context():
            room_plugins.switch(db.session.get_one(Room, place.room_id), self.name, False)
            db.session.commit()

    def _routes(self, app: Flask) -> Iterator[tuple[Rule, str]]:
        mounted = app.extensions["audimax_mounts"]
        for rule in app.url_map.iter_rules():
            if rule.endpoint in mounted and mounted[rule.endpoint].plugin == self.name and _spec(app, rule):
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    yield rule, method

    def _callers(self, app: Flask, here: Place, there: Place) -> dict[str, Caller]:
        return {
            "stranger": Caller(app.test_client()),
            "participant": here.guest,
            "host of another room": there.host,
            "participant of another room": there.guest,
            "admin": new_admin(app),
        }

    def _may(self, app: Flask, rule: Rule, role: str) -> bool:
        from core.http.views import SignedIn

        roles = _spec(app, rule).roles
        if isinstance(roles, SignedIn):
            return role in ("admin", "host of another room")
        inside = bool(rule.arguments & FOR_PEOPLE)
        standing = role if inside or role == "admin" else "stranger"
        return (standing if " of another room" not in standing else "stranger") in roles

    def _ask(
        self, app: Flask, rule: Rule, method: str, place: Place, ids: Mapping[str, str], body: Any = ...
    ) -> TestResponse:
        """As somebody who may: the host, the guest, an admin, or the agent."""
        return self._send(app, self._rightful(app, rule, place), rule, method, place, ids, body)

    def _rightful(self, app: Flask, rule: Rule, place: Place) -> Caller:
        from core.http.views import SignedIn

        roles = _spec(app, rule).roles
        if isinstance(roles, SignedIn) or "host" in roles:
            return place.host
        if "admin" in roles:
            return new_admin(app)
        return _Agent(app, place) if "agent" in roles else place.guest

    def _send(
        self,
        app: Flask,
        caller: Caller,
        rule: Rule,
        method: str,
        place: Place,
        ids: Mapping[str, str],
        body: Any = ...,
    ) -> TestResponse:
        model = _spec(app, rule).body
        opening = {"Connection": "Upgrade", "Upgrade": "websocket"} if rule.websocket else {}
        if body is ...:
            made = self.bodies.get(rule.endpoint)
            body = made if made is not None else example_body(model) if model else None
        return caller.ask(
            method, _path(rule, {**ids, "room_id": place.room, "lecture_id": place.lecture}), body, **opening
        )

    # --- its answers ---

    def test_its_guard_asks_the_database_once_for_everybody(
        self, app: Flask, places: tuple[Place, Place]
    ) -> None:
        from core.contracts import JoinRequest
        from core.db import db
        from core.rooms.models import Room

        joins = [JoinRequest(f"g{n}", f"Guest {n}", guest_session_id=10_000 + n) for n in range(40)]
        counts = []
        for several in (joins[:1], joins):
            with app.app_context(), _counting() as said:
                room = db.session.get_one(Room, places[0].room_id)
                app.extensions["audimax_plugins"].ask_one(self.name, "admit", room=room, joins=several)
            counts.append(len(said))
        assert counts[0] == counts[1] <= MOST_QUERIES_OF_A_GUARD + 1, (
            f"admit() takes {counts[0]} queries for one join and {counts[1]} for 40: read all with one query"
        )

    def test_its_rights_are_narrowed_for_all_at_once(self, app: Flask, places: tuple[Place, Place]) -> None:
        from core.db import db
        from core.lectures.models import Participant
        from core.rooms.models import Room

        with app.app_context():
            room = db.session.get_one(Room, places[0].room_id)
            people = [db.session.get_one(Participant, places[0].participant_id)]
            engine = app.extensions["audimax_plugins"]
            engine.ask_one(self.name, "narrow_grants", room=room, participants=people)
            engine.ask_one(self.name, "narrow_grants", room=room, participants=[])

    def test_its_sections_are_sections_for_every_viewer(
        self, app: Flask, places: tuple[Place, Place]
    ) -> None:
        from core.db import db
        from core.lectures.models import Lecture

        self.rows(app, places[0])
        for viewer in _viewers(places[0]):
            with app.app_context():
                lecture = db.session.get_one(Lecture, places[0].lecture_id)
                for lines in (None, 1):
                    app.extensions["audimax_plugins"].ask_one(
                        self.name, "lecture_sections", lecture=lecture, viewer=viewer, lines=lines
                    )

    def test_its_signs_of_running_lectures_are_read_at_once(
        self, app: Flask, places: tuple[Place, Place]
    ) -> None:
        self.rows(app, places[0])
        with app.app_context():
            for ids in ([place.lecture_id for place in places], []):
                app.extensions["audimax_plugins"].ask_one(self.name, "live_signs", lecture_ids=ids)

    def test_its_browser_code_is_there(self, app: Flask, loaded: Loaded, places: tuple[Place, Place]) -> None:
        from core.db import db
        from core.rooms.models import Room

        for viewer in _viewers(places[0]):
            with app.app_context():
                room = db.session.get_one(Room, places[0].room_id)
                found = app.extensions["audimax_plugins"].ask_one(
                    self.name, "room_ui", room=room, viewer=viewer
                )
            for ui in found or []:
                _check_module(loaded.folder, ui.module)
                for path in ui.css:
                    assert (loaded.folder / "static" / path).is_file(), f"static/{path} is missing"

    def test_its_exporters_give_a_named_file_or_a_link(self, app: Flask) -> None:
        from core.contracts import Exporter, File, Link

        for exporter in self._offers(app, "exporters"):
            if not isinstance(exporter, Exporter):
                continue
            with app.app_context():
                made = exporter.export(self.package(), _defaults(exporter))
            assert isinstance(made, File | Link), f"{exporter.id} gave {type(made).__name__}"
            if isinstance(made, File):
                assert "/" in made.mime, f"{made.mime!r} is no media type"
                assert made.name == Path(made.name).name != "", f"{made.name!r} is no file name"
                assert made.body.read(1), f"{exporter.id} gave an empty file"
                made.body.close()

    def test_its_destinations_say_what_they_want_and_whether_they_are_ready(
        self, app: Flask, places: tuple[Place, Place]
    ) -> None:
        from core.contracts import Contents, Destination, Link
        from core.db import db
        from core.engine.settings import fill
        from core.lectures.models import Lecture

        for one in self._offers(app, "exporters"):
            if not isinstance(one, Destination):
                continue
            options = getattr(one, "options", None)
            chosen = dataclasses.asdict(fill(options, {})) if options else {}
            with app.app_context():
                assert isinstance(one.contents(chosen), Contents), f"{one.id}: contents() must give Contents"
                for viewer in _viewers(places[0]):
                    link = one.ready(viewer, db.session.get_one(Lecture, places[0].lecture_id))
                    assert link is None or isinstance(link, Link), f"{one.id}: ready() gives None or a Link"
                    assert link is None or link.url.startswith("/"), f"{link} must be a page of yours"

    def test_its_storages_keep_what_they_are_given(self, app: Flask) -> None:
        for storage in self._offers(app, "storages"):
            with app.app_context():
                StorageContract.check(storage)

    def _offers(self, app: Flask, kind: str) -> list[Any]:
        offered = app.extensions["audimax_offers"][kind].values()
        return [offer for offer in offered if offer.id not in self.needs_outside]

    def test_a_person_can_be_served_and_erased_twice(self, app: Flask, places: tuple[Place, Place]) -> None:
        from core.contracts import Person
        from core.db import db

        self.rows(app, places[0])
        person = Person(places[0].owner_id, (places[0].guest_session_id,))
        engine = app.extensions["audimax_plugins"]
        with app.app_context():
            data = engine.ask_one(self.name, "personal_data", person=person)
            json.dumps(
                {table: [dict(row) for row in rows] for table, rows in data.tables.items()} if data else {}
            )
            for _again in range(2):
                engine.ask_one(self.name, "erase", person=person)
                db.session.commit()


# --- the contract of a storage ----------------------------------------------------------


class StorageContract:
    """Every promise of a ``Storage``. Subclass it with a fixture ``storage`` that gives yours.

    All keys begin with ``contract/``, and what a test has kept it deletes. ``largest`` is the
    size, in bytes, with which streaming is tried.
    """

    largest: ClassVar[int] = 64 * MB

    @classmethod
    def check(cls, storage: Any) -> None:
        """Try all promises one after the other, as a test does that knows no fixture ``storage``."""
        for name in dir(StorageContract):
            if name.startswith("test_"):
                getattr(cls(), name)(storage)

    # --- keeping and reading ---

    def test_it_says_who_it_is_and_what_it_can(self, storage: Any) -> None:
        from core.contracts import Storage

        assert isinstance(storage, Storage), "it lacks one of the methods of a Storage"
        assert storage.id

    def test_what_was_saved_can_be_read_whole_and_in_parts(self, storage: Any) -> None:
        with _kept(storage, b"0123456789") as key:
            assert _read(storage, key) == b"0123456789"
            assert _read(storage, key, 2) == b"23456789", "open(key, start) begins there"
            assert _read(storage, key, 2, 3) == b"234", "open(key, start, length) gives that part"
            assert _read(storage, key, 8, 100) == b"89", "there is no more than there is"
            assert _read(storage, key, 10) == b"", "behind the end is nothing"
            with storage.open(key) as body:
                assert body.read(3) + body.read(3) == b"012345", "a body is read piece by piece"

    def test_an_empty_file_is_a_file(self, storage: Any) -> None:
        with _kept(storage, b"") as key:
            assert _read(storage, key) == b""
            assert storage.stat(key).size == 0

    def test_the_longest_key_can_be_kept(self, storage: Any) -> None:
        key = _new_key().ljust(200, "k")
        storage.save(key, BytesIO(b"x"), "text/plain")
        try:
            assert _read(storage, key) == b"x"
            assert key in list(storage.list(key[:100]))
        finally:
            storage.delete(key)

    def test_its_stat_names_size_and_content(self, storage: Any) -> None:
        with _kept(storage, b"0123456789") as key:
            first = storage.stat(key)
            assert first.size == 10
            assert first.etag and storage.stat(key) == first, "the same content has the same etag"
            storage.save(key, BytesIO(b"9876543210"), "text/plain")
            assert storage.stat(key).etag != first.etag, "another content has another etag"

    def test_what_is_not_there_is_missing_everywhere(self, storage: Any) -> None:
        key = _new_key()
        assert storage.stat(key) is None
        assert key not in list(storage.list("contract/"))
        with pytest.raises(FileNotFoundError):
            storage.open(key)
        with pytest.raises(FileNotFoundError):
            storage.copy(key, f"{key}-copy", "none")
        assert storage.stat(f"{key}-copy") is None

    # --- changing ---

    def test_saving_again_replaces_all_of_it_at_once(self, storage: Any) -> None:
        with _kept(storage, b"old" * 1000) as key:
            seen: list[bytes] = []
            storage.save(key, _Watched(b"new", lambda: seen.append(_read(storage, key))), "text/plain")
            assert set(seen) == {b"old" * 1000}, "until all has come, the old content is there, whole"
            assert _read(storage, key) == b"new"

    def test_a_body_that_fails_leaves_nothing_and_destroys_nothing(self, storage: Any) -> None:
        with _kept(storage, b"old") as key:
            for name in (key, f"{key}-other"):
                with pytest.raises(_CutError):
                    storage.save(name, _Cut(), "text/plain")
            assert _read(storage, key) == b"old"
            assert storage.stat(f"{key}-other") is None
            assert list(storage.list(key)) == [key]

    def test_a_copy_is_made_of_what_was_looked_at_only(self, storage: Any) -> None:
        from core.errors import ContentChanged

        with _kept(storage, b"looked at") as key, _removed(storage, f"{key}-copy") as copy:
            seen = storage.stat(key)
            storage.save(key, BytesIO(b"exchanged"), "text/plain")
            with pytest.raises(ContentChanged):
                storage.copy(key, copy, seen.etag)
            assert storage.stat(copy) is None
            storage.copy(key, copy, storage.stat(key).etag)
            storage.copy(key, copy, storage.stat(key).etag)
            storage.save(key, BytesIO(b"changed again"), "text/plain")
            assert _read(storage, copy) == b"exchanged", "a copy lives by itself"

    def test_deleting_may_be_repeated(self, storage: Any) -> None:
        with _kept(storage, b"x") as key:
            storage.delete(key)
            storage.delete(key)
            assert storage.stat(key) is None
            assert key not in list(storage.list("contract/"))

    def test_it_lists_what_begins_so(self, storage: Any) -> None:
        with _kept(storage, b"1") as key, _removed(storage, f"{key}-a") as other:
            storage.save(other, BytesIO(b"2"), "text/plain")
            assert list(storage.list(other)) == [other]
            assert sorted(storage.list(key[:-3])) == [key, other]
            assert list(storage.list(f"{key}-b")) == []

    def test_two_may_save_at_once(self, storage: Any) -> None:
        with _kept(storage, b"") as key, ThreadPoolExecutor(4) as pool:
            bodies = [bytes([letter]) * 100_000 for letter in b"abcd"]
            list(pool.map(lambda body: storage.save(key, BytesIO(body), "text/plain"), bodies))
            assert _read(storage, key) in bodies, "one of them is kept, whole"

    # --- large files and addresses ---

    def test_large_files_are_streamed(self, storage: Any) -> None:
        with _removed(storage, _new_key()) as key:
            body = _Large(self.largest)
            storage.save(key, body, "application/octet-stream")
            assert 0 < body.most <= self.largest // 2, "save() reads the body in pieces"
            assert storage.stat(key).size == self.largest
            with storage.open(key, self.largest - 3 * MB) as opened:
                pieces = list(iter(lambda: opened.read(MB), b""))
            assert b"".join(pieces) == _pattern(self.largest - 3 * MB, 3 * MB)

    def test_its_addresses_work_or_there_are_none(self, storage: Any) -> None:
        with _kept(storage, b"0123456789", "application/pdf") as key:
            url = storage.url(key, "Übung 1.pdf", "application/pdf", 60)
            if url is None:
                return
            with urlopen(url, timeout=60) as answer:  # noqa: S310
                assert answer.read() == b"0123456789"
                assert answer.headers["Content-Disposition"].startswith("attachment")
                assert "%C3%9Cbung%201.pdf" in answer.headers["Content-Disposition"]
                assert answer.headers["Content-Type"] == "application/pdf"


class DirectUploadsContract(StorageContract):
    """Every promise of a ``Storage`` that is ``DirectUploads`` too: subclass this one instead."""

    @pytest.fixture
    def direct(self, storage: Any) -> Any:
        """The storage, as one to which browsers send by themselves."""
        from core.contracts import DirectUploads

        assert isinstance(storage, DirectUploads), "it lacks one of the methods of DirectUploads"
        return storage

    def test_it_names_the_origins_for_the_pages(self, direct: Any) -> None:
        assert direct.origins
        for origin in direct.origins:
            parts = urlsplit(origin)
            assert parts.scheme in ("http", "https") and parts.netloc, f"{origin!r} is no origin"
            assert origin == f"{parts.scheme}://{parts.netloc}", f"{origin!r} has a path"

    def test_a_browser_sends_a_whole_file(self, direct: Any) -> None:
        with _removed(direct, _new_key()) as key:
            request = direct.upload(key, 10, "text/plain", 60)
            assert urlsplit(request.url).netloc in {urlsplit(origin).netloc for origin in direct.origins}
            assert send_signed(request, b"0123456789") < 300
            assert direct.stat(key).size == 10
            assert _read(direct, key) == b"0123456789"

    @pytest.mark.parametrize("sent", [b"", b"012345678", b"0123456789a"])
    def test_a_signed_address_takes_only_so_many_bytes(self, direct: Any, sent: bytes) -> None:
        with _removed(direct, _new_key()) as key:
            assert send_signed(direct.upload(key, 10, "text/plain", 60), sent) >= 400
            assert direct.stat(key) is None

    def test_a_signed_address_is_for_one_key(self, direct: Any) -> None:
        with _removed(direct, _new_key()) as key, _removed(direct, _new_key()) as other:
            request = direct.upload(key, 10, "text/plain", 60)
            last, another = key.rpartition("/")[2], other.rpartition("/")[2]
            forged = replace(request, url=request.url.replace(last, another))
            assert send_signed(forged, b"0123456789") >= 400
            assert direct.stat(other) is None

    def test_a_signed_address_expires(self, direct: Any) -> None:
        with _removed(direct, _new_key()) as key:
            request, until = direct.upload(key, 10, "text/plain", 1), time.monotonic() + 60
            while send_signed(request, b"0123456789") < 400:
                assert time.monotonic() < until, "it still works after a minute"

    def test_an_upload_in_parts_is_resumed_and_finished(self, direct: Any) -> None:
        sizes = {1: 5 * MB, 2: 5 * MB, 3: 10}
        with _removed(direct, _new_key()) as key:
            upload = direct.begin_parts(key, "application/pdf")
            assert dict(direct.parts(key, upload)) == {}
            for number in (1, 3):
                _send_part(direct, key, upload, number, sizes[number])
            come = direct.parts(key, upload)
            assert {number: part.size for number, part in come.items()} == {1: 5 * MB, 3: 10}
            assert direct.stat(key) is None, "parts are no file"
            for number in (2, 2):
                _send_part(direct, key, upload, number, sizes[number])
            direct.finish_parts(key, upload)
            direct.finish_parts(key, upload)
            assert direct.stat(key).size == sum(sizes.values())
            assert _read(direct, key, 5 * MB - 1, 2) == b"\1\2", "the parts are joined in order"
            with pytest.raises(FileNotFoundError):
                direct.parts(key, upload)

    def test_a_part_takes_only_so_many_bytes(self, direct: Any) -> None:
        with _removed(direct, _new_key()) as key:
            upload = direct.begin_parts(key, "application/pdf")
            assert send_signed(direct.part(key, upload, 1, 10, 60), b"0123456789a") >= 400
            assert dict(direct.parts(key, upload)) == {}
            direct.drop_parts(key, upload)

    def test_an_upload_in_parts_is_dropped(self, direct: Any) -> None:
        with _removed(direct, _new_key()) as key:
            upload = direct.begin_parts(key, "application/pdf")
            _send_part(direct, key, upload, 1, 10)
            assert (key, upload) in list(direct.unfinished("contract/"))
            assert list(direct.unfinished(f"{key}-other")) == []
            direct.drop_parts(key, upload)
            direct.drop_parts(key, upload)
            assert (key, upload) not in list(direct.unfinished("contract/"))
            assert direct.stat(key) is None
            with pytest.raises(FileNotFoundError):
                direct.parts(key, upload)


def send_signed(request: Any, body: bytes) -> int:
    """Send what a browser would; the status of the answer."""
    asked = Request(request.url, data=body, method=request.method, headers=dict(request.headers))  # noqa: S310
    try:
        with urlopen(asked, timeout=60) as answer:  # noqa: S310
            return int(answer.status)
    except HTTPError as error:
        return error.code


def _send_part(direct: Any, key: str, upload: str, number: int, size: int) -> None:
    body = bytes([number]) * size
    assert send_signed(direct.part(key, upload, number, size, 60), body) < 300


def _new_key() -> str:
    return f"contract/{secrets.token_hex(8)}"


@contextmanager
def _removed(storage: Any, key: str) -> Iterator[str]:
    try:
        yield key
    finally:
        storage.delete(key)


@contextmanager
def _kept(storage: Any, content: bytes, mime: str = "text/plain") -> Iterator[str]:
    with _removed(storage, _new_key()) as key:
        storage.save(key, BytesIO(content), mime)
        yield key


def _read(storage: Any, key: str, *part: int) -> bytes:
    with storage.open(key, *part) as body:
        return bytes(body.read())


class _Body(RawIOBase):
    """A body that can be read once, from its beginning."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        got = self.read(len(buffer)) or b""
        buffer[: len(got)] = got
        return len(got)


class _Watched(_Body):
    """Looks each time somebody reads."""

    def __init__(self, content: bytes, look: Callable[[], None]) -> None:
        self.left, self.look = BytesIO(content), look

    def read(self, size: int = -1) -> bytes:
        self.look()
        return self.left.read(size)


class _CutError(Exception):
    """The connection is gone."""


class _Cut(_Body):
    """Gives a little, then fails."""

    given = False

    def read(self, size: int = -1) -> bytes:
        if self.given:
            raise _CutError
        self.given = True
        return b"half"


class _Large(_Body):
    """Many bytes that are made when they are read; ``most`` is how many were asked for at once."""

    def __init__(self, size: int) -> None:
        self.size, self.at, self.most = size, 0, 0

    def read(self, size: int = -1) -> bytes:
        wanted = self.size - self.at if size is None or size < 0 else min(size, self.size - self.at)
        self.most, self.at = max(self.most, wanted), self.at + wanted
        return _pattern(self.at - wanted, wanted)


def _pattern(start: int, length: int) -> bytes:
    """Bytes that differ from place to place: each 256 begin with the number of their block."""
    first, last = start // 256, (start + length) // 256 + 1
    blocks = b"".join(number.to_bytes(4, "big") * 64 for number in range(first, last))
    return blocks[start - first * 256 :][:length]


# --- what the contract needs ----------------------------------------------------------


class _Agent(Caller):
    def __init__(self, app: Flask, place: Place) -> None:
        from core.db import db
        from core.engine.agent_keys import agent_key
        from core.lectures.models import Lecture

        super().__init__(app.test_client())
        with app.app_context():
            self.key = agent_key(db.session.get_one(Lecture, place.lecture_id))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        return super().ask(method, path, body, Authorization=f"Bearer {self.key}", **headers)


def example_body(model: Any) -> Any:
    """The smallest JSON that the model takes, as far as its schema tells."""
    schema = model.model_json_schema()
    return _example(schema, schema.get("$defs", {}))


def _example(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return _example(known[schema["$ref"].rpartition("/")[2]], known)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return _example(schema[key][0], known)
    if "default" in schema or "const" in schema or "enum" in schema:
        return schema.get("default", schema.get("const", (schema.get("enum") or [None])[0]))
    return _plain_example(schema, known)


def _plain_example(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if kind == "object":
        wanted = schema.get("required", ())
        return {name: _example(schema["properties"][name], known) for name in wanted}
    if kind == "array":
        return [_example(schema.get("items", {}), known) for _ in range(schema.get("minItems", 0))]
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    return False if kind == "boolean" else "x" * max(1, schema.get("minLength", 1))


def _defaults(exporter: Any) -> dict[str, Any]:
    """What an exporter gets when the person leaves its form as it is."""
    from core.engine.settings import fill

    options = getattr(exporter, "options", None)
    return dataclasses.asdict(fill(options, {})) if options else {}


def _spec(app: Flask, rule: Rule) -> Any:
    from core.engine.mounts import declared

    return declared(app.view_functions[rule.endpoint])


def _path(rule: Rule, ids: Mapping[str, str]) -> str:
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", lambda found: ids[found[1]], rule.rule)


def _is_refused(answer: TestResponse) -> bool:
    if answer.status_code in (302, 303):
        return "/sign-in" in answer.headers["Location"]
    return answer.status_code in REFUSED


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from names if node.module in ("core", "plugins") else [node.module]


def _viewers(place: Place) -> list[Viewer]:
    from core.contracts import Role, Viewer

    return [
        Viewer(Role.HOST, "Emmy", user_id=place.owner_id),
        Viewer(Role.ADMIN, "Admin"),
        Viewer(Role.PARTICIPANT, "Ann", guest_session_id=place.guest_session_id),
        Viewer(Role.STRANGER),
    ]


def _check_module(folder: Path, module: str) -> None:
    if module:
        file = folder / "static" / module
        assert file.is_file(), f"static/{module} is missing"
        assert "export default" in file.read_text("utf-8"), (
            f"{module} needs `export default function setup(room)`"
        )
    else:
        assert list(folder.glob("ui/room.*")), "name a module below static/, or add ui/room.tsx"


class _counting:
    """The statements that are sent meanwhile."""

    def __enter__(self) -> list[str]:
        import sqlalchemy as sa

        from core.db import db

        self.said: list[str] = []
        self.engine = db.engine
        sa.event.listen(self.engine, "before_cursor_execute", self._hear)
        return self.said

    def __exit__(self, *_error: object) -> None:
        import sqlalchemy as sa

        sa.event.remove(self.engine, "before_cursor_execute", self._hear)

    def _hear(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.said.append(statement)
