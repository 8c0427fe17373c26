"""What this installation remembers of its last backup, for `audimax doctor`."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from core.db import now
from core.run import places

FILE = "last-backup.json"


@dataclass(frozen=True)
class Last:
    """When the last one was begun, and when the last whole one was begun and finished."""

    begun_at: str = ""
    whole_at: str = ""
    finished_at: str = ""
    where: str = ""

    @property
    def broke_off(self) -> bool:
        return self.begun_at != self.whole_at

    def age_in_days(self) -> float:
        return (now() - datetime.fromisoformat(self.whole_at)).total_seconds() / 86400


def last(instance: Path) -> Last:
    """What is remembered; nothing where nothing can be read."""
    with suppress(OSError, ValueError, TypeError):
        return Last(**json.loads((instance / FILE).read_text("utf-8")))
    return Last()


def begun(instance: Path, moment: str, where: str) -> None:
    before = last(instance)
    _write(instance, Last(moment, before.whole_at, before.finished_at, where))


def finished(instance: Path, moment: str, where: str) -> None:
    _write(instance, Last(moment, moment, now().isoformat(timespec="seconds"), where))


def _write(instance: Path, made: Last) -> None:
    # A backup is no worse when nobody remembers it.
    with suppress(OSError):
        places.write_private(instance / FILE, json.dumps(asdict(made), indent=2) + "\n")
