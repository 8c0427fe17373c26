"""Errors as people and programs see them: problem documents (RFC 9457) below /api, pages elsewhere."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, TooManyRequests

from core import obstacles
from core.db import db
from core.errors import LiveKitDown, LiveKitError, Refusal, StorageDown, StorageFull
from core.http import access
from core.logs import request_ids

log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Answer every error in words."""
    app.register_error_handler(Refusal, answer)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(LiveKitDown, _livekit_down)
    app.register_error_handler(LiveKitError, _livekit_refuses)
    app.register_error_handler(StorageFull, _storage_full)
    app.register_error_handler(StorageDown, _storage_down)
    app.register_error_handler(OperationalError, _database_down)
    app.register_error_handler(InterfaceError, _database_down)
    app.register_error_handler(PoolTimeout, _no_connection_free)
    app.register_error_handler(Exception, _unexpected)


def wants_json() -> bool:
    """Whether this request is answered by a problem document."""
    return request.path.startswith("/api/") or request.path == "/api"


def answer(refusal: Refusal) -> Response:
    """The response for a refusal; whatever the request had changed is taken back."""
    db.session.rollback()
    made = _document(refusal) if wants_json() else _page(refusal)
    made.status_code = refusal.status
    if refusal.retry_after is not None:
        made.headers["Retry-After"] = str(max(1, refusal.retry_after))
    return made


def _document(refusal: Refusal) -> Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(refusal.status),
        "status": refusal.status,
        "detail": refusal.detail,
        "code": refusal.code or _title(refusal.status).lower().replace(" ", "_"),
        "request_id": request_ids.current(),
        **refusal.extra,
    }
    if refusal.errors:
        body["errors"] = refusal.errors
    if refusal.retry_after is not None:
        body["retry_after"] = refusal.retry_after
    return Response(json.dumps(body), mimetype="application/problem+json")


def _page(refusal: Refusal) -> Response:
    facts = {"status": refusal.status, "detail": refusal.detail}
    try:
        return Response(render_template("errors/error.html", **facts))
    except SQLAlchemyError:
        # The page asks who is signed in, and the database has gone meanwhile.
        db.session.remove()
        return Response(render_template("errors/error.html", anonymous=True, **facts))


def _title(status: int) -> str:
    return HTTPStatus(status).phrase


def no_room() -> Refusal:
    """What is said of a room that isn't there, wherever somebody asks for it."""
    return Refusal(404, _("There is no such room. It may have been deleted."), code="no_room")


def no_lecture() -> Refusal:
    """What is said of a lecture that isn't there, and of one that the caller may not read."""
    return Refusal(404, _("There is no such lecture. It may have been deleted."), code="no_lecture")


def words(status: int) -> str:
    """What we say about a status when nobody said more."""
    known = {
        400: _("The request could not be understood. Reload the page and try again."),
        401: _("Please sign in first."),
        403: _("You can't do this here. If you think you should, ask the host."),
        404: _("There is nothing at this address. Check the link, or ask whoever sent it."),
        405: _("This address doesn't answer to that. Go back and try again."),
        413: _("That was too large. Send less at once."),
        415: _("This needs JSON with the content type application/json."),
        429: _("Too many tries. Wait a little, then try again."),
        503: _("The server is busy. Try again in a moment."),
    }
    return known.get(status, _("Something went wrong on our side. It was noted; try again in a moment."))


def _http(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    status = error.code or 500
    retry_after = 60 if isinstance(error, TooManyRequests) else None
    given = getattr(error, "retry_after", None)
    made = answer(
        Refusal(status, words(status), retry_after=given if isinstance(given, int) else retry_after)
    )
    for name, value in error.get_headers():
        if name in ("Allow", "WWW-Authenticate"):
            made.headers[name] = value
    if isinstance(error, RequestEntityTooLarge):
        made.headers["Connection"] = "close"
    return made


def _storage_down(error: StorageDown) -> Response:
    log.error("a file storage is down: %s", error)
    detail = _("The place where files are kept can't be reached. Try again in a moment.")
    return answer(Refusal(503, detail, code="storage_down", retry_after=10))


def _storage_full(error: StorageFull) -> Response:
    log.error("a file storage is full: %s", error)
    return answer(Refusal(507, obstacles.no_room_left(), code="storage_full"))


def _livekit_refuses(error: LiveKitError) -> Response:
    log.error("%s: compare livekit_key, livekit_secret and both clocks, or run `audimax doctor`", error)
    return _livekit_down(error)


def _livekit_down(_error: LiveKitDown | LiveKitError) -> Response:
    detail = _("The video server can't be reached. Try again in a moment.")
    return answer(Refusal(503, detail, code="livekit_down", retry_after=3))


def _database_down(error: Exception) -> Response:
    if obstacles.is_full(error):
        return _database_full(error)
    log.warning("the database can't be reached: %s", type(error).__name__)
    _take_back()
    detail = _("The server is starting again. Try again in a moment.")
    return answer(Refusal(503, detail, code="database_down", retry_after=3))


def _database_full(error: Exception) -> Response:
    log.error("%s", obstacles.worded(error))
    _take_back()
    return answer(Refusal(507, obstacles.no_room_left(), code="database_full"))


def _no_connection_free(_error: Exception) -> Response:
    log.warning("all connections to the database were in use for too long")
    _take_back()
    return answer(Refusal(503, words(503), code="busy", retry_after=5))


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected error in %s %s", request.method, access.path())
    _take_back()
    return answer(Refusal(500, words(500), code="internal_error"))


def _take_back() -> None:
    """Before any word is said: the language is the person's, and a failed transaction answers nothing."""
    try:
        db.session.rollback()
    except Exception:
        # The connection is gone with its transaction: nothing is left to take back.
        db.session.remove()
