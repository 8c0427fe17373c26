"""What `audimax doctor` looks at: whether all is set, and whether Google knows us."""

from __future__ import annotations

from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.transport.requests import Request

from core.api import settings
from plugins.export_gdrive import oauth
from plugins.export_gdrive.settings import Settings

SECONDS = 30.0
# Nobody's: Google looks at the client first, so it says whether that one is right.
NO_TOKEN = "doctor"  # noqa: S105


class NotWell(Exception):
    """What was seen, and what to do."""


def check_settings() -> None:
    """Whatever is needed is set."""
    if missing := settings(Settings).missing:
        names = ", ".join(f"plugins.export_gdrive.{name}" for name in missing)
        raise NotWell(
            f"nobody can connect a Google Drive: {names} not set; make an OAuth client at Google (web "
            f"application) with the redirect URI {oauth.redirect_uri()}, as docs/admin-guide.md tells"
        )


def check_google() -> None:
    """Google is reached, and takes our client's ID and secret."""
    if settings(Settings).missing:
        return
    try:
        oauth.credentials(NO_TOKEN).refresh(Request())
    except RefreshError as error:
        said = error.args[1] if len(error.args) > 1 else {}
        problem = said.get("error", "") if isinstance(said, dict) else ""
        if problem == "invalid_grant":
            return
        raise NotWell(
            f"Google doesn't take our client ({problem or error}): correct plugins.export_gdrive.client_id "
            "and client_secret"
        ) from error
    except GoogleAuthError as error:
        raise NotWell(
            f"Google can't be reached ({error}): let this machine reach {settings(Settings).token_url}"
        ) from error
