"""Runs one exporter behind walls: reads what is to be done, writes a line about the outcome, then the file.

Started by ``core.exports.running`` with an empty environment. It loads the one plugin with its settings
(secrets left out) and core's public ones, builds the walls, and only then hands the lecture over.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from flask import Flask
from flask_babel import force_locale

from core.config import Config
from core.contracts import File, Link
from core.engine.plugins import Plugins, plugins
from core.exports import packing, walls
from core.files.walls import BEGUN
from core.http import i18n

# What a plugin may know of the installation while it exports.
PUBLIC = ("public_url", "links_url", "institution", "default_locale", "time_zone")
LONGEST_WORDS = 500


def main() -> None:
    """Do what standard input says; the end of the process is the end of the export."""
    asked = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "wb")
    # What a library prints must not end up in the file.
    os.dup2(2, 1)
    if asked["root"] not in sys.path:
        sys.path.append(asked["root"])
    with _app(asked).app_context(), force_locale(asked["package"]["language"]):
        exporter = _exporter(asked)
        package = packing.from_json(asked["package"])
        tempfile.tempdir = asked["folder"]
        missing = walls.confine(_allowed(asked))
        print(BEGUN + ", ".join(missing), file=sys.stderr, flush=True)
        _hand_over(_outcome(exporter, package, asked["options"]), out)
    out.flush()
    # Libraries that tidy up at exit may ask for what is gone.
    os._exit(0)


def _app(asked: Mapping[str, Any]) -> Flask:
    """As much of the app as a plugin needs to be loaded."""
    app = Flask("core")
    app.extensions["audimax_config"] = Config(**asked["config"], enabled_plugins=[asked["plugin"]])
    made = app.extensions["audimax_plugins"] = Plugins()
    made.add(asked["module"], asked["plugin"], asked["settings"])
    i18n.init_app(app)
    return app


def _exporter(asked: Mapping[str, Any]) -> Any:
    offered = plugins.ask_one(asked["plugin"], "exporters")
    return next(one for one in offered if one.id == asked["exporter"])


def _allowed(asked: Mapping[str, Any]) -> walls.Allowed:
    limits = asked["limits"]
    return walls.Allowed(
        reads=[Path(one) for one in asked["reads"]],
        writes=Path(asked["folder"]),
        memory=limits["memory"],
        output=limits["output"],
        seconds=limits["seconds"],
        wall_seconds=limits["seconds"] * 2,
    )


def _outcome(exporter: Any, package: Any, options: Mapping[str, Any]) -> Any:
    """The file or link, or a table that says why there is none."""
    try:
        made = exporter.export(package, options)
    except ValueError as error:
        return {"words": str(error)[:LONGEST_WORDS]}
    except MemoryError:
        return {"problem": "MemoryError", "code": "memory"}
    except Exception as error:
        return {"problem": f"{type(error).__name__}: {error}"[:LONGEST_WORDS]}
    if not isinstance(made, File | Link):
        return {"problem": f"export() gave {type(made).__name__}, not a File or a Link"}
    return made


def _hand_over(made: Any, out: BinaryIO) -> None:
    if isinstance(made, Link):
        made = {"url": made.url, "title": made.title}
    if not isinstance(made, File):
        out.write(json.dumps(made).encode())
        return
    out.write(json.dumps({"name": str(made.name), "mime": str(made.mime)}).encode() + b"\n")
    with made.body as body:
        shutil.copyfileobj(body, out, 1 << 20)
