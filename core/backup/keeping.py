"""Secrets, by choice: without the keys of the settings some of what is restored can't be read."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from core.config import Config
from core.engine.settings import fields
from core.hookspecs import PROJECT
from core.run import places

FILE = "restored-secrets.env"
# What opens the way to other servers belongs to where the product runs, not to what it has stored.
OF_CORE = ("secret_key",)
WHAT_ONE_KEY_DOES = (
    "sessions, links in mails and remembered bans are void, and people sign in and connect anew"
)


def key_print(config: Config) -> str:
    """By which a restore sees whether it has the same key; tells nothing of it."""
    return hmac.new(config.secret_key.encode(), b"audimax backup", hashlib.sha256).hexdigest()[:32]


def collected(app: Flask) -> bytes:
    """Core's key and all secret settings of the enabled plugins, as variables."""
    config: Config = app.extensions["audimax_config"]
    found = {f"AUDIMAX_{name.upper()}": getattr(config, name) for name in OF_CORE}
    for name, plugin in app.extensions[f"{PROJECT}_plugins"].loaded.items():
        secret = [one for one, facts in fields(plugin.manifest.settings).items() if facts.secret]
        found |= _of_plugin(name, {one: getattr(plugin.settings, one) for one in secret})
    return json.dumps(found).encode()


def _of_plugin(name: str, values: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"AUDIMAX_PLUGINS__{name.upper()}__{one.upper()}": _written(value)
        for one, value in values.items()
        if value
    }


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def differing(app: Flask, kept: bytes) -> dict[str, str]:
    """Those that this installation hasn't, or has others of."""
    here: Mapping[str, str] = json.loads(collected(app))
    found: dict[str, str] = json.loads(kept)
    return {name: value for name, value in found.items() if here.get(name) != value}


def write_down(instance: Path, differing: Mapping[str, str]) -> Path:
    """For the admin, to be put into the settings; nobody else can read it."""
    lines = (f"{name}='{value}'\n" for name, value in sorted(differing.items()))
    path = instance / FILE
    places.write_private(path, "".join(lines))
    return path


def adopt_generated(instance: Path, differing: dict[str, str]) -> dict[str, str]:
    """Where `audimax run` keeps generated secrets, the restored key takes its place; what is left."""
    path, key = instance / "secrets.json", differing.get("AUDIMAX_SECRET_KEY")
    if key is None or not path.exists():
        return differing
    kept = json.loads(path.read_text("utf-8"))
    places.write_private(path, json.dumps({**kept, "secret_key": key}, indent=2) + "\n")
    return {name: value for name, value in differing.items() if name != "AUDIMAX_SECRET_KEY"}
