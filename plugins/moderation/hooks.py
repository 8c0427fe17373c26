"""What moderation says at the door and about everybody's rights."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from flask_babel import gettext as _

from core.api import (
    Grants,
    JoinRequest,
    Mount,
    MountPoint,
    Participant,
    Person,
    Retained,
    Room,
    RoomUi,
    Verdict,
    Viewer,
    config,
    db,
    hookimpl,
    keyed,
    room_settings,
)
from plugins.moderation import views
from plugins.moderation.models import Ban, LetIn, RoomState, Standing, key_of
from plugins.moderation.retention import PEOPLE
from plugins.moderation.settings import RoomSettings


@hookimpl
def blueprints() -> list[Mount]:
    return [Mount(MountPoint.ROOM, views.in_room)]


@hookimpl
def retention() -> list[Retained]:
    return [PEOPLE]


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    return [RoomUi(config={"gated": config().gated})]


@hookimpl
def admit(room: Room, joins: Sequence[JoinRequest]) -> Mapping[str, Verdict]:
    state = db.session.scalar(sa.select(RoomState).where(RoomState.room_id == room.id))
    bans = db.session.scalars(sa.select(Ban).where(Ban.room_id == room.id, Ban.lifted_at.is_(None))).all()
    free = _let_in(room, joins, bans)
    said = {join.key: _verdict(room, join, state, bans, free) for join in joins}
    return {key: verdict for key, verdict in said.items() if verdict is not None}


def _let_in(room: Room, joins: Sequence[JoinRequest], bans: Sequence[Ban]) -> set[int] | None:
    """Sessions that a host let in; None where networks don't count."""
    if not bans or not room_settings(room, RoomSettings).network_waits:
        return None
    lectures = {join.lecture_id for join in joins}
    return set(db.session.scalars(sa.select(LetIn.guest_session_id).where(LetIn.lecture_id.in_(lectures))))


def _verdict(
    room: Room, join: JoinRequest, state: RoomState | None, bans: Sequence[Ban], free: set[int] | None
) -> Verdict | None:
    banned = next((ban for ban in bans if _is_banned(join, ban)), None)
    if banned is not None:
        return Verdict.deny(_words_for_banned(room, banned))
    if join.returning and not join.removed:
        return None
    if state is not None and state.locked_in is not None and state.locked_in == join.lecture_id:
        return Verdict.deny(_("The host has locked the room: nobody new can come in. Try again later."))
    if state is not None and state.needs_code and join.code != room.code:
        return Verdict.deny(_("This link is no longer valid. Please ask the host for the new one."))
    if free is not None and join.guest_session_id not in free and _shares_network(room, join, bans):
        return Verdict.wait(_("The host will look who is there, and let you in."))
    return None


def _words_for_banned(room: Room, ban: Ban) -> str:
    words = [_("A host has banned you from this room.")]
    if ban.reason:
        words.append(_("Their reason: “%(reason)s”.", reason=ban.reason))
    words.append(_("If you think that is a mistake, please write to %(owner)s.", owner=room.owner.name))
    return " ".join(words)


def _is_banned(join: JoinRequest, ban: Ban) -> bool:
    """By session or account; equal browsers alone are lab computers."""
    return (ban.guest_session_id is not None and ban.guest_session_id == join.guest_session_id) or (
        ban.user_id is not None and ban.user_id == join.user_id
    )


def _shares_network(room: Room, join: JoinRequest, bans: Sequence[Ban]) -> bool:
    banned = {b.address_key for b in bans if b.address_key and b.lecture_id == join.lecture_id}
    return bool(banned) and join.lecture_id is not None and keyed(room, join.address) in banned


@hookimpl
def narrow_grants(room: Room, participants: Sequence[Participant]) -> Mapping[int, Grants]:
    lectures = {p.lecture_id for p in participants}
    state = db.session.scalar(sa.select(RoomState).where(RoomState.room_id == room.id))
    rows = db.session.scalars(sa.select(Standing).where(Standing.lecture_id.in_(lectures))).all()
    known = {(row.lecture_id, *key_of(row)): row for row in rows}
    found = {}
    for person in participants:
        row = known.get((person.lecture_id, *key_of(person)))
        found[person.id] = _taken(row) & _panic(person, state, row)
    return found


def _taken(row: Standing | None) -> Grants:
    return Grants(row.microphone, row.camera, row.screen) if row else Grants()


def _panic(person: Participant, state: RoomState | None, row: Standing | None) -> Grants:
    if state is None or state.panic_in != person.lecture_id:
        return Grants()
    if person.is_host or (row is not None and row.has_floor):
        return Grants()
    return Grants(False, False, False, not state.freezes_chat)


@hookimpl
def erase(person: Person) -> None:
    """A ban stays, for it is the room's; by whichever of the two ids it was written down, the words go."""
    of_account = Ban.user_id == person.user_id if person.user_id is not None else sa.false()
    theirs = sa.or_(of_account, Ban.guest_session_id.in_(person.guest_session_ids))
    db.session.execute(sa.update(Ban).where(theirs).values(name="Deleted person", reason=""))
