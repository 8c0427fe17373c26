"""Writes audimax.example.toml from the settings' dataclass: `make example`."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from typing import Any

from core.config import Config
from core.engine.settings import Field, fields

HEAD = """\
# Settings of Audimax. Copy this file to audimax.toml and change what you need; what is commented out
# shows the default. Every setting can be given as a variable instead, which wins: AUDIMAX_PUBLIC_URL,
# AUDIMAX_SECRET_KEY, … Lists in variables are separated by commas. `audimax doctor` says what is wrong.
"""
TAIL = """\

# Settings of a plugin have a table of their own, or AUDIMAX_PLUGINS__<NAME>__<SETTING>.
# [plugins.lobby]
"""


def made() -> str:
    """The whole file."""
    parts = [_entry(field) for field in fields(Config).values() if field.name not in ("plugins", "mode")]
    return "\n".join([HEAD, *parts]) + TAIL


def _entry(field: Field) -> str:
    comment = textwrap.indent("\n".join(textwrap.wrap(_comment(field), 106)), "# ")
    return f"{comment}\n# {field.name} = {_toml(field.default)}\n"


def _comment(field: Field) -> str:
    choices = f" One of: {', '.join(map(str, field.choices))}." if field.choices else ""
    text = str(field.help or field.label)
    start = text[0] if "://" in text.split()[0] else text[0].upper()
    return start + text[1:].rstrip(".") + "." + choices


def _toml(value: Any) -> str:
    if dataclasses.is_dataclass(value):
        raise TypeError("settings are flat")
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    print(made(), end="")
