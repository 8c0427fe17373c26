"""The client, on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from core.livekit.client import LiveKit, livekit
from tests.fixtures.livekit import MediaServer


@pytest.fixture
def server(livekit_server: MediaServer, app: Flask) -> Iterator[LiveKit]:
    with app.app_context():
        yield livekit()
        for room in livekit().list_rooms():
            livekit().delete_room(room.name)
