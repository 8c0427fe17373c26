"""Find a Chromium for the browser tests, or install one: the system's, else Playwright's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.setup import apt

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find() -> str:
    """The path of a Chromium of this machine; empty where there is none."""
    named = os.environ.get("AUDIMAX_TEST_CHROMIUM", "")
    on_path = next((found for name in NAMES if (found := shutil.which(name))), "")
    return named or on_path or (str(MAC) if MAC.exists() else "")


def main() -> None:
    """Install one where it is missing. Not having one is no error: the tests that need it say so."""
    if find() or _playwrights():
        return
    for way in (_by_apt, _by_playwright):
        if way() and (find() or _playwrights()):
            return
    print("no Chromium: the browser tests are skipped. Install one, or name it in AUDIMAX_TEST_CHROMIUM")


def _by_apt() -> bool:
    return apt.install("chromium", "Chromium")


def _by_playwright() -> bool:
    print("setting up: Playwright's Chromium …", flush=True)
    return subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"]).returncode == 0


def _playwrights() -> bool:
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright")
    return any(folder.glob("chromium-*/**/chrome")) if folder.is_dir() else False


if __name__ == "__main__":
    main()
