"""What every test may use: a real database, the app on it, people and rooms."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.engine import make_url
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("AUDIMAX_CONFIG", "")
# Tests start hundreds of programs: what these import is compiled once, not at each start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
HERE = Path(__file__).parent
ORIGIN = "http://localhost:8000"
pytest_plugins = [
    "tests.fixtures.quick_apps",
    "tests.fixtures.people",
    "tests.fixtures.queries",
    "tests.fixtures.guards",
    "tests.fixtures.serving",
    "tests.fixtures.browser",
    "tests.fixtures.product",
    "tests.fixtures.livekit",
    "tests.fixtures.ungated",
    "tests.fixtures.large",
    "tests.fixtures.s3",
    "tests.fixtures.clamav",
    "tests.fixtures.environment",
    "tests.fixtures.certificates",
    "tests.fixtures.disks",
    "tests.fixtures.smtp",
    "tests.setup.skips",
]


# What a test asks for says what it needs: the marks by which `make test-fast` leaves it out.
NEEDS = {
    "browser": {"playwright", "person", "chromium"},
    "livekit": {"livekit_server", "hosted_server", "hall", "gate", "product", "installation"},
    "thorough": {"s3_server", "own_s3_server", "late_s3"},
    # The whole installation needs loopback addresses that only Linux has.
    "optional": {
        "clamd",
        "start_clamd",
        "small_disk",
        *([] if sys.platform == "linux" else ["installation"]),
    },
}


THOROUGH = {"hostile", "run", "plugins", "files"}
THOROUGH_FILES = {"test_asking.py"}
# Real voices take a core of their own.
RUN_THE_PRODUCT = (
    "tests/browser/",
    "tests/deploy/whole/",
    "tests/core/run/test_supervisor.py",
    "tests/plugins/ai_assistant/agent/",
    "tests/bench/test_drill.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their fixtures and folders."""
    for item in items:
        if THOROUGH & set(item.path.parts[len(HERE.parts) :]) or item.path.name in THOROUGH_FILES:
            item.add_marker("thorough")
        needed = set(getattr(item, "fixturenames", ()))
        for mark, fixtures in NEEDS.items():
            if fixtures & needed:
                item.add_marker(mark)


class ProductBesideTheRest(LoadScopeScheduling):
    """Of two workers one runs the whole product, test after test; the other all else, file by file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "product" if file.startswith(RUN_THE_PRODUCT) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ProductBesideTheRest:
    return ProductBesideTheRest(config, log)


@pytest.fixture(autouse=True)
def _lines_of_tests_stay_theirs() -> Iterator[None]:
    """What programs do to the handlers of their process, tests undo: pytest's are among them."""
    formatters = {handler: handler.formatter for handler in logging.getLogger().handlers}
    yield
    for handler, formatter in formatters.items():
        handler.setFormatter(formatter)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL of the tests' own; nothing in it outlives them."""
    from core.run.postgres import EmbeddedPostgres

    folder = tmp_path_factory.mktemp("pg")
    fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}
    server = EmbeddedPostgres(folder / "data", folder / "run", settings=fast)
    server.start()
    _let_passwords_be_cheap(server.url)
    yield server
    server.destroy()


def _let_passwords_be_cheap(url: str) -> None:
    """The same password, hashed once: 4,096 rounds are nine tenths of what a connection costs, and each test has some."""
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        cursor.execute("SET scram_iterations = 1")
        cursor.execute("ALTER ROLE CURRENT_USER PASSWORD %s", (make_url(url).password,))
        connection.commit()


@pytest.fixture(scope="session")
def base_settings(tmp_path_factory: pytest.TempPathFactory, postgres: Any) -> dict[str, Any]:
    """Settings that work, for ``create_app`` and for processes."""
    return {
        "mode": "test",
        "instance_dir": str(tmp_path_factory.mktemp("instance")),
        "public_url": ORIGIN,
        "trusted_hosts": ["127.0.0.1"],
        "secret_key": secrets.token_urlsafe(48),
        "database_url": postgres.url,
        "livekit_key": "testkey",
        "livekit_secret": secrets.token_urlsafe(48),
        "livekit_api_url": "http://127.0.0.1:9",
        "livekit_url": "ws://localhost:8001",
        # Beside other tests, what stands back for everything never comes.
        "export_nice": 0,
    }


@pytest.fixture(scope="session")
def migrated(base_settings: dict[str, Any]) -> None:
    """The tests' database with all of core's tables."""
    from core import create_app, jobs
    from core.engine import schema

    app = create_app(base_settings)
    # Playwright may have a loop in this thread by now.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(schema.upgrade_all, app).result()
        thread.submit(jobs.apply_schema, app).result()


@pytest.fixture
def settings(base_settings: dict[str, Any], migrated: None) -> dict[str, Any]:
    """Settings of this test; change them before asking for ``app``."""
    return dict(base_settings)


class Client(FlaskClient):
    """A browser's manners: same-origin requests carry our origin."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        headers = dict(kwargs.pop("headers", None) or {})
        headers.setdefault("Origin", ORIGIN)
        if headers["Origin"] is None:
            del headers["Origin"]
        return super().open(*args, headers=headers, **kwargs)


# Databases and the plugins of the product whose tables are in them; a test's own may be another next time.
MIGRATED: set[tuple[str, str]] = set()
BUILT_IN = {folder.name for folder in (HERE.parent / "plugins").iterdir()}


@pytest.fixture
def make_app(settings: dict[str, Any]) -> Iterator[Callable[..., Flask]]:
    """``make_app("lobby", mail_url="…")``: an app with these plugins and settings."""
    from core import create_app
    from core.db import db
    from core.engine import room_plugins, schema

    made: list[Flask] = []

    def make(*enabled: str, **changed: Any) -> Flask:
        app = create_app({**settings, "enabled_plugins": list(enabled), **changed})
        app.test_client_class = Client
        tables = {(app.config["SQLALCHEMY_DATABASE_URI"], name) for name in enabled}
        if enabled and tables <= MIGRATED:
            with app.app_context():
                room_plugins.write_down_guards()
        elif enabled:
            schema.upgrade_all(app)
            MIGRATED.update(one for one in tables if one[1] in BUILT_IN)
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["audimax_bus"].close()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask], settings: dict[str, Any]) -> Flask:
    """Core without plugins, on an empty database."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    """An app context for tests that talk to the database themselves."""
    with app.app_context():
        yield


@pytest.fixture(autouse=True)
def _empty_tables(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test that touches the database leaves it empty."""
    yield
    if "postgres" not in request.fixturenames:
        return
    empty_tables(request.getfixturevalue("postgres").url)


def empty_tables(url: str) -> None:
    """Remove all rows, of plugins' tables too."""
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        cursor.execute(NAMES)
        # Far faster than TRUNCATE for a handful of rows; without triggers the order doesn't matter.
        emptied = "; ".join(f'DELETE FROM "{name}"' for (name,) in cursor.fetchall())
        cursor.execute(f"SET session_replication_role = replica; {emptied}")
        connection.commit()


NAMES = """SELECT tablename FROM pg_tables WHERE schemaname = 'public'
    AND right(tablename, 15) <> 'alembic_version' AND tablename <> 'personal_column'"""
