"""LiveKit's server API: one blocking call per method, alike under threads, gevent and forks."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import urllib3
from flask import current_app
from flask_babel import gettext as _
from google.protobuf.message import Message
from livekit.protocol import agent_dispatch as dispatch_messages
from livekit.protocol import egress as egress_messages
from livekit.protocol import models
from livekit.protocol import room as messages

from core.config import Config
from core.errors import LiveKitDown, LiveKitError, Refusal
from core.livekit import tokens

log = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)

TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)
# LiveKit asks every Egress whether it is free, and waits for the answers.
PATIENT = urllib3.Timeout(connect=2.0, read=15.0)
# Pages of a list of egresses; a lecture has a handful.
MOST_PAGES = 20
CONNECTIONS = 32
EMPTY_TIMEOUT = 300
DEPARTURE_TIMEOUT = 300
# How long LiveKit counts as reachable, or as down, after somebody has looked.
REMEMBER_UP, REMEMBER_DOWN = 2.0, 0.5
RETRY_AFTER = 3


@dataclass(frozen=True)
class Failed:
    """What ``many`` gives in place of the answer of a call that didn't succeed."""

    error: LiveKitDown | LiveKitError


def livekit() -> LiveKit:
    """The running app's way to LiveKit."""
    found = current_app.extensions.get("audimax_livekit")
    if found is None:
        found = current_app.extensions["audimax_livekit"] = LiveKit(current_app.extensions["audimax_config"])
    return cast("LiveKit", found)


class LiveKit:
    """Raises ``LiveKitDown`` (try again) or ``LiveKitError`` (LiveKit refused) from every method."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._twirp = Twirp(config.livekit_api_url)
        # Nobody is refused for what was never looked at: the first to come together go on.
        self._looked_at, self._was_up = 0.0, True
        self._opened_at: dict[str, float] = {}

    # --- rooms ------------------------------------------------------------------------

    def create_room(self, name: str) -> models.Room:
        """Open a room; an open one stays as it is."""
        request = messages.CreateRoomRequest(
            name=name, empty_timeout=EMPTY_TIMEOUT, departure_timeout=DEPARTURE_TIMEOUT
        )
        return self._call("CreateRoom", request, models.Room, self._for_rooms())

    def keep_open(self, name: str) -> None:
        """Open a room, unless that was done a moment ago: a hall that joins at once asks once."""
        moment = time.monotonic()
        lately = {one: at for one, at in self._opened_at.items() if moment - at < REMEMBER_UP}
        if name not in lately:
            self.create_room(name)
            self._opened_at = {**lately, name: moment}

    def delete_room(self, name: str) -> bool:
        """Close a room and disconnect everybody; tells whether there was one."""
        try:
            request = messages.DeleteRoomRequest(room=name)
            self._call("DeleteRoom", request, messages.DeleteRoomResponse, self._for_rooms())
        except LiveKitError as error:
            return _unless_gone(error)
        return True

    def list_rooms(self, names: Sequence[str] = ()) -> list[models.Room]:
        request = messages.ListRoomsRequest(names=names)
        return list(self._call("ListRooms", request, messages.ListRoomsResponse, self._for_rooms()).rooms)

    # --- people -----------------------------------------------------------------------

    def list_participants(self, room: str) -> list[models.ParticipantInfo]:
        """Everybody in the room, people still connecting too; nobody where there is no room."""
        try:
            request = messages.ListParticipantsRequest(room=room)
            made = messages.ListParticipantsResponse
            answer = self._call("ListParticipants", request, made, self._for(room))
        except LiveKitError as error:
            _unless_gone(error)
            return []
        return list(answer.participants)

    def get_participant(self, room: str, identity: str) -> models.ParticipantInfo | None:
        try:
            request = messages.RoomParticipantIdentity(room=room, identity=identity)
            return self._call("GetParticipant", request, models.ParticipantInfo, self._for(room))
        except LiveKitError as error:
            _unless_gone(error)
            return None

    def remove_participant(self, room: str, identity: str) -> bool:
        """Disconnect somebody; their token would let them in again if it weren't for the gate."""
        try:
            request = messages.RoomParticipantIdentity(room=room, identity=identity)
            self._call("RemoveParticipant", request, messages.RemoveParticipantResponse, self._for(room))
        except LiveKitError as error:
            return _unless_gone(error)
        return True

    def update_participant(self, room: str, identity: str, permission: models.ParticipantPermission) -> bool:
        """Replace every right of somebody; tells whether they are there.

        LiveKit replaces the whole set, so take ``permission`` from ``tokens.permission_of``.
        """
        try:
            request = messages.UpdateParticipantRequest(room=room, identity=identity, permission=permission)
            self._call("UpdateParticipant", request, models.ParticipantInfo, self._for(room))
        except LiveKitError as error:
            return _unless_gone(error)
        return True

    def mute_track(self, room: str, identity: str, track_sid: str, muted: bool = True) -> bool:
        """Mute a track; its owner can unmute it, so to silence somebody take the right away."""
        # LiveKit waits three seconds before it says that it knows nobody of that name.
        if self.get_participant(room, identity) is None:
            return False
        try:
            request = messages.MuteRoomTrackRequest(
                room=room, identity=identity, track_sid=track_sid, muted=muted
            )
            self._call("MutePublishedTrack", request, messages.MuteRoomTrackResponse, self._for(room))
        except LiveKitError as error:
            return _unless_gone(error)
        return True

    def send_data(self, room: str, topic: str, payload: bytes, to: Iterable[str] = ()) -> bool:
        """Send a reliable packet to the room, or to some identities; 15 KiB at most."""
        # LiveKit waits three seconds before it says that there is no such room.
        if not self.list_rooms([room]):
            return False
        request = messages.SendDataRequest(
            room=room,
            topic=topic,
            data=payload,
            kind=models.DataPacket.RELIABLE,
            destination_identities=list(to),
            nonce=os.urandom(16),
        )
        try:
            self._call("SendData", request, messages.SendDataResponse, self._for(room))
        except LiveKitError as error:
            return _unless_gone(error)
        return True

    # --- agents -----------------------------------------------------------------------

    def create_dispatch(
        self, room: str, agent: str, metadata: str = ""
    ) -> dispatch_messages.AgentDispatch | None:
        """Ask for an agent in an open room, None where it isn't open.

        Nobody tells whether one was free: look again later.
        """
        request = dispatch_messages.CreateAgentDispatchRequest(agent_name=agent, room=room, metadata=metadata)
        try:
            return self._dispatch("CreateDispatch", request, dispatch_messages.AgentDispatch, room)
        except LiveKitDown as error:
            # So it answers as well when no node has the room.
            if error.code != "unavailable" or self.list_rooms([room]):
                raise
            return None

    def list_dispatch(self, room: str) -> list[dispatch_messages.AgentDispatch]:
        if not self.list_rooms([room]):
            return []
        request = dispatch_messages.ListAgentDispatchRequest(room=room)
        answer = self._dispatch("ListDispatch", request, dispatch_messages.ListAgentDispatchResponse, room)
        # Every room has one without a name, for agents that come by themselves.
        return [dispatch for dispatch in answer.agent_dispatches if dispatch.agent_name]

    def delete_dispatch(self, room: str, dispatch_id: str) -> bool:
        try:
            request = dispatch_messages.DeleteAgentDispatchRequest(room=room, dispatch_id=dispatch_id)
            self._dispatch("DeleteDispatch", request, dispatch_messages.AgentDispatch, room)
        except LiveKitError as error:
            return _unless_gone(error)
        return True

    # --- egress -----------------------------------------------------------------------

    def start_room_composite_egress(
        self, request: egress_messages.RoomCompositeEgressRequest
    ) -> egress_messages.EgressInfo:
        """Have a room recorded through a page. Sent once: after a ``LiveKitDown`` it may run all the same."""
        token = self._for_recording()
        method = "livekit.Egress/StartRoomCompositeEgress"
        return self._twirp.call_once(method, request, egress_messages.EgressInfo, token)

    def stop_egress(self, egress_id: str) -> bool:
        """Have an egress come to its end; False where there is none, or it has ended already."""
        try:
            request = egress_messages.StopEgressRequest(egress_id=egress_id)
            self._egress("StopEgress", request, egress_messages.EgressInfo)
        except LiveKitError as error:
            if error.code not in ("not_found", "failed_precondition"):
                raise
            return False
        return True

    def list_egress(self, room: str) -> list[egress_messages.EgressInfo]:
        """All egresses of a room that LiveKit remembers, those that have ended too."""
        found: list[egress_messages.EgressInfo] = []
        request = egress_messages.ListEgressRequest(room_name=room)
        for _page in range(MOST_PAGES):
            answer = self._egress("ListEgress", request, egress_messages.ListEgressResponse)
            found += answer.items
            if not answer.next_page_token.token:
                break
            request.page_token.CopyFrom(answer.next_page_token)
        return found

    # --- many, and none ---------------------------------------------------------------

    def many(self, calls: Sequence[Callable[[], Any]], width: int = CONNECTIONS) -> list[Any]:
        """Run calls side by side; each answer in its place, or ``Failed`` with the reason."""
        if len(calls) <= 1:
            return [_caught(call) for call in calls]
        # Threads are greenlets under gevent, so this waits cooperatively there.
        with ThreadPoolExecutor(min(width, len(calls)), thread_name_prefix="livekit") as pool:
            return list(pool.map(_caught, calls))

    def must_be_reachable(self) -> None:
        """Refuse with 503 while LiveKit is down; looks at most every two seconds."""
        if not self._reachable():
            detail = _("The media server can't be reached. Please try again in a moment.")
            raise Refusal(503, detail, code="livekit_down", retry_after=RETRY_AFTER)

    def _reachable(self) -> bool:
        remembered = REMEMBER_UP if self._was_up else REMEMBER_DOWN
        if time.monotonic() - self._looked_at > remembered:
            # Set first: whoever comes meanwhile takes the last answer instead of queueing up.
            self._looked_at = time.monotonic()
            self._was_up = self._answers()
        return self._was_up

    def _answers(self) -> bool:
        try:
            self.list_rooms(["-"])
        except LiveKitDown:
            return False
        except LiveKitError as error:
            log.error("%s: compare livekit_key, livekit_secret and both clocks", error)
        return True

    # --- the call ---------------------------------------------------------------------

    def _for(self, room: str) -> str:
        return tokens.server_token(self._config, room)

    def _for_rooms(self) -> str:
        return tokens.server_token(self._config, "")

    def _for_recording(self) -> str:
        return tokens.recording_token(self._config)

    def _egress(self, method: str, request: Message, answer: type[M]) -> M:
        return self._twirp.call(f"livekit.Egress/{method}", request, answer, self._for_recording())

    def _call(self, method: str, request: Message, answer: type[M], token: str) -> M:
        return self._twirp.call(f"livekit.RoomService/{method}", request, answer, token)

    def _dispatch(self, method: str, request: Message, answer: type[M], room: str) -> M:
        return self._twirp.call(f"livekit.AgentDispatchService/{method}", request, answer, self._for(room))


class Twirp:
    """Protobuf messages over HTTP on kept-alive connections, never shared over a fork."""

    def __init__(self, url: str) -> None:
        self._url = _http(url)
        self._lock = threading.Lock()
        self._pid = 0
        self._pool: urllib3.PoolManager | None = None

    def call(self, method: str, request: Message, answer: type[M], token: str) -> M:
        response = self._post(self._address(method), request.SerializeToString(), _headers(token))
        return _read(response, answer)

    def call_once(self, method: str, request: Message, answer: type[M], token: str) -> M:
        """For what must not happen twice; patient."""
        try:
            response = self._once(
                self._address(method), request.SerializeToString(), _headers(token), PATIENT
            )
        except urllib3.exceptions.HTTPError as error:
            raise _down(error) from error
        return _read(response, answer)

    def _address(self, method: str) -> str:
        return f"{self._url}/twirp/{method}"

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        try:
            return self._once(url, body, headers)
        except urllib3.exceptions.ProtocolError:
            # A kept-alive connection that LiveKit has closed meanwhile: every method bears a repetition.
            return self._once_more(url, body, headers)
        except urllib3.exceptions.HTTPError as error:
            raise _down(error) from error

    def _once_more(self, url: str, body: bytes, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        try:
            return self._once(url, body, headers)
        except urllib3.exceptions.HTTPError as error:
            raise _down(error) from error

    def _once(
        self, url: str, body: bytes, headers: dict[str, str], timeout: urllib3.Timeout = TIMEOUT
    ) -> urllib3.BaseHTTPResponse:
        return self._connections().request(
            "POST", url, body=body, headers=headers, timeout=timeout, retries=False, redirect=False
        )

    def _connections(self) -> urllib3.PoolManager:
        if self._pool is None or self._pid != os.getpid():
            with self._lock:
                if self._pool is None or self._pid != os.getpid():
                    self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, block=False, timeout=TIMEOUT)
                    self._pid = os.getpid()
        return self._pool


def _http(url: str) -> str:
    return (f"http{url[2:]}" if url.startswith("ws") else url).rstrip("/")


def _headers(token: str) -> dict[str, str]:
    return {"Content-Type": "application/protobuf", "Authorization": f"Bearer {token}"}


def _read(response: urllib3.BaseHTTPResponse, answer: type[M]) -> M:
    if response.status == 200:
        return answer.FromString(response.data)
    raise _refused(response)


def _refused(response: urllib3.BaseHTTPResponse) -> LiveKitDown | LiveKitError:
    said = _said(response.data)
    unsaid = "unauthenticated" if response.status == 401 else "unknown"
    code, message = str(said.get("code", unsaid)), str(said.get("msg", ""))
    if response.status >= 500:
        return LiveKitDown(f"LiveKit answered {response.status}: {code} {message}".strip(), code)
    return LiveKitError(code, message or f"HTTP {response.status}")


def _said(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _down(error: Exception) -> LiveKitDown:
    return LiveKitDown(f"LiveKit can't be reached: {error}")


def _unless_gone(error: LiveKitError) -> bool:
    if error.code != "not_found":
        raise error
    return False


def _caught(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (LiveKitDown, LiveKitError) as error:
        return Failed(error)
