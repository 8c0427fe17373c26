"""Where a lecture lies in somebody's Drive: a folder for its room, one for itself, its files, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from core.api import DestinationDown, Parcel, db, now
from plugins.export_gdrive import vault
from plugins.export_gdrive.drive import PIECE, Drive
from plugins.export_gdrive.models import Item
from plugins.export_gdrive.refusals import Missing, Taken

# By these properties, which nobody but us sees, our own are found again.
OURS, CONTENT = "audimax", "audimax_content"
# Google keeps an upload that isn't finished for a week.
SESSION_LIVES = timedelta(days=6)
TRIES = 3
CHUNK = 1 << 20


class Shelf:
    """One person's Drive, for one lecture of one room (their database keys)."""

    def __init__(self, drive: Drive, user_id: int, room_id: int, lecture_id: int) -> None:
        self._drive, self._user, self._room, self._lecture = drive, user_id, room_id, lecture_id

    def room_folder(self, public_id: str, name: str) -> Mapping[str, Any]:
        """The room's folder; made where there is none, or where it was thrown away."""
        return self._folder(f"room/{public_id}", None, {"name": name})

    def lecture_folder(self, public_id: str, name: str, parent: str) -> Mapping[str, Any]:
        """The lecture's folder in that of its room."""
        return self._folder(f"lecture/{public_id}", self._lecture, {"name": name, "parents": [parent]})

    def put(self, public_id: str, parcel: Parcel, parent: str) -> None:
        """A file of the lecture: left alone when its content is there, else new content of the same file."""
        key, digest = f"lecture/{public_id}/{parcel.key}", digest_of(parcel)
        properties = {OURS: key, CONTENT: digest}
        for _try in range(TRIES):
            item, kept = self._look(key, self._lecture)
            if kept and kept.get("appProperties", {}).get(CONTENT) == digest:
                return
            body: dict[str, Any] = {"appProperties": properties}
            if not kept:
                body |= {"id": item.drive_id, "name": parcel.name, "parents": [parent]}
            try:
                self._upload(item, parcel, digest, body, bool(kept))
            except Taken:
                self._note(item, is_made=True)
                continue
            except Missing as error:
                raise _vanished() from error
            return
        raise _vanished()

    def _folder(self, key: str, lecture_id: int | None, body: Mapping[str, Any]) -> Mapping[str, Any]:
        for _try in range(TRIES):
            item, kept = self._look(key, lecture_id)
            if kept:
                return kept
            try:
                made = self._drive.make_folder({**body, "id": item.drive_id, "appProperties": {OURS: key}})
            except Taken:
                # An earlier try, whose answer was lost, or another job has made it.
                self._note(item, is_made=True)
                continue
            except Missing as error:
                raise _vanished() from error
            self._note(item, is_made=True)
            return made
        raise _vanished()

    def _upload(
        self, item: Item, parcel: Parcel, digest: str, body: Mapping[str, Any], is_there: bool
    ) -> None:
        # What fits into one piece is sent again sooner than asked about.
        keeps = parcel.size > PIECE
        self._drive.upload(
            parcel.path,
            parcel.mime,
            body,
            instead_of=item.drive_id if is_there else "",
            session=_session(item, digest) if keeps else "",
            note=partial(self._note_session, item, digest) if keeps else lambda _session: None,
        )
        self._note(item, is_made=True, session="", session_digest="", session_at=None)

    # --- what we know of it ---

    def _look(self, key: str, lecture_id: int | None) -> tuple[Item, Mapping[str, Any] | None]:
        """What we know, and what is really there. Who has thrown it away gets another one."""
        item = self._item(key, lecture_id)
        kept = self._drive.get(item.drive_id)
        if kept is not None:
            self._note(item, is_made=True)
        if kept is not None and not kept.get("trashed"):
            return item, kept
        if item.is_made:
            fresh = {"drive_id": self._drive.new_id(), "is_made": False, "session": "", "session_digest": ""}
            self._note(item, **fresh)
            item = self._item(key, lecture_id)
        return item, None

    def _item(self, key: str, lecture_id: int | None) -> Item:
        mine = sa.select(Item).where(Item.user_id == self._user, Item.key == key)
        found = self._detached(mine)
        if found is not None:
            return found
        known = self._drive.find({OURS: key})
        row = {
            "user_id": self._user,
            "room_id": self._room,
            "lecture_id": lecture_id,
            "key": key,
            "drive_id": known or self._drive.new_id(),
            "is_made": bool(known),
            "session": "",
            "session_digest": "",
        }
        # Whoever is here at the same time draws the same lot: one id, one folder.
        db.session.execute(insert(Item).values(row).on_conflict_do_nothing())
        found = self._detached(mine)
        if found is None:
            raise _vanished()
        return found

    def _detached(self, query: sa.Select[Any]) -> Item | None:
        """Read, and let the connection go: uploads take their time."""
        found: Item | None = db.session.scalar(query)
        if found is not None:
            db.session.expunge(found)
        db.session.commit()
        return found

    def _note(self, item: Item, **facts: Any) -> None:
        """Of the same thing only: another job may have drawn a new id meanwhile."""
        if all(getattr(item, name) == value for name, value in facts.items()):
            return
        same = sa.update(Item).where(Item.id == item.id, Item.drive_id == item.drive_id)
        db.session.execute(same.values(**facts).execution_options(synchronize_session=False))
        db.session.commit()
        for name, value in facts.items():
            setattr(item, name, value)

    def _note_session(self, item: Item, digest: str, address: str) -> None:
        locked = vault.lock(address, _place(item)) if address else ""
        self._note(item, session=locked, session_digest=digest if address else "", session_at=now())


def digest_of(parcel: Parcel) -> str:
    """Names its content."""
    made = hashlib.sha256()
    with parcel.path.open("rb") as body:
        while piece := body.read(CHUNK):
            made.update(piece)
    return made.hexdigest()


def _place(item: Item) -> str:
    return f"session of {item.id} {item.drive_id}"


def _session(item: Item, digest: str) -> str:
    """Where an upload of this content goes on; empty for none."""
    if item.session_digest != digest or item.session_at is None or item.session_at < now() - SESSION_LIVES:
        return ""
    try:
        return vault.unlock(item.session, _place(item))
    except vault.Unreadable:
        return ""


def _vanished() -> DestinationDown:
    return DestinationDown(_("Something in your Drive was taken away while we put files into it. Try again."))
