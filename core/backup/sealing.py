"""Encryption by choice: a passphrase opens a backup, and nothing in it can be changed, cut or swapped.

Each part has a key of its own, made from the passphrase's key, a random salt at the part's beginning and
its name. It is sealed in pieces with AES-256-GCM; a piece's nonce has its number and whether it is the
last, so that pieces left out, moved or cut off are noticed.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from core.backup.refusals import BackupError, on_disk

VARIABLE = "AUDIMAX_BACKUP_PASSPHRASE"
SHORTEST = 12
LONGEST = 4096
PIECE = 256 * 1024
TAG = 16
SALT = 16
# 64 MB of memory and a fifth of a second for each guess.
N, R, P = 2**16, 8, 1
# A backup of somebody else's making must not be able to ask for all our memory.
LARGEST_N = 2**20


@dataclass(frozen=True)
class Stretching:
    """How the key is made from the passphrase (scrypt); ``check`` tells whether it is the right one."""

    salt: str
    n: int = N
    r: int = R
    p: int = P
    check: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Box:
    """Seals and opens the parts of one backup."""

    def __init__(self, passphrase: str, stretching: Stretching) -> None:
        self._cipher = _cipher()
        self._key = _stretched(passphrase, stretching)
        self.stretching = Stretching(
            stretching.salt, stretching.n, stretching.r, stretching.p, self._made("check", "")[:32]
        )

    def name(self, plain: str) -> str:
        """Under which name a part is kept: nobody reads from it what is in there."""
        made = self._made("name", plain)
        return f"parts/{made[:2]}/{made[:40]}"

    def seal(self, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The sealed bytes of a part."""
        salt = os.urandom(SALT)
        yield salt
        cipher = self._cipher(self._part_key(name, salt))
        for number, (piece, is_last) in enumerate(_cut(pieces)):
            yield cipher.encrypt(_nonce(number, is_last), piece, name.encode())

    def open(self, name: str, sealed: BinaryIO) -> BinaryIO:
        """The bytes of a part that was sealed under that name."""
        return cast(BinaryIO, io.BufferedReader(_Opened(self._pieces(name, sealed)), PIECE))

    def _pieces(self, name: str, sealed: BinaryIO) -> Iterator[bytes]:
        cipher = self._cipher(self._part_key(name, _read(sealed, SALT)))
        number, piece = 0, _read(sealed, PIECE + TAG)
        while True:
            following = _read(sealed, PIECE + TAG) if len(piece) == PIECE + TAG else b""
            try:
                opened: bytes = cipher.decrypt(_nonce(number, not following), piece, name.encode())
            except Exception as error:
                if type(error).__name__ != "InvalidTag" and not isinstance(error, ValueError):
                    raise
                raise BackupError(
                    f"a part of the backup isn't what was written ({name}): it was changed or cut off. "
                    "Take another copy of this backup, or an older one"
                ) from error
            yield opened
            if not following:
                return
            number, piece = number + 1, following

    def _part_key(self, name: str, salt: bytes) -> bytes:
        return hmac.new(self._key, b"part\0" + salt + name.encode(), hashlib.sha256).digest()

    def _made(self, use: str, text: str) -> str:
        return hmac.new(self._key, f"{use}\0{text}".encode(), hashlib.sha256).hexdigest()


def new_box(passphrase: str) -> Box:
    """For a new backup."""
    return Box(passphrase, Stretching(secrets.token_hex(16)))


def box_of(passphrase: str, kept: Mapping[str, Any]) -> Box:
    """For a backup that is there; a ``BackupError`` when the passphrase isn't its own."""
    try:
        stretching = Stretching(**kept)
        known = 2**14 <= stretching.n <= LARGEST_N and stretching.r == R and stretching.p == P
        bytes.fromhex(stretching.salt)
    except (TypeError, ValueError) as error:
        raise BackupError("the backup's head is damaged: take another copy of this backup") from error
    if not known:
        raise BackupError("the backup's head asks for a key that this version can't make: it is damaged")
    box = Box(passphrase, stretching)
    if not hmac.compare_digest(box.stretching.check, stretching.check):
        raise BackupError("the passphrase is wrong: this backup was made with another one")
    return box


def sealed_size(size: int) -> int:
    """How long a part of ``size`` bytes becomes."""
    return SALT + size + TAG * max(1, -(-size // PIECE))


def passphrase_of(file: Path | None, environ: MutableMapping[str, str]) -> str:
    """From the file, else from the environment, out of which it is taken: programs we start don't get it."""
    given = environ.pop(VARIABLE, "")
    if file is not None:
        with on_disk(file):
            given = _first_line(file)
    if given and len(given) < SHORTEST:
        raise BackupError(f"the passphrase is shorter than {SHORTEST} letters: take a longer one")
    return given


def _first_line(file: Path) -> str:
    with file.open("rb") as opened:
        read = opened.read(LONGEST)
    try:
        return read.decode("utf-8").split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError as error:
        raise BackupError(f"{file} isn't UTF-8: write the passphrase into its first line") from error


def _cipher() -> Callable[[bytes], Any]:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise BackupError("encrypted backups need a library: pip install 'audimax[backup]'") from error
    return AESGCM


def _stretched(passphrase: str, how: Stretching) -> bytes:
    memory = 128 * how.r * (how.n + how.p + 2)
    salt = bytes.fromhex(how.salt)
    return hashlib.scrypt(
        passphrase.encode(), salt=salt, n=how.n, r=how.r, p=how.p, maxmem=memory + 2**20, dklen=32
    )


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _cut(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """All bytes in pieces of the same length; an empty part is one empty piece."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) > PIECE:
            yield bytes(held[:PIECE]), False
            del held[:PIECE]
    yield bytes(held), True


def _read(body: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer only at the end."""
    read = bytearray()
    while len(read) < size and (piece := body.read(size - len(read))):
        read += piece
    return bytes(read)


class _Opened(io.RawIOBase):
    """A stream of pieces, as a file to read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            try:
                self._held = memoryview(next(self._pieces))
            except StopIteration:
                return 0
        taken = self._held[: len(buffer)]
        buffer[: len(taken)] = taken
        self._held = self._held[len(taken) :]
        return len(taken)


def as_file(pieces: Iterator[bytes]) -> BinaryIO:
    """Pieces, to be read like a file."""
    return cast(BinaryIO, io.BufferedReader(_Opened(pieces), PIECE))
