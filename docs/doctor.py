"""Writes the table of what `audimax doctor` looks at: `python -m docs.doctor`."""

from __future__ import annotations

from pathlib import Path

from core.doctor.subjects import ALL

GUIDE = Path(__file__).with_name("operations.md")
BEGIN = "made from core.doctor by `python -m docs.doctor` -->\n"
END = "<!-- /doctor -->"


def table() -> str:
    """Every check by the name that a finding has."""
    rows = [
        f"| {subject.title} | {name.replace('<', '&lt;')} | {what} |"
        for subject in ALL
        for name, what in subject.checks.items()
    ]
    return "\n".join(["", "| about | check | what is looked at |", "|---|---|---|", *rows, "", ""])


def with_table(guide: str) -> str:
    """The guide with the table as it must be now."""
    before, _begin, rest = guide.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    GUIDE.write_text(with_table(GUIDE.read_text("utf-8")), "utf-8")
