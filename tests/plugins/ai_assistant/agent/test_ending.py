"""How workers end, and what happens when they are killed. Each test has the only ones there are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fixtures.livekit import held_for, until
from tests.plugins.ai_assistant.agent import voices
from tests.plugins.ai_assistant.agent.conftest import Talk, Worker
from tests.plugins.ai_assistant.agent.web import Web

pytestmark = [pytest.mark.livekit, pytest.mark.slow]


def ended(worker: Worker) -> bool:
    assert worker.process is not None
    return worker.process.poll() is not None


def test_a_killed_worker_is_followed_by_another_and_its_ghost_is_thrown_out(
    make_worker: Callable[..., Worker], talk: Talk, web: Web
) -> None:
    first = make_worker().start().ready()
    talk.with_agent()
    until(talk.participants, what="the first one is in")
    first.kill()
    second = make_worker().start().ready()
    until(lambda: web.here, what="it says that it is there")
    assert web.here == [talk.id]
    talk.dispatch()
    until(lambda: len(web.runs) == 2, what="another one reports")
    until(lambda: web.reports[-1]["status"]["state"] == "listening", what="it listens")
    until(lambda: [one.identity for one in talk.participants()] == [talk.agent], what="there is one")
    ada, bob = talk.enter("Ada"), talk.enter("Bob")
    ada.open_microphone()
    ada.say(voices.silence(0.4))
    ada.say(voices.spoken("Good morning everybody."))
    ada.say(voices.silence(1))
    until(bob.finals, what="a caption")
    assert not ended(second)


def test_a_worker_that_comes_late_says_so_for_what_was_asked_before(
    make_worker: Callable[..., Worker], talk: Talk, web: Web
) -> None:
    talk.dispatch(backend="http://127.0.0.1:9")
    talk.dispatch()
    made = make_worker().start().ready()
    until(lambda: web.here, what="it says that it is there")
    assert web.here == [talk.id] and web.reports == [] and not ended(made)


def test_a_web_that_is_away_keeps_no_worker_from_its_lectures(
    make_worker: Callable[..., Worker], talk: Talk, web: Web
) -> None:
    talk.dispatch(backend="http://127.0.0.1:9")
    made = make_worker().start().ready()
    talk.with_agent()
    assert not ended(made) and "Traceback" not in made.words


def test_a_worker_without_lectures_ends_when_it_is_asked(make_worker: Callable[..., Worker]) -> None:
    made = make_worker().start().ready()
    made.ask_to_stop()
    until(lambda: ended(made), 40, "it ends")
    assert made.process is not None and made.process.returncode == 0


def test_a_worker_waits_for_its_lectures_unless_it_is_asked_twice(
    make_worker: Callable[..., Worker], talk: Talk, web: Web
) -> None:
    made = make_worker().start().ready()
    talk.with_agent()
    family = made.family
    made.ask_to_stop()
    assert held_for(lambda: not ended(made) and web.states[-1][0] == "listening", 2)
    made.ask_to_stop()
    until(lambda: ended(made), 40, "it ends")
    assert web.states[-1][0] == "over"
    until(lambda: not any(one.is_running() for one in family), what="nothing of it is left")


def test_of_two_in_one_lecture_the_newer_one_stays_and_is_heard(
    make_worker: Callable[..., Worker], talk: Talk, web: Web
) -> None:
    made = make_worker().start().ready()
    talk.with_agent()
    (before,) = until(talk.participants, what="the first one is in")
    talk.dispatch()
    until(lambda: len(web.runs) == 2, what="another one reports")
    until(lambda: [one.sid for one in talk.participants()] not in ([], [before.sid]), what="it is in")
    ada, bob = talk.enter("Ada"), talk.enter("Bob")
    ada.open_microphone()
    ada.say(voices.silence(0.4))
    ada.say(voices.spoken("Good morning everybody."))
    ada.say(voices.silence(1))
    until(bob.finals, what="a caption")
    assert not ended(made)
