"""In place of the gate: LiveKit's lists are read every two seconds, and who isn't admitted is put out.

Without the gate an old token opens the door until somebody looks. This looks; it sees who came and went
where no webhook says so, opens a room that LiveKit has lost, and closes one that came back behind its
lecture's end. It runs beside the jobs and waits for none of them. Several may run: all of it can be repeated.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from core.db import db
from core.errors import LiveKitDown, LiveKitError
from core.lectures.models import Lecture, Participant
from core.livekit import reconciler
from core.livekit.client import livekit

log = logging.getLogger(__name__)

EVERY = 2.0
# A lecture to which somebody came back who isn't admitted is looked at so often, for so long.
SOONER, SHARP_SECONDS = 0.5, 60.0
# Lists of people in one round: LiveKit Cloud takes a thousand calls a minute. Each lecture has its turn.
LOOKS = 20


@contextmanager
def beside(app: Flask) -> Iterator[None]:
    """Watch while the block runs, where there is no gate."""
    if app.extensions["audimax_config"].gated:
        yield
        return
    made = Watch(app)
    thread = threading.Thread(target=made.run, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        made.stopped.set()
        thread.join(EVERY)


class Watch:
    """One who looks; ``run`` goes on until ``stopped`` is set."""

    def __init__(self, app: Flask) -> None:
        self.stopped = threading.Event()
        self._app = app
        self._next = 0.0
        self._looked_at: dict[int, float] = {}
        self._sharp_until: dict[int, float] = {}
        self._is_blind = False

    def run(self) -> None:
        while not self.stopped.wait(SOONER):
            with self._app.app_context():
                self._look_or_say_why_not()

    def look(self) -> None:
        """Look at all live lectures, or at as many as may be at once: those first that had to wait."""
        rooms = {room.name for room in livekit().list_rooms()}
        for lecture in self._due():
            self._compare(lecture, lecture.public_id in rooms)
        _close_the_ended(rooms)

    def look_sharply(self) -> None:
        """Look only at lectures to which somebody came back a moment ago."""
        sharp = [key for key, end in self._sharp_until.items() if end > time.monotonic()]
        for lecture in _live(sharp) if sharp else ():
            self._compare(lecture, is_open=True)

    def _look_or_say_why_not(self) -> None:
        try:
            if time.monotonic() < self._next:
                self.look_sharply()
                return
            self._next = time.monotonic() + EVERY
            self.look()
            self._is_blind = False
        except (LiveKitDown, LiveKitError, SQLAlchemyError) as error:
            db.session.rollback()
            # Once, not every two seconds.
            log.log(logging.DEBUG if self._is_blind else logging.WARNING, "can't look after rooms: %s", error)
            self._is_blind = True

    def _compare(self, lecture: Lecture, is_open: bool) -> None:
        key, room = lecture.id, lecture.public_id
        self._looked_at[key] = time.monotonic()
        try:
            if not is_open:
                log.info("LiveKit has no room of lecture %s any more: it is opened again", room)
                livekit().create_room(room)
            if reconciler.compare(lecture, is_open=True).removed:
                self._sharp_until[key] = time.monotonic() + SHARP_SECONDS
        except LiveKitError as error:
            db.session.rollback()
            log.warning("lecture %s can't be looked at now: %s", room, error)

    def _due(self) -> Sequence[Lecture]:
        live = _live()
        known = {lecture.id for lecture in live}
        for kept in (self._looked_at, self._sharp_until):
            for gone in kept.keys() - known:
                del kept[gone]
        strict = _with_removed(known)
        order = sorted(live, key=lambda one: (one.id not in strict, self._looked_at.get(one.id, 0.0)))
        return order[: max(LOOKS, len(strict))]


def _live(keys: Collection[int] | None = None) -> Sequence[Lecture]:
    query = sa.select(Lecture).where(Lecture.ended_at.is_(None))
    chosen = query if keys is None else query.where(Lecture.id.in_(keys))
    return db.session.scalars(chosen.execution_options(populate_existing=True)).all()


def _with_removed(keys: Collection[int]) -> set[int]:
    """The lectures from which somebody was removed: an old token of theirs may still be good."""
    query = sa.select(Participant.lecture_id).where(
        Participant.lecture_id.in_(keys), Participant.removed_at.is_not(None)
    )
    return set(db.session.scalars(query.distinct()))


def _close_the_ended(rooms: Collection[str]) -> None:
    """A server that opens rooms by itself does so for old tokens too."""
    query = sa.select(Lecture.public_id).where(Lecture.public_id.in_(rooms), Lecture.ended_at.is_not(None))
    over = db.session.scalars(query).all() if rooms else ()
    db.session.commit()
    for name in over:
        log.warning("closing LiveKit's room %r: its lecture is over", name)
        livekit().delete_room(name)
