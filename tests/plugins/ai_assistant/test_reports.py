"""What the agent reports, and what the web takes from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core.db import db, now
from core.engine.agent_keys import AFTER_THE_END
from core.lectures.models import Lecture
from plugins.ai_assistant.models import Keeping, LectureArtifact, TranscriptLine, Usage, artifact_of
from tests.plugins.ai_assistant.conftest import Agent, Packets, Somebody


def test_a_line_is_kept_once_however_often_it_comes(host: Somebody, agent: Agent) -> None:
    segment = agent.segment(host, "Welcome to the lecture.", at=10)
    agent.report(segments=[segment])
    agent.report(segments=[segment, {**segment, "text": "Something else."}])
    assert host.lines == ["Welcome to the lecture."]


def test_lines_carry_the_speakers_name_of_now(host: Somebody, come: Any, agent: Agent, change: Any) -> None:
    ada = come("Ada")
    agent.say(ada, "I have a question.", at=20)
    change(ada, name="Ada L.")
    assert [line["name"] for line in host.want("GET", "/lines")["lines"]] == ["Ada L."]
    assert host.want("GET", "/lines")["lines"][0]["at"] == 20


def test_orders_say_what_the_agent_is_to_do(host: Somebody, agent: Agent) -> None:
    orders = agent.report()
    assert (orders["leave"], orders["captions"], orders["keep"]) == (False, True, True)
    assert orders["heard_by_default"] is True and orders["exceptions"] == []
    assert orders["speech"]["provider"] == "offline" and orders["speech"]["language"] == "en"
    assert abs(orders["now"] - now().timestamp()) < 5 and orders["started_at"] == agent.started_at


def test_what_an_agent_says_of_itself_reaches_pages(
    host: Somebody, come: Any, agent: Agent, sent: Packets
) -> None:
    agent.report("starting")
    assert host.state["status"] == "starting"
    agent.report("listening")
    assert host.state["status"] == "on"
    sent.clear()
    agent.report("paused", code="bad_key")
    assert sent[-1][0]["status"] == "paused"
    assert "key" in host.state["why"] and "key" not in come().state["why"]
    agent.report("listening")
    assert host.state["status"] == "on" and host.state["why"] == ""


def test_a_pause_of_the_provider_is_marked_in_the_transcript(host: Somebody, agent: Agent) -> None:
    agent.say(host, "Before.", at=5)
    agent.report("paused", code="provider_down")
    agent.report("paused", code="provider_down")
    agent.report("listening")
    shown = host.want("GET", "/lines")["lines"]
    assert [(line["text"], line["gap"]) for line in shown] == [("Before.", False), ("", True)]


@pytest.fixture
def silence(in_lecture: Any) -> Any:
    """``silence(agent)``: nothing was heard of it for a while."""

    def be_silent(agent: Agent) -> None:
        def long_ago(lecture: Any) -> None:
            artifact = artifact_of(lecture)
            assert artifact is not None and artifact.run == agent.run
            artifact.heard_at = now() - timedelta(seconds=8)
            db.session.commit()

        in_lecture(long_ago)

    return be_silent


def test_an_agent_that_was_only_cut_off_from_the_web_stays_and_the_new_one_goes(
    host: Somebody, agent: Agent, silence: Any
) -> None:
    agent.say(host, "Before.", at=5)
    silence(agent)
    second = agent.again("run-number-two")
    assert second.report("starting")["wait"] is True
    agent.say(host, "After.", at=20)
    assert (second.report("starting", waited=2.5)["leave"], agent.report()["leave"]) == (True, False)
    assert [line["gap"] for line in host.want("GET", "/lines")["lines"]] == [False, False]


def test_an_agent_that_takes_over_marks_one_gap_and_sends_the_old_one_away(
    host: Somebody, agent: Agent, silence: Any
) -> None:
    agent.say(host, "Before.", at=5)
    second = agent.again("run-number-two")
    assert (second.report()["wait"], second.report()["leave"]) == (True, False)
    silence(agent)
    assert (second.report(waited=2.5)["wait"], second.report()["leave"]) == (False, False)
    assert agent.report()["leave"] is True
    second.report()
    assert second.report()["leave"] is False
    gaps = [line["gap"] for line in host.want("GET", "/lines")["lines"]]
    assert gaps == [False, True]


def test_the_old_agents_last_lines_still_count(host: Somebody, agent: Agent, silence: Any) -> None:
    agent.report()
    silence(agent)
    agent.again("run-number-two").report(waited=2.5)
    agent.say(host, "Late, but said.", at=7)
    assert "Late, but said." in host.lines


def test_seconds_of_speech_are_counted_by_day(host: Somebody, agent: Agent, in_lecture: Any) -> None:
    agent.report(seconds=30.5)
    agent.report(seconds=29.5)
    assert in_lecture(lambda lecture: db.session.scalar(sa.select(sa.func.sum(Usage.seconds)).where(
        Usage.lecture_id == lecture.id))) == 60  # fmt: skip


# --- what may not be kept -------------------------------------------------------------


def test_nothing_said_while_the_transcript_was_not_kept_is_stored(
    host: Somebody, agent: Agent, in_lecture: Any
) -> None:
    agent.say(host, "Kept before.", at=5)
    host.want("POST", "/keep", {"on": False})
    in_lecture(_off_for_ten_seconds)
    agent.say(host, "Off the record.")
    before = agent.segment(host, "Begun before, ended after.")
    before["started_at"] -= 30
    agent.report(segments=[before])
    host.want("POST", "/keep", {"on": True})
    late = agent.segment(host, "Off the record, handed over late.")
    late["started_at"] -= 5
    late["ended_at"] -= 5
    agent.report(segments=[late])
    agent.say(host, "Kept again.")
    assert host.lines == ["Kept before.", "Kept again."]


def test_who_objects_is_not_written_along_from_that_moment(
    host: Somebody, come: Any, agent: Agent, sent: Packets
) -> None:
    ada = come("Ada")
    agent.say(ada, "I am heard.")
    assert ada.want("POST", "/me", {"heard": False})["heard"] is False
    assert sent[-1][0]["heard"] == {ada.identity: False}
    assert agent.report()["exceptions"] == [ada.identity]
    agent.say(ada, "I am not.")
    begun_before = agent.segment(ada, "Begun before I objected.")
    begun_before["started_at"] -= 20
    agent.report(segments=[begun_before])
    agent.say(host, "The host is.")
    ada.want("POST", "/me", {"heard": True})
    agent.say(ada, "Heard again.")
    assert host.lines == ["I am heard.", "The host is.", "Heard again."]


def test_an_objection_holds_after_a_return_to_the_lecture(
    host: Somebody, come: Any, agent: Agent, change: Any
) -> None:
    ada = come("Ada")
    ada.want("POST", "/me", {"heard": False})
    change(ada, removed_at=now())
    old = ada.identity
    ada.join("Ada")
    assert ada.identity != old and ada.state["heard"] is False
    agent.say(ada, "Still not.")
    assert host.lines == [] and ada.identity in agent.report()["exceptions"]


class TestWherePeopleAreAsked:
    @pytest.fixture
    def assistant_settings(self) -> dict[str, Any]:
        return {"ask_people": True}

    def test_guests_are_written_along_only_after_they_agreed(
        self, host: Somebody, come: Any, agent: Agent
    ) -> None:
        ada, bob = come("Ada"), come("Bob")
        assert ada.state["asks"] is True and ada.state["heard"] is False and host.state["heard"] is True
        ada.want("POST", "/me", {"heard": True})
        orders = agent.report()
        assert orders["heard_by_default"] is False
        assert sorted(orders["exceptions"]) == sorted([ada.identity, host.identity])
        for person in (ada, bob, host):
            agent.say(person, f"{person.identity} speaks.")
        assert host.lines == [f"{ada.identity} speaks.", f"{host.identity} speaks."]


# --- wrong calls ----------------------------------------------------------------------


def test_a_forged_key_and_another_lectures_key_are_refused_alike(
    app: Any, host: Somebody, agent: Agent, make_room: Any, owner: int
) -> None:
    from core.engine.agent_keys import agent_key

    key, _room, _code = make_room(owner)
    with app.app_context():
        other = Lecture(room_id=key, title="Other", started_by_id=owner)
        db.session.add(other)
        db.session.commit()
        others_key = agent_key(other)
    segments = [agent.segment(host, "Forged.", at=3)]
    refused = [agent.try_to_report(segments=segments, key=given) for given in ("0" * 64, others_key)]
    agent.lecture = "nowhere"
    refused.append(agent.try_to_report(segments=segments))
    assert [answer.status_code for answer in refused] == [401, 401, 401]
    assert len({answer.json["detail"] for answer in refused}) == 1
    assert host.lines == []


def test_the_key_is_over_a_while_after_the_end(host: Somebody, agent: Agent, in_lecture: Any) -> None:
    agent.report()

    def finish(lecture: Lecture) -> None:
        lecture.ended_at = now() - AFTER_THE_END - timedelta(seconds=1)
        db.session.commit()

    in_lecture(finish)
    assert agent.try_to_report().status_code == 401


def test_lines_of_a_lecture_that_is_over_are_taken_if_they_were_said_in_it(
    host: Somebody, agent: Agent, in_lecture: Any, end: Callable[[], None]
) -> None:
    agent.report()
    end()
    said = agent.segment(host, "Said in it.", at=100)
    after = agent.segment(host, "Said after it.", at=3700)
    assert agent.report(segments=[said, after])["leave"] is True
    assert in_lecture(_texts) == ["Said in it."]


def test_a_new_run_is_not_welcome_after_the_end(host: Somebody, agent: Agent, end: Any) -> None:
    end()
    assert agent.report()["leave"] is True


@pytest.mark.parametrize(
    "wrong",
    [
        {"started_at": -5},
        {"started_at": 4e10},
        {"text": ""},
        {"text": "x" * 2001},
        {"id": "short"},
        {"id": "../../etc/passwd"},
        {"identity": ""},
        {"source": "camera"},
        {"nonsense": 1},
    ],
)
def test_a_segment_that_is_no_segment_is_refused_whole(
    host: Somebody, agent: Agent, wrong: dict[str, Any]
) -> None:
    good, bad = agent.segment(host, "Good.", at=3), {**agent.segment(host, "Bad.", at=4), **wrong}
    answer = agent.try_to_report(segments=[good, bad])
    assert answer.status_code == 422 and answer.json["errors"]
    assert host.lines == []


def test_a_megabyte_of_text_is_refused(host: Somebody, agent: Agent) -> None:
    answer = agent.try_to_report(segments=[agent.segment(host, "x" * 1_000_001, at=3)])
    assert answer.status_code == 413


def test_more_lines_at_once_than_an_agent_sends_are_refused(host: Somebody, agent: Agent) -> None:
    segments = [agent.segment(host, "Word.", at=3) for _each in range(51)]
    assert agent.try_to_report(segments=segments).status_code == 422


@pytest.mark.parametrize("times", [(50, 40), (-100, -90), (10, 500), (3600 + 60, 3600 + 61)])
def test_lines_at_impossible_times_are_dropped_and_the_others_kept(
    host: Somebody, agent: Agent, times: tuple[float, float]
) -> None:
    begun, ended = (agent.started_at + at for at in times)
    odd = {**agent.segment(host, "Odd.", at=3), "started_at": begun, "ended_at": ended}
    agent.report(segments=[odd, agent.segment(host, "Fine.", at=30)])
    assert host.lines == ["Fine."]


def test_somebody_of_another_lecture_says_nothing_here(
    app: Any, host: Somebody, agent: Agent, make_room: Any, owner: int
) -> None:
    key, room, _code = make_room(owner)
    with app.app_context():
        db.session.add(Lecture(room_id=key, title="Other", started_by_id=owner))
        db.session.commit()
    stranger = Somebody(app.test_client(), room).join("Mallory")
    agent.say(stranger, "I was never here.", at=4)
    assert host.lines == []


def test_control_characters_and_lines_do_not_get_into_the_transcript(host: Somebody, agent: Agent) -> None:
    agent.say(host, "one\ntwo\u202eevil\x07 <b>bold</b>", at=3)
    assert host.lines == ["one twoevil <b>bold</b>"]


def test_switched_off_in_the_room_nobody_is_heard(host: Somebody, agent: Agent) -> None:
    host.patch(plugins={"ai_assistant": {"enabled": False, "settings": {}}})
    assert agent.try_to_report().status_code == 404


def test_ordinary_words_never_get_into_a_log(
    host: Somebody, agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    agent.say(host, "Xylophonic hippopotamus", at=3)
    agent.try_to_report(segments=[{**agent.segment(host, "Xylophonic hippopotamus"), "id": "x"}])
    assert "hippopotamus" not in caplog.text


def _off_for_ten_seconds(lecture: Lecture) -> None:
    mine = Keeping.lecture_id == lecture.id
    db.session.execute(sa.update(Keeping).where(mine).values(until=now() - timedelta(seconds=10)))
    db.session.commit()


def _texts(lecture: Lecture) -> list[str]:
    query = sa.select(TranscriptLine.text).where(TranscriptLine.lecture_id == lecture.id)
    return list(db.session.scalars(query.order_by(TranscriptLine.at)))


def test_the_artifact_knows_who_listened(host: Somebody, agent: Agent, in_lecture: Any) -> None:
    agent.report()
    found = in_lecture(lambda lecture: db.session.get(LectureArtifact, lecture.id))
    assert (found.provider, found.language) == ("offline", "en")
