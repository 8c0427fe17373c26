"""What a browser keeps once it was let in: not the key, but a proof that it had this one."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

from flask import Response, request

from core.api import config, cookie_name, now, settings
from plugins.dev_gate.settings import Settings

COOKIE = "audimax-dev-gate"
LIFETIME = timedelta(days=30)
LONGEST = 100


def is_key(given: str) -> bool:
    """Whether it is the access key; takes equally long for every wrong one."""
    key = settings(Settings).access_key
    return bool(key) and hmac.compare_digest(_hash(given), _hash(key))


def has_pass() -> bool:
    """Whether this browser was let in by the key that holds now, not too long ago."""
    given = request.cookies.get(_cookie(), "")
    until, _dot, proof = given[:LONGEST].partition(".")
    if not (settings(Settings).access_key and until.isascii() and until.isdecimal()):
        return False
    is_ours = hmac.compare_digest(proof.encode(), _proof(until).encode())
    return is_ours and now().timestamp() < int(until)


def hand_out(response: Response) -> None:
    """Let this browser come back."""
    until = str(int((now() + LIFETIME).timestamp()))
    response.set_cookie(
        _cookie(),
        f"{until}.{_proof(until)}",
        max_age=LIFETIME,
        path="/",
        secure=config().is_https,
        httponly=True,
        samesite="Lax",
    )


def _proof(until: str) -> str:
    message = f"dev_gate {until} {settings(Settings).access_key}".encode()
    return hmac.digest(config().secret_key.encode(), message, hashlib.sha256).hex()


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _cookie() -> str:
    return cookie_name(COOKIE, config().is_https)
