"""Two versions side by side: a page whose files the web that is asked for them doesn't have comes all the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect

from tests.browser.test_looks import look
from tests.fixtures.browser import Person, axe, until
from tests.fixtures.product import free_ports
from tests.fixtures.serving import at_port

pytestmark = [pytest.mark.browser]
ROOM = re.compile(r"/static/dist/assets/core/room-[^/]*\.js$")
SITE = re.compile(r"/static/dist/assets/core/site-[^/]*\.js$")
STYLES = re.compile(r"/static/dist/assets/[^/]*\.css$")
INCOMPLETE = "This page didn’t load completely"
SOON = "It is loaded again by itself in a moment."
OVER = "Audimax may be being updated right now."
# How often a page is loaded at most, the first time too.
MOST_LOADS = 4


@pytest.fixture
def house(settings: dict[str, Any], make_app: Any) -> Iterator[Flask]:
    """Core, served."""
    port = free_ports(1)[0]
    settings["public_url"] = f"http://localhost:{port}"
    app = make_app()
    with at_port(app, port):
        yield app


@pytest.fixture
def url(house: Flask) -> str:
    return str(house.extensions["audimax_config"].public_url)


@pytest.fixture
def link(url: str, app: Flask, make_user: Any, make_room: Any) -> str:
    """That of a room."""
    return f"{url}/r/{make_room(make_user())[2]}"


class Missing:
    """Files that the web doesn't have the first ``times``; ``loads`` are the pages that were opened."""

    def __init__(self, page: Page, files: re.Pattern[str], times: int = 10_000) -> None:
        self.times, self.asked, self.loads = times, 0, 0
        page.route(files, self._answer)
        page.on("request", self._see)

    def _answer(self, route: Route) -> None:
        self.asked += 1
        if self.asked <= self.times:
            route.fulfill(status=404, content_type="text/html", body="not here")
        else:
            route.continue_()

    def _see(self, request: Any) -> None:
        self.loads += request.is_navigation_request()


def test_a_room_whose_script_is_missing_at_first_comes_by_itself(
    link: str, person: Callable[..., Person]
) -> None:
    ada = person()
    missing = Missing(ada.page, ROOM, times=1)
    ada.page.goto(link)
    expect(ada.page.get_by_label("Your name")).to_be_visible()
    assert (missing.asked, missing.loads) == (2, 2)
    assert ada.complaints == []
    # Whoever got through has all tries again.
    assert ada.page.evaluate("sessionStorage.getItem('audimax:incomplete')") == "0"


@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_a_room_whose_script_stays_away_says_so_and_is_not_loaded_for_ever(
    link: str, person: Callable[..., Person], locale: str
) -> None:
    ada = person(locale=locale)
    missing = Missing(ada.page, ROOM)
    ada.page.goto(link)
    again = ada.page.get_by_role("button", name="Reload the page" if locale == "en-US" else "Seite neu laden")
    expect(again).to_be_visible()
    assert missing.loads == MOST_LOADS
    look(ada.page, f"incomplete-room-{locale}")
    if locale == "en-US":
        expect(ada.page.get_by_role("heading", name=INCOMPLETE)).to_be_visible()
        expect(ada.page.get_by_text(OVER)).to_be_visible()
        expect(ada.page.get_by_text(SOON)).to_be_hidden()
    assert missing.loads == MOST_LOADS, "nothing is loaded any more"
    missing.times = 0
    again.click()
    expect(ada.page.get_by_label("Your name" if locale == "en-US" else "Ihr Name")).to_be_visible()
    assert ada.complaints == []


@pytest.mark.parametrize("files", [SITE, STYLES], ids=["script", "styles"])
def test_other_pages_come_by_themselves_too(
    url: str, person: Callable[..., Person], files: re.Pattern[str]
) -> None:
    ada = person()
    missing = Missing(ada.page, files, times=1)
    ada.page.goto(f"{url}/sign-in")
    until(ada.page, "sessionStorage.getItem('audimax:incomplete') === '0'", "the page is there, whole")
    assert missing.loads == 2
    expect(ada.page.get_by_text(INCOMPLETE)).to_be_hidden()
    assert ada.complaints == []


def test_another_page_whose_script_stays_away_says_so(url: str, person: Callable[..., Person]) -> None:
    ada = person()
    missing = Missing(ada.page, SITE)
    ada.page.goto(f"{url}/sign-in")
    expect(ada.page.get_by_text(SOON)).to_be_visible()
    expect(ada.page.get_by_text(OVER)).to_be_visible()
    assert missing.loads == MOST_LOADS
    look(ada.page, "incomplete-site")
    assert axe(ada.page) == []
    missing.times = 0
    ada.page.get_by_role("button", name="Reload the page").click()
    until(ada.page, "sessionStorage.getItem('audimax:incomplete') === '0'", "the page is there, whole")
    assert missing.loads == MOST_LOADS + 1


def test_nobody_loses_what_they_have_begun_to_type(url: str, person: Callable[..., Person]) -> None:
    ada = person()
    # The third pause is long enough for a letter on any machine.
    ada.page.add_init_script("sessionStorage.setItem('audimax:incomplete', '2')")
    missing = Missing(ada.page, SITE)
    ada.page.goto(f"{url}/sign-in")
    ada.page.get_by_label("E-mail address").fill("ada@uni.example")
    expect(ada.page.get_by_text(OVER)).to_be_visible()
    expect(ada.page.get_by_label("E-mail address")).to_have_value("ada@uni.example")
    assert missing.loads == 1


def test_where_nothing_can_be_kept_nothing_is_loaded_again(link: str, person: Callable[..., Person]) -> None:
    ada = person()
    ada.page.add_init_script("Storage.prototype.setItem = () => { throw new Error('full') }")
    missing = Missing(ada.page, ROOM)
    ada.page.goto(link)
    expect(ada.page.get_by_text(OVER)).to_be_visible()
    assert missing.loads == 1
