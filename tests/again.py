"""What failed against real servers while all else ran beside it is asked once more, alone.

Each second chance is a test to be mended: it is listed, and more than a few of them fail the run. Tests that
need no server have none: nothing but a mistake makes them fail.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

MOST = 3
REAL_SERVERS = {"browser", "livekit"}
FAILED = Path(__file__).resolve().parents[1] / ".pytest_cache/v/cache/lastfailed"


class RealServersOnly:
    """Ends the run where a test has failed that has no second chance."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Look at the marks, which the tests' own plugins have set by now."""
        steady = [
            one.nodeid for one in items if not REAL_SERVERS & {mark.name for mark in one.iter_markers()}
        ]
        if steady:
            pytest.exit(f"failed without any server beside it: {', '.join(steady)}", returncode=1)


def main(failed: list[str]) -> int:
    """Run what has failed again; pytest's exit code, 1 where there is too much of it."""
    if not 0 < len(failed) <= MOST:
        print(f"{len(failed)} tests failed; at most {MOST} are asked again")
        return 1
    print("asked once more, alone:", *failed, sep="\n  ", flush=True)
    code = int(pytest.main([*failed, "-n", "0"], plugins=[RealServersOnly()]))
    if code == 0:
        print("UNSTEADY, to be mended; passed alone:", *failed, sep="\n  ")
    return code


if __name__ == "__main__":
    code = main(list(json.loads(FAILED.read_text("utf-8"))) if FAILED.exists() else [])
    sys.stdout.flush()
    sys.stderr.flush()
    # Python's own way out can end in an abort while threads of LiveKit's library still call back.
    os._exit(code)
