"""Writes the tables of settings, core's and the plugins': `python -m docs.settings`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from core.config import Config
from core.contracts import NoSettings, Plugin
from core.engine.settings import Field, fields

ROOT = Path(__file__).resolve().parents[1]
GUIDE = Path(__file__).with_name("admin-guide.md")
OF_PLUGINS = Path(__file__).with_name("plugin-settings.md")
# `audimax run` sets one, the other is a table for each plugin.
LEFT_OUT = ("mode", "plugins")


def table() -> str:
    """Every setting with what it means and its default."""
    known = [field for field in fields(Config).values() if field.name not in LEFT_OUT]
    return f"\n{_table(known)}\n\n"


def of_plugins() -> str:
    """The page with the settings of every plugin that comes with Audimax."""
    return "\n\n".join([INTRO, *_parts()]) + "\n"


INTRO = """\
# Settings of the plugins

<!-- Written by `python -m docs.settings`; change the code, not this page. -->

Those of the installation stand in `audimax.toml` below `[plugins.<name>]`, or in variables
`AUDIMAX_PLUGINS__<NAME>__<SETTING>`. Those of a room are in its form; a new room begins with the defaults.
What core itself can be told is in the [administrators' guide](admin-guide.md)."""


def manifests() -> list[Plugin]:
    """What the plugins in `plugins/` say about themselves."""
    names = sorted(path.parent.name for path in ROOT.glob("plugins/*/hooks.py"))
    return [import_module(f"plugins.{name}").plugin for name in names]


def _parts() -> Iterator[str]:
    for plugin in manifests():
        mine = [("Of the installation:", plugin.settings), ("Of a room:", plugin.room_settings)]
        shown = [(words, fields(cls)) for words, cls in mine if cls not in (None, NoSettings)]
        if not any(known for _words, known in shown):
            continue
        yield f"## `{plugin.name}`\n\n{_sentence(str(plugin.description or plugin.title))}"
        for words, known in shown:
            if known:
                yield f"{words}\n\n{_table(list(known.values()))}"


def _table(known: list[Field]) -> str:
    return "\n".join(["| setting | what it means | default |", "|---|---|---|", *map(_row, known)])


def with_table(guide: str) -> str:
    """The guide with the table as it must be now."""
    begin, end = "made from core.config.Config by `python -m docs.settings` -->\n", "<!-- /settings -->"
    before, _begin, rest = guide.partition(begin)
    _old, _end, after = rest.partition(end)
    return f"{before}{begin}{table()}{end}{after}"


def _row(field: Field) -> str:
    named = ", ".join(f"`{choice}`" if choice != "" else "empty" for choice in field.choices)
    choices = f" One of {named}." if named else ""
    secret = " A secret." if field.secret else ""
    variable = f" Or by the variable `{field.variable}`." if field.variable else ""
    editable = " Changeable." if field.editable else ""
    meaning = _meaning(field) + choices + secret + variable + editable
    return f"| `{field.name}` | {meaning} | {_default(field)} |"


def _meaning(field: Field) -> str:
    """A label that says more than the name, then the help."""
    label, help_text = str(field.label), str(field.help)
    says_more = label and label.lower().replace(" ", "_") != field.name
    parts = [label if says_more else "", help_text]
    return " ".join(_sentence(part) for part in parts if part) or _sentence(label)


def _sentence(text: str) -> str:
    start = text[0] if "://" in text.split()[0] else text[0].upper()
    return start + text[1:].rstrip(".") + "."


def _default(field: Field) -> str:
    if field.required:
        return "required"
    if field.default in (None, "", (), [], {}):
        return "empty"
    if isinstance(field.default, bool):
        return "`true`" if field.default else "`false`"
    return f"`{field.default}`"


if __name__ == "__main__":
    GUIDE.write_text(with_table(GUIDE.read_text("utf-8")), "utf-8")
    OF_PLUGINS.write_text(of_plugins(), "utf-8")
