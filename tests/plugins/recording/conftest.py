"""A room with a lecture, its host and guests, and a recorder that speaks the internal API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from core.db import db, now
from core.engine.agent_keys import agent_key
from core.lectures.models import Lecture
from core.livekit import agents
from plugins.recording import jobs
from tests.plugins.webinar import conftest as webinar
from tests.plugins.webinar.conftest import change, owner, sent  # noqa: F401  (fixtures)

Packets = list[tuple[dict[str, Any], list[str]]]


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {**settings, "instance_dir": str(tmp_path)}


@pytest.fixture
def recording_settings() -> dict[str, Any]:
    """Of the plugin; tests that need others override it."""
    return {}


@pytest.fixture
def app(make_app: Callable[..., Flask], recording_settings: dict[str, Any]) -> Flask:
    return make_app("recording", plugins={"recording": recording_settings})


class Somebody(webinar.Somebody):
    """A browser in the room."""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return self.client.open(f"/api/rooms/{self.room}/recording{path}", method=method, json=body)

    def want(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status_code < 300, answer.text
        return answer.json

    def press(self, button: str, **body: Any) -> Any:
        return self.want("POST", f"/{button}", body)

    def refused(self, button: str, **body: Any) -> tuple[int, str]:
        answer = self.ask("POST", f"/{button}", body)
        return answer.status_code, answer.json["code"]

    @property
    def state(self) -> Any:
        return self.want("GET", "/state")

    def set(self, **settings: Any) -> None:
        """Through the room's form, as it were."""
        self.patch(plugins={"recording": {"enabled": True, "settings": settings}})


class Recorder:
    """What the recorder of one lecture says to the web."""

    def __init__(self, client: Any, lecture: str, key: str, run: str = "run-number-one") -> None:
        self.client, self.lecture, self.key, self.run = client, lecture, key, run

    def again(self, run: str) -> Recorder:
        """Another run of the same lecture."""
        return Recorder(self.client, self.lecture, self.key, run)

    def try_to_report(self, state: str = "recording", key: str = "", **more: Any) -> Any:
        body = {"run": self.run, "state": state, **more}
        return self.client.post(f"{self._address}/report", json=body, headers=self._headers(key))

    def report(self, state: str = "recording", **more: Any) -> Any:
        answer = self.try_to_report(state, **more)
        assert answer.status_code == 200, answer.text
        return answer.json

    def say_worker_is_here(self, key: str = "") -> int:
        """The status that the web answers."""
        answer = self.client.post(f"{self._address}/here", headers=self._headers(key))
        return int(answer.status_code)

    def put(self, number: int, body: bytes, key: str = "") -> Any:
        address = f"{self._address}/pieces/{self.run}/{number}"
        headers = {**self._headers(key), "Content-Type": "video/webm"}
        return self.client.put(address, data=body, headers=headers)

    @property
    def _address(self) -> str:
        return f"/api/internal/lectures/{self.lecture}/recording"

    def _headers(self, key: str) -> dict[str, Any]:
        return {"Authorization": f"Bearer {key or self.key}", "Origin": None}


@pytest.fixture(autouse=True)
def dispatched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Which lectures a recorder was asked for, and what it was told; ``None`` where it was sent away."""
    asked: list[Any] = []
    monkeypatch.setattr(
        agents, "dispatch", lambda lecture, name, metadata: asked.append((lecture.public_id, dict(metadata)))
    )
    monkeypatch.setattr(agents, "dismiss", lambda lecture, name, who: asked.append((lecture.public_id, None)))
    return asked


@pytest.fixture
def new_host(app: Flask, owner: int, make_room: Any, sign_in: Any, sent: Packets) -> Callable[..., Somebody]:  # noqa: F811
    """``new_host()``: the owner, signed in and inside, in a new room with a lecture of an hour ago."""

    def make(join: bool = True) -> Somebody:
        key, room, _code = make_room(owner)
        with app.app_context():
            begun = now() - timedelta(hours=1)
            db.session.add(Lecture(room_id=key, title="Today", started_by_id=owner, started_at=begun))
            db.session.commit()
        made = Somebody(sign_in(owner), room)
        return made.join("Emmy") if join else made

    return make


@pytest.fixture
def host(new_host: Callable[..., Somebody]) -> Somebody:
    return new_host()


@pytest.fixture
def come(app: Flask, host: Somebody) -> Callable[..., Somebody]:
    """``come("Ada")``: a new guest who has joined."""
    return lambda name="Bob": Somebody(app.test_client(), host.room).join(name)


@pytest.fixture
def lecture_of(app: Flask) -> Callable[[Somebody], Lecture]:
    """The live lecture of somebody's room; to be used within an app's context."""

    def find(person: Somebody) -> Lecture:
        from core.rooms.models import Room

        return db.session.query(Lecture).join(Room).filter(Room.public_id == person.room).one()

    return find


@pytest.fixture
def recorder_of(app: Flask, lecture_of: Any) -> Callable[[Somebody], Recorder]:
    def make(person: Somebody) -> Recorder:
        with app.app_context():
            lecture = lecture_of(person)
            return Recorder(app.test_client(), lecture.public_id, agent_key(lecture))

    return make


@pytest.fixture
def recorder(host: Somebody, recorder_of: Callable[[Somebody], Recorder]) -> Recorder:
    return recorder_of(host)


@pytest.fixture
def watch(app: Flask) -> Callable[[], None]:
    """What the periodic job does."""

    def run() -> None:
        with app.app_context():
            jobs.watch(0)

    return run


@pytest.fixture
def late(app: Flask) -> Callable[..., None]:
    """``late(heard_at=…)`` sets columns of all recordings, to let time pass."""
    from plugins.recording.models import LectureRecording

    def write(**values: Any) -> None:
        with app.app_context():
            db.session.query(LectureRecording).update(values)
            db.session.commit()

    return write
