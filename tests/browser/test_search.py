"""Who said what when, in all lectures: found by a host, by a participant with an account, not by others."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import hall
from tests.browser.hall import Host
from tests.browser.test_exports import write
from tests.browser.test_looks import look
from tests.fixtures.browser import Person, axe

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA = "Ada Lovelace"
LINE = "Is every chinchilla a rodent?"


def search(page: Page, url: str, **fields: str) -> None:
    page.goto(f"{url}/search")
    for label, text in fields.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Search").click()


def test_a_line_is_found_in_all_lectures_and_a_click_goes_to_it(
    host: Host, visitor: Callable[..., Person]
) -> None:
    room = host.make_room("Zoology")
    lecture = host.start(room)
    ada = visitor()
    hall.enter(ada.page, room.link, ADA)
    write(ada, room, LINE)
    host.end(room)
    page: Any = host.page
    look_until_found(page, host.product.url, "chinchillas rodents")
    look(page, "search-found")
    assert axe(page) == []
    found = page.get_by_role("list", name="What was found")
    expect(found.get_by_role("heading")).to_have_text(["Zoology"])
    found.get_by_role("link", name=re.compile("Is every")).click()
    page.wait_for_url(re.compile(f"/lectures/{lecture}\\?find=.*#t="))
    expect(page.locator("mark.is-current").first).to_have_text(re.compile("chinchilla|rodent", re.I))
    expect(page.get_by_role("searchbox")).to_have_value("chinchilla rodent")
    # By who said it, although the name is typed wrong.
    search(page, host.product.url, **{"Said by": "lovelase"})
    expect(page.get_by_text("Said by Ada Lovelace.")).to_be_visible()
    expect(page.get_by_role("list", name="What was found")).to_contain_text(LINE)
    search(page, host.product.url, Words='"every rodent"')
    expect(page.get_by_role("heading", name="Nothing was found")).to_be_visible()
    look(page, "search-nothing")
    # A guest has no list of lectures to look through.
    ada.page.goto(f"{host.product.url}/search?q=chinchilla")
    expect(ada.page).to_have_url(re.compile("/sign-in"))


def look_until_found(page: Page, url: str, words: str) -> None:
    """Search reads a lecture a moment after its end."""
    search(page, url, Words=words)
    mark = page.locator("mark").first
    for _again in range(60):
        if mark.count():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(mark).to_be_visible()
