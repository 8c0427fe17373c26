"""One line for each request, and its number: in the answer, on error pages, in all lines of the log."""

from __future__ import annotations

import ipaddress
import logging
import time

from flask import Flask, Response, g, request

from core.http import probes
from core.http.security import client_address, comes_from_proxy
from core.logs import request_ids
from core.logs.masking import path_of
from core.metrics import counts

log = logging.getLogger(__name__)
HEADER = "X-Request-ID"


def init_app(app: Flask) -> None:
    """Number the requests, before all else, and write them down, after all else."""
    app.before_request(_begin)
    app.after_request(_end)
    app.jinja_env.globals["request_id"] = request_ids.current


def path() -> str:
    """The path of this request without what lets its holder in."""
    rule = request.url_rule
    return path_of(rule.rule if rule else None, request.path, request.view_args or {})


def _begin() -> None:
    g.began = time.perf_counter()
    request_ids.begin(request.headers.get(HEADER, "") if comes_from_proxy() else "")


def _end(response: Response) -> Response:
    """Streams are written down when they begin, a page that is sent in parts when it ends."""
    response.headers[HEADER] = request_ids.current() or request_ids.begin()
    if not g.get("is_growing"):
        note(response.status_code)
    return response


def note(status: int) -> None:
    """Count the current request, which has been answered now, and write it down."""
    seconds = time.perf_counter() - g.began if "began" in g else 0.0
    rule = request.url_rule
    counts.request(rule.rule if rule else None, request.method, status, seconds)
    # Machines ask for these every few seconds.
    level = logging.DEBUG if request.path in probes.PATHS else logging.INFO
    if log.isEnabledFor(level):
        _write(level, status, round(seconds * 1000, 1))


def _write(level: int, status: int, ms: float) -> None:
    facts = {"method": request.method[:10], "path": path(), "status": status, "ms": ms, "client": _network()}
    facts["request_id"] = request_ids.current()
    log.log(level, "%s %s %d in %.1f ms", facts["method"], facts["path"], status, ms, extra=facts)


def _network() -> str:
    """Where it came from, too coarse to tell people apart."""
    try:
        address = ipaddress.ip_network(client_address()).network_address
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))
