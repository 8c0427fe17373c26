"""Links that work once. Only their hash is stored, and only a POST uses one: mail scanners open links."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from core.config import config
from core.db import db, now
from core.people.models import OneTimeLink, User


class Purpose(StrEnum):
    SET_UP = "set_up"
    SIGN_UP = "sign_up"
    INVITATION = "invitation"
    RESET = "reset"
    EMAIL = "email"


LIFETIMES = {
    Purpose.SET_UP: timedelta(hours=24),
    Purpose.SIGN_UP: timedelta(hours=24),
    Purpose.INVITATION: timedelta(days=14),
    Purpose.RESET: timedelta(minutes=30),
    Purpose.EMAIL: timedelta(hours=24),
}
PATHS = {
    Purpose.SET_UP: "/set-up",
    Purpose.SIGN_UP: "/sign-up",
    Purpose.INVITATION: "/invitation",
    Purpose.RESET: "/reset",
    Purpose.EMAIL: "/account/email",
}
KEPT_AFTER_USE = timedelta(days=30)
LONGEST_TOKEN = 100


def issue(purpose: Purpose, *, user: User | None = None, email: str = "", **details: Any) -> str:
    """A new link; its address holds the token, which is stored nowhere."""
    made = OneTimeLink(
        purpose=purpose,
        user_id=user.id if user else None,
        email=email,
        details=details,
        token_hash="",
        expires_at=now(),
    )
    db.session.add(made)
    return renew(made)


def renew(link: OneTimeLink) -> str:
    """A fresh token for a link, its lifetime starting now; an earlier token of it is dead."""
    token = secrets.token_urlsafe(32)
    purpose = Purpose(link.purpose)
    link.token_hash = _hash(token)
    link.expires_at = now() + LIFETIMES[purpose]
    # The first admin sits at this machine; all others get their link from somebody.
    address = config().public_url.rstrip("/") if purpose is Purpose.SET_UP else config().address
    return f"{address}{PATHS[purpose]}/{token}"


def reserve(purpose: Purpose, *, email: str = "", **details: Any) -> OneTimeLink:
    """A link that has no token yet: the job that mails it makes one with ``renew``."""
    made = OneTimeLink(
        purpose=purpose,
        email=email,
        details=details,
        token_hash=f"none:{secrets.token_hex(16)}",
        expires_at=now() + LIFETIMES[purpose],
    )
    db.session.add(made)
    return made


def find(purpose: Purpose, token: str) -> OneTimeLink | None:
    """The unused, unexpired link of that token."""
    if len(token) > LONGEST_TOKEN:
        return None
    return db.session.scalar(
        sa.select(OneTimeLink).where(
            OneTimeLink.token_hash == _hash(token), OneTimeLink.purpose == purpose, *_usable()
        )
    )


def use(link: OneTimeLink) -> bool:
    """Use it up; False when another request was faster."""
    spent = sa.update(OneTimeLink).where(OneTimeLink.id == link.id, *_usable()).values(used_at=now())
    return db.session.execute(spent.returning(OneTimeLink.id)).scalar() is not None


def revoke(*which: Any) -> None:
    """Make the unused links that match dead."""
    db.session.execute(sa.delete(OneTimeLink).where(OneTimeLink.used_at.is_(None), *which))


def sweep() -> None:
    """Delete links that nobody can use any more, a month later."""
    db.session.execute(sa.delete(OneTimeLink).where(OneTimeLink.expires_at < now() - KEPT_AFTER_USE))


def _usable() -> tuple[Any, ...]:
    return OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
