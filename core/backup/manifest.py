"""What a backup says of itself: a head that anybody may read, and a manifest that is written last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from core.backup.refusals import BackupError
from core.version import VERSION

FORMAT = 1
HEAD, MANIFEST = "head.json", "manifest"
LARGEST_HEAD = 64 * 1024


@dataclass(frozen=True)
class Head:
    """Written first. ``made_at`` is when its (last) try began; ``key``: how the passphrase becomes a key."""

    id: str
    made_at: str
    key: dict[str, Any] | None = None
    version: str = VERSION
    format: int = FORMAT

    @property
    def is_encrypted(self) -> bool:
        return self.key is not None

    def as_bytes(self) -> bytes:
        return json.dumps(asdict(self), indent=2).encode() + b"\n"

    @classmethod
    def read(cls, given: bytes) -> Head:
        """Refuses what this version can't read."""
        try:
            found = json.loads(given)
            if found["format"] > FORMAT:
                raise BackupError(_newer(f"is of form {found['format']}", found["version"]))
            return cls(**found)
        except (ValueError, KeyError, TypeError) as error:
            raise BackupError(
                f"its {HEAD} can't be read: this is no backup of Audimax, or it is damaged"
            ) from error


@dataclass(frozen=True)
class Part:
    """One file of the backup, as it lies there."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Table:
    """The rows of one table, in as many parts as they fill."""

    name: str
    columns: list[str]
    rows: int
    parts: list[str]


@dataclass(frozen=True)
class File:
    """A file of a storage; ``size`` is that of its own bytes."""

    storage: str
    key: str
    mime: str
    size: int
    part: str


@dataclass(frozen=True)
class Gone:
    """A file that a row of the snapshot has and the backup hasn't; ``deleted``: on purpose, meanwhile."""

    storage: str
    key: str
    deleted: bool


@dataclass
class Manifest:
    """All of it. ``histories`` has the revision of core's tables and of each plugin's."""

    id: str
    made_at: str
    histories: dict[str, str]
    version: str = VERSION
    tables: list[Table] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)
    secrets: str = ""
    key_print: str = ""
    database_size: int = 0

    def as_bytes(self) -> bytes:
        """With its own checksum in the first line."""
        body = json.dumps(asdict(self), indent=1, ensure_ascii=False).encode()
        return hashlib.sha256(body).hexdigest().encode() + b"\n" + body

    @classmethod
    def read(cls, given: bytes) -> Manifest:
        digest, _, body = given.partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != digest:
            raise BackupError("its manifest is damaged: take another copy of this backup, or an older one")
        found: dict[str, Any] = json.loads(body)
        found["tables"] = [Table(**one) for one in found["tables"]]
        found["files"] = [File(**one) for one in found["files"]]
        found["gone"] = [Gone(**one) for one in found["gone"]]
        found["parts"] = {name: Part(**one) for name, one in found["parts"].items()}
        return cls(**found)

    @property
    def file_bytes(self) -> int:
        return sum(one.size for one in self.files)


def refuse_newer(problems: Mapping[str, str], version: str) -> None:
    """Histories that this code doesn't know, in words."""
    if problems:
        raise BackupError(_newer("; ".join(problems.values()), version))


def _newer(said: str, version: str) -> str:
    return (
        f"the backup {said}: it was made by Audimax {version}, and this is {VERSION}. Install {version} or "
        "a newer version here, and the plugins in the versions that it was made with or newer ones"
    )
