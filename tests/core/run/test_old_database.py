"""Database and code of different versions: told at the start, with the remedy."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from core.engine import schema
from core.engine.schema import SchemaError
from tests.core.backup.conftest import make_house  # noqa: F401
from tests.core.backup.test_command import variables
from tests.core.run.test_production import start
from tests.fixtures.product import ROOT


@pytest.fixture
def old(make_house):  # noqa: F811
    """Its database is two versions behind."""
    made = make_house("chat")
    schema.upgrade_to(made.app, schema.CORE, "0011")
    return made


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "core.cli", *words]
    environ = {"PATH": "/usr/bin:/bin", "AUDIMAX_CONFIG": "", **environ}
    return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)


def test_a_web_does_not_start_on_an_old_database(old, tmp_path):
    said = start(tmp_path, **variables(old))
    assert said.returncode != 0
    assert "Audimax can't start: core: the database is at 0011, this version needs" in said.stderr
    assert "run `audimax db upgrade`" in said.stderr and "Traceback" not in said.stderr


def test_a_worker_of_jobs_does_not_start_on_an_old_database(old):
    said = run("jobs", "--until-empty", **variables(old))
    assert said.returncode == 1
    assert "core: the database is at 0011" in said.stderr
    assert "chat: the database is at nothing" in said.stderr and "run `audimax db upgrade`" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_database_without_tables_is_told_too(make_house):  # noqa: F811
    with pytest.raises(SchemaError, match="core: the database is at nothing"):
        schema.refuse_old_database(make_house().app)


def test_programs_go_on_with_a_newer_database_and_say_so(old, caplog):
    """One release's tables leave the release before working: webs are rolled, and rolled back."""
    old.migrate()
    old.run("UPDATE alembic_version SET version_num = '9001'")
    with caplog.at_level(logging.WARNING):
        schema.refuse_old_database(old.app)
    assert "core: the database is at 9001, which this version doesn't know" in caplog.text
    (state,) = [one for one in schema.states(old.app) if one.name == "core"]
    assert state.is_newer and state.remedy.startswith("install the version of core again")


def test_nothing_is_migrated_back_by_an_older_version(old):
    old.migrate()
    old.run("UPDATE alembic_version SET version_num = '9001'")
    said = run("db", "upgrade", **variables(old))
    assert said.returncode == 1
    assert "which this version doesn't know: install the newer version again" in said.stderr
    assert "Traceback" not in said.stderr
    prepared = subprocess.run(
        [sys.executable, "-m", "core.run.prepare"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "AUDIMAX_CONFIG": "", **variables(old)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert prepared.returncode == 1 and prepared.stderr.startswith("core: the database is at 9001")


def test_a_database_that_does_not_answer_stops_no_start(make_app, caplog):
    away = make_app(database_url="postgresql+psycopg2://a:b@127.0.0.1:9/c")
    with caplog.at_level(logging.ERROR):
        schema.refuse_old_database(away)
    assert "the database doesn't answer yet" in caplog.text and "a:b" not in caplog.text
