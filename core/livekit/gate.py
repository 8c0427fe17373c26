"""The gate's question: may this person connect to LiveKit now, and with which rights?

One endpoint answers it alike for Traefik's ForwardAuth, nginx's auth_request and our own gateway.
It passes only who is admitted to a live lecture at this moment, and hands out a token made from
their row: the client's own token proves who it is and carries no right.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import sqlalchemy as sa
from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import contains_eager

from core.config import config
from core.db import db, now
from core.errors import LiveKitDown, LiveKitError
from core.http.limits import limiter
from core.http.security import from_machines
from core.lectures.models import Lecture, Participant
from core.livekit.client import livekit
from core.livekit.tokens import GATE_SECONDS, BadToken, Claim, join_token, read_join_token
from core.metrics import counts

log = logging.getLogger(__name__)
bp = Blueprint("livekit_gate", __name__)

CONNECT, VALIDATE = frozenset({"/rtc", "/rtc/v1"}), frozenset({"/rtc/validate", "/rtc/v1/validate"})
# Each proxy names the address it asks about in a header of its own.
ADDRESS_HEADERS = ("X-Forwarded-Uri", "X-Original-URI")
MOST_PARAMETERS = 60
CONNECTS_PER_MINUTE = 30
MINUTE = timedelta(seconds=60)


class Shut(Exception):
    """Why somebody may not pass: a status, words for logs, and when to come again."""

    def __init__(self, status: int, words: str, retry_after: int | None = None) -> None:
        super().__init__(words)
        self.status, self.words, self.retry_after = status, words, retry_after


def may_connect(lecture_public_id: str, identity: str) -> Participant | None:
    """The row of who is admitted to this live lecture now, with its lecture; None for all others."""
    query = (
        sa.select(Participant)
        .join(Participant.lecture)
        .options(contains_eager(Participant.lecture))
        .where(
            Participant.identity == identity,
            Participant.removed_at.is_(None),
            Lecture.public_id == lecture_public_id,
            Lecture.ended_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )
    return db.session.scalar(query)


@bp.get("/api/internal/livekit/connect")
@limiter.exempt
@from_machines
def connect() -> Response:
    """200 with the token to use in ``Authorization``, or why not."""
    try:
        path, token = _asked()
        minted = _pass(path, token)
    except Shut as shut:
        log.info("the gate stays shut (%d): %s", shut.status, shut.words)
        return _refused(shut)
    except SQLAlchemyError:
        log.exception("the gate can't ask the database")
        return _refused(Shut(503, "the database can't be asked", 2))
    counts.gate(200)
    return Response(status=200, headers={"Authorization": f"Bearer {minted}", "Cache-Control": "no-store"})


@bp.after_request
def _readable_by_our_pages(answer: Response) -> Response:
    # A browser that can't read a refusal tries for ever.
    answer.headers["Access-Control-Allow-Origin"] = config().origin
    answer.vary.add("Origin")
    return answer


def _pass(path: str, token: str) -> str:
    try:
        claim = read_join_token(token)
    except BadToken as error:
        raise Shut(401, str(error)) from error
    if _admitted(claim) is None:
        raise Shut(403, f"{claim.identity!r} isn't admitted to {claim.lecture_public_id!r} now")
    # LiveKit may be slow; nobody else shall wait for our database connection meanwhile.
    db.session.rollback()
    _open_room(claim.lecture_public_id)
    if path in CONNECT:
        _count(claim)
    # Asked once more: what a host decided while LiveKit opened the room counts.
    participant = _admitted(claim)
    if participant is None:
        raise Shut(403, f"{claim.identity!r} was removed from {claim.lecture_public_id!r} just now")
    minted = join_token(participant.lecture, participant, GATE_SECONDS)
    db.session.commit()
    return minted


def _admitted(claim: Claim) -> Participant | None:
    return may_connect(claim.lecture_public_id, claim.identity)


def _open_room(name: str) -> None:
    try:
        livekit().create_room(name)
    except (LiveKitDown, LiveKitError) as error:
        raise Shut(503, str(error), 2) from error


def _count(claim: Claim) -> None:
    """Note a connect in the person's row, all workers together; refuse the 31st of a minute."""
    moment = now()
    fresh = sa.or_(Participant.connects_since.is_(None), Participant.connects_since <= moment - MINUTE)
    counted = db.session.execute(
        sa.update(Participant)
        .where(
            Participant.identity == claim.identity,
            sa.or_(fresh, Participant.connects < CONNECTS_PER_MINUTE),
        )
        .values(
            connects=sa.case((fresh, 1), else_=Participant.connects + 1),
            connects_since=sa.case((fresh, moment), else_=Participant.connects_since),
        )
        .execution_options(synchronize_session=False)
    )
    if not _rows(counted):
        raise Shut(503, f"{claim.identity!r} connects more than {CONNECTS_PER_MINUTE} times a minute", 30)


def _rows(result: Any) -> int:
    return int(result.rowcount)


# --- what is asked --------------------------------------------------------------------


def _asked() -> tuple[str, str]:
    """The path of LiveKit that is asked for, and the one token."""
    path, _mark, query = _address().partition("?")
    if path not in CONNECT | VALIDATE:
        raise Shut(404, f"nothing is served at {path[:80]!r}")
    if request.headers.get("X-Forwarded-Method", "GET").upper() != "GET":
        raise Shut(404, "only GET")
    return path, _only_token(_parameters(query))


def _address() -> str:
    # A client behind one proxy could send the other one's header: they must agree.
    named = {value for header in ADDRESS_HEADERS for value in request.headers.getlist(header)}
    if len(named) != 1:
        raise Shut(400, "no address is named, or several")
    return named.pop()


def _parameters(query: str) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError as error:
        raise Shut(400, "too many parameters") from error
    # `publish` makes a second identity that nobody has admitted.
    if any(name == "publish" for name, _value in pairs):
        raise Shut(400, "publish= is not for people")
    return pairs


def _only_token(pairs: list[tuple[str, str]]) -> str:
    found = [value for name, value in pairs if name == "access_token"]
    for header in request.headers.getlist("Authorization"):
        if not header.startswith("Bearer "):
            raise Shut(401, "Authorization isn't a bearer token")
        found.append(header.removeprefix("Bearer "))
    if len(found) != 1:
        raise Shut(400, f"{len(found)} tokens where one is needed")
    return found[0]


def _refused(shut: Shut) -> Response:
    db.session.rollback()
    counts.gate(shut.status)
    answer = Response(shut.words, status=shut.status, mimetype="text/plain")
    if shut.retry_after is not None:
        answer.headers["Retry-After"] = str(shut.retry_after)
    return answer
