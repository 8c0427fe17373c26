"""The real worker in lectures at a real livekit-server, with people who speak."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import numpy as np
import pytest

from tests.fixtures.livekit import held_for, until
from tests.plugins.ai_assistant.agent import voices
from tests.plugins.ai_assistant.agent.conftest import Person, Talk, Worker
from tests.plugins.ai_assistant.agent.web import KEY, Web

pytestmark = [pytest.mark.livekit, pytest.mark.slow]

WELCOME = "Good morning everybody, and welcome to the third lecture of this course."
SHORT = "Good morning everybody."
HOMEWORK = "Please read chapter five, and bring your questions to the exercise on Thursday afternoon."
# Of the agent in tests: a final line of a sentence comes within this.
SOON = 90.0


def sentence(text: str, voice: str = "en-us+f2") -> voices.Sound:
    """With the quiet before and after it that people make."""
    return np.concatenate([voices.silence(0.4), voices.spoken(text, voice), voices.silence(0.8)])


def is_about(said: str, text: str) -> bool:
    return voices.word_errors(text, said) < 0.3


def in_common(said: str, text: str) -> set[str]:
    """Words of weight that are in both: a busy machine loses some sound, and the model some words."""
    return words_of(said) & words_of(text)


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{5,}", text.lower()))


@pytest.fixture
def ada(worker: Worker, talk: Talk) -> Person:
    """Somebody with an open microphone, where the agent listens."""
    talk.with_agent()
    made = talk.enter("Ada")
    made.open_microphone()
    return made


@pytest.fixture
def bob(talk: Talk, ada: Person) -> Person:
    """Somebody who reads."""
    return talk.enter("Bob")


def test_what_is_said_is_read_by_others_with_name_and_time(
    talk: Talk, web: Web, ada: Person, bob: Person
) -> None:
    ada.say(sentence(WELCOME))
    until(bob.finals, SOON, "a caption")
    first, last = bob.captions[0][1], bob.captions[-1][1]
    assert is_about(last["text"], WELCOME)
    assert (last["identity"], last["name"], last["language"]) == (ada.identity, "Ada", "en")
    assert last["at"] == pytest.approx(time.time() - web.said["started_at"] - 6, abs=5)
    assert first["id"] == last["id"], "guesses come before, under the same id"
    # The same as LiveKit's own stream, said to be the speaker's.
    sender, about, _text = until(lambda: bob.streams[-1:], what="a text stream")[0]
    assert (sender, about["lk.transcribed_track_id"]) == (ada.identity, ada.track_sid)
    assert about["lk.segment_id"] == last["id"]
    until(lambda: bob.streams[-1][1]["lk.transcription_final"] == "true", what="the last stream")
    assert bob.streams[-1][2] == last["text"]


def test_a_line_is_handed_over_before_it_is_shown(web: Web, ada: Person, bob: Person) -> None:
    ada.say(sentence(SHORT))
    shown_at, shown = until(lambda: [one for one in bob.captions if one[1]["final"]], SOON)[0]
    places = [n for n, report in enumerate(web.reports) if report["segments"]]
    assert [line["text"] for line in web.lines] == [shown["text"]]
    assert web.moments[places[0]] < shown_at
    line = web.lines[0]
    assert (line["id"], line["identity"], line["source"]) == (shown["id"], ada.identity, "microphone")
    assert 0.8 < line["ended_at"] - line["started_at"] < 4
    assert sum(report["seconds"] for report in web.reports) > 0.8


def test_the_agent_is_seen_as_one_and_its_errand_is_not(talk: Talk, web: Web, worker: Worker) -> None:
    talk.with_agent()
    (agent,) = talk.participants()
    assert (agent.identity, agent.name, agent.kind) == (talk.agent, "Live captions", 4)
    assert KEY not in str(agent) and agent.metadata == ""
    assert not agent.permission.can_publish and agent.permission.can_publish_data
    assert not agent.permission.hidden


def test_reports_come_often_enough_though_nothing_happens(talk: Talk, web: Web, worker: Worker) -> None:
    talk.with_agent()
    web.heard_of(3)
    pauses = np.diff(web.moments)
    assert max(pauses) < 3.5
    assert web.states == [("starting", ""), ("listening", "")]


def test_two_who_speak_at_once_keep_apart(talk: Talk, web: Web, ada: Person, bob: Person) -> None:
    eve = talk.enter("Eve")
    eve.open_microphone()
    pairs = ((ada, WELCOME, HOMEWORK), (eve, HOMEWORK, WELCOME))
    # What a busy machine brings in shreds is said again; it must never be taken for the other's.
    for turn in range(1, 4):
        ada.say(sentence(WELCOME), wait=False)
        eve.say(sentence(HOMEWORK, "en-us+m3"))
        until(
            lambda least=turn: all(len(bob.finals(one.identity)) >= least for one, *_ in pairs),
            SOON,
            "both captions",
        )
        if all(in_common(bob.text(one.identity), own) for one, own, _other in pairs):
            break
    for person, own, other in pairs:
        said = bob.text(person.identity)
        assert in_common(said, own) and not in_common(said, other)
    until(lambda: len({line["identity"] for line in web.lines}) == 2, what="both lines")
    by_name = {said["name"]: said["identity"] for _at, said in bob.captions}
    assert by_name == {"Ada": ada.identity, "Eve": eve.identity}


def test_whoever_mutes_in_the_middle_is_heard_up_to_there(web: Web, ada: Person, bob: Person) -> None:
    ada.say(np.concatenate([voices.silence(0.4), voices.spoken(SHORT)]))
    ada.mute()
    until(bob.finals, SOON, "the last words")
    # What the model makes of the last word on a busy machine is its own affair; it was there.
    assert len(bob.text().split()) > len("good morning".split())
    ada.say(voices.spoken(SHORT))
    assert held_for(lambda: len(bob.finals()) == 1, 1.5)
    ada.mute(False)
    ada.say(sentence(SHORT))
    until(lambda: len(bob.finals()) > 1, SOON, "words after the pause")


def test_who_objects_is_dropped_from_that_moment(talk: Talk, web: Web, ada: Person, bob: Person) -> None:
    ada.say(sentence(SHORT))
    until(lambda: len(web.lines) == 1, SOON, "what was said before")
    ada.say(voices.spoken(HOMEWORK)[: voices.RATE * 4], wait=False)
    until(lambda: len({said["id"] for _at, said in bob.captions}) == 2, SOON, "a guess of the next sentence")
    web.change(exceptions=[ada.identity])
    talk.tell({"at": 1, "heard": {ada.identity: False}})
    until(lambda: bob.captions[-1][1]["text"] == "", what="the guess is taken back")
    count = len(bob.captions)
    ada.say(sentence(SHORT))
    assert held_for(lambda: (len(bob.captions), len(web.lines)) == (count, 1), 1.5)
    # Until they agree again.
    talk.order(exceptions=[])
    ada.say(sentence(SHORT))
    until(lambda: len(web.lines) == 2, SOON, "what was said afterwards")


def test_a_person_cannot_silence_another(talk: Talk, web: Web, ada: Person, bob: Person) -> None:
    bob.send("ai_assistant", json.dumps({"heard": {ada.identity: False}}).encode())
    ada.say(sentence(SHORT))
    until(bob.finals, SOON, "a caption")


def test_without_captions_lines_are_kept_only(talk: Talk, web: Web, ada: Person, bob: Person) -> None:
    talk.order(captions=False)
    ada.say(sentence(SHORT))
    until(lambda: web.lines, SOON, "a line")
    assert bob.captions == [] and bob.streams == []


def test_without_keeping_lines_are_shown_only(talk: Talk, web: Web, ada: Person, bob: Person) -> None:
    talk.order(keep=False)
    ada.say(sentence(SHORT))
    until(bob.finals, SOON, "a caption")
    talk.order()
    assert web.lines == []


def test_with_both_off_nothing_is_given_to_anybody(talk: Talk, web: Web, ada: Person, bob: Person) -> None:
    talk.order(keep=False, captions=False)
    before = sum(report["seconds"] for report in web.reports)
    ada.say(sentence(SHORT))
    talk.order()
    assert (web.lines, bob.captions) == ([], [])
    assert sum(report["seconds"] for report in web.reports) == before


def test_the_sound_of_a_screen_is_heard_by_order_only(talk: Talk, web: Web, worker: Worker) -> None:
    talk.with_agent()
    ada, bob = talk.enter("Ada"), talk.enter("Bob")
    ada.open_microphone("SCREENSHARE_AUDIO")
    ada.say(sentence(SHORT))
    talk.order(screen_sound=True)
    assert (web.lines, bob.captions) == ([], [])
    ada.say(sentence(SHORT))
    until(bob.finals, SOON, "a caption")
    assert [line["source"] for line in web.lines] == ["screen"]


def test_only_people_are_written_along(talk: Talk, web: Web, worker: Worker) -> None:
    talk.with_agent()
    robot = talk.enter("Robot", kind="agent")
    robot.open_microphone()
    robot.say(sentence(SHORT))
    talk.order()
    assert (web.lines, sum(report["seconds"] for report in web.reports)) == ([], 0)


def test_while_the_web_is_down_lines_are_shown_and_handed_over_once_afterwards(
    web: Web, ada: Person, bob: Person
) -> None:
    web.served.down()
    ada.say(sentence(SHORT))
    until(bob.finals, SOON, "a caption all the same")
    web.status = 503
    web.served.up()
    ada.say(sentence(SHORT))
    until(lambda: len(bob.finals()) >= 2, SOON, "another caption")
    assert web.lines == []
    web.status = 200
    until(lambda: len(web.lines) == len(bob.finals()), SOON, "the lines")
    web.heard_of(1)
    assert [line["id"] for line in web.lines] == [said["id"] for said in bob.finals()]


def test_a_line_that_the_web_refuses_holds_up_no_other(web: Web, ada: Person, bob: Person) -> None:
    web.refuses = "morning"
    ada.say(sentence(SHORT))
    ada.say(sentence(HOMEWORK))
    until(lambda: in_common(web.text(), HOMEWORK), SOON, "the other line")
    assert "morning" not in web.text()


def test_the_end_of_a_lecture_loses_no_word(talk: Talk, web: Web, ada: Person) -> None:
    ada.say(np.concatenate([voices.silence(0.4), voices.spoken(WELCOME)]))
    talk.close()
    until(lambda: web.states[-1][0] == "over", SOON, "the last report")
    assert is_about(web.text(), WELCOME)


@pytest.mark.parametrize("how", ["leave", "401"])
def test_an_agent_that_is_not_wanted_leaves(how: str, talk: Talk, web: Web, worker: Worker) -> None:
    talk.with_agent()
    until(talk.participants, what="the agent is in")
    if how == "leave":
        web.change(leave=True)
    else:
        web.status = 401
    until(lambda: not talk.participants(), what="the agent has left")


def test_an_agent_with_a_wrong_key_never_comes_in(talk: Talk, web: Web, worker: Worker) -> None:
    talk.dispatch(key="wrong")
    until(lambda: web.unknown_keys, what="it was asked")
    assert held_for(lambda: not talk.participants(), 2)


def test_an_agent_that_is_to_leave_at_once_throws_out_nobody(talk: Talk, web: Web, worker: Worker) -> None:
    talk.with_agent()
    (before,) = talk.participants()
    other = Web()
    other.change(leave=True)
    talk.dispatch(backend=other.url)
    until(lambda: other.reports, what="the second one reports")
    assert held_for(lambda: [one.sid for one in talk.participants()] == [before.sid], 2)
    other.served.down()


def test_an_agent_that_is_to_wait_stays_outside_until_it_is_its_turn(
    talk: Talk, web: Web, worker: Worker
) -> None:
    web.change(wait=True)
    talk.dispatch()
    until(lambda: any(report["waited"] > 2 for report in list(web.reports)), what="it has waited")
    assert talk.participants() == [] and set(web.states) == {("starting", "")}
    web.change(wait=False)
    until(lambda: ("listening", "") in web.states, what="it listens")


def test_a_wrong_errand_is_declined(talk: Talk, web: Web, worker: Worker) -> None:
    talk.dispatch(lecture="../..")
    talk.dispatch(backend="file:///etc")
    assert held_for(lambda: not talk.participants() and not web.reports, 2)


def test_times_are_those_of_the_webs_clock(talk: Talk, web: Web, worker: Worker) -> None:
    web.ahead = 3600.0
    web.change(started_at=time.time() + 3590)
    talk.with_agent()
    ada, bob = talk.enter("Ada"), talk.enter("Bob")
    ada.open_microphone()
    ada.say(sentence(SHORT))
    until(bob.finals, SOON, "a caption")
    assert web.lines[0]["started_at"] == pytest.approx(time.time() + 3592, abs=6)
    assert 10 < bob.finals()[0]["at"] < 30


def test_the_log_has_no_word_that_was_said_and_no_key(worker: Worker, web: Web, ada: Person) -> None:
    ada.say(sentence(SHORT))
    until(lambda: web.lines, SOON, "a line")
    written: Any = worker.words.lower()
    assert "waiting for lectures" in written
    for secret in ("everybody", "thursday", "third lecture", KEY, "deepgram-key", "sk-speech"):
        assert secret not in written
    assert worker.environment["AUDIMAX_LIVEKIT_SECRET"].lower() not in written
