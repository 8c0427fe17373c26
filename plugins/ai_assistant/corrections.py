"""A name or a term that was misheard, put right in all lines and in the summary."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core.api import Lecture, db, defer
from plugins.ai_assistant import transcript
from plugins.ai_assistant.models import LectureArtifact, TranscriptLine


@dataclass(frozen=True)
class Change:
    """One word or some, and what they should have been. Whole words only, in whatever case they stand."""

    wrong: str
    right: str

    @property
    def makes_sense(self) -> bool:
        return bool(self.wrong.strip() and self.right) and self.wrong.strip() != self.right

    @property
    def pattern(self) -> re.Pattern[str]:
        words = r"\s+".join(map(re.escape, self.wrong.split()))
        return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        return self.pattern.sub(lambda _match: self.right, text)


def in_lines(lecture: Lecture, change: Change, *, keep: bool) -> list[str]:
    """The lines as they read after the change, those that it changes."""
    first = change.wrong.split()[0]
    may_have = TranscriptLine.text.icontains(first, autoescape=True)
    mine = TranscriptLine.lecture_id == lecture.id, transcript.remains(lecture), may_have
    query = sa.select(TranscriptLine).where(*mine)
    changed = []
    for line in db.session.scalars(query.order_by(TranscriptLine.at, TranscriptLine.id)):
        text = change(line.text)
        if text != line.text:
            changed.append(text)
            if keep:
                line.text, line.is_edited = text, True
    return changed


def in_summary(artifact: LectureArtifact, change: Change, *, keep: bool) -> int:
    """How many texts of the summary it changes, in what was made and in what a host has written."""
    count = 0
    for name in ("summary", "edited"):
        before = getattr(artifact, name)
        after, changed = _walk(before, change)
        count += changed
        if keep and changed:
            setattr(artifact, name, after)
    return count


def _walk(value: Any, change: Change) -> tuple[Any, int]:
    if isinstance(value, str):
        text = change(value)
        return text, int(text != value)
    if isinstance(value, list):
        found = [_walk(one, change) for one in value]
        return [one for one, _count in found], sum(count for _one, count in found)
    if isinstance(value, dict):
        parts = {name: _walk(one, change) for name, one in value.items()}
        return {name: one for name, (one, _c) in parts.items()}, sum(c for _one, c in parts.values())
    return value, 0


def written_anew(lecture: Lecture, artifact: LectureArtifact) -> None:
    """The transcript's files are made again, where there are some."""
    if artifact.lines_file_id is not None or lecture.ended_at is not None:
        defer("ai_assistant:keep_files", lock=f"ai_assistant:files:{lecture.id}", lecture_id=lecture.id)
