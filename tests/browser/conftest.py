"""One Chromium for each file; everybody in it has a profile of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Playwright, expect

from tests.browser import hall
from tests.browser.hall import Host
from tests.browser.speaking import browser_that_says
from tests.fixtures.browser import DEADLINE, Person, cookies_of, launch, small_camera
from tests.fixtures.product import Product
from tests.fixtures.s3 import S3Server, new_server

MOST_AT_ONCE = 3
# Playwright's own 5 s are too few for a busy machine.
expect.set_options(timeout=DEADLINE * 1000)


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A browser with a pretended camera and microphone that never asks."""
    made = launch(playwright, small_camera())
    yield made
    made.close()


@pytest.fixture(scope="module")
def host_cookies(product: Product) -> list[dict[str, Any]]:
    """Whoever comes first makes the first account; later the same person signs in."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Origin"] = product.url
    person = {"name": hall.NAME, "email": hall.EMAIL, "password": hall.PASSWORD}
    session.post(product.set_up_link, data=person, timeout=60)
    session.post(f"{product.url}/sign-in", data=person, timeout=60)
    assert session.get(f"{product.url}/rooms/new", timeout=60).url.endswith("/rooms/new"), "signed in"
    return cookies_of(session, product.url)


@pytest.fixture(scope="module")
def host(chromium: Browser, product: Product, host_cookies: list[dict[str, Any]]) -> Iterator[Host]:
    """The signed-in host, at a browser for the whole file."""
    person = arrive(chromium)
    person.context.add_cookies(host_cookies)
    yield Host(person, product)
    person.context.close()


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server of the file's own."""
    made = new_server(tmp_path_factory.mktemp("s3"))
    yield made
    made.stop()


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Callable[..., Person]]:
    """``visitor()`` comes with an empty profile; nobody's console may hold a complaint at the end."""
    made: list[Person] = []

    def come(browser: Browser = chromium, **options: Any) -> Person:
        assert len(made) < MOST_AT_ONCE, "no test needs more than three people with a browser"
        made.append(arrive(browser, **options))
        return made[-1]

    yield come
    for one in made:
        one.context.close()
    hall.assert_no_complaints(*made)


@pytest.fixture(scope="module")
def voices(
    playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Browser]]:
    """``voices("emmy", text)``: a browser whose microphone says that."""
    folder = tmp_path_factory.mktemp("voices")
    made: list[Browser] = []

    def speak(name: str, text: str, **options: Any) -> Browser:
        made.append(browser_that_says(playwright, folder, name, text, **options))
        return made[-1]

    yield speak
    for browser in made:
        browser.close()


def arrive(browser: Browser, **options: Any) -> Person:
    """Somebody new at this browser."""
    options.setdefault("viewport", {"width": 1280, "height": 800})
    context = browser.new_context(reduced_motion="reduce", **options)
    context.set_default_timeout(DEADLINE * 1000)
    return Person(context)
