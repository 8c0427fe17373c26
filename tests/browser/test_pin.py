"""The PIN, as host and guest see it on the real server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser import hall
from tests.browser.hall import Host, Room
from tests.browser.test_looks import look
from tests.fixtures.browser import Person

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
Visitor = Callable[..., Person]
ADA, EVE = "Ada Lovelace", "Eve"
CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture
def room(host: Host) -> Room:
    return host.make_room("Algebra for everybody")


def make_pin(host: Host, room: Room) -> tuple[str, str]:
    made = host.ask("POST", f"/api/rooms/{room.id}/pin/make")
    assert made.ok, made.text()
    return made.json()["pin"], made.json()["link"]


def knock(page: Page, link: str, name: str = ADA) -> None:
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    hall.press_join(page)


def answer(page: Page, pin: str) -> None:
    page.get_by_label("PIN").fill(pin)
    page.get_by_role("button", name="Continue").click()


def test_the_host_makes_a_pin_on_its_page_and_a_guest_types_it_wrong_then_right(
    host: Host, room: Room, visitor: Visitor
) -> None:
    page = host.page
    host.person.context.grant_permissions(CLIPBOARD, origin=host.product.url)
    page.goto(f"{host.product.url}/rooms/{room.id}")
    page.get_by_role("link", name="PIN", exact=True).click()
    expect(page.get_by_role("heading", name="No PIN is set")).to_be_visible()
    look(page, "pin-page-empty")
    page.get_by_role("button", name="Make a PIN").click()
    pin = page.get_by_label("PIN", exact=True).input_value()
    assert re.fullmatch(r"\d{6}", pin)
    look(page, "pin-page-made")
    page.get_by_role("button", name="Copy Link with the PIN in it").click()
    expect(page.get_by_text("Link copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{room.link}#pin={pin}"
    page.get_by_label("Your own PIN").fill("1234")
    page.get_by_role("button", name="Set this PIN").click()
    expect(page.get_by_text("Use at least 6 characters")).to_be_visible()
    expect(page.get_by_label("Your own PIN")).to_be_focused()
    look(page, "pin-page-wrong")

    host.start(room)
    ada = visitor().page
    knock(ada, room.link)
    expect(ada.get_by_label("PIN")).to_be_focused()
    look(ada, "pin-asked")
    answer(ada, "000000")
    expect(ada.get_by_text("That PIN isn’t right.")).to_be_visible()
    look(ada, "pin-asked-again")
    answer(ada, f"{pin[:3]} {pin[3:]}")
    hall.is_inside(ada)
    ada.reload()
    hall.is_inside(ada)


def test_a_link_with_the_pin_leads_straight_in_and_the_pin_leaves_the_address(
    host: Host, room: Room, visitor: Visitor
) -> None:
    pin, link = make_pin(host, room)
    host.start(room)
    ada, asked = visitor().page, []
    ada.on("request", lambda request: asked.append(request.url))
    ada.goto(link)
    ada.get_by_label("Your name").fill(ADA)
    assert ada.evaluate("location.href") == room.link
    hall.press_join(ada)
    hall.is_inside(ada)
    assert asked and not [url for url in asked if pin in url.partition("#")[0]], "no request names the PIN"
    by_query = visitor().page
    knock(by_query, f"{room.link}?pin={pin}")
    expect(by_query.get_by_label("PIN")).to_be_visible()


def test_too_many_wrong_ones_count_the_seconds_down(host: Host, room: Room, visitor: Visitor) -> None:
    make_pin(host, room)
    host.start(room)
    ada = visitor().page
    knock(ada, room.link)
    for number in range(5):
        answer(ada, f"wrong {number}")
        expect(ada.get_by_text("That PIN isn’t right.")).to_be_visible()
        expect(ada.locator("form [aria-busy=true]")).to_have_count(0)
    answer(ada, "wrong again")
    waits = ada.get_by_role("button", name=re.compile(r"Try again in \d+ s"))
    expect(waits).to_be_disabled()
    expect(ada.get_by_text("Too many wrong PINs came from your network.")).to_be_visible()
    look(ada, "pin-too-many")
    before = waits.inner_text()
    expect(waits).not_to_have_text(before)


def test_with_the_budget_spent_the_host_sees_who_waits_and_lets_them_in(
    host: Host, room: Room, visitor: Visitor
) -> None:
    pin, _link = make_pin(host, room)
    host.start(room)
    hall.enter(host.page, room.link)
    spend(host, room)
    ada, eve = visitor().page, visitor().page
    for page, name, typed in ((ada, ADA, pin), (eve, EVE, "wrong one")):
        knock(page, room.link, name)
        answer(page, typed)
        expect(page.get_by_text("The host will look who is there")).to_be_visible()
    look(ada, "pin-held")
    page = host.page
    page.get_by_role("button", name=re.compile("^Waiting at the PIN")).click()
    panel = page.get_by_role("complementary", name="Waiting at the PIN")
    expect(panel.get_by_role("listitem")).to_have_count(2)
    expect(panel.get_by_role("listitem").filter(has_text=ADA)).to_contain_text("right PIN")
    expect(panel.get_by_role("listitem").filter(has_text=EVE)).to_contain_text("wrong PIN")
    look(page, "pin-panel")
    panel.get_by_role("button", name=f"Let in: {ADA}").click()
    hall.is_inside(ada)
    expect(panel.get_by_role("listitem")).to_have_count(1)

    other = host.person.context.new_page()
    other.goto(f"{host.product.url}/plugins/pin/rooms/{room.id}")
    expect(other.get_by_text("Too many wrong PINs were typed")).to_be_visible()
    look(other, "pin-page-waiting")
    other.get_by_role("button", name=f"Let in: {EVE}").click()
    hall.is_inside(eve)
    expect(other.get_by_text(f"{EVE} may come in.")).to_be_visible()
    other.close()
    hall.assert_no_complaints(host.person)


def spend(host: Host, room: Room) -> None:
    """A hundred wrong ones, as twenty networks would send them: each of the machine's own addresses is one."""
    url = urlsplit(host.product.url)
    headers = {"Origin": host.product.url, "Content-Type": "application/json"}
    for number in range(100):
        source = (f"127.0.1.{number // 5 + 1}", 0)
        connection = HTTPConnection("127.0.0.1", url.port, timeout=60, source_address=source)
        body = {"name": "Mallory", "answer": {"field": "pin", "value": f"guess {number}"}}
        headers["Host"] = url.netloc
        connection.request("POST", f"/api/rooms/{room.id}/join", json.dumps(body), headers)
        answer = connection.getresponse()
        assert answer.status == 200 and json.loads(answer.read())["status"] == "asked"
        connection.close()


def test_in_the_room_hosts_make_hand_on_and_remove_a_pin(host: Host, room: Room, visitor: Visitor) -> None:
    host.start(room)
    hall.enter(host.page, room.link)
    page = host.page
    host.person.context.grant_permissions(CLIPBOARD, origin=host.product.url)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Settings", exact=True).click()
    dialog = page.get_by_role("dialog", name="Settings", exact=True)
    expect(dialog.get_by_text("No PIN is set")).to_be_visible()
    dialog.get_by_role("button", name="Make a PIN").click()
    pin = dialog.get_by_label("Your new PIN").input_value()
    dialog.get_by_role("button", name="Copy the link with the PIN").click()
    expect(dialog.get_by_text("Link copied.")).to_be_visible()
    look(page, "pin-settings")
    assert page.evaluate("navigator.clipboard.readText()") == f"{room.link}#pin={pin}"
    ada = visitor().page
    knock(ada, room.link)
    answer(ada, pin)
    hall.is_inside(ada)
    dialog.get_by_role("button", name="Remove the PIN").click()
    expect(dialog.get_by_text("No PIN is set")).to_be_visible()
    eve = visitor().page
    knock(eve, room.link, EVE)
    hall.is_inside(eve)
    page.keyboard.press("Escape")
