"""The bus: woken by the commit, and never left asleep after a lost connection."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import psycopg
import psycopg2
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import make_url

from core.bus import Bus, notify, subscribe
from core.db import db
from core.jobs import conninfo

SECONDS = 20


@pytest.fixture
def heard(app: Flask) -> Any:
    """A queue of what was heard on ``room:1``."""
    found: SimpleQueue[Any] = SimpleQueue()
    with app.app_context():
        stop = subscribe("room:1", found.put)
        yield found
        stop()


def after_the_first_look(heard: SimpleQueue[Any]) -> None:
    """The listener wakes everybody once when it begins; a subscriber may or may not see that."""
    notify("room:1", mark=True)
    db.session.commit()
    while heard.get(timeout=SECONDS) != {"topic": "room:1", "mark": True}:
        pass


def test_a_commit_wakes_those_who_wait_for_its_topic(app: Flask, heard: SimpleQueue[Any]) -> None:
    after_the_first_look(heard)
    notify("room:2")
    notify("room:1", live=True)
    db.session.commit()
    assert heard.get(timeout=SECONDS) == {"topic": "room:1", "live": True}


def test_a_rollback_wakes_nobody(app: Flask, heard: SimpleQueue[Any]) -> None:
    after_the_first_look(heard)
    notify("room:1", number=1)
    db.session.rollback()
    notify("room:1", number=2)
    db.session.commit()
    assert heard.get(timeout=SECONDS)["number"] == 2


def test_after_a_lost_connection_everybody_looks_again(app: Flask, heard: SimpleQueue[Any]) -> None:
    after_the_first_look(heard)
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'audimax bus'"
    db.session.execute(sa.text(kill))
    db.session.commit()
    assert heard.get(timeout=SECONDS) is None
    after_the_first_look(heard)


def test_a_subscriber_that_raises_cuts_nobody_off(app: Flask, heard: SimpleQueue[Any]) -> None:
    after_the_first_look(heard)

    def broken(_hint: Any) -> None:
        raise RuntimeError

    stop = subscribe("room:1", broken)
    notify("room:1", number=3)
    db.session.commit()
    assert heard.get(timeout=SECONDS)["number"] == 3
    stop()


def test_who_stopped_listening_hears_nothing(app: Flask, heard: SimpleQueue[Any]) -> None:
    other: SimpleQueue[Any] = SimpleQueue()
    subscribe("room:1", other.put)()
    after_the_first_look(heard)
    with pytest.raises(Empty):
        other.get_nowait()


def several(url: str) -> str:
    """The same database behind an address that names another server first, where there is none."""
    found = make_url(url)
    hosts = f"/nowhere,{found.query['host']}"
    query = {"host": hosts, "port": "5432,5432", "target_session_attrs": "read-write"}
    return found.set(query=query).render_as_string(hide_password=False)


def test_a_direct_address_may_name_several_servers_and_the_one_that_takes_changes_is_found(
    make_app: Callable[..., Flask], settings: dict[str, Any]
) -> None:
    app = make_app(database_direct_url=several(settings["database_url"]))
    found: SimpleQueue[Any] = SimpleQueue()
    with app.app_context():
        stop = subscribe("room:1", found.put)
        after_the_first_look(found)
        stop()
    with psycopg.connect(conninfo(app.extensions["audimax_config"])) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_an_app_itself_may_have_such_an_address(
    make_app: Callable[..., Flask], settings: dict[str, Any]
) -> None:
    with make_app(database_url=several(settings["database_url"])).app_context():
        assert db.session.scalar(sa.text("SELECT 1")) == 1


def test_a_server_that_has_gone_is_given_up_within_seconds(app: Flask, heard: SimpleQueue[Any]) -> None:
    after_the_first_look(heard)
    listening = app.extensions["audimax_bus"]._connection.get_dsn_parameters()
    with db.engine.connect() as connection:
        asking = connection.connection.dbapi_connection.get_dsn_parameters()  # type: ignore[union-attr]
    for told in (listening, asking):
        assert 0 < int(told["tcp_user_timeout"]) <= 10_000
        assert int(told["keepalives_idle"]) <= 5


def test_who_listens_tries_again_every_few_seconds_however_long_the_database_is_away(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: SimpleQueue[float] = SimpleQueue()
    listener = Bus(app.extensions["audimax_config"])

    def away() -> Any:
        raise psycopg2.OperationalError("the server is away")

    def sleep(seconds: float) -> None:
        pauses.put(seconds)
        if pauses.qsize() == 20:
            listener.close()

    monkeypatch.setattr(listener, "_connect", away)
    monkeypatch.setattr("core.bus.time.sleep", sleep)
    listener._run()
    assert max(pauses.get_nowait() for _ in range(20)) <= 3
