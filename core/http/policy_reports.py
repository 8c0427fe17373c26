"""What browsers tell of the content policy: it forbade something. A fault of ours, a plugin's, or an attack.

Both forms are understood: that of ``report-uri`` (CSP 2) and that of ``report-to`` (W3C Reporting API 1).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from core.config import config
from core.errors import Refusal
from core.http.limits import limiter
from core.http.security import REPORTS, from_machines
from core.metrics import counts

log = logging.getLogger(__name__)
bp = Blueprint("policy_reports", __name__)
LARGEST, MOST = 32_000, 20
DIRECTIVE = re.compile(r"[a-z-]{3,40}\Z")
# What browsers say where there is no address: w3.org/TR/CSP3, "blockedURI".
KEYWORDS = frozenset({"inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink", "self"})


@bp.post(REPORTS)
@limiter.limit("30 per minute")
@from_machines
def take() -> ResponseReturnValue:
    """Write down what was forbidden where: routes and hosts, nothing else that was sent."""
    if (request.content_length or 0) > LARGEST:
        raise Refusal(413, _("The report is too large."), code="too_large")
    sent = request.get_json(force=True, silent=True)
    for page, directive, blocked in list(_of_ours(sent))[:MOST]:
        counts.forbidden(directive)
        log.warning("the content policy forbade %s from %s on %s", directive, blocked, page)
    return "", 204


def _of_ours(sent: Any) -> Iterator[tuple[str, str, str]]:
    """Page, directive and source of each report that can be one of our pages'."""
    for one in _reports(sent):
        page = str(_either(one, "documentURL", "document-uri"))
        directive = str(_either(one, "effectiveDirective", "effective-directive", "violated-directive"))
        directive = directive.partition(" ")[0]
        blocked = _source(str(_either(one, "blockedURL", "blocked-uri")))
        is_ours = page.startswith(f"{config().origin}/")
        # Extensions of browsers put things into every page; that they may not is no news.
        from_extension = "-extension" in f"{blocked} {_either(one, 'sourceFile', 'source-file')}"
        if is_ours and DIRECTIVE.match(directive) and not from_extension:
            yield _route(page), directive, blocked


def _reports(sent: Any) -> Iterator[dict[str, Any]]:
    for one in sent if isinstance(sent, list) else [sent]:
        body = _either(one, "body", "csp-report") if isinstance(one, dict) else None
        if isinstance(body, dict):
            yield body


def _either(one: dict[str, Any], *names: str) -> Any:
    return next((one[name] for name in names if one.get(name)), "")


def _source(address: str) -> str:
    if address in KEYWORDS:
        return address
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return "?"
    return f"{parts.scheme}:{host}"[:100] if parts.scheme else "?"


def _route(page: str) -> str:
    """The template of a page's path: what stands in it may let its holder in."""
    try:
        path = urlsplit(page).path
        rule, _arguments = current_app.url_map.bind("").match(path, method="GET", return_rule=True)
    except (HTTPException, ValueError):
        return "?"
    return str(rule.rule)
