from __future__ import annotations

import io
import json
import stat
import tarfile
from pathlib import Path

import pytest

from core.run import livekit_server as module
from core.run.livekit_server import LiveKitMissing, LiveKitServer


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("AUDIMAX_LIVEKIT_SERVER", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def archive(name: str = "livekit-server") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"true"))
    return packed.getvalue()


def test_only_core_opens_rooms_and_only_three_kinds_of_webhooks_come(tmp_path: Path) -> None:
    made = LiveKitServer(tmp_path, key="key", secret="s" * 40, webhook_url="http://127.0.0.1:8000/hook")
    said = json.loads(made.write_config().read_text())
    assert said["room"]["auto_create"] is False
    assert said["bind_addresses"] == ["127.0.0.1"]
    assert said["keys"] == {"key": "s" * 40}
    assert set(said["webhook"]["filter_params"]["include_events"]) == {
        "room_finished", "participant_joined", "participant_left",
    }  # fmt: skip
    assert stat.S_IMODE(made.config_file.stat().st_mode) == 0o600


def test_the_configured_server_comes_first_then_path_then_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.find_binary() is None
    kept = program(module.cached())
    assert module.find_binary() == kept
    on_path = program(tmp_path / "bin" / "livekit-server")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert module.find_binary() == on_path
    named = program(tmp_path / "mine")
    monkeypatch.setenv("AUDIMAX_LIVEKIT_SERVER", str(named))
    assert module.find_binary() == named


def test_a_configured_server_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIMAX_LIVEKIT_SERVER", "/nonexistent/livekit")
    with pytest.raises(LiveKitMissing, match="AUDIMAX_LIVEKIT_SERVER names /nonexistent/livekit"):
        module.fetch_binary()


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")


@pytest.mark.usefixtures("linux")
def test_the_release_is_taken_once_when_its_digest_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    packed = archive()
    asked: list[str] = []
    monkeypatch.setattr(module, "_fetched", lambda url: asked.append(url) or packed)
    monkeypatch.setitem(module.DIGESTS, "linux_amd64", hashlib.sha256(packed).hexdigest())
    first, second = module.fetch_binary(lambda _: None), module.fetch_binary(lambda _: None)
    assert first == second and first.read_bytes() == b"true"
    assert first.stat().st_mode & stat.S_IXUSR
    assert len(asked) == 1 and "1.13.5" in asked[0]


@pytest.mark.usefixtures("linux")
def test_an_archive_with_another_digest_is_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_fetched", lambda _: archive())
    monkeypatch.setattr(module, "_build", lambda _: (_ for _ in ()).throw(LiveKitMissing("no Go")))
    with pytest.raises(LiveKitMissing, match="SHA-256 differs"):
        module.fetch_binary(lambda _: None)
    assert not module.cached().exists()


@pytest.mark.usefixtures("linux")
def test_a_refused_download_falls_back_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(module.urllib.request, "urlopen", refuse)
    monkeypatch.setattr(module, "_build", lambda _: program(module.cached()))
    said: list[str] = []
    assert module.fetch_binary(said.append) == module.cached()
    assert any("download refused" in line for line in said)


def test_without_any_way_the_message_names_all_that_help(monkeypatch: pytest.MonkeyPatch) -> None:
    for way in ("_download", "_build"):
        monkeypatch.setattr(module, way, lambda _: (_ for _ in ()).throw(LiveKitMissing("not here")))
    with pytest.raises(LiveKitMissing, match=r"PATH.*AUDIMAX_LIVEKIT_SERVER.*AUDIMAX_LIVEKIT_API_URL"):
        module.fetch_binary(lambda _: None)


@pytest.mark.parametrize("home", [None, "", "/nonexistent"])
def test_the_cache_needs_no_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str | None
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(module.places.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)
    assert module.places.cache().is_relative_to(tmp_path)
