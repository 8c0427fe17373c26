"""The admin pages over the stock of a large institution: how often each asks the database, whatever it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.admin import monitor
from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.livekit import presence
from core.models import AuditEntry, SettingChange, SystemEntry, Waiting, WebhookEvent
from core.people.models import User
from core.rooms.models import Room
from core.run import large_demo
from tests.fixtures import admin_lists
from tests.fixtures.queries import MOST, watched

pytestmark = [pytest.mark.thorough]
Read = Callable[[str], Any]
DEEP = 3


@pytest.fixture
def asked(large: Flask) -> Iterator[list[str]]:
    """What was asked of the database so far."""
    with watched(large) as found:
        yield found


def counted(large: Flask) -> Counter[str]:
    models = (User, Room, Lecture, Participant, AuditEntry, SystemEntry, SettingChange, Waiting, WebhookEvent)
    with large.app_context():
        return Counter(
            {
                one.__tablename__: db.session.scalar(sa.select(sa.func.count()).select_from(one))
                for one in models
            }
        )


def live(large: Flask) -> set[str]:
    with large.app_context():
        return set(db.session.scalars(sa.select(Lecture.public_id).where(Lecture.ended_at.is_(None))))


def fill_again(large: Flask) -> None:
    with large.app_context():
        large_demo.fill(db.session.connection())
        db.session.commit()


# --- what each page asks ------------------------------------------------------------------


@pytest.mark.parametrize("name", admin_lists.LISTS)
def test_a_list_asks_ten_questions_at_most_whatever_is_looked_for(
    large_page: Read, asked: list[str], name: str
) -> None:
    def read(address: str) -> str:
        asked.clear()
        answer = large_page(address)
        assert answer.status_code == 200, address
        assert len(asked) <= MOST, f"{address}: {len(asked)} queries:\n" + "\n".join(asked)
        return str(answer.text)

    for address in admin_lists.LISTS[name]:
        read(address)
        for further in admin_lists.pages_after(read, address, DEEP):
            read(further)


def test_a_page_about_one_of_them_asks_ten_questions_at_most(
    large: Flask, large_page: Read, asked: list[str]
) -> None:
    with large.app_context():
        person = db.session.scalars(sa.select(User).where(User.email == large_demo.FIRST)).one().public_id
        lecture = db.session.scalars(sa.select(Lecture).where(Lecture.ended_at.is_(None)).limit(1)).one()
        room, running = lecture.room.public_id, lecture.public_id
    people, rooms = f"/admin/people/{person}", f"/admin/rooms/{room}"
    for address in (people, f"{people}/erase", rooms, f"/admin/live/{running}", f"/lectures?room={room}"):
        asked.clear()
        assert large_page(address).status_code == 200, address
        assert len(asked) <= MOST, f"{address}: {len(asked)} queries:\n" + "\n".join(asked)


def test_searches_find_what_there_is_and_nothing_else(large_page: Read) -> None:
    assert large_page(f"/admin/people?text={admin_lists.RARE_NAME}").text.count("<strong>") == 1
    assert admin_lists.RARE_TITLE in large_page(f"/admin/rooms?text={admin_lists.RARE_TITLE}").text
    for path in ("people", "rooms", "logs", "logs/system"):
        page = large_page(f"/admin/{path}?text={admin_lists.NOWHERE}").text
        assert "<tbody>" not in page and "log-title" not in page
        assert "Show all" in page and 'class="card empty"' in page, path


def test_what_is_said_of_agents_is_found_by_an_index(large: Flask) -> None:
    with large.app_context():
        asked: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
            asked.append((statement, values))

        sa.event.listen(db.engine, "before_cursor_execute", note)
        assert presence.with_agents()
        sa.event.remove(db.engine, "before_cursor_execute", note)
        statement, values = asked[-1]
        plan = db.session.connection().exec_driver_sql(f"EXPLAIN {statement}", values)
        assert "ix_webhook_event_agents" in "\n".join(row[0] for row in plan)


def test_the_monitor_tells_of_the_one_lecture_that_has_changed(
    large: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with large.test_request_context():
        boss = db.session.scalars(sa.select(User).where(User.email == large_demo.FIRST)).one()
        monkeypatch.setattr(monitor, "signed_in", lambda: boss)
        news = monitor.News()
        first = news()
        assert first is not None and first["all"] and len(first["rows"]) == large_demo.LIVE
        lecture = db.session.scalars(sa.select(Lecture).where(Lecture.ended_at.is_(None)).limit(1)).one()
        here = Participant.lecture_id == lecture.id, Participant.present_since.is_not(None)
        one = db.session.scalars(sa.select(Participant).where(*here).limit(1)).one()
        one.present_since = None
        db.session.flush()
        second = news()
        assert second is not None and not second["all"] and second["gone"] == []
        told = [(row["id"], row["people"]) for row in second["rows"]]
        assert told == [(lecture.public_id, str(large_demo.INSIDE - 1))]
        db.session.rollback()


# --- the stock ----------------------------------------------------------------------------


def test_the_stock_is_what_its_numbers_say(large: Flask) -> None:
    found = counted(large)
    assert (found["user"], found["room"]) == (large_demo.PEOPLE, large_demo.ROOMS)
    assert found["lecture"] == large_demo.FINISHED + large_demo.LIVE
    assert found["audit_log"] == large_demo.DEEDS and found["system_error"] == large_demo.ERRORS
    assert found["setting_change"] == large_demo.CHANGES
    assert found["webhook_event"] == large_demo.EVENTS
    with large.app_context():
        running = monitor.running()
    assert len(running) == large_demo.LIVE
    assert {one.people for one in running} == {large_demo.INSIDE}
    assert any(one.has_agent for one in running) and not all(one.has_agent for one in running)


def test_made_twice_it_is_there_once(large: Flask) -> None:
    before = counted(large)
    fill_again(large)
    assert counted(large) == before


def test_a_made_up_lecture_that_has_ended_is_made_up_again(large: Flask) -> None:
    before = live(large)
    with large.app_context():
        ended = db.session.scalars(sa.select(Lecture).where(Lecture.ended_at.is_(None)).limit(1)).one()
        room = ended.room_id
        ended.ended_at = ended.closed_at = now()
        db.session.execute(
            sa.update(Participant).where(Participant.lecture_id == ended.id).values(present_since=None)
        )
        db.session.commit()
    fill_again(large)
    after = live(large)
    assert len(after) == len(before) and len(after - before) == 1
    with large.app_context():
        (new,) = db.session.scalars(sa.select(Lecture).where(Lecture.public_id.in_(after - before)))
        assert new.room_id == room
