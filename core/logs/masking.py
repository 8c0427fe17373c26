"""What must not stand in a log is taken out of every line: secrets, words of people, control characters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from core.errors import AudimaxError, Refusal

HIDDEN = "…"
LONGEST = 4000
# Of these addresses the next part lets its holder in: /reset/<token>, /r/<code>.
BY_LINK = ("reset", "invitation", "sign-up", "set-up", "shared", "account/email", "by-code", "r")
# Of routes, whosever they are: parts with such names are secrets.
SECRET_PARTS = frozenset({"token", "code", "pin", "key", "secret", "ticket", "password"})
PATTERNS = (
    # A signed token, LiveKit's for example.
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]+(\.[\w-]*)?"), HIDDEN),
    (re.compile(rf"/({'|'.join(BY_LINK)})/[^\s/'\"?#<>]+"), rf"/\1/{HIDDEN}"),
    (re.compile(r"\?[^\s'\"]*=[^\s'\"]*"), f"?{HIDDEN}"),
    (re.compile(r"://[^\s/@]+@"), f"://{HIDDEN}@"),
)
# C0, C1, what ends a line for somebody, and what turns the direction of writing.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# Their words are about code, not about what people sent.
ABOUT_CODE = (TypeError, AttributeError, NameError, ImportError, NotImplementedError)


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """One line without secrets, of bounded length."""
    text = text[:LONGEST]
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return CONTROLS.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def path_of(rule: str | None, path: str, arguments: dict[str, Any]) -> str:
    """A path as logs may have it; of one that leads nowhere its beginning: it may be a misspelt link."""
    if rule is None:
        first, _slash, rest = path.lstrip("/").partition("/")
        return masked(f"/{first[:40]}{'/' + HIDDEN if rest else ''}")
    for name in SECRET_PARTS & arguments.keys():
        path = path.replace(f"/{arguments[name]}", f"/{HIDDEN}")
    return masked(path)


def words_of(error: BaseException) -> str:
    """What an error is, and what it says where that can't be anything that people sent."""
    name, said = type(error).__qualname__, _said(error)
    return f"{name}: {said}" if said else name


def _said(error: BaseException) -> str:
    if isinstance(error, ABOUT_CODE) or (isinstance(error, AudimaxError) and not isinstance(error, Refusal)):
        return masked(str(error))
    if isinstance(error, OSError) and isinstance(error.strerror, str):
        return masked(error.strerror)
    return _of_database(getattr(error, "orig", None) or error)


def _of_database(error: BaseException) -> str:
    # PostgreSQL quotes values in its words; the code and the constraint say as much.
    code = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    return " ".join(part for part in (code, constraint) if isinstance(part, str))
