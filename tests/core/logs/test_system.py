"""The system log: errors grouped, without anything that people sent, and never in anybody's way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db, now
from core.engine.plugins import plugins
from core.errors import ConfigError
from core.http.access import HEADER
from core.logs import system
from core.logs.system import Book, Wanted, clear, page, write_now
from core.models import SystemEntry

log = logging.getLogger("core.somewhere")


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/fails/<word>")
    def fails(word: str) -> str:
        raise ValueError(f"this is no number: {word}")

    return app


def entries(app: Flask, **wanted: Any) -> list[SystemEntry]:
    with app.app_context():
        write_now()
        found = page(Wanted(**wanted)).entries
        db.session.expunge_all()
        return found


def everything(app: Flask) -> str:
    with app.app_context():
        return str(db.session.execute(sa.select(SystemEntry.__table__)).all())


def test_an_error_of_many_requests_is_one_entry_with_their_number(app: Flask, client: FlaskClient) -> None:
    for _again in range(3):
        answer = client.get("/fails/hello")
        assert answer.status_code == 500
    (entry,) = entries(app)
    assert (entry.kind, entry.count, entry.logger) == ("ValueError", 3, "core.http.problems")
    assert entry.request_id == answer.headers[HEADER]
    assert entry.message == "unexpected error in %s %s"
    assert entry.first_at < entry.last_at


def test_it_says_where_in_the_code_and_nothing_that_was_sent(app: Flask, client: FlaskClient) -> None:
    client.get("/fails/spoken-words")
    (entry,) = entries(app)
    assert entry.place == "tests/core/logs/test_system.py in fails"
    assert entry.trace.startswith("ValueError\ntests/core/logs/test_system.py:")
    assert "spoken" not in everything(app)


def test_it_goes_on_counting_after_it_was_written(app: Flask, client: FlaskClient) -> None:
    client.get("/fails/a")
    entries(app)
    client.get("/fails/b")
    (entry,) = entries(app)
    assert entry.count == 2


def test_a_message_is_grouped_by_its_template(app: Flask, context: None) -> None:
    for name in ("Ada", "Grace"):
        log.error("%s could not be told", name)
    log.error("something else")
    found = {entry.message: entry.count for entry in entries(app)}
    assert found == {"%s could not be told": 2, "something else": 1}
    assert "Ada" not in everything(app)


def test_warnings_are_not_in_it(app: Flask, context: None) -> None:
    log.warning("a small thing")
    assert entries(app) == []


def test_a_hook_that_fails_names_its_plugin(app: Flask, context: None) -> None:
    for plugin in ("x", "y", "x"):
        try:
            raise RuntimeError("what a student wrote")
        except RuntimeError as error:
            plugins.note(plugin, "admit", error)
    found = {(entry.plugin, entry.hook): entry.count for entry in entries(app)}
    assert found == {("x", "admit"): 2, ("y", "admit"): 1}
    assert [entry.plugin for entry in entries(app, plugin="y")] == ["y"]
    assert "student" not in everything(app)


def test_a_job_that_fails_is_told_without_what_it_was_given(app: Flask, context: None) -> None:
    said = "Job core:mail[7](to='ada@uni.example') ended with status: Error"
    job = {"task_name": "core:mail", "id": 7, "call_string": "core:mail[7](to='ada@uni.example')"}
    logging.getLogger("procrastinate.worker").error(said, extra={"job": job})
    (entry,) = entries(app)
    assert entry.message == "job core:mail failed" and "ada@" not in everything(app)


def test_what_an_error_came_of_is_in_its_trace(app: Flask, context: None) -> None:
    try:
        try:
            int("spoken words")
        except ValueError as error:
            raise ConfigError("x") from error
    except ConfigError:
        log.exception("it fails")
    (entry,) = entries(app)
    assert "ConfigError" in entry.trace and "ValueError" in entry.trace and "spoken" not in entry.trace


def test_its_texts_are_bounded(app: Flask, context: None) -> None:
    log.error("x" * 100_000)
    (entry,) = entries(app)
    assert len(entry.message) == system.LONGEST


def test_a_flood_of_different_errors_is_bounded(app: Flask, context: None) -> None:
    for number in range(system.MOST_KINDS + 50):
        log.error("error %s" % number)  # noqa: UP031
    write_now()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SystemEntry)) == system.MOST_KINDS


def test_without_the_database_requests_go_on_and_errors_are_kept_for_later(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(app.extensions["audimax_system_log"], "config", _with_dead_database(app))
        assert client.get("/fails/a").status_code == 500
        with app.app_context():
            write_now()
        assert client.get("/fails/b").status_code == 500
        with app.app_context():
            write_now()
    (entry,) = entries(app)
    assert entry.count == 2


def _with_dead_database(app: Flask) -> Any:
    from dataclasses import replace

    dead = "postgresql+psycopg2://nobody@127.0.0.1:9/none"
    return replace(app.extensions["audimax_config"], database_url=dead)


def test_an_error_is_written_while_its_request_rolls_back_and_the_pool_is_spent(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        held = [db.engine.connect() for _ in range(30)]
        log.error("all connections are in use")
        write_now()
        for connection in held:
            connection.close()
    assert [entry.message for entry in entries(app)] == ["all connections are in use"]


def test_a_record_that_is_broken_harms_nobody(app: Flask, context: None, capsys: Any) -> None:
    class Bad:
        def __str__(self) -> str:
            raise RuntimeError("spoken words")

    record = logging.LogRecord("core.x", logging.ERROR, "x.py", 1, Bad(), (), None)
    system.Handler(logging.ERROR).handle(record)
    assert "spoken" not in capsys.readouterr().err


def test_a_program_writes_by_itself(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    written = threading.Event()
    monkeypatch.setattr(system, "SECONDS", 0.01)
    monkeypatch.setattr(system, "_write", lambda config, noticed: written.set())
    book = Book(app.extensions["audimax_config"], by_itself=True)
    book.note(logging.LogRecord("core.x", logging.ERROR, "x.py", 1, "it fails", (), None))
    assert written.wait(60)


def test_pages_are_newest_first_and_none_is_missing(app: Flask, queries: Any, context: None) -> None:
    moment = now()
    for number in range(25):
        at = moment - timedelta(minutes=number // 2)
        db.session.add(SystemEntry(fingerprint=str(number), logger="core", message=str(number),
                                   first_at=at, last_at=at))  # fmt: skip
    db.session.commit()
    seen: list[str] = []
    before = ""
    while True:
        with queries(at_most=1):
            found = page(Wanted(before=before), size=10)
        seen += [entry.message for entry in found.entries]
        before = found.older
        if not before:
            break
    assert sorted(seen, key=int) == [str(number) for number in range(25)]
    assert seen[0] in ("0", "1") and seen[-1] == "24"


@pytest.mark.parametrize("before", ["x", "_", "2026-01-01T00:00:00_1", "2026-01-01T00:00:00+00:00_-1", "\0_1",
                                    "2026-01-01T00:00:00+00:00_99999999999999999999999"])  # fmt: skip
def test_a_forged_place_begins_at_the_beginning(app: Flask, context: None, before: str) -> None:
    log.error("it fails")
    assert len(entries(app, before=before)) == 1


def test_it_is_searched_and_cleared(app: Flask, client: FlaskClient) -> None:
    number = client.get("/fails/a").headers[HEADER]
    with app.app_context():
        log.error("100% of it")
    assert len(entries(app, text="valueerror")) == 1
    assert [entry.message for entry in entries(app, text="100%")] == ["100% of it"]
    assert entries(app, text="1_0") == []
    assert [entry.kind for entry in entries(app, request_id=number)] == ["ValueError"]
    assert len(entries(app, since=now() - timedelta(hours=1))) == 2
    assert entries(app, since=now() + timedelta(hours=1)) == []
    (first, _second) = entries(app)
    with app.app_context():
        assert clear([first.id]) == 1
        db.session.commit()
        assert clear() == 1
        db.session.commit()
    assert entries(app) == []
