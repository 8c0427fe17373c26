"""Wishes to take a lecture out: asked for, called off, tried again. Nothing here commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from flask_babel import get_locale
from flask_babel import gettext as _

from core.bus import notify
from core.config import config
from core.contracts import Destination, Exporter, LecturePackage, Viewer
from core.db import db, now
from core.engine import offers
from core.engine.settings import SettingsError, fill
from core.errors import Refusal
from core.exports import delivering
from core.exports.models import Export, State
from core.files.models import State as FileState
from core.files.models import StoredFile
from core.http.callers import person_in_lecture
from core.jobs import defer
from core.lectures.access import may_read
from core.lectures.models import Lecture
from core.lectures.sections import package_for

# Of one person in one lecture, that aren't over yet.
MOST_AT_ONCE = 10


def ask(
    lecture: Lecture, viewer: Viewer, exporter_id: str, options: Mapping[str, Any], sections: Sequence[str]
) -> Export:
    """A new wish of that viewer; ``Refusal`` with words when it can't be fulfilled.

    All sections that there are now are all that there will be: what is still being made comes along.
    """
    exporter = _exporter(exporter_id)
    if viewer.user_id is None and viewer.guest_session_id is None:
        raise Refusal(401, _("Sign in first."), code="sign_in")
    _refuse_too_many(lecture, viewer)
    known = {section.id for section in package_for(lecture, viewer).sections}
    if unknown := [one for one in sections if one not in known]:
        words = _("There is no section “%(id)s” in this lecture.", id=unknown[0][:80])
        raise Refusal(422, words, code="no_section")
    fitting = checked(exporter, options)
    if isinstance(exporter, Destination):
        delivering.refuse_unready(exporter, fitting, lecture, viewer)
    made = Export(
        lecture_id=lecture.id,
        user_id=viewer.user_id,
        guest_session_id=None if viewer.user_id else viewer.guest_session_id,
        exporter=exporter.id,
        options=fitting,
        sections=[] if set(sections) == known else list(dict.fromkeys(sections)),
        for_hosts=viewer.sees_hosts_part,
        locale=str(get_locale() or config().default_locale),
    )
    db.session.add(made)
    db.session.flush()
    _begin(made)
    return made


def checked(exporter: Exporter | Destination, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the exporter takes them; a ``Refusal`` that names those that are wrong."""
    cls = options_of(exporter)
    if cls is None:
        if options:
            raise Refusal(422, _("This export has no options."), code="invalid")
        return {}
    try:
        return asdict(fill(cls, options))
    except SettingsError as error:
        fields = ", ".join(sorted(filter(None, error.mistakes))) or _("the options")
        raise Refusal(422, _("Please check: %(fields)s.", fields=fields), code="invalid") from error


def options_of(exporter: Exporter | Destination) -> Any:
    """The dataclass of an exporter's options, None where there are none."""
    return getattr(exporter, "options", None)


def _exporter(exporter_id: str) -> Exporter | Destination:
    found = offers.exporters().get(exporter_id)
    if found is None:
        raise Refusal(404, _("There is no such format."), code="no_exporter")
    return found


def _refuse_too_many(lecture: Lecture, viewer: Viewer) -> None:
    running = (Export.state.in_((State.WAITING, State.WORKING)), Export.lecture_id == lecture.id)
    query = sa.select(sa.func.count()).select_from(Export).where(*running, _is_of(viewer))
    if (db.session.scalar(query) or 0) >= MOST_AT_ONCE:
        raise Refusal(429, _("Wait until your other exports are done."), code="too_many", retry_after=10)


def _is_of(viewer: Viewer) -> sa.ColumnElement[bool]:
    if viewer.user_id is not None:
        return Export.user_id == viewer.user_id
    return sa.and_(Export.user_id.is_(None), Export.guest_session_id == viewer.guest_session_id)


def _begin(made: Export) -> None:
    made.run += 1
    made.state, made.why, made.over_at = State.WAITING.value, "", None
    # So many locks, so many at once: exports wait for one another, other jobs don't wait for them.
    lock = f"core:export:{made.id % config().exports_at_once}"
    defer("core:export", lock=lock, export_id=made.id, run=made.run)
    tell(made)


def own(lecture: Lecture, viewer: Viewer) -> list[Export]:
    """The viewer's exports of a lecture, the newest first."""
    query = sa.select(Export).where(Export.lecture_id == lecture.id, _is_of(viewer))
    return list(db.session.scalars(query.order_by(Export.id.desc()).limit(50)))


def find(lecture: Lecture, viewer: Viewer, public_id: str, *, lock: bool = False) -> Export:
    """An export of the viewer's own; a 404 for everybody else."""
    query = sa.select(Export).where(
        Export.public_id == public_id, Export.lecture_id == lecture.id, _is_of(viewer)
    )
    if lock:
        query = query.with_for_update()
    found = db.session.scalar(query.execution_options(populate_existing=lock))
    if found is None:
        raise Refusal(404, _("There is no such export. Begin again."), code="no_export")
    return found


def call_off(export: Export) -> None:
    """Not wanted any more; the job stops within a moment."""
    if not export.is_over:
        over(export, State.CANCELLED)


def again(export: Export) -> None:
    """Once more, from the lecture as it is now; quietly so while it is still at it."""
    if export.is_over:
        earlier = export.file_id
        export.file_id, export.link, export.link_title, export.digest = None, "", "", ""
        _begin(export)
        db.session.flush()
        drop_unused(earlier)


def remove(export: Export) -> None:
    """Forget an export; its bytes go when no other one has them."""
    db.session.delete(export)
    db.session.flush()
    drop_unused(export.file_id)
    tell(export)


def drop_unused(file_id: int | None) -> None:
    """Delete a file that no export has any more."""
    from core.files import stored

    if file_id is None or db.session.scalar(sa.select(Export.id).where(Export.file_id == file_id).limit(1)):
        return
    found = db.session.get(StoredFile, file_id)
    if found is not None:
        stored.delete(found)


def tell(export: Export) -> None:
    """The lecture's pages look again."""
    notify(f"lecture:{export.lecture_id}")


def over(export: Export, state: State, why: str = "") -> None:
    """Write down how it has ended."""
    export.state, export.why, export.over_at = state.value, why, now()
    tell(export)


# --- for jobs -------------------------------------------------------------------------


def owner(export: Export) -> Viewer | None:
    """Who it is for, as the lecture sees them now; None when they may not read it any more."""
    viewer = person_in_lecture(export.lecture, export.user, export.guest_session)
    return viewer if may_read(export.lecture, viewer) else None


def package(export: Export, viewer: Viewer) -> LecturePackage:
    """What is to be taken out: the sections that were chosen and that the owner may see."""
    whole = package_for(export.lecture, viewer)
    if not export.sections:
        return whole
    chosen = set(export.sections)
    return replace(whole, sections=tuple(one for one in whole.sections if one.id in chosen))


def finished_like(export: Export, digest: str) -> StoredFile | None:
    """The file of a finished export with the same content, if its bytes are still there."""
    query = (
        sa.select(StoredFile)
        .join(Export, Export.file_id == StoredFile.id)
        .where(
            Export.digest == digest,
            Export.lecture_id == export.lecture_id,
            Export.state == State.DONE,
            StoredFile.state == FileState.READY,
        )
    )
    return db.session.scalar(query.order_by(Export.id.desc()).limit(1))
