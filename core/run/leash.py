"""Ends what the supervisor started when the supervisor itself is gone, however it went.

Runs alone, without the rest of Audimax: reads ``+<process group>`` and ``-<process group>`` from
its input, whose end means that the supervisor is dead.
"""

from __future__ import annotations

import os
import signal
import sys
import time

GRACE_SECONDS = 10.0


def listen() -> set[int]:
    """The groups that are left when the supervisor is gone."""
    groups: set[int] = set()
    for line in sys.stdin:
        sign, number = line[0], int(line[1:])
        groups.add(number) if sign == "+" else groups.discard(number)
    return groups


def end(groups: set[int]) -> None:
    """Ask every group to end, then make it."""
    # PostgreSQL takes SIGTERM for "when all clients are gone"; SIGINT ends gunicorn and LiveKit too.
    for how in (signal.SIGINT, signal.SIGTERM):
        _signal(groups, how)
    deadline = time.monotonic() + GRACE_SECONDS
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = _signal(groups, 0)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], how: int) -> set[int]:
    """Those that were there to be signalled."""
    reached = set()
    for group in groups:
        try:
            os.killpg(group, how)
        except (ProcessLookupError, PermissionError):
            continue
        reached.add(group)
    return reached


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    end(listen())
