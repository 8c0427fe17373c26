"""A rogue exporter: the job fails with the plugin's name, in words; nobody else notices."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from core import ROOT
from core.exports import running
from tests.core.exports.conftest import Hall

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="walls are Linux's")


@pytest.mark.parametrize(
    ("does", "words", "problem"),
    [
        ("raises", "The plugin “rogue” failed.", "RuntimeError: out of order"),
        ("wrong", "The plugin “rogue” failed.", "export() gave int"),
        ("unnamed", "The plugin “rogue” failed.", "TypeError"),
        ("dies", "The plugin “rogue” failed.", "PermissionError"),
        ("refuses", "There is nothing to export here.", ""),
        ("waits", "It took too long", "stopped after 5 s"),
        ("loops", "It took too long", "stopped after 5 s"),
        ("eats", "It needed more memory", "out of memory"),
        ("huge", "would be larger than 1 MB", "the file is too large"),
    ],
)
def test_what_goes_wrong_is_said_to_both_and_ends_there(
    hall: Hall, does: str, words: str, problem: str
) -> None:
    export, other = hall.made_beside(hall.host, does)
    assert (export.state, export.file_id) == ("failed", None)
    assert words in export.why
    page = hall.host.get(hall.page)
    assert page.status_code == hall.host.get(f"/lectures/{hall.id}").status_code == 200
    assert words in page.text.replace("&#34;", '"')
    assert other.state == "done", "the worker goes on"
    failures = hall.app.extensions["audimax_plugins"].failures
    # What a plugin refuses in words is nobody's fault.
    assert [(one.plugin, one.hook) for one in failures] == [("rogue", "export rogue")] * bool(problem)
    assert all(problem in one.problem for one in failures)


def test_a_bad_name_or_type_does_no_harm(hall: Hall) -> None:
    export = hall.made(hall.host, "named")
    answer = hall.download(hall.host, export)
    said = answer.headers["Content-Disposition"]
    assert "/" not in said.split("filename=")[1].split(";")[0] and ".." not in said
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.mimetype == "application/octet-stream"


def test_only_links_to_the_web_are_shown(hall: Hall) -> None:
    assert hall.made(hall.host, "links", "https://drive.example/x").state == "done"
    assert 'href="https://drive.example/x"' in hall.host.get(hall.page).text
    hall.made(hall.host, "links", "javascript:alert(1)")
    assert "javascript:" not in hall.host.get(hall.page).text


def test_it_knows_its_settings_but_no_secret(hall: Hall) -> None:
    said = hall.said(hall.host, "knows")
    assert (said["greeting"], said["key"]) == ("good morning", "")
    assert not [name for name in said["environment"] if "AUDIMAX" in name]


@ON_LINUX
@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/1/environ"])
def test_it_cannot_read_what_isnt_its_own(hall: Hall, path: str) -> None:
    export = hall.made(hall.host, "reads", path)
    assert export.state == "failed"
    assert "PermissionError" in hall.app.extensions["audimax_plugins"].failures[-1].problem


@ON_LINUX
def test_it_cannot_read_the_instance(hall: Hall, tmp_path: Path) -> None:
    secret = tmp_path / "secrets.json"
    secret.write_text("planted")
    assert hall.made(hall.host, "reads", secret).state == "failed"
    assert "PermissionError" in hall.app.extensions["audimax_plugins"].failures[-1].problem


def test_libraries_may_lie_elsewhere_but_the_checkout_stays_shut(
    hall: Hall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "lib" / "site-packages"
    monkeypatch.setattr(sys, "path", [*sys.path, str(elsewhere), str(ROOT), ""])
    loaded = hall.app.extensions["audimax_plugins"].loaded["rogue"]
    found = set(running._readable(loaded, object()))  # type: ignore[arg-type]
    assert elsewhere in found
    assert not {ROOT, Path()} & found


@ON_LINUX
def test_it_reaches_no_network(hall: Hall) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert hall.made(hall.host, "connects", server.getsockname()[1]).state == "failed"
        assert "PermissionError" in hall.app.extensions["audimax_plugins"].failures[-1].problem


@ON_LINUX
@pytest.mark.parametrize("does", ["starts", "forks", "kills"])
def test_it_starts_nothing_and_signals_nobody(hall: Hall, does: str) -> None:
    assert hall.made(hall.host, does).state == "failed"
    problem: Any = hall.app.extensions["audimax_plugins"].failures[-1].problem
    assert "PermissionError" in problem or "Operation not permitted" in problem
