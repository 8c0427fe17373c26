"""How bytes leave: `/files/<id>`, always as an attachment, never as a page of ours."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO
from unicodedata import normalize
from urllib.parse import quote

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.http import generate_etag

from core.contracts import EVERYONE, Storage
from core.db import db
from core.errors import Refusal, StorageDown
from core.files import kinds, storages
from core.files.access import no_file, readable
from core.files.models import Scan, State, StoredFile
from core.http.views import page
from core.people.models import PersonExport

log = logging.getLogger(__name__)
bp = Blueprint("files", __name__)
PIECE = 128 * 1024
ADDRESS_SECONDS = 60
SEALED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Kept by the browser, asked about each time: who was removed gets a 404, not a copy.
    "Cache-Control": "private, no-cache",
}


@dataclass(frozen=True)
class Handout:
    """What is sent, and where its bytes are."""

    storage: str
    key: str
    name: str
    mime: str
    size: int

    @property
    def etag(self) -> str:
        return generate_etag(self.key.encode())


@bp.get("/files/<file_id>")
@page(roles=EVERYONE)
def download(file_id: str) -> ResponseReturnValue:
    """A file of a lecture, or the part of it that was asked for."""
    return send(lambda: _handed_out(file_id))


def send(find: Callable[[], StoredFile | PersonExport]) -> ResponseReturnValue:
    """The bytes of the file that ``find`` gives to this caller, or the part of them that was asked for."""
    found = _handout(find())
    url = storages.named(found.storage).url(found.key, found.name, found.mime, ADDRESS_SECONDS)
    if url is not None:
        made = redirect(url, 302)
        made.headers["Cache-Control"] = "no-store"
        return made
    headers = {"Accept-Ranges": "bytes", "Content-Disposition": attachment(found.name)}
    try:
        return _sent(found, headers)
    except FileNotFoundError:
        # Moved to another storage between our two looks.
        again = _handout(find())
        if again.storage != found.storage:
            return redirect(request.full_path.rstrip("?"), 307)
        log.error("the bytes of %s are missing in %s", found.key, found.storage)
        raise no_file() from None


@bp.get("/files/<file_id>/preview")
@page(roles=EVERYONE)
def preview(file_id: str) -> ResponseReturnValue:
    """A small picture of it, made by us."""
    stored = _handed_out(file_id)
    if not stored.preview_key:
        raise no_file()
    storage, key = storages.named(stored.storage), stored.preview_key
    db.session.commit()
    size = _size_of(storage, key)
    return _sent(Handout(storage.id, key, "preview.webp", "image/webp", size), {})


def _handed_out(file_id: str) -> StoredFile:
    stored = readable(file_id)
    if stored.is_handed_out:
        return stored
    if stored.state == State.REFUSED:
        raise Refusal(410, stored.refused_because, code="file_refused")
    if stored.scan == Scan.FAILED:
        raise Refusal(
            409, _("This file could not be checked for viruses, so nobody gets it."), code="file_unscanned"
        )
    if stored.scan == Scan.WAITING:
        raise Refusal(
            409, _("This file is being checked for viruses. Try again in a moment."), code="file_unscanned",
            retry_after=10,
        )  # fmt: skip
    raise Refusal(
        409, _("This file isn't there yet. Try again in a moment."), code="file_not_ready", retry_after=5
    )


def _handout(stored: StoredFile | PersonExport) -> Handout:
    mime = kinds.handed_out_as(stored.mime)
    made = Handout(stored.storage, stored.key, stored.name, mime, stored.size)
    # From here on no connection is held.
    db.session.commit()
    return made


def _size_of(storage: Storage, key: str) -> int:
    found = storage.stat(key)
    if found is None:
        raise no_file()
    return found.size


def attachment(name: str) -> str:
    """A ``Content-Disposition`` with the name in letters that every browser reads, and in its own."""
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode().replace("\\", "_").replace('"', "_")
    own = quote(name, safe="!#$&+^`|~")
    return f"attachment; filename=\"{plain.strip() or 'file'}\"; filename*=UTF-8''{own}"


# --- the bytes --------------------------------------------------------------------------


def _sent(found: Handout, headers: dict[str, str]) -> Response:
    start, length, status = 0, found.size, 200
    made = Response(mimetype=found.mime, headers={**SEALED, **headers})
    made.set_etag(found.etag)
    if made.make_conditional(request).status_code == 304:
        return made
    if (asked := _range(found)) is not None:
        start, length = asked
        status = 206
        made.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{found.size}"
    made.status_code, made.content_length = status, length
    if request.method == "HEAD":
        return made
    body = storages.named(found.storage).open(found.key, start, length)
    made.response = _pieces(body, length, found)
    made.direct_passthrough = True
    made.call_on_close(body.close)
    return made


def _range(found: Handout) -> tuple[int, int] | None:
    """Start and length of the one part that was asked for; several parts at once are sent as a whole."""
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or not _is_of_this(found):
        return None
    part = asked.range_for_length(found.size)
    if part is None:
        refusal = Refusal(416, _("The file has no such part."), code="no_range")
        raise _Unsatisfiable(refusal, found.size)
    return part[0], part[1] - part[0]


def _is_of_this(found: Handout) -> bool:
    """Whether the part belongs to what we have, if that was said: ``If-Range``."""
    said = request.if_range
    return said.date is None and (said.etag is None or said.etag == found.etag)


class _Unsatisfiable(Exception):
    """A part behind the end."""

    def __init__(self, refusal: Refusal, size: int) -> None:
        super().__init__(str(refusal))
        self.refusal, self.size = refusal, size


@bp.errorhandler(_Unsatisfiable)
def _no_such_part(error: _Unsatisfiable) -> Response:
    from core.http.problems import answer

    made = answer(error.refusal)
    made.headers["Content-Range"] = f"bytes */{error.size}"
    return made


def _pieces(body: BinaryIO, length: int, found: Handout) -> Iterator[bytes]:
    left = length
    try:
        while left > 0 and (piece := body.read(min(PIECE, left))):
            left -= len(piece)
            yield piece
    except (StorageDown, OSError) as error:
        log.warning("a download from %s was cut: %s", found.storage, error)
    if left:
        # The headers are out; only an end before the time says that it isn't whole.
        raise ConnectionError(f"{left} bytes are missing")
