"""Without the gate, but with webhooks: who isn't admitted is put out before the webhook is answered."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from core.db import now
from tests.core.livekit.test_enforcement import past_the_gate
from tests.fixtures.livekit import Hall, MediaServer, until


@pytest.fixture
def livekit_server(livekit_server: MediaServer, settings: dict[str, Any]) -> MediaServer:
    """The usual one, reached directly."""
    settings |= {"gated": False, "livekit_url": livekit_server.url.replace("http", "ws")}
    return livekit_server


def test_a_stranger_and_who_was_removed_are_out_though_nobody_looks(hall: Hall, app: Flask) -> None:
    assert app.extensions["audimax_config"].gated is False
    lecture = hall.start()
    stranger = past_the_gate(hall, lecture, "stranger")
    until(lambda: not stranger.is_in)
    identity, _token = hall.admit(lecture)
    hall.change(identity, removed_at=now())
    removed = past_the_gate(hall, lecture, identity)
    until(lambda: not removed.is_in)


def test_an_old_token_has_the_rights_of_the_row_soon_after_the_connect(hall: Hall) -> None:
    lecture = hall.start()
    identity, _token = hall.admit(lecture, microphone=False)
    past_the_gate(hall, lecture, identity)
    until(lambda: len(hall.api.get_participant(lecture, identity).permission.can_publish_sources) == 2)
