"""A lecture with everything in it: what a rule removes is nowhere any more, and all else is still there."""

# ruff: noqa: F811  (fixtures of others)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.db import db, now
from core.files import stored as files
from core.lectures.models import Lecture, Participant
from core.models import AuditEntry
from core.retention import runs, stock
from plugins.lobby.models import Entry
from plugins.moderation.models import Ban
from plugins.recording.models import LectureRecording, Outcome, Piece
from tests.fixtures import traces
from tests.plugins.ai_assistant.conftest import (  # noqa: F401  (fixtures)
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
from tests.plugins.test_nothing_remains import KEY, MARKS, PLUGINS, full, page_of  # noqa: F401  (a fixture)

FILM = "quaggafilm bytes"
BANNED = "QuaggaReason"
WORDS = {**MARKS, "film": FILM, "film's name": "quaggafilm.mp4", "banned": BANNED}
# By kind: what nobody finds any more, and what went with it.
GONE = {
    "transcripts": {"said"},
    "chat": {"written", "for hosts"},
    "files": {"file", "in file"},
    "recordings": {"film", "film's name"},
    "participants": {"guest", "banned"},
    "lectures": set(WORDS),
}
# What a guest is called belongs to their browser's session and isn't the lecture's alone.
NOT_THE_LECTURES = {"guest_session"}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    made = make_app(*PLUGINS, "recording", plugins={"recording": {"engine": "off"}})
    with made.app_context():
        db.session.execute(sa.text("SELECT setval('lecture_id_seq', :key, false)"), {"key": KEY})
        db.session.commit()
    return made


@pytest.fixture
def planted(app: Flask, full: dict[str, Any]) -> dict[str, Any]:
    """The same lecture, recorded, with somebody who was sent out, and over for a hundred days."""
    with app.app_context():
        lecture = db.session.scalars(sa.select(Lecture)).one()
        film = keep_film(lecture, "quaggafilm.mp4")
        piece = keep_film(lecture, "piece.webm")
        db.session.add(LectureRecording(lecture_id=lecture.id, outcome=Outcome.DONE, video_id=film, facts={}))
        db.session.add(Piece(lecture_id=lecture.id, run="one", number=0, stored_file_id=piece))
        guest = db.session.scalars(
            sa.select(Participant).where(Participant.lecture_id == lecture.id, Participant.role != "host")
        ).first()
        assert guest is not None
        about = {"lecture_id": lecture.id, "name": MARKS["guest"], "guest_session_id": guest.guest_session_id}
        db.session.add(Ban(**about, room_id=lecture.room_id, reason=BANNED))
        db.session.execute(sa.delete(Entry))
        db.session.add(Entry(**about, room_id=lecture.room_id, name_key="", state="approved"))
        lecture.started_at -= timedelta(days=100)
        lecture.ended_at = now() - timedelta(days=100)
        db.session.commit()
    return full


def keep_film(lecture: Lecture, name: str) -> int:
    return files.keep(lecture, "recording", name=name, body=FILM.encode(), mime="video/mp4").id


def rule(app: Flask, kind: str, days: int) -> None:
    before = app.extensions["audimax_config"]
    app.extensions["audimax_config"] = replace(before, **{f"keep_{kind}_days": days})


def carry_out(app: Flask) -> dict[str, dict[str, int]]:
    with app.app_context():
        run_id = runs.begin().id
        db.session.commit()
        runs.work_off(run_id)
        return runs.numbers_of(run_id)


def places(app: Flask) -> dict[str, set[str]]:
    """By mark: the tables and files in which it is."""
    with app.app_context():
        rows = traces.in_tables(WORDS.values())
        kept = traces.in_files(Path(app.extensions["audimax_config"].instance_dir), WORDS.values())
    found = {mark: {table for table, word, _row in rows if word == said} for mark, said in WORDS.items()}
    for mark, said in WORDS.items():
        found[mark] |= {"a file" for _path, word in kept if word == said}
        found[mark] -= NOT_THE_LECTURES
    return found


@pytest.mark.parametrize("kind", GONE)
def test_what_a_rule_removes_is_nowhere_and_all_else_is_still_there(
    app: Flask,
    planted: dict[str, Any],
    work: Any,
    kind: str,
) -> None:
    before = places(app)
    assert all(before.values()), before
    rule(app, kind, 101)
    assert carry_out(app) == {} and places(app) == before, "a day too early"
    rule(app, kind, 99)
    with app.app_context():
        assert [one.kind for one in stock.preview().sums if one.items] == [kind]
    assert places(app) == before, "a look changes nothing"
    assert kind in carry_out(app)
    work()
    after = places(app)
    remains = {mark for mark, where in after.items() if where and not is_the_log(app, mark, where)}
    assert remains == set(WORDS) - GONE[kind], after
    assert carry_out(app) == {}, "nothing of it is left to be removed"
    if kind != "lectures":
        page = page_of(planted["host"], planted)
        assert "Deleted after its time" in page and "because this institution keeps them for 99 days" in page


def is_the_log(app: Flask, mark: str, where: set[str]) -> bool:
    """Of a lecture that is gone the log has no words any more."""
    with app.app_context():
        said = db.session.scalars(sa.select(AuditEntry.target)).all()
    return where == {"audit_log"} and WORDS[mark] not in said


def test_all_rules_at_once_leave_the_bare_lecture(app: Flask, planted: dict[str, Any], work: Any) -> None:
    for kind in GONE:
        if kind != "lectures":
            rule(app, kind, 30)
    assert set(carry_out(app)) == set(GONE) - {"lectures"}
    work()
    assert {mark for mark, where in places(app).items() if where} == {"title", "label"}
    with app.app_context():
        folder = Path(app.extensions["audimax_config"].instance_dir) / "files"
        assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert planted["host"].get(planted["page"]).status_code == 200
    review = f"/plugins/ai_assistant/rooms/{planted['room']}/lectures/{planted['id']}"
    assert planted["host"].get(review).status_code < 500
