"""What is due of one lecture is removed: all its kinds in one transaction, each plugin's part for itself."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from core.contracts import Retained, RetentionKind
from core.db import db, first_values, now, quietly
from core.engine import isolation
from core.engine.plugins import plugins
from core.exports import exports
from core.exports.models import Export
from core.files.models import State, StoredFile
from core.lectures import trash
from core.lectures.models import Lecture
from core.retention import kinds, stock
from core.retention.models import RetentionResult
from core.search.changes import lecture_changed
from core.search.models import SearchedLecture, SearchEntry, SearchSpeaker

log = logging.getLogger(__name__)
SECONDS = 600.0
UNDER_WAY = (State.EXPECTED, State.INCOMING, State.CHECKING)


def remove(run_id: int, lecture_id: int, wanted: Sequence[RetentionKind]) -> bool:
    """Whether something was removed; commits. Of several who do so at once, one does it."""
    lecture = _locked(lecture_id)
    if lecture is None:
        db.session.rollback()
        return False
    wanted = [kind for kind in wanted if _is_due(lecture, kind)]
    if is_busy(lecture):
        for kind in wanted:
            note(run_id, kind, lecture.room_id, waiting=1)
        db.session.commit()
        return False
    if RetentionKind.LECTURES in wanted:
        done = _remove_whole(run_id, lecture)
    else:
        done = sum(_remove_kind(run_id, lecture, kind) for kind in wanted) > 0
        if done:
            _forget_what_was_made_of_it(lecture)
    db.session.commit()
    return done


def _locked(lecture_id: int) -> Lecture | None:
    query = sa.select(Lecture).where(Lecture.id == lecture_id, Lecture.ended_at.is_not(None))
    query = query.with_for_update(skip_locked=True, of=Lecture)
    return db.session.scalar(query.execution_options(populate_existing=True))


def _is_due(lecture: Lecture, kind: RetentionKind) -> bool:
    """Asked again under the lock: the rules may have changed meanwhile."""
    found = kinds.due(kind).where(Lecture.id == lecture.id)
    return db.session.scalar(found) is not None


def is_busy(lecture: Lecture) -> bool:
    """Whether something is still being made of it: a job waits or works, or a file is on its way."""
    if trash.is_worked_for(lecture.id, waiting_too=True):
        return True
    coming = StoredFile.lecture_id == lecture.id, StoredFile.state.in_(UNDER_WAY)
    return bool(db.session.scalar(sa.select(sa.exists().where(*coming))))


# --- one kind -------------------------------------------------------------------------


def _remove_kind(run_id: int, lecture: Lecture, kind: RetentionKind) -> bool:
    items, problem = 0, ""
    for owner, one in stock.retained():
        if owner == stock.CORE and problem:
            # By the names that a plugin couldn't remove it finds them the next time.
            break
        if one.kind is kind and (count := stock.count(one, lecture)):
            failed = _tried(owner, one, lecture)
            problem = failed or problem
            items += 0 if failed else count
    if problem:
        note(run_id, kind, lecture.room_id, failed=1, problem=problem)
    if items:
        files, size = _forget_gone_files(lecture)
        note(run_id, kind, lecture.room_id, lectures=1, items=items, files=files, bytes=size)
        days, by_room = kinds.days_in(lecture.room, kind)
        told = {"at": now().isoformat(), "days": days, "by_room": by_room}
        lecture.expired = {**lecture.expired, kind.value: told}
    return bool(items)


def _tried(owner: str, one: Retained, lecture: Lecture) -> str:
    """What went wrong, in words for admins; what was done until then is taken back."""
    try:
        with db.session.begin_nested(), isolation.time_limit(SECONDS):
            one.remove(lecture)
    except Exception as error:
        # Whatever a plugin is made of: the others' rules hold all the same.
        plugins.note(owner, f"retention of {one.name}", error)
        return f"{owner}: {type(error).__name__}"
    return ""


def _forget_gone_files(lecture: Lecture) -> tuple[int, int]:
    """How many files were deleted, and their bytes; their rows wait for the bytes and tell nothing more."""
    mine = StoredFile.lecture_id == lecture.id, StoredFile.state == State.GONE, StoredFile.name != ""
    blank = {"name": "", "uploader_name": "", "refused_because": "", "participant_id": None, "user_id": None}
    db.session.flush()
    sizes = quietly(sa.update(StoredFile).where(*mine).values(**blank).returning(StoredFile.size)).scalars()
    found = list(sizes)
    return len(found), sum(found)


def _forget_what_was_made_of_it(lecture: Lecture) -> None:
    """Exports, and what search knows: a job reads anew what is left."""
    for export in db.session.scalars(sa.select(Export).where(Export.lecture_id == lecture.id)).all():
        exports.remove(export)
    _forget_gone_files(lecture)
    for model in (SearchEntry, SearchSpeaker, SearchedLecture):
        quietly(sa.delete(model).where(model.lecture_id == lecture.id))
    db.session.flush()
    lecture_changed(lecture.id)


# --- all of it ------------------------------------------------------------------------


def _remove_whole(run_id: int, lecture: Lecture) -> bool:
    """What would outlive the lecture's row, as bans do, goes first; else it is tried again the next time."""
    about_people = (
        (owner, one)
        for owner, one in stock.retained()
        if one.kind is RetentionKind.PARTICIPANTS and owner != stock.CORE
    )
    problem = next(filter(None, (_tried(owner, one, lecture) for owner, one in about_people)), "")
    if problem:
        note(run_id, RetentionKind.LECTURES, lecture.room_id, failed=1, problem=problem)
        return False
    mine = StoredFile.lecture_id == lecture.id, StoredFile.state != State.GONE
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(StoredFile.size), 0)).where(*mine)
    files, size = db.session.execute(query).one()
    note(run_id, RetentionKind.LECTURES, lecture.room_id, lectures=1, items=1, files=files, bytes=int(size))
    trash.remove(lecture.id)
    return True


# --- the report -----------------------------------------------------------------------


def note(run_id: int, kind: str, room_id: int | None, problem: str = "", **more: int) -> None:
    """Add to the run's report, in the transaction of what is reported."""
    values: dict[str, Any] = {**first_values(RetentionResult), **more, "problem": problem}
    made = insert(RetentionResult).values(run_id=run_id, kind=str(kind), room_id=room_id, **values)
    table = RetentionResult.__table__.c
    sums = {name: table[name] + made.excluded[name] for name in more}
    said = {"problem": made.excluded.problem} if problem else {}
    if sums or said:
        keys: Collection[str] = ("run_id", "kind", "room_id")
        made = made.on_conflict_do_update(index_elements=list(keys), set_={**sums, **said})
    db.session.execute(made)
