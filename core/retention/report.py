"""What the command line says of what would be deleted, and of what was."""

from __future__ import annotations

from core.db import db
from core.retention import runs, stock

NOTHING = "Nothing is due."


def told() -> str:
    """What would be deleted now, kind by kind."""
    found = stock.preview()
    lines = []
    for one in found.sums:
        kept = f"{one.house} days" if one.house else "without limit"
        line = f"{one.kind:<14} kept {kept:<14} {one.lectures} lectures, {one.items} entries"
        lines.append(f"{line}, the oldest of {one.oldest:%Y-%m-%d}" if one.oldest else line)
    return "\n".join([*lines, "Nothing was deleted." if not found.is_empty else NOTHING])


def carry_out() -> str:
    """Delete it now, and give the report."""
    run = runs.begin(name="audimax retention")
    run_id = run.id
    db.session.commit()
    more = runs.work_off(run_id)
    lines = [
        f"{kind:<14} " + ", ".join(f"{count} {name}" for name, count in numbers.items())
        for kind, numbers in runs.numbers_of(run_id).items()
    ]
    return "\n".join([*(lines or [NOTHING]), *(["More is left: run this again."] if more else [])])
