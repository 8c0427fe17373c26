"""A short soak and a short drill on one whole installation: nothing fails, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.drill.__main__ import FAULTS, drill_at
from bench.drill.deployment import Deployment, deployment
from bench.soak import soak_at
from bench.speech import deepgram
from tests.setup.debian import PGBOUNCER

pytestmark = [
    pytest.mark.livekit,
    pytest.mark.slow,
    pytest.mark.optional,
    pytest.mark.skipif(
        PGBOUNCER.find() is None, reason="no pgbouncer: `make setup-tests` fetches it on Debian"
    ),
]
SHORT = ("worker", "Redis")
SOAK_MINUTES = 0.75


@pytest.fixture(scope="module")
def at() -> Iterator[Deployment]:
    """Two webs, jobs, captions, gate, LiveKit, PostgreSQL with a second one, pgbouncer, Redis and S3."""
    with deepgram() as (_stand_in, speech), deployment(**speech) as made:
        yield made


def test_joins_waiting_chat_captions_files_and_exports_beside_each_other_fail_nowhere(at: Deployment) -> None:
    told = soak_at(at, SOAK_MINUTES)
    # What grows only `make soak` can tell, which has an hour.
    assert told.failed == {}
    assert {kind: lost for kind, lost in told.lost.items() if lost} == {}
    assert told.done.keys() >= {"join", "wait", "export", "meet", "look", "line", "file"}


def test_a_lecture_outlives_a_web_worker_and_redis_and_loses_nothing(at: Deployment) -> None:
    told = drill_at(at, tuple(fault for fault in FAULTS if fault.name in SHORT))
    assert [one.fault.name for one in told.outcomes] == list(SHORT)
    for one in told.outcomes:
        # How soon, `make drill` judges; beside other tests nobody can.
        assert -1 not in (*one.recovered.values(), *one.meanwhile.values()), one
    assert told.figures["drill_lost"] == 0, told.lost
    assert told.doubled == []
    assert all(count["found"] for count in told.counts.values()), told.counts
