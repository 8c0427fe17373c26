"""Which value of a setting holds, in every process, and what asking for it costs."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core import bus
from core.config import Source, config, given
from core.db import db
from core.engine import standing
from core.engine.plugins import settings_of
from core.models import Setting

PATIENCE = 60


def put(app: Flask, scope: str, name: str, value: Any, *, tells: bool = True) -> None:
    """Set it as another process does."""
    with app.app_context():
        db.session.merge(Setting(scope=scope, name=name, value=value))
        if tells:
            bus.notify(standing.TOPIC)
        db.session.commit()


def held(app: Flask, name: str = "absence_minutes") -> Any:
    with app.app_context():
        return getattr(config(), name)


def wait_for(app: Flask, value: Any) -> None:
    until = time.monotonic() + PATIENCE
    while held(app) != value:
        assert time.monotonic() < until, f"still {held(app)}"
        time.sleep(0.01)


def test_asking_costs_no_query(app: Flask, client: FlaskClient, queries: Any) -> None:
    put(app, "core", "absence_minutes", 25)
    assert held(app) == 25
    read = []
    standing_now = app.extensions["audimax_standing"]
    standing_now._read_anew = lambda **_how: read.append(1)
    with queries(at_most=0), app.app_context():
        for _time in range(1000):
            assert config().absence_minutes == 25
        assert config() is config()
    client.get("/sign-in")
    assert read == []


def test_another_process_hears_of_a_change(app: Flask, make_app: Any) -> None:
    other = make_app()
    standing.listen(other)
    assert held(other) == 10
    put(app, "core", "absence_minutes", 25)
    wait_for(other, 25)


def test_a_process_that_hears_nothing_reads_anew_after_a_while(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert held(app) == 10
    put(app, "core", "absence_minutes", 25, tells=False)
    assert held(app) == 10
    later = time.monotonic() + standing.SECONDS + 1
    monkeypatch.setattr(standing.time, "monotonic", lambda: later)
    assert held(app) == 25
    assert standing.SECONDS <= 30


@pytest.mark.parametrize("value", [0, "ten", None, [], 10**9, {"x": 1}])
def test_a_value_that_does_not_fit_any_more_counts_as_never_set(
    app: Flask, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        db.session.execute(
            sa.text(
                "INSERT INTO setting (scope, name, value, changed_at, changed_by) "
                "VALUES ('core', 'absence_minutes', cast(:value as jsonb), now(), ''), "
                "('core', 'waiting_per_room', '50', now(), '')"
            ),
            {"value": json.dumps(value)},
        )
        db.session.commit()
    assert (held(app), held(app, "waiting_per_room")) == (10, 50)
    assert "absence_minutes" in caplog.text


@pytest.mark.parametrize("name", ["secret_key", "public_url", "no_such_setting", "plugins"])
def test_only_what_is_editable_is_taken_from_the_database(app: Flask, name: str) -> None:
    put(app, "core", name, "https://evil.example")
    with app.app_context():
        assert config() == app.extensions["audimax_config"]


def test_values_of_a_plugin_that_is_switched_off_wait_for_it(app: Flask, make_app: Any) -> None:
    put(app, "pin", "room_tries", 7)
    assert held(app) == 10
    again = make_app("pin")
    with again.app_context():
        assert settings_of("pin").room_tries == 7


def test_values_that_contradict_the_operators_are_left_out(
    app: Flask, make_app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    put(app, "export_pdf", "accent", "#ffffff")
    again = make_app("export_pdf")
    with again.app_context():
        assert settings_of("export_pdf").accent == "#1f4e79"
    assert "too light" in caplog.text


def test_a_database_that_is_away_leaves_what_was_read(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(app, "core", "absence_minutes", 25)
    assert held(app) == 25

    def away() -> Any:
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("planted-password"))

    monkeypatch.setattr(standing, "_rows", away)
    app.extensions["audimax_standing"].wake()
    with caplog.at_level(logging.WARNING):
        assert held(app) == 25
    assert "can't be read: OperationalError" in caplog.text and "planted" not in caplog.text


def test_nothing_is_set_before_the_first_migration(app: Flask) -> None:
    with app.app_context():
        db.session.execute(sa.text("ALTER TABLE setting RENAME TO not_yet"))
        db.session.commit()
    try:
        app.extensions["audimax_standing"].wake()
        assert held(app) == 10
    finally:
        with app.app_context():
            db.session.execute(sa.text("ALTER TABLE not_yet RENAME TO setting"))
            db.session.commit()


def test_a_transaction_that_has_failed_does_not_keep_settings_from_being_read(app: Flask) -> None:
    put(app, "core", "absence_minutes", 25)
    app.extensions["audimax_standing"].wake()
    with app.app_context():
        with pytest.raises(sa.exc.ProgrammingError):
            db.session.execute(sa.text("SELECT nothing"))
        assert config().absence_minutes == 25


def test_the_environment_takes_the_place_of_the_file(tmp_path: Any) -> None:
    file = tmp_path / "audimax.toml"
    file.write_text('institution = "A"\nabsence_minutes = 5\n[plugins.pin]\nroom_tries = 7\n')
    environ = {
        "AUDIMAX_CONFIG": str(file),
        "AUDIMAX_INSTITUTION": "B",
        "AUDIMAX_PLUGINS__PIN__ADDRESS_TRIES": "3",
    }
    found = given({}, environ)
    assert found["core"]["institution"] is Source.ENVIRONMENT
    assert found["core"]["absence_minutes"] is Source.FILE
    assert found["pin"] == {"room_tries": Source.FILE, "address_tries": Source.ENVIRONMENT}
