"""Whether a certificate will do for those who come: trusted, of that name, and not about to end."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.db import now
from core.doctor.asking import why
from core.doctor.findings import Finding, bad, good, warning

SECONDS = 5.0
SOON_DAYS = 14
# OpenSSL's numbers (X509_V_ERR_…), as `verify_code` has them.
NOT_YET, EXPIRED, SELF_SIGNED, OWN_AUTHORITY = 9, 10, 18, 19
UNKNOWN_AUTHORITY = frozenset({OWN_AUTHORITY, 2, 20, 21})
WRONG_NAME = frozenset({62, 64})


@dataclass(frozen=True)
class Place:
    """Where TLS is spoken, for whom, and how its certificate is renewed."""

    host: str
    port: int
    renew: str
    down: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def look(check: str, place: Place) -> Finding:
    """Shake hands as a browser does."""
    try:
        shown = _shake_hands(place, ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        said, remedy = refused(error, place)
        return bad(check, f"{place}: {said}", remedy)
    except ssl.SSLError as error:
        said = f"{place} doesn't speak TLS as it should ({error.reason or 'no answer'})"
        return bad(check, said, place.down)
    except OSError as error:
        return bad(check, f"{place} can't be reached: {why(error, SECONDS)}", place.down)
    return of_validity(check, str(place), shown, place.renew)


def of_validity(check: str, where: str, shown: dict[str, Any], renew: str) -> Finding:
    """How long a trusted certificate is good for."""
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
    days = (ends - now()).days
    said = f"the certificate of {where} is good until {ends:%Y-%m-%d}"
    if days < SOON_DAYS:
        return warning(check, f"{said}, {days} days from now", renew)
    return good(check, said)


def refused(error: ssl.SSLCertVerificationError, place: Place) -> tuple[str, str]:
    """Why nobody takes the certificate, and what to do."""
    code = error.verify_code
    if code == EXPIRED:
        return "its certificate has expired", f"{place.renew}; if it is fresh, look at this machine's clock"
    if code == NOT_YET:
        return "its certificate begins in the future", "let this machine keep time by NTP"
    if code in WRONG_NAME:
        return f"its certificate is for {_names(place)}", f"get one that has the name {place.host}"
    if code == SELF_SIGNED:
        return "its certificate is self-signed, browsers refuse it", AN_AUTHORITY
    if code in UNKNOWN_AUTHORITY:
        return "its certificate comes from an authority that isn't trusted here", UNTRUSTED
    return f"its certificate isn't trusted ({error.verify_message})", place.renew


AN_AUTHORITY = (
    "get one from an authority that browsers know, such as Let's Encrypt, and look why the proxy has none"
)
UNTRUSTED = (
    "serve the whole chain (fullchain.pem), or have this machine trust an authority of your own: "
    "SSL_CERT_FILE, or update-ca-certificates"
)


def _shake_hands(place: Place, context: ssl.SSLContext) -> dict[str, Any]:
    with (
        socket.create_connection((place.host, place.port), SECONDS) as line,
        context.wrap_socket(line, server_hostname=place.host) as wrapped,
    ):
        return wrapped.getpeercert() or {}


def _names(place: Place) -> str:
    """For whom it is; it is trusted but for its name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    try:
        names = [name for _kind, name in _shake_hands(place, context).get("subjectAltName", ())]
    except OSError:
        names = []
    return ", ".join(names) or "another name"
