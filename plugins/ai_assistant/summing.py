"""From the transcript to a summary: which way, with what outcome, at what cost."""

from __future__ import annotations

import logging
from typing import Any

from flask_babel import gettext as _

from core.api import Lecture, db, is_cut, passages_of, settings
from plugins.ai_assistant import consent, state, transcript, usage
from plugins.ai_assistant.models import LectureArtifact, State
from plugins.ai_assistant.settings import Settings
from plugins.ai_assistant.summary import (
    Line,
    Made,
    Model,
    Summary,
    SummaryFailed,
    draft,
    summarize,
    without,
)

log = logging.getLogger(__name__)


def sum_up(lecture: Lecture, model: str = "") -> None:
    """Make the summary anew and keep it beside what hosts have written; commits.

    Raises ``SummaryFailed`` when it is worth another try; whatever else fails ends with a draft.
    """
    lines = read(lecture)
    house = settings(Settings)
    chosen = model or house.summary_model
    db.session.commit()
    if not lines:
        return _keep(lecture, None, State.NONE)
    if not chosen:
        return _keep(lecture, draft(lines, language=lecture.language), State.DONE)
    try:
        made = summarize(lines, title=lecture.title, language=lecture.language, model=_model(chosen))
    except SummaryFailed as failed:
        if failed.retry:
            _note(lecture, State.SUMMARIZING, because(failed.code))
            raise
        log.warning("lecture %s: no summary: %s", lecture.public_id, failed.code)
        return _keep(
            lecture, draft(lines, language=lecture.language), State.FAILED, because(failed.code), failed
        )
    return _keep(lecture, made, State.DONE)


def read(lecture: Lecture) -> list[Line]:
    """What was said, numbered in order; the numbers stay, for lines are corrected but never removed."""
    rows = [row for row in db.session.execute(transcript.lines(lecture)) if not row.is_gap]
    return [
        Line(number, row.at / 1000, row.name, row.text)
        for number, row in enumerate(rows, start=1)
        if row.text and not row.is_cut
    ]


def without_cuts(lecture: Lecture, *kept: dict[str, Any] | None) -> list[dict[str, Any] | None]:
    """Summaries as they are kept, without what rests on a line that was cut out of the lecture."""
    passages = passages_of(lecture)
    if not passages:
        return list(kept)
    numbers = transcript.cut_numbers(lecture)

    def rest(summary: dict[str, Any]) -> dict[str, Any]:
        whole = Summary.model_validate(summary)
        return without(whole, numbers, lambda at: is_cut(passages, at, at)).model_dump(mode="json")

    return [rest(one) if one is not None else None for one in kept]


def _model(name: str) -> Model:
    house = settings(Settings)
    return Model(
        name=name,
        url=house.summary_url,
        key=house.summary_key,
        seconds=house.summary_seconds,
        part_tokens=house.summary_part_tokens,
        most_tokens=house.summary_tokens,
        price_in=house.price_million_in,
        price_out=house.price_million_out,
        most_cost=house.most_per_summary,
    )


def _keep(
    lecture: Lecture, made: Made | None, becomes: State, why: str = "", failed: SummaryFailed | None = None
) -> None:
    artifact = consent.locked_artifact(lecture)
    if made is not None:
        artifact.summary = made.summary.model_dump(mode="json")
        artifact.summary_model = made.model
        artifact.version += 1
        usage.add(artifact, lecture, tokens_in=made.tokens_in, tokens_out=made.tokens_out)
    if failed is not None:
        usage.add(artifact, lecture, tokens_in=failed.tokens_in, tokens_out=failed.tokens_out)
    _set(artifact, becomes, why)
    db.session.commit()


def _note(lecture: Lecture, becomes: State, why: str) -> None:
    artifact = consent.locked_artifact(lecture)
    _set(artifact, becomes, why)
    db.session.commit()


def _set(artifact: LectureArtifact, becomes: State, why: str) -> None:
    artifact.state, artifact.why = becomes.value, why
    state.touch(artifact)


def give_up(lecture: Lecture, why: str) -> None:
    """No further try will be made: what there is stays, with a draft where there is nothing."""
    artifact = consent.locked_artifact(lecture)
    has_one = artifact.summary is not None
    db.session.commit()
    lines: Any = [] if has_one else read(lecture)
    made = draft(lines, language=lecture.language) if lines else None
    _keep(lecture, made, State.FAILED, why)


def because(code: str) -> str:
    """Why there is no summary by a model, for hosts."""
    words = {
        "bad_key": _("the language model refuses the institution's key"),
        "no_credit": _("the institution's account with the language model is empty"),
        "too_many": _("the language model has too much to do"),
        "down": _("the language model doesn't answer"),
        "slow": _("the language model took too long"),
        "refused": _("the language model refused to sum this lecture up"),
        "bad_answer": _("the language model's answer made no sense"),
        "too_long": _("the lecture is longer than one summary may cost tokens"),
        "too_dear": _("the summary would cost more than the institution allows"),
    }
    return str(words.get(code) or _("something unexpected happened"))
