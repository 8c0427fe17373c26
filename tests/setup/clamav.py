"""Find ClamAV's daemon for the tests of the virus scan, or install it: 20 MB, its signatures aren't needed."""

from __future__ import annotations

import os
import shutil

from tests.setup import apt


def find() -> str:
    """The path of clamd; empty where there is none."""
    return shutil.which("clamd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""


def main() -> None:
    """Install it where it is missing. Not having it is no error: the tests that need it say so."""
    if not find() and not (apt.install("clamav-daemon", "ClamAV") and find()):
        print("no clamd: the tests of the virus scan are skipped. Install ClamAV's daemon")


if __name__ == "__main__":
    main()
