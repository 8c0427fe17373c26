"""What is asked at the door, and what becomes of an answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import partial

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from core.api import JoinRequest, Room, Verdict, db, defer, keyed, now
from plugins.pin import tries
from plugins.pin.memory import memory, queue
from plugins.pin.models import Held, Pin
from plugins.pin.tries import PENDING, RIGHT, WRONG, Line
from plugins.pin.words import LONGEST, cleaned

# How long an answer waits for the answers before it; browsers give up after 15 seconds.
PATIENCE_SECONDS = 8.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
BUNDLED = timedelta(seconds=2)


class Became(Enum):
    RIGHT = "right"
    WRONG = "wrong"
    TOO_MANY = "too many"
    HELD = "held"


@dataclass(frozen=True)
class Outcome:
    """What became of an answer. Who is held learns nothing; ``was_right`` is for the host."""

    became: Became
    seconds: int = 0
    was_right: bool | None = None


# --- words ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """Where and whom we ask; said here, because nothing may be loaded while an answer is looked at."""

    room_id: int
    address_key: str


def question(room: Room, join: JoinRequest) -> Verdict:
    """Ask for the PIN."""
    return _ask(Asked(room.id, keyed(room, join.address)))


def _ask(asked: Asked, reason: str = "", seconds: int = 0) -> Verdict:
    check = partial(answered, asked)
    return Verdict.ask("pin", _("PIN"), check, reason=reason, retry_after=seconds)


def held() -> Verdict:
    """The same words for everybody who waits, whatever they typed."""
    return Verdict.wait(_("The host will look who is there, and let you in."))


def answered(asked: Asked, typed: str) -> Verdict | None:
    """The verdict on an answer; None when it is right."""
    pin = cleaned(typed)
    if not pin:
        return _ask(asked, _("Type the PIN that you got from the host."))
    if len(pin) > LONGEST:
        return _ask(asked, _("A PIN has at most %(count)s characters.", count=LONGEST))
    outcome = Attempt(asked.room_id, asked.address_key, pin).run()
    if outcome.became is Became.RIGHT:
        return None
    if outcome.became is Became.HELD:
        return Verdict.wait(held().reason, start=partial(hold, asked.room_id, outcome.was_right))
    if outcome.became is Became.TOO_MANY:
        # The page counts the seconds down: in the words they would be wrong a moment later.
        words = _("Too many wrong PINs came from your network. Please wait a little, then try again.")
        return _ask(asked, words, outcome.seconds)
    return _ask(asked, _("That PIN isn’t right. Check it, or ask the host."))


# --- an answer is looked at -----------------------------------------------------------


class Attempt:
    """One answer of one address.

    The order matters: first a try is taken, then the answer is looked at. Also a right answer is
    refused where its address has no try left, else a thousand guesses at once would find the right one.
    """

    def __init__(self, room_id: int, address_key: str, pin: str) -> None:
        self.room_id, self.address_key, self.pin = room_id, address_key, pin

    def run(self) -> Outcome:
        end, pause = time.monotonic() + PATIENCE_SECONDS, FIRST_PAUSE
        while (outcome := self._try()) is None:
            if time.monotonic() > end:
                raise queue.refusal()
            memory().wait(self.room_id, pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return outcome

    def _try(self) -> Outcome | None:
        """What became of it; None while it has to wait for others, or when the PIN has changed meanwhile."""
        with tries.in_line(self.room_id) as line:
            if line is None:
                return Outcome(Became.RIGHT)
            count = line.count(self.address_key)
            spent = count.is_room_spent
            if spent and count.is_unlooked:
                return Outcome(Became.HELD)
            if count.is_address_spent:
                return Outcome(Became.TOO_MANY, seconds=count.seconds_to_wait)
            if count.is_full:
                return None
            known = memory().knows(self.room_id, line.version, self.pin)
            if known is not None:
                return self._known(line, known, spent)
            key = line.note(self.address_key, PENDING)
        return self._look(line, key, spent)

    def _known(self, line: Line, right: bool, spent: bool) -> Outcome:
        # With the budget spent a right one is noted as well: nobody shall tell it by the time it takes.
        if spent or not right:
            line.note(self.address_key, RIGHT if right else WRONG)
        return _outcome(right, spent)

    def _look(self, line: Line, key: int, spent: bool) -> Outcome | None:
        try:
            right = memory().look(self.room_id, line.version, self.pin, line.hash)
        except BaseException:
            tries.give_back(key)
            raise
        kept = tries.give_back(key) if right and not spent else tries.settle(key, RIGHT if right else WRONG)
        return _outcome(right, spent) if kept else None


def _outcome(right: bool, spent: bool) -> Outcome:
    if spent:
        return Outcome(Became.HELD, was_right=right)
    return Outcome(Became.RIGHT if right else Became.WRONG)


# --- who waits for the host -----------------------------------------------------------


def hold(room_id: int, was_right: bool | None, join: JoinRequest) -> None:
    """Note who waits, and whether their PIN was right."""
    row = {"room_id": room_id, "guest_session_id": join.guest_session_id, "was_right": was_right}
    unique = ["room_id", "guest_session_id"]
    made = insert(Held).values(row)
    db.session.execute(made.on_conflict_do_update(index_elements=unique, set_={"was_right": was_right}))
    _tell_hosts(room_id)


def _tell_hosts(room_id: int) -> None:
    """Now, and once more for all who come in the next seconds: not once for each of them."""
    quiet = sa.or_(Pin.told_at.is_(None), Pin.told_at < now() - BUNDLED)
    first = sa.update(Pin).where(Pin.room_id == room_id, quiet).values(told_at=now())
    if db.session.execute(first.execution_options(synchronize_session=False)).rowcount:  # type: ignore[attr-defined]
        defer("pin:tell_hosts", room_id=room_id)
        defer("pin:tell_hosts", room_id=room_id, schedule_in={"seconds": BUNDLED.seconds})
