"""A lecture with everything in it: what a link shows of it, and that nothing remains when it was deleted."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.contracts import Role, Viewer
from core.db import db, now
from core.lectures import trash
from core.lectures.models import Lecture, LectureShare
from core.lectures.sections import package_for
from core.models import AuditEntry, WebhookEvent
from core.rooms.models import Room
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

PLUGINS = ("ai_assistant", "chat", "files", "lobby", "moderation", "pin", "webinar", "export_markdown")
# So far from all other numbers that it is found wherever it is written.
KEY = 987_654_321
MARKS = {
    "title": "QuaggaTitle", "guest": "QuaggaGuest", "said": "quaggaspoken words about zebras", "written": "QuaggaChat",
    "for hosts": "QuaggaForHosts", "file": "quaggaslides.txt", "in file": "quagga file content", "label": "QuaggaLabel",
}  # fmt: skip
# What a guest is called belongs to their browser's session and isn't the lecture's alone.
NOT_THE_LECTURES = {"guest_session"}
KEPT_ACTIONS = {"lecture.delete", "lecture.restore"}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    made = make_app(*PLUGINS)
    with made.app_context():
        db.session.execute(sa.text("SELECT setval('lecture_id_seq', :key, false)"), {"key": KEY})
        db.session.commit()
    return made


@pytest.fixture
def full(app: Flask, host: Somebody, come: Any, agent: Agent, end: Any, work: Any) -> dict[str, Any]:  # noqa: F811
    """Spoken, written, sent, summed up, renamed, exported, shared; it has ended a moment ago."""
    lecture, client = agent.lecture, host.client
    page = f"/lectures/{lecture}"
    host.patch(settings={"participants_read": True, "participants_see_names": True})
    assert client.post(f"{page}/rename", data={"title": MARKS["title"]}).status_code == 303
    guest = come(MARKS["guest"])
    agent.report(
        segments=[agent.segment(host, f"{MARKS['said']} number {n}.", at=60.0 * n) for n in range(5)]
    )
    agent.report(segments=[agent.segment(guest, f"A question: {MARKS['said']}?", at=400)])
    for who, text, to in ((guest, MARKS["written"], "everyone"), (host, MARKS["for hosts"], "hosts")):
        body = {"client_id": str(uuid.uuid4()), "text": text, "to": to, "is_question": to == "everyone"}
        assert who.client.post(f"/api/rooms/{who.room}/chat/messages", json=body).status_code == 201
    share_file(host, "files/shares")
    attached = share_file(guest, "chat/attachments")
    body = {"client_id": str(uuid.uuid4()), "text": "", "files": [attached]}
    assert guest.client.post(f"/api/rooms/{guest.room}/chat/messages", json=body).status_code == 201
    take = f"/api/rooms/{host.room}/moderation/people/{guest.identity}/take"
    assert client.post(take, json={"rights": ["microphone"]}).status_code < 500
    with app.app_context():
        payload = {"room": {"name": lecture}, "participant": {"name": MARKS["guest"]}}
        db.session.add(
            WebhookEvent(id="one", kind="x", lecture_public_id=lecture, happened_at=now(), payload=payload)
        )
        db.session.commit()
    end()
    agent.report("over")
    work()
    for who in (client, guest.client):
        form = {"exporter": exporter_of(who, page), "section": sections_of(who, page)}
        answer = who.post(f"{page}/exports", data=form)
        assert answer.status_code == 303, answer.text
    work()
    assert client.post(f"{page}/share", data={"lasts": "week", "label": MARKS["label"]}).status_code == 303
    with app.app_context():
        token = db.session.query(LectureShare).one().token
    return {
        "id": lecture,
        "page": page,
        "guest": guest.client,
        "host": client,
        "link": f"/shared/{token}",
        "room": host.room,
    }


def share_file(who: Somebody, path: str) -> str:
    content = MARKS["in file"].encode()
    said = {"name": MARKS["file"], "size": len(content), "mime": "text/plain"}
    begun = who.client.post(f"/api/rooms/{who.room}/{path}", json=said)
    assert begun.status_code == 201, begun.text
    upload = f"/api/uploads/{begun.json['id']}"
    headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert who.client.patch(upload, data=content, headers=headers).status_code == 204
    assert who.client.post(f"{upload}/complete", json={}).status_code == 200
    return str(begun.json["id"])


def sections_of(who: FlaskClient, page: str) -> list[str]:
    import re

    return re.findall(r'name="section" value="([^"]+)"', who.get(f"{page}/exports").text)


def exporter_of(who: FlaskClient, page: str) -> str:
    import re

    found = re.findall(r'name="exporter" value="([^"]+)"', who.get(f"{page}/exports").text)
    return next(one for one in found if "zip" in one or "archive" in one)


def words(full: dict[str, Any]) -> list[str]:
    return [full["id"], str(KEY), *MARKS.values()]


def scan(app: Flask, full: dict[str, Any]) -> set[str]:
    """Where something of the lecture is, beside where it may be."""
    with app.app_context():
        rows = traces.in_tables(words(full))
        folder = Path(app.extensions["audimax_config"].instance_dir)
        files = traces.in_files(folder, words(full))
    strange = {table for table, _word, row in rows if not may_stay(table, row)}
    return strange | {path for path, _word in files}


def may_stay(table: str, row: str) -> bool:
    if table in NOT_THE_LECTURES:
        return True
    return table == "audit_log" and any(action in row for action in KEPT_ACTIONS)


def is_everywhere(app: Flask, full: dict[str, Any]) -> None:
    """The scan would find it, and the marks are where one looks for them."""
    found = scan(app, full)
    assert {
        "lecture", "participant", "stored_file", "export", "lecture_share", "webhook_event", "audit_log",
        "chat__message", "ai_assistant__line", "files__share", "procrastinate_jobs",
    } <= found  # fmt: skip
    assert sum("/" in one for one in found) >= 4
    with app.app_context():
        for mark in MARKS.values():
            assert traces.in_tables([mark]) or mark == MARKS["in file"], mark


def test_nothing_of_a_deleted_lecture_remains_and_undone_all_of_it(
    app: Flask,
    full: dict[str, Any],
    work: Any,  # noqa: F811
) -> None:
    with app.app_context():
        put_a_failed_job()
    is_everywhere(app, full)
    before = page_of(full["host"], full)
    assert full["host"].post(f"{full['page']}/delete").status_code == 303
    work()
    assert full["guest"].get(full["page"]).status_code == 404
    is_everywhere(app, full)
    assert full["host"].post(f"{full['page']}/restore").status_code == 303
    assert page_of(full["host"], full) == before
    assert MARKS["written"] in full["guest"].get(full["page"]).text

    assert full["host"].post(f"{full['page']}/delete").status_code == 303
    with app.app_context():
        db.session.execute(sa.update(Lecture).values(deleted_at=now() - timedelta(hours=25)))
        db.session.commit()
        assert trash.empty() == 1
    work()
    assert scan(app, full) == set() and kept_bytes(app) == []
    with app.app_context():
        kept = db.session.query(AuditEntry).order_by(AuditEntry.id).all()
        assert {one.lecture_id for one in kept} == {None}
        deleted = [one for one in kept if one.action == "lecture.delete"]
        assert [(one.target, one.details) for one in deleted] == [
            (MARKS["title"], {"public_id": full["id"]})
        ] * 2
        assert "lecture.rename" in {one.action for one in kept}


def kept_bytes(app: Flask) -> list[str]:
    """What the storage keeps, readable or packed."""
    folder = Path(app.extensions["audimax_config"].instance_dir) / "files"
    return [str(path) for path in folder.rglob("*") if path.is_file()]


def test_nothing_of_a_lecture_remains_when_its_room_is_deleted(
    app: Flask,
    full: dict[str, Any],
    work: Any,  # noqa: F811
) -> None:
    with app.app_context():
        put_a_failed_job()
    assert full["host"].post(f"/rooms/{full['room']}/delete").status_code == 303
    work()
    assert scan(app, full) == set() and kept_bytes(app) == []


def put_a_failed_job() -> None:
    for args in ({"lecture_id": KEY}, {"facts": {"lecture_id": KEY, "room_id": 1}, "plugin": "chat"}):
        db.session.execute(
            sa.text(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, lock) VALUES "
                "('default', 'core:none', CAST(:args AS jsonb), 'failed', :lock)"
            ),
            {"args": json.dumps(args), "lock": f"ai_assistant:{KEY}"},
        )
    db.session.commit()


def page_of(who: FlaskClient, full: dict[str, Any]) -> str:
    """All that remains of the lecture, without what is around it."""
    answer = who.get(f"{full['page']}/parts")
    assert answer.status_code == 200
    return str(answer.text)


# --- by a link ------------------------------------------------------------------------


def test_a_link_shows_what_participants_see_and_no_more_of_any_plugin(
    app: Flask, full: dict[str, Any]
) -> None:
    reader = app.test_client()
    assert reader.get(full["link"]).status_code == 302
    shown = reader.get(full["page"]).text
    assert MARKS["written"] in shown and MARKS["for hosts"] not in shown
    assert "Review and edit" not in shown and "Hosts only" not in shown
    assert page_of(reader, full) == page_of(full["guest"], full)
    no_section_is_for_them_alone(app)
    nothing_that_others_have_exported(app, full, reader)


def no_section_is_for_them_alone(app: Flask) -> None:
    by_link, participant = Viewer(Role.STRANGER, by_link=True), Viewer(Role.PARTICIPANT, "Ann", "x")
    with app.test_request_context():
        lecture = db.session.scalars(sa.select(Lecture)).one()
        for settings_ in ({}, {"participants_see_names": True}):
            room = db.session.get_one(Room, lecture.room_id)
            room.settings = {"participants_read": True, **settings_}
            db.session.flush()
            assert package_for(lecture, by_link) == package_for(lecture, participant)
            hosts = package_for(lecture, Viewer(Role.HOST))
            assert MARKS["for hosts"] in str(hosts) and MARKS["for hosts"] not in str(
                package_for(lecture, by_link)
            )


def nothing_that_others_have_exported(app: Flask, full: dict[str, Any], reader: FlaskClient) -> None:
    with app.app_context():
        from core.exports.models import Export

        made = [(one.public_id, one.state) for one in db.session.query(Export).order_by(Export.id)]
    assert [state for _id, state in made] == ["done", "done"]
    for public_id, _state in made:
        assert reader.get(f"{full['page']}/exports/{public_id}/file").status_code == 403
    own = full["host"].get(f"{full['page']}/exports/{made[0][0]}/file")
    assert MARKS["for hosts"] in zipfile.ZipFile(io.BytesIO(own.data)).read("lecture.md").decode()
