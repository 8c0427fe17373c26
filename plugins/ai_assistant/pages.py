"""The page on which hosts review a lecture, and the one on which admins look after the assistant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.api import (
    ADMINS,
    HOSTS,
    Lecture,
    User,
    db,
    defer,
    here,
    page,
    plugin_page,
    record,
    scoped,
    setting_fields,
    settings,
)
from plugins.ai_assistant import trials, usage
from plugins.ai_assistant.settings import PROVIDERS, Settings

site = Blueprint("ai_assistant_site", __name__)


@site.get("/rooms/<room_id>/lectures/<lecture_public_id>")
@page(roles=HOSTS)
def review(lecture_public_id: str) -> ResponseReturnValue:
    """Summary and transcript of a lecture, to be edited and approved."""
    lecture = scoped(here.room, Lecture, lecture_public_id)
    config = plugin_page(here.room, "ai_assistant", lecture)
    return render_template("ai_assistant/review.html", room=here.room, lecture=lecture, config=config)


@site.get("/admin")
@page(roles=ADMINS)
def admin() -> ResponseReturnValue:
    """How the assistant is set up, whether it works, what it costs."""
    house = settings(Settings)
    return render_template(
        "ai_assistant/admin.html",
        facts=_facts(house),
        months=usage.by_month(),
        today=usage.seconds_today() / 60,
        most_today=house.minutes_per_day,
        **_trial(),
        has_prices=bool(house.price_minute or house.price_million_in or house.price_million_out),
    )


@site.post("/admin/try")
@page(roles=ADMINS, limit="10/minute")
def try_out() -> ResponseReturnValue:
    """Send a spoken sample through the provider; the page shows what came back."""
    user = db.session.get(User, here.caller.user_id)
    if trials.is_running():
        flash(_("A sample is on its way already."), "warn")
    else:
        made = trials.begin()
        record("ai_assistant.try", actor=user)
        defer("ai_assistant:try_out", trial_id=made.id)
        db.session.commit()
    return redirect("/plugins/ai_assistant/admin", 303)


@site.get("/admin/trial")
@page(roles=ADMINS, limit="600/minute")
def trial() -> ResponseReturnValue:
    """What has become of the sample."""
    return render_template("ai_assistant/_trial.html", **_trial())


def _trial() -> dict[str, Any]:
    found = trials.last()
    return {"trial": found, "lost": bool(found and trials.is_lost(found)), "sample": trials.SPOKEN}


@dataclass(frozen=True)
class Fact:
    """A setting as it stands: secrets only tell whether they are there."""

    label: str
    value: str
    name: str


def _facts(house: Settings) -> list[Fact]:
    shown = _always() | _of_provider(house)
    return [Fact(str(field.label), _shown(name, getattr(house, name)), name)
            for name, field in setting_fields(Settings).items() if name in shown]  # fmt: skip


def _always() -> frozenset[str]:
    named = (
        "provider language summary_model minutes_per_day lectures_at_once captions_by_default "
        "keep_by_default ask_people erase_lines consent_text lectures_per_worker"
    )
    return frozenset(named.split())


def _of_provider(house: Settings) -> frozenset[str]:
    """What matters for who is chosen."""
    of = {
        "deepgram": "deepgram_url deepgram_model deepgram_key",
        "openai": "speech_url speech_model speech_key",
        "offline": "whisper_folder",
    }
    summary = "summary_url summary_key summary_tokens most_per_summary further_models"
    return frozenset([*of.get(house.provider, "").split(), *(summary.split() if house.summary_model else ())])


def _shown(name: str, value: Any) -> str:
    if name.endswith("_key"):
        return str(_("is set")) if value else str(_("is not set"))
    if name == "provider":
        return str(PROVIDERS[value])
    if isinstance(value, bool):
        return str(_("yes")) if value else str(_("no"))
    if isinstance(value, list):
        return ", ".join(value) or "–"
    return str(value) if value not in ("", 0) else "–"
