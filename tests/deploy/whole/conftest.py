"""One whole installation for all tests of this folder; each makes its own rooms."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, expect

from tests.deploy.whole import traefik
from tests.deploy.whole.installation import Installation, missing
from tests.deploy.whole.visitor import Visitor
from tests.fixtures.browser import DEADLINE, launch, small_camera

QUIET = {
    # Nobody listens to the beeps of the pretended microphones.
    "AUDIMAX_PLUGINS__AI_ASSISTANT__CAPTIONS_BY_DEFAULT": "no",
    "AUDIMAX_PLUGINS__AI_ASSISTANT__KEEP_BY_DEFAULT": "no",
}
expect.set_options(timeout=DEADLINE * 1000)


@pytest.fixture(scope="package", params=["nginx", *(["traefik"] if traefik.found() else [])])
def installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Everything, behind nginx with Traefik's routes; behind Traefik too, where it is on PATH."""
    skip_where_it_cant_be()
    made = Installation(tmp_path_factory.mktemp("whole"), request.param, settings=QUIET).start()
    yield made
    made.end()


def skip_where_it_cant_be() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux has a whole network of loopback addresses")
    if absent := ", ".join(missing()):
        pytest.skip(f"no {absent}: `make setup-tests` fetches what can be had")


@pytest.fixture(scope="package")
def emmy(installation: Installation) -> Visitor:
    """The host, signed in: the first account of the installation."""
    return Visitor(installation).sign_up()


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, installation: Installation) -> Iterator[Browser]:
    """A browser that finds the installation by its names."""
    made = launch(playwright, small_camera(), *installation.browser_arguments)
    yield made
    made.close()
