"""What Prometheus reads: every figure, bounded labels, few questions, all workers together."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from core.db import db, now
from core.engine.plugins import plugins
from core.exports.models import Export
from core.files.models import State, StoredFile
from core.lectures.models import Lecture, Participant
from core.livekit import client as livekit_client
from core.metrics import counts, workers
from core.models import GuestSession, Waiting
from tests.fixtures.livekit import until
from tests.fixtures.workers import Workers

Labels = tuple[tuple[str, str], ...]


def read(text: str) -> dict[tuple[str, Labels], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figures(client: FlaskClient) -> dict[tuple[str, Labels], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def one(found: dict[tuple[str, Labels], float], name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0.0)


REQUESTS = "audimax_http_request_seconds_count"


def test_requests_are_counted_by_route_never_by_address(client: FlaskClient) -> None:
    before = figures(client)
    for path in ("/rooms/secret-id-1", "/rooms/secret-id-2", "/nowhere/secret-id-3", "/reset/secret-id-4"):
        client.get(path)
    client.open("/sign-in", method="BREW")
    after = figures(client)
    for route, method, status, more in (
        ("/rooms/<room_id>", "GET", "3xx", 2),
        (counts.NOWHERE, "GET", "4xx", 1),
        (counts.NOWHERE, "other", "4xx", 1),
    ):
        labels = {"route": route, "method": method, "status": status}
        assert one(after, REQUESTS, **labels) - one(before, REQUESTS, **labels) == more, labels
    assert not any("secret-id" in str(key) for key in after)


def test_routes_are_all_that_labels_can_grow_by(app: Flask, client: FlaskClient) -> None:
    before = set(figures(client))
    for number in range(200):
        client.get(f"/made-up-{number}")
        client.open("/", method=f"MADE{number}")
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    new = set(figures(client)) - before
    assert len(new) < 100
    for _name, labels in new:
        facts = dict(labels)
        if "route" in facts:
            assert facts["route"] in routes | {counts.NOWHERE}
            assert facts["method"] in counts.METHODS | {"other"}
            assert re.fullmatch("[1-5]xx", facts["status"])


@pytest.fixture
def busy(app: Flask, context: None, make_user: Any, make_room: Any) -> None:
    """One of everything."""
    owner = make_user()
    key, _public, _code = make_room(owner)
    live = Lecture(room_id=key, title="Now", started_by_id=owner)
    over = Lecture(room_id=key, title="Then", started_by_id=owner, ended_at=now())
    db.session.add_all([live, over])
    db.session.flush()
    for lecture in (live, over):
        db.session.add(
            Participant(lecture_id=lecture.id, identity=f"i{lecture.id}", name="A", present_since=now())
        )
    for name in ("waits", "gone"):
        guest = GuestSession(token_hash=name, name=name)
        db.session.add(guest)
        db.session.flush()
        gone = now() if name == "gone" else None
        db.session.add(Waiting(room_id=key, guest_session_id=guest.id, name=name, cause="x", left_at=gone))
    for state in ("waiting", "working", "working", "done"):
        db.session.add(Export(lecture_id=live.id, exporter="x", state=state))
    for state, size in ((State.READY, 1000), (State.READY, 24), (State.GONE, 7)):
        db.session.add(StoredFile(lecture_id=live.id, plugin="files", key=f"{state.value}{size}", storage="local",
                                  name="x", mime="text/plain", extension="txt", uploader_name="A", size=size, state=state.value))  # fmt: skip
    rows = "('core:webhook', 'todo'), ('core:webhook', 'todo'), ('core:webhook', 'failed'), ('gone:task', 'todo')"
    db.session.execute(
        sa.text(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, scheduled_at) "
            "SELECT 'default', name, '{}', status::procrastinate_job_status, now() - interval '90 s' "
            f"FROM (VALUES {rows}) AS made(name, status)"
        )
    )
    db.session.commit()


def test_what_the_database_knows_is_told(busy: None, client: FlaskClient) -> None:
    found = figures(client)
    assert one(found, "audimax_database_up") == 1
    assert one(found, "audimax_lectures_live") == 1
    assert one(found, "audimax_participants_present") == 1
    assert one(found, "audimax_people_waiting") == 1
    assert one(found, "audimax_exports_waiting") == 1
    assert one(found, "audimax_exports_running") == 2
    assert one(found, "audimax_jobs", task="core:webhook", state="todo") == 2
    assert one(found, "audimax_jobs", task="core:webhook", state="failed") == 1
    assert one(found, "audimax_jobs", task="unknown", state="todo") == 1
    assert 85 < one(found, "audimax_job_oldest_seconds") < 3600
    assert one(found, "audimax_storage_bytes", storage="local") == 1024
    assert one(found, "audimax_check_up", check="database") == 1
    assert one(found, "audimax_check_up", check="livekit") == 0


def test_a_scrape_asks_few_questions_and_the_next_one_none(
    busy: None, app: Flask, client: FlaskClient, queries: Callable[..., Any]
) -> None:
    client.get("/readyz")
    for check in app.extensions["audimax_checks"]:
        check.remembered = 3600
    with queries(at_most=6) as asked:
        figures(client)
    assert asked
    with queries(at_most=0):
        figures(client)


def test_without_the_database_the_rest_is_told(make_app: Callable[..., Flask]) -> None:
    app = make_app(database_url="postgresql+psycopg2://nobody@127.0.0.1:9/none")
    found = figures(app.test_client())
    assert one(found, "audimax_database_up") == 0
    assert one(found, "audimax_check_up", check="database") == 0
    assert not any(name == "audimax_lectures_live" for name, _labels in found)


def test_joins_the_gate_and_failing_hooks_are_counted(
    app: Flask, client: FlaskClient, make_user: Any, make_room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(livekit_client.LiveKit, "must_be_reachable", lambda self: None)
    _key, room, _code = make_room(make_user())
    before = figures(client)
    assert client.post(f"/api/rooms/{room}/join", json={"name": "Ada"}).status_code == 202
    client.get("/api/internal/livekit/connect", headers={"X-Forwarded-Uri": "/rtc?access_token=x"})
    with app.app_context():
        plugins.note("x", "admit", RuntimeError())
    after = figures(client)

    def more(name: str, **labels: str) -> float:
        return one(after, name, **labels) - one(before, name, **labels)

    assert more("audimax_joins_total", answer="waiting") == 1
    assert more("audimax_gate_answers_total", status="401") == 1
    assert more("audimax_hook_errors_total", plugin="x", hook="admit") == 1
    assert more("audimax_errors_logged_total") == 1


def test_errors_of_all_programs_are_told_from_the_system_log(app: Flask, client: FlaskClient) -> None:
    from core.logs.system import write_now

    with app.app_context():
        for plugin in ("x", "x", "y"):
            plugins.note(plugin, "admit", RuntimeError())
        write_now()
    found = figures(client)
    assert one(found, "audimax_system_errors_total", plugin="x") == 2
    assert one(found, "audimax_system_errors_total", plugin="y") == 1


# --- several workers ------------------------------------------------------------------


@pytest.fixture
def web(settings: dict[str, Any], tmp_path: Path) -> Iterator[Workers]:
    made = Workers({**settings, "instance_dir": str(tmp_path)}, tmp_path)
    yield made
    made.stop()


def pids(web: Workers, folder: Path) -> set[int]:
    found = {int(path.stem.rpartition("_")[2]) for path in folder.glob("metrics/*/histogram_*.db")}
    return {pid for pid in found if pid != web.process.pid}


def test_workers_count_together_and_one_that_dies_takes_nothing_away(web: Workers, tmp_path: Path) -> None:
    label = {"route": "/sign-in", "method": "GET", "status": "2xx"}

    def count() -> float:
        return one(read(web.ask("GET", "/metrics").text), REQUESTS, **label)

    before = count()
    asked = 0

    def both_have_answered() -> bool:
        nonlocal asked
        web.ask("GET", "/sign-in")
        asked += 1
        return len(pids(web, tmp_path)) >= 2

    until(both_have_answered, what="both workers have answered")
    assert count() == before + asked
    victim = pids(web, tmp_path).pop()
    os.kill(victim, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{victim}").exists(), what="the worker is gone")
    # A request that was meant for it may be lost with it; what it had counted isn't.
    web.ask("GET", "/sign-in", wait=True)
    assert count() >= before + asked
    assert one(read(web.ask("GET", "/metrics").text), "audimax_streams_open", kind="waiting") == 0


def test_figures_of_an_earlier_run_are_forgotten(settings: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    for _again in range(2):
        web = Workers({**settings, "instance_dir": str(tmp_path)}, tmp_path)
        for folder in (tmp_path / "metrics").iterdir():
            assert folder.stat().st_mode & 0o077 == 0
        web.stop()
    (tmp_path / "old.db").write_bytes(b"x")
    os.environ[workers.VARIABLE] = str(tmp_path)
    try:
        workers.forget_all()
    finally:
        del os.environ[workers.VARIABLE]
    assert not (tmp_path / "old.db").exists()


def test_where_nothing_can_be_kept_a_folder_elsewhere_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Set first, so that what is chosen is taken back at the end.
    monkeypatch.setenv(workers.VARIABLE, "")
    monkeypatch.delenv(workers.VARIABLE)
    workers.share(tmp_path / "missing", "8000")
    chosen = Path(os.environ[workers.VARIABLE])
    assert chosen.is_dir() and tmp_path not in chosen.parents
    monkeypatch.delenv(workers.VARIABLE)
    workers.share(tmp_path, "8000")
    assert tmp_path in Path(os.environ[workers.VARIABLE]).parents
