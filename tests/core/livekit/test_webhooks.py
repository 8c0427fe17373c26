"""Webhooks: only LiveKit's own are taken, and none of them can do harm by its time or number."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from livekit import api

from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.livekit import webhooks
from core.models import WebhookEvent
from tests.fixtures.livekit import Hall, until

PATH = "/api/livekit/webhook"


class Sender:
    """LiveKit as the webhook sees it, for one lecture and one person."""

    def __init__(self, app: Flask, lecture: str, identity: str) -> None:
        self.app, self.lecture, self.identity = app, lecture, identity
        self.number = 0

    def body(self, event: str, **more: Any) -> dict[str, Any]:
        self.number += 1
        who = {"sid": "PA_1", "identity": self.identity, "kind": "STANDARD", **more.pop("who", {})}
        made = {
            "event": event,
            "id": f"EV_{self.number}",
            "createdAt": str(int(time.time())),
            "room": {"name": self.lecture},
            "participant": who,
        }
        return {**made, **more}

    def sign(self, raw: bytes, secret: str = "") -> str:
        made = self.app.extensions["audimax_config"]
        digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
        return api.AccessToken(made.livekit_key, secret or made.livekit_secret).with_sha256(digest).to_jwt()

    def send(self, event: str, **more: Any) -> int:
        raw = json.dumps(self.body(event, **more)).encode()
        return self.post(raw, self.sign(raw))

    def post(self, raw: bytes, token: str | None) -> int:
        headers = {"Origin": None, "Content-Type": "application/webhook+json"}
        if token is not None:
            headers["Authorization"] = token
        return self.app.test_client().post(PATH, data=raw, headers=headers).status_code

    def work(self) -> None:
        """Work off what is stored, without a worker."""
        with self.app.app_context():
            for event in db.session.scalars(
                sa.select(WebhookEvent.id).where(WebhookEvent.worked_at.is_(None))
            ).all():
                webhooks.work(event)

    def stored(self) -> int:
        with self.app.app_context():
            return db.session.scalar(sa.select(sa.func.count()).select_from(WebhookEvent)) or 0

    def row(self) -> Participant:
        with self.app.app_context():
            return db.session.scalars(
                sa.select(Participant).where(Participant.identity == self.identity)
            ).one()


@pytest.fixture
def sender(
    app: Flask, make_user: Callable[..., int], make_room: Callable[..., tuple[int, str, str]]
) -> Sender:
    owner = make_user()
    room = make_room(owner)[0]
    with app.app_context():
        lecture = Lecture(room_id=room, title="Sorting", started_at=now() - timedelta(hours=1))
        db.session.add(lecture)
        db.session.flush()
        person = Participant(lecture_id=lecture.id, name="Grace")
        db.session.add(person)
        db.session.commit()
        return Sender(app, lecture.public_id, person.identity)


@pytest.fixture(autouse=True)
def begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments of a test are so far from each other as it says, however long it takes."""
    monkeypatch.setattr(sys.modules[__name__], "BEGUN", int(time.time()))


BEGUN = 0


def ago(seconds: int) -> str:
    return str(BEGUN - seconds)


def since(seconds: int) -> dict[str, str]:
    return {"joinedAt": ago(seconds), "joinedAtMs": ago(seconds) + "000"}


def test_an_event_is_stored_once_and_worked_by_a_job(sender: Sender) -> None:
    from core import jobs

    assert sender.send("participant_joined", id="EV_same", who=since(60)) == 200
    assert sender.send("participant_joined", id="EV_same", who=since(60)) == 200
    assert sender.stored() == 1
    assert sender.row().present_since is None
    jobs.run_worker(sender.app, wait=False)
    assert sender.row().present_since is not None
    with sender.app.app_context():
        assert db.session.get(WebhookEvent, "EV_same").worked_at is not None  # type: ignore[union-attr]


def test_what_is_not_signed_by_livekit_is_a_401_and_leaves_nothing(sender: Sender) -> None:
    raw = json.dumps(sender.body("participant_joined")).encode()
    good = sender.sign(raw)
    made = sender.app.extensions["audimax_config"]
    without_hash = api.AccessToken(made.livekit_key, made.livekit_secret).to_jwt()
    refused = [
        (raw, None),
        (raw, ""),
        (raw, "garbage"),
        (raw, f"Bearer {good}"),
        (raw, sender.sign(raw, "another secret, of another server!")),
        (raw, without_hash),
        (raw + b" ", good),
        (raw.replace(b"joined", b"left"), good),
        (b"", good),
        (b"\xff\xfe", sender.sign(b"\xff\xfe")),
        (b"[1, 2]", sender.sign(b"[1, 2]")),
        (b"{not json", sender.sign(b"{not json")),
        (b'{"event": {"a": 1}}', sender.sign(b'{"event": {"a": 1}}')),
    ]
    assert [sender.post(*one) for one in refused] == [401] * len(refused)
    assert sender.stored() == 0
    assert sender.post(raw, good) == 200


def test_an_event_of_a_megabyte_is_refused_unread(sender: Sender) -> None:
    raw = b" " * 900_000
    assert sender.post(raw, sender.sign(raw)) == 413


def test_events_that_we_did_not_ask_for_are_answered_and_forgotten(sender: Sender) -> None:
    assert sender.send("track_published") == 200
    assert sender.send("something_of_next_year") == 200
    assert sender.send("participant_joined", id="") == 200
    assert sender.stored() == 0


def test_join_and_leave_make_the_history(sender: Sender) -> None:
    sender.send("participant_joined", who=since(100))
    sender.work()
    here = sender.row()
    assert here.first_joined_at == here.present_since is not None
    assert here.left_at is None
    sender.send("participant_left", createdAt=ago(40), who=since(100))
    sender.work()
    gone = sender.row()
    assert (gone.present_since, gone.seconds_present) == (None, 60)
    assert gone.left_at is not None


def test_replayed_reordered_and_late_events_change_nothing(sender: Sender) -> None:
    first, second = {"sid": "PA_1", **since(300)}, {"sid": "PA_2", **since(100)}
    sender.send("participant_joined", who=second)
    sender.work()
    sender.send("participant_left", createdAt=ago(200), who=first)
    sender.send("participant_joined", createdAt=ago(300), who=first)
    sender.work()
    sender.send("participant_left", createdAt=ago(200), who=first)
    sender.work()
    row = sender.row()
    assert (row.seconds_present, row.livekit_sid) == (100, "PA_2")
    assert row.present_since is not None


def test_the_same_events_worked_twice_change_nothing(sender: Sender) -> None:
    sender.send("participant_joined", who=since(100))
    sender.send("participant_left", createdAt=ago(40), who=since(100))
    with sender.app.app_context():
        events = list(db.session.scalars(sa.select(WebhookEvent.id)))
        for event in [*events, *events, *reversed(events)]:
            webhooks.work(event)
    assert sender.row().seconds_present == 60


def test_agents_unknown_people_and_people_of_other_lectures_change_nothing(sender: Sender) -> None:
    sender.send("participant_joined", who={"kind": "AGENT", **since(10)})
    sender.send("participant_joined", who={"identity": "somebody else"})
    sender.send("participant_joined", room={"name": "another lecture"}, who=since(10))
    sender.send("room_finished")
    sender.work()
    assert sender.row().present_since is None
    with sender.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).where(WebhookEvent.worked_at.is_(None))) == 0


def test_a_leave_that_comes_after_the_end_counts_until_the_end(sender: Sender) -> None:
    sender.send("participant_joined", who=since(100))
    sender.work()
    with sender.app.app_context():
        lecture = db.session.scalars(sa.select(Lecture)).one()
        lecture.ended_at = now() - timedelta(seconds=50)
        db.session.commit()
    sender.send("participant_left", who=since(100))
    sender.work()
    assert sender.row().seconds_present in (50, 49, 51)


def test_what_comes_days_after_the_end_is_not_worked(sender: Sender) -> None:
    with sender.app.app_context():
        db.session.scalars(sa.select(Lecture)).one().ended_at = now() - timedelta(days=2)
        db.session.commit()
    sender.send("participant_joined", who=since(100))
    sender.work()
    assert sender.row().first_joined_at is None


def test_a_lecture_knows_since_when_nobody_is_there(sender: Sender) -> None:
    def absent() -> Any:
        with sender.app.app_context():
            return db.session.scalar(sa.select(Lecture.absent_since))

    assert absent() is not None
    sender.send("participant_joined", who=since(100))
    sender.work()
    assert absent() is None
    sender.send("participant_left", who=since(100))
    sender.work()
    assert absent() is not None


def test_plugins_hear_of_coming_and_going_once(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    from core import events

    heard: list[str] = []
    monkeypatch.setattr(events, "publish", lambda event: heard.append(type(event).__name__))
    sender.send("participant_joined", who=since(100))
    sender.work()
    sender.send("participant_joined", who=since(100))
    sender.work()
    sender.send("participant_left", who=since(100))
    sender.work()
    assert heard == ["ParticipantJoined", "ParticipantLeft"]


def test_a_webhook_is_answered_before_any_of_its_work_is_done(sender: Sender, app: Flask) -> None:
    raws = [json.dumps(sender.body("participant_joined", who=since(9))).encode() for _ in range(5)]
    assert {sender.post(raw, sender.sign(raw)) for raw in raws} == {200}
    with app.app_context():
        kept = db.session.query(WebhookEvent).all()
        assert len(kept) == 5 and all(one.worked_at is None for one in kept)


def test_the_real_server_reports_who_comes_and_goes(hall: Hall) -> None:
    lecture = hall.start()
    identity, person = hall.enter(lecture)

    def worked() -> Any:
        hall.work()
        return hall.row(identity)

    until(lambda: worked().present_since is not None)
    assert hall.row(identity).livekit_sid.startswith("PA_")
    person.leave()
    until(lambda: worked().left_at is not None)
    assert hall.row(identity).present_since is None
