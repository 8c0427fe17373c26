"""One supervised program: started, watched, started again with growing pauses, stopped."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.run.processes import end_group

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
LONG_ENOUGH = 30.0
LARGEST_LOG = 20_000_000
WORSE = re.compile(r'\b(WARNING|ERROR|CRITICAL|PANIC)\b|"level":"(error|fatal)"|^Traceback ')


@dataclass
class Child:
    """``start()`` gives the running program, ``answers()`` says whether it does its work."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    log: Path
    answers: Callable[[], bool] = lambda: True
    stop_signal: int = signal.SIGTERM
    grace: float = 10.0
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    again_at: float = 0.0
    pause: float = FIRST_PAUSE
    _read_to: int = 0
    _last_was_bad: bool = field(default=False)

    def launch(self) -> None:
        """Start it now."""
        self._rotate()
        self.process = self.start()
        self.started_at = time.monotonic()
        self.again_at = 0.0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def group(self) -> int:
        return self.process.pid if self.process else 0

    def died(self) -> str:
        """How it ended, if it just did; then it is due again after a pause."""
        if self.process is None or self.process.poll() is None:
            return ""
        end_group(self.process.pid)
        how = _ending(self.process.returncode)
        self.process = None
        if time.monotonic() - self.started_at > LONG_ENOUGH:
            self.pause = FIRST_PAUSE
        said = f"{how}; starting it again in {self.pause:.1f} s"
        self.postpone()
        return said

    def postpone(self) -> None:
        """Have it started again after a pause, the next time after a longer one."""
        self.again_at = time.monotonic() + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)

    @property
    def is_due(self) -> bool:
        return self.process is None and 0 < self.again_at <= time.monotonic()

    def ask_to_stop(self) -> None:
        self.again_at = 0.0
        self.send_signal(self.stop_signal)

    def send_signal(self, which: int) -> None:
        if self.is_running and self.process is not None:
            self.process.send_signal(which)

    def make_stop(self) -> None:
        """End it and all that is left of its group."""
        self.again_at = 0.0
        if self.process is not None:
            end_group(self.process.pid)
            self.process.wait()
            self.process = None

    def complaints(self) -> Iterator[str]:
        """What it wrote since the last time that an operator should see."""
        for line in self._new_lines():
            is_bad = bool(WORSE.search(line)) or (self._last_was_bad and line[:1] in " \t")
            self._last_was_bad = is_bad
            if is_bad:
                yield line

    def last_words(self, count: int = 5) -> str:
        if not self.log.exists():
            return ""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-count:])

    def _new_lines(self) -> list[str]:
        if not self.log.exists():
            return []
        with self.log.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self._read_to:
                self._read_to = 0
            file.seek(self._read_to)
            new = file.read(1_000_000)
        whole = new.rpartition(b"\n")[0]
        if not whole and len(new) < 1_000_000:
            return []
        self._read_to += len(whole) + 1 if whole else len(new)
        return whole.decode("utf-8", "replace").splitlines()

    def _rotate(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            shutil.move(self.log, self.log.with_suffix(".log.1"))
        self._read_to = self.log.stat().st_size if self.log.exists() else 0

    def trim_log(self) -> None:
        """Start the log anew when it has grown too long; the program goes on writing to it."""
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self._keep_a_copy(self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)

    def _keep_a_copy(self, copy: Path) -> None:
        try:
            shutil.copyfile(self.log, copy)
        except OSError:
            # On a full disk room is worth more than old lines.
            copy.unlink(missing_ok=True)


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
