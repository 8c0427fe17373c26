"""Programs of others: what is here is taken, what was downloaded is checked, what is missing is named."""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from core.run import places
from core.run import programs as module
from core.run.programs import Program, ProgramMissing, Release

URL = "https://releases.example/server-1.2.3.tar.gz"
SERVER = Program(
    name="audimax-test-server",
    version="1.2.3",
    module="example.org/server",
    variable="AUDIMAX_TEST_SERVER",
    releases={"linux_amd64": Release(URL, "0" * 64)},
)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(SERVER.variable, raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")


@pytest.fixture
def no_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda *_args, **_named: None)


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def archive(name: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"true"))
    return packed.getvalue()


def published(packed: bytes) -> Program:
    return replace(SERVER, releases={"linux_amd64": Release(URL, hashlib.sha256(packed).hexdigest())})


def test_the_configured_program_comes_first_then_path_then_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SERVER.find() is None
    kept = program(SERVER.cached())
    assert SERVER.find() == kept
    on_path = program(tmp_path / "bin" / SERVER.name)
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert SERVER.find() == on_path
    named = program(tmp_path / "mine")
    monkeypatch.setenv(SERVER.variable, str(named))
    assert SERVER.find() == named


def test_a_configured_program_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVER.variable, "/nonexistent/server")
    with pytest.raises(ProgramMissing, match="AUDIMAX_TEST_SERVER names /nonexistent/server"):
        SERVER.fetch()


@pytest.mark.parametrize("inside", [SERVER.name, f"server_v1.2.3/{SERVER.name}"])
def test_the_release_is_taken_once_when_its_digest_is_right(
    monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    packed = archive(inside)
    asked: list[str] = []
    monkeypatch.setattr(module, "fetched", lambda url: asked.append(url) or packed)
    server = published(packed)
    first, second = server.fetch(lambda _: None), server.fetch(lambda _: None)
    assert first == second and first.read_bytes() == b"true"
    assert first.stat().st_mode & stat.S_IXUSR
    assert asked == [URL]


@pytest.mark.usefixtures("no_go")
def test_an_archive_with_another_digest_is_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fetched", lambda _: archive(SERVER.name))
    with pytest.raises(ProgramMissing, match="SHA-256 differs"):
        SERVER.fetch(lambda _: None)
    assert not SERVER.cached().exists()


@pytest.mark.usefixtures("no_go")
def test_an_archive_without_the_program_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = archive("README")
    monkeypatch.setattr(module, "fetched", lambda _: packed)
    with pytest.raises(ProgramMissing, match="holds no audimax-test-server"):
        published(packed).fetch(lambda _: None)


def test_a_refused_download_falls_back_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(module.urllib.request, "urlopen", refuse)
    monkeypatch.setattr(Program, "build", lambda self, _say: program(self.cached()))
    said: list[str] = []
    assert SERVER.fetch(said.append) == SERVER.cached()
    assert any("download refused" in line for line in said)


@pytest.mark.usefixtures("no_go")
def test_without_any_way_the_message_names_all_that_help() -> None:
    nothing = replace(SERVER, releases={})
    with pytest.raises(ProgramMissing, match=r"no release.*linux_amd64.*no Go.*PATH, or name it in AUDIMAX_"):
        nothing.fetch(lambda _: None)


@pytest.mark.parametrize("home", [None, "", "/nonexistent"])
def test_the_cache_needs_no_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str | None
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(places.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)
    assert places.cache().is_relative_to(tmp_path)
