"""The live monitor, as an administrator has it beside a real lecture."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import hall
from tests.browser.hall import Host
from tests.fixtures.browser import Person, axe, scrolls_sideways

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
WORDS = "Please end at ten: the hall is needed."
SIZES = ((1280, 800), (390, 844))


def looks_right(page: Page, name: str) -> None:
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            hall.shot(page, f"{name}-{width}-{theme}")
            assert axe(page) == [], f"{name} {width} {theme}"
            assert not scrolls_sideways(page), f"{name} {width} {theme}"
    page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})


def test_an_administrator_sees_a_lecture_come_looks_into_it_and_closes_it(
    host: Host, host_cookies: list[dict[str, Any]], visitor: Callable[..., Person]
) -> None:
    boss, guest = visitor(), visitor()
    boss.context.add_cookies(host_cookies)
    page = boss.page
    page.goto(f"{host.product.url}/admin")
    expect(page).to_have_url(f"{host.product.url}/admin/live")
    page.evaluate("window.isTheSamePage = true")

    # Lectures of other tests may run too.
    room = host.make_room("Monitor")
    line = page.locator("[data-lecture]", has_text="Monitor")
    expect(line).to_have_count(0)
    host.start(room)
    expect(line.locator("[data-people]")).to_have_text("0")
    hall.enter(host.page, room.link)
    expect(line.locator("[data-people]")).to_have_text("1")
    hall.enter(guest.page, room.link, "Ada Lovelace")
    expect(line.locator("[data-people]")).to_have_text("2")
    expect(page.locator("[data-total]")).to_have_text(re.compile(r"\d+ lectures? · \d+ people"))
    assert page.evaluate("window.isTheSamePage") is True, "without a reload"
    looks_right(page, "admin-live")

    line.get_by_role("link", name="Monitor").click()
    rows = page.locator("#live-facts tbody tr")
    expect(rows).to_have_count(2)
    ada = rows.filter(has_text="Ada Lovelace")
    expect(rows.filter(has_text="Emmy Noether").get_by_text("Host", exact=True)).to_be_visible()
    expect(page.locator("#live-facts").get_by_text(re.compile(r"^ND_\w+$"))).to_be_visible()
    looks_right(page, "admin-live-lecture")

    page.get_by_label("Message", exact=True).fill(WORDS)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("1 host got the message.")).to_be_visible()
    told = host.page.locator("#toasts").get_by_text(f"Message from the administration: {WORDS}")
    expect(told).to_be_visible()
    assert guest.page.get_by_text(WORDS).count() == 0
    hall.shot(host.page, "admin-live-message")

    ada.get_by_role("button", name="Remove Ada Lovelace").click()
    expect(page.get_by_text("Ada Lovelace was removed.")).to_be_visible()
    expect(guest.page.get_by_role("heading", name="You were removed from the lecture")).to_be_visible()
    expect(rows).to_have_count(1)
    expect(told).to_be_visible()
    host.page.locator("#toasts").get_by_role("button", name="Dismiss").first.click()
    expect(told).to_be_hidden()

    page.get_by_role("button", name="Close the lecture").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    hall.shot(page, "admin-live-close")
    assert axe(page) == []
    dialog.get_by_role("button", name="Close the lecture").click()
    expect(page.get_by_text("“Monitor” is closed.")).to_be_visible()
    expect(line).to_have_count(0)
    expect(host.page.get_by_role("heading", name="The lecture has ended")).to_be_visible()


def test_a_look_follows_who_comes_and_ends_with_the_lecture(
    host: Host, host_cookies: list[dict[str, Any]], visitor: Callable[..., Person]
) -> None:
    boss = visitor()
    boss.context.add_cookies(host_cookies)
    room = host.make_room("Followed")
    lecture = host.start(room)
    page = boss.page
    page.goto(f"{host.product.url}/admin/live/{lecture}")
    expect(page.get_by_text("Nobody is inside.")).to_be_visible()
    page.get_by_label("Message", exact=True).fill("Half a sen")
    hall.enter(host.page, room.link)
    expect(page.locator("#live-facts tbody tr")).to_have_count(1)
    expect(page.locator("#live-facts")).to_contain_text(re.compile("Emmy Noether"))
    expect(page.get_by_label("Message", exact=True)).to_have_value("Half a sen")
    host.end(room)
    expect(page.get_by_text("This lecture has ended.")).to_be_visible()
