"""This machine's clock, against everybody's who signs, checks or dates something with us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from core.config import config
from core.contracts import SharedBucket
from core.db import db, now
from core.doctor.asking import ask, http
from core.doctor.findings import Finding, bad, good, warning
from core.doctor.looking import Patient
from core.engine import offers

# A header tells seconds, and an answer takes its time; LiveKit forgives a token some seconds.
A_BIT, TOO_MUCH = timedelta(seconds=5), timedelta(seconds=30)
REMEDY = "let both machines keep time by NTP (timedatectl, chrony): tokens and signatures carry the time"
CHECKS: Mapping[str, str] = {
    "clock of PostgreSQL": "differs from this machine's by seconds at most",
    "clock of LiveKit": "the same; else LiveKit refuses our tokens",
    "clock of the proxy": "the same, as the public address dates its answers",
    "clock of S3": "the same; S3 refuses what is signed a quarter of an hour beside",
}


def look(patient: Patient) -> Iterator[Finding]:
    if patient.app is not None:
        yield from _compared("clock of PostgreSQL", _of_database)
    yield from _compared("clock of LiveKit", lambda: ask(http(patient.config.livekit_api_url)).date)
    yield from _compared("clock of the proxy", lambda: ask(f"{patient.config.public_url}/healthz").date)
    if patient.app is not None and (endpoint := _bucket()):
        yield from _compared("clock of S3", lambda: ask(endpoint).date)


def difference(theirs: datetime, before: datetime, after: datetime) -> timedelta:
    """How far their clock is ahead of ours, whose answer came between two moments; zero within both."""
    if before - timedelta(seconds=1) <= theirs <= after:
        return timedelta(0)
    return theirs - (before if theirs < before else after)


def _compared(check: str, asked: Callable[[], datetime | None]) -> Iterator[Finding]:
    """Nothing where nobody answers: another look says so."""
    before = now()
    theirs = asked()
    if theirs is not None:
        yield judged(check, difference(theirs, before, now()))


def judged(check: str, ahead: timedelta) -> Finding:
    size = abs(ahead)
    if size <= A_BIT:
        return good(check, "goes like ours")
    which = "ahead of" if ahead > timedelta(0) else "behind"
    said = f"{size.total_seconds():.0f} s {which} this machine's"
    return (bad if size > TOO_MUCH else warning)(check, said, REMEDY)


def _of_database() -> datetime | None:
    with db.engine.connect() as connection:
        found: datetime | None = connection.scalar(sa.text("SELECT clock_timestamp()"))
    return found


def _bucket() -> str:
    """Where the server of the configured storage is; empty for a folder."""
    storage = offers.storages()[config().file_storage]
    if not isinstance(storage, SharedBucket):
        return ""
    bucket = storage.bucket
    return bucket.endpoint or f"https://s3.{bucket.region}.amazonaws.com"
