"""The bus: woken by the commit, and never left asleep after a lost connection."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.bus import notify, subscribe
from core.db import db

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
