"""Logs and health, as an administrator reads them."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db, now
from core.logs import system
from core.models import AuditEntry, SystemEntry
from tests.core.admin.conftest import copy_session

LOGS, SYSTEM = "/admin/logs", "/admin/logs/system"


@pytest.fixture
def deeds(app: Flask, ada: int, make_room: Any) -> str:
    """Three entries of the audit log; the public id of the room of one."""
    room, public_id, _code = make_room(ada)
    with app.app_context():
        for days, (action, who, target) in enumerate(
            [("room.create", "Ada Lovelace", "Algebra"), ("user.disable", "Grace Hopper", "kay@uni.example"),
             ("room.delete", "Ada Lovelace", "=HYPERLINK(1)")]
        ):  # fmt: skip
            entry = AuditEntry(action=action, actor_name=who, target=target, at=now() - timedelta(days=days))
            entry.room_id = room if action == "room.create" else None
            entry.details = {"before": "<b>x</b>"}
            db.session.add(entry)
        db.session.commit()
    return str(public_id)


def targets(html: str) -> list[str]:
    return re.findall(r"<code>([a-z_.]+)</code>", html.replace("<wbr>", ""))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["room.create", "user.disable", "room.delete"]),
        ("who=lovelace", ["room.create", "room.delete"]),
        ("action=user.disable", ["user.disable"]),
        ("action=room.", ["room.create", "room.delete"]),
        ("text=kay", ["user.disable"]),
        ("who=nobody", []),
    ],
)
def test_the_audit_log_tells_who_did_what(
    boss: FlaskClient, deeds: str, query: str, found: list[str], queries: Any
) -> None:
    with queries(at_most=4):
        answer = boss.get(f"{LOGS}?{query}")
    assert answer.status_code == 200 and targets(answer.text) == found
    assert "<b>x</b>" not in answer.text


def test_a_room_and_days_narrow_it(boss: FlaskClient, deeds: str) -> None:
    assert targets(boss.get(f"{LOGS}?room={deeds}").text) == ["room.create"]
    yesterday = f"{now() - timedelta(days=1):%Y-%m-%d}"
    assert targets(boss.get(f"{LOGS}?since={yesterday}&until={yesterday}").text) == ["user.disable"]


@pytest.mark.parametrize("query", ["since=yesterday", "since=2026-11-02&until=2026-11-01"])
def test_a_wrong_day_is_said_and_kept(boss: FlaskClient, deeds: str, query: str) -> None:
    answer = boss.get(f"{LOGS}?{query}")
    assert answer.status_code == 422 and "aria-invalid" in answer.text
    assert query.split("=")[1].split("&")[0] in answer.text
    assert boss.get(f"{LOGS}.csv?{query}").status_code == 302


def test_it_goes_on_page_by_page(app: Flask, boss: FlaskClient) -> None:
    with app.app_context():
        db.session.add_all([AuditEntry(action="room.edit", target=f"Room {n}") for n in range(60)])
        db.session.commit()
    first = boss.get(f"{LOGS}?action=room.edit").text
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older and "Room 59" in first and "Room 9<" not in first
    assert "Room 9<" in boss.get(older[1].replace("&amp;", "&")).text


def test_it_is_taken_along_as_a_table(boss: FlaskClient, deeds: str) -> None:
    answer = boss.get(f"{LOGS}.csv?who=lovelace")
    assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
    assert "Algebra" in answer.text and "kay@" not in answer.text
    assert re.search(r"[^=]'=HYPERLINK", answer.text), "no cell is a formula"


@pytest.fixture
def gone_wrong(app: Flask) -> None:
    """Two kinds of errors, one of them twice."""
    with app.app_context():
        try:
            raise ValueError("the PIN is 1234")
        except ValueError:
            for _twice in range(2):
                logging.getLogger("plugins.lobby").error("a guest can't be let in", exc_info=True)
        logging.getLogger("core.jobs").error("a job was lost")
        system.write_now()


def test_the_system_log_has_each_error_once(boss: FlaskClient, gone_wrong: None, queries: Any) -> None:
    with queries(at_most=3):
        text = boss.get(SYSTEM).text
    assert "2 times" in text and "ValueError" in text and "a job was lost" in text
    assert "1234" not in text
    only = boss.get(f"{SYSTEM}?plugin=core").text
    assert "a job was lost" in only and "ValueError" not in only
    assert "No error fits these filters" in boss.get(f"{SYSTEM}?text=elsewhere").text


@pytest.mark.parametrize(("chosen", "left"), [("one", 1), ("all", 0), ("none", 2), ("9" * 30, 2)])
def test_what_was_mended_is_removed(
    app: Flask, boss: FlaskClient, gone_wrong: None, chosen: str, left: int, audited: Any
) -> None:
    with app.app_context():
        key = db.session.scalar(sa.select(sa.func.min(SystemEntry.id)))
    data = {"one": {"id": str(key)}, "all": {}}.get(chosen, {"id": chosen})
    assert boss.post(f"{SYSTEM}/clear", data=data).status_code == 303
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(SystemEntry)) == left
    assert [action for action, _target in audited()] == (["system_log.clear"] if left < 2 else [])


def test_health_names_what_does_not_work(boss: FlaskClient) -> None:
    answer = boss.get("/admin/health")
    assert answer.status_code == 200
    assert "livekit" in answer.text and "Not well" in answer.text, "no LiveKit runs in this test"


SECONDS = "whoever is removed is out within seconds, not at once"


def test_health_says_what_it_means_that_there_is_no_gate(make_app: Any, boss: FlaskClient) -> None:
    assert SECONDS not in boss.get("/admin/health").text
    direct = make_app(gated=False).test_client()
    copy_session(boss, direct)
    assert SECONDS in direct.get("/admin/health").text


@pytest.mark.parametrize("path", [LOGS, f"{LOGS}.csv", SYSTEM, "/admin/health"])
def test_logs_are_for_administrators(ada: int, sign_in: Any, client: FlaskClient, path: str) -> None:
    assert sign_in(ada).get(path).status_code == 403
    assert client.get(path).location.startswith("/sign-in")
