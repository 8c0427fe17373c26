"""The libraries of Deepgram and OpenAI against stand-ins that speak their protocols, with every fault."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import utils

from core.agents import Clock
from plugins.ai_assistant.agent import microphone
from plugins.ai_assistant.agent.health import Health
from plugins.ai_assistant.agent.lines import Line, Speaker
from plugins.ai_assistant.agent.microphone import Microphone
from plugins.ai_assistant.agent.speech import Keys, Trouble, Wanted, deepgram, engine, openai
from tests.fixtures.deepgram import Deepgram
from tests.fixtures.livekit import _loop, free_ports
from tests.fixtures.openai_speech import OpenAiSpeech
from tests.plugins.ai_assistant.agent import voices
from tests.plugins.ai_assistant.agent.web import Served

SPEECH = "Good morning everybody, and welcome to the third lecture of this course."
STATUSES = [(401, "bad_key"), (402, "no_credit"), (403, "bad_key"), (429, "too_many"), (500, "provider_down")]


class Desk:
    """Writes down what it is given."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.health = Health(self._changed)
        self.codes: list[str] = []
        self.details: list[str] = []
        self.lines: list[Line] = []
        self.guesses: list[Line] = []
        self.taken_back: list[str] = []
        self.seconds = 0.0

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]

    def change_engine(self) -> None:
        self.health = Health(self._changed)

    def count(self, seconds: float) -> None:
        self.seconds += seconds

    async def guess(self, line: Line) -> None:
        self.guesses.append(line)

    async def finish(self, line: Line) -> None:
        self.lines.append(line)

    async def take_back(self, line_id: str) -> None:
        self.taken_back.append(line_id)

    def _changed(self) -> None:
        trouble = self.health.trouble
        self.codes.append(trouble.code if trouble else "")
        self.details.append(trouble.detail if trouble else "")


class Track:
    """In place of a track of LiveKit: sound comes when the test says so."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[rtc.AudioFrame | None] = asyncio.Queue()

    def say(self, seconds: float = 1.0) -> None:
        for frame in voices.frames(voices.silence(seconds)):
            self.queue.put_nowait(frame)

    def speak(self) -> None:
        sound = (voices.silence(0.3), voices.spoken(SPEECH), voices.silence(1))
        for frame in (frame for part in sound for frame in voices.frames(part)):
            self.queue.put_nowait(frame)

    async def speak_slowly(self) -> None:
        """Five times as fast as people do."""
        for frame in voices.frames(voices.spoken(SPEECH)):
            self.queue.put_nowait(frame)
            await asyncio.sleep(0.01)

    def end(self) -> None:
        self.queue.put_nowait(None)


class Stream:
    """What ``rtc.AudioStream`` makes of it."""

    def __init__(self, track: Track, **_options: Any) -> None:
        self._track = track

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (frame := await self._track.queue.get()) is not None:
            yield SimpleNamespace(frame=frame)

    async def aclose(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone.rtc, "AudioStream", Stream)
    monkeypatch.setattr(microphone, "PAUSES", {True: (0.2, 1.0), False: (0.05, 0.2)})


@pytest.fixture
def at_deepgram() -> Iterator[tuple[Deepgram, Served]]:
    made = Deepgram()
    served = Served(made.app())
    yield made, served
    served.down()


@pytest.fixture
def at_openai() -> Iterator[tuple[OpenAiSpeech, Served]]:
    made = OpenAiSpeech(text=SPEECH)
    served = Served(made.app())
    yield made, served
    served.down()


def wanted(served: Served, **changed: Any) -> Wanted:
    given = {"provider": "deepgram", "language": "en", "url": f"{served.url}/v1/listen", "model": "nova-3"}
    return Wanted(**{**given, **changed})


def wanted_openai(served: Served, **changed: Any) -> Wanted:
    given = {"provider": "openai", "language": "en", "url": f"{served.url}/v1", "model": "whisper-1"}
    return Wanted(**{**given, **changed})


def listen(want: Wanted, test: Callable[[Desk, Track, Microphone], Coroutine[Any, Any, None]]) -> Desk:
    """Run the test beside a microphone that listens with that engine."""
    keys = Keys(Deepgram.key, OpenAiSpeech.key)

    async def run() -> Desk:
        utils.http_context._new_session_ctx()
        desk, track = Desk(), Track()
        speaker = Speaker("ada", "Ada", "TR_ada", "microphone")
        listener = Microphone(track, speaker, engine(want, keys), desk)  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(20):
                await test(desk, track, listener)
        finally:
            await listener.forget()
            await utils.http_context._close_http_ctx()
        return desk

    return _loop().run(run(), 30)


async def so(is_so: Callable[[], Any]) -> None:
    """Wait for it."""
    while not is_so():
        await asyncio.sleep(0.01)


# --- Deepgram -------------------------------------------------------------------------


def test_deepgram_gives_guesses_and_last_words_under_one_id(at_deepgram: tuple[Deepgram, Served]) -> None:
    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.say(3.2)
        await so(lambda: len(desk.lines) == 2)

    desk = listen(wanted(at_deepgram[1]), test)
    assert desk.texts == ["word 1", "word 2"]
    assert {guess.id for guess in desk.guesses if guess.text == "word 1"} == {desk.lines[0].id}
    assert desk.lines[0].ended_at - desk.lines[0].started_at == pytest.approx(1.5, abs=0.1)
    assert desk.lines[1].started_at - desk.lines[0].started_at == pytest.approx(1.5, abs=0.3)
    assert desk.seconds == pytest.approx(3.2, abs=0.1)


def test_deepgram_is_asked_for_what_the_settings_say(at_deepgram: tuple[Deepgram, Served]) -> None:
    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.say(2)
        await so(lambda: desk.lines)

    stand_in, served = at_deepgram
    listen(wanted(served, terms=("Fourier", "Hilbert space")), test)
    query = stand_in.sockets[0].query
    assert query.getall("keyterm") == ["Fourier", "Hilbert space"]
    asked = {name: query[name] for name in ("model", "language", "interim_results", "smart_format")}
    assert asked == {"model": "nova-3", "language": "en", "interim_results": "true", "smart_format": "true"}
    assert (query["mip_opt_out"], query["encoding"], query["sample_rate"]) == ("true", "linear16", "16000")


@pytest.mark.parametrize(
    ("model", "language", "asked"), [("nova-3", "auto", "multi"), ("nova-2", "de", "de")]
)
def test_deepgram_gets_key_terms_and_language_as_it_knows_them(
    model: str, language: str, asked: str, at_deepgram: tuple[Deepgram, Served]
) -> None:
    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.say(2)
        await so(lambda: desk.lines)

    stand_in, served = at_deepgram
    listen(wanted(served, model=model, language=language, terms=("Fourier",)), test)
    assert stand_in.sockets[0].query["language"] == asked
    assert ("keyterm" in stand_in.sockets[0].query) == (model == "nova-3")


def test_deepgram_is_kept_alive_and_closed_at_mute(at_deepgram: tuple[Deepgram, Served]) -> None:
    stand_in, served = at_deepgram

    async def test(desk: Desk, track: Track, listener: Microphone) -> None:
        track.say(0.7)
        await so(lambda: desk.guesses)
        listener.mute()
        await listener.task

    desk = listen(wanted(served), test)
    assert desk.texts == ["word 1"], "the last words are collected"
    control = stand_in.sockets[0].control
    assert control[0] == "KeepAlive" and control[-1] == "CloseStream"
    assert not stand_in.open_sockets


def test_what_somebody_objects_to_is_not_collected(at_deepgram: tuple[Deepgram, Served]) -> None:
    async def test(desk: Desk, track: Track, listener: Microphone) -> None:
        track.say(0.7)
        await so(lambda: desk.guesses)
        await listener.forget()

    desk = listen(wanted(at_deepgram[1]), test)
    assert desk.lines == [] and desk.taken_back == [desk.guesses[-1].id]


@pytest.mark.parametrize(("status", "code"), STATUSES)
def test_deepgram_refuses_and_comes_back(
    status: int, code: str, at_deepgram: tuple[Deepgram, Served]
) -> None:
    stand_in, served = at_deepgram
    stand_in.status = status

    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.say(2)
        await so(lambda: stand_in.refused >= 2)
        stand_in.status = 0
        await so(lambda: desk.lines)

    desk = listen(wanted(served), test)
    assert desk.codes == [code, ""], "it is said once, and when it is over"
    assert desk.texts[0] == "word 1", "what was said meanwhile is heard afterwards"
    assert stand_in.key not in " ".join(desk.details)


def test_deepgram_cuts_in_the_middle_and_no_sound_is_lost(at_deepgram: tuple[Deepgram, Served]) -> None:
    stand_in, served = at_deepgram
    stand_in.cut_after = 2.5

    async def test(desk: Desk, track: Track, listener: Microphone) -> None:
        track.say(4)
        await so(lambda: len(stand_in.sockets) == 2 and stand_in.sockets[1].seconds > 2)
        listener.mute()
        await listener.task

    desk = listen(wanted(served), test)
    assert desk.codes == ["provider_down", ""]
    first, second = stand_in.sockets
    assert (first.seconds, second.seconds) == (pytest.approx(2.5, abs=0.1), pytest.approx(2.5, abs=0.1))
    assert [round(line.ended_at - line.started_at, 1) for line in desk.lines] == [1.5, 1.5, 1.0]


def test_deepgram_is_slow(at_deepgram: tuple[Deepgram, Served], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepgram, "CONNECT_SECONDS", 0.3)
    stand_in, served = at_deepgram
    stand_in.slow = 1.0

    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.say(2)
        await so(lambda: desk.codes)
        stand_in.slow = 0.0
        await so(lambda: desk.lines)

    assert listen(wanted(served), test).codes == ["provider_down", ""]


def test_deepgram_is_not_there(at_deepgram: tuple[Deepgram, Served]) -> None:
    (port,) = free_ports(1)

    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.say(2)
        await so(lambda: desk.codes)
        runner = Served.__new__(Served)
        runner._app, runner.port = Deepgram().app(), port
        await runner._start()
        await so(lambda: desk.lines)
        await runner._runner.cleanup()

    url = f"http://127.0.0.1:{port}/v1/listen"
    assert listen(wanted(at_deepgram[1], url=url), test).codes == ["provider_down", ""]


def test_a_trouble_stays_when_its_speaker_is_muted(at_deepgram: tuple[Deepgram, Served]) -> None:
    stand_in, served = at_deepgram
    stand_in.status = 401

    async def test(desk: Desk, track: Track, listener: Microphone) -> None:
        await so(lambda: desk.codes)
        listener.mute()
        await listener.task

    desk = listen(wanted(served), test)
    assert desk.codes == ["bad_key"] and desk.health.trouble is not None


def test_without_a_key_deepgram_is_not_even_asked() -> None:
    with pytest.raises(Trouble) as raised:
        engine(Wanted("deepgram", "en"), Keys())
    assert raised.value.code == "bad_key"


# --- OpenAI ---------------------------------------------------------------------------


def test_openai_is_sent_what_is_said_with_the_terms_as_prompt(at_openai: tuple[OpenAiSpeech, Served]) -> None:
    stand_in, served = at_openai

    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.speak()
        await so(lambda: desk.lines)

    desk = listen(wanted_openai(served, terms=("Fourier", "Kolmogorov")), test)
    asked = stand_in.asked[-1]
    assert asked.fields["prompt"] == "Fourier, Kolmogorov"
    assert (asked.fields["model"], asked.fields["language"]) == ("whisper-1", "en")
    assert 3 < asked.seconds < 7
    assert desk.texts == [SPEECH]
    assert desk.seconds == pytest.approx(sum(one.seconds for one in stand_in.asked), abs=0.2)


def test_openai_is_sent_what_is_said_so_far(at_openai: tuple[OpenAiSpeech, Served]) -> None:
    async def test(desk: Desk, track: Track, listener: Microphone) -> None:
        await track.speak_slowly()
        track.end()
        await listener.task

    desk = listen(wanted_openai(at_openai[1]), test)
    assert desk.guesses and {guess.id for guess in desk.guesses} == {desk.lines[0].id}


def test_openai_finds_out_the_language(at_openai: tuple[OpenAiSpeech, Served]) -> None:
    stand_in, served = at_openai

    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.speak()
        await so(lambda: desk.lines)

    desk = listen(wanted_openai(served, language="auto"), test)
    assert "language" not in stand_in.asked[-1].fields and desk.lines[0].language == "de"


def test_silence_costs_nothing_at_openai(at_openai: tuple[OpenAiSpeech, Served]) -> None:
    stand_in, served = at_openai

    async def test(desk: Desk, track: Track, listener: Microphone) -> None:
        track.say(20)
        track.end()
        await listener.task

    assert listen(wanted_openai(served), test).seconds == 0 and stand_in.asked == []


@pytest.mark.parametrize(("status", "code"), STATUSES)
def test_openai_refuses_and_comes_back(
    status: int, code: str, at_openai: tuple[OpenAiSpeech, Served]
) -> None:
    stand_in, served = at_openai
    stand_in.status = status

    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.speak()
        await so(lambda: stand_in.refused >= 2)
        stand_in.status = 0
        await so(lambda: desk.lines)

    desk = listen(wanted_openai(served), test)
    assert desk.codes == [code, ""]
    assert desk.texts == [SPEECH], "once, though it was asked more often"
    assert stand_in.key not in " ".join(desk.details)


def test_a_quota_that_is_used_up_is_no_rush_hour(at_openai: tuple[OpenAiSpeech, Served]) -> None:
    stand_in, served = at_openai
    stand_in.status, stand_in.code = 429, "insufficient_quota"

    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.speak()
        await so(lambda: desk.codes)

    assert listen(wanted_openai(served), test).codes == ["no_credit"]


def test_a_wrong_model_is_said_to_the_hosts_without_the_key(at_openai: tuple[OpenAiSpeech, Served]) -> None:
    stand_in, served = at_openai
    stand_in.status = 400

    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        track.speak()
        await so(lambda: desk.codes)

    desk = listen(wanted_openai(served), test)
    assert desk.codes == ["unknown"] and "400" in desk.details[0] and "Refused with" in desk.details[0]
    assert stand_in.key not in desk.details[0]


@pytest.mark.parametrize("fault", ["cut", "slow", "refused"])
def test_openai_fails_and_comes_back(
    fault: str, at_openai: tuple[OpenAiSpeech, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "ANSWER_SECONDS", 0.5)
    stand_in, served = at_openai

    async def break_it(broken: bool) -> None:
        stand_in.cut = broken and fault == "cut"
        stand_in.slow = 5.0 if broken and fault == "slow" else 0.0
        if fault == "refused":
            await (served._runner.cleanup() if broken else served._start())

    async def test(desk: Desk, track: Track, _microphone: Microphone) -> None:
        await break_it(True)
        track.speak()
        await so(lambda: desk.codes)
        await break_it(False)
        await so(lambda: desk.lines)

    desk = listen(wanted_openai(served), test)
    assert desk.codes == ["provider_down", ""] and desk.texts == [SPEECH]


def test_pauses_grow_and_are_long_where_a_human_has_to_act() -> None:
    async def pauses(code: str, count: int) -> list[float]:
        made = microphone._Pauses()
        return [made.next(code) for _ in range(count)]

    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(microphone, "PAUSES", {True: (30.0, 300.0), False: (0.5, 15.0)})
        assert asyncio.run(pauses("provider_down", 7)) == [0.5, 1, 2, 4, 8, 15, 15]
        assert asyncio.run(pauses("bad_key", 5)) == [30, 60, 120, 240, 300]
