"""Rooms, people, lectures and the hooks that plugins fill in. Core knows no plugin."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask

ROOT = Path(__file__).resolve().parent.parent
# A database that is gone is said to be gone, before whoever waits for the page gives up.
CONNECT_SECONDS = 5
# Of each process: connections that are kept, and further ones when many ask at once.
POOL, OVERFLOW = 10, 20
# A database whose machine has gone says nothing: who waits for it would wait for many minutes.
GIVEN_UP: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

# In the order they start. A part has ``init_app(app)``, or ``bp``, or both.
BEFORE_PLUGINS = (
    "core.http.probes",
    "core.http.access",
    "core.http.security",
    "core.http.problems",
    "core.http.limits",
    "core.http.assets",
    "core.bus",
    "core.logs.system",
    "core.people.views",
)
AFTER_PLUGINS = (
    "core.http.i18n",
    "core.livekit.webhooks",
    "core.livekit.reconciler",
    "core.events",
    "core.files.jobs",
    "core.exports.jobs",
    "core.search.indexing",
    "core.lectures.trash",
    "core.retention.jobs",
    "core.people.privacy.jobs",
    "core.rooms.house",
    "core.jobs",
    "core.livekit.gate",
    "core.rooms.api",
    "core.rooms.views",
    "core.rooms.page",
    "core.lectures.views",
    "core.lectures.changes",
    "core.lectures.stream",
    "core.lectures.page",
    "core.files.uploads",
    "core.files.downloads",
    "core.exports.views",
    "core.search.views",
    "core.admin.menu",
    "core.admin.monitor",
    "core.admin.people",
    "core.admin.personal_data",
    "core.admin.rooms",
    "core.admin.logs",
    "core.admin.settings",
    "core.admin.room_settings",
    "core.admin.retention",
    "core.admin.plugins",
    "core.waiting",
    "core.joining",
    "core.quality",
    "core.http.openapi",
    "core.engine.mounts",
    "core.files.storages",
    "core.health.views",
    "core.health.echo",
    "core.http.policy_reports",
)


def create_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """Build the app; reads from top to bottom in the order things start."""
    from core import models  # noqa: F401  (all tables, for migrations and relationships)
    from core.config import given, load
    from core.db import db, migrate, refuse_dead_connections
    from core.engine import standing

    config = load(overrides)
    app = Flask(__name__, root_path=str(ROOT / "core"), template_folder=str(ROOT / "templates"))
    app.extensions["audimax_config"] = config
    app.config.update(
        TESTING=config.mode == "test",
        SQLALCHEMY_DATABASE_URI=config.database_url,
        # Errors of the database quote no values: logs would have what people wrote.
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": POOL,
            "max_overflow": OVERFLOW,
            "hide_parameters": True,
            "connect_args": {"connect_timeout": CONNECT_SECONDS, **GIVEN_UP},
        },
    )
    db.init_app(app)
    with app.app_context():
        refuse_dead_connections(db.engine)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    for part in (*BEFORE_PLUGINS, "core.engine.plugins", *AFTER_PLUGINS):
        _start(app, part)
    standing.init_app(app, given(overrides))
    return app


def _start(app: Flask, part: str) -> None:
    module = import_module(part)
    if hasattr(module, "init_app"):
        module.init_app(app)
    if hasattr(module, "bp"):
        app.register_blueprint(module.bp)
