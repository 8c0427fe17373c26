"""Background work: a job is deferred in the transaction of the change that needs it."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import signal
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any

import procrastinate
import psycopg
import sqlalchemy as sa
from flask import Flask
from procrastinate.connector import BaseConnector
from procrastinate.contrib.sqlalchemy import SQLAlchemyPsycopg2Connector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.manager import JobManager
from sqlalchemy.engine import make_url

from core import GIVEN_UP
from core.config import Config
from core.db import db
from core.engine import standing
from core.errors import AudimaxError
from core.logs import request_ids

log = logging.getLogger(__name__)

# Tasks of core register here when their modules are imported; plugins bring blueprints of their own.
core_tasks = procrastinate.Blueprint()
task = core_tasks.task
periodic = core_tasks.periodic
RETRY = procrastinate.RetryStrategy(max_attempts=8, exponential_wait=3)
# Under this name a job carries the number of the request that deferred it.
REQUEST = "audimax_request_id"
# A worker that works says so every ten seconds.
SILENT_SECONDS = 30
# After so long nobody is at work.
NO_WORKER_SECONDS = 60
# What a worker waits for a connection, and how often it looks whether a database that was away is there.
CONNECTION_SECONDS, CONNECT_SECONDS, LOOK_SECONDS = 5.0, 3, 1.0
# The lock of a living worker, and how long one that has just begun may be without it.
PRESENT, JUST_BEGUN_SECONDS = 46_291, 2.0
FORGET_THE_DEAD = """
DELETE FROM procrastinate_workers AS worker
WHERE worker.last_heartbeat < now() - make_interval(secs => %(seconds)s)
    AND NOT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 2 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid = %(present)s AND objid = worker.id)
"""


@periodic(cron="* * * * * */5")
@task(name="take_up_again", queueing_lock="take_up_again", pass_context=True)
async def take_up_again(context: procrastinate.JobContext, timestamp: int) -> None:
    """Jobs whose worker has died in the middle of them wait for another one."""
    await _take_up(context.app.job_manager)


class Present(JobManager):
    """Lets others see that this worker is alive: ``line`` holds a lock which the database frees at its death.

    Heartbeats alone would tell of that half a minute later. They remain for a machine that has gone.
    """

    def __init__(self, connector: BaseConnector, line: psycopg.AsyncConnection) -> None:
        super().__init__(connector)
        self._line = line

    async def register_worker(self) -> int:
        made = await super().register_worker()
        await self._line.execute("SELECT pg_advisory_lock(%s, %s)", (PRESENT, made))
        await _take_up(self)
        return made

    async def update_heartbeat(self, worker_id: int) -> None:
        # Without the line others take this worker for dead: it ends then, and begins anew.
        await self._line.execute("SELECT 1")
        await super().update_heartbeat(worker_id)


async def _take_up(manager: JobManager) -> None:
    await manager.connector.execute_query_async(FORGET_THE_DEAD, present=PRESENT, seconds=JUST_BEGUN_SECONDS)
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_SECONDS):
        log.warning("job %s was left undone and is taken up again", job.task_name)
        try:
            await manager.retry_job(job)
        except UniqueViolation:
            # The same work waits already.
            await manager.finish_job(job, procrastinate.jobs.Status.FAILED, delete_job=True)


def init_app(app: Flask) -> None:
    """Make the app's task registry; only the web's side, which defers."""
    made = procrastinate.App(connector=SQLAlchemyPsycopg2Connector())
    _register(made, app)
    app.extensions["audimax_jobs"] = made


def open_connector(app: Flask) -> None:
    """Hand the engine to the connector, on first use: a forked worker has one of its own."""
    made = app.extensions["audimax_jobs"]
    if not app.extensions.get("audimax_jobs_open"):
        made.open(db.engine)
        app.extensions["audimax_jobs_open"] = True


def defer(
    name: str, *, lock: str | None = None, schedule_in: dict[str, int] | None = None, **args: Any
) -> None:
    """Put a job into the current transaction: a rollback takes it back.

    ``name`` is the task's full name (``core:…`` or ``<plugin>:…``), ``args`` must be JSON.
    """
    from flask import current_app

    app = current_app._get_current_object()  # type: ignore[attr-defined]
    open_connector(app)
    options: dict[str, Any] = {"connection": db.session.connection()}
    if lock:
        options["lock"] = lock
    if schedule_in:
        options["schedule_in"] = schedule_in
    if number := request_ids.current():
        args[REQUEST] = number
    app.extensions["audimax_jobs"].tasks[name].configure(**options).defer(**args)


def _register(made: procrastinate.App, app: Flask, *, by_the_clock: bool = True) -> None:
    _add(made, core_tasks, "core")
    engine = app.extensions["audimax_plugins"]
    for plugin, blueprints in engine.ask("jobs"):
        for blueprint in blueprints:
            _add(made, blueprint, plugin)
    if not by_the_clock:
        made.periodic_registry.periodic_tasks.clear()


def _stop_the_clock(made: procrastinate.App, names: Collection[str]) -> None:
    if unknown := set(names) - set(made.tasks):
        raise AudimaxError(f"there is no task {', '.join(sorted(unknown))}: names are like core:reconcile")
    begun = made.periodic_registry.periodic_tasks
    for key in [key for key, one in begun.items() if one.task.name in names]:
        del begun[key]


def _add(made: procrastinate.App, blueprint: procrastinate.Blueprint, namespace: str) -> None:
    """Copies: ``add_tasks_from`` would rename the tasks themselves, and a process has several apps."""
    copies = {}
    for name, task in blueprint.tasks.items():
        copies[task] = copied = copy.copy(task)
        copied.name, copied.blueprint = f"{namespace}:{task.name}", made
        copied.func = _without_number(task.func)
        made.tasks[f"{namespace}:{name}"] = copied
    for periodic in blueprint.periodic_registry.periodic_tasks.values():
        made.periodic_registry.register_task(
            task=copies[periodic.task],
            cron=periodic.cron,
            periodic_id=periodic.periodic_id,
            configure_kwargs=periodic.configure_kwargs,
        )


def _without_number(work: Callable[..., Any]) -> Callable[..., Any]:
    """The job's own arguments are all that it gets; the number is for its lines in the log."""
    if inspect.iscoroutinefunction(work):

        @wraps(work)
        async def wait_for(*args: Any, **kwargs: Any) -> Any:
            kwargs.pop(REQUEST, None)
            return await work(*args, **kwargs)

        return wait_for

    @wraps(work)
    def run(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop(REQUEST, None)
        return work(*args, **kwargs)

    return run


def conninfo(config: Config) -> str:
    """The direct database address in libpq's form, as psycopg 3 wants it, with limits for a silent server.

    What the address itself says of that holds. The worker's own pool is told nothing but this address.
    """
    url = make_url(config.listen_url).set(drivername="postgresql")
    limits = {"connect_timeout": CONNECT_SECONDS, **GIVEN_UP}
    missing = {name: str(value) for name, value in limits.items() if name not in url.query}
    return url.update_query_dict(missing).render_as_string(hide_password=False)


def run_worker(app: Flask, *, concurrency: int = 4, wait: bool = True, without: Collection[str] = ()) -> None:
    """Work off jobs until told to stop.

    Without ``wait`` until none is left; then none is begun by the clock either. ``without``: full names of
    tasks that never are.
    """
    address = conninfo(_config(app))
    connector = procrastinate.PsycopgConnector(conninfo=address, timeout=CONNECTION_SECONDS)
    made = procrastinate.App(connector=connector)
    _register(made, app, by_the_clock=wait)
    _stop_the_clock(made, without)
    if not wait:
        asyncio.run(_work(app, made, address, concurrency, wait=False))
        return
    standing.listen(app)
    asyncio.run(_work_on(address, lambda: _work(app, made, address, concurrency, wait=True)))


async def _work_on(address: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Until asked to stop. A worker ends when the database goes: the next one begins as soon as it is there.

    The worker's own pool would try again ever more rarely, and who starts this program anew would, too.
    """
    asked = _asked_to_stop()
    while not asked.is_set():
        if await _is_there(address):
            await _until(asked, asyncio.create_task(work()))
        if not asked.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await asked.wait()


def _asked_to_stop() -> asyncio.Event:
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        asked.set()
        # Who asks twice doesn't want to wait for what it is at.
        for one in signals:
            loop.remove_signal_handler(one)

    for one in signals:
        loop.add_signal_handler(one, stop)
    return asked


async def _until(asked: asyncio.Event, working: asyncio.Task[None]) -> None:
    """Until the worker has ended, or was asked to and what it is at is done."""
    stopping = asyncio.create_task(asked.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if asked.is_set():
        working.cancel()
    try:
        await working
    except asyncio.CancelledError:
        return
    except (ConnectorException, psycopg.OperationalError) as error:
        log.warning("the worker has lost the database (%s)", str(error.__cause__ or error).strip()[:120])


async def _is_there(address: str) -> bool:
    try:
        connection = await psycopg.AsyncConnection.connect(address)
    except psycopg.OperationalError as error:
        log.warning("the database doesn't answer (%s), trying again", str(error).strip()[:120])
        return False
    await connection.close()
    return True


async def _work(app: Flask, made: procrastinate.App, address: str, concurrency: int, wait: bool) -> None:
    def in_app_context(work: Callable[[], Any], context: Any, _worker: Any) -> Any:
        with app.app_context():
            request_ids.begin(context.job.task_kwargs.get(REQUEST, ""))
            return work()

    async with made.open_async(), await psycopg.AsyncConnection.connect(address, autocommit=True) as line:
        made.job_manager = Present(made.connector, line)
        await made.run_worker_async(
            concurrency=concurrency,
            wait=wait,
            install_signal_handlers=False,
            delete_jobs="successful",
            shutdown_graceful_timeout=20,
            task_middleware=[in_app_context],
        )


def is_worked_on(connection: Any) -> bool:
    """Whether a worker has said lately that it is at work. ``connection``: of SQLAlchemy, or a session."""
    query = sa.text("SELECT extract(epoch FROM now() - max(last_heartbeat)) FROM procrastinate_workers")
    silent = connection.scalar(query)
    return silent is not None and silent <= NO_WORKER_SECONDS


def apply_schema(app: Flask) -> None:
    """Create procrastinate's tables where they are missing."""
    with app.app_context(), db.engine.connect() as connection:
        if connection.dialect.has_table(connection, "procrastinate_jobs"):
            return
    connector = procrastinate.PsycopgConnector(conninfo=conninfo(_config(app)), timeout=CONNECTION_SECONDS)
    made = procrastinate.App(connector=connector)

    async def apply() -> None:
        async with made.open_async():
            await made.schema_manager.apply_schema_async()

    asyncio.run(apply())


def _config(app: Flask) -> Config:
    found: Config = app.extensions["audimax_config"]
    return found
