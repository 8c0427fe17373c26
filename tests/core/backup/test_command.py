"""The commands themselves, with a database of their own beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.run.instance import Instance
from core.run.topology import Topology
from tests.fixtures.product import ROOT

WORDS = "correct horse battery staple"
SECONDS = 300


def audimax(*words: str | Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AUDIMAX_", "PYTEST_"))}
    argv = [sys.executable, "-m", "core.cli", *map(str, words)]
    environ = {**kept, "AUDIMAX_CONFIG": "", **more}
    return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, timeout=SECONDS, check=False)


def variables(house) -> dict[str, str]:
    config = house.app.extensions["audimax_config"]
    names = ("instance_dir", "database_url", "secret_key", "livekit_key", "livekit_secret")
    values = {f"AUDIMAX_{name.upper()}": getattr(config, name) for name in names}
    return {**values, "AUDIMAX_ENABLED_PLUGINS": ",".join(config.enabled_plugins)}


def test_a_backup_moves_an_installation_into_an_embedded_one_and_out_again(house, empty, tmp_path):
    (tmp_path / "passphrase").write_text(WORDS)
    sealed = ["--encrypt", "--passphrase-file", tmp_path / "passphrase"]
    said = audimax("backup", tmp_path / "b", "--with-secrets", *sealed, **variables(house))
    assert said.returncode == 0, said.stderr
    assert b"is whole:" in said.stdout and b"4 of 4 files" in said.stderr

    instance = {"AUDIMAX_INSTANCE_DIR": str(tmp_path / "instance"), "AUDIMAX_BACKUP_PASSPHRASE": WORDS}
    said = audimax("restore", tmp_path / "b", **instance)
    assert said.returncode == 0, said.stderr
    assert b"Restored:" in said.stdout
    # The key that signs links is the old one's.
    key = house.app.extensions["audimax_config"].secret_key
    assert Instance(tmp_path / "instance").secrets()["secret_key"] == key

    again = audimax("restore", tmp_path / "b", **instance)
    assert again.returncode == 1 and b"isn't empty" in again.stderr and b"Traceback" not in again.stderr

    said = audimax("backup", "-", "--encrypt", **instance)
    assert said.returncode == 0, said.stderr
    (tmp_path / "b.tar").write_bytes(said.stdout)
    checked = audimax("restore", "--check", tmp_path / "b.tar", **instance)
    assert checked.returncode == 0 and b"is whole: Audimax" in checked.stdout
    empty.restore(tmp_path / "b.tar", WORDS)
    assert empty.rows() == house.rows() and empty.files() == house.files()


def test_a_passphrase_is_not_among_the_settings_that_a_run_keeps(tmp_path):
    instance = Instance.make(tmp_path)
    plan = Topology.plan(instance, {"AUDIMAX_BACKUP_PASSPHRASE": WORDS, "AUDIMAX_TIME_ZONE": "Europe/Berlin"})
    plan.remember()
    assert instance.remembered()["AUDIMAX_TIME_ZONE"] == "Europe/Berlin"
    assert WORDS not in instance.environment_file.read_text()


def test_a_restore_waits_until_audimax_run_is_stopped(house, tmp_path):
    made = house.back_up(tmp_path / "b")
    handle = Instance.make(tmp_path / "instance").lock()
    try:
        said = audimax("restore", made, AUDIMAX_INSTANCE_DIR=str(tmp_path / "instance"))
    finally:
        os.close(handle)
    assert said.returncode == 1
    assert b"Audimax already runs in" in said.stderr and b"Stop that one first" in said.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--encrypt"], b"say the passphrase with --passphrase-file, or in AUDIMAX_BACKUP_PASSPHRASE"),
        (["--passphrase-file", "README.md"], b"--passphrase-file goes with --encrypt"),
        (["-", "--resume"], b"a stream can't be taken up again"),
    ],
)
def test_what_is_wished_wrongly_is_told(house, words, said):
    done = audimax("backup", *words, **variables(house))
    assert done.returncode != 0 and said in done.stderr and b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_secrets_that_everybody_can_read_are_told(house, tmp_path):
    done = audimax("backup", tmp_path / "b", "--with-secrets", **variables(house))
    assert done.returncode == 0
    assert b"secrets in it that everybody can read who has it" in done.stderr


def test_a_database_that_does_not_answer_is_told_in_words(house, tmp_path):
    away = {**variables(house), "AUDIMAX_DATABASE_URL": "postgresql+psycopg2://a:b@127.0.0.1:9/c"}
    made = house.back_up(tmp_path / "b")
    for words in (["backup", tmp_path / "c"], ["restore", made]):
        done = audimax(*words, **away)
        assert done.returncode == 1 and b"Connection refused" in done.stderr
        assert b"Traceback" not in done.stderr and b"a:b@" not in done.stderr
