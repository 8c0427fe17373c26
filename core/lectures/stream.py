"""A lecture's page hears when something of it has changed (SSE), and looks again; nothing polls."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from flask import Blueprint, Flask, Response, current_app, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from core.bus import subscribe
from core.config import config
from core.contracts import EVERYONE, Viewer
from core.db import db
from core.errors import Refusal
from core.http.callers import viewer_in_lecture
from core.http.lines import Line
from core.http.views import find_lecture, here, view
from core.lectures import sharing
from core.lectures.access import may_read, reader_of
from core.lectures.models import Lecture

bp = Blueprint("lecture_stream", __name__)
HEARTBEAT_SECONDS = 15
# How often each stream looks whether its page was closed.
LOOK_SECONDS = 5
# What changes many times at once is told once.
BUNDLE_SECONDS = 0.3
CHANGED = "event: changed\ndata: {}\n\n"


@dataclass
class Streams:
    """The open streams of one worker, by whose they are."""

    open: dict[str, list[Stream]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: bool = False

    def enter(self, stream: Stream) -> None:
        """Count it in; the oldest of the same owner makes room for it."""
        with self.lock:
            if self.closing or sum(map(len, self.open.values())) >= config().streams_per_worker:
                busy = _("The server is busy. Trying again.")
                raise Refusal(503, busy, code="busy", retry_after=5)
            mine = self.open.setdefault(stream.owner, [])
            for old in mine[: max(0, len(mine) + 1 - config().streams_per_session)]:
                old.end()
            mine.append(stream)

    def leave(self, stream: Stream) -> None:
        with self.lock:
            mine = self.open.get(stream.owner, [])
            if stream in mine:
                mine.remove(stream)
            if not mine:
                self.open.pop(stream.owner, None)

    def close(self) -> None:
        """End them all, so that a worker that stops needn't wait; the pages come back."""
        self.closing = True
        for stream in [stream for several in list(self.open.values()) for stream in several]:
            stream.end()


def init_app(app: Flask) -> None:
    """Give the app its streams."""
    app.extensions["audimax_lecture_streams"] = Streams()


def streams() -> Streams:
    """The open streams of this worker."""
    return cast(Streams, current_app.extensions["audimax_lecture_streams"])


@bp.get("/api/lectures/<lecture_id>/stream")
@view(roles=EVERYONE, limit="240/minute")
def stream() -> Response:
    """Says ``changed`` whenever something of the lecture's page has, to who may read it."""
    lecture = here.lecture
    caller = reader_of(lecture)
    made = Stream(_owner(caller), lecture, Line(request.environ))
    streams().enter(made)
    # No connection is held while nothing happens.
    db.session.remove()
    response = Response(made.messages(), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(made.close)
    return response


def _owner(caller: Viewer) -> str:
    """Whose streams count together; who reads by a link alone is known by nothing but their session."""
    if caller.user_id:
        return f"u{caller.user_id}"
    return f"g{caller.guest_session_id}" if caller.guest_session_id else f"s{sharing.reader_key()}"


class Stream:
    """One open connection of a page."""

    def __init__(self, owner: str, lecture: Lecture, line: Line) -> None:
        self.owner, self._line = owner, line
        self._lecture_id, self._public_id = lecture.id, lecture.public_id
        self._app = current_app._get_current_object()  # type: ignore[attr-defined]
        self._environ = request.environ
        self._woken, self._is_over, self._streams = threading.Event(), False, streams()
        line.dies_soon_unheard()
        self._stop = subscribe(f"lecture:{lecture.id}", lambda _hint: self._woken.set())

    def messages(self) -> Iterator[str]:
        # What has changed between the page's making and this moment, nobody has told it.
        yield f"retry: 3000\n\n{CHANGED}"
        while message := self._next():
            yield message

    def _next(self) -> str:
        """News, or a heartbeat; empty when it is over, the page was closed, or may not be read any more."""
        beat = time.monotonic() + HEARTBEAT_SECONDS
        while (left := beat - time.monotonic()) > 0:
            if self._woken.wait(min(left, LOOK_SECONDS)) or self._is_over:
                return self._news()
            if self._line.is_cut():
                return ""
        return ": \n\n"

    def _news(self) -> str:
        time.sleep(BUNDLE_SECONDS)
        self._woken.clear()
        if self._is_over:
            return ""
        # Who may not read it any more is told as well, once: the page asks, and learns why.
        if not self._may_still_read():
            self.end()
        return CHANGED

    def _may_still_read(self) -> bool:
        with self._app.app_context(), self._app.request_context(self._environ):
            try:
                if self._app.preprocess_request() is not None:
                    return False
                lecture = find_lecture(self._public_id)
                return may_read(lecture, viewer_in_lecture(lecture))
            except (Refusal, HTTPException):
                return False

    def end(self) -> None:
        """End it; the page comes back by itself, to this or another worker."""
        self._is_over = True
        self._woken.set()

    def close(self) -> None:
        self._stop()
        self._streams.leave(self)
