"""`audimax doctor` knows how old the last backup is, and whether it was whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.backup import age, files
from core.db import now
from core.doctor import machine
from core.doctor.looking import Patient


@pytest.fixture
def config(house):
    return replace(house.app.extensions["audimax_config"], mode="production")


def found(config):
    (one,) = [finding for finding in machine.look(Patient(config)) if finding.check == "backup"]
    return one


def test_no_backup_at_all_is_a_warning(config):
    assert found(config).state == "warning"
    assert "none was made" in found(config).said and "every night" in found(config).remedy


def test_a_fresh_one_is_good(house, config, tmp_path):
    house.back_up(tmp_path / "b")
    assert found(config).state == "good"
    assert "0.0 days old" in found(config).said and str(tmp_path / "b") in found(config).said


def test_an_old_one_is_a_warning(house, config):
    moment = (now() - timedelta(days=8)).isoformat()
    age.begun(house.folder, moment, "/b")
    age.finished(house.folder, moment, "/b")
    assert found(config).state == "warning" and "8.0 days old (/b)" in found(config).said
    assert found(replace(config, backup_days=9)).state == "good"


def test_one_that_broke_off_is_a_warning(house, config, tmp_path, monkeypatch):
    def fail(*_given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(files, "save", fail)
        with pytest.raises(KeyboardInterrupt):
            house.back_up(tmp_path / "b")
    assert "the first one broke off" in found(config).said
    house.back_up(tmp_path / "b", resume=True)
    assert found(config).state == "good"
    monkeypatch.setattr(files, "save", fail)
    with pytest.raises(KeyboardInterrupt):
        house.back_up(tmp_path / "c")
    assert "the last one broke off; the last whole one is 0.0 days old" in found(config).said
    assert "--resume" in found(config).remedy


def test_nothing_is_said_where_others_make_them_or_outside_of_production(config):
    for quiet in (replace(config, backup_days=0), replace(config, mode="embedded")):
        assert not [one for one in machine.look(Patient(quiet)) if one.check == "backup"]


def test_what_is_remembered_may_be_damaged(house, config):
    (house.folder / age.FILE).write_text("{")
    assert "none was made" in found(config).said
