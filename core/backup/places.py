"""Where a backup is written and read: a folder that can be taken up again, or one tar."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from core.backup.manifest import HEAD, LARGEST_HEAD, MANIFEST, Head, Part
from core.backup.refusals import BackupError, gigabytes, on_disk
from core.backup.sealing import as_file

JOURNAL = "progress.jsonl"
HALF = ".half"
PIECE = 1024 * 1024
# Beyond what we count on: the manifest, folders, and what others write meanwhile.
SPARE = 64 * 1024 * 1024
NOT_WHOLE = (
    "it isn't whole: the backup broke off before its end. Take it up again where it was made "
    "(`audimax backup --resume`), or take an older one"
)


class Target(Protocol):
    """Takes the parts of a backup, each with its exact size."""

    def begin(self, head: Head) -> None: ...

    def kept(self, name: str, size: int) -> Part | None:
        """A part that an earlier try has brought here, looked through again."""
        ...

    def put(self, name: str, size: int, pieces: Iterable[bytes]) -> Part: ...

    def finish(self, manifest: bytes, names: Iterable[str]) -> None:
        """Write the mark of a whole backup; ``names`` are all its parts."""
        ...


class Source(Protocol):
    """Gives the parts of a backup."""

    head: Head

    def open(self, name: str) -> BinaryIO: ...


class FolderTarget:
    """A folder of its own for each backup; whole once it has a manifest."""

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self.folder = folder
        with on_disk(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_used(resume)
            self._lock()
        self.head = _head_in(folder) if resume else None
        self._known = dict(_journal(folder)) if resume else {}

    def begin(self, head: Head) -> None:
        with on_disk(self.folder):
            self._replace(HEAD, head.as_bytes())

    def kept(self, name: str, size: int) -> Part | None:
        known, path = self._known.get(name), self.folder / name
        if known is None or known.size != size or not path.is_file() or path.stat().st_size != size:
            return None
        with on_disk(path), path.open("rb") as body:
            return known if hexdigest(body) == known.sha256 else None

    def put(self, name: str, size: int, pieces: Iterable[bytes]) -> Part:
        path = self.folder / name
        half = path.with_name(path.name + HALF)
        with on_disk(self.folder):
            self._make_folders(path)
        try:
            part = self._written(half, pieces)
            if part.size != size:
                raise BackupError(f"{name} has {part.size} bytes, not {size}: it changed while it was read")
            with on_disk(self.folder):
                half.replace(path)
        finally:
            half.unlink(missing_ok=True)
        self._note(name, part)
        return part

    def finish(self, manifest: bytes, names: Iterable[str]) -> None:
        with on_disk(self.folder):
            self._sweep(set(names))
            # All of it is on the disk before anything says so.
            os.sync()
            self._replace(MANIFEST, manifest)
            (self.folder / JOURNAL).unlink(missing_ok=True)

    def held(self) -> int:
        """How much an earlier try has brought here."""
        return sum(part.size for name, part in self._known.items() if (self.folder / name).is_file())

    def refuse_full(self, needed: int) -> None:
        """Before anything is written."""
        free = shutil.disk_usage(self.folder).free
        if free < needed + SPARE:
            raise BackupError(
                f"the disk of {self.folder} is too full: the backup needs up to {gigabytes(needed + SPARE)}, "
                f"{gigabytes(free)} are free. Make room, or name another place"
            )

    def close(self) -> None:
        """Let go of it; where nothing was begun, nothing is left."""
        if not (self.folder / HEAD).exists():
            (self.folder / "lock").unlink(missing_ok=True)
            with suppress(OSError):
                self.folder.rmdir()
        os.close(self._handle)

    def _written(self, half: Path, pieces: Iterable[bytes]) -> Part:
        digest, size = hashlib.sha256(), 0
        with on_disk(self.folder):
            file = os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        with _let_go(file):
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                with on_disk(self.folder):
                    file.write(piece)
            with on_disk(self.folder):
                file.flush()
        return Part(size, digest.hexdigest())

    def _note(self, name: str, part: Part) -> None:
        line = json.dumps({"name": name, "size": part.size, "sha256": part.sha256})
        with on_disk(self.folder), self._journal().open("a", encoding="utf-8") as journal:
            journal.write(line + "\n")

    def _journal(self) -> Path:
        path = self.folder / JOURNAL
        path.touch(0o600)
        return path

    def _make_folders(self, path: Path) -> None:
        for step in reversed(path.relative_to(self.folder).parents[:-1]):
            (self.folder / step).mkdir(mode=0o700, exist_ok=True)

    def _replace(self, name: str, content: bytes) -> None:
        half = self.folder / (name + HALF)
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(self.folder / name)

    def _sweep(self, names: set[str]) -> None:
        """What earlier tries have brought and is no longer part of it: it may have been deleted since."""
        kept = {HEAD, JOURNAL, "lock", *names}
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir():
                with suppress(OSError):
                    path.rmdir()
            elif path.relative_to(self.folder).as_posix() not in kept:
                path.unlink()

    def _refuse_used(self, resume: bool) -> None:
        if (self.folder / MANIFEST).exists():
            raise BackupError(f"{self.folder} has a whole backup already: name another place for a new one")
        used = any(self.folder.iterdir())
        if used and not resume:
            raise BackupError(
                f"there is something in {self.folder}: name an empty place, or take up a backup that broke "
                "off with --resume"
            )
        if resume and not (self.folder / HEAD).exists():
            raise BackupError(f"no backup was begun in {self.folder}: leave out --resume")

    def _lock(self) -> None:
        self._handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise BackupError(f"another `audimax backup` writes to {self.folder}: wait for its end") from None


@contextmanager
def _let_go(file: BinaryIO) -> Iterator[None]:
    """Close it; after a failure its buffer can't be written either, and says nothing new."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    file.close()


class TarTarget:
    """One stream; a reader that finds no manifest at its end knows that it broke off."""

    def __init__(self, stream: BinaryIO) -> None:
        with on_disk("the stream"):
            self._tar = tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def begin(self, head: Head) -> None:
        self._put_bytes(HEAD, head.as_bytes())

    def kept(self, name: str, size: int) -> Part | None:
        return None

    def put(self, name: str, size: int, pieces: Iterable[bytes]) -> Part:
        counted = _Counted(pieces)
        with on_disk("the stream"):
            try:
                self._tar.addfile(_entry(name, size), as_file(iter(counted)))
            except OSError as error:
                if "unexpected end" not in str(error):
                    raise
                raise BackupError(f"{name} changed while it was read: make the backup again") from error
        if counted.size != size:
            raise BackupError(f"{name} changed while it was read: make the backup again")
        return Part(counted.size, counted.digest.hexdigest())

    def finish(self, manifest: bytes, names: Iterable[str]) -> None:
        self._put_bytes(MANIFEST, manifest)
        with on_disk("the stream"):
            self._tar.close()

    def _put_bytes(self, name: str, content: bytes) -> None:
        with on_disk("the stream"):
            self._tar.addfile(_entry(name, len(content)), io.BytesIO(content))


class FolderSource:
    """A backup in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.head = _head_in(folder)
        if not (folder / MANIFEST).is_file():
            raise BackupError(f"{folder}: {NOT_WHOLE}")

    def open(self, name: str) -> BinaryIO:
        if not (self.folder / name).resolve().is_relative_to(self.folder.resolve()):
            raise BackupError(f"{self.folder} asks for {name}, outside of it: it wasn't made by Audimax")
        try:
            return (self.folder / name).open("rb")
        except FileNotFoundError:
            raise BackupError(f"{name} is missing in {self.folder}: take another copy of it") from None
        except OSError as error:
            remedy = "let the user that runs audimax read it"
            raise BackupError(f"{self.folder / name}: {error.strerror}; {remedy}") from error


class TarSource:
    """A backup in a tar, which must be a file: it is read more than once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with on_disk(path):
            try:
                self._tar = tarfile.open(path, "r:")  # noqa: SIM115
                self._members = {member.name: member for member in self._tar}
            except tarfile.ReadError as error:
                raise BackupError(
                    f"{path} can't be read as a tar: it is damaged, or still compressed or encrypted by "
                    "another program; undo that first"
                ) from error
        if HEAD not in self._members:
            raise BackupError(f"{path} is no backup of Audimax")
        with closing(self.open(HEAD)) as body:
            self.head = Head.read(body.read(LARGEST_HEAD))
        if MANIFEST not in self._members:
            raise BackupError(f"{path}: {NOT_WHOLE}")

    def open(self, name: str) -> BinaryIO:
        member = self._members.get(name)
        opened = self._tar.extractfile(member) if member else None
        if opened is None:
            raise BackupError(f"{name} is missing in {self.path}: take another copy of it")
        return cast(BinaryIO, opened)


def source_at(path: Path) -> Source:
    """The backup there."""
    if path.is_dir():
        return FolderSource(path)
    if path.is_file():
        return TarSource(path)
    raise BackupError(f"{path} doesn't exist: name a backup's folder, or its tar")


def unfinished_in(folder: Path) -> Path:
    """The newest backup there that broke off."""
    found = [path.parent for path in folder.glob(f"*/{HEAD}") if not (path.parent / MANIFEST).exists()]
    if not found:
        raise BackupError(f"no backup in {folder} has broken off: leave out --resume")
    return max(found)


def new_folder(folder: Path) -> Path:
    """Where the next one goes, named by the moment (UTC)."""
    return folder / time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())


def digest_of(source: Source, name: str, size: int) -> str | None:
    """The SHA-256 of a part; None when it hasn't that size."""
    digest, read = hashlib.sha256(), 0
    with closing(source.open(name)) as body:
        try:
            while piece := body.read(PIECE):
                digest.update(piece)
                read += len(piece)
        except (OSError, tarfile.TarError):
            return None
    return digest.hexdigest() if read == size else None


def _head_in(folder: Path) -> Head:
    try:
        return Head.read((folder / HEAD).read_bytes()[:LARGEST_HEAD])
    except FileNotFoundError:
        raise BackupError(f"{folder} is no backup of Audimax: it has no {HEAD}") from None
    except OSError as error:
        remedy = "let the user that runs audimax read it"
        raise BackupError(f"{folder / HEAD}: {error.strerror}; {remedy}") from error


def _journal(folder: Path) -> Iterator[tuple[str, Part]]:
    with suppress(FileNotFoundError):
        for line in (folder / JOURNAL).read_text("utf-8", "replace").splitlines():
            # The last line may be half.
            with suppress(ValueError, KeyError, TypeError):
                found = json.loads(line)
                yield found["name"], Part(found["size"], found["sha256"])


def hexdigest(body: BinaryIO) -> str:
    """The SHA-256 of all that can be read."""
    digest = hashlib.sha256()
    while piece := body.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _entry(name: str, size: int) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.mode, made.mtime = size, 0o600, int(time.time())
    return made


class _Counted:
    """Pieces, counted while they are taken."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.digest, self.size = hashlib.sha256(), 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.digest.update(piece)
            self.size += len(piece)
            yield piece
