"""LiveKit's tokens: made from a participant's row, never from what a client says."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from livekit.protocol import models

from core.config import Config, config
from core.lectures.models import Lecture, Participant

# A token counts only at the moment of connecting; LiveKit then hands out fresh ones.
JOIN_SECONDS = 600
# Where nobody is asked at the connect, a token is good for one only.
UNGATED_SECONDS = 60
GATE_SECONDS = 60
SERVER_SECONDS = 600
# Clocks of two machines differ.
LEEWAY = 10

SOURCES = {
    "microphone": (models.TrackSource.MICROPHONE,),
    "camera": (models.TrackSource.CAMERA,),
    "screen": (models.TrackSource.SCREEN_SHARE, models.TrackSource.SCREEN_SHARE_AUDIO),
}
SCREEN_SOUND = models.TrackSource.SCREEN_SHARE_AUDIO
NAMES = {number: name.lower() for name, number in models.TrackSource.items()}


class BadToken(Exception):
    """A token that isn't ours, is over, or isn't for joining."""


@dataclass(frozen=True)
class Claim:
    """Who a token says its bearer is: an identity in the room of a lecture."""

    lecture_public_id: str
    identity: str


def join_token(lecture: Lecture, participant: Participant, seconds: int = 0) -> str:
    """A token that lets this participant connect, with the rights of their row."""
    sources = [NAMES[source] for source in sources_of(participant)]
    made = config()
    seconds = seconds or (JOIN_SECONDS if made.gated else UNGATED_SECONDS)
    return _signed(
        made.livekit_key,
        made.livekit_secret,
        seconds,
        sub=participant.identity,
        name=participant.name,
        attributes={"role": participant.role},
        video={
            "roomJoin": True,
            "room": lecture.public_id,
            "canPublish": bool(sources),
            "canPublishSources": sources,
            "canSubscribe": True,
            "canPublishData": False,
            "canUpdateOwnMetadata": False,
        },
    )


def permission_of(participant: Participant) -> models.ParticipantPermission:
    """The same rights for ``LiveKit.update_participant``, which replaces all of them."""
    sources = sources_of(participant)
    return models.ParticipantPermission(
        can_subscribe=True,
        can_publish=bool(sources),
        can_publish_sources=sources,
        can_publish_data=False,
        can_update_metadata=False,
    )


def sources_of(participant: Participant) -> list[Any]:
    """What the participant may publish. An empty list would mean everything to LiveKit."""
    allowed = [
        source for grant, sources in SOURCES.items() if getattr(participant, grant) for source in sources
    ]
    # A voice could come as the sound of a screen.
    return [source for source in allowed if participant.microphone or source != SCREEN_SOUND]


def read_join_token(token: str) -> Claim:
    """Whom a join token names, our own or one that LiveKit refreshed; raises ``BadToken``."""
    return _claim(_verified(token))


def read_recorder_token(token: str) -> Claim:
    """Which egress (its id is its identity) in which room a token of LiveKit's names; raises ``BadToken``.

    Only LiveKit Egress makes such tokens; those of people never say so.
    """
    claims = _verified(token)
    claim = _claim(claims)
    if claims.get("kind") != "egress" or claims["video"].get("recorder") is not True:
        raise BadToken("the token isn't that of an egress")
    return claim


def _verified(token: str) -> dict[str, Any]:
    made = config()
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            made.livekit_secret,
            algorithms=["HS256"],
            issuer=made.livekit_key,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "sub"], "verify_aud": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise BadToken(str(error)) from error
    return claims


def server_token(made: Config, room: str) -> str:
    """A token for the server API: for one room's people, or (empty) for opening and closing rooms."""
    half_life = int(time.time()) // (SERVER_SECONDS // 2)
    return _server_token(made.livekit_key, made.livekit_secret, room, half_life)


def recording_token(made: Config) -> str:
    """A token for the egress API."""
    return _signed(
        made.livekit_key, made.livekit_secret, SERVER_SECONDS, sub="audimax", video={"roomRecord": True}
    )


@lru_cache(maxsize=512)
def _server_token(key: str, secret: str, room: str, _half_life: int) -> str:
    rights = {"roomAdmin": True, "room": room} if room else {"roomCreate": True, "roomList": True}
    return _signed(key, secret, SERVER_SECONDS, sub="audimax", video=rights)


def _signed(key: str, secret: str, seconds: int, **claims: Any) -> str:
    now = int(time.time())
    claims |= {"iss": key, "nbf": now - LEEWAY, "exp": now + seconds}
    return jwt.encode(claims, secret, algorithm="HS256")


def _claim(claims: dict[str, Any]) -> Claim:
    video = claims.get("video")
    if not isinstance(video, dict) or video.get("roomJoin") is not True:
        raise BadToken("the token isn't for joining")
    room, identity = video.get("room"), claims["sub"]
    if not (isinstance(room, str) and room and isinstance(identity, str) and identity):
        raise BadToken("the token names no room or nobody")
    return Claim(room, identity)
