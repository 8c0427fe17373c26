"""One call for each thing that people do with files; every one may run twice."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_babel import gettext as _
from pydantic import Field

from core.api import (
    HOSTS,
    PEOPLE_INSIDE,
    Answer,
    Body,
    Lecture,
    Participant,
    Refusal,
    StoredFileAnswer,
    Tries,
    UploadPlan,
    User,
    change_room_settings,
    config,
    db,
    files,
    here,
    order,
    record,
    room_settings,
    running_in,
    scoped,
    view,
)
from plugins.files.models import Share, shares_of
from plugins.files.settings import RoomSettings

# Core has files of its own, and a blueprint of that name.
in_room = Blueprint("files_room", __name__)
TOPIC = "files"
# By person, not by address: a lecture hall sits behind one.
LOOKS = Tries("files.looks", "120 per minute")
UPLOADS = Tries("files.uploads", "300 per 10 minute")


class Announced(Body):
    """What is to be sent; ``mime`` is what the browser takes it for."""

    name: str = Field(min_length=1, max_length=1000)
    size: int = Field(ge=0)
    mime: str = Field("", max_length=200)


class Who(Body):
    everyone: bool


class Shared(Answer):
    """``at``: seconds since 1970. ``url`` and ``preview`` are there as soon as they may be fetched."""

    id: str
    file: StoredFileAnswer
    by: str
    at: float
    mine: bool
    deletable: bool
    url: str | None = None
    preview: str | None = None


class Listing(Answer):
    """The shares, the newest first, and what the caller may add. ``types``: endings of names."""

    shares: list[Shared]
    may_share: bool
    everyone_shares: bool
    types: list[str]
    largest_mb: int


@in_room.get("/shares")
@view(roles=PEOPLE_INSIDE, answer=Listing)
def listing() -> Listing:
    """What was shared in this lecture; a refused file is shown to its sender, and to hosts if it was seen."""
    lecture = running_in(here.room)
    LOOKS.take(_who())
    me = _me(lecture)
    found = shares_of(lecture, files.State.READY, files.State.REFUSED)
    shown = [share for share in found if _may_see(share, me)]
    everyone = _everyone_shares()
    return Listing(
        shares=[_shared(share, me) for share in shown],
        may_share=everyone or here.caller.is_host,
        everyone_shares=everyone,
        types=sorted(config().file_types),
        largest_mb=config().largest_file_mb,
    )


@in_room.post("/shares")
@view(roles=PEOPLE_INSIDE, body=Announced, answer=UploadPlan, status=201)
def begin(body: Announced) -> UploadPlan:
    """Begin to share a file; it is seen by others once all of it has come and was checked."""
    lecture = running_in(here.room)
    if not (here.caller.is_host or _everyone_shares()):
        raise Refusal(403, _("In this room the hosts share files."), code="hosts_share")
    UPLOADS.take(_who())
    stored = files.begin(
        lecture,
        "files",
        name=body.name,
        size=body.size,
        mime=body.mime,
        participant=_me(lecture),
        user=_user(),
        in_use=True,
    )
    db.session.add(Share(lecture_id=lecture.id, stored_file_id=stored.id))
    plan = files.plan(stored)
    db.session.commit()
    return plan


@in_room.delete("/shares/<share_id>")
@view(roles=PEOPLE_INSIDE, status=204)
def delete(share_id: str) -> None:
    """Take a file back: its sender may, and hosts; its bytes go too."""
    lecture = running_in(here.room)
    share = scoped(lecture, Share, share_id)
    if not _is_theirs(share, _me(lecture)):
        raise Refusal(403, _("Only who has shared a file and the hosts can delete it."), code="not_yours")
    if share.stored.state == files.State.GONE:
        return
    files.delete(share.stored)
    if here.caller.is_host:
        _record("delete", lecture, share.stored.name)
    db.session.commit()
    order.tell(lecture, TOPIC, {"gone": share_id})


@in_room.put("/settings")
@view(roles=HOSTS, body=Who, status=204, limit="600/minute")
def settings(body: Who) -> None:
    """Let everybody share files, or the hosts alone."""
    lecture = running_in(here.room)
    change_room_settings(
        here.room, RoomSettings, _user(), who_shares="everyone" if body.everyone else "hosts"
    )
    _record("who_shares", lecture, everyone=body.everyone)
    db.session.commit()
    order.tell(lecture, TOPIC, {"everyone_shares": body.everyone})


# --- what they share ------------------------------------------------------------------


def _everyone_shares() -> bool:
    return room_settings(here.room, RoomSettings).who_shares == "everyone"


def _me(lecture: Lecture) -> Participant | None:
    """The caller's row; a host needs none."""
    return order.person(lecture, here.caller.identity)


def _user() -> User | None:
    return db.session.get(User, here.caller.user_id) if here.caller.user_id else None


def _who() -> str:
    return here.caller.identity or f"user {here.caller.user_id}"


def _is_mine(share: Share, me: Participant | None) -> bool:
    account, stored = here.caller.user_id, share.stored
    return (me is not None and stored.participant_id == me.id) or (
        account is not None and stored.user_id == account
    )


def _is_theirs(share: Share, me: Participant | None) -> bool:
    return here.caller.is_host or _is_mine(share, me)


def _may_see(share: Share, me: Participant | None) -> bool:
    was_seen = share.stored.ready_at is not None
    return (
        share.stored.state == files.State.READY or _is_mine(share, me) or (was_seen and here.caller.is_host)
    )


def _shared(share: Share, me: Participant | None) -> Shared:
    stored = share.stored
    entry = files.entry(stored)
    out = stored.is_handed_out
    return Shared(
        id=share.public_id,
        file=files.describe(stored),
        by=stored.uploader_name,
        at=(stored.ready_at or stored.created_at).timestamp(),
        mine=_is_mine(share, me),
        deletable=_is_theirs(share, me),
        url=entry.url if out else None,
        preview=(entry.preview or None) if out else None,
    )


def _record(action: str, lecture: Lecture, target: str = "", **details: Any) -> None:
    where: dict[str, Any] = {"room_id": here.room.id, "lecture_id": lecture.id}
    record(f"files.{action}", actor=_user(), target=target, **where, **details)
