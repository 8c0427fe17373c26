"""LiveKit's server API as it goes over the line (Twirp, protobuf), in its own process: people without media.

``python -m bench.livekit_api PORT SPEAKING``. ``POST /people`` (JSON list of identities) fills its one room,
the first SPEAKING with open microphones; ``GET /calls`` gives every call with the moment of its answer.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from aiohttp import web
from google.protobuf.message import Message
from livekit.protocol import models
from livekit.protocol import room as messages

Permission = models.ParticipantPermission


class Room:
    """Who is inside, with which rights, and what was asked."""

    def __init__(self, speaking: int) -> None:
        self.speaking = speaking
        self.people: dict[str, models.ParticipantInfo] = {}
        self.calls: list[dict[str, Any]] = []

    async def fill(self, request: web.Request) -> web.Response:
        identities, self.calls = await request.json(), []
        self.people = {one: self._person(one, number) for number, one in enumerate(identities)}
        return web.json_response(len(self.people))

    def _person(self, identity: str, number: int) -> models.ParticipantInfo:
        source = models.TrackSource.MICROPHONE
        track = models.TrackInfo(sid=f"TR_{number}", type=models.TrackType.AUDIO, source=source)
        sources = (1, 2, 3, 4)
        may = Permission(can_subscribe=True, can_publish=True, can_publish_sources=sources)
        tracks = [track] if number < self.speaking else []
        return models.ParticipantInfo(identity=identity, tracks=tracks, permission=may, state=2)

    async def call(self, request: web.Request) -> web.Response:
        method, body = request.match_info["method"], await request.read()
        answer, about = getattr(self, f"_{method}", self._anything)(body)
        self.calls.append({"method": method, "about": about, "at": time.time()})
        return web.Response(body=answer.SerializeToString(), content_type="application/protobuf")

    async def told(self, _request: web.Request) -> web.Response:
        return web.json_response(self.calls)

    def _ListRooms(self, body: bytes) -> tuple[Message, str]:
        names = messages.ListRoomsRequest.FromString(body).names
        return messages.ListRoomsResponse(rooms=[models.Room(name=name) for name in names if name != "-"]), ""

    def _ListParticipants(self, _body: bytes) -> tuple[Message, str]:
        return messages.ListParticipantsResponse(participants=list(self.people.values())), ""

    def _UpdateParticipant(self, body: bytes) -> tuple[Message, str]:
        asked = messages.UpdateParticipantRequest.FromString(body)
        person = self.people[asked.identity]
        person.permission.CopyFrom(asked.permission)
        if not asked.permission.can_publish:
            del person.tracks[:]
        return person, asked.identity

    def _CreateRoom(self, body: bytes) -> tuple[Message, str]:
        return models.Room(name=messages.CreateRoomRequest.FromString(body).name), ""

    def _anything(self, _body: bytes) -> tuple[Message, str]:
        return messages.SendDataResponse(), ""


def main(port: int, speaking: int) -> None:
    room, app = Room(speaking), web.Application(client_max_size=2**20)
    app.router.add_post("/people", room.fill)
    app.router.add_get("/calls", room.told)
    app.router.add_post("/twirp/livekit.RoomService/{method}", room.call)
    web.run_app(app, host="127.0.0.1", port=port, print=lambda *_: None)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
