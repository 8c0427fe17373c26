"""The waiting stream: everybody before a room's door holds one SSE connection; nothing polls.

Each worker keeps one hall for each room that somebody waits for. A wake costs one look at the
database for the whole hall; what is found is fanned out in memory.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any, cast

import sqlalchemy as sa
from flask import Blueprint, Flask, Response, current_app, request
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _

from core import admission, joining
from core.admission import Decision
from core.bus import notify, subscribe, waiting_changed
from core.config import config
from core.contracts import EVERYONE, JoinRequest, Verdict
from core.db import db, now
from core.errors import Refusal
from core.http.callers import is_host
from core.http.lines import Line
from core.http.views import here, view
from core.jobs import periodic, task
from core.lectures import lectures
from core.lectures.models import Lecture, Participant
from core.models import GuardPass, Waiting
from core.people.guests import current_guest
from core.people.models import User
from core.rooms.models import Room

log = logging.getLogger(__name__)
bp = Blueprint("waiting", __name__)

HEARTBEAT_SECONDS = 15
# How often each stream looks whether its page was closed.
LOOK_SECONDS = 5
# Whoever reloads the page is back within this time and has never left.
RELOAD_SECONDS = 3
MOST_IN_A_HINT = 500
# What everybody should hear of but nobody waits for, such as places in a line, is bundled this long,
# then told to so many a second: whoever is let in meanwhile needn't wait for it.
SOON_SECONDS = 20
MOST_AT_ONCE = 25
# Between two looks while the database is away.
LONGEST_PAUSE = 2.0
# How often a worker notes who is still there, and when somebody who isn't is forgotten.
SEEN_SECONDS = 60
FORGOTTEN_AFTER = timedelta(hours=1)
EVENTS = {"admitted": "APPROVED", "waiting": "WAITING", "asked": "ASKED", "denied": "REJECTED"}
# By guest session: name, fingerprint, address, code of the link, account.
People = dict[int, tuple[str, str, str, str, User | None]]
LAST_WORDS = frozenset({"APPROVED", "ASKED", "REJECTED", "CLOSED"})


@bp.get("/api/rooms/<room_id>/stream")
@view(roles=EVERYONE, limit="6000/minute", limit_by=joining.by_address_and_room)
def stream() -> Response:
    """The waiting stream (SSE) of a guest who was told to wait."""
    return open_stream(here.room)


def open_stream(room: Room, missed: Verdict | None = None) -> Response:
    """Let this request's guest hold the waiting stream of ``room``; 403 for who doesn't wait.

    ``missed``: the denial of somebody who doesn't wait any more, whose line was cut when it was said.
    """
    guest = current_guest()
    is_expected = guest is not None and _expected(room, guest.id)
    if not is_expected and missed is not None:
        facts = joining.shown(Decision("denied", missed.reason, retry_after=missed.retry_after))
        return _stream_of([message_of("REJECTED", facts)])
    if guest is None or not is_expected:
        detail = _("You aren't waiting for this room. Open the link again and type your name.")
        raise Refusal(403, detail, code="not_waiting")
    line = Line(request.environ)
    line.dies_soon_unheard()
    made = halls().enter(room.id, guest.id, str(get_locale() or "en"), line)
    # The connection must not be held while somebody waits for hours.
    db.session.remove()
    response = _stream_of(made.messages())
    response.call_on_close(made.close)
    return response


def _stream_of(messages: Iterable[str]) -> Response:
    response = Response(messages, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _expected(room: Room, guest_session_id: int) -> bool:
    """Waits, or was let in while the stream was cut: the state that was missed comes first."""
    waits = sa.select(Waiting.id).where(
        Waiting.room_id == room.id, Waiting.guest_session_id == guest_session_id
    )
    inside = (
        sa.select(Participant.id)
        .join(Lecture)
        .where(
            Lecture.room_id == room.id,
            Lecture.ended_at.is_(None),
            Participant.guest_session_id == guest_session_id,
            Participant.removed_at.is_(None),
        )
    )
    return bool(db.session.scalar(sa.select(sa.or_(sa.exists(waits), sa.exists(inside)))))


def init_app(app: Flask) -> None:
    """Give the app its halls."""
    app.extensions["audimax_halls"] = Halls(app)


@periodic(cron="*/10 * * * *")
@task(name="forget_waiting", queueing_lock="forget_waiting")
def forget(timestamp: int) -> None:
    """Remove who closed the page long ago: name, address and fingerprint go with the row."""
    db.session.execute(sa.delete(Waiting).where(Waiting.seen_at < now() - FORGOTTEN_AFTER))
    db.session.commit()


def halls() -> Halls:
    """The halls of the running app."""
    return cast("Halls", current_app.extensions["audimax_halls"])


def message_of(event: str, data: dict[str, Any]) -> str:
    """An event as it goes over the line."""
    return f"event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


class Stream:
    """One open connection. Messages are put by the hall, taken by the response."""

    __slots__ = ("_hall", "_line", "_queue", "_said", "locale", "session")

    def __init__(self, hall: Hall, session: int, locale: str, line: Line) -> None:
        self._hall, self.session, self.locale, self._line = hall, session, locale, line
        self._queue: SimpleQueue[str] = SimpleQueue()
        self._said = ""

    def say(self, event: str, data: dict[str, Any]) -> None:
        """Send an event, unless it is the one that was sent last."""
        self.send(event, message_of(event, data))

    def send(self, event: str, message: str) -> None:
        """The same with the message made already."""
        if message != self._said:
            self._said = message
            self._queue.put(message)
        if event in LAST_WORDS:
            self._queue.put("")

    def messages(self) -> Iterator[str]:
        yield "retry: 3000\n\n"
        while message := self._next():
            yield message

    def _next(self) -> str:
        """What to send next: news, or a heartbeat; empty when it is over or the page was closed."""
        beat = time.monotonic() + HEARTBEAT_SECONDS
        while (left := beat - time.monotonic()) > 0:
            try:
                return self._queue.get(timeout=min(left, LOOK_SECONDS))
            except Empty:
                if self._line.is_cut():
                    return ""
        return ": \n\n"

    def end(self) -> None:
        """End without a last word: the page comes back by itself, to this or another worker."""
        self._queue.put("")

    def close(self) -> None:
        self._hall.leave(self)


@dataclass
class Halls:
    """All halls of one worker, with the worker's limits."""

    app: Flask
    open: dict[int, Hall] = field(default_factory=dict)
    # Whose last stream here was closed when, by room and guest session.
    left: dict[tuple[int, int], float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)
    _watch: threading.Thread | None = None

    def enter(self, room_id: int, session: int, locale: str, line: Line) -> Stream:
        with self.lock:
            if self.closing.is_set() or self.count() >= config().streams_per_worker:
                raise Refusal(503, _("The server is busy. You keep your place; trying again."),
                              code="busy", retry_after=5)  # fmt: skip
            hall = self.open.get(room_id)
            if hall is None:
                hall = self.open[room_id] = Hall(self, room_id)
            if self._watch is None:
                self._watch = threading.Thread(target=self._keep_seeing, name="waiting", daemon=True)
                self._watch.start()
            self.left.pop((room_id, session), None)
            return hall.enter(session, locale, line)

    def _keep_seeing(self) -> None:
        seen = time.monotonic()
        while not self.closing.wait(1):
            try:
                with self.app.app_context():
                    self.note_left()
                    self.look_soon()
                    if time.monotonic() - seen > SEEN_SECONDS:
                        seen = time.monotonic()
                        self.note_seen()
            except Exception:
                # It only keeps people from being forgotten; the next round does as well.
                log.warning("could not note who waits", exc_info=True)

    def look_soon(self) -> None:
        """Let those halls look at everybody, by and by, in which enough time has gone by."""
        due = time.monotonic() - SOON_SECONDS
        for hall in list(self.open.values()):
            if hall.stale_since is not None and hall.stale_since <= due:
                hall.stale_since, hall.stale = None, list(hall.streams)
            hall.look_at_some()

    def note_left(self) -> None:
        """Write down who closed the page and hasn't come back to this worker."""
        due = time.monotonic() - RELOAD_SECONDS
        gone = [key for key, at in list(self.left.items()) if at <= due]
        by_room: dict[int, list[int]] = defaultdict(list)
        for room_id, session in gone[:MOST_IN_A_HINT]:
            by_room[room_id].append(session)
        for room_id, sessions in by_room.items():
            note_left(room_id, sessions)
        if by_room:
            db.session.commit()
        for key in gone[:MOST_IN_A_HINT]:
            self.left.pop(key, None)

    def note_seen(self) -> None:
        """Write down whose streams are open."""
        for room_id, hall in list(self.open.items()):
            there = Waiting.guest_session_id.in_(list(hall.streams))
            db.session.execute(
                sa.update(Waiting)
                .where(Waiting.room_id == room_id, there)
                .values(seen_at=now(), left_at=None)
            )
        db.session.commit()

    def count(self) -> int:
        return sum(hall.count for hall in self.open.values())

    def close(self) -> None:
        """End all streams, so that a worker that stops needn't wait for guests; they come back."""
        self.closing.set()
        for hall in list(self.open.values()):
            hall.end_all()


class Hall:
    """Who waits for one room in this worker."""

    def __init__(self, halls: Halls, room_id: int) -> None:
        self.halls, self.room_id = halls, room_id
        self.streams: dict[int, list[Stream]] = {}
        self.count = 0
        self.stale_since: float | None = None
        self.stale: list[int] = []
        self._hints: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._unsubscribe = subscribe(f"room:{room_id}", self._woken)
        threading.Thread(target=self._run, name=f"hall {room_id}", daemon=True).start()

    def enter(self, session: int, locale: str, line: Line) -> Stream:
        made = Stream(self, session, locale, line)
        mine = self.streams.setdefault(session, [])
        # All that are too many: one that was told may not have gone yet.
        for old in mine[: max(0, len(mine) + 1 - config().streams_per_session)]:
            old.say("CLOSED", {"reason": "elsewhere"})
        mine.append(made)
        self.count += 1
        self._hints.put({"sessions": [session], "came": True})
        return made

    def leave(self, stream: Stream) -> None:
        with self.halls.lock:
            mine = self.streams.get(stream.session, [])
            if stream in mine:
                mine.remove(stream)
                self.count -= 1
            if not mine and self.streams.pop(stream.session, None) is not None:
                self.halls.left[self.room_id, stream.session] = time.monotonic()
            if not self.streams and self.halls.open.get(self.room_id) is self:
                del self.halls.open[self.room_id]
                self._unsubscribe()
                self._hints.put({"close": True})

    def say_to_all(self, event: str, data: dict[str, Any]) -> None:
        message = message_of(event, data)
        for streams in list(self.streams.values()):
            for stream in list(streams):
                stream.send(event, message)

    def end_all(self) -> None:
        for streams in list(self.streams.values()):
            for stream in list(streams):
                stream.end()

    def look_at_some(self) -> None:
        some, self.stale = self.stale[:MOST_AT_ONCE], self.stale[MOST_AT_ONCE:]
        if some:
            self._hints.put({"sessions": some})

    def _woken(self, hint: dict[str, Any] | None) -> None:
        if hint and hint.get("soon"):
            self.stale_since = self.stale_since or time.monotonic()
        if hint and hint.get("live"):
            # It is time: said at once, before anybody's token is made.
            self.say_to_all("STARTING", {})
        if hint and "left" in hint:
            # Another worker has lost them; those who are here were only cut off there.
            hint = {"sessions": [s for s in hint["left"] if s in self.streams], "came": True}
        self._hints.put(hint)

    def _run(self) -> None:
        delay = 0.2
        while True:
            hints = self._collect()
            if any(hint and hint.get("close") for hint in hints):
                return
            try:
                self._look(hints)
                delay = 0.2
            except Exception:
                # Nobody is lost while the database is away: the same people are asked about again.
                log.warning("hall %s could not look, trying again", self.room_id, exc_info=True)
                time.sleep(delay)
                delay = min(delay * 2, LONGEST_PAUSE)
                self._hints.put(None)

    def _collect(self) -> list[dict[str, Any] | None]:
        hints = [self._hints.get()]
        while True:
            try:
                hints.append(self._hints.get_nowait())
            except Empty:
                return hints

    def _look(self, hints: list[dict[str, Any] | None]) -> None:
        wanted = self._wanted(hints)
        if not wanted:
            return
        by_locale: dict[str, set[int]] = defaultdict(set)
        for session in wanted:
            for stream in self.streams.get(session, ()):
                by_locale[stream.locale].add(session)
        came = {s for hint in hints if hint and hint.get("came") for s in hint["sessions"]}
        with self.halls.app.app_context():
            if came:
                note_back(self.room_id, came)
            for locale, sessions in by_locale.items():
                with force_locale(locale):
                    self._tell(sessions, look(self.room_id, sessions))

    def _wanted(self, hints: list[dict[str, Any] | None]) -> set[int]:
        if any(hint is None or "sessions" not in hint for hint in hints):
            return set(self.streams)
        return {s for hint in hints if hint for s in hint["sessions"]} & set(self.streams)

    def _tell(self, sessions: set[int], decisions: dict[int, Decision]) -> None:
        for session in sessions:
            decision = decisions.get(session)
            for stream in list(self.streams.get(session, ())):
                if decision is None:
                    stream.say("CLOSED", {"reason": "gone"})
                else:
                    stream.say(EVENTS[decision.status], joining.shown(decision))


# --- who is there ---------------------------------------------------------------------


def note_left(room_id: int, sessions: list[int]) -> None:
    """They closed the page; a worker that holds a stream of theirs will say that they didn't."""
    mine = Waiting.room_id == room_id, Waiting.guest_session_id.in_(sessions), Waiting.left_at.is_(None)
    db.session.execute(sa.update(Waiting).where(*mine).values(left_at=now()))
    notify(f"room:{room_id}", left=sessions)
    waiting_changed(room_id)


def note_back(room_id: int, sessions: set[int]) -> None:
    """They hold a stream again; committed with the look that follows."""
    mine = Waiting.room_id == room_id, Waiting.guest_session_id.in_(sessions), Waiting.left_at.is_not(None)
    back: Any = db.session.execute(sa.update(Waiting).where(*mine).values(left_at=None, seen_at=now()))
    if back.rowcount:
        waiting_changed(room_id)


# --- one look for many ----------------------------------------------------------------


def look(room_id: int, sessions: set[int]) -> dict[int, Decision]:
    """What becomes of those who wait for a room, by guest session; nobody's fate twice."""
    room = db.session.get(Room, room_id)
    if room is None:
        gone = Decision("denied", _("This room doesn't exist any more."), "gone")
        return dict.fromkeys(sessions, gone)
    if room.archived_at is not None:
        closed = Decision("denied", _("This room is archived. Ask its host to open it again."), "archived")
        return dict.fromkeys(sessions, closed)
    lecture = lectures.live_in(room)
    waiting = _waiting(room, sessions)
    people = _people(waiting)
    joins = _joins(room, lecture, {**_inside(lecture, sessions - people.keys()), **people})
    causes = {row.guest_session_id: row.cause for row, _user in waiting}
    made = admission.look_again(room, lecture, list(joins.values()), causes)
    _forget_denied(room, [s for s, join in joins.items() if made[join.key].status == "denied"])
    db.session.commit()
    return {session: made[join.key] for session, join in joins.items()}


def _forget_denied(room: Room, sessions: list[int]) -> None:
    if sessions:
        db.session.execute(
            sa.delete(Waiting).where(Waiting.room_id == room.id, Waiting.guest_session_id.in_(sessions))
        )
        waiting_changed(room.id)


def _joins(room: Room, lecture: Lecture | None, people: People) -> dict[int, JoinRequest]:
    passes = _passes(room, lecture, people)
    earlier = _earlier(lecture, people)
    made = {}
    for session, (name, fingerprint, address, code, user) in people.items():
        if user is not None and is_host(room, user):
            user = None
        removed = earlier.get(session, [])
        made[session] = JoinRequest(
            key=f"u{user.id}" if user else f"g{session}",
            name=user.name if user else name,
            guest_session_id=session,
            user_id=user.id if user else None,
            email=user.email if user else None,
            fingerprint=fingerprint,
            address=address,
            passes=frozenset(passes[session]),
            lecture_id=lecture.id if lecture else None,
            returning=bool(removed),
            removed=bool(removed) and removed[-1] is not None,
            code=code,
        )
    return made


def _waiting(room: Room, sessions: set[int]) -> list[tuple[Waiting, User | None]]:
    query = (
        sa.select(Waiting, User)
        .outerjoin(User, Waiting.user_id == User.id)
        .where(Waiting.room_id == room.id, Waiting.guest_session_id.in_(sessions))
    )
    return [(row, user) for row, user in db.session.execute(query)]


def _people(waiting: list[tuple[Waiting, User | None]]) -> People:
    return {
        row.guest_session_id: (
            row.name,
            row.fingerprint,
            row.address,
            row.code,
            user if user and user.is_active else None,
        )
        for row, user in waiting
    }


def _inside(lecture: Lecture | None, sessions: set[int]) -> People:
    """Who was let in while their stream was cut gets a ticket again."""
    if lecture is None or not sessions:
        return {}
    query = (
        sa.select(Participant, User)
        .outerjoin(User, Participant.user_id == User.id)
        .where(
            Participant.lecture_id == lecture.id,
            Participant.guest_session_id.in_(sessions),
            Participant.removed_at.is_(None),
            Participant.role == "guest",
        )
    )
    return {
        row.guest_session_id or 0: (row.name, "", "", "", user) for row, user in db.session.execute(query)
    }


def _passes(room: Room, lecture: Lecture | None, people: People) -> dict[int, set[str]]:
    query = sa.select(GuardPass.guest_session_id, GuardPass.guard).where(
        GuardPass.room_id == room.id,
        GuardPass.guest_session_id.in_(people),
        GuardPass.lecture_id == (lecture.id if lecture else None),
    )
    found: dict[int, set[str]] = defaultdict(set)
    for session, guard in db.session.execute(query):
        found[session].add(guard)
    return found


def _earlier(lecture: Lecture | None, people: People) -> dict[int, list[Any]]:
    if lecture is None:
        return {}
    query = (
        sa.select(Participant.guest_session_id, Participant.removed_at)
        .where(Participant.lecture_id == lecture.id, Participant.guest_session_id.in_(people))
        .order_by(Participant.id)
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for session, removed_at in db.session.execute(query):
        found[session or 0].append(removed_at)
    return found
