"""Google Drive as a place to which lectures are taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.api import Contents, Delivery, Lecture, LecturePackage, Link, Viewer, config, db, setting
from plugins.export_gdrive import connections, oauth, vault
from plugins.export_gdrive.drive import Drive, NotWanted
from plugins.export_gdrive.refusals import Broken
from plugins.export_gdrive.shelf import Shelf

PAGE = "/plugins/export_gdrive/"


@dataclass(frozen=True)
class Options:
    """What is brought."""

    pdf: bool = setting(True, label=_l("As a PDF"))
    text: bool = setting(True, label=_l("As a text (Markdown), with the transcript"))
    files: bool = setting(True, label=_l("The files that were shared"))


class GoogleDrive:
    """A folder for each room, in it one for each lecture, in it what was chosen."""

    id = "gdrive"
    title = _l("Google Drive")
    description = _l("Into your own Drive: a folder for the room, in it one for the lecture.")
    options = Options
    needs_account = True
    page = PAGE

    def contents(self, options: Mapping[str, Any]) -> Contents:
        exporters = {"pdf": "pdf", "text": "markdown"}
        chosen = tuple(one for name, one in exporters.items() if options[name])
        if not chosen and not options["files"]:
            raise ValueError(_("Choose what is to be put into your Drive: the PDF, the text, or the files."))
        return Contents(chosen, files=options["files"])

    def ready(self, viewer: Viewer, lecture: Lecture) -> Link | None:
        found = connections.of(viewer.user_id) if viewer.user_id is not None else None
        if found is not None and not found.is_broken:
            return None
        words = _("Connect Google Drive again") if found else _("Connect Google Drive")
        return Link(f"{PAGE}?lecture={lecture.public_id}", words)

    def deliver(self, delivery: Delivery) -> Link:
        user_id, package = delivery.owner.user_id, delivery.package
        connection = connections.of(user_id) if user_id is not None else None
        if user_id is None or connection is None or connection.is_broken:
            raise Broken
        locked = connection.token
        try:
            drive = Drive(oauth.credentials(connections.token_of(connection)), delivery.is_wanted)
            return _delivered(drive, user_id, package, delivery)
        except (Broken, vault.Unreadable) as error:
            db.session.rollback()
            connections.mark_broken(user_id, locked)
            db.session.commit()
            raise Broken from error


def _delivered(drive: Drive, user_id: int, package: LecturePackage, delivery: Delivery) -> Link:
    shelf = _shelf(drive, user_id, package)
    room = shelf.room_folder(delivery.room_id, package.room_title)
    folder = shelf.lecture_folder(package.id, name_of(package), str(room["id"]))
    for parcel in delivery.parcels:
        shelf.put(package.id, parcel, str(folder["id"]))
    return Link(str(folder["webViewLink"]), _("Open in Google Drive"))


def _shelf(drive: Drive, user_id: int, package: LecturePackage) -> Shelf:
    query = sa.select(Lecture.id, Lecture.room_id).where(Lecture.public_id == package.id)
    found = db.session.execute(query).one_or_none()
    db.session.commit()
    if found is None:
        raise NotWanted
    return Shelf(drive, user_id, found.room_id, found.id)


def name_of(package: LecturePackage) -> str:
    """The lecture's folder: its day, so that folders sort, and its title."""
    return f"{package.started_at.astimezone(ZoneInfo(config().time_zone)):%Y-%m-%d} {package.title}"
