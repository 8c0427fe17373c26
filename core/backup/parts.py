"""Parts with the names that a backup's manifest uses, sealed where that was chosen."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import BinaryIO

from core.backup.manifest import MANIFEST, Manifest, Part
from core.backup.places import PIECE, Source, Target, digest_of
from core.backup.refusals import BackupError
from core.backup.sealing import Box, as_file, sealed_size

# How much of a table is held in memory: a tar must know a part's size before its first byte.
SEGMENT = 4 * 1024 * 1024
LARGEST_MANIFEST = 2 * 1024**3


class Writer:
    """Writes parts, and remembers what each became."""

    def __init__(self, target: Target, box: Box | None) -> None:
        self._target, self._box = target, box
        self.parts: dict[str, Part] = {}

    def name(self, plain: str) -> str:
        """How the part is called in the backup."""
        return self._box.name(plain) if self._box else plain

    def kept(self, plain: str, size: int) -> str:
        """The name of a part of so many bytes that is there already, or nothing."""
        name = self.name(plain)
        found = self._target.kept(name, sealed_size(size) if self._box else size)
        if found is None:
            return ""
        self.parts[name] = found
        return name

    def put(self, plain: str, size: int, pieces: Iterable[bytes]) -> str:
        """Write a part of so many bytes; gives its name."""
        name = self.name(plain)
        if self._box:
            size, pieces = sealed_size(size), self._box.seal(name, pieces)
        self.parts[name] = self._target.put(name, size, pieces)
        return name

    def finish(self, manifest: Manifest) -> None:
        """The last thing that is written."""
        manifest.parts = self.parts
        content = manifest.as_bytes()
        if self._box:
            content = b"".join(self._box.seal(MANIFEST, [content]))
        self._target.finish(content, self.parts)


class Reader:
    """Reads parts, opened where they are sealed."""

    def __init__(self, source: Source, box: Box | None) -> None:
        self._source, self._box = source, box
        self.manifest = self._read_manifest()

    def open(self, name: str) -> BinaryIO:
        body = self._source.open(name)
        return self._box.open(name, body) if self._box else body

    def refuse_damaged(self, told: Callable[[int], None]) -> None:
        """Look through every part before one of them is used; tell how many bytes were."""
        seen = 0
        for name, part in self.manifest.parts.items():
            if digest_of(self._source, name, part.size) != part.sha256:
                raise BackupError(
                    f"{name} isn't what was written: it was changed, cut off or damaged on its disk. Take "
                    "another copy of this backup, or an older one"
                )
            seen += part.size
            told(seen)

    def _read_manifest(self) -> Manifest:
        with closing(self.open(MANIFEST)) as body:
            found = Manifest.read(body.read(LARGEST_MANIFEST))
        if found.id != self._source.head.id:
            raise BackupError("its head and its manifest are of different backups: copy all of it again")
        return found


class Segments:
    """What ``COPY`` writes, compressed, in parts of a size that memory holds."""

    def __init__(self, writer: Writer, plain: str) -> None:
        self._writer, self._plain = writer, plain
        self._packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        self._held = bytearray()
        self.names: list[str] = []

    def write(self, piece: bytes) -> int:
        self._held += self._packer.compress(piece)
        if len(self._held) >= SEGMENT:
            self._write()
        return len(piece)

    def close(self) -> None:
        self._held += self._packer.flush()
        self._write()

    def _write(self) -> None:
        plain = f"{self._plain}/{len(self.names) + 1:06d}.gz"
        self.names.append(self._writer.put(plain, len(self._held), [bytes(self._held)]))
        self._held.clear()


def unpacked(reader: Reader, names: Iterable[str]) -> BinaryIO:
    """The rows that such parts hold."""
    return as_file(_unpacked(reader, names))


def _unpacked(reader: Reader, names: Iterable[str]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(31)
    for name in names:
        with closing(reader.open(name)) as body:
            while piece := body.read(PIECE):
                yield from _opened(unpacker, piece)
    yield unpacker.flush()
    if not unpacker.eof:
        raise BackupError("the rows of a table end too early: the backup is damaged; take an older one")


def _opened(unpacker: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    while piece:
        yield unpacker.decompress(piece, PIECE)
        piece = unpacker.unconsumed_tail
