"""A person with data in every table of core and of the first-party plugins: after the deletion nothing is left."""

# ruff: noqa: F811  (fixtures of others)

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db, now
from core.files import care
from core.jobs import run_worker
from core.lectures.models import Lecture, Participant
from core.models import AuditEntry, GuardPass, OneTimeLink, Waiting, WebhookEvent
from core.people import hashing, passwords
from core.people.models import GuestSession, PersonErasure, PersonExport, User
from core.people.privacy import erasing, persons
from core.rooms.models import RoomHost
from plugins.lobby.models import Listed
from plugins.moderation.models import Ban
from tests.fixtures import traces
from tests.plugins.ai_assistant.conftest import (  # noqa: F401  (fixtures)
    Agent,
    Somebody,
    agent,
    change,
    come,
    dispatched,
    end,
    host,
    in_lecture,
    owner,
    sent,
    settings,
    work,
)
from tests.plugins.test_nothing_remains import exporter_of, sections_of, share_file

PLUGINS = ("ai_assistant", "chat", "files", "lobby", "moderation", "pin", "webinar", "export_markdown")
# So far from all other numbers that it is found wherever it is written.
KEY = 987_654_321
BROWSER = 876_543_219
NAME, ADDRESS, SAID, WROTE = "QuaggaZebra", "quagga@uni.example", "quaggaspoken words", "QuaggaWritten"
OTHERS = {"said": "antelopespoken words", "wrote": "AntelopeWritten", "name": "AntelopeBob"}
# In the same class list, and nobody's account.
LISTED = "gnu@uni.example"
PASSWORD = "correct horse battery staple"
MARKS = (NAME, ADDRESS, WROTE, str(KEY), str(BROWSER), str(BROWSER + 7), "QuaggaReason", "quaggasecret")


@pytest.fixture
def assistant_settings() -> dict[str, Any]:
    return {"erase_lines": True}


@pytest.fixture
def app(make_app: Callable[..., Flask], assistant_settings: dict[str, Any], monkeypatch: Any) -> Flask:
    monkeypatch.setattr(hashing, "ROUNDS", 4)
    return make_app(*PLUGINS, plugins={"ai_assistant": assistant_settings})


@pytest.fixture
def quagga(app: Flask, host: Somebody) -> Somebody:
    """Somebody with an account and a browser of their own, inside."""
    with app.app_context():
        hashed = passwords.hash_password(PASSWORD)
        db.session.execute(sa.text("SELECT setval('guest_session_id_seq', :key, false)"), {"key": BROWSER})
        db.session.add(User(id=KEY, email=ADDRESS, name=NAME, verified_at=now(), password_hash=hashed))
        db.session.commit()
    client = app.test_client()
    # As a guest first, so that there is a browser that the account takes over.
    made = Somebody(client, host.room).join(NAME)
    form = {"email": ADDRESS, "password": PASSWORD}
    assert client.post("/sign-in", data=form).status_code == 303
    return made


@pytest.fixture
def boss(make_user: Any, sign_in: Any) -> FlaskClient:
    hashed = passwords.hash_password(PASSWORD)
    return sign_in(make_user("boss@uni.example", name="Boss", is_admin=True, password_hash=hashed))


@pytest.fixture
def full(app: Flask, host: Somebody, quagga: Somebody, come: Any, agent: Agent, end: Any, work: Any) -> str:
    """A lecture of somebody else in which they did everything that leaves something behind."""
    host.patch(settings={"participants_read": True, "participants_see_names": True})
    bob = come(OTHERS["name"])
    for who, said, wrote in ((quagga, SAID, WROTE), (bob, OTHERS["said"], OTHERS["wrote"])):
        agent.report(segments=[agent.segment(who, f"{said} number {n}.", at=60.0 * n) for n in range(3)])
        body = {"client_id": str(uuid.uuid4()), "text": wrote, "to": "everyone", "is_question": True}
        assert who.client.post(f"/api/rooms/{who.room}/chat/messages", json=body).status_code == 201
        body = {"client_id": str(uuid.uuid4()), "text": "", "files": [share_file(who, "chat/attachments")]}
        assert who.client.post(f"/api/rooms/{who.room}/chat/messages", json=body).status_code == 201
    share_file(host, "files/shares")
    take = f"/api/rooms/{host.room}/moderation/people/{quagga.identity}/take"
    assert host.client.post(take, json={"rights": ["camera"]}).status_code < 500
    with app.app_context():
        plant(agent.lecture)
    end()
    agent.report("over")
    work()
    page = f"/lectures/{agent.lecture}"
    for client in (host.client, quagga.client):
        form = {"exporter": exporter_of(client, page), "section": sections_of(client, page)}
        assert client.post(f"{page}/exports", data=form).status_code == 303
    work()
    return page


def plant(public_id: str) -> None:
    """What the way through the pages doesn't leave."""
    lecture = db.session.query(Lecture).filter_by(public_id=public_id).one()
    me = db.session.query(Participant).filter_by(name=NAME).first()
    assert me is not None
    payload = {"room": {"name": public_id}, "participant": {"name": NAME, "identity": me.identity}}
    db.session.add_all(
        [
            GuestSession(id=BROWSER + 7, token_hash="quaggasecret", name=NAME, user_id=KEY),
            WebhookEvent(id="one", kind="x", lecture_public_id=public_id, happened_at=now(), payload=payload),
            OneTimeLink(purpose="reset", token_hash="h1", user_id=KEY, expires_at=now()),
            OneTimeLink(purpose="invitation", token_hash="h2", email=ADDRESS, expires_at=now()),
            RoomHost(room_id=lecture.room_id, user_id=KEY),
            Listed(room_id=lecture.room_id, email=ADDRESS, name=NAME),
            Listed(room_id=lecture.room_id, email=LISTED, name="GnuAnn"),
            AuditEntry(action="x", actor_id=KEY, actor_name=NAME, details={"before": ADDRESS}),
            AuditEntry(action="y", target=NAME, lecture_id=lecture.id, details={"who": [NAME]}),
            AuditEntry(action="z", target=ADDRESS),
        ]
    )
    db.session.flush()
    about = {"room_id": lecture.room_id, "guest_session_id": BROWSER + 7}
    db.session.add(Waiting(**about, user_id=KEY, name=NAME, cause="host_absent"))
    db.session.add(GuardPass(**about, guard="pin"))
    db.session.add(Ban(**about, user_id=KEY, name=NAME, reason="QuaggaReason"))
    args = json.dumps({"email": ADDRESS, "about": {"name": NAME}})
    failed = "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status) " \
        "VALUES ('default', 'core:mail', CAST(:args AS jsonb), 'failed')"  # fmt: skip
    db.session.execute(sa.text(failed), {"args": args})
    db.session.commit()


def scan(app: Flask, words: tuple[str, ...] = (*MARKS, SAID)) -> list[tuple[str, str]]:
    """Where something of them is: table or file, and what."""
    with app.app_context():
        rows = traces.in_tables(words)
        files = traces.in_files(Path(app.extensions["audimax_config"].instance_dir) / "files", words)
    return [(table, f"{word}: {row[:300]}") for table, word, row in rows] + files


def is_everywhere(app: Flask) -> None:
    found = {place for place, _word in scan(app)}
    assert {
        "user", "guest_session", "participant", "waiting", "guard_pass", "one_time_link", "room_host",
        "audit_log", "webhook_event", "procrastinate_jobs", "stored_file", "export", "search_speaker",
        "search_entry", "chat__message", "ai_assistant__line", "lobby__listed", "moderation__ban",
    } <= found  # fmt: skip


def others_are_whole(app: Flask, host: Somebody, page: str) -> None:
    text = host.client.get(f"{page}/parts").text
    assert all(f"{OTHERS['said']} number {n}." in text for n in range(3))
    assert OTHERS["wrote"] in text and OTHERS["name"] in text
    with app.app_context():
        assert db.session.query(Participant).count() >= 3
        assert "Deleted person" in {one.name for one in db.session.query(Participant)}
        assert care.check().is_fine


def begin(boss: FlaskClient, app: Flask) -> str:
    with app.app_context():
        place = f"/admin/people/{db.session.get_one(User, KEY).public_id}"
    form = {"confirm": ADDRESS, "password": PASSWORD}
    answer = boss.post(f"{place}/erase", data=form)
    assert answer.status_code == 303, answer.text
    return place


def test_nothing_of_a_deleted_person_remains_and_all_of_the_others(
    app: Flask,
    boss: FlaskClient,
    host: Somebody,
    full: str,
    work: Any,
) -> None:
    is_everywhere(app)
    place = begin(boss, app)
    work()
    assert scan(app) == []
    assert boss.get(place).status_code == 404
    others_are_whole(app, host, full)


def copy_of(app: Flask, boss: FlaskClient, work: Any) -> dict[str, str]:
    """What is in the ZIP about them, by name."""
    with app.app_context():
        place = f"/admin/people/{db.session.get_one(User, KEY).public_id}"
    assert boss.post(f"{place}/exports").status_code == 303
    work()
    with app.app_context():
        copy = db.session.query(PersonExport).one()
        assert copy.state == "done", copy.why
    archive = zipfile.ZipFile(io.BytesIO(boss.get(f"{place}/exports/{copy.public_id}").data))
    return {name: archive.read(name).decode() for name in archive.namelist()}


def is_about_nobody_else(read: dict[str, str]) -> None:
    whole = "".join(read.values())
    assert [word for word in ("quaggasecret", LISTED, *OTHERS.values()) if word in whole] == []


def test_a_copy_has_what_core_and_plugins_keep(
    app: Flask,
    boss: FlaskClient,
    full: str,
    work: Any,
) -> None:
    read = copy_of(app, boss, work)
    assert WROTE in read["plugins/chat/chat__message.json"]
    assert SAID in read["plugins/ai_assistant/more/ai_assistant__line.json"]
    assert ADDRESS in read["plugins/lobby/lobby__listed.json"]
    assert "quagga file content" in "".join(text for name, text in read.items() if name.startswith("files/"))
    is_about_nobody_else(read)


def test_a_copy_has_what_plugins_that_are_off_keep(
    app: Flask,
    full: str,
    boss: FlaskClient,
    make_app: Any,
    work: Any,
) -> None:
    bare = make_app()
    browser = bare.test_client()
    form = {"email": "boss@uni.example", "password": PASSWORD}
    assert browser.post("/sign-in", data=form).status_code == 303
    read = copy_of(bare, browser, lambda: run_worker(bare, wait=False))
    assert WROTE in read["plugins/chat/chat__message.json"]
    assert ADDRESS in read["plugins/lobby/lobby__listed.json"]
    assert "QuaggaReason" in read["plugins/moderation/moderation__ban.json"]
    assert "quagga file content" in "".join(text for name, text in read.items() if name.startswith("files/"))
    assert "lobby, which is switched off" in read["index.html"]
    is_about_nobody_else(read)


def test_what_plugins_that_are_off_have_registered_goes_too(
    app: Flask,
    boss: FlaskClient,
    full: str,
    make_app: Any,
    sign_in: Any,
    work: Any,
) -> None:
    bare = make_app()
    with bare.app_context():
        assert erasing.plugins.loaded.keys() == set()
        user = db.session.get_one(User, KEY)
        erasing.begin(user, None)
        db.session.commit()
        erasing.work_off(db.session.query(PersonErasure).one().id)
    for _round in range(3):
        run_worker(bare, wait=False)
    # Files that plugins made are theirs to change.
    assert [found for found in scan(bare, MARKS) if "/kept/" not in found[0]] == []
    with bare.app_context():
        assert db.session.scalars(sa.select(Listed.email)).all() == [LISTED]


def test_a_plugin_that_fails_keeps_the_account_shut_until_it_succeeds(
    app: Flask,
    boss: FlaskClient,
    host: Somebody,
    full: str,
    work: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(person: Any) -> None:
        raise RuntimeError("the cupboard is locked")

    hooks = {one.plugin: one for one in app.extensions["audimax_plugins"].hooks["erase"]}
    kept = hooks["chat"].function
    object.__setattr__(hooks["chat"], "function", broken)
    place = begin(boss, app)
    work()
    page = boss.get(place).text
    assert "This account is being deleted" in page and "chat: RuntimeError" in page
    with app.app_context():
        user = db.session.get_one(User, KEY)
        assert user.disabled_at is not None and user.name == NAME
        assert db.session.query(PersonErasure).one().problems.keys() == {"chat"}
    client = app.test_client()
    assert client.post("/sign-in", data={"email": ADDRESS, "password": PASSWORD}).status_code != 303
    object.__setattr__(hooks["chat"], "function", kept)
    assert boss.post(f"{place}/erase/again").status_code == 303
    work()
    assert scan(app) == []
    others_are_whole(app, host, full)


def test_nothing_of_a_deleted_guest_remains(
    app: Flask,
    host: Somebody,
    full: str,
    work: Any,
) -> None:
    with app.app_context():
        bob = db.session.query(Participant).filter_by(name=OTHERS["name"]).one()
        person = persons.person_of(bob)
        assert person is not None and person.user_id is None
        for _again in range(2):
            erasing.erase_guest(person) if persons.person_of(bob) else None
    work()
    assert scan(app, tuple(OTHERS.values())) == []
    assert SAID in host.client.get(f"{full}/parts").text
