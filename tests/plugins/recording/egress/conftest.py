"""A lecture that LiveKit Egress records: a stand-in for its API, and a real bucket."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import lru_cache
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core import events, jobs
from core.db import db, now
from core.jobs import REQUEST
from core.livekit import webhooks
from core.livekit.client import LiveKit
from plugins.recording.egress import runs
from plugins.recording.egress.models import EgressRun
from plugins.recording.models import LectureRecording
from tests.fixtures.egress import EgressServer, Job, egress_server, little_film
from tests.fixtures.s3 import S3Server
from tests.plugins.recording.conftest import Packets, Somebody

PUBLIC_URL = "http://localhost:8000"


@lru_cache
def _film(seconds: float) -> bytes:
    return little_film(seconds)


@pytest.fixture
def egress(settings: dict[str, Any]) -> Iterator[EgressServer]:
    """LiveKit's egress API; webhooks come as soon as there is an app. Its films have two seconds."""
    with egress_server(settings["livekit_key"], settings["livekit_secret"]) as made:
        made.film = lambda _seconds: _film(2.0)
        yield made


@pytest.fixture
def recording_settings() -> dict[str, Any]:
    return {"engine": "egress", "notice_seconds": 0}


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    """A bucket of this test alone: what is left in it at the end is what the test has left."""
    name = f"egress-{secrets.token_hex(8)}"
    s3_server.make_bucket(name)
    return name


@pytest.fixture
def app(
    make_app: Callable[..., Flask],
    recording_settings: dict[str, Any],
    s3_server: S3Server,
    bucket: str,
    egress: EgressServer,
) -> Flask:
    made = make_app(
        "recording",
        "storage_s3",
        file_storage="s3",
        livekit_api_url=egress.url,
        plugins={"recording": recording_settings, "storage_s3": {**s3_server.settings, "bucket": bucket}},
    )

    def deliver(body: bytes, token: str) -> None:
        headers = {"Origin": None, "Content-Type": "application/webhook+json", "Authorization": token}
        answer = made.test_client().post("/api/livekit/webhook", data=body, headers=headers)
        assert answer.status_code == 200, answer.text

    egress.deliver = deliver
    return made


@pytest.fixture
def sent(sent: Packets, monkeypatch: pytest.MonkeyPatch) -> Packets:
    """Of LiveKit only the egress API is there."""
    monkeypatch.setattr(LiveKit, "delete_room", lambda self, name: True)
    return sent


@pytest.fixture
def work(app: Flask) -> Callable[[], None]:
    """Work off what webhooks have brought, and what follows from it; the periodic jobs are for the tests."""
    from plugins.recording import jobs as of_recording

    tasks: dict[str, Callable[..., None]] = {
        "core:webhook": webhooks.work,
        "core:tell_plugin": events.tell_plugin,
        "recording:come": of_recording.come,
        "recording:finish": of_recording.finish,
    }
    due = sa.text(
        "DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM procrastinate_jobs WHERE status = 'todo' "
        "AND task_name = ANY(:names) AND (scheduled_at IS NULL OR scheduled_at <= now()) "
        "ORDER BY id LIMIT 1) RETURNING task_name, args"
    )

    def run() -> None:
        while True:
            with app.app_context():
                job = db.session.execute(due, {"names": list(tasks)}).one_or_none()
                db.session.commit()
                if job is None:
                    return
                # The number of the request is for whoever runs it.
                tasks[job.task_name](**{name: one for name, one in job.args.items() if name != REQUEST})

    return run


class Page:
    """What our page says to the web, in the browser of one egress."""

    def __init__(self, app: Flask, egress: EgressServer, job: Job) -> None:
        self.client, self.egress, self.job = app.test_client(), egress, job

    @property
    def run(self) -> str:
        return str(self.job.request.custom_base_url.rpartition("run=")[2])

    def try_to_report(self, state: str = "recording", token: str | None = None, **more: Any) -> Any:
        body = {"run": self.run, "state": state, **more}
        address = f"/api/lectures/{self.job.request.room_name}/recording/scene"
        bearer = self.egress.token(self.job) if token is None else token
        headers = {"Authorization": f"Bearer {bearer}", "Origin": "http://web:8000"}
        return self.client.post(address, json=body, headers=headers)

    def report(self, state: str = "recording", **more: Any) -> Any:
        answer = self.try_to_report(state, **more)
        assert answer.status_code == 200, answer.text
        return answer.json

    def get(self, token: str | None = None, **changed: str) -> Any:
        query = {
            "run": self.run,
            "layout": "",
            "url": "ws://livekit:7880",
            "token": self.egress.token(self.job) if token is None else token,
            **changed,
        }
        return self.client.get(f"/plugins/recording/scene/{self.job.request.room_name}", query_string=query)


@pytest.fixture
def page_of(app: Flask, egress: EgressServer) -> Callable[[Job], Page]:
    return lambda job: Page(app, egress, job)


@pytest.fixture
def record(
    host: Somebody, egress: EgressServer, page_of: Callable[[Job], Page], work: Callable[[], None]
) -> Callable[[], Job]:
    """``record()``: the host presses record, and the egress of it records for some seconds already."""

    def begin(ago: float = 5.0) -> Job:
        host.press("start", queue=False)
        return under_way(ago)

    def under_way(ago: float) -> Job:
        job = egress.last
        page_of(job).report("starting")
        egress.begin(job, ago)
        page_of(job).report(seconds=ago)
        work()
        return job

    begin.under_way = under_way  # type: ignore[attr-defined]
    return begin


@pytest.fixture
def pass_by(app: Flask) -> Callable[[float], None]:
    """``pass_by(seconds)``: everything that was noted was so long ago."""

    def write(seconds: float) -> None:
        ago = timedelta(seconds=seconds)
        with app.app_context():
            for model, names in (
                (EgressRun, ("asked_at", "heard_at", "stop_at", "over_at", "looked_at")),
                (LectureRecording, ("heard_at", "asked_at")),
            ):
                for row in db.session.query(model):
                    for name in names:
                        if getattr(row, name) is not None:
                            setattr(row, name, getattr(row, name) - ago)
            db.session.commit()

    return write


@pytest.fixture
def rows(app: Flask) -> Callable[[], list[dict[str, Any]]]:
    """All runs, in the order in which they were asked for."""

    def read() -> list[dict[str, Any]]:
        with app.app_context():
            found = db.session.query(EgressRun).order_by(EgressRun.id)
            return [{c.name: getattr(row, c.name) for c in EgressRun.__table__.columns} for row in found]

    return read


@pytest.fixture
def recording(app: Flask) -> Callable[[], dict[str, Any]]:
    def read() -> dict[str, Any]:
        with app.app_context():
            row = db.session.query(LectureRecording).one()
            return {c.name: getattr(row, c.name) for c in LectureRecording.__table__.columns}

    return read


@pytest.fixture
def end(app: Flask, host: Somebody, lecture_of: Any, work: Callable[[], None]) -> Callable[..., None]:
    """``end()``: the lecture is over, and all jobs that follow have run."""
    from plugins.recording import jobs as of_recording

    def finish(ago: float = 0) -> None:
        with app.app_context():
            lecture = lecture_of(host)
            lecture.ended_at = lecture.ended_at or now() - timedelta(seconds=ago)
            db.session.commit()
            of_recording.finish(lecture.id)
        work()
        # The film, and then what belongs to it.
        for _ in range(2):
            jobs.run_worker(app, wait=False)

    return finish


@pytest.fixture
def settle(app: Flask, work: Callable[[], None]) -> Callable[[], None]:
    """What the periodic job does about runs."""

    def run() -> None:
        with app.app_context():
            runs.settle_all()
        work()

    return run
