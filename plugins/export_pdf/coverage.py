"""Which characters a font file draws: its ``cmap``, read from no more of the file than needed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

NOTHING: frozenset[int] = frozenset()
# A font of every character there is has a cmap of half a megabyte.
LARGEST_CMAP = 4 * 1024 * 1024
MOST_TABLES = 200
# (platform, encoding) from the best: all of Unicode, then its first plane.
ENCODINGS = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3))
ARABIC = frozenset(range(0x620, 0x64B)) | frozenset(range(0x671, 0x6D4))
# Letters are joined by their presentation forms; a font without them shows single letters.
JOINED = frozenset((0xFE8D, 0xFE8E, 0xFEDF, 0xFEE0))


@lru_cache(maxsize=256)
def characters(path: Path) -> frozenset[int]:
    """All of them; none where the file is no font with TrueType outlines."""
    try:
        with path.open("rb") as file:
            found = frozenset(_characters(file))
    except (OSError, struct.error):
        return NOTHING
    return found if found >= JOINED else found - ARABIC


def _characters(file: BinaryIO) -> Iterator[int]:
    tables = _tables(file)
    if "glyf" not in tables or "cmap" not in tables:
        return iter(())
    start, length = tables["cmap"]
    file.seek(start)
    return _mapped(file.read(min(length, LARGEST_CMAP)))


def _tables(file: BinaryIO) -> dict[str, tuple[int, int]]:
    head = file.read(16)
    if head[:4] == b"ttcf":
        file.seek(struct.unpack_from(">I", head, 12)[0])
        head = file.read(16)
    count = min(struct.unpack_from(">H", head, 4)[0], MOST_TABLES)
    file.seek(-4, 1)
    entries = struct.iter_unpack(">4sIII", file.read(16 * count))
    return {tag.decode("latin-1"): (start, length) for tag, _sum, start, length in entries}


def _mapped(table: bytes) -> Iterator[int]:
    count = struct.unpack_from(">H", table, 2)[0]
    entries = (struct.unpack_from(">HHI", table, 4 + 8 * at) for at in range(count))
    starts = {(platform, encoding): start for platform, encoding, start in entries}
    best = next((starts[kind] for kind in ENCODINGS if kind in starts), None)
    if best is None:
        return iter(())
    kind = struct.unpack_from(">H", table, best)[0]
    readers = {4: _first_plane, 12: _all_planes}
    return readers[kind](table[best:]) if kind in readers else iter(())


def _first_plane(table: bytes) -> Iterator[int]:
    """Format 4: ranges, of which the last is only a mark."""
    twice = struct.unpack_from(">H", table, 6)[0]
    ends = struct.unpack_from(f">{twice // 2}H", table, 14)
    starts = struct.unpack_from(f">{twice // 2}H", table, 16 + twice)
    for start, end in zip(starts, ends, strict=True):
        if end != 0xFFFF:
            yield from range(start, end + 1)


def _all_planes(table: bytes) -> Iterator[int]:
    """Format 12: groups of characters that follow one another."""
    count = struct.unpack_from(">I", table, 12)[0]
    for at in range(min(count, len(table) // 12)):
        start, end = struct.unpack_from(">II", table, 16 + 12 * at)
        yield from range(start, min(end, 0x10FFFF) + 1)
