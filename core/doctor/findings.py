"""What was found: well, of doubt or ill, with the cause and the remedy, and never with a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from core.logs.masking import HIDDEN

SIGNS = {"good": "✓", "warning": "!", "bad": "✗"}
PASSWORD_IN_ADDRESS = re.compile(r"(://[^\s/:@]*):[^\s/@]+@")
SECRET_NAMES = ("secret", "password", "passphrase", "token", "key")
# LiveKit's is a name: which one is unknown there must be told.
NO_SECRETS = frozenset({"livekit_key", "audimax_livekit_key"})
SHORTEST_SECRET = 6


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was seen, and the remedy; ``subject`` is what it belongs to."""

    check: str
    state: str
    said: str
    remedy: str = ""
    subject: str = ""

    @property
    def is_bad(self) -> bool:
        return self.state == "bad"

    def text(self) -> str:
        line = f"{SIGNS[self.state]} {self.check}: {self.said}"
        return f"{line}\n    → {self.remedy}" if self.remedy else line

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def without(self, secrets: Iterable[str]) -> Finding:
        """The same with none of these in its words, nor a password in an address."""
        known = list(secrets)
        return replace(self, said=_without(self.said, known), remedy=_without(self.remedy, known))


def good(check: str, said: str) -> Finding:
    return Finding(check, "good", said)


def bad(check: str, said: str, remedy: str) -> Finding:
    return Finding(check, "bad", said, remedy)


def warning(check: str, said: str, remedy: str) -> Finding:
    return Finding(check, "warning", said, remedy)


def secrets_in(settings: Mapping[str, Any]) -> set[str]:
    """What must never be shown of these settings, plugins' tables included, by the names of secrets."""
    found: set[str] = set()
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= secrets_in(value)
        elif isinstance(value, str):
            found |= _secrets_of(name.lower(), value)
    return {secret for secret in found if len(secret) >= SHORTEST_SECRET}


def _secrets_of(name: str, value: str) -> set[str]:
    if name not in NO_SECRETS and any(word in name for word in SECRET_NAMES):
        return {value}
    password = urlsplit(value).password if "://" in value else None
    return {password, unquote(password)} if password else set()


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return PASSWORD_IN_ADDRESS.sub(rf"\1:{HIDDEN}@", text)
