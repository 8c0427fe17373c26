"""What Google refuses: what passes, what is missing, and the rest in words for the person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any

import httplib2
from flask_babel import gettext as _
from google.auth.exceptions import RefreshError, TransportError
from googleapiclient.errors import HttpError

from core.api import now

TOO_EARLY = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})
FULL = frozenset({"storageQuotaExceeded", "quotaExceeded"})
NO_RIGHT = frozenset(
    {"insufficientPermissions", "insufficientScopes", "authError", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
)
# The line is dead or nobody answers: what httplib2, the sockets and Google's own transport raise.
CUT = (OSError, httplib2.HttpLib2Error, HTTPException, TransportError)


class Trouble(ValueError):
    """It can't go on before the person, or an admin, has done something; the text says what."""


class Broken(Trouble):
    """The consent is gone: taken back, run out, or never given for this."""

    def __init__(self) -> None:
        super().__init__(_("Google doesn’t let us into your Drive any more. Connect Google Drive again."))


class Missing(Exception):
    """What was asked for isn't there."""


class Taken(Exception):
    """Something with that id is there."""


class Passes(Exception):
    """Try again later; ``after`` seconds, if Google says so."""

    def __init__(self, problem: str, after: float = 0.0) -> None:
        super().__init__(problem)
        self.after = after


def judged(error: Exception) -> Exception:
    """What it means; the error itself when nobody foresaw it."""
    if isinstance(error, HttpError):
        return _refused(error)
    if isinstance(error, RefreshError):
        return _not_refreshed(error)
    if isinstance(error, CUT):
        return Passes(f"{type(error).__name__}: {error}")
    return error


def _refused(error: HttpError) -> Exception:
    status, reason = int(error.resp.status), _reason(error)
    if status in (408, 429) or status >= 500 or (status == 403 and reason in TOO_EARLY):
        return Passes(f"{status} {reason}", _seconds(error.resp.get("retry-after", "")))
    if status in (404, 410):
        return Missing(f"{status} {reason}")
    if status == 409:
        return Taken(reason)
    if status == 401 or reason in NO_RIGHT:
        return Broken()
    return Trouble(words) if (words := _words(status, reason)) else error


def _words(status: int, reason: str) -> str:
    if reason in FULL:
        return str(_("Your Google Drive is full. Make room there, then try again."))
    if reason == "accessNotConfigured":
        return str(
            _("The Drive API is switched off at Google. Your administrator has to switch it on there.")
        )
    if reason == "domainPolicy":
        return str(_("Your organisation doesn’t let programs put files into its Google Drives."))
    if reason == "dailyLimitExceeded":
        return str(_("Google takes no more today. Try again tomorrow."))
    return str(_("Google Drive refused it (%(reason)s).", reason=reason)) if status == 403 else ""


def _not_refreshed(error: RefreshError) -> Exception:
    said: Any = error.args[1] if len(error.args) > 1 else {}
    problem = str(said.get("error", "")) if isinstance(said, Mapping) else ""
    if problem in ("invalid_grant", "invalid_scope", "access_denied") or "scope" in str(error):
        return Broken()
    if problem in ("invalid_client", "unauthorized_client", "deleted_client", "disabled_client"):
        return Trouble(
            _("Google doesn’t know this installation. Tell your administrator: `audimax doctor` says more.")
        )
    return Passes(f"no token: {problem or error}")


def _reason(error: HttpError) -> str:
    """Google's word for it; the status' own where there is none."""
    try:
        said = json.loads(error.content)["error"]
        return str(said["errors"][0]["reason"])[:80]
    except (ValueError, LookupError, TypeError):
        return str(error.resp.reason or error.resp.status)[:80]


def _seconds(header: str) -> float:
    """What ``Retry-After`` says, in seconds or as a date."""
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - now()).total_seconds())
    except (ValueError, TypeError):
        return 0.0
