"""A room with a lecture, its host and guests, and an agent that speaks the internal API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from core.db import db, now
from core.engine.agent_keys import agent_key
from core.lectures.models import Lecture
from core.livekit import agents
from tests.plugins.webinar import conftest as webinar
from tests.plugins.webinar.conftest import change, owner, sent  # noqa: F401  (fixtures)

Packets = list[tuple[dict[str, Any], list[str]]]


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {**settings, "instance_dir": str(tmp_path)}


@pytest.fixture
def assistant_settings() -> dict[str, Any]:
    """Of the plugin; tests that need others override it."""
    return {}


@pytest.fixture
def app(make_app: Callable[..., Flask], assistant_settings: dict[str, Any]) -> Flask:
    return make_app("ai_assistant", plugins={"ai_assistant": assistant_settings})


class Somebody(webinar.Somebody):
    """A browser in the room."""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return self.client.open(f"/api/rooms/{self.room}/ai_assistant{path}", method=method, json=body)

    def want(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status_code < 300, answer.text
        return answer.json

    @property
    def state(self) -> Any:
        return self.want("GET", "/state")

    @property
    def lines(self) -> list[str]:
        return [line["text"] for line in self.want("GET", "/lines")["lines"]]

    def set(self, **settings: Any) -> None:
        """Through the room's form, as it were."""
        self.patch(plugins={"ai_assistant": {"enabled": True, "settings": settings}})


class Agent:
    """What the agent of one lecture says to the web; seconds count from the lecture's start."""

    def __init__(
        self, client: Any, lecture: str, key: str, started_at: float, run: str = "run-number-one"
    ) -> None:
        self.client, self.lecture, self.key, self.run = client, lecture, key, run
        self.started_at, self._count = started_at, 0

    def try_to_report(self, state: str = "listening", segments: Any = (), key: str = "", **more: Any) -> Any:
        status = {"state": state, **({"code": more.pop("code")} if "code" in more else {})}
        body = {"run": self.run, "status": status, "segments": list(segments), **more}
        return self._post("report", key, body)

    def say_worker_is_here(self, key: str = "") -> int:
        """The status that the web answers."""
        return int(self._post("here", key).status_code)

    def _post(self, path: str, key: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {key or self.key}", "Origin": None}
        address = f"/api/internal/lectures/{self.lecture}/ai_assistant/{path}"
        return self.client.post(address, json=body, headers=headers)

    def report(self, state: str = "listening", segments: Any = (), **more: Any) -> Any:
        answer = self.try_to_report(state, segments, **more)
        assert answer.status_code == 200, answer.text
        return answer.json

    def segment(self, who: Somebody, text: str, at: float | None = None, **more: Any) -> dict[str, Any]:
        """Without ``at`` it was said just now."""
        self._count += 1
        begun = now().timestamp() - 0.01 if at is None else self.started_at + at
        return {
            "id": f"{self.run}-{self._count:04}",
            "identity": who.identity,
            "started_at": begun,
            "ended_at": begun + (0.005 if at is None else 1.0),
            "text": text,
            **more,
        }

    def say(self, who: Somebody, text: str, at: float | None = None) -> Any:
        return self.report(segments=[self.segment(who, text, at)])

    def again(self, run: str) -> Agent:
        """Another run of the same lecture."""
        return Agent(self.client, self.lecture, self.key, self.started_at, run)


@pytest.fixture(autouse=True)
def dispatched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Which lectures an agent was asked for, and what it was told; ``None`` where it was sent away."""
    asked: list[Any] = []
    monkeypatch.setattr(
        agents, "dispatch", lambda lecture, name, metadata: asked.append((lecture.public_id, dict(metadata)))
    )
    monkeypatch.setattr(agents, "dismiss", lambda lecture, name, who: asked.append((lecture.public_id, None)))
    return asked


@pytest.fixture
def host(app: Flask, owner: int, make_room: Any, sign_in: Any, sent: Packets) -> Somebody:  # noqa: F811
    """The owner, signed in and inside, in a room where a lecture has run for an hour."""
    key, room, _code = make_room(owner)
    with app.app_context():
        from datetime import timedelta

        begun = now() - timedelta(hours=1)
        db.session.add(Lecture(room_id=key, title="Today", started_by_id=owner, started_at=begun))
        db.session.commit()
    return Somebody(sign_in(owner), room).join("Emmy")


@pytest.fixture
def come(app: Flask, host: Somebody) -> Callable[..., Somebody]:
    """``come("Ada")``: a new guest who has joined."""
    return lambda name="Bob": Somebody(app.test_client(), host.room).join(name)


@pytest.fixture
def agent(app: Flask, host: Somebody) -> Agent:
    with app.app_context():
        lecture = db.session.query(Lecture).order_by(Lecture.id.desc()).first()
        assert lecture is not None
        return Agent(app.test_client(), lecture.public_id, agent_key(lecture), lecture.started_at.timestamp())


@pytest.fixture
def in_lecture(app: Flask, agent: Agent) -> Callable[[Callable[[Lecture], Any]], Any]:
    """``in_lecture(do)``: what ``do(lecture)`` gives, in the app."""

    def run(do: Callable[[Lecture], Any]) -> Any:
        with app.app_context():
            return do(db.session.query(Lecture).filter_by(public_id=agent.lecture).one())

    return run


@pytest.fixture
def end(in_lecture: Any) -> Callable[[], None]:
    """The lecture is over, as far as the database goes."""

    def do() -> None:
        def at(lecture: Lecture) -> None:
            lecture.ended_at = now()
            db.session.commit()

        in_lecture(at)

    return do


@pytest.fixture
def work(app: Flask) -> Callable[[], None]:
    """Do what is waiting to be done, in this process."""
    from core.jobs import run_worker

    def do() -> None:
        # One round may end while the last job of it still puts others into the queue.
        for _round in range(4):
            run_worker(app, wait=False)

    return do
