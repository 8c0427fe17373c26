"""Small pictures and words of files, made in a child process that can reach nothing else (``walls.py``)."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, BinaryIO

from core.errors import AudimaxError
from core.files import walls
from core.run.processes import end_group

log = logging.getLogger(__name__)

MIMES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"})
_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
TEXTS = frozenset(
    {"application/pdf", f"{_OFFICE}.presentationml.presentation", f"{_OFFICE}.wordprocessingml.document"}
    | {f"{_OPEN}.presentation", f"{_OPEN}.text"}
)
# Slides and photographs are smaller. The child holds the whole file in memory.
LARGEST_FILE = 100_000_000
# The child ends itself after walls.WALL_SECONDS; on top of them it may load its libraries on a busy machine.
PATIENCE = walls.WALL_SECONDS + 20
# Each may take walls.MEMORY_BYTES; further ones wait.
AT_ONCE = 2
CHUNK = 1 << 20
MAKER = Path(__file__).with_name("preview_child.py")
READER = Path(__file__).with_name("text_child.py")

_places = threading.BoundedSemaphore(AT_ONCE)


def can_preview(mime: str) -> bool:
    """Whether a file of this type may have a preview."""
    return mime in MIMES


def can_read(mime: str) -> bool:
    """Whether words can be taken out of a file of this type."""
    return mime in TEXTS or mime.startswith("text/")


def read_text(body: BinaryIO, mime: str) -> str:
    """The words of a document or of slides, a line for each of theirs; empty where there are none.

    Encrypted, broken or too large files have none. Takes seconds, like ``make_preview``: for jobs only.
    """
    if not can_read(mime):
        return ""
    with tempfile.TemporaryFile() as spooled:
        made = run(READER, spooled, mime) if _spool(body, spooled) else None
    return (made or b"").decode("utf-8", "replace")


def make_preview(body: BinaryIO, mime: str) -> bytes | None:
    """A WebP picture of an image or of a PDF's first page; None where there is nothing to show.

    Encrypted, broken or too large files have nothing to show. ``AudimaxError`` when our own program doesn't
    start. Takes seconds, at worst ``PATIENCE``: for jobs only.
    """
    if not can_preview(mime):
        return None
    with tempfile.TemporaryFile() as spooled:
        if not _spool(body, spooled):
            return None
        made = run(MAKER, spooled, mime)
    return made if made and made[:4] == b"RIFF" and made[8:12] == b"WEBP" else None


def run(program: Path, given: IO[bytes], *words: str) -> bytes | None:
    """What ``program`` makes of the file behind the walls; None if it makes nothing or had to be stopped."""
    with _places, tempfile.TemporaryFile() as made, tempfile.TemporaryFile() as said:
        status = _ended(_started(program, words, given, made, said))
        lacking, _, reason = _text(said).partition("\n")
        if not lacking.startswith(walls.BEGUN):
            raise AudimaxError(f"{program.name} doesn't start (status {status}): {_last(reason or lacking)}")
        _note(lacking.removeprefix(walls.BEGUN))
        if status == walls.MADE:
            made.seek(0)
            return made.read(walls.OUTPUT_BYTES)
        log.info("no preview, status %d: %r", status, _last(reason))
        return None


def _spool(body: BinaryIO, target: IO[bytes]) -> bool:
    """Whether all of it went into the file: the child gets one that it can't wait for."""
    left = LARGEST_FILE + 1
    while left and (chunk := body.read(min(CHUNK, left))):
        target.write(chunk)
        left -= len(chunk)
    target.flush()
    target.seek(0)
    return left > 0


def _started(
    program: Path, words: tuple[str, ...], given: IO[bytes], made: IO[bytes], said: IO[bytes]
) -> subprocess.Popen[bytes]:
    # -S: no .pth file or sitecustomize of this installation runs; walls.py gets the two folders it needs.
    argv = [sys.executable, "-I", "-S", "-B", walls.__file__, _libraries(), str(program), *words]
    # Files instead of pipes: the kernel bounds what is written, and nobody waits for the other to read.
    return subprocess.Popen(
        argv, env={}, cwd="/", stdin=given, stdout=made, stderr=said, start_new_session=True
    )


def _ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        log.warning("a preview took longer than %d s and was stopped", PATIENCE)
        return -signal.SIGKILL
    finally:
        if process.returncode is None:
            end_group(process.pid)
            process.wait()


@functools.cache
def _libraries() -> str:
    found = [importlib.util.find_spec(name) for name in ("PIL", "pypdfium2")]
    folders = {str(Path(spec.origin).parents[1]) for spec in found if spec and spec.origin}
    return os.pathsep.join(sorted(folders))


def _text(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read(4000).decode("utf-8", "replace")


def _last(reason: str) -> str:
    return reason.strip().rpartition("\n")[2][-300:]


@functools.lru_cache(8)
def _note(lacking: str) -> None:
    """Say once in each process what this system can't do."""
    level = logging.WARNING if walls.SECCOMP in lacking else logging.INFO
    if lacking:
        log.log(level, "previews are made with fewer walls, this system has no %s", lacking[:200])
