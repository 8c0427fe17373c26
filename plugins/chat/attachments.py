"""Files that messages carry. Core keeps them; here is who may send them, and to which message they belong.

A file never reaches more people than it was begun for: one that was begun for the hosts can't go to
everybody, and one that goes to the hosts after all is theirs alone from that message on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask_babel import gettext as _

from core.api import Audience, Lecture, Participant, Person, Refusal, StoredFile, db, files
from plugins.chat import news, reading
from plugins.chat.models import Attachment, Message, attached_to, locked

if TYPE_CHECKING:
    from plugins.chat.writing import Turn

PLUGIN = "chat"
MOST = 5


def begin(turn: Turn, audience: Audience, *, name: str, size: int, mime: str) -> StoredFile:
    """A file for a message to that audience, from somebody who may write one now; slow mode counts later."""
    turn.may_write(audience)
    _may_attach(turn)
    return files.begin(
        turn.lecture, PLUGIN, name=name, size=size, mime=mime, audience=audience, participant=turn.me
    )


def claim(turn: Turn, public_ids: list[str], audience: Audience, to_one: bool) -> list[StoredFile]:
    """The author's files, from now on of a message to that audience; a ``Refusal`` if one can't be."""
    if not public_ids:
        return []
    _may_attach(turn)
    if to_one:
        # Core knows files for everybody and for the hosts: the one couldn't fetch it.
        words = _("Files go to everyone or to the hosts, not to one person.")
        raise Refusal(422, words, code="not_to_one")
    claimed = files.claim(turn.lecture, PLUGIN, public_ids, turn.me)
    for stored in claimed:
        _refuse_wider(stored, audience)
        stored.audience = audience.value
    return claimed


def attach(message: Message, claimed: Iterable[StoredFile]) -> None:
    """Write down that these are the message's files."""
    for place, stored in enumerate(claimed):
        db.session.add(Attachment(stored_file_id=stored.id, message_id=message.id, place=place))


def remove(message: Message) -> None:
    """Nobody gets the message's files from the commit on."""
    for stored in attached_to([message.id]).get(message.id, ()):
        files.delete(stored)
    db.session.execute(sa.delete(Attachment).where(Attachment.message_id == message.id))
    message.has_files = False


def look_again(file_id: int) -> None:
    """A file was scanned, refused, or has a preview now: pages get its message anew."""
    theirs = sa.select(Message).join(Attachment, Attachment.message_id == Message.id)
    message = db.session.scalar(theirs.where(Attachment.stored_file_id == file_id))
    if message is None:
        return
    lecture = db.session.get_one(Lecture, message.lecture_id)
    chat = locked(lecture)
    before = chat.everyone_at
    message.changed = chat.next(message.audience)
    db.session.commit()
    news.tell(lecture, message, before)


def erase(person: Person) -> None:
    """The files of everything that this person has written."""
    who = sa.or_(
        Participant.user_id == person.user_id if person.user_id is not None else sa.false(),
        sa.and_(Participant.user_id.is_(None), Participant.guest_session_id.in_(person.guest_session_ids)),
    )
    theirs = sa.select(Message).join(Participant, Participant.id == Message.participant_id)
    for message in db.session.scalars(theirs.where(who, Message.has_files)):
        remove(message)


def _may_attach(turn: Turn) -> None:
    if not reading.may_attach(turn.viewer, turn.kept):
        raise Refusal(403, _("In this room the hosts attach files."), code="hosts_attach")


def _refuse_wider(stored: StoredFile, audience: Audience) -> None:
    if audience == Audience.EVERYONE and stored.audience != Audience.EVERYONE:
        words = _(
            "“%(name)s” was chosen for the hosts only. "
            "To show it to everyone, remove it and choose it again.",
            name=stored.name,
        )
        raise Refusal(409, words, code="would_show")
