"""Start a program as our child, and be sure that it ends when we do."""

from __future__ import annotations

import ctypes
import os
import platform
import pwd
import resource
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

PR_SET_PDEATHSIG = 1
# Of a processor that others want as well: a quarter.
BEHIND = 5
# Linux since 6.12 (sched/eevdf: "Allow shorter slices to wakeup-preempt"): whoever has the longer slice is
# interrupted by whoever wakes, up to 100 ms. The call's numbers are those of asm/unistd.h.
LONG_SLICE_NS = 100_000_000
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def spawn(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    user: str = "",
    output: IO[bytes] | int | None = None,
    death_signal: int = signal.SIGTERM,
    cwd: Path | str | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``argv`` in a session of its own; the kernel signals it when our main thread is gone.

    Call it from the main thread: Linux takes the death of the starting thread for ours.
    """
    as_user: dict[str, Any] = identity(user) if user else {}
    return subprocess.Popen(
        [str(part) for part in argv],
        env=dict(os.environ if env is None else env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        preexec_fn=_leash(death_signal),
        cwd=cwd,
        **as_user,
    )


def stop(process: subprocess.Popen[bytes], how: int = signal.SIGTERM, grace: float = 15) -> None:
    """Ask the process to end, wait, then end its whole group by force."""
    if process.poll() is None:
        process.send_signal(how)
        wait_for(lambda: process.poll() is not None, grace)
    end_group(process.pid)
    process.wait()


def end_group(pid: int) -> None:
    """End whatever is left of a child's process group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def wait_for(is_so: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Whether the condition came true in that time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def identity(user: str) -> dict[str, Any]:
    """What ``subprocess`` needs to run something as ``user``."""
    found = pwd.getpwnam(user)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _leash(death_signal: int) -> Callable[[], None] | None:
    if _libc is None:
        return None
    prctl, parent = _libc.prctl, os.getpid()

    def follow_the_parent() -> None:
        prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return follow_the_parent


def raise_open_files() -> None:
    """Each waiting guest is an open file: allow as many as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1_048_576 if hard == resource.RLIM_INFINITY else hard
    if soft != hard and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def give_way(pid: int, nice: int) -> None:
    """Let a process of ours compute while nobody else wants to: who waits for a page comes first.

    ``nice``: up to 19, which leaves it a hundredth; there is no way back. Where a system doesn't let us, it
    goes on as it is.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    # Linux weighs sessions against each other first, if it is told to: sched(7), "The autogroup feature".
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))
    _be_interrupted(pid, nice)


def _be_interrupted(pid: int, nice: int) -> None:
    """Whoever wakes beside it needn't wait for its turn to end; an older kernel takes no notice."""
    number = SCHED_SETATTR.get(platform.machine())
    if _libc is not None and number is not None:
        # sched_setattr(2): size, policy, flags, nice, priority, runtime, deadline, period.
        wanted = struct.pack("=IIQiIQQQ", 48, os.SCHED_OTHER, 0, nice, 0, LONG_SLICE_NS, 0, 0)
        _libc.syscall(number, pid, wanted, 0)
