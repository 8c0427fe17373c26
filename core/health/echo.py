"""What reaches the web of a request that `audimax doctor` sends to the public address.

Who asks proves, by a signature that is good once and for a minute, that they have our secret key: a
command on the server. For everybody else there is nothing here.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterator

from flask import Blueprint, Response, abort, g, jsonify, request, session
from itsdangerous import BadData, URLSafeTimedSerializer
from simple_websocket import Server

from core.bus import subscribe
from core.config import config
from core.db import new_public_id
from core.errors import Refusal
from core.files.storages import PART_SIZE
from core.http import probes
from core.http.limits import limiter
from core.http.security import FORWARDED, comes_from_proxy, exact_address
from core.http.sockets import sock
from core.http.tries import Tries

bp = Blueprint("echo", __name__)
HEADER = "X-Audimax-Doctor"
SALT = "audimax doctor"
SECONDS = 60
ONCE = Tries("doctor", "1 per 2 minute")
# By then whoever reads has seen the first event and woken the stream, unless somebody between keeps it back.
HELD_SECONDS = 10.0
FIRST, WOKEN, LATE = "data: first\n\n", "data: woken\n\n", "data: late\n\n"
PIECE = 64 * 1024
HELLO = "hello"


def ticket(secret_key: str, path: str, once: str = "") -> str:
    """Lets its bearer ask one of our addresses once; ``once`` is random, and names what comes of it."""
    return str(_serializer(secret_key).dumps([path, once or new_public_id()]))


def topic(once: str) -> str:
    """What wakes the stream of that ticket."""
    return f"doctor:{once}"


def _serializer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt=SALT)


@bp.before_request
def _only_the_doctor() -> None:
    try:
        path, once = _serializer(config().secret_key).loads(request.headers.get(HEADER, ""), max_age=SECONDS)
    except (BadData, ValueError, TypeError):
        abort(404)
    if not isinstance(path, str) or not hmac.compare_digest(path.encode(), request.path.encode()):
        abort(404)
    try:
        ONCE.take(str(once))
    except Refusal:
        abort(404)
    g.once = str(once)


@bp.get(probes.ECHO)
@limiter.exempt
def seen() -> Response:
    """Who asks, as far as we can tell, and what proxies have said of them."""
    # Only to have the flags of a cookie looked at as they arrive.
    session["doctor"] = True
    address = exact_address()
    return jsonify(
        {
            "peer": request.remote_addr,
            "is_proxy": comes_from_proxy(),
            "client": str(address) if address else "",
            "host": request.host,
            "scheme": request.scheme,
            "forwarded": {name: request.headers[name] for name in FORWARDED if name in request.headers},
        }
    )


@bp.get(probes.ECHO_STREAM)
@limiter.exempt
def stream() -> Response:
    """An event at once, and another when the bus says so."""
    woken = threading.Event()
    stop = subscribe(topic(g.once), lambda hint: woken.set() if hint else None)
    response = Response(_events(woken), mimetype="text/event-stream")
    response.call_on_close(stop)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _events(woken: threading.Event) -> Iterator[str]:
    yield FIRST
    yield WOKEN if woken.wait(HELD_SECONDS) else LATE


@bp.put(probes.ECHO_BODY)
@limiter.exempt
def body() -> Response:
    """How many bytes have come; they are read and forgotten."""
    request.max_content_length = PART_SIZE + 1
    size = 0
    while piece := request.stream.read(PIECE):
        size += len(piece)
    return jsonify({"bytes": size})


@sock.route(probes.ECHO_SOCKET, bp=bp)
def socket(line: Server) -> None:
    """One word over a WebSocket."""
    line.send(HELLO)
