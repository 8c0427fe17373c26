from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.run.children import Child
from core.run.processes import (
    BEHIND,
    LONG_SLICE_NS,
    SCHED_SETATTR,
    give_way,
    spawn,
    stop,
    wait_for,
)


def slice_of(pid: int) -> int:
    """Nanoseconds that a process may compute before it is another one's turn; 0 where nobody says."""
    number = SCHED_SETATTR.get(platform.machine())
    said = ctypes.create_string_buffer(48)
    # sched_getattr is the call after it.
    if sys.platform != "linux" or number is None or ctypes.CDLL(None).syscall(number + 1, pid, said, 48, 0):
        return 0
    return int(struct.unpack("=IIQiIQQQ", said.raw)[5])


def child(tmp_path: Path, program: str) -> Child:
    log = tmp_path / "child.log"

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return spawn([sys.executable, "-u", "-c", program], output=output)

    return Child("child", start, log)


def test_a_killed_program_is_named_and_due_again_with_growing_pauses(tmp_path: Path) -> None:
    made = child(tmp_path, "import time; time.sleep(60)")
    said = []
    for _ in range(2):
        made.launch()
        assert made.process is not None
        made.process.kill()
        assert wait_for(lambda: not made.is_running, 10)
        said.append(made.died())
        assert wait_for(lambda: made.is_due, 10)
    assert said == [
        "was killed by SIGKILL; starting it again in 0.2 s",
        "was killed by SIGKILL; starting it again in 0.4 s",
    ]


def test_only_complaints_come_to_the_terminal_with_what_belongs_to_them(tmp_path: Path) -> None:
    program = "print('INFO fine'); print('ERROR bad'); print('  because'); print('INFO fine again')"
    made = child(tmp_path, program)
    made.launch()
    assert wait_for(lambda: not made.is_running, 20)
    assert list(made.complaints()) == ["ERROR bad", "  because"]
    assert list(made.complaints()) == []


def test_a_log_that_was_started_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    made = child(tmp_path, "")
    made.log.write_text("ERROR one\n" * 3)
    assert len(list(made.complaints())) == 3
    made.log.write_text("ERROR two\n")
    assert list(made.complaints()) == ["ERROR two"]


def test_stopping_ends_grandchildren_too(tmp_path: Path) -> None:
    inner = "import time; time.sleep(60)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    process = spawn([sys.executable, "-c", program])
    parent = psutil.Process(process.pid)
    assert wait_for(lambda: bool(parent.children()), 20)
    grandchild = parent.children()[0]
    stop(process, grace=1)
    assert wait_for(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE, 10)


def test_a_child_dies_with_whoever_started_it(tmp_path: Path) -> None:
    program = (
        "import sys, time; from core.run.processes import spawn; "
        "print(spawn([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True); time.sleep(60)"
    )
    outer = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert outer.stdout is not None
    inner = int(outer.stdout.readline())
    os.kill(outer.pid, signal.SIGKILL)
    outer.wait()
    outer.stdout.close()
    assert wait_for(lambda: not psutil.pid_exists(inner), 20)


def test_a_child_gives_way_to_whoever_waits_for_a_page(tmp_path: Path) -> None:
    process = spawn([sys.executable, "-c", "import time; time.sleep(60)"])
    give_way(process.pid, BEHIND)
    assert psutil.Process(process.pid).nice() == BEHIND
    give_way(process.pid, 19)
    assert psutil.Process(process.pid).nice() == 19
    stop(process, grace=1)
    # Nobody is there any more: nothing to do.
    give_way(process.pid, 19)


@pytest.mark.optional
def test_a_child_is_interrupted_by_whoever_wakes_beside_it() -> None:
    if not slice_of(0):
        pytest.skip("slices can be chosen on Linux since 6.12")
    process = spawn([sys.executable, "-c", "import time; time.sleep(60)"])
    give_way(process.pid, BEHIND)
    assert slice_of(process.pid) == LONG_SLICE_NS > slice_of(0)
    stop(process, grace=1)
