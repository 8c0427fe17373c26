"""An admin sends a spoken sample through the provider and sees what comes back, and how fast."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core.api import db, now, settings
from plugins.ai_assistant import state
from plugins.ai_assistant.models import Trial
from plugins.ai_assistant.settings import Settings

# What the sample beside the agent says.
SPOKEN = "Good morning, and welcome. Today we talk about waves, and about the light of the stars."
# Loading a model takes seconds on a slow machine, and a provider may be slow too.
PATIENCE = 90
KEPT = 20


def begin() -> Trial:
    """A new one, not committed; old ones go."""
    old = sa.select(Trial.id).order_by(Trial.id.desc()).offset(KEPT - 1)
    db.session.execute(sa.delete(Trial).where(Trial.id.in_(old.scalar_subquery())))
    made = Trial(provider=settings(Settings).provider)
    db.session.add(made)
    db.session.flush()
    return made


def last() -> Trial | None:
    """The last one, done or not."""
    return db.session.scalar(sa.select(Trial).order_by(Trial.id.desc()).limit(1))


def is_running() -> bool:
    """Whether one is under way."""
    found = last()
    return found is not None and found.done_at is None and not is_lost(found)


def is_lost(trial: Trial) -> bool:
    """Nobody will answer any more: no worker took it, or it has died."""
    return trial.done_at is None and trial.asked_at < now() - timedelta(seconds=2 * PATIENCE)


def run(trial_id: int) -> None:
    """Take the sample the way of a lecture's sound, in a program of its own; commits."""
    found = db.session.get(Trial, trial_id)
    if found is None or found.done_at is not None:
        return
    db.session.commit()
    said = _said()
    found.text, found.model = str(said.get("text", ""))[:1000], str(said.get("model", ""))[:100]
    found.seconds = float(said.get("seconds", 0.0))
    found.problem = _problem(said)
    found.done_at = now()
    db.session.commit()


def _said() -> dict[str, Any]:
    argv = [sys.executable, "-m", "plugins.ai_assistant.agent", "try"]
    # Into files, not into our memory: nobody knows what a library writes.
    with tempfile.TemporaryFile() as made, tempfile.TemporaryFile() as log:
        try:
            subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=made, stderr=log, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            return {"code": "provider_down"}
        made.seek(0)
        lines = made.read(100_000).decode("utf-8", "replace").strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) and found else {"code": "unknown"}


def _problem(said: dict[str, Any]) -> str:
    code = str(said.get("code", ""))
    if code:
        return state.paused_because(code)
    return "" if said.get("text") else str(_("The provider answered, but heard nothing."))
