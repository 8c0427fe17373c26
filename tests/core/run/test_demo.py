"""What `audimax demo` makes to look at: once, however often it is started, and all that its terminal says is there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db
from core.errors import ConfigError
from core.lectures.models import Lecture, Participant
from core.people import hashing
from core.people.models import User
from core.rooms.models import Room, RoomHost
from core.run import demo
from tests.fixtures.product import ROOT
from tests.fixtures.workers import environment

MADE = (User, Room, RoomHost, Lecture, Participant)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "ROUNDS", 4)


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {**settings, "instance_dir": str(tmp_path)}


def counted(app: Flask) -> Counter[str]:
    with app.app_context():
        found = {
            one.__tablename__: db.session.scalar(sa.select(sa.func.count()).select_from(one)) for one in MADE
        }
    return Counter(found)


def fill(app: Flask) -> dict[str, str]:
    with app.app_context():
        return dict(demo.fill())


def enter(app: Flask, email: str, password: str) -> FlaskClient:
    client = app.test_client()
    assert client.post("/sign-in", data={"email": email, "password": password}).status_code == 303
    return client


def test_a_second_start_makes_nothing_again_and_says_the_same(app: Flask, tmp_path: Path) -> None:
    told, made = fill(app), counted(app)
    assert min(made.values()) > 0
    assert (made["room"], made["lecture"]) == (len(demo.TITLES), sum(map(len, demo.TITLES.values())))
    assert fill(app) == told and counted(app) == made
    assert (tmp_path / "demo.json").stat().st_mode & 0o077 == 0, "nobody else reads the passwords"


def test_whoever_is_told_of_can_sign_in_and_finds_what_there_is(app: Flask) -> None:
    told = fill(app)
    assert set(told) == {demo.ADMIN, demo.PROFESSOR}
    admin, professor = (enter(app, email, told[email]) for email in (demo.ADMIN, demo.PROFESSOR))
    people = admin.get("/admin/people").text
    assert all(email in people for email in (demo.ADMIN, demo.PROFESSOR, demo.COLLEAGUE))
    own = professor.get("/").text
    assert all(title in own for title in demo.TITLES)
    with app.app_context():
        lectures = {one.public_id: one.title for one in db.session.scalars(sa.select(Lecture))}
    for public_id, title in lectures.items():
        page = professor.get(f"/lectures/{public_id}")
        assert page.status_code == 200 and title in page.text


def test_where_others_are_already_it_says_so_and_makes_nothing(app: Flask, make_user: Any) -> None:
    make_user()
    before = counted(app)
    with pytest.raises(ConfigError, match="AUDIMAX_INSTANCE_DIR"):
        fill(app)
    assert counted(app) == before


def test_the_program_that_makes_it_tells_the_terminal(app: Flask, settings: dict[str, Any]) -> None:
    """As `audimax demo` starts it, twice."""
    argv = [sys.executable, "-m", "core.run.prepare", "--demo", "small"]
    first, again = (
        subprocess.run(
            argv, cwd=ROOT, env=environment(settings), capture_output=True, text=True, check=True, timeout=300
        )
        for _start in range(2)
    )
    told = json.loads(first.stdout)
    assert json.loads(again.stdout)["accounts"] == told["accounts"]
    assert [email for email, _password in told["accounts"]] == [demo.ADMIN, demo.PROFESSOR]
    # An administrator is there: nobody else becomes the first one by a link.
    assert not told["set_up_link"]
    for email, password in told["accounts"]:
        enter(app, email, password)
