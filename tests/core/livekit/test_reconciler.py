"""What was lost between us and LiveKit is found again within a minute."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core.db import db, now
from core.livekit import presence, reconciler
from core.models import WebhookEvent
from tests.core.livekit.test_enforcement import past_the_gate
from tests.fixtures.livekit import Hall, until


@pytest.fixture
def deaf(hall: Hall) -> Hall:
    """A hall whose webhooks are all lost: no job runs, so none is worked."""
    return hall


def reconcile(hall: Hall) -> None:
    with hall.app.app_context():
        reconciler.reconcile()


def change_lecture(hall: Hall, lecture: str, **values: Any) -> None:
    with hall.app.app_context():
        found = hall._lecture(lecture)
        for name, value in values.items():
            setattr(found, name, value)
        db.session.commit()


def forget_webhooks(hall: Hall) -> None:
    with hall.app.app_context():
        db.session.execute(sa.delete(WebhookEvent).where(WebhookEvent.id.not_like("seen:%")))
        db.session.commit()


def active(hall: Hall, lecture: str, identity: str) -> bool:
    found = hall.api.get_participant(lecture, identity)
    return found is not None and presence.is_present(found)


def test_who_came_and_went_unreported_is_in_the_history(deaf: Hall) -> None:
    lecture = deaf.start()
    identity, person = deaf.enter(lecture)
    until(lambda: active(deaf, lecture, identity))
    reconcile(deaf)
    assert deaf.row(identity).present_since is not None
    assert deaf.lecture(lecture).absent_since is None
    person.leave()
    until(lambda: not deaf.api.list_participants(lecture))
    forget_webhooks(deaf)
    reconcile(deaf)
    row = deaf.row(identity)
    assert row.present_since is None
    assert row.left_at is not None
    assert deaf.lecture(lecture).absent_since is not None


def test_a_reconnect_that_nobody_reported_is_one_stay_after_the_other(deaf: Hall) -> None:
    lecture = deaf.start()
    identity, token = deaf.admit(lecture)
    first = deaf.attendee(token).connect()
    until(lambda: active(deaf, lecture, identity))
    reconcile(deaf)
    before = deaf.row(identity).livekit_sid
    first.leave()
    deaf.attendee(token).connect()
    until(lambda: active(deaf, lecture, identity))
    reconcile(deaf)
    row = deaf.row(identity)
    assert row.livekit_sid != before
    assert row.present_since is not None


def test_a_webhook_that_comes_after_the_repair_changes_nothing(hall: Hall) -> None:
    lecture = hall.start()
    identity, _ = hall.enter(lecture)
    until(lambda: active(hall, lecture, identity))
    reconcile(hall)
    before = hall.row(identity)
    until(lambda: worked_one(hall, lecture))
    after = hall.row(identity)
    assert (after.present_since, after.first_joined_at, after.livekit_sid) == (
        before.present_since,
        before.first_joined_at,
        before.livekit_sid,
    )


def worked_one(hall: Hall, lecture: str) -> bool:
    hall.work()
    with hall.app.app_context():
        query = sa.select(WebhookEvent.id).where(
            WebhookEvent.lecture_public_id == lecture, WebhookEvent.worked_at.is_not(None)
        )
        return db.session.scalar(query) is not None


def test_who_was_missed_in_one_list_is_here_again_with_the_next(hall: Hall) -> None:
    lecture = hall.start()
    identity, _ = hall.enter(lecture)
    until(lambda: active(hall, lecture, identity))
    reconcile(hall)
    with hall.app.app_context():
        presence.repair(hall._lecture(lecture), [], now())
        db.session.commit()
    assert hall.row(identity).present_since is None
    reconcile(hall)
    assert hall.row(identity).present_since is not None


def test_strangers_are_put_out_and_rights_restored(hall: Hall) -> None:
    lecture = hall.start()
    identity, _ = hall.enter(lecture)
    stranger = past_the_gate(hall, lecture, "stranger")
    hall.change(identity, camera=False)
    reconcile(hall)
    until(lambda: not stranger.is_in)
    assert len(hall.api.get_participant(lecture, identity).permission.can_publish_sources) == 3


def test_a_lecture_ends_when_everybody_has_been_gone_for_long(hall: Hall) -> None:
    lecture = hall.start()
    change_lecture(hall, lecture, absent_since=now() - timedelta(minutes=11))
    reconcile(hall)
    ended = hall.lecture(lecture)
    assert ended.ended_at is not None
    assert (ended.ended_reason, ended.closed_at is not None) == ("absence", True)
    assert hall.api.list_rooms() == []


def test_a_lecture_goes_on_while_the_absence_is_short_or_somebody_is_there(hall: Hall) -> None:
    lecture = hall.start()
    change_lecture(hall, lecture, absent_since=now() - timedelta(minutes=9))
    reconcile(hall)
    assert hall.lecture(lecture).ended_at is None
    identity, _ = hall.enter(lecture)
    until(lambda: active(hall, lecture, identity))
    change_lecture(hall, lecture, absent_since=now() - timedelta(minutes=60))
    reconcile(hall)
    assert hall.lecture(lecture).ended_at is None


def test_nobody_is_absent_because_livekit_is_down(hall: Hall) -> None:
    lecture = hall.start()
    identity, _ = hall.enter(lecture)
    until(lambda: active(hall, lecture, identity))
    reconcile(hall)
    change_lecture(hall, lecture, absent_since=now() - timedelta(minutes=60))
    hall.livekit.kill()
    reconcile(hall)
    assert hall.lecture(lecture).ended_at is None
    assert hall.row(identity).present_since is not None


def test_a_room_that_livekit_lost_is_not_opened_and_ends_nothing(hall: Hall) -> None:
    lecture = hall.start()
    hall.api.delete_room(lecture)
    reconcile(hall)
    assert hall.lecture(lecture).ended_at is None
    assert hall.api.list_rooms() == []


def test_a_lecture_that_ended_while_livekit_was_down_is_closed_afterwards(hall: Hall) -> None:
    lecture = hall.start()
    hall.livekit.kill()
    hall.end(lecture)
    assert hall.lecture(lecture).closed_at is None
    hall.livekit.start()
    reconcile(hall)
    assert hall.lecture(lecture).closed_at is not None


def test_a_room_that_came_back_behind_the_end_is_closed(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "YOUNG_SECONDS", -1)
    lecture = hall.start()
    hall.end(lecture)
    hall.api.create_room(lecture)
    hall.api.create_room("a room that core didn't open")
    live = hall.start()
    reconcile(hall)
    assert [room.name for room in hall.api.list_rooms()] == [live]


def test_a_room_that_was_opened_just_now_is_left_alone(hall: Hall) -> None:
    hall.api.create_room("being started")
    reconcile(hall)
    assert [room.name for room in hall.api.list_rooms()] == ["being started"]


def test_old_events_are_forgotten_except_of_live_lectures(hall: Hall) -> None:
    live, old = hall.start(), now() - timedelta(days=20)
    with hall.app.app_context():
        for name, lecture, received in (("a", "gone", old), ("b", live, old), ("c", "gone", now())):
            db.session.add(
                WebhookEvent(
                    id=name,
                    kind="x",
                    lecture_public_id=lecture,
                    happened_at=old,
                    payload={},
                    received_at=received,
                )
            )
        db.session.commit()
    reconcile(hall)
    with hall.app.app_context():
        assert set(db.session.scalars(sa.select(WebhookEvent.id).where(WebhookEvent.kind == "x"))) == {
            "b",
            "c",
        }


def test_the_job_is_known_by_its_name(hall: Hall) -> None:
    assert "core:reconcile" in hall.app.extensions["audimax_jobs"].tasks
