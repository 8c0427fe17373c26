"""Jobs whose worker died in the middle are taken up again."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import procrastinate
import procrastinate.testing
import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import make_url

from core import jobs
from core.db import db
from core.engine import schema
from core.errors import AudimaxError
from core.run.postgres import EmbeddedPostgres
from tests.fixtures.livekit import until
from tests.fixtures.product import ROOT
from tests.fixtures.workers import environment


def statuses(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(sa.text("SELECT status FROM procrastinate_jobs ORDER BY id")))


def take_up_again(app: Flask) -> None:
    connector = procrastinate.PsycopgConnector(conninfo=jobs.conninfo(app.extensions["audimax_config"]))
    made = procrastinate.App(connector=connector)
    jobs._register(made, app)

    async def run() -> None:
        async with made.open_async():
            await jobs.take_up_again.func(SimpleNamespace(app=made), timestamp=0)

    asyncio.run(run())


def test_what_waits_already_is_not_done_twice(app: Flask) -> None:
    with app.app_context():
        for _again in range(2):
            db.session.execute(
                sa.text(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, status) "
                    "VALUES ('default', 'core:sweep_files', 'sweep_files', '{\"timestamp\": 0}', :status)"
                ),
                {"status": "todo" if _again else "doing"},
            )
        db.session.commit()
    take_up_again(app)
    assert statuses(app) == ["todo"]


def test_what_a_dead_worker_left_undone_waits_for_another(app: Flask) -> None:
    with app.app_context():
        jobs.defer("core:sweep_files", timestamp=0)
        jobs.defer("core:sweep_exports", timestamp=0)
        db.session.execute(sa.text("UPDATE procrastinate_jobs SET status = 'doing' "
                                   "WHERE task_name = 'core:sweep_files'"))  # fmt: skip
        db.session.commit()
    assert statuses(app) == ["doing", "todo"]
    take_up_again(app)
    assert statuses(app) == ["todo", "todo"]
    jobs.run_worker(app, wait=False)
    assert statuses(app) == []


DOING = """
WITH worker AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '3 seconds') RETURNING id)
INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, worker_id)
SELECT 'default', 'core:sweep_exports', '{"timestamp": 0}', 'doing', id FROM worker RETURNING worker_id
"""


def test_a_worker_that_is_killed_is_missed_at_once_and_one_that_lives_keeps_its_jobs(
    app: Flask, postgres: EmbeddedPostgres
) -> None:
    with app.app_context():
        _dead, living = [db.session.scalar(sa.text(DOING)) for _ in range(2)]
        db.session.commit()
    with psycopg.connect(jobs.conninfo(app.extensions["audimax_config"]), autocommit=True) as line:
        line.execute("SELECT pg_advisory_lock(%s, %s)", (jobs.PRESENT, living))
        take_up_again(app)
        assert statuses(app) == ["todo", "doing"]
    take_up_again(app)
    assert statuses(app) == ["todo", "todo"]


def test_a_new_worker_takes_up_what_a_killed_one_was_at(app: Flask) -> None:
    with app.app_context():
        db.session.execute(sa.text(DOING))
        db.session.commit()
    jobs.run_worker(app, wait=False)
    assert statuses(app) == []
    with app.app_context():
        assert db.session.scalar(sa.text("SELECT count(*) FROM procrastinate_workers")) == 0


def test_a_worker_whose_line_is_cut_begins_anew(app: Flask) -> None:
    async def run() -> None:
        address = jobs.conninfo(app.extensions["audimax_config"])
        connector = procrastinate.PsycopgConnector(conninfo=address)
        made = procrastinate.App(connector=connector)
        async with made.open_async(), await psycopg.AsyncConnection.connect(address, autocommit=True) as line:
            present = jobs.Present(connector, line)
            worker = await present.register_worker()
            await present.update_heartbeat(worker)
            with psycopg.connect(address, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (line.info.backend_pid,))
            with pytest.raises(psycopg.OperationalError):
                await present.update_heartbeat(worker)

    asyncio.run(run())


def test_a_worker_that_ends_when_none_is_left_begins_none_by_the_clock(app: Flask) -> None:
    made = procrastinate.App(connector=procrastinate.testing.InMemoryConnector())
    jobs._register(made, app, by_the_clock=False)
    assert "core:take_up_again" in made.tasks
    assert made.periodic_registry.periodic_tasks == {}


def clock(app: Flask, *without: str) -> set[str]:
    """The tasks that a worker begins by itself."""
    made = procrastinate.App(connector=procrastinate.testing.InMemoryConnector())
    jobs._register(made, app)
    jobs._stop_the_clock(made, without)
    return {one.task.name for one in made.periodic_registry.periodic_tasks.values()}


def test_a_task_of_the_clock_can_be_left_out(app: Flask) -> None:
    assert clock(app) - clock(app, "core:reconcile") == {"core:reconcile"}


def test_a_task_that_there_isnt_cant_be_left_out(app: Flask) -> None:
    with pytest.raises(AudimaxError, match="core:reconsile"):
        clock(app, "core:reconsile")


# --- a server that falls silent ---------------------------------------------------------


def test_a_worker_gives_up_a_server_that_has_gone_within_seconds(app: Flask) -> None:
    with psycopg.connect(jobs.conninfo(app.extensions["audimax_config"])) as line:
        told = line.info.get_parameters()
    assert 0 < int(told["connect_timeout"]) <= 5
    assert 0 < int(told["tcp_user_timeout"]) <= 10_000
    assert int(told["keepalives_idle"]) <= 5


def test_what_the_address_says_of_its_limits_holds(
    make_app: Callable[..., Flask], settings: dict[str, Any]
) -> None:
    own = make_url(settings["database_url"]).update_query_dict(
        {"connect_timeout": "9", "keepalives_idle": "60"}
    )
    app = make_app(database_direct_url=own.render_as_string(hide_password=False))
    found = make_url(jobs.conninfo(app.extensions["audimax_config"])).query
    assert (found["connect_timeout"], found["keepalives_idle"]) == ("9", "60")
    assert found["tcp_user_timeout"] == "10000", "what isn't said is as elsewhere"


def test_a_worker_waits_only_so_long_for_a_server_that_takes_the_call_and_says_nothing(
    make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        app = make_app(database_direct_url=f"postgresql+psycopg2://audimax:x@127.0.0.1:{port}/audimax")
        address = jobs.conninfo(app.extensions["audimax_config"])

        async def is_there() -> bool:
            # Two minutes is what psycopg would wait by itself.
            async with asyncio.timeout(90):
                return await jobs._is_there(address)

        assert asyncio.run(is_there()) is False
    assert "the database doesn't answer" in caplog.text


# --- a worker whose database goes -------------------------------------------------------


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A database of this test's own, to be killed."""
    server = EmbeddedPostgres(tmp_path / "pg" / "data", tmp_path / "pg" / "run", settings={"fsync": "off"})
    server.start()
    yield server
    server.destroy()


@contextmanager
def worker(settings: dict[str, Any], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`audimax jobs` as a process; asked to stop at the end, which it does."""
    argv = [sys.executable, "-m", "core.cli", "jobs"]
    with (folder / "jobs.log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=ROOT, env=environment(settings), stdout=log, stderr=log)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (folder / "jobs.log").read_text("utf-8")
    finally:
        process.kill()
        process.wait()


def worked(app: Flask) -> bool:
    """Whether a job that is deferred now is worked off."""
    with app.app_context():
        jobs.defer("core:sweep_exports", timestamp=0)
        db.session.commit()
    mine = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'core:sweep_exports'"
    with app.app_context():
        return until(lambda: db.session.scalar(sa.text(mine)) == 0, what="the job is worked off")


def test_a_worker_outlives_its_database_and_goes_on_when_it_is_back(
    make_app: Callable[..., Flask], settings: dict[str, Any], own_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    settings["database_url"] = own_postgres.url
    app = make_app()
    schema.upgrade_all(app)
    jobs.apply_schema(app)
    with worker(settings, tmp_path) as process:
        assert worked(app)
        own_postgres.stop()
        log = tmp_path / "jobs.log"
        until(lambda: "database doesn't answer (" in log.read_text("utf-8"), what="it has noticed")
        own_postgres.start()
        assert worked(app)
        assert process.poll() is None, "the same process"


def test_a_worker_without_a_database_stops_when_it_is_asked_to(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    nowhere = "postgresql+psycopg2://audimax:secret@127.0.0.1:9/audimax"
    with worker({**settings, "database_url": nowhere}, tmp_path):
        log = tmp_path / "jobs.log"
        until(lambda: "database doesn't answer (" in log.read_text("utf-8"), what="it has begun")
