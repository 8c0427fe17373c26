"""For probes and Prometheus: they have no session, and name us as they like (core.http.probes)."""

from __future__ import annotations

import hmac
from typing import Any

from flask import Blueprint, Flask, Response, abort, jsonify, request

from core.config import config
from core.health import checks
from core.http.limits import limiter
from core.http.security import asks_from, client_address
from core.http.tries import Tries
from core.metrics import page

bp = Blueprint("health", __name__)
# Of strangers; the answer is remembered, so that even these cost nothing.
LOOKS = Tries("readyz", "120/minute")
TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def init_app(app: Flask) -> None:
    """Collect what is looked at."""
    checks.init_app(app)
    page.init_app(app)


@bp.get("/healthz")
@limiter.exempt
def healthz() -> Response:
    """Whether this process answers; asks nobody else."""
    return _answer(Response("ok\n", content_type=TEXT))


@bp.get("/readyz")
@limiter.exempt
def readyz() -> Response:
    """Whether people may be sent here, and what was looked at."""
    knows = may_know()
    if not knows:
        LOOKS.take(client_address())
    seen = checks.look()
    ready = checks.is_ready(seen)
    made = jsonify({"ready": ready, "checks": [_told(one, knows) for one in seen]})
    made.status_code = 200 if ready else 503
    return _answer(made)


@bp.get("/metrics")
@limiter.exempt
def metrics() -> Response:
    """Figures for Prometheus; a 404 for whom they are none of their business."""
    if not may_know():
        abort(404)
    return _answer(Response(page.text(), content_type=PROMETHEUS))


def may_know() -> bool:
    """Whether the caller is on this machine, in a network that may, or has the token."""
    token, given = config().metrics_token, request.headers.get("Authorization", "")
    if token and given.startswith("Bearer "):
        return hmac.compare_digest(given.removeprefix("Bearer ").encode(), token.encode())
    return asks_from(config().metrics_allow)


def _told(seen: checks.Seen, knows: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"name": seen.name, "state": seen.state, "ms": seen.ms}
    return {**told, "said": seen.said} if knows and seen.said else told


def _answer(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
