"""Programs of Debian for tests: the system's are taken, others are unpacked beside it, and what is missing is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.setup import debian
from tests.setup.debian import PACKAGE, Packaged

NAME = "audimax-test-program"
SAID = """\
'http://packages.example/debian/pool/main/c/c-ares/libc-ares2_1.18.1-3_amd64.deb' libc-ares2_1.18.1-3_amd64.deb 102484 MD5Sum:a5
'http://packages.example/debian/pool/main/p/pgbouncer/pgbouncer_1.18.0-1%2bdeb12u1_amd64.deb' pgbouncer_1.18.0-1+deb12u1_amd64.deb 208108
"""


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_packages_that_are_needed_are_read_from_what_apt_says() -> None:
    assert PACKAGE.findall(SAID) == ["libc-ares2", "pgbouncer"]


def test_one_of_the_system_is_taken_if_it_can_do_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = program(tmp_path / "bin" / NAME)
    monkeypatch.setenv("PATH", str(made.parent))
    assert Packaged(NAME, ()).find() == made
    assert Packaged(NAME, ()).variables == {}
    assert Packaged(NAME, (), suits=lambda _path: False).find() is None


def test_one_that_was_unpacked_finds_its_own_libraries() -> None:
    one = Packaged(NAME, ())
    made = program(one.folder / "usr/sbin" / NAME)
    libraries = one.folder / "usr/lib/x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    assert one.find() == made
    assert one.variables == {"LD_LIBRARY_PATH": str(libraries)}


def test_what_cant_be_had_is_named_and_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(debian, "ALL", (Packaged(NAME, ("no-such-package-of-audimax",)),))
    monkeypatch.setattr(sys, "platform", "darwin")
    debian.main()
    assert f"no {NAME}: the tests of the whole installation are skipped" in capsys.readouterr().out


def test_packages_that_arent_there_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Packaged(NAME, ("no-such-package-of-audimax",))
    monkeypatch.setattr(Packaged, "_wanted", lambda one: list(one.packages))
    monkeypatch.setattr(debian, "_runs", lambda argv, _cwd=None: "download" not in argv)
    assert not one.unpack()
    assert not one.folder.exists()
