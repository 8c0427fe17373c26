"""What must not be read in the database: locked with the settings' key, each thing for its place only."""

from __future__ import annotations

import json
from contextlib import suppress

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.api import settings
from plugins.export_gdrive.settings import Settings


class Unreadable(Exception):
    """No key of the settings fits, or it was locked for another place."""


def lock(text: str, place: str) -> str:
    """So that it can be unlocked for the same ``place`` only."""
    return _box().encrypt(json.dumps([place, text]).encode()).decode()


def unlock(locked: str, place: str) -> str:
    """What was locked; ``Unreadable`` otherwise."""
    try:
        kept_for, text = json.loads(_box().decrypt(locked.encode()))
    except (InvalidToken, ValueError) as error:
        raise Unreadable(place) from error
    if kept_for != place:
        raise Unreadable(place)
    return str(text)


def renewed(locked: str) -> str:
    """The same, locked with the newest key; unchanged when it is so already."""
    with suppress(InvalidToken):
        Fernet(settings(Settings).keys[0]).decrypt(locked.encode())
        return locked
    try:
        return _box().rotate(locked.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings(Settings).keys])
