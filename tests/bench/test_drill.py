"""A short drill: one process of a web and Redis are killed in a lecture, and nothing is lost."""

from __future__ import annotations

import os

import pytest

from bench.drill.__main__ import FAULTS, drill
from tests.setup.debian import PGBOUNCER

pytestmark = [pytest.mark.livekit, pytest.mark.slow, pytest.mark.optional]
SHORT = ("worker", "Redis")


@pytest.mark.skipif("DRILL" not in os.environ, reason="minutes of two cores alone: DRILL=1, or `make drill`")
@pytest.mark.skipif(PGBOUNCER.find() is None, reason="no pgbouncer: `make setup-tests` fetches it on Debian")
def test_a_lecture_outlives_a_web_worker_and_redis_and_loses_nothing() -> None:
    told = drill(tuple(fault for fault in FAULTS if fault.name in SHORT))
    assert [one.fault.name for one in told.outcomes] == list(SHORT)
    for one in told.outcomes:
        # How soon, `make drill` judges; beside other tests nobody can.
        assert -1 not in (*one.recovered.values(), *one.meanwhile.values()), one
    assert told.figures["drill_lost"] == 0, told.lost
    assert told.doubled == []
    assert all(count["found"] for count in told.counts.values()), told.counts
