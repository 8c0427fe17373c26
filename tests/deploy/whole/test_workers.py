"""Programs that LiveKit calls into lectures, with nothing but the environment that the compose file gives them."""

from __future__ import annotations

import pytest

from tests.deploy.whole.installation import LATER, Installation


@pytest.mark.parametrize("name", LATER)
def test_a_worker_becomes_known_at_livekit(installation: Installation, name: str) -> None:
    installation.start_also(name)
    try:
        assert installation.programs[name].runs
    finally:
        installation.stop(name)
