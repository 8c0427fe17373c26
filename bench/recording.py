"""Recordings: what a recorder costs, whether picture and sound stay together, how soon a film is there."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import requests
from livekit import rtc
from playwright.sync_api import sync_playwright

from bench import figures
from bench.captions import WITH_CAPTIONS, Talk, lecture_key
from bench.product import cpu_seconds, private_kb, processes, running
from tests.fixtures.browser import cookies_of, launch
from tests.fixtures.browser import until as until_shown
from tests.fixtures.livekit import MediaServer, Ports, _loop, until
from tests.fixtures.product import free_ports

Figures = dict[str, float]
WORKER = "plugins.recording.worker"
WITH_RECORDING = {**WITH_CAPTIONS, "AUDIMAX_ENABLED_PLUGINS": "recording"}
WIDTH, HEIGHT, PICTURES = 1280, 720, 10
SECONDS = 30.0
HOUR, LONG = 3600, 5400
SEEKS = 30
IN_STEP = 180.0


# --- what a recorder costs --------------------------------------------------------------


def live() -> Figures:
    """A 720p lecture of ten moving pictures a second and a voice: CPU and memory of the recorder."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "instance", **WITH_RECORDING) as product,
    ):
        talk = Talk(product)
        given = talk.host.post(f"/api/rooms/{talk.room}/join", {"name": "Prof. Noether"})
        room = _loop().run(_gives_a_lecture(given["livekit_url"], given["token"]))
        talk.host.post(f"/api/rooms/{talk.room}/recording/start", {"queue": False})
        _until_recorded(talk, 10)
        recorders = processes(product, WORKER)
        before, began = cpu_seconds(recorders), time.monotonic()
        _until_recorded(talk, 10 + SECONDS)
        spent, took = cpu_seconds(recorders) - before, time.monotonic() - began
        megabytes = sum(map(private_kb, recorders)) / 1024
        _loop().run(room.disconnect())
    return {"recording_cpu_cores": spent / took, "recording_mb": megabytes}


async def _gives_a_lecture(url: str, token: str) -> rtc.Room:
    room = rtc.Room()
    await room.connect(url, token)
    screen, voice = rtc.VideoSource(WIDTH, HEIGHT, is_screencast=True), rtc.AudioSource(48_000, 1)
    shown = rtc.LocalVideoTrack.create_video_track("screen", screen)
    encoding = rtc.VideoEncoding(max_framerate=PICTURES, max_bitrate=1_500_000)
    options = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_SCREENSHARE, simulcast=False, video_encoding=encoding
    )
    await room.local_participant.publish_track(shown, options)
    heard = rtc.LocalAudioTrack.create_audio_track("voice", voice)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await room.local_participant.publish_track(heard, options)
    room.bench_tasks = [asyncio.create_task(_pictures(screen)), asyncio.create_task(_sound(voice))]  # type: ignore[attr-defined]
    return room


async def _pictures(source: rtc.VideoSource) -> None:
    """A slide on which a fifth of the picture moves, as somebody's film or pointer does."""
    plane = np.full((HEIGHT, WIDTH), 220, np.uint8)
    plane[::24] = 40
    chroma = np.full(WIDTH * HEIGHT // 2, 128, np.uint8).tobytes()
    dice = np.random.default_rng(5)
    texture = dice.integers(60, 200, (HEIGHT // 2, WIDTH), dtype=np.uint8)
    at = 0
    while True:
        at += 8
        plane[180:468, 100:612] = np.roll(texture, at, axis=1)[:288, :512]
        source.capture_frame(
            rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, plane.tobytes() + chroma)
        )
        await asyncio.sleep(1 / PICTURES)


async def _sound(source: rtc.AudioSource) -> None:
    dice = np.random.default_rng(6)
    noise = (dice.normal(0, 1500, 48_000)).astype(np.int16)
    at = 0
    while True:
        at = (at + 480) % 47_520
        await source.capture_frame(rtc.AudioFrame(noise[at : at + 480].tobytes(), 48_000, 1, 480))


def _until_recorded(talk: Talk, seconds: float) -> None:
    state = f"/api/rooms/{talk.room}/recording/state"
    until(lambda: talk.host.get(state)["seconds"] >= seconds, 120, f"{seconds} s are recorded")


def hour() -> Figures:
    """How much more memory a recorder has after an hour than after five minutes, as fast as it can."""
    grown = _child(HOUR)
    return {"recording_hour_growth_mb": grown["megabytes"], "recording_hour_cpu_s": grown["seconds"]}


# --- afterwards -------------------------------------------------------------------------


def afterwards() -> Figures:
    """The end of 90 minutes → their film on the lecture's page; then how soon it shows any second of it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "instance", **WITH_RECORDING) as product,
    ):
        talk = Talk(product)
        talk.host.post(f"/api/rooms/{talk.room}/recording/start", {"queue": True})
        _until_recorded_at_all(talk)
        pieces = Path(folder) / "pieces"
        pieces.mkdir()
        _child(LONG, pieces)
        for one in processes(product, WORKER):
            with suppress(psutil.NoSuchProcess):
                one.kill()
        _hand_over(talk, pieces)
        talk.host.post(f"/api/rooms/{talk.room}/end")
        ended = time.monotonic()
        page = f"{product.url}/lectures/{talk.lecture}"
        until(lambda: "film-stage" in talk.host.http.get(page, timeout=60).text, 300, "the film is there")
        ready = time.monotonic() - ended
        took = sorted(_seeks(talk, page))
    return {
        "recording_ready_s": ready,
        "recording_seek_ms": took[math.ceil(len(took) * 0.95) - 1],
        "recording_seek_median_ms": statistics.median(took),
    }


def _until_recorded_at_all(talk: Talk) -> None:
    state = f"/api/rooms/{talk.room}/recording/state"
    until(lambda: talk.host.get(state)["status"] == "recording", 120, "it is recorded")


def _hand_over(talk: Talk, pieces: Path) -> None:
    """As a recorder whose run counts."""
    key = lecture_key(talk)
    address = f"{talk.product.url}/api/internal/lectures/{talk.lecture}/recording"
    headers = {"Authorization": f"Bearer {key}"}
    report = {"run": "bench-run-one", "state": "recording", "waited": 100}

    def is_taken() -> bool:
        answer = requests.post(f"{address}/report", json=report, headers=headers, timeout=60)
        return answer.ok and not answer.json()["leave"] and not answer.json()["wait"]

    until(is_taken, 120, "our run counts")
    for number, path in enumerate(sorted(pieces.iterdir())):
        body = path.read_bytes()
        sent = requests.put(
            f"{address}/pieces/bench-run-one/{number}", data=body, headers=headers, timeout=60
        )
        sent.raise_for_status()
        if number % 20 == 0:
            is_taken()
    report["state"] = "over"
    requests.post(f"{address}/report", json=report, headers=headers, timeout=60).raise_for_status()


def _seeks(talk: Talk, page: str) -> Iterator[float]:
    """Milliseconds from setting the place to the picture of it, at places all over the film."""
    dice = np.random.default_rng(7)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context()
        context.add_cookies(cookies_of(talk.host.http, talk.product.url))
        shown = context.new_page()
        shown.goto(page)
        until_shown(shown, "document.querySelector('video').readyState >= 2")
        for second in dice.uniform(5, LONG - 10, SEEKS):
            yield shown.evaluate(
                """async second => {
                  const film = document.querySelector('video'), began = performance.now();
                  film.currentTime = second;
                  await new Promise(done => film.addEventListener('seeked', done, {once: true}));
                  return performance.now() - began;
                }""",
                float(second),
            )
        browser.close()


# --- picture and sound ------------------------------------------------------------------


def in_step() -> Figures:
    """Flashes and beeps of two clients at a real livekit-server: how far apart they are in the film."""
    from plugins.recording.recorder.choosing import Place
    from plugins.recording.recorder.finishing import finish
    from tests.plugins.recording.recorder.conftest import KEY, Room
    from tests.plugins.recording.recorder.lectures import watch

    with tempfile.TemporaryDirectory() as folder:
        secret = secrets.token_urlsafe(48)
        media = MediaServer(Path(folder), Ports(*free_ports(5)), KEY, secret)
        media.start()
        try:
            media.be_up()
            room = Room(media, secret).open()
            ada = room.enter("ada", Place.of_host())
            ada.speak(1000, in_beeps=True)
            ada.share()
            room.record()
            until(lambda: room.recording.status.seconds >= IN_STEP, IN_STEP * 2, "it is recorded")
            room.end()
            path = Path(folder) / "film.webm"
            finish(room.kept.pieces, path)
            ada.leave()
        finally:
            media.kill()
        watched = watch(path)
    ends = (watched.apart(2, 32), watched.apart(watched.duration - 32))
    return {"recording_av_offset_ms": max(abs(statistics.median(one)) for one in ends) * 1000}


# --- children ---------------------------------------------------------------------------


def _child(*words: object) -> dict[str, float]:
    argv = [sys.executable, "-m", "bench.recording", *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=figures.HERE.parent)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(seconds: int, folder: str = "") -> None:
    """The child: a lecture in a clock of its own; its pieces go to the folder, or nowhere."""
    from plugins.recording.recorder.encoding import Quality
    from plugins.recording.recorder.picture import Picture, Size
    from plugins.recording.recorder.take import Plan
    from tests.plugins.recording.recorder import lectures

    size = Size(WIDTH, HEIGHT)
    # After what a real recorder has made of it meanwhile.
    lectures.WALL = time.time() + 60
    lectures.DARK, lectures.BRIGHT = (Picture.plain(size, y) for y in (40, 220))

    class Long(lectures.Lecture):
        def _keep(self, number: int, body: bytes) -> None:
            if folder:
                (Path(folder) / f"{number:06d}").write_bytes(body)

    logging.disable(logging.WARNING)
    made, speaker = Long(Plan(Quality(size))), lectures.Speaker()
    made.run(300, speaker)
    early = _megabytes()
    made.run(seconds - 300, speaker)
    late = _megabytes()
    made.end()
    spent = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"megabytes": late - early, "seconds": spent.ru_utime + spent.ru_stime}))


def _megabytes() -> float:
    return private_kb(psutil.Process()) / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
