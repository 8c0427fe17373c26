"""How Google knows this installation, and what people's tokens are locked with."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l

from core.api import setting

KEY_BYTES = 32
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
NEEDED = ("client_id", "client_secret", "key")


@dataclass(frozen=True)
class Settings:
    """For the whole installation. Without the first three nobody is offered anything."""

    client_id: str = setting(
        "",
        label=_l("Client ID"),
        help=_l("Of the OAuth client that you made at Google, of the kind “web application”."),
    )
    client_secret: str = setting("", secret=True, label=_l("Client secret"), help=_l("Of the same client."))
    key: str = setting(
        "",
        secret=True,
        label=_l("Key of the tokens"),
        help=_l(
            "Made with `openssl rand -base64 32`. For a new one, put it first, then a comma and the old one."
        ),
    )
    google_url: str = setting(
        "",
        label=_l("Address of Google"),
        help=_l("Of another server that speaks as Google does, for tests. Empty for Google itself."),
    )

    def __post_init__(self) -> None:
        if mistakes := list(self._mistakes()):
            raise ValueError("; ".join(mistakes))

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of those that aren't set and have to be."""
        return tuple(name for name in NEEDED if not getattr(self, name))

    @property
    def keys(self) -> tuple[bytes, ...]:
        """As Fernet takes them; the first one locks, all unlock."""
        return tuple(_fernet(one) for one in re.split(r"[\s,]+", self.key) if one)

    @property
    def auth_url(self) -> str:
        """Where people are asked."""
        return f"{self.google_url or 'https://accounts.google.com'}/o/oauth2/v2/auth"

    @property
    def token_url(self) -> str:
        return f"{self.google_url or 'https://oauth2.googleapis.com'}/token"

    @property
    def revoke_url(self) -> str:
        return f"{self.google_url or 'https://oauth2.googleapis.com'}/revoke"

    @property
    def api_url(self) -> str:
        """What the paths of Drive hang on, with a slash at its end."""
        return f"{self.google_url or 'https://www.googleapis.com'}/"

    def _mistakes(self) -> Iterator[str]:
        # Never shown: it is a secret.
        if not all(map(_is_key, re.split(r"[\s,]+", self.key.strip())) if self.key else ()):
            yield "'key' must be what `openssl rand -base64 32` prints, or several with commas between"
        if self.google_url and not _is_origin(self.google_url):
            yield "'google_url' must be like https://google.example, without a path; http:// only here"


def _fernet(text: str) -> bytes:
    return text.replace("+", "-").replace("/", "_").encode()


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(_fernet(text), altchars=b"-_", validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _is_origin(address: str) -> bool:
    try:
        parts = urlsplit(address)
        plain = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return is_safe and bool(parts.hostname) and address == plain
