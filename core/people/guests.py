"""Guest sessions: a browser's own secret, by which somebody without an account comes back as themselves."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import cast

import sqlalchemy as sa
from flask import Response, after_this_request, g, request

from core.config import config
from core.db import db, inserted, now
from core.http.security import cookie_name
from core.people.models import GuestSession, User

COOKIE = "audimax-guest"
# Longer than the idle time for joining: a lecture that was granted stays readable.
COOKIE_DAYS = 180
LONGEST_TOKEN = 100
# Kept as one object: SQLAlchemy compiles it once.
NEW_SESSION = sa.insert(cast(sa.Table, GuestSession.__table__)).returning(sa.column("id", sa.BigInteger))
SEEN_EVERY = timedelta(minutes=5)


def current_guest() -> GuestSession | None:
    """The guest session of this request's browser, however old; asked once per request."""
    if "guest" not in g:
        g.guest = _find(token_hash())
    return cast("GuestSession | None", g.guest)


def token_hash() -> str:
    """By what this browser's session is found; matches none when it has no secret."""
    token = request.cookies.get(_cookie(), "")
    return _hash(token) if 0 < len(token) <= LONGEST_TOKEN else ""


def guest_session(*, create: bool = False, name: str = "") -> GuestSession | None:
    """The session to join a room with: None, or a new one, when it was idle for too long."""
    found = current_guest()
    if found is not None and not _idle(found):
        _touch(found)
        return found
    return new_guest(name) if create else None


def new_guest(name: str = "") -> GuestSession:
    """Start over as somebody else; the old session's secret leaves this browser."""
    token = secrets.token_urlsafe(32)
    moment = now()
    row = {"token_hash": _hash(token), "name": name, "created_at": moment, "last_seen_at": moment}
    key = db.session.scalars(NEW_SESSION, row).one()
    g.guest = made = inserted(GuestSession(id=key, user_id=None, **row))
    _hand_out(token)
    return made


def rotate(user: User) -> None:
    """At log-in: a new secret for the same session, linked to the user who now sits there.

    A session that belongs to another account stays with that account.
    """
    found = current_guest()
    if found is None:
        return
    if found.user_id not in (None, user.id):
        forget()
        return
    token = secrets.token_urlsafe(32)
    found.token_hash, found.user_id = _hash(token), user.id
    _hand_out(token)


def forget() -> None:
    """Take the secret from this browser: the next to sit here is somebody else."""
    g.guest = None
    name = _cookie()

    @after_this_request
    def remove(response: Response) -> Response:
        response.delete_cookie(name, path="/", secure=config().is_https, httponly=True, samesite="Lax")
        return response


def _find(hashed: str) -> GuestSession | None:
    if not hashed:
        return None
    return db.session.scalar(sa.select(GuestSession).where(GuestSession.token_hash == hashed))


def _idle(found: GuestSession) -> bool:
    return now() - found.last_seen_at > timedelta(hours=config().guest_session_hours)


def _touch(found: GuestSession) -> None:
    if now() - found.last_seen_at > SEEN_EVERY:
        found.last_seen_at = now()


def _hand_out(token: str) -> None:
    @after_this_request
    def send(response: Response) -> Response:
        response.set_cookie(
            _cookie(),
            token,
            max_age=COOKIE_DAYS * 24 * 3600,
            path="/",
            secure=config().is_https,
            httponly=True,
            samesite="Lax",
        )
        return response


def _cookie() -> str:
    return cookie_name(COOKIE, config().is_https)


def _hash(token: str) -> str:
    # The token is random, so a plain hash can't be guessed back.
    return hashlib.sha256(token.encode()).hexdigest()
