"""LiveKit as the server reaches it: our key, its rooms, what it tells us."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt
import sqlalchemy as sa

from core.config import Config
from core.db import db
from core.doctor import certificates
from core.doctor.asking import ask, http
from core.doctor.findings import Finding, bad, good, warning
from core.doctor.looking import Patient
from core.errors import LiveKitDown, LiveKitError
from core.livekit.client import LiveKit
from core.models import WebhookEvent
from core.run.processes import wait_for

WEBHOOK_SECONDS = 8.0
PREFIX = "doctor-"
CHECKS: Mapping[str, str] = {
    "LiveKit": "`livekit_api_url` answers, knows `livekit_key`, and takes `livekit_secret`",
    "LiveKit certificate": "where it is reached over TLS: trusted, of its name, valid for 14 days or more",
    "rooms": "LiveKit opens none by itself",
    "webhooks": "arrive at the web, signed with our key",
}


def look(patient: Patient) -> Iterator[Finding]:
    client = LiveKit(patient.config)
    yield from _certificate(patient.config)
    reached = _reached(patient.config, client)
    yield reached
    if reached.is_bad:
        return
    yield _opens_no_rooms(patient.config)
    if patient.app is not None:
        yield _webhooks(client, patient.config.gated)


def _certificate(config: Config) -> Iterator[Finding]:
    """Only where LiveKit is reached over TLS, as one elsewhere is."""
    parts = urlsplit(config.livekit_api_url)
    if parts.scheme in ("https", "wss"):
        renew, down = "let whoever runs LiveKit renew it", "start LiveKit, or correct livekit_api_url"
        place = certificates.Place(parts.hostname or "", parts.port or 443, renew, down)
        yield certificates.look("LiveKit certificate", place)


def takes_us(config: Config) -> bool:
    """Whether it answers and takes our key: else there is nothing more to ask it."""
    return not _reached(config, LiveKit(config)).is_bad


def _reached(config: Config, client: LiveKit) -> Finding:
    try:
        client.list_rooms(["-"])
    except LiveKitDown as error:
        remedy = "start livekit-server (or `audimax run`), or correct livekit_api_url"
        return bad("LiveKit", str(error), remedy)
    except LiveKitError as error:
        said, remedy = _refusal(config, error.code)
        return bad("LiveKit", f"{config.livekit_api_url} {said}", remedy)
    return good("LiveKit", f"{config.livekit_api_url} answers and takes our key")


def _refusal(config: Config, code: str) -> tuple[str, str]:
    """Which half of the pair is wrong: its server API doesn't tell, its signalling does."""
    url = f"{http(config.livekit_api_url)}/rtc/validate?access_token={join_token(config, new_room())}"
    words = ask(url).body.decode("utf-8", "replace").lower()
    if "api key" in words:
        said = f"doesn't know the key {config.livekit_key!r}"
        remedy = "livekit_key must stand below `keys:` in LiveKit's configuration; restart it after a change"
        return said, remedy
    if "expired" in words or "not valid yet" in words or "nbf" in words:
        return "finds our token out of date", "let both machines keep time by NTP: their clocks differ"
    if "invalid token" in words:
        said = f"knows the key {config.livekit_key!r}, but not with our livekit_secret"
        return said, "livekit_secret must be what stands behind that key in LiveKit's configuration"
    remedy = "livekit_key and livekit_secret must be a pair below `keys:` in LiveKit's configuration"
    return f"refuses our key ({code})", remedy


def _opens_no_rooms(config: Config) -> Finding:
    token = join_token(config, new_room())
    answer = ask(f"{http(config.livekit_api_url)}/rtc/validate?access_token={token}")
    if answer.status == 404:
        return good("rooms", "LiveKit opens none by itself")
    if answer.status == 200:
        said = "LiveKit opens a room for anyone with a token"
        remedy = "set `room.auto_create: false` in LiveKit's configuration"
        if config.gated:
            return bad("rooms", said, f"{remedy}; until then old tokens open rooms")
        closed = "one that is open after its lecture's end is closed within seconds"
        return warning("rooms", f"{said}: {closed}", f"where you can, {remedy}")
    return warning("rooms", f"LiveKit answered {answer.words}", "look at LiveKit's log")


def new_room() -> str:
    """A room's name that no lecture has."""
    return f"{PREFIX}{secrets.token_hex(8)}"


def join_token(config: Config, room: str) -> str:
    """A token as LiveKit would take it, for a room that core never opened."""
    now = int(time.time())
    video = {
        "roomJoin": True,
        "room": room,
        "canPublish": False,
        "canSubscribe": True,
        "canPublishData": False,
    }
    claims = {"iss": config.livekit_key, "sub": "doctor", "nbf": now - 10, "exp": now + 60, "video": video}
    return jwt.encode(claims, config.livekit_secret, algorithm="HS256")


# --- webhooks -------------------------------------------------------------------------


def _webhooks(client: Any, gated: bool) -> Finding:
    name = new_room()
    ours = WebhookEvent.lecture_public_id == name
    client.create_room(name)
    client.delete_room(name)
    arrived = wait_for(lambda: _seen(ours), WEBHOOK_SECONDS, pause=0.1)
    # Those of a room that was joined come when they like: whatever the doctor has caused goes.
    db.session.execute(sa.delete(WebhookEvent).where(WebhookEvent.lecture_public_id.startswith(PREFIX)))
    db.session.commit()
    if arrived:
        return good("webhooks", "arrive and are believed")
    remedy = (
        "LiveKit's configuration needs `webhook.urls` with <this web>/api/livekit/webhook and "
        "`webhook.api_key` with livekit_key, and LiveKit must reach that address"
    )
    said = f"none came within {WEBHOOK_SECONDS:.0f} s"
    if gated:
        return bad("webhooks", said, remedy)
    slower = "who comes and goes is seen by looking, within seconds; the end of a recording within a minute"
    return warning("webhooks", f"{said}: {slower}", f"to be told at once: {remedy}")


def _seen(ours: Any) -> bool:
    db.session.rollback()
    return bool(db.session.scalar(sa.select(sa.func.count()).select_from(WebhookEvent).where(ours)))
