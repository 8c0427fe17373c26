"""The recorder's program at a real livekit-server, with a stand-in for our web: what it writes is nobody's business."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web
from livekit import api

from core.agents import READY
from plugins.recording.recorder.choosing import Place
from plugins.recording.worker.job import NAME
from tests.fixtures.livekit import ROOT, _loop, until
from tests.plugins.ai_assistant.agent.web import Served
from tests.plugins.recording.recorder.conftest import KEY, Person, Room

pytestmark = pytest.mark.livekit
AGENT_KEY = "4711" * 16
TITLE, WHO = "Quittengelee im Herbst", "Rosalind Feuerstein"
SOON = 90.0


class Web:
    """Keeps the reports of the recorder and the pieces that it hands over."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.pieces = 0
        app = web.Application(client_max_size=64 * 1024 * 1024)
        inside = "/api/internal/lectures/{lecture}/recording"
        app.router.add_post(f"{inside}/report", self._report)
        app.router.add_post(f"{inside}/here", self._here)
        app.router.add_put(inside + "/pieces/{run}/{number}", self._piece)
        self.served = Served(app)

    @property
    def seconds(self) -> float:
        return max((one["seconds"] for one in self.reports), default=0.0)

    @property
    def states(self) -> set[str]:
        return {one["state"] for one in self.reports}

    def _let_in(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {AGENT_KEY}":
            raise web.HTTPUnauthorized

    async def _here(self, request: web.Request) -> web.Response:
        self._let_in(request)
        return web.Response(status=204)

    async def _piece(self, request: web.Request) -> web.Response:
        self._let_in(request)
        self.pieces += bool(await request.read())
        return web.Response(status=204)

    async def _report(self, request: web.Request) -> web.Response:
        self._let_in(request)
        self.reports.append(await request.json())
        places = {"rosalind": {"host": True, "voice": True, "camera": True, "screen": True}}
        orders = {"leave": False, "wait": False, "record": "on", "begins_at": time.time() - 5,
                  "title": TITLE, "width": 640, "height": 360, "policy": "1", "places": places}  # fmt: skip
        return web.json_response({**orders, "now": time.time()})


@pytest.fixture
def stand_in() -> Iterator[Web]:
    made = Web()
    yield made
    made.served.down()


@pytest.fixture
def log(room: Room, tmp_path: Path) -> Iterator[Path]:
    """What the program writes, of all that it can; it waits for lectures."""
    path = tmp_path / "recorder.log"
    environment = {
        **{
            name: value for name, value in os.environ.items() if not name.startswith(("AUDIMAX_", "LIVEKIT_"))
        },
        "AUDIMAX_LIVEKIT_API_URL": room.media.url,
        "AUDIMAX_LIVEKIT_KEY": KEY,
        "AUDIMAX_LIVEKIT_SECRET": room.secret,
        "AUDIMAX_LOG_LEVEL": "debug",
    }
    with path.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "plugins.recording.worker", "start"],
            cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    family = psutil.Process(process.pid)
    until(lambda: READY in path.read_text("utf-8", "replace"), SOON, "the recorder is known at LiveKit")
    yield path
    rest = family.children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for one in rest:
        if one.is_running():
            one.kill()


def at_livekit(room: Room, ask: Callable[[api.LiveKitAPI], Awaitable[object]]) -> None:
    async def asked() -> None:
        async with api.LiveKitAPI(room.media.url, KEY, room.secret) as client:
            await ask(client)

    _loop().run(asked())


def send_recorder(room: Room, backend: str) -> None:
    errand = json.dumps({"lecture": room.name, "backend": backend, "key": AGENT_KEY})
    dispatch = api.CreateAgentDispatchRequest(agent_name=NAME, room=room.name, metadata=errand)
    at_livekit(room, lambda client: client.agent_dispatch.create_dispatch(dispatch))


def come(room: Room) -> tuple[Person, str]:
    """Somebody with a name, and the token by which they came."""
    token = (
        api.AccessToken(KEY, room.secret)
        .with_identity("rosalind")
        .with_name(WHO)
        .with_grants(api.VideoGrants(room_join=True, room=room.name))
        .to_jwt()
    )
    room.places["rosalind"] = Place.of_host()
    person = Person(room.url, "rosalind", token).enter()
    room.people.append(person)
    return person, token


def test_the_log_has_no_name_no_title_and_no_key(room: Room, stand_in: Web, log: Path) -> None:
    rosalind, token = come(room)
    rosalind.speak(1000)
    send_recorder(room, stand_in.served.url)
    until(lambda: stand_in.seconds > 2, SOON, "something is recorded")
    # What goes wrong is written down too, and mustn't say more.
    stand_in.served.down()
    rosalind.leave()
    heard = len(stand_in.reports)
    stand_in.served.up()
    until(lambda: len(stand_in.reports) > heard, SOON, "it reports again")
    at_livekit(room, lambda client: client.room.delete_room(api.DeleteRoomRequest(room=room.name)))
    until(lambda: "over" in stand_in.states, SOON, "it says the end")
    assert stand_in.pieces, "what was recorded is handed over"
    written = log.read_text("utf-8", "replace")
    assert READY in written
    for planted in (
        WHO,
        WHO.split()[0],
        WHO.split()[1],
        TITLE,
        "Quittengelee",
        AGENT_KEY,
        room.secret,
        token,
    ):
        assert planted.lower() not in written.lower(), planted
