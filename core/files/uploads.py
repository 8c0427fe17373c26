"""How bytes come: `/api/uploads/<id>`, for who has begun the upload and is still allowed in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from pydantic import Field
from werkzeug.exceptions import RequestEntityTooLarge

from core.contracts import EVERYONE, DirectUploads
from core.db import db, now
from core.errors import Refusal
from core.files import receiving, storages
from core.files import stored as files
from core.files.access import own_upload
from core.files.changes import changed
from core.files.finishing import complete
from core.files.models import State, StoredFile
from core.files.storages import PART_SIZE, How
from core.files.stored import StoredFileAnswer
from core.http import problems
from core.http.views import Answer, Body, view

bp = Blueprint("uploads", __name__)
ADDRESS_SECONDS = 15 * 60
PIECES = "application/offset+octet-stream"


class UploadState(Answer):
    """How far an upload is: ``offset`` bytes have come, or these parts."""

    id: str
    how: How
    part_size: int
    size: int
    state: State
    offset: int
    parts: list[int]
    file: StoredFileAnswer | None = None


class Wanted(Body):
    """Which part is to be sent; none for a file that goes in one request."""

    part: int | None = Field(None, ge=1, le=10_000)


class Address(Answer):
    """A request that the browser sends to the storage, with exactly these headers."""

    method: str
    url: str
    headers: dict[str, str]


@bp.get("/api/uploads/<upload_id>")
@view(roles=EVERYONE, answer=UploadState)
def state(upload_id: str) -> UploadState:
    """How far an upload is, to go on from there."""
    stored = own_upload(upload_id)
    made = UploadState(
        **files.plan(stored).model_dump(),
        state=State(stored.state),
        offset=stored.size,
        parts=[],
        file=None if stored.state == State.INCOMING else files.describe(stored),
    )
    if made.state is State.INCOMING:
        key, parts_id = stored.incoming_key, stored.parts_id
        storage = storages.where_it_comes_in(stored.storage)
        db.session.commit()
        made.parts, made.offset = _come(storage, key, parts_id)
    return made


def _come(storage: Any, key: str, parts_id: str) -> tuple[list[int], int]:
    if parts_id:
        try:
            parts = storage.parts(key, parts_id)
            return sorted(parts), sum(part.size for part in parts.values())
        except FileNotFoundError:
            # They are joined; the file is not yet completed.
            pass
    found = storage.stat(key)
    return [], found.size if found else 0


@bp.patch("/api/uploads/<upload_id>")
@view(roles=EVERYONE, status=204)
def add(upload_id: str) -> Response:
    """Add bytes at ``Upload-Offset``, 16 MB at most; 409 with the true offset when it isn't that."""
    _widen()
    stored = own_upload(upload_id)
    if storages.how(stored) != "stream":
        raise _other_way()
    if request.mimetype != PIECES:
        raise Refusal(415, _("This needs the content type %(type)s.", type=PIECES), code="not_bytes")
    file_id, key, size = stored.id, stored.incoming_key, stored.size
    try:
        at = receiving.receive(key, size, _offset(), lambda: _touch(file_id))
    except Refusal as refusal:
        answer = problems.answer(refusal)
        if "offset" in refusal.extra:
            answer.headers["Upload-Offset"] = str(refusal.extra["offset"])
        if refusal.status in (408, 413):
            # What still comes isn't read.
            answer.headers["Connection"] = "close"
        return answer
    return Response(status=204, headers={"Upload-Offset": str(at)})


def _widen() -> None:
    """Here alone a body may be larger: as long as a part, however it says its length."""
    # Whose length is unsaid is asked for one byte more, to know that it has ended.
    request.max_content_length = PART_SIZE + 1
    if (request.content_length or 0) > PART_SIZE:
        raise RequestEntityTooLarge


def _offset() -> int:
    given = request.headers.get("Upload-Offset", "")
    if not given.isascii() or not given.isdigit() or len(given) > 15:
        raise Refusal(400, _("Upload-Offset must say where these bytes belong."), code="bad_offset")
    return int(given)


def _touch(file_id: int) -> None:
    """It lives; and it hasn't been completed or cancelled while we waited. Frees our connection."""
    wanted = changed(file_id, StoredFile.state == State.INCOMING, touched_at=now())
    db.session.commit()
    if not wanted:
        raise _over()


@bp.post("/api/uploads/<upload_id>/address")
@view(roles=EVERYONE, body=Wanted, answer=Address)
def address(upload_id: str, body: Wanted) -> Address:
    """Where the browser sends the file, or a part of it; the address lives for 15 minutes."""
    stored = own_upload(upload_id)
    direct, way = storages.direct(stored.storage), storages.how(stored)
    if direct is None:
        raise _other_way()
    key, size, file_id = stored.incoming_key, stored.size, stored.id
    length = _length_of(body.part, size) if way == "parts" else size
    parts_id, mime = stored.parts_id, stored.mime
    _touch(file_id)
    if way == "direct":
        made = direct.upload(key, size, mime, ADDRESS_SECONDS)
    else:
        parts_id = parts_id or _begin_parts(direct, file_id, key, mime)
        made = direct.part(key, parts_id, body.part or 1, length, ADDRESS_SECONDS)
    return Address(method=made.method, url=made.url, headers=dict(made.headers))


def _length_of(part: int | None, size: int) -> int:
    if part is None or (part - 1) * PART_SIZE >= size:
        raise Refusal(422, _("This upload has no such part."), code="no_part")
    return min(PART_SIZE, size - (part - 1) * PART_SIZE)


def _begin_parts(direct: DirectUploads, file_id: int, key: str, mime: str) -> str:
    """Its parts are begun once; who comes second takes the first one's."""
    made = direct.begin_parts(key, mime)
    if changed(file_id, StoredFile.parts_id == "", StoredFile.state == State.INCOMING, parts_id=made):
        db.session.commit()
        return made
    db.session.rollback()
    direct.drop_parts(key, made)
    found = db.session.get(StoredFile, file_id, populate_existing=True)
    db.session.commit()
    if found is None or not found.parts_id:
        raise _over()
    return found.parts_id


@bp.post("/api/uploads/<upload_id>/complete")
@view(roles=EVERYONE, answer=StoredFileAnswer)
def done(upload_id: str) -> StoredFileAnswer:
    """All has been sent: check it. Asked twice, it answers the same."""
    stored = complete(own_upload(upload_id))
    if stored.state == State.GONE:
        raise _over()
    if stored.state == State.REFUSED:
        raise Refusal(422, stored.refused_because, code="file_refused")
    return files.describe(stored)


@bp.delete("/api/uploads/<upload_id>")
@view(roles=EVERYONE, status=204)
def cancel(upload_id: str) -> None:
    """Give an upload up."""
    stored = own_upload(upload_id)
    if stored.in_use and stored.state == State.READY:
        raise Refusal(409, _("This file is shared already. Remove it where it is shared."), code="file_used")
    files.delete(stored)
    db.session.commit()


def _other_way() -> Refusal:
    return Refusal(
        409, _("This file is sent in another way. Reload the page and try again."), code="other_way"
    )


def _over() -> Refusal:
    return Refusal(409, _("This upload is over. Begin again."), code="upload_over")
