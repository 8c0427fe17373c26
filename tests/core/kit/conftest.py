"""Plugins that exist for one test only, in this process or in a folder of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.kit import package
from tests.core.engine.conftest import install
from tests.fixtures.environment import ROOT, quiet

__all__ = ["install"]
Check = Callable[..., subprocess.CompletedProcess[str]]


class Installed:
    """A package as pip would have put it into a folder of libraries; it can be broken on purpose."""

    def __init__(self, libraries: Path, name: str, kind: str) -> None:
        self.name, self.libraries = name, libraries
        self.sources = package.make(name, kind, libraries / "sources")
        self.folder = libraries / package.module(name)
        (self.sources / package.module(name)).rename(self.folder)
        facts = libraries / f"{package.module(name)}-0.1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: audimax-{name}\nVersion: 0.1.0\n")
        (facts / "entry_points.txt").write_text(f"[audimax.plugins]\n{name} = {package.module(name)}\n")

    @property
    def tests(self) -> Path:
        return self.sources / "tests" / f"test_{self.name}.py"

    def change(self, file: str, before: str, after: str) -> None:
        path = self.folder / file
        text = path.read_text("utf-8")
        assert before in text, text
        path.write_text(text.replace(before, after), "utf-8")


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    return tmp_path / "libraries"


@pytest.fixture
def put(libraries: Path) -> Callable[[str, str], Installed]:
    """``put("bell", "panel")``: a package of that kind, as if it had been installed."""
    return lambda name, kind="export": Installed(libraries, name, kind)


@pytest.fixture
def audimax(libraries: Path, tmp_path: Path) -> Check:
    """``audimax("plugins", "check", "bell")`` as a command of its own, in a folder without settings."""

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = quiet(PYTHONPATH=f"{libraries}:{ROOT}", **more)
        argv = [sys.executable, "-m", "core.cli", *words]
        return subprocess.run(
            argv, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False, timeout=300
        )

    return run
