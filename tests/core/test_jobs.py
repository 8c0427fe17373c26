"""Jobs whose worker died in the middle are taken up again."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import procrastinate
import procrastinate.testing
import pytest
import sqlalchemy as sa
from flask import Flask

from core import jobs
from core.db import db
from core.errors import AudimaxError


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
