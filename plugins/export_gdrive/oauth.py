"""Google's consent: asked for, taken, given back. Only for files that we make ourselves (``drive.file``)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Any

import requests
from flask_babel import gettext as _
from google.oauth2.credentials import Credentials
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import OAuth2Error

from core.api import config, settings
from plugins.export_gdrive.settings import Settings

log = logging.getLogger(__name__)
SCOPE = "https://www.googleapis.com/auth/drive.file"
SECONDS = 10.0
# Of the token's hiding (PKCE); 43 to 128 letters are allowed.
VERIFIER_BYTES = 64


class Refused(Exception):
    """There is no consent; the text is for the person."""


def redirect_uri() -> str:
    """Where Google sends people back to; it has to be written down at Google, letter by letter."""
    return f"{config().public_url.rstrip('/')}/plugins/export_gdrive/callback"


def new_verifier() -> str:
    return secrets.token_urlsafe(VERIFIER_BYTES)


def address(state: str, verifier: str) -> str:
    """Where the person is sent to be asked. ``consent`` each time: Google gives a lasting token only then."""
    url, _state = _flow(verifier, state).authorization_url(access_type="offline", prompt="consent")
    return str(url)


def finish(code: str, verifier: str) -> str:
    """The refresh token that the code stands for; ``Refused`` with words otherwise."""
    token = _fetched(code, verifier)
    granted = token.get("scope") or ()
    refresh = str(token.get("refresh_token") or "")
    if SCOPE not in (granted.split() if isinstance(granted, str) else granted):
        revoke(refresh or str(token.get("access_token", "")))
        raise Refused(
            _("You didn’t allow us to put files into your Drive. Connect again, and leave that ticked.")
        )
    if not refresh:
        raise Refused(_("Google gave no lasting permission. Connect again."))
    return refresh


def _fetched(code: str, verifier: str) -> Mapping[str, Any]:
    try:
        found = _flow(verifier).fetch_token(code=code, timeout=SECONDS)
    except Warning as other_scope:
        # How oauthlib says that Google gave another scope than it was asked for.
        found = getattr(other_scope, "token", None) or {}
    except OAuth2Error as error:
        log.warning("Google gave no token: %s", error.error)
        raise Refused(_words(error.error)) from error
    except (requests.RequestException, ValueError) as error:
        log.warning("Google gave no token: %s", type(error).__name__)
        raise Refused(_("Google can’t be reached right now. Try again in a moment.")) from error
    return dict(found)


def _words(problem: str) -> str:
    if problem in ("invalid_client", "unauthorized_client", "redirect_uri_mismatch"):
        return str(
            _("Google doesn’t know this installation. Tell your administrator: `audimax doctor` says more.")
        )
    if problem == "invalid_grant":
        return str(_("Google took too long, or its answer was used before. Connect again."))
    return str(_("Google can’t be reached right now. Try again in a moment."))


def _flow(verifier: str, state: str | None = None) -> Flow:
    mine = settings(Settings)
    client = {
        "client_id": mine.client_id,
        "client_secret": mine.client_secret,
        "auth_uri": mine.auth_url,
        "token_uri": mine.token_url,
    }
    return Flow.from_client_config(
        {"web": client},
        [SCOPE],
        state=state,
        redirect_uri=redirect_uri(),
        code_verifier=verifier,
        autogenerate_code_verifier=False,
    )


def credentials(refresh_token: str) -> Credentials:
    """What Google's client fetches its short-lived tokens with."""
    mine = settings(Settings)
    return Credentials(
        token=None,
        refresh_token=refresh_token,
        token_uri=mine.token_url,
        client_id=mine.client_id,
        client_secret=mine.client_secret,
        scopes=[SCOPE],
    )


def revoke(token: str) -> bool:
    """Give a token back, with all that hangs on it; False when Google couldn't be told."""
    try:
        answer = requests.post(settings(Settings).revoke_url, data={"token": token}, timeout=SECONDS)
    except requests.RequestException as error:
        log.warning("Google couldn't be told of a token that isn't needed any more: %s", type(error).__name__)
        return False
    # 400: it had ended before.
    return answer.status_code in (200, 400)
