from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.errors import AudimaxError
from core.run.instance import Instance, InstanceBusy


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_and_its_secrets_are_ours_alone(tmp_path: Path) -> None:
    made = Instance.make(tmp_path / "instance")
    made.secrets()
    made.remember({"AUDIMAX_SECRET_KEY": "x"})
    assert mode(made.folder) == 0o700
    assert mode(made.logs) == 0o700
    assert {mode(made.folder / name) for name in ("secrets.json", "environment.json")} == {0o600}


def test_rights_that_were_widened_are_narrowed_at_the_next_start(tmp_path: Path) -> None:
    first = Instance.make(tmp_path / "instance")
    first.secrets()
    (first.folder / "secrets.json").chmod(0o644)
    first.folder.chmod(0o755)
    again = Instance.make(tmp_path / "instance")
    again.secrets()
    assert (mode(again.folder), mode(again.folder / "secrets.json")) == (0o700, 0o600)


def test_secrets_are_long_made_once_and_differ_between_installations(tmp_path: Path) -> None:
    one, other = Instance.make(tmp_path / "one"), Instance.make(tmp_path / "other")
    assert one.secrets() == one.secrets() != other.secrets()
    assert all(len(one.secrets()[name]) >= 32 for name in ("secret_key", "livekit_secret"))


def test_damaged_secrets_are_named_and_never_replaced(tmp_path: Path) -> None:
    made = Instance.make(tmp_path / "instance")
    (made.folder / "secrets.json").write_text("{")
    with pytest.raises(AudimaxError, match=r"secrets\.json can't be read"):
        made.secrets()


def test_a_second_run_in_the_same_folder_is_refused_with_words(tmp_path: Path) -> None:
    made = Instance.make(tmp_path / "instance")
    handle = made.lock()
    try:
        with pytest.raises(
            InstanceBusy, match=rf"already runs in .*process {os.getpid()}.*AUDIMAX_INSTANCE_DIR"
        ):
            made.lock()
    finally:
        os.close(handle)
    os.close(made.lock())
