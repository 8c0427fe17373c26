"""Virus scan by ClamAV's daemon, over its socket.

A client of our own, of two commands: the libraries are under the GPL or LGPL (clamav-client, pyclamd), left
alone since 2014 (clamd), or don't read clamd's answer when a file is larger than it takes (clamdpy).
"""

from __future__ import annotations

import socket
import struct
import tarfile
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlsplit

from core.errors import ScannerDown

FORM = "unix:/path or tcp://host:3310"
CHUNK = 256 * 1024
CONNECT_SECONDS = 5
# clamd looks at one file for 120 s at most (its MaxScanTime), and may have others before it.
ANSWER_SECONDS = 300
# clamd answers with one line.
LONGEST_ANSWER = 4096
LONGEST_NAME = 200
REMEDY = "raise StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf"
# What clamd "finds" in a file that it didn't look at to the end, with AlertExceedsMax.
UNSEEN = "Heuristics.Limits.Exceeded"
# The harmless test virus that every scanner knows, written so that none finds it in this file.
EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE" + "!$H+H*"


class Readable(Protocol):
    """What is scanned: ``read`` gives at most ``size`` bytes, none at the end."""

    def read(self, size: int, /) -> bytes: ...


def scan(body: Readable, address: str) -> str | None:
    """The name of what was found in it, None when it is clean; ``ScannerDown`` when that isn't known.

    ``address`` is ``unix:/path`` or ``tcp://host:port``. The body is streamed and read once.
    """
    with _Clamd(address) as clamd:
        clamd.send(b"zINSTREAM\0")
        sent = 0
        while chunk := body.read(CHUNK):
            if not clamd.send(struct.pack(">I", len(chunk)) + chunk):
                break
            sent += len(chunk)
        else:
            clamd.send(bytes(4))
        return _verdict(clamd.answer(), sent, address)


def ping(address: str) -> str:
    """The scanner's version and that of its signatures, as it says them."""
    with _Clamd(address) as clamd:
        clamd.send(b"zVERSION\0")
        said = clamd.answer()
    if not said.startswith("ClamAV"):
        raise ScannerDown(f"what answers at {address} isn't clamd", "correct virus_scanner")
    return said


def sees_all(address: str, size: int) -> bool:
    """Whether it finds the test virus at the end of an archive of ``size`` bytes.

    clamd calls a file clean that is larger than its limits, unless it is told otherwise.
    """
    return scan(_Probe(size), address) is not None


def is_address(address: str) -> bool:
    """Whether it has that form."""
    try:
        parts = urlsplit(address)
        return address.startswith("unix:/") or (parts.scheme == "tcp" and bool(parts.hostname and parts.port))
    except ValueError:
        return False


def _verdict(said: str, sent: int, address: str) -> str | None:
    about, see_log = f"clamd at {address}", "look at its log"
    name, _, word = said.removeprefix("stream: ").rpartition(" ")
    if said == "stream: OK":
        return None
    if word == "FOUND" and not name.startswith(UNSEEN):
        return name[:LONGEST_NAME]
    if word == "FOUND":
        raise ScannerDown(f"{about} didn't look at all of a file of {sent} bytes ({name})", REMEDY)
    if "size limit exceeded" in said:
        raise ScannerDown(f"{about} takes no file of more than {sent} bytes", REMEDY)
    if not said:
        raise ScannerDown(f"{about} hung up after {sent} bytes", f"{see_log}, or {REMEDY}")
    raise ScannerDown(f"{about} couldn't scan: {said[:LONGEST_NAME]!r}", see_log)


class _Clamd:
    """One connection, for one command."""

    def __init__(self, address: str) -> None:
        if not is_address(address):
            raise ScannerDown(f"{address!r} is no address of a scanner", f"write {FORM}")
        self.address = address

    def __enter__(self) -> _Clamd:
        try:
            self._socket = self._connect()
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from error
        self._socket.settimeout(ANSWER_SECONDS)
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> bool:
        """Whether it went out; if not, clamd has hung up and may have said why."""
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise self._slow() from error
        except OSError:
            return False
        return True

    def answer(self) -> str:
        """Its line, empty if it hung up without a word."""
        said = b""
        try:
            while len(said) < LONGEST_ANSWER and (more := self._socket.recv(LONGEST_ANSWER)):
                said += more
        except TimeoutError as error:
            raise self._slow() from error
        except OSError:
            # Over TCP a reset may follow the answer.
            pass
        return said.partition(b"\0")[0].decode("utf-8", "replace").strip()

    def _connect(self) -> socket.socket:
        if not self.address.startswith("unix:"):
            parts = urlsplit(self.address)
            return socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS)
        made = socket.socket(socket.AF_UNIX)
        try:
            made.settimeout(CONNECT_SECONDS)
            made.connect(self.address.removeprefix("unix:"))
        except BaseException:
            made.close()
            raise
        return made

    def _unreachable(self, error: Exception) -> ScannerDown:
        remedy = "start it, let the user of Audimax use its socket, or correct virus_scanner"
        return ScannerDown(f"clamd can't be reached at {self.address}: {error}", remedy)

    def _slow(self) -> ScannerDown:
        return ScannerDown(f"clamd at {self.address} was silent for {ANSWER_SECONDS} s", "look at its log")


class _Probe:
    """A tar archive of zeros with the test virus as its last file."""

    def __init__(self, size: int) -> None:
        self._chunks = self._archive(size)

    def read(self, size: int, /) -> bytes:
        return next(self._chunks, b"")

    def _archive(self, size: int) -> Iterator[bytes]:
        block, chunks = tarfile.BLOCKSIZE, max(0, size - 4 * tarfile.BLOCKSIZE) // CHUNK
        yield self._header("zeros", chunks * CHUNK)
        for _ in range(chunks):
            yield bytes(CHUNK)
        yield self._header("eicar.com", len(EICAR)) + EICAR.encode().ljust(block, b"\0") + bytes(2 * block)

    @staticmethod
    def _header(name: str, size: int) -> bytes:
        described = tarfile.TarInfo(name)
        described.size = size
        return described.tobuf(tarfile.USTAR_FORMAT)
