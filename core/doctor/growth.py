"""How fast a number grows, from one look to the next: when a disk is full, what a database gains."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from core.run import places

FILE = "doctor.json"
A_DAY = 86_400.0
# The oldest look that counts, and the shortest time that tells of a pace.
OLDEST_DAYS, LEAST_DAYS = 30.0, 1.0
Looks = list[tuple[float, int]]


def days_left(folder: Path, free: int) -> float | None:
    """In how many days nothing is free; None where it doesn't shrink, or nobody has looked long enough."""
    pace = per_day(folder, "free", free)
    return free / -pace if pace is not None and pace < 0 else None


def per_day(folder: Path, name: str, value: int, moment: float | None = None) -> float | None:
    """What ``name`` has gained a day since the oldest look; this one is remembered in ``folder``."""
    moment = time.time() if moment is None else moment
    known = _known(folder)
    looks = [one for one in known.get(name, []) if 0 <= moment - one[0] <= OLDEST_DAYS * A_DAY]
    pace = _pace(looks, moment, value)
    if not looks or moment - looks[-1][0] > A_DAY / 2:
        looks.append((moment, value))
    _keep(folder, {**known, name: looks})
    return pace


def _pace(looks: Looks, moment: float, value: int) -> float | None:
    if not looks or moment - looks[0][0] < LEAST_DAYS * A_DAY:
        return None
    return (value - looks[0][1]) / ((moment - looks[0][0]) / A_DAY)


def _known(folder: Path) -> dict[str, Looks]:
    with suppress(OSError, ValueError, TypeError, AttributeError):
        found = json.loads((folder / FILE).read_text("utf-8"))
        return {str(name): [(float(at), int(size)) for at, size in looks] for name, looks in found.items()}
    return {}


def _keep(folder: Path, known: Mapping[str, Looks]) -> None:
    # Nothing is worse when nobody remembers it.
    with suppress(OSError):
        places.write_private(folder / FILE, json.dumps(known) + "\n")
