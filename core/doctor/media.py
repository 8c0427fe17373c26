"""The way of sound and pictures: the doctor joins a room of its own and knocks at every door it is told of.

LiveKit says by its own signalling where it is to be reached: its addresses, ports and TURN servers are what
browsers get, so nothing has to be configured twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aioice import stun, turn
from aioice.candidate import Candidate
from livekit.protocol import rtc as signal

from core.config import Config
from core.doctor import certificates
from core.doctor.asking import http, why
from core.doctor.findings import Finding, bad, good, warning
from core.doctor.livekit import join_token, new_room, takes_us
from core.doctor.looking import Patient
from core.livekit.client import LiveKit
from core.run.livekit_server import VERSION

PROTOCOL = 15
JOIN_SECONDS, KNOCK_SECONDS = 10.0, 4.0
# After an offer the candidates come one by one; an older LiveKit doesn't say which one is the last.
QUIET_SECONDS = 1.0
CHECKS: Mapping[str, str] = {
    "LiveKit version": "the one that Audimax is tested with, or newer",
    "signalling": "somebody with a token joins a room, and is offered addresses",
    "media address": "isn't one of a private network where `public_url` isn't one",
    "media over UDP": "the port answers a STUN request, as a browser sends it",
    "media over TCP": "the port takes connections, for networks without UDP",
    "TURN": "LiveKit names a TURN server, for networks that let nothing else out (in production)",
    "TURN <url>": "gives out a relayed address for what LiveKit tells browsers",
    "TURN certificate": "of TURN over TLS: trusted, of its name, valid for 14 days or more",
}


@dataclass
class Doors:
    """Where LiveKit said that it is to be reached, and with which words one knocks."""

    version: str = ""
    name: str = ""
    password: str = ""
    ours: str = field(default_factory=lambda: secrets.token_hex(4))
    is_complete: bool = False
    candidates: list[Candidate] = field(default_factory=list)
    relays: list[Relay] = field(default_factory=list)

    def of(self, transport: str) -> list[Candidate]:
        """Each address once."""
        found = {(one.host, one.port): one for one in self.candidates if one.transport.lower() == transport}
        return list(found.values())


@dataclass(frozen=True)
class Relay:
    """A TURN server with what opens it."""

    url: str
    username: str
    credential: str

    @property
    def host(self) -> str:
        return urlsplit(f"//{self.url.partition(':')[2]}").hostname or ""

    @property
    def port(self) -> int:
        found = urlsplit(f"//{self.url.partition(':')[2].partition('?')[0]}").port
        return found or (5349 if self.is_tls else 3478)

    @property
    def is_tls(self) -> bool:
        return self.url.startswith("turns:")

    @property
    def transport(self) -> str:
        return "tcp" if self.is_tls or "transport=tcp" in self.url else "udp"


def look(patient: Patient) -> Iterator[Finding]:
    """Nothing where LiveKit doesn't take our key: that is said elsewhere."""
    if not takes_us(patient.config):
        return
    room, client = new_room(), LiveKit(patient.config)
    client.create_room(room)
    try:
        yield from asyncio.run(_looked(patient, room))
    finally:
        client.delete_room(room)


async def _looked(patient: Patient, room: str) -> list[Finding]:
    config, doors = patient.config, Doors()
    try:
        async with asyncio.timeout(JOIN_SECONDS), _session() as session:
            url = f"{http(config.livekit_api_url)}/rtc?{_join(config, room)}"
            async with session.ws_connect(url, ssl=ssl.create_default_context()) as line:
                await _listen(line, doors)
                return [_version(doors), *await _knocked(patient, doors)]
    except (aiohttp.ClientError, OSError) as error:
        said = f"joining at {config.livekit_api_url} fails: {why(error, JOIN_SECONDS)}"
        return [bad("signalling", said, "look at LiveKit's log")]


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=JOIN_SECONDS), trust_env=False)


def _join(config: Config, room: str) -> str:
    return f"access_token={join_token(config, room)}&protocol={PROTOCOL}&auto_subscribe=0&sdk=other"


# --- what LiveKit says ----------------------------------------------------------------


async def _listen(line: aiohttp.ClientWebSocketResponse, doors: Doors) -> None:
    """Until it has offered addresses and says no more."""
    while not (doors.name and doors.is_complete):
        patience = QUIET_SECONDS if doors.candidates and doors.name else JOIN_SECONDS
        try:
            async with asyncio.timeout(patience):
                said = await line.receive()
        except TimeoutError:
            return
        if said.type is not aiohttp.WSMsgType.BINARY:
            return
        answer = _told(signal.SignalResponse.FromString(said.data), doors)
        if answer is not None:
            await line.send_bytes(answer.SerializeToString())


def _told(said: Any, doors: Doors) -> Any:
    """Note what one message says; the answer that it wants."""
    if said.HasField("join"):
        doors.version = said.join.server_info.version or said.join.server_version
        doors.relays = [
            Relay(url, one.username, one.credential)
            for one in said.join.ice_servers
            for url in one.urls
            if url.startswith("turn")
        ]
    elif said.HasField("trickle") and said.trickle.target == signal.SUBSCRIBER:
        _note(doors, json.loads(said.trickle.candidateInit or "{}").get("candidate", ""))
        doors.is_complete = said.trickle.final
    elif said.HasField("offer"):
        return _answered(said.offer, doors)
    return None


def _note(doors: Doors, line: str) -> None:
    with suppress(ValueError, IndexError, AssertionError):
        doors.candidates.append(Candidate.from_sdp(line.removeprefix("candidate:")))


def _answered(offer: Any, doors: Doors) -> Any:
    doors.name, doors.password = (_attribute(offer.sdp, name) for name in ("ice-ufrag", "ice-pwd"))
    for line in re.findall(r"^a=candidate:(.+?)\r?$", offer.sdp, re.M):
        _note(doors, line)
    sdp = _answer_to(offer.sdp, doors.ours)
    return signal.SignalRequest(answer=signal.SessionDescription(type="answer", sdp=sdp, id=offer.id))


def _attribute(sdp: str, name: str) -> str:
    found = re.search(rf"^a={name}:(\S+)", sdp, re.M)
    return found[1] if found else ""


def _answer_to(offer: str, ours: str) -> str:
    """Takes the data channel and nothing else; the fingerprint is of a certificate that is never shown."""
    digest = hashlib.sha256(ours.encode()).hexdigest().upper()
    fingerprint = ":".join(re.findall("..", digest))
    head = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {_attribute(offer, 'mid')}"]
    medium = [
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{_attribute(offer, 'mid')}",
        f"a=ice-ufrag:{ours}",
        f"a=ice-pwd:{digest[:24].lower()}",
        f"a=fingerprint:sha-256 {fingerprint}",
        "a=setup:active",
        "a=sctp-port:5000",
    ]
    return "\r\n".join([*head, *medium]) + "\r\n"


# --- knocking -------------------------------------------------------------------------


def _version(doors: Doors) -> Finding:
    if _numbers(doors.version) < _numbers(VERSION):
        said = f"{doors.version or 'unknown'} is older than {VERSION}, with which Audimax is tested"
        return warning("LiveKit version", said, "update livekit-server")
    return good("LiveKit version", doors.version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


async def _knocked(patient: Patient, doors: Doors) -> list[Finding]:
    if not doors.candidates:
        remedy = "set `rtc.node_ip` (or `use_external_ip`) in LiveKit's configuration, and look at its log"
        return [bad("signalling", "LiveKit offers no address for media", remedy)]
    found = [good("signalling", "a room can be joined, and addresses are offered")]
    found += _addresses(patient.config, doors)
    found += await _over_udp(doors)
    found += await asyncio.to_thread(_over_tcp, doors)
    found += _without_relays(patient, doors)
    for relay in doors.relays:
        found += await _relay(relay)
    return found


def _addresses(config: Config, doors: Doors) -> list[Finding]:
    hosts = sorted({one.host for one in doors.candidates})
    if _is_private_place(config) or not all(ip_address(host).is_private for host in hosts):
        return [good("media address", ", ".join(hosts))]
    remedy = "set `rtc.node_ip` to the address by which people reach this machine, or `use_external_ip: true`"
    said = f"LiveKit tells people to send to {', '.join(hosts)}: nobody outside can"
    return [bad("media address", said, remedy)]


def _is_private_place(config: Config) -> bool:
    host = urlsplit(config.public_url).hostname or ""
    try:
        found = {ip_address(one[4][0]) for one in socket.getaddrinfo(host, None)}
    except OSError:
        return True
    return all(one.is_private for one in found)


async def _over_udp(doors: Doors) -> list[Finding]:
    places = doors.of("udp")
    if not places:
        remedy = "set `rtc.udp_port: 7882` in LiveKit's configuration: over TCP alone pictures stutter"
        return [warning("media over UDP", "LiveKit offers none", remedy)]
    return _judged("UDP", places, [await _answers_stun(doors, one) for one in places])


async def _answers_stun(doors: Doors, place: Candidate) -> bool:
    """As ICE asks: with both names, and proof that the password is known."""
    asked = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    asked.attributes["USERNAME"] = f"{doors.name}:{doors.ours}"
    asked.attributes["PRIORITY"] = 1
    asked.attributes["ICE-CONTROLLED"] = secrets.randbits(64)
    asked.add_message_integrity(doors.password.encode())
    loop = asyncio.get_running_loop()
    transport, knocker = await loop.create_datagram_endpoint(_Knocker, remote_addr=(place.host, place.port))
    try:
        knocker.running = stun.Transaction(asked, (place.host, place.port), knocker, retransmissions=3)
        async with asyncio.timeout(KNOCK_SECONDS):
            await knocker.running.run()
    except (stun.TransactionTimeout, TimeoutError, OSError):
        return False
    except stun.TransactionFailed:
        # A refusal is an answer: the port is open.
        return True
    finally:
        transport.close()
    return True


class _Knocker(asyncio.DatagramProtocol):
    """Sends one request until an answer to it has come."""

    running: stun.Transaction | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def send_stun(self, message: stun.Message, _to: tuple[str, int]) -> None:
        self._transport.sendto(bytes(message))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with suppress(ValueError):
            message = stun.parse_message(data)
            if message.message_class in (stun.Class.RESPONSE, stun.Class.ERROR) and self.running:
                self.running.response_received(message, addr)


def _over_tcp(doors: Doors) -> list[Finding]:
    places = doors.of("tcp")
    if not places:
        remedy = "set `rtc.tcp_port: 7881` in LiveKit's configuration"
        return [warning("media over TCP", "LiveKit offers none, for networks without UDP", remedy)]
    return _judged("TCP", places, [_takes(one) for one in places])


def _takes(place: Candidate) -> bool:
    try:
        socket.create_connection((place.host, place.port), KNOCK_SECONDS).close()
    except OSError:
        return False
    return True


def _judged(kind: str, places: list[Candidate], are_open: list[bool]) -> list[Finding]:
    """One that is shut is bad where it is the only one: browsers try them all."""
    worse = warning if any(are_open) else bad
    return [_door(kind, one, is_open, worse) for one, is_open in zip(places, are_open, strict=True)]


def _door(kind: str, place: Candidate, is_open: bool, worse: Callable[[str, str, str], Finding]) -> Finding:
    check, where = f"media over {kind}", f"{place.host} port {place.port}"
    if is_open:
        return good(check, f"{where} answers")
    remedy = f"open {kind} {place.port} in the firewall, and let `rtc.node_ip` be this machine's address"
    return worse(check, f"{where} doesn't answer", remedy)


# --- TURN -----------------------------------------------------------------------------


def _without_relays(patient: Patient, doors: Doors) -> list[Finding]:
    if doors.relays or not patient.is_in_earnest:
        return []
    remedy = "switch `turn` on in LiveKit's configuration, with a name of its own on port 443"
    said = "LiveKit names no TURN server: who is behind a strict firewall hears and sees nothing"
    return [warning("TURN", said, remedy)]


async def _relay(relay: Relay) -> list[Finding]:
    found: list[Finding] = []
    if relay.is_tls:
        renew = "renew TURN's certificate, where TLS for its domain ends: at the proxy, or `turn.cert_file`"
        down = f"open TCP {relay.port}, and let the proxy pass {relay.host} on to LiveKit's `turn.tls_port`"
        place = certificates.Place(relay.host, relay.port, renew, down)
        found.append(await asyncio.to_thread(certificates.look, "TURN certificate", place))
    if not any(one.is_bad for one in found):
        found.append(await _allocation(relay))
    return found


async def _allocation(relay: Relay) -> Finding:
    check = f"TURN {relay.url}"
    try:
        async with asyncio.timeout(KNOCK_SECONDS):
            address = await _relayed(relay)
    except (TimeoutError, stun.TransactionTimeout):
        remedy = f"open {relay.transport.upper()} {relay.port} to everybody, and look at LiveKit's log"
        return bad(check, "doesn't answer", remedy)
    except stun.TransactionFailed as error:
        remedy = "let it be LiveKit's own TURN, or have the secret that LiveKit knows; look at its log"
        return bad(check, f"refuses what LiveKit gave us: {error}", remedy)
    except (OSError, KeyError) as error:
        remedy = f"let DNS lead {relay.host} here, and look at LiveKit's log"
        return bad(check, f"can't be used: {why(error)}", remedy)
    return good(check, f"gives out {address}")


async def _relayed(relay: Relay) -> str:
    gone = asyncio.get_running_loop().create_future()
    transport, _protocol = await turn.create_turn_endpoint(
        lambda: _Leaving(gone),
        (relay.host, relay.port),
        relay.username,
        relay.credential,
        ssl=ssl.create_default_context() if relay.is_tls else False,
        transport=relay.transport,
    )
    host, port = transport.get_extra_info("sockname")
    transport.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await gone
    return f"{host}:{port}"


class _Leaving(asyncio.DatagramProtocol):
    """Says when the relayed address has been given back."""

    def __init__(self, gone: asyncio.Future[None]) -> None:
        self._gone = gone

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
