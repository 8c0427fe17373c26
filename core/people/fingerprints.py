"""Browsers and networks that can be told to be equal, in one room, and nothing more."""

from __future__ import annotations

import hashlib
import hmac

from core.config import config
from core.rooms.models import Room


def keyed(room: Room, value: str) -> str:
    """A keyed hash of a fingerprint or an address, different in every room; empty for nothing.

    Nobody without the server's key can work out the value, nor follow it into another room.
    """
    if not value:
        return ""
    message = f"{room.public_id} {value}".encode()
    return hmac.digest(config().secret_key.encode(), message, hashlib.sha256).hex()[:32]
