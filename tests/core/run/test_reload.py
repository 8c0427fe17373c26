"""`systemctl reload audimax-web`: new workers have the new code, whole, and nobody notices the change."""

from __future__ import annotations

import re
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.livekit import until
from tests.fixtures.product import ROOT
from tests.fixtures.workers import Workers

PARTS = ("core", "plugins", "templates", "migrations", "wsgi.py", "gunicorn.conf.py")
# gunicorn's first process has imported these, its workers the one that answers.
HELD = ("core/__init__.py", "core/config.py", "core/engine/standing.py", "core/errors.py")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy that may be changed."""
    made = tmp_path / "checkout"
    for part in PARTS:
        source, target = ROOT / part, made / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "ui", "dist"))
        else:
            shutil.copy(source, target)
    return made


def fetch_new_version(checkout: Path) -> None:
    """Old modules have new names, which new ones ask for: old beside new is an error, or the old answer."""
    for path in HELD:
        with (checkout / path).open("a", encoding="utf-8") as file:
            file.write('\n\nNEW_NAME = "new"\n')
    asked = [f"from {path.removesuffix('.py').replace('/', '.')} import NEW_NAME as N{n}\n"
             for n, path in enumerate(HELD)]  # fmt: skip
    asked[0] = "from core import NEW_NAME as N0\n"
    (checkout / "core" / "newly_made.py").write_text("".join(asked) + "WORD = N0 + N1 + N2 + N3\n", "utf-8")
    config = checkout / "gunicorn.conf.py"
    config.write_text(config.read_text("utf-8") + "\nfrom core.newly_made import WORD as _word\n", "utf-8")
    views = checkout / "core" / "health" / "views.py"
    changed = views.read_text("utf-8").replace('Response("ok\\n"', 'Response(WORD + "\\n"')
    views.write_text(changed + "\n\nfrom core.newly_made import WORD\n", "utf-8")


class Visitors:
    """They ask again and again, each time over a connection of its own."""

    def __init__(self, web: Workers) -> None:
        self._web, self._stop = web, threading.Event()
        self.answers: list[str] = []
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(3)]

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            try:
                answer = self._web.ask("GET", "/healthz")
                answer.raise_for_status()
                self.answers.append(answer.text.strip())
            except Exception as error:
                self.failures.append(repr(error))

    @contextmanager
    def coming(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


def counted(web: Workers) -> float:
    """How often probes were answered, by the figures of all workers together."""
    said = web.ask("GET", "/metrics").text
    lines = re.findall(r'(?m)^audimax_http_request_seconds_count\{.*"/healthz".*\} (\S+)$', said)
    return sum(map(float, lines))


def test_a_reload_brings_the_new_code_whole_and_no_request_fails(
    checkout: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    web = Workers({**settings, "instance_dir": str(tmp_path)}, tmp_path, root=checkout)
    visitors = Visitors(web)
    try:
        fetch_new_version(checkout)
        with visitors.coming():
            until(lambda: len(visitors.answers) > 20, what="the old ones answer")
            before = counted(web)
            web.process.send_signal(signal.SIGHUP)
            until(lambda: set(visitors.answers[-30:]) == {"new" * 4}, seconds=120, what="all are new")
        assert set(visitors.answers) == {"ok", "new" * 4}
        assert visitors.failures == []
        assert web.process.poll() is None, "the same process has the workers"
        assert 0 < before < counted(web), "figures go on"
        number = web.ask("GET", "/nowhere").headers["X-Request-Id"]
        assert number in web.log and "Traceback" not in web.log
    finally:
        web.stop()
