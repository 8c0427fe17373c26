from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from core.run.livekit_server import PROGRAM, LiveKitServer
from core.run.programs import Program, ProgramMissing


def test_only_core_opens_rooms_and_only_three_kinds_of_webhooks_come(tmp_path: Path) -> None:
    made = LiveKitServer(tmp_path, key="key", secret="s" * 40, webhook_url="http://127.0.0.1:8000/hook")
    said = json.loads(made.write_config().read_text())
    assert said["room"]["auto_create"] is False
    assert said["bind_addresses"] == ["127.0.0.1"]
    assert said["keys"] == {"key": "s" * 40}
    assert set(said["webhook"]["filter_params"]["include_events"]) == {
        "room_finished", "participant_joined", "participant_left",
        "egress_started", "egress_updated", "egress_ended",
    }  # fmt: skip
    assert stat.S_IMODE(made.config_file.stat().st_mode) == 0o600


def test_without_any_way_the_message_names_all_that_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ProgramMissing("not here")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(PROGRAM.variable, raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    for way in ("download", "build"):
        monkeypatch.setattr(Program, way, refuse)
    with pytest.raises(ProgramMissing, match=r"PATH, name.*AUDIMAX_LIVEKIT_SERVER.*AUDIMAX_LIVEKIT_API_URL"):
        PROGRAM.fetch(lambda _: None)
