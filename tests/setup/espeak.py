"""Find espeak-ng, which speaks the tests' texts, or install it: 14 MB."""

from __future__ import annotations

import shutil

from tests.setup import apt


def find() -> str:
    """The path of espeak-ng; empty where there is none."""
    return shutil.which("espeak-ng") or ""


def main() -> None:
    """Install it where it is missing. The tests of captions can't do without."""
    if not find() and not (apt.install("espeak-ng", "espeak-ng") and find()):
        raise SystemExit("no espeak-ng, which speaks in the tests of captions: install it")


if __name__ == "__main__":
    main()
