"""A program that builds walls around itself before it looks at what people sent.

Started by ``core.files.previews`` as a file, isolated (``-I -S``) and with an empty environment; imports
nothing of Audimax. It loads the worker, whose libraries come from this installation, then gives up
everything but computing, reading its standard input and writing its standard output, and only then reads.

Three walls stand behind one another. seccomp leaves some thirty system calls, none of which opens, connects
or starts anything; Landlock takes all files (and TCP) away; where a kernel has no seccomp, a network
namespace of its own takes the network away. Seccomp and Landlock need no privilege and work in containers.
macOS has neither: there the limits, the empty environment and the closed descriptors are all that holds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import runpy
import signal
import struct
import sys
from collections.abc import Callable

# What a picture of PIXELS (see preview_child.py) needs at nine bytes a pixel, the file and the libraries.
MEMORY_BYTES = 768 * 1024 * 1024
# The densest picture of PIXELS took 1.1 s of a slow core; pages may be as intricate as they like, up to here.
CPU_SECONDS = 10
# The child's own alarm: it ends even when its parent is gone.
WALL_SECONDS = 20
# Coloured and transparent noise at 480 × 480 pixels is 390 KB of WebP, a slide 10 KB.
OUTPUT_BYTES = 512 * 1024
NOBODY = 65534

MADE, NOTHING_TO_SHOW = 0, 3
# What it says when the walls stand, before the names of those that this system doesn't have.
BEGUN = "without: "
SECCOMP, LANDLOCK, NAMESPACE = "seccomp", "Landlock", "network namespace"
LIMITS, IDENTITY = "limits", "change of user"


def main() -> None:
    """``walls.py FOLDERS PROGRAM WORDS…``: gives standard input and the words to the program's ``main``."""
    folders, program, *words = sys.argv[1:]
    sys.path += folders.split(os.pathsep)
    worker = runpy.run_path(program)["main"]
    missing = confine()
    _say(BEGUN + ", ".join(missing) + "\n")
    try:
        made = worker(sys.stdin.buffer.read(), *words)
        status = _hand_over(made) if made else NOTHING_TO_SHOW
    except Exception as error:
        _say(repr(error)[:300])
        status = NOTHING_TO_SHOW
    # Libraries that tidy up at exit may ask for what is gone.
    os._exit(status)


def confine() -> list[str]:
    """Give everything up; returns the names of the walls that this system doesn't have."""
    walls = {
        IDENTITY: become_nobody,
        LANDLOCK: leave_files,
        LIMITS: set_limits,
        SECCOMP: leave_system_calls,
    }
    missing = [name for name, build in walls.items() if not stands(build)]
    # After seccomp nobody could ask for a namespace any more, nor needs one.
    if SECCOMP in missing and not stands(leave_network):
        missing.append(NAMESPACE)
    return missing


def stands(build: Callable[[], None]) -> bool:
    try:
        build()
    except (OSError, ValueError, AttributeError):
        return False
    return True


def set_limits() -> None:
    """Bounds of this process that nothing raises again. Its files are the three it was given."""
    signal.alarm(WALL_SECONDS)
    bounds = {
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: OUTPUT_BYTES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 3,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_AS: MEMORY_BYTES,
    }
    for what, bound in bounds.items():
        resource.setrlimit(what, (bound, bound))


def become_nobody() -> None:
    """Root becomes nobody; others stay who they are."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


# --- Linux ----------------------------------------------------------------------------

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
# The same numbers on every machine.
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
# Rights over files by version of Landlock's interface; what isn't named here would stay allowed.
FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
ALL_FILE_RIGHTS = (1 << 16) - 1
ALL_TCP, ALL_SCOPES = 0b11, 0b11

# Memory, time, the descriptors that are open, signals to oneself, the end.
CALLS = {
    # name: (x86_64, aarch64)
    "read": (0, 63),
    "pread64": (17, 67),
    "write": (1, 64),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "close": (3, 57),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "brk": (12, 214),
    "futex": (202, 98),
    "membarrier": (324, 283),
    "sched_yield": (24, 124),
    "getrandom": (318, 278),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000


def leave_files() -> None:
    """No file, folder, TCP port or abstract socket can be opened any more (Landlock)."""
    libc = linux()
    restrict(libc, new_ruleset(libc))


def new_ruleset(libc: ctypes.CDLL) -> int:
    """A Landlock ruleset that allows nothing yet; a file descriptor."""
    version = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)
    if version < 1:
        raise OSError("no Landlock")
    attributes = struct.pack("=QQQ", FILE_RIGHTS.get(version, ALL_FILE_RIGHTS), ALL_TCP, ALL_SCOPES)
    size = 8 if version < 4 else 16 if version < 6 else 24
    return done(libc.syscall(LANDLOCK_CREATE_RULESET, attributes, size, 0))


def restrict(libc: ctypes.CDLL, ruleset: int) -> None:
    """From now on this process can do what the ruleset allows, and no more."""
    no_new_privileges(libc)
    done(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def leave_system_calls() -> None:
    """Every system call but ``CALLS`` fails with EPERM (seccomp)."""
    libc = linux()
    if platform.machine() not in MACHINES:
        raise OSError("no table of system calls for this machine")
    column, architecture = MACHINES[platform.machine()]
    filter_calls(libc, _filter(architecture, [numbers[column] for numbers in CALLS.values()]))


def filter_calls(libc: ctypes.CDLL, program: bytes) -> None:
    """Let the kernel ask this BPF program about every system call from now on."""
    code = ctypes.create_string_buffer(program)
    described = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    no_new_privileges(libc)
    done(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, described, 0, 0))


def leave_network() -> None:
    """A network namespace of one's own, with nothing in it."""
    libc = linux()
    if libc.unshare(CLONE_NEWNET):
        done(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET))


def _filter(architecture: int, allowed: list[int]) -> bytes:
    """BPF: a wrong architecture kills (its numbers mean other calls), a listed number passes.

    x86_64's x32 calls have numbers of their own, which the list doesn't hold.
    """
    load, equals, give = 0x20, 0x15, 0x06
    steps = [(load, 0, 0, 4), (equals, 1, 0, architecture), (give, 0, 0, KILL), (load, 0, 0, 0)]
    steps += [(equals, len(allowed) - at, 0, number) for at, number in enumerate(allowed)]
    steps += [(give, 0, 0, REFUSE), (give, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def no_new_privileges(libc: ctypes.CDLL) -> None:
    done(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def linux() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise OSError("only Linux has it")
    return ctypes.CDLL(None, use_errno=True)


def done(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused by the kernel")
    return result


# --- what goes out --------------------------------------------------------------------


def _hand_over(made: bytes) -> int:
    sys.stdout.buffer.write(made)
    sys.stdout.buffer.flush()
    return MADE


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, text.encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
