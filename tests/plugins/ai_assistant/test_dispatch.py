"""The agent is asked to come, and asked again; limits keep it away and say so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.db import db, now
from core.lectures.models import Lecture
from plugins.ai_assistant import dispatch, usage
from plugins.ai_assistant.models import LectureArtifact, locked
from tests.plugins.ai_assistant.conftest import Agent, Packets, Somebody


def test_a_lecture_that_has_begun_gets_an_agent_with_a_key_of_its_own(
    host: Somebody, agent: Agent, in_lecture: Any, dispatched: Any
) -> None:
    in_lecture(dispatch.look_after)
    assert dispatched == [
        (agent.lecture, {"lecture": agent.lecture, "backend": "http://localhost:8000", "key": agent.key})
    ]


def test_it_is_asked_once_while_it_may_be_on_its_way(
    host: Somebody, agent: Agent, in_lecture: Any, dispatched: Any
) -> None:
    for _time in range(3):
        in_lecture(dispatch.look_after)
    assert len(dispatched) == 1


def test_one_that_reports_is_left_alone_and_one_that_fell_silent_is_replaced(
    app: Any, host: Somebody, agent: Agent, in_lecture: Any, dispatched: Any
) -> None:
    agent.report()
    _look_after_all(app)
    assert dispatched == []
    in_lecture(_silent)
    _look_after_all(app)
    assert len(dispatched) == 1


def test_a_worker_that_comes_is_asked_at_once_where_nobody_is(
    app: Any, host: Somebody, agent: Agent, in_lecture: Any, dispatched: Any
) -> None:
    in_lecture(dispatch.look_after)
    assert agent.say_worker_is_here() == 204
    assert len(dispatched) == 1, "it was asked this very second"
    in_lecture(lambda lecture: _asked_before(lecture, seconds=2))
    _look_after_all(app)
    assert len(dispatched) == 1, "it may be on its way"
    assert agent.say_worker_is_here() == 204
    assert len(dispatched) == 2
    in_lecture(lambda lecture: _asked_before(lecture, seconds=2))
    agent.report()
    assert agent.say_worker_is_here() == 204
    assert len(dispatched) == 2, "there is one"


def test_nobody_says_that_a_worker_is_here_without_the_lectures_key(
    host: Somebody, agent: Agent, dispatched: Any
) -> None:
    assert agent.say_worker_is_here(key="0" * 64) == 401
    assert dispatched == []


def test_one_that_says_it_is_over_is_replaced(
    app: Any, host: Somebody, agent: Agent, dispatched: Any
) -> None:
    agent.report()
    agent.report("over")
    _look_after_all(app)
    assert len(dispatched) == 1


def test_captions_and_keeping_off_sends_it_away_and_on_brings_it_back(
    host: Somebody, agent: Agent, in_lecture: Any, dispatched: Any
) -> None:
    agent.report()
    host.want("POST", "/captions", {"on": False})
    assert dispatched == [] and host.state["keep"] is True
    state = host.want("POST", "/keep", {"on": False})
    assert (state["status"], state["consent"]) == ("off", "")
    assert dispatched == [(agent.lecture, None)]
    assert agent.report()["leave"] is True
    agent.report("over")
    host.want("POST", "/captions", {"on": True})
    assert dispatched[-1][1]["key"] == agent.key
    assert host.state["status"] == "starting"


def test_a_room_whose_owner_wants_none_gets_none(
    host: Somebody, agent: Agent, in_lecture: Any, dispatched: Any
) -> None:
    host.set(captions="off", keep="off")
    in_lecture(dispatch.look_after)
    assert dispatched == [] and host.state["status"] == "off"


def test_switched_off_in_the_room_none_is_asked(
    host: Somebody, agent: Agent, in_lecture: Any, dispatched: Any
) -> None:
    host.patch(plugins={"ai_assistant": {"enabled": False, "settings": {}}})
    in_lecture(dispatch.look_after)
    assert dispatched == []


def test_none_comes_to_a_lecture_that_is_over(
    app: Any, host: Somebody, agent: Agent, end: Any, in_lecture: Any, dispatched: Any
) -> None:
    end()
    in_lecture(dispatch.look_after)
    _look_after_all(app)
    assert dispatched == []


def test_only_hosts_switch_captions_and_keeping(host: Somebody, come: Any) -> None:
    ada = come("Ada")
    for path in ("/captions", "/keep"):
        assert ada.ask("POST", path, {"on": False}).status_code == 403
    assert (host.state["captions"], host.state["keep"]) == (True, True)


def test_a_switch_may_come_twice_and_is_written_down_once(host: Somebody, sent: Packets, app: Any) -> None:
    from core.models import AuditEntry

    for _time in range(2):
        host.want("POST", "/keep", {"on": False})
    with app.app_context():
        found = db.session.query(AuditEntry).filter_by(action="ai_assistant.keep").all()
        assert [entry.details for entry in found] == [{"on": False}]


class TestDefaultsOfTheInstitution:
    @pytest.fixture
    def assistant_settings(self) -> dict[str, Any]:
        return {"captions_by_default": False, "keep_by_default": False}

    def test_rooms_have_none_unless_they_say_otherwise(
        self, host: Somebody, agent: Agent, in_lecture: Any, dispatched: Any
    ) -> None:
        in_lecture(dispatch.look_after)
        assert dispatched == []

    def test_a_room_may_have_them_all_the_same(
        self, host: Somebody, agent: Agent, in_lecture: Any, dispatched: Any
    ) -> None:
        host.set(captions="on")
        in_lecture(dispatch.look_after)
        assert len(dispatched) == 1
        assert (host.state["captions"], host.state["keep"]) == (True, False)


class TestMinutesOfTheDay:
    @pytest.fixture
    def assistant_settings(self) -> dict[str, Any]:
        return {"minutes_per_day": 10, "price_minute": 0.5}

    def test_when_they_are_used_up_the_agent_leaves_and_hosts_know_why(
        self, app: Any, host: Somebody, come: Any, agent: Agent, dispatched: Any
    ) -> None:
        assert agent.report(seconds=599)["leave"] is False
        assert agent.report(seconds=2)["leave"] is True
        assert host.state["status"] == "off" and "today" in host.state["why"]
        assert come().state["why"] == "There are no captions today."
        agent.report("over")
        _look_after_all(app)
        assert dispatched == []
        with app.app_context():
            assert round(usage.by_month()[0].cost, 2) == 5.01


class TestLecturesAtOnce:
    @pytest.fixture
    def assistant_settings(self) -> dict[str, Any]:
        return {"lectures_at_once": 1}

    def test_a_second_one_waits_until_the_first_has_ended(
        self, app: Any, host: Somebody, agent: Agent, make_room: Any, owner: int, end: Any, dispatched: Any
    ) -> None:
        agent.report()
        key, _room, _code = make_room(owner)
        with app.app_context():
            other = Lecture(room_id=key, title="Other", started_by_id=owner)
            db.session.add(other)
            db.session.commit()
            other_id = other.id
        _look_after_all(app)
        assert dispatched == []
        with app.app_context():
            assert "Other lectures" in db.session.get_one(LectureArtifact, other_id).refused
        end()
        _look_after_all(app)
        assert len(dispatched) == 1


class TestSwitchedOffByTheInstitution:
    @pytest.fixture
    def assistant_settings(self) -> dict[str, Any]:
        return {"provider": "off"}

    def test_nobody_comes_and_nothing_is_announced(
        self, host: Somebody, agent: Agent, in_lecture: Any, dispatched: Any
    ) -> None:
        in_lecture(dispatch.look_after)
        assert dispatched == [] and host.state["status"] == "off"

        from plugins.ai_assistant import consent

        assert in_lecture(lambda lecture: consent.notice(lecture.room, lecture)) == ""


def test_people_read_the_institutions_words_before_they_join(host: Somebody, make_app: Any) -> None:
    app = make_app("ai_assistant", plugins={"ai_assistant": {"consent_text": "We listen. Ask Mr. Smith."}})
    with app.app_context():
        from core.rooms.models import Room

        code = db.session.query(Room).filter_by(public_id=host.room).one().code
    assert "We listen. Ask Mr. Smith." in app.test_client().get(f"/r/{code}").text


def _look_after_all(app: Any) -> None:
    with app.app_context():
        dispatch.look_after_all()


def _asked_before(lecture: Lecture, *, seconds: float) -> None:
    locked(lecture, captions=True, keep=True).asked_at = now() - timedelta(seconds=seconds)
    db.session.commit()


def _silent(lecture: Lecture) -> None:
    artifact = locked(lecture, captions=True, keep=True)
    artifact.heard_at = now() - timedelta(seconds=60)
    artifact.asked_at = now() - timedelta(seconds=60)
    db.session.commit()
