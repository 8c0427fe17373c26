"""The local folder: where files are kept unless a setting says otherwise, and where streamed ones come in."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from core import obstacles
from core.contracts import Stat
from core.errors import ContentChanged, StorageDown, StorageFull
from core.threads import Threads

T = TypeVar("T")
LOCAL = "local"
PIECE = 1024 * 1024
# No part begins with a dot: that is where half-written files are.
KEY = re.compile(r"(?=.{1,200}\Z)[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*\Z")
HALF = ".half"
# A slow disk, or one that is far away, stops neither guests nor bcrypt.
_threads = Threads(8, "disk")


class LocalStorage:
    """A folder that nobody but us can read. A file appears whole, or not at all."""

    id = LOCAL

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, key: str, body: BinaryIO, mime: str) -> None:
        with self._half(self._path(key)) as half:
            while piece := body.read(PIECE):
                self._on_disk(partial(half.write, piece))

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        path = self._path(key)
        return cast(
            BinaryIO, _Part(self, self._on_disk(lambda: _opened(path, start), FileNotFoundError), length)
        )

    def stat(self, key: str) -> Stat | None:
        path = self._path(key)
        try:
            return _stat_of(self._on_disk(path.stat, FileNotFoundError))
        except FileNotFoundError:
            return None

    def copy(self, source: str, target: str, etag: str) -> None:
        with self.open(source) as body:
            part = cast(_Part, body)
            self._refuse_changed(part, etag, source)
            with self._half(self._path(target)) as half:
                self._on_disk(lambda: _copied(part.descriptor, half.fileno()))
                self._refuse_changed(part, etag, source)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with suppress(FileNotFoundError):
            self._on_disk(path.unlink, FileNotFoundError)

    def list(self, prefix: str) -> Iterable[str]:
        beginning = self.folder / prefix.rpartition("/")[0]
        for path in self._on_disk(lambda: sorted(_files_below(beginning))):
            key = path.relative_to(self.folder).as_posix()
            if key.startswith(prefix):
                yield key

    def url(self, key: str, name: str, mime: str, seconds: int) -> str | None:
        return None

    def drop_halves(self, before: float) -> int:
        """Remove what killed processes have left half written, untouched since ``before``.

        ``before`` is in seconds since 1970. How many these were. What a process still writes into stays,
        however slow it is.
        """
        return self._on_disk(lambda: sum(_dropped(half, before) for half in _files_below(self.folder / HALF)))

    @contextmanager
    def appending(self, key: str) -> Iterator[Growing]:
        """The file under the key, made if need be, to add to; ``BlockingIOError`` while another does."""
        path = self._path(key)
        growing = Growing(
            self, self._on_disk(lambda: _locked(path, os.O_RDWR | os.O_APPEND), BlockingIOError)
        )
        try:
            yield growing
        finally:
            growing.close()

    def _path(self, key: str) -> Path:
        if not KEY.match(key):
            raise ValueError(f"{key!r} is no key of a stored file")
        return self.folder / key

    @contextmanager
    def _half(self, path: Path) -> Iterator[BinaryIO]:
        """A file to write into; it becomes ``path`` when all is written, and nothing when that fails."""
        half = self.folder / HALF / secrets.token_hex(16)
        file = self._on_disk(lambda: _made(half))
        try:
            yield file
            self._on_disk(lambda: _finished(file, half, path))
        except BaseException:
            # On a full disk what is still in its buffer can't be written now either.
            with suppress(OSError):
                file.close()
            half.unlink(missing_ok=True)
            raise

    def _refuse_changed(self, part: _Part, etag: str, key: str) -> None:
        if _stat_of(self._on_disk(lambda: os.fstat(part.descriptor))).etag != etag:
            raise ContentChanged(f"{key} isn't what it was when it was looked at")

    def _on_disk(self, work: Callable[[], T], *expected: type[OSError]) -> T:
        """Beside the event loop; what the disk says and nobody expects, in words for an admin."""
        try:
            return _threads.run(work)
        except OSError as error:
            if isinstance(error, expected):
                raise
            said = f"the folder {self.folder} fails: {error.strerror}"
            kind = StorageFull if obstacles.is_full(error) else StorageDown
            raise kind(f"{said}; {_remedy(error)}") from error


class Growing:
    """A file that one writer at a time adds to."""

    def __init__(self, storage: LocalStorage, descriptor: int) -> None:
        self._storage, self._descriptor = storage, descriptor

    @property
    def size(self) -> int:
        return self._storage._on_disk(lambda: os.fstat(self._descriptor).st_size)

    def write(self, piece: bytes) -> None:
        self._storage._on_disk(lambda: _write_all(self._descriptor, piece))

    def cut(self, size: int) -> None:
        """Forget what lies behind."""
        self._storage._on_disk(lambda: os.ftruncate(self._descriptor, size))

    def close(self) -> None:
        os.close(self._descriptor)


class _Part(RawIOBase):
    """An open file from some place on, to some length; read beside the event loop."""

    def __init__(self, storage: LocalStorage, descriptor: int, length: int | None) -> None:
        self._storage, self.descriptor, self._left = storage, descriptor, length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = len(buffer) if self._left is None else min(len(buffer), self._left)
        got = self._storage._on_disk(lambda: os.read(self.descriptor, min(wanted, PIECE)))
        buffer[: len(got)] = got
        if self._left is not None:
            self._left -= len(got)
        return len(got)

    def close(self) -> None:
        if not self.closed:
            os.close(self.descriptor)
        super().close()


def _stat_of(found: os.stat_result) -> Stat:
    # A file that is replaced has another inode, one that grows another size or time.
    return Stat(found.st_size, f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}")


def _opened(path: Path, start: int) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    os.lseek(descriptor, start, os.SEEK_SET)
    return descriptor


def _made(path: Path) -> BinaryIO:
    # As long as somebody writes, it isn't swept away.
    return open(_locked(path, os.O_WRONLY | os.O_EXCL), "wb")


def _dropped(path: Path, before: float) -> bool:
    # Young ones stay without a look at their lock: they have none in the moments of begin and end.
    with suppress(FileNotFoundError, BlockingIOError):
        if path.stat().st_mtime < before:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                return True
    return False


def _finished(file: BinaryIO, half: Path, path: Path) -> None:
    """On the disk before it is seen: a row that says "ready" is never ahead of its bytes."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
    _make_folder(path.parent)
    half.replace(path)
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        with suppress(FileExistsError):
            missing.mkdir(mode=0o700)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copied(source: int, target: int) -> None:
    while piece := os.read(source, PIECE):
        _write_all(target, piece)


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]


def _locked(path: Path, flags: int) -> int:
    _make_folder(path.parent)
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in files)


def _remedy(error: OSError) -> str:
    if obstacles.is_full(error):
        return "make room on its disk"
    if error.errno == errno.EROFS:
        return "its disk can only be read: mount it writable"
    return "it must be there, and belong to the user that runs audimax"
