"""A recording from the button to the film on the lecture's page: real server, recorder, storage and Chromium."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import av
import pytest
from playwright.sync_api import Page, expect

from tests.browser import hall
from tests.browser.hall import Host
from tests.browser.test_looks import look
from tests.fixtures.browser import Person, axe, until
from tests.fixtures.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA = "Ada Lovelace"
AT = "document.querySelector('video').currentTime"
RECORDED = "async room => (await (await fetch(`/api/rooms/${room}/recording/state`)).json()).seconds"


def sign(page: Page, words: str | re.Pattern[str]) -> Any:
    """The sign that everybody sees."""
    return page.get_by_role("button", name=words).first


def record(page: Page) -> None:
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Start recording").click()


def in_panel(page: Page, button: str) -> None:
    panel = page.get_by_role("button", name=button, exact=True)
    if not panel.count():
        page.get_by_role("button", name="Recording: pause or stop").click()
    panel.click()


def recorded_so_far(host: Host, room: str) -> float:
    """Seconds."""
    return float(host.page.evaluate(RECORDED, room))


def recorded_more(host: Host, room: str, seconds: float) -> None:
    """Until so much more is recorded."""
    end = recorded_so_far(host, room) + seconds
    until(host.page, f"({RECORDED})({room!r}).then(so_far => so_far >= {end})", f"{seconds} s more")


def test_a_lecture_is_recorded_and_watched(
    product: Product, host: Host, visitor: Callable[..., Person]
) -> None:
    room = host.make_room("Waves and tides")
    lecture = host.start(room)
    ada = visitor()
    hall.enter(host.page, room.link)
    hall.enter(ada.page, room.link, ADA)
    expect(ada.page.get_by_role("button", name="Record", exact=True)).to_have_count(0)

    host.page.get_by_role("button", name="Record", exact=True).click()
    look(host.page, "recording-ask")
    host.page.get_by_role("dialog").get_by_role("button", name="Start recording").click()
    expect(ada.page.get_by_text(re.compile("This lecture is recorded")).first).to_be_visible()
    for page in (host.page, ada.page):
        expect(sign(page, re.compile(r"^Recording( · .*)?$"))).to_be_visible()
    hall.shot(ada.page, "recording-sign")
    recorded_more(host, room.id, 5)

    sign(ada.page, re.compile(r"^Recording")).click()
    look(ada.page, "recording-panel-guest")
    in_panel(host.page, "Pause")
    look(host.page, "recording-panel-host")
    expect(sign(ada.page, "Recording paused")).to_be_visible()
    in_panel(host.page, "Go on recording")
    recorded_more(host, room.id, 4)

    host.end(room)
    page = host.page
    page.goto(f"{product.url}/lectures/{lecture}")
    expect(page.locator("#recording-film video")).to_be_visible()
    expect(page.locator("#recording-facts")).to_contain_text("0:")
    look(page, "recording-film")
    page.locator("#recording-film .film-big").click()
    until(page, f"{AT} > 0.5", "it plays")
    length = page.evaluate("document.querySelector('video').duration")
    assert 9 <= length <= 60
    address = page.locator("#recording-film video").evaluate("one => new URL(one.currentSrc).pathname")
    body = page.context.request.get(product.url + address).body()
    with av.open(io.BytesIO(body)) as film:
        assert [one.codec_context.name for one in film.streams] == ["vp9", "opus"]
        assert (film.duration or 0) / 1e6 == pytest.approx(length, abs=0.1)
        assert sum(1 for _ in film.decode(video=0)) > 5
    assert axe(page) == []

    is_cut(page, length)


def is_cut(page: Page, length: float) -> None:
    """The host cuts the film's first seconds off, and divides it."""
    lecture = page.url.partition("#")[0]
    page.locator("#recording-film").get_by_role("link", name="Edit").click()
    expect(page.get_by_role("heading", name="Edit the recording")).to_be_visible()
    until(page, "document.querySelector('video').readyState >= 1", "the uncut film has come")
    page.evaluate("document.querySelector('video').currentTime = 2")
    until(page, "!document.querySelector('video').seeking")
    page.get_by_role("button", name="All before here").click()
    expect(page.get_by_label("Passage 1 ends", exact=True)).to_have_value("0:02")
    page.get_by_role("button", name="Chapter from here").click()
    page.get_by_label("Title of chapter 1").fill("Tides")
    page.get_by_role("button", name="Save the chapters").click()
    expect(page.get_by_role("button", name="Use the topics")).to_be_visible()
    look(page, "recording-edit")
    page.get_by_role("button", name="Cut", exact=True).click()
    hall.shot(page, "recording-edit-ask")
    page.get_by_role("dialog").get_by_role("button", name="Cut").click()
    expect(page.get_by_text("The uncut film is kept until")).to_be_visible()
    assert axe(page) == []
    page.goto(lecture)
    expect(page.locator("#recording-film video")).to_be_visible()
    until(page, "document.querySelector('video').readyState >= 1", "the cut film has come")
    # It goes on at the next full picture.
    assert length - 7.5 <= page.evaluate("document.querySelector('video').duration") <= length - 1.5
    page.locator("#recording-film .film-chapter").click()
    expect(page.locator(".film-chapters")).to_contain_text("Tides")
