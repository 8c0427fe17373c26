"""Passwords: hashed with bcrypt, off the event loop, and refused when they are easy to guess."""

from __future__ import annotations

from typing import cast

from flask_babel import gettext as _

from core.people.hashing import HashQueue

SHORTEST = 10
LONGEST = 1000
# Judging a password costs more the longer it is; 40 characters tell enough.
JUDGED = 40
STRONG_ENOUGH = 3

queue = HashQueue(lambda: _("Many people are signing in right now. Try again in a moment."))


def hash_password(password: str) -> str:
    """The bcrypt hash to store."""
    return queue.hash(password)


def check_password(password: str, stored: str | None) -> bool:
    """Whether the password fits the stored hash; takes as long when there is none."""
    return queue.check(password, stored)


def weakness(password: str, *about: str) -> str:
    """Why this password won't do, in words for the person; empty when it will.

    ``about``: what is known of the person (name, address), which an attacker would try first.
    """
    if len(password) < SHORTEST:
        return _("Use at least %(count)s characters.", count=SHORTEST)
    if len(password) > LONGEST:
        return _("Use at most %(count)s characters.", count=LONGEST)
    if queue.run(lambda: _score(password, about)) < STRONG_ENOUGH:
        return _("This password is easy to guess. Three or four unrelated words make a good one.")
    return ""


def _score(password: str, about: tuple[str, ...]) -> int:
    from zxcvbn import zxcvbn

    found = zxcvbn(password[:JUDGED], user_inputs=["audimax", *filter(None, about)])
    return cast(int, found["score"])
