from __future__ import annotations

import io
import os
import signal
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.config import load
from core.doctor import scanner
from core.doctor.looking import Patient
from core.errors import ConfigError, ScannerDown
from core.files import scanning
from core.files.scanning import ping, scan, sees_all
from core.run.processes import wait_for
from tests.fixtures.clamav import LIMIT, VIRUS, Clamd

Start = Callable[..., AbstractContextManager[Clamd]]
NAME = "Audimax.Endless.UNOFFICIAL"


@pytest.fixture(params=["unix", "tcp"])
def address(request: pytest.FixtureRequest, clamd: Clamd) -> str:
    return str(getattr(clamd, request.param))


def words(body: bytes | io.RawIOBase, address: str) -> str:
    """What an admin reads."""
    with pytest.raises(ScannerDown) as refused:
        scan(io.BytesIO(body) if isinstance(body, bytes) else body, address)
    return str(refused.value)


# --- with a real clamd ----------------------------------------------------------------


def test_what_is_clean_is_clean_and_a_virus_has_a_name(address: str) -> None:
    assert scan(io.BytesIO(b"slides"), address) is None
    assert scan(io.BytesIO(b""), address) is None
    assert scan(io.BytesIO(b"before " + VIRUS + b" after"), address) == NAME


def test_a_virus_in_an_archive_and_at_the_border_of_two_pieces_is_found(address: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt", VIRUS * 3)
    assert VIRUS not in packed.getvalue()
    assert scan(io.BytesIO(packed.getvalue()), address) == NAME
    assert scan(io.BytesIO(bytes(scanning.CHUNK - 5) + VIRUS), address) == NAME


def test_a_file_of_many_pieces_is_streamed(address: str) -> None:
    class Dribbling(io.RawIOBase):
        left = LIMIT - 10_000

        def read(self, size: int = -1) -> bytes:
            assert size == scanning.CHUNK
            given = min(self.left, 70_001)
            self.left -= given
            return b"a" * given

    body = Dribbling()
    assert scan(body, address) is None
    assert body.left == 0


def test_a_file_that_is_too_large_names_the_settings(address: str) -> None:
    said = words(b"a" * (3 * LIMIT), address)
    assert "StreamMaxLength" in said and "MaxFileSize" in said


def test_a_file_that_was_not_looked_at_to_its_end_is_not_clean(start_clamd: Start) -> None:
    with start_clamd(MaxFileSize="1M") as clamd:
        said = words(b"a" * 2_000_000, clamd.unix)
    assert "didn't look at all of a file of 2000000 bytes" in said and "MaxFileSize" in said


def test_many_are_scanned_at_once(address: str) -> None:
    bodies = [b"slides", VIRUS] * 20
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda body: scan(io.BytesIO(body), address), bodies))
    assert found == [None, NAME] * 20


def test_a_reading_that_breaks_off_is_the_storages_fault(address: str) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        scan(Broken(), address)
    assert scan(io.BytesIO(b"slides"), address) is None


def test_ping_says_the_version(address: str) -> None:
    assert ping(address).startswith("ClamAV ")


def test_a_scanner_that_stops_is_unreachable_and_one_that_hangs_too_slow(
    start_clamd: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_clamd() as clamd:
        os.kill(clamd.process.pid, signal.SIGSTOP)
        monkeypatch.setattr(scanning, "ANSWER_SECONDS", 0.3)
        assert "was silent for 0.3 s" in words(b"slides", clamd.unix)
        os.kill(clamd.process.pid, signal.SIGCONT)
        clamd.process.terminate()
        assert wait_for(lambda: clamd.process.poll() is not None, 60)
        for address in (clamd.unix, clamd.tcp):
            assert "can't be reached" in words(b"slides", address)


# --- the test virus, and doctor -------------------------------------------------------


def found_by_doctor(address: str, megabytes: int) -> list[Any]:
    return list(
        scanner.look(Patient(load(SETTINGS | {"virus_scanner": address, "largest_file_mb": megabytes})))
    )


SETTINGS = {
    "secret_key": "k" * 40,
    "livekit_secret": "s" * 40,
    "livekit_key": "key",
    "database_url": "postgresql+psycopg2://localhost/audimax",
}


def test_doctor_looks_whether_files_of_the_largest_size_are_looked_at(start_clamd: Start) -> None:
    with start_clamd(AlertExceedsMax="no", StreamMaxLength="8M") as clamd:
        (well,) = found_by_doctor(clamd.unix, 3)
        (unseen,) = found_by_doctor(clamd.tcp, 6)
        (refused,) = found_by_doctor(clamd.unix, 30)
        assert not sees_all(clamd.unix, 6_000_000)
    assert well.state == "good" and "finds the test virus in a file of 3 MB" in well.said
    assert unseen.is_bad and "MaxFileSize" in unseen.remedy and "AlertExceedsMax yes" in unseen.remedy
    assert refused.is_bad and "StreamMaxLength" in refused.remedy
    (gone,) = found_by_doctor(clamd.unix, 3)
    assert gone.is_bad and "can't be reached" in gone.said and "virus_scanner" in gone.remedy


def test_doctor_says_nothing_where_nothing_is_scanned() -> None:
    assert list(scanner.look(Patient(load(SETTINGS)))) == []


@pytest.mark.parametrize("size", [0, 5_000, scanning.CHUNK * 3, 10_000_000])
def test_the_archive_with_the_test_virus_has_about_the_size_that_was_asked_for(size: int) -> None:
    body, total = scanning._Probe(size), 0
    while piece := body.read(scanning.CHUNK):
        total += len(piece)
    assert max(0, size - scanning.CHUNK) <= total <= size + 3000


# --- what isn't clamd -----------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["", "clamd", "unix:clamd.ctl", "tcp://", "tcp://host", "tcp://host:99999", "http://host:3310"]
)
def test_an_address_of_no_scanner_is_refused_by_settings_and_scanner(address: str) -> None:
    with pytest.raises(ScannerDown, match="no address of a scanner"):
        ping(address)
    if address:
        with pytest.raises(ConfigError, match="virus_scanner must be unix:/path or tcp://host:3310"):
            load(SETTINGS | {"virus_scanner": address})


@pytest.mark.parametrize(
    "address", ["unix:/run/clamav/clamd.ctl", "tcp://scanner:3310", "tcp://[::1]:3310", "tcp://10.0.0.1:3310"]
)
def test_addresses_of_scanners_are_taken(address: str) -> None:
    assert load(SETTINGS | {"virus_scanner": address}).virus_scanner == address


def test_who_isnt_there_is_unreachable(tmp_path: Path) -> None:
    for address in (f"unix:{tmp_path}/none.ctl", f"unix:/{'x' * 200}", "tcp://127.0.0.1:1", "unix:/a\0b"):
        assert "can't be reached" in words(b"slides", address)


@contextmanager
def answering(said: bytes, *, listens: bool = True) -> Iterator[str]:
    """Something that isn't clamd: takes a connection, perhaps listens, says this and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while listens and not connection.recv(65536).endswith((b"N\0", bytes(4))):
                    pass
                connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        thread.join(60)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"", "hung up after 6 bytes"),
        (b"stream: Can't allocate memory ERROR\0", "couldn't scan: \"stream: Can't allocate memory ERROR\""),
        (b"UNKNOWN COMMAND\0", "couldn't scan"),
        (b"COMMAND READ TIMED OUT\0", "couldn't scan"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "couldn't scan"),
        (b"stream: OK and more\0", "couldn't scan"),
        (b"\xff" * 9000, "couldn't scan"),
    ],
)
def test_what_isnt_a_verdict_is_never_clean(said: bytes, expected: str) -> None:
    with answering(said) as address:
        assert expected in words(b"slides", address)


def test_a_name_of_absurd_length_is_cut() -> None:
    with answering(b"stream: " + b"x" * 3000 + b" FOUND\0") as address:
        found = scan(io.BytesIO(b"slides"), address)
    assert found is not None and len(found) == scanning.LONGEST_NAME


def test_who_hangs_up_at_once_is_no_clean_verdict() -> None:
    with answering(b"", listens=False) as address:
        assert "hung up after" in words(b"a" * 20_000_000, address)


def test_what_answers_a_ping_must_be_clamd() -> None:
    with answering(b"220 mail.example ESMTP\r\n") as address, pytest.raises(ScannerDown, match="isn't clamd"):
        ping(address)
