"""An account, or a guest, is deleted with all that is stored of them; others' lectures stay whole.

``begin`` ends every session and keeps whoever it is out; from then on ``work_off`` is tried until all plugins
have succeeded. Everything but the rooms happens in one transaction: it is done, or nothing of it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from flask_babel import gettext as _

from core import audit, order
from core.bus import notify
from core.contracts import Person
from core.db import db, now, quietly
from core.engine import personal_columns
from core.engine.personal_columns import NOBODY
from core.engine.plugins import PluginsFailed, plugins
from core.errors import Refusal
from core.exports import exports
from core.exports.models import Export
from core.files import stored
from core.files.changes import tell
from core.files.models import StoredFile
from core.jobs import defer
from core.lectures.models import Lecture, Participant, rows_of
from core.models import GuardPass, Waiting
from core.people import accounts
from core.people.models import GuestSession, PersonErasure, PersonExport, User
from core.people.privacy import mentions
from core.people.privacy.persons import (
    files_of,
    lectures_of,
    names_of,
    of_person,
    person_of_user,
    rooms_of,
)
from core.rooms import hosts, rooms
from core.rooms.models import Room, RoomHost
from core.search.changes import mark

HAND_OVER, DELETE = "hand_over", "delete"


# --- the wish -------------------------------------------------------------------------


def begin(
    user: User, by: User | None, *, keeps_files: bool = False, fate: str = "", heir_email: str = ""
) -> Sequence[Lecture]:
    """From the commit on they are out and stay out, and a job deletes the account.

    ``fate`` of their rooms: ``hand_over`` to the account with ``heir_email``, or ``delete``. A ``Refusal``
    for oneself, for the last administrator, while rooms are left to nobody, and while a lecture runs in a
    room that would be deleted. Gives live lectures to be kept in order (``core.order``) after the commit.
    """
    if by is not None and by.id == user.id:
        words = _("You can’t delete your own account. Ask another administrator.")
        raise Refusal(409, words, code="own_account")
    db.session.execute(sa.select(User.id).where(User.id == user.id).with_for_update())
    if erasure_of(user) is not None:
        raise Refusal(409, _("This account is being deleted."), code="being_deleted")
    heir = _checked_fate(user, fate, heir_email)
    lectures = accounts.disable(user, by)
    db.session.add(_wish(user, by, heir, keeps_files, fate))
    _lock_out(user)
    audit.record("user.erase", actor=by, target=user.email, rooms=fate, keeps_files=keeps_files)
    db.session.flush()
    try_again(user)
    return lectures


def erasure_of(user: User) -> PersonErasure | None:
    """The deletion that is under way."""
    return db.session.scalar(sa.select(PersonErasure).where(PersonErasure.user_id == user.id))


def try_again(user: User) -> None:
    """Let a job try it now."""
    erasure = erasure_of(user)
    if erasure is not None:
        defer("core:erase_person", erasure_id=erasure.id)


def _wish(user: User, by: User | None, heir: User | None, keeps_files: bool, fate: str) -> PersonErasure:
    return PersonErasure(
        user_id=user.id,
        asked_by_id=by.id if by else None,
        heir_id=heir.id if heir else None,
        rooms=fate,
        keeps_files=keeps_files,
    )


def _checked_fate(user: User, fate: str, heir_email: str) -> User | None:
    owned = rooms_of(user.id)
    if owned and fate not in (HAND_OVER, DELETE):
        words = _("This person owns rooms. Say who gets them, or that they are deleted.")
        raise Refusal(409, words, code="owns_rooms", field="rooms")
    if fate == DELETE:
        _refuse_live(owned)
    return _heir(user, heir_email) if fate == HAND_OVER and owned else None


def _refuse_live(room_ids: Collection[int]) -> None:
    live = sa.select(Room.title).join(Lecture).where(Room.id.in_(room_ids), Lecture.ended_at.is_(None))
    title = db.session.scalar(live.limit(1))
    if title is not None:
        words = _("A lecture is running in “%(title)s”. End it first, then delete the room.", title=title)
        raise Refusal(409, words, code="live", field="rooms")


def _heir(user: User, email: str) -> User:
    found = accounts.by_email(email.strip().lower())
    if found is None or not found.is_active or found.id == user.id:
        words = _("There is no other account with this address that can sign in.")
        raise Refusal(404, words, code="no_account", field="heir")
    return found


def _lock_out(user: User) -> None:
    """Browsers in which they were signed in are strangers from now on."""
    theirs = db.session.scalars(sa.select(GuestSession).where(GuestSession.user_id == user.id))
    for session in theirs:
        session.token_hash = secrets.token_hex(32)


# --- the work -------------------------------------------------------------------------


def work_off(erasure_id: int) -> None:
    """One try. What fails is written down for admins and raised, to be tried again."""
    try:
        _give_rooms_away(erasure_id)
        _erase_account(erasure_id)
    except PluginsFailed as failed:
        # What the other plugins have removed stays removed.
        _note(erasure_id, {name: _words_of(error) for name, error in failed.failures.items()})
        raise
    except Exception as error:
        db.session.rollback()
        _note(erasure_id, {"core": _words_of(error)})
        raise


def _words_of(error: Exception) -> str:
    # What the error itself says may quote what people wrote.
    return error.detail if isinstance(error, Refusal) else type(error).__name__


def _note(erasure_id: int, problems: dict[str, str]) -> None:
    erasure = _locked(erasure_id)
    if erasure is not None:
        erasure.problems, erasure.tries, erasure.tried_at = problems, erasure.tries + 1, now()
    db.session.commit()


def _locked(erasure_id: int) -> PersonErasure | None:
    query = sa.select(PersonErasure).where(PersonErasure.id == erasure_id).with_for_update()
    return db.session.scalar(query.execution_options(populate_existing=True))


def _give_rooms_away(erasure_id: int) -> None:
    """Room by room, each in a transaction of its own: there may be many."""
    while (erasure := _locked(erasure_id)) is not None:
        room = db.session.scalar(sa.select(Room).where(Room.owner_id == erasure.user_id).order_by(Room.id))
        if room is None:
            break
        _give_away(room, erasure)
        db.session.commit()
    db.session.commit()


def _give_away(room: Room, erasure: PersonErasure) -> None:
    by = db.session.get(User, erasure.asked_by_id) if erasure.asked_by_id else None
    if erasure.rooms == DELETE:
        rooms.delete(room, by)
        return
    heir = db.session.get(User, erasure.heir_id) if erasure.heir_id else None
    if heir is None or not heir.is_active:
        words = _("Whoever should get the rooms can’t sign in any more. Hand them over by hand.")
        raise Refusal(409, words, code="no_heir")
    hosts.change_owner(room, heir.email, stays=False, by=by)
    order.settle(room)


def _erase_account(erasure_id: int) -> None:
    erasure = _locked(erasure_id)
    if erasure is None:
        return
    user = db.session.get_one(User, erasure.user_id)
    person = person_of_user(user)
    erase(person, keeps_files=erasure.keeps_files)
    quietly(sa.delete(User).where(User.id == user.id))
    db.session.commit()


def erase_guest(person: Person, *, keeps_files: bool = False) -> None:
    """Delete somebody without an account, at once; commits. After ``PluginsFailed`` call it again."""
    lectures = _take_out(person)
    db.session.commit()
    for lecture in lectures:
        order.keep(lecture)
    try:
        erase(person, keeps_files=keeps_files)
    finally:
        db.session.commit()
    audit.record("user.erase", target=NOBODY, guest=True, keeps_files=keeps_files)
    db.session.commit()


def _take_out(person: Person) -> Sequence[Lecture]:
    lectures = accounts.take_out(rows_of(person))
    for session_id in person.guest_session_ids:
        db.session.get_one(GuestSession, session_id).token_hash = secrets.token_hex(32)
    return lectures


def erase(person: Person, *, keeps_files: bool) -> None:
    """All that is stored of them but the account itself; the caller commits, also after ``PluginsFailed``."""
    # Plugins look for what they have by names and addresses that core still knows.
    plugins.ask("erase", person=person)
    personal_columns.erase(person)
    user = db.session.get(User, person.user_id) if person.user_id is not None else None
    email, names = (user.email if user else ""), names_of(person)
    mentions.anonymise_entries(person, email, names)
    mentions.forget_messages(person)
    mentions.forget_jobs(person, email)
    mentions.forget_links(person, email)
    _forget_files(person, keeps_files)
    _forget_exports(person)
    mark(Lecture.id.in_(lectures_of(person)))
    lectures = db.session.scalars(lectures_of(person).distinct()).all()
    _forget_presence(person)
    _forget_sessions(person)
    for lecture_id in lectures:
        notify(f"lecture:{lecture_id}")


def _forget_files(person: Person, keeps_files: bool) -> None:
    for file in db.session.scalars(sa.select(StoredFile).where(files_of(person))).all():
        if not keeps_files:
            stored.delete(file)
            tell(file)
            file.name, file.participant_id = "", None
        file.uploader_name, file.user_id = NOBODY, None
    db.session.flush()
    by_account = StoredFile.user_id == person.user_id if person.user_id is not None else sa.false()
    removed = StoredFile.participant_id.in_(sa.select(Participant.id).where(rows_of(person)))
    gone = sa.update(StoredFile).where(sa.or_(by_account, removed), StoredFile.state == "gone")
    quietly(gone.values(name="", uploader_name=NOBODY, user_id=None))


def _forget_exports(person: Person) -> None:
    """Theirs, and others' of lectures with their name; these are made anew when somebody asks."""
    theirs = of_person(Export.user_id, Export.guest_session_id, person)
    named = Export.lecture_id.in_(lectures_of(person))
    for export in db.session.scalars(sa.select(Export).where(sa.or_(theirs, named))).all():
        exports.remove(export)
    if person.user_id is not None:
        asked = sa.or_(PersonExport.user_id == person.user_id, PersonExport.asked_by_id == person.user_id)
        for made in db.session.scalars(sa.select(PersonExport).where(asked)).all():
            remove_export(made)


def remove_export(made: PersonExport) -> None:
    """Nobody gets it from the commit on; a job removes its bytes."""
    defer("core:remove_person_export", storage=made.storage, key=made.key)
    db.session.delete(made)
    db.session.flush()


def _forget_presence(person: Person) -> None:
    """Others' lectures keep a line that says when somebody came and went."""
    theirs = sa.update(Participant).where(rows_of(person))
    blank = {"name": NOBODY, "fingerprint_key": "", "address_key": "", "livekit_sid": ""}
    # Who they were goes last: it is by that that the rows are found.
    quietly(theirs.values(**blank, user_id=None, guest_session_id=None))


def _forget_sessions(person: Person) -> None:
    quietly(sa.delete(Waiting).where(of_person(Waiting.user_id, Waiting.guest_session_id, person)))
    quietly(sa.delete(GuardPass).where(GuardPass.guest_session_id.in_(person.guest_session_ids)))
    quietly(sa.delete(GuestSession).where(GuestSession.id.in_(person.guest_session_ids)))
    if person.user_id is not None:
        quietly(sa.delete(RoomHost).where(RoomHost.user_id == person.user_id))
