"""Tokens say what the row says, and nothing that LiveKit would add by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from typing import Any

import jwt
import pytest
from flask import Flask
from livekit import api

from core.config import config
from core.lectures.models import Lecture, Participant
from core.livekit import tokens


@pytest.fixture(autouse=True)
def _context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def participant(**more: Any) -> Participant:
    grants = {"microphone": True, "camera": True, "screen": True, "chat": True}
    return Participant(**{"identity": "who", "name": "Grace", "role": "guest", **grants, **more})


def claims(**row: Any) -> dict[str, Any]:
    made = tokens.join_token(Lecture(public_id="hall"), participant(**row))
    verifier = api.TokenVerifier(config().livekit_key, config().livekit_secret)
    assert verifier.verify(made).identity == "who"
    return jwt.decode(made, options={"verify_signature": False})


def test_a_token_names_the_person_and_lives_for_minutes() -> None:
    said = claims(role="host")
    assert (said["sub"], said["name"], said["attributes"]) == ("who", "Grace", {"role": "host"})
    assert 0 < said["exp"] - time.time() <= 600


def test_everything_that_livekit_allows_unless_told_otherwise_is_forbidden_by_name() -> None:
    video = claims()["video"]
    assert video["canPublishData"] is False
    assert video["canUpdateOwnMetadata"] is False
    assert video["canSubscribe"] is True
    assert not {"roomAdmin", "roomCreate", "roomList", "hidden", "agent", "recorder"} & set(video)


@pytest.mark.parametrize(("microphone", "camera", "screen"), list(product([True, False], repeat=3)))
def test_token_and_permission_say_the_same_for_every_row(
    microphone: bool, camera: bool, screen: bool
) -> None:
    row = {"microphone": microphone, "camera": camera, "screen": screen}
    video, permission = claims(**row)["video"], tokens.permission_of(participant(**row))
    names = [tokens.NAMES[source] for source in permission.can_publish_sources]
    assert video["canPublishSources"] == names
    assert video["canPublish"] is permission.can_publish is any(row.values())
    assert ("microphone" in names, "camera" in names, "screen_share" in names) == (microphone, camera, screen)
    assert permission.can_subscribe
    assert not permission.can_publish_data


def test_our_own_token_is_read() -> None:
    made = tokens.join_token(Lecture(public_id="hall"), participant())
    assert tokens.read_join_token(made) == tokens.Claim("hall", "who")


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1},
        {"exp": None},
        {"nbf": 2**40},
        {"iss": "another key"},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"video": None},
        {"video": "roomJoin"},
        {"video": {"room": "hall"}},
        {"video": {"room": "hall", "roomJoin": False}},
        {"video": {"room": "hall", "roomJoin": "true"}},
        {"video": {"roomJoin": True}},
        {"video": {"room": ["hall"], "roomJoin": True}},
    ],
)
def test_a_token_that_is_not_for_joining_is_refused(changed: dict[str, Any]) -> None:
    good = {
        "iss": config().livekit_key,
        "sub": "who",
        "exp": time.time() + 60,
        "video": {"room": "hall", "roomJoin": True},
    }
    made = {name: value for name, value in {**good, **changed}.items() if value is not None}
    with pytest.raises(tokens.BadToken):
        tokens.read_join_token(jwt.encode(made, config().livekit_secret, algorithm="HS256"))


@pytest.mark.parametrize("forged", ["", "x", "a.b.c", "é.é.é", "." * 4000, "x" * 100_000])
def test_what_is_no_token_is_refused(forged: str) -> None:
    with pytest.raises(tokens.BadToken):
        tokens.read_join_token(forged)


def test_a_token_signed_with_another_secret_or_not_at_all_is_refused() -> None:
    said = {"iss": config().livekit_key, "sub": "who", "exp": time.time() + 60,
            "video": {"room": "hall", "roomJoin": True}}  # fmt: skip
    for made in (
        jwt.encode(said, "another secret that is long enough!", algorithm="HS256"),
        jwt.encode(said, None, algorithm="none"),
    ):
        with pytest.raises(tokens.BadToken):
            tokens.read_join_token(made)


def test_a_token_costs_less_than_a_tenth_of_a_millisecond() -> None:
    lecture, who = Lecture(public_id="hall"), participant()
    begun = time.process_time()
    for _ in range(1000):
        tokens.join_token(lecture, who)
    assert time.process_time() - begun < 0.3
