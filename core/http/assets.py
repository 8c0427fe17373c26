"""The built browser files: Vite's manifest turned into addresses, served compressed and kept for ever."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from flask import Flask, Response, current_app, g, request, send_from_directory
from markupsafe import Markup, escape

log = logging.getLogger(__name__)
BASE = "/static/dist/"
SPRITE = "icons.svg"
A_YEAR = 365 * 24 * 3600
# Files in this folder carry a hash of their content in their name.
HASHED = "assets/"
FONT = re.compile(r"@font-face\s*\{[^}]*\}")
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


class Assets:
    """What the templates ask for: the script, style sheets and preloads of an entry like ``core/site``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, entry: str) -> str:
        """The entry's script."""
        chunk = self._entry(entry)
        return BASE + chunk["file"] if chunk else ""

    def css(self, entry: str) -> list[str]:
        """Its style sheets, those of shared chunks first."""
        files = [file for chunk in self._chunks(entry) for file in chunk.get("css", ())]
        return [BASE + file for file in dict.fromkeys(files)]

    def style(self, entry: str) -> Markup:
        """The text of its style sheets without their fonts, for a page that may fetch nothing."""
        paths = [self.folder / file.removeprefix(BASE) for file in self.css(entry)]
        return Markup("".join(_style(path, path.stat().st_mtime_ns) for path in paths))  # noqa: S704  (ours)

    def preload(self, entry: str) -> list[str]:
        """The chunks it imports."""
        return [BASE + chunk["file"] for chunk in self._chunks(entry)[:-1]]

    def has(self, entry: str) -> bool:
        return bool(self._entry(entry))

    @property
    def sprite(self) -> str:
        """All icons in one file; its address changes with its content."""
        path = self.folder / SPRITE
        return f"{BASE}{SPRITE}?{_digest(path, path.stat().st_mtime_ns)}" if path.exists() else BASE + SPRITE

    def _entry(self, name: str) -> dict[str, Any]:
        entries = (chunk for chunk in self._manifest().values() if chunk.get("isEntry"))
        return next((chunk for chunk in entries if chunk.get("name") == name), {})

    def _chunks(self, name: str) -> list[dict[str, Any]]:
        """The entry and all it imports, imports first."""
        manifest, found = self._manifest(), dict[str, dict[str, Any]]()

        def walk(key: str, chunk: dict[str, Any]) -> None:
            for imported in chunk.get("imports", ()):
                if imported not in found:
                    walk(imported, manifest[imported])
            found[key] = chunk

        if entry := self._entry(name):
            walk(name, entry)
        return list(found.values())

    def _manifest(self) -> dict[str, Any]:
        path = self.folder / "manifest.json"
        try:
            return _read(path, path.stat().st_mtime_ns)
        except FileNotFoundError:
            return {}


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(path.read_text("utf-8")))


@lru_cache(maxsize=8)
def _style(path: Path, _changed: int) -> str:
    return FONT.sub("", path.read_text("utf-8"))


@lru_cache(maxsize=4)
def _digest(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def init_app(app: Flask) -> None:
    """Serve the files and give templates ``assets`` and ``icon``."""
    made = Assets(Path(app.root_path) / "static" / "dist")
    if not made.has("core/site"):
        log.warning("the browser files are not built: run `make build`")
    app.extensions["audimax_assets"] = made
    app.jinja_env.globals.update(assets=made, icon=icon)
    app.add_url_rule(f"{BASE}<path:name>", "dist", _serve)


def assets() -> Assets:
    """The running app's browser files."""
    return cast(Assets, current_app.extensions["audimax_assets"])


def icon(name: str, size: int | None = None) -> Markup:
    """An icon of ``ui/icons.txt``, as tall as the text or ``size`` pixels; hidden from screen readers."""
    sized = f' width="{size}" height="{size}"' if size else ""
    return Markup(  # noqa: S704  (names are escaped)
        f'<svg class="icon{" icon-sized" if size else ""}"{sized} aria-hidden="true" focusable="false">'
        f'<use href="{_sprite()}#{escape(name)}"></use></svg>'
    )


def _sprite() -> Markup:
    # A page has fifty icons, and where they are is looked up in the file system.
    kept: Any = g._get_current_object()
    if "icon_sprite" not in kept:
        kept.icon_sprite = escape(assets().sprite)
    return cast(Markup, kept.icon_sprite)


def _serve(name: str) -> Response:
    folder = assets().folder
    encoding, suffix = _encoding(folder, name)
    response = send_from_directory(folder, name + suffix, mimetype=_mimetype(name), max_age=_max_age(name))
    response.headers["Vary"] = "Accept-Encoding"
    if encoding:
        response.headers["Content-Encoding"] = encoding
    if name.startswith(HASHED):
        response.cache_control.immutable = True
    return response


def _encoding(folder: Path, name: str) -> tuple[str, str]:
    """A compressed sibling that the build left and the browser takes."""
    for encoding, suffix in ENCODINGS:
        if encoding in request.accept_encodings and (folder / (name + suffix)).is_file():
            return encoding, suffix
    return "", ""


def _max_age(name: str) -> int:
    versioned = name == SPRITE and bool(request.query_string)
    return A_YEAR if versioned or name.startswith(HASHED) else 0


def _mimetype(name: str) -> str | None:
    known = {
        ".js": "text/javascript",
        ".css": "text/css",
        ".svg": "image/svg+xml",
        ".json": "application/json",
    }
    return known.get(Path(name).suffix)
