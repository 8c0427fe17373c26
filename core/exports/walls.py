"""Walls for a program that has to read libraries and fonts: it reads what it may, and reaches nothing.

Wider than those of ``core.files.walls``, for exporters are programs of plugins that import as they go: files
below the named folders can be read, one folder can be written; no socket, no other program, no other
process's memory, no signal to others. Landlock and seccomp, where the kernel has them; the limits everywhere.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.files.walls import (
    LANDLOCK,
    LIMITS,
    MACHINES,
    SECCOMP,
    done,
    filter_calls,
    linux,
    new_ruleset,
    restrict,
    stands,
)

ADD_RULE, PATH_BENEATH = 445, 1
WRITE_FILE, READ_FILE, READ_FOLDER = 1 << 1, 1 << 2, 1 << 3
REMOVE_FOLDER, REMOVE_FILE, MAKE_FOLDER, MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
READING = READ_FILE | READ_FOLDER
WRITING = READING | WRITE_FILE | REMOVE_FOLDER | REMOVE_FILE | MAKE_FOLDER | MAKE_FILE
CLONE_THREAD = 0x00010000
ALLOW, REFUSE, NO_SUCH_CALL = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38
KILL = 0x80000000
X32 = 0x40000000

# What reaches out, starts programs, or looks at other processes: name: (x86_64, aarch64).
REFUSED = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "io_uring_setup": (425, 425),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kill": (62, 129),
    "tkill": (200, 130),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
}
FORK = {"fork": (57, None), "vfork": (58, None)}
CLONE, CLONE3 = (56, 220), (435, 435)


@dataclass(frozen=True)
class Allowed:
    """What the program may have. ``seconds`` are of the CPU; ``wall_seconds`` of everybody's clock."""

    reads: Sequence[Path]
    writes: Path
    memory: int
    output: int
    seconds: int
    wall_seconds: int


def confine(allowed: Allowed) -> list[str]:
    """Give up everything else; returns the names of the walls that this system doesn't have."""
    walls: dict[str, Callable[[], None]] = {
        LANDLOCK: lambda: leave_files(allowed),
        LIMITS: lambda: set_limits(allowed),
        SECCOMP: leave_system_calls,
    }
    return [name for name, build in walls.items() if not stands(build)]


def set_limits(allowed: Allowed) -> None:
    """Bounds of this process that nothing raises again."""
    signal.alarm(allowed.wall_seconds)
    bounds = {
        resource.RLIMIT_CPU: allowed.seconds,
        resource.RLIMIT_FSIZE: allowed.output,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_AS: allowed.memory,
    }
    for what, bound in bounds.items():
        resource.setrlimit(what, (bound, bound))


def leave_files(allowed: Allowed) -> None:
    """Nothing but these folders and files can be opened any more (Landlock)."""
    libc = linux()
    ruleset = new_ruleset(libc)
    for path in allowed.reads:
        _allow(libc, ruleset, path, READING)
    _allow(libc, ruleset, allowed.writes, WRITING)
    restrict(libc, ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    if not path.exists():
        return
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights if path.is_dir() else READ_FILE, place)
        done(libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0))
    finally:
        os.close(place)


def leave_system_calls() -> None:
    """No socket, no new process, no other process (seccomp)."""
    libc = linux()
    if platform.machine() not in MACHINES:
        raise OSError("no table of system calls for this machine")
    column, architecture = MACHINES[platform.machine()]
    filter_calls(libc, _program(column, architecture))


def _program(column: int, architecture: int) -> bytes:
    """BPF, call by call. A thread may be started, a process not; ``clone3`` looks as if it weren't there."""
    load, equals, at_least, has_bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    steps = [(load, 0, 0, 4), (equals, 1, 0, architecture), (give, 0, 0, KILL), (load, 0, 0, 0)]
    if column == 0:
        steps += [(at_least, 0, 1, X32), (give, 0, 0, KILL)]
    numbers = [pair[column] for pair in (*REFUSED.values(), *FORK.values())]
    for number in numbers:
        if number is not None:
            steps += [(equals, 0, 1, number), (give, 0, 0, REFUSE)]
    steps += [(equals, 0, 1, CLONE3[column]), (give, 0, 0, NO_SUCH_CALL)]
    steps += [(equals, 0, 3, CLONE[column]), (load, 0, 0, 16), (has_bits, 1, 0, CLONE_THREAD)]
    steps += [(give, 0, 0, REFUSE), (give, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
