"""The machine, its disk and clocks, the storages, and how one subject after the other is looked at."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from core.cli import main
from core.db import now
from core.doctor import clock, findings, growth, machine, storage, subjects
from core.doctor.findings import bad, good
from core.doctor.looking import Patient, Subject
from core.errors import AudimaxError, StorageFull
from core.files.local import LocalStorage
from tests.core.doctor.conftest import by_check
from tests.fixtures.disks import fill


@pytest.fixture
def config(app):
    return app.extensions["audimax_config"]


def found(config, **changed):
    return by_check(machine.look(Patient(replace(config, **changed))))


def test_a_machine_as_it_should_be_is_well(config):
    config.instance.chmod(0o700)
    assert {one.state for name, one in found(config).items() if name != "open files"} == {"good"}


def test_an_instance_folder_that_is_missing_is_told(config, tmp_path):
    seen = found(config, instance_dir=str(tmp_path / "none"))
    assert seen["instance"].is_bad and "mkdir -m 700" in seen["instance"].remedy


def test_a_folder_that_others_can_read_is_told(config, tmp_path):
    tmp_path.chmod(0o755)
    assert f"chmod go= {tmp_path}" in found(config, instance_dir=str(tmp_path))["instance"].remedy


def test_a_full_disk_is_told(config, small_disk):
    folder = small_disk("1m")
    fill(folder)
    seen = found(config, instance_dir=str(folder))
    assert seen["instance"].is_bad and "No space left" in seen["instance"].said
    assert seen["disk"].is_bad and "make room" in seen["disk"].remedy


def test_a_disk_without_inodes_is_told(config, tmp_path, monkeypatch):
    few = SimpleNamespace(
        f_files=100_000, f_favail=12, f_frsize=4096, f_blocks=10**7, f_bfree=10**7, f_bavail=10**7
    )
    monkeypatch.setattr(machine.os, "statvfs", lambda _folder: few)
    seen = found(config, instance_dir=str(tmp_path))
    assert seen["inodes"].is_bad and "12 more files" in seen["inodes"].said


def test_a_disk_that_will_be_full_soon_is_a_warning(config, tmp_path, monkeypatch):
    monkeypatch.setattr(growth, "days_left", lambda _folder, _free: 9.0)
    seen = found(config, instance_dir=str(tmp_path))
    assert seen["disk"].state == "warning" and "full in 9 days" in seen["disk"].said


# --- clocks ---------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "state"), [(0, "good"), (-3, "good"), (12, "warning"), (-400, "bad")])
def test_a_clock_is_judged_by_how_far_it_is_away(seconds, state):
    seen = clock.judged("clock of S3", timedelta(seconds=seconds))
    assert seen.state == state
    if state != "good":
        assert ("ahead of" if seconds > 0 else "behind") in seen.said and "NTP" in seen.remedy


def test_an_answer_between_two_moments_is_no_difference():
    before = now()
    after = before + timedelta(seconds=20)
    assert clock.difference(before + timedelta(seconds=10), before, after) == timedelta(0)
    assert clock.difference(after + timedelta(minutes=2), before, after) == timedelta(minutes=2)
    assert clock.difference(before - timedelta(minutes=2), before, after) == -timedelta(minutes=2)


def test_the_clock_of_the_database_is_looked_at(app, context, config):
    assert by_check(clock.look(Patient(config, app)))["clock of PostgreSQL"].state == "good"


def test_a_database_whose_clock_is_wrong_is_told(app, context, config, monkeypatch):
    monkeypatch.setattr(clock, "_of_database", lambda: now() + timedelta(hours=1))
    seen = by_check(clock.look(Patient(config, app)))["clock of PostgreSQL"]
    assert (seen.is_bad and "3600 s ahead of" in seen.said) or "3599 s ahead of" in seen.said


# --- storages -------------------------------------------------------------------------


def test_a_storage_that_works_keeps_nothing_of_the_look(app, context, config):
    (seen,) = storage.look(Patient(config, app))
    assert (seen.check, seen.state) == ("storage local", "good") and "new ones go there" in seen.said
    assert list(LocalStorage(config.instance / "files").list("doctor/")) == []


def test_a_storage_that_is_full_says_what_to_do(app, context, config, monkeypatch):
    def full(*_given):
        raise StorageFull("the folder /srv/files fails: No space left on device; make room on its disk")

    monkeypatch.setattr(LocalStorage, "save", full)
    (seen,) = storage.look(Patient(config, app))
    assert (seen.said, seen.remedy) == (
        "the folder /srv/files fails: No space left on device",
        "make room on its disk",
    )


def test_a_storage_that_gives_back_something_else_is_told(app, context, config, monkeypatch):
    monkeypatch.setattr(storage, "BytesIO", lambda _content: BytesIO(b"something else"))
    (seen,) = storage.look(Patient(config, app))
    assert seen.is_bad and "gives back other bytes" in seen.said


# --- how it is looked -----------------------------------------------------------------


def looked_at(look, seconds=30.0, checks=("one", "two")):
    subject = Subject("Something", dict.fromkeys(checks, "…"), look, seconds)
    return subject.looked_at(Patient(SimpleNamespace()))


def test_what_hangs_is_given_up_and_named():
    def look(_patient):
        yield good("one", "well")
        threading.Event().wait()

    first, second = looked_at(look, seconds=0.2)
    assert (first.state, second.check) == ("good", "two")
    assert second.is_bad and "no answer within 0.2 s" in second.said and second.remedy


def test_what_fails_unforeseen_is_a_finding_without_a_secret():
    def look(_patient):
        raise ValueError("password: lovelace")
        yield

    (seen,) = looked_at(look)
    assert seen.is_bad and "ValueError" in seen.said and "lovelace" not in seen.text()


def test_an_error_of_ours_says_what_it_says():
    def look(_patient):
        raise AudimaxError("the hall is shut; open it")
        yield

    assert looked_at(look)[0].said == "the hall is shut; open it"


def test_no_secret_is_ever_shown():
    settings = {
        "secret_key": "k" * 40,
        "database_url": "postgresql+psycopg2://ada:l%40velace@db/hall",
        "livekit_key": "APIhall",
        "plugins": {"storage_s3": {"secret_key": "sesame-open"}},
    }
    said = f"{'k' * 40} l%40velace l@velace sesame-open smtp://me:word@host APIhall"
    seen = bad("one", said, said).without(findings.secrets_in(settings))
    for secret in ("kkkk", "velace", "sesame", "word"):
        assert secret not in seen.text()
    assert "APIhall" in seen.text() and "smtp://me:…@host" in seen.text()


def test_the_command_groups_counts_and_ends_with_1(monkeypatch):
    seen = [
        replace(good("a", "well"), subject="First"),
        replace(bad("b", "ill", "mend it"), subject="Second"),
    ]
    monkeypatch.setattr(subjects, "examine", lambda *_given: seen)
    said = CliRunner().invoke(main, ["doctor"])
    assert said.exit_code == 1
    assert (
        said.stdout == "First\n✓ a: well\n\nSecond\n✗ b: ill\n    → mend it\n\n1 good, 0 to look at, 1 bad\n"
    )
    as_json = CliRunner().invoke(main, ["doctor", "--json"])
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)[1] == {
        "check": "b", "state": "bad", "said": "ill", "remedy": "mend it", "subject": "Second",
    }  # fmt: skip
    monkeypatch.setattr(subjects, "examine", lambda *_given: seen[:1])
    assert CliRunner().invoke(main, ["doctor"]).exit_code == 0
