"""The rules: who may ask, vote and close. Nothing here commits."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from audimax_poll.models import Poll, Vote
from core.api import Lecture, Participant, Refusal, db, new_public_id, now, one_line

# Core takes 50 sections from a plugin, and each poll is one.
MOST_POLLS = 40
MOST_OPTIONS = 10
LONGEST_QUESTION, LONGEST_OPTION = 200, 80


def ask(lecture: Lecture, question: str, options: Sequence[str], hidden: bool) -> Poll:
    """A new poll; a ``Refusal`` while another one is open."""
    wanted = [one for one in map(one_line, options) if one]
    question = one_line(question)
    if not question or len(wanted) < 2 or len(set(wanted)) < len(wanted):
        raise Refusal(422, "Write a question and at least two different answers.", code="not_a_poll")
    count = sa.select(sa.func.count()).select_from(Poll).where(Poll.lecture_id == lecture.id)
    if (db.session.scalar(count) or 0) >= MOST_POLLS:
        raise Refusal(409, f"A lecture has {MOST_POLLS} polls at most.", code="too_many")
    row = {
        "public_id": new_public_id(),
        "room_id": lecture.room_id,
        "lecture_id": lecture.id,
        "question": question,
        "options": wanted,
        "hidden": hidden,
        "asked_at": now(),
    }
    only = {"index_elements": ["lecture_id"], "index_where": Poll.closed_at.is_(None)}
    made = db.session.scalar(insert(Poll).values(row).on_conflict_do_nothing(**only).returning(Poll))
    if made is None:
        raise Refusal(409, "Close the poll that is open first.", code="one_is_open")
    return made


def vote(poll: Poll, person: Participant, choice: int) -> None:
    """Count somebody for an option; who has voted changes their mind."""
    # Shared with other votes; who closes the poll waits for all of them, and they for that.
    _lock(poll, read=True)
    if not poll.is_open:
        raise Refusal(409, "This poll is closed.", code="closed")
    if not 0 <= choice < len(poll.options):
        raise Refusal(422, "Choose one of the answers.", code="no_such_option")
    row = {"poll_id": poll.id, "participant_id": person.id, "choice": choice}
    changed = {"index_elements": ["poll_id", "participant_id"], "set_": {"choice": choice}}
    db.session.execute(insert(Vote).values(row).on_conflict_do_update(**changed))


def close(poll: Poll) -> bool:
    """Count the votes and forget who gave them; False when somebody else has done so already."""
    _lock(poll)
    if not poll.is_open:
        return False
    poll.counts, poll.closed_at = counts([poll])[poll.id], now()
    db.session.execute(sa.delete(Vote).where(Vote.poll_id == poll.id))
    return True


def remove(poll: Poll) -> None:
    """Take a poll away, with its votes; quietly so when somebody else has done so already."""
    db.session.execute(sa.delete(Poll).where(Poll.id == poll.id))


def counts(polls: Sequence[Poll]) -> dict[int, list[int]]:
    """How many chose each option, by ``poll.id``. Who was removed from the lecture doesn't count."""
    found = {poll.id: list(poll.counts or [0] * len(poll.options)) for poll in polls}
    live = [poll.id for poll in polls if poll.is_open]
    query = (
        sa.select(Vote.poll_id, Vote.choice, sa.func.count())
        .join(Participant, Participant.id == Vote.participant_id)
        .where(Vote.poll_id.in_(live), Participant.removed_at.is_(None))
        .group_by(Vote.poll_id, Vote.choice)
    )
    for poll_id, choice, number in db.session.execute(query) if live else ():
        found[poll_id][choice] = number
    return found


def of(lecture: Lecture) -> list[Poll]:
    """The polls of a lecture, as they were asked."""
    return list(db.session.scalars(sa.select(Poll).where(Poll.lecture_id == lecture.id).order_by(Poll.id)))


def chosen_by(person: Participant | None) -> dict[int, int]:
    """What somebody has chosen in polls that are open, by ``poll.id``."""
    if person is None:
        return {}
    query = sa.select(Vote.poll_id, Vote.choice).where(Vote.participant_id == person.id)
    return {row.poll_id: row.choice for row in db.session.execute(query)}


def _lock(poll: Poll, read: bool = False) -> None:
    query = sa.select(Poll).where(Poll.id == poll.id).with_for_update(read=read)
    if db.session.scalar(query.execution_options(populate_existing=True)) is None:
        raise Refusal(404, "This poll was removed.", code="gone")
