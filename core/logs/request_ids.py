"""The number of a request: it stands in every line, on error pages, and in jobs that the request deferred."""

from __future__ import annotations

import re
import secrets

from flask import g, has_app_context

FORM = re.compile(r"[A-Za-z0-9-]{8,64}\Z")


def current() -> str:
    """The number of the request, or of that to which the running job belongs; empty elsewhere."""
    return str(g.get("request_id", "")) if has_app_context() else ""


def begin(given: str = "") -> str:
    """Give what runs now a number: the given one, if it looks like one, else a new one."""
    g.request_id = given if FORM.match(given) else secrets.token_hex(8)
    return str(g.request_id)
