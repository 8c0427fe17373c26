"""Writes the table of settings into the administrators' guide: `python -m docs.settings`."""

from __future__ import annotations

from pathlib import Path

from core.config import Config
from core.engine.settings import Field, fields

GUIDE = Path(__file__).with_name("admin-guide.md")
# `audimax run` sets one, the other is a table for each plugin.
LEFT_OUT = ("mode", "plugins")


def table() -> str:
    """Every setting with what it means and its default."""
    rows = [_row(field) for field in fields(Config).values() if field.name not in LEFT_OUT]
    return "\n".join(["", "| setting | what it means | default |", "|---|---|---|", *rows, "", ""])


def with_table(guide: str) -> str:
    """The guide with the table as it must be now."""
    begin, end = "made from core.config.Config by `python -m docs.settings` -->\n", "<!-- /settings -->"
    before, _begin, rest = guide.partition(begin)
    _old, _end, after = rest.partition(end)
    return f"{before}{begin}{table()}{end}{after}"


def _row(field: Field) -> str:
    choices = f" One of {', '.join(f'`{choice}`' for choice in field.choices)}." if field.choices else ""
    secret = " A secret." if field.secret else ""
    meaning = _sentence(str(field.help or field.label)) + choices + secret
    return f"| `{field.name}` | {meaning} | {_default(field)} |"


def _sentence(text: str) -> str:
    start = text[0] if "://" in text.split()[0] else text[0].upper()
    return start + text[1:].rstrip(".") + "."


def _default(field: Field) -> str:
    if field.default in ("", (), []):
        return "empty"
    if isinstance(field.default, bool):
        return "`true`" if field.default else "`false`"
    return f"`{field.default}`"


if __name__ == "__main__":
    GUIDE.write_text(with_table(GUIDE.read_text("utf-8")), "utf-8")
