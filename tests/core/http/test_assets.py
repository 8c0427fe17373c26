"""Built browser files: their addresses, how they are served, icons."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.http.assets import Assets, assets, icon

MANIFEST = {
    "_shared.js": {"file": "assets/shared-1.js", "name": "shared", "css": ["assets/shared-1.css"]},
    "_deep.js": {"file": "assets/deep-1.js", "name": "deep", "css": ["assets/deep-1.css"]},
    "ui/site/site.ts": {
        "file": "assets/core/site-1.js",
        "name": "core/site",
        "isEntry": True,
        "imports": ["_shared.js"],
        "css": ["assets/site-1.css"],
    },
    "ui/room/main.tsx": {
        "file": "assets/core/room-1.js",
        "name": "core/room",
        "isEntry": True,
        "imports": ["_shared.js", "_deep.js"],
        "css": ["assets/shared-1.css"],
    },
}
MANIFEST["_shared.js"]["imports"] = ["_deep.js"]


@pytest.fixture
def dist(app: Flask, tmp_path: Path) -> Path:
    """A build in the place of the real one."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "icons.svg").write_text("<svg/>")
    for name, text in (("site.js", "plain"), ("site.js.gz", "gzipped"), ("site.js.br", "brotli")):
        (tmp_path / "assets" / name).write_text(text)
    app.extensions["audimax_assets"] = Assets(tmp_path)
    return tmp_path


def test_an_entry_brings_its_chunks_in_order_and_once(dist: Path) -> None:
    built = Assets(dist)
    assert built.url("core/room") == "/static/dist/assets/core/room-1.js"
    assert built.css("core/site") == [
        "/static/dist/assets/deep-1.css",
        "/static/dist/assets/shared-1.css",
        "/static/dist/assets/site-1.css",
    ]
    assert built.preload("core/room") == ["/static/dist/assets/deep-1.js", "/static/dist/assets/shared-1.js"]


def test_a_new_build_is_seen_without_a_restart(dist: Path) -> None:
    built = Assets(dist)
    assert not built.has("plugins/poll/room")
    manifest = {**MANIFEST, "p": {"file": "assets/poll-1.js", "name": "plugins/poll/room", "isEntry": True}}
    (dist / "manifest.json").write_text(json.dumps(manifest))
    os.utime(dist / "manifest.json", ns=(1, 1))
    assert built.url("plugins/poll/room") == "/static/dist/assets/poll-1.js"


def test_pages_work_before_anything_is_built(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    app.extensions["audimax_assets"].folder = tmp_path
    page = client.get("/sign-in")
    assert page.status_code == 200
    assert 'src=""' not in page.text


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("br, gzip", "br", b"brotli"),
        ("gzip", "gzip", b"gzipped"),
        ("identity", None, b"plain"),
        ("", None, b"plain"),
    ],
)
def test_the_best_compressed_form_is_sent(
    client: FlaskClient, dist: Path, accepted: str, encoding: str | None, body: bytes
) -> None:
    answer = client.get("/static/dist/assets/site.js", headers={"Accept-Encoding": accepted})
    assert (answer.headers.get("Content-Encoding"), answer.data) == (encoding, body)
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_files_with_a_hash_are_kept_for_ever_and_others_asked_for_again(
    client: FlaskClient, dist: Path
) -> None:
    kept = client.get("/static/dist/assets/site.js").headers["Cache-Control"]
    assert "max-age=31536000" in kept
    assert "immutable" in kept
    assert "max-age=0" in client.get("/static/dist/icons.svg").headers["Cache-Control"]


def test_the_sprite_has_a_new_address_when_it_changes(client: FlaskClient, dist: Path) -> None:
    built = Assets(dist)
    first = built.sprite
    (dist / "icons.svg").write_text("<svg></svg>")
    os.utime(dist / "icons.svg", ns=(1, 1))
    assert built.sprite != first
    assert "max-age=31536000" in client.get(built.sprite).headers["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["../config.py", "..%2f..%2fconfig.py", "assets/../../config.py", "nothing.js", "assets"]
)
def test_nothing_outside_the_build_is_served(client: FlaskClient, dist: Path, path: str) -> None:
    assert client.get(f"/static/dist/{path}").status_code == 404


def test_an_icon_is_hidden_from_screen_readers_and_its_name_escaped(app: Flask, dist: Path) -> None:
    with app.app_context():
        made = str(icon('"><script>', 16))
        assert 'aria-hidden="true"' in made
        assert "<script>" not in made
        assert assets().sprite in made
