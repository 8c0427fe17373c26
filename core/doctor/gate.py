"""The gate before LiveKit's signalling: there, shut to who isn't admitted, and nothing else beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.config import Config
from core.doctor.asking import Answer, ask, http
from core.doctor.findings import Finding, bad, good, warning
from core.doctor.livekit import join_token
from core.doctor.looking import Patient

READABLE = "Access-Control-Allow-Origin"
SHUT = frozenset({401, 403, 404})
CHECKS: Mapping[str, str] = {
    "gate": "`livekit_url` answers and refuses a valid token of somebody who isn't admitted",
    "gate paths": "LiveKit's server API isn't to be reached there",
    "media address": "without the gate: browsers reach LiveKit at `livekit_url`, encrypted as we are",
    "internal paths": "`/api/internal` isn't to be reached at `public_url` (in production)",
}


def look(patient: Patient) -> Iterator[Finding]:
    config = patient.config
    if not config.gated:
        yield warning("gate", "switched off: a removed person is out within seconds, not at once", "")
        yield _direct(config)
        return
    if patient.is_in_earnest:
        yield _hides_what_is_internal(config)
    url = http(config.livekit_url)
    answer = ask(f"{url}/rtc/validate?access_token={join_token(config, 'doctor-no-lecture')}")
    if answer.status == 0:
        remedy = "start it: `python -m core.livekit.gateway`, or correct livekit_url"
        yield bad("gate", f"{url} doesn't answer ({answer.problem})", remedy)
    elif answer.status in SHUT and _is_ours(answer, config):
        yield good("gate", f"{url} answers, and refuses who isn't admitted")
        yield _hides_the_rest(url)
    elif answer.status in SHUT:
        remedy = f"route /rtc, /rtc/v1 and their /validate at {url} to the gate: nobody can join a lecture"
        yield bad("gate", f"it isn't the gate that answers at {url}: {answer.words}", remedy)
    elif answer.status == 200:
        remedy = "livekit_url must lead to the gate, not to LiveKit itself"
        yield bad("gate", f"{url} lets everybody through", remedy)
    else:
        remedy = "the gate can't ask the web: look at AUDIMAX_GATE_ASKS"
        yield bad("gate", f"{url} answers {answer.words}", remedy)


def _direct(config: Config) -> Finding:
    """Whether browsers could reach LiveKit itself at the address that they are told."""
    url = http(config.livekit_url)
    if config.is_https and not url.startswith("https"):
        remedy = "set livekit_url to its wss:// address: browsers refuse another one from a page with HTTPS"
        return bad("media address", f"{config.livekit_url} isn't encrypted", remedy)
    answer = ask(f"{url}/rtc/validate?access_token={join_token(config, 'doctor-no-lecture')}")
    if answer.status in (200, 404):
        return good("media address", f"{config.livekit_url} answers and takes our key")
    remedy = "livekit_url must be LiveKit's own address where `gated` is off"
    return bad("media address", f"{config.livekit_url}: {answer.problem or answer.words}", remedy)


def _is_ours(answer: Answer, config: Config) -> bool:
    """Only the gate lets our pages read why they are refused."""
    return answer.headers.get(READABLE) == config.origin


def _hides_what_is_internal(config: Config) -> Finding:
    """In earnest alone: beside `audimax run` there is no outside."""
    answer = ask(f"{config.public_url.rstrip('/')}/api/internal/livekit/connect")
    if _is_ours(answer, config):
        remedy = "let the proxy answer 404 to everything below /api/internal"
        return bad("internal paths", "/api/internal can be reached at the public address", remedy)
    return good("internal paths", "/api/internal isn't to be reached at the public address")


def _hides_the_rest(url: str) -> Finding:
    answer = ask(f"{url}/twirp/livekit.RoomService/ListRooms")
    if answer.status in SHUT:
        return good("gate paths", "LiveKit's server API isn't to be reached from outside")
    remedy = "route only /rtc, /rtc/v1 and their /validate to LiveKit"
    return bad("gate paths", f"{url}/twirp answers {answer.status}", remedy)
