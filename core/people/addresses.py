"""E-mail addresses as they are stored and compared: normalised, lower case."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

from core.config import config

LONGEST = 254


def clean_email(typed: str) -> str:
    """The address; raises ``ValueError`` with words when it is none."""
    words = _("Type an address like name@university.edu.")
    if len(typed) > LONGEST:
        raise ValueError(words)
    try:
        found = validate_email(typed.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError(words) from error
    if "." not in found.domain and found.domain != "localhost":
        raise ValueError(words)
    return found.normalized.lower()


def may_sign_up(email: str) -> bool:
    """Whether the sign-up policy lets this address make an account by itself."""
    policy = config().sign_up
    if policy == "domains":
        return any(_belongs(email, domain) for domain in config().sign_up_domains)
    return policy == "open"


def _belongs(email: str, domain: str) -> bool:
    """``uni.example`` is that domain alone, ``.uni.example`` also everything below it."""
    wanted, actual = domain.lower().lstrip("@"), email.rpartition("@")[2]
    if wanted.startswith("."):
        return actual == wanted[1:] or actual.endswith(wanted)
    return actual == wanted
