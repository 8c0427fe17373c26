"""The waiting room, as hosts and guests see it on the real server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import hall
from tests.browser.conftest import arrive
from tests.browser.hall import Host, Room
from tests.fixtures.browser import DEADLINE, Person, axe, scrolls_sideways, until
from tests.fixtures.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA, KAY = "Ada Lovelace", "Kay Long"
GRACE, GRACE_MAIL, PASSWORD = "Grace Hopper", "grace@uni.example", "eleven brave compilers sing"
GONE_WITHIN = 20.0
Visitor = Callable[..., Person]


def make_room(host: Host, title: str, who: str = "everyone") -> Room:
    room = host.make_room(title)
    settings = {"lobby": {"enabled": True, "settings": {"who_waits": who}}}
    assert host.ask("PATCH", f"/api/rooms/{room.id}", plugins=settings).ok
    return room


def wait_at(page: Page, room: Room, name: str) -> None:
    page.goto(room.link)
    page.get_by_label("Your name").fill(name)
    hall.press_join(page)
    expect(page.get_by_text("A host will let you in.")).to_be_visible()


def open_door(page: Page, product: Product, room: Room) -> None:
    page.goto(f"{product.url}/plugins/lobby/rooms/{room.id}")
    expect(page.locator(".lobby-count")).to_be_visible()


def looks_right(page: Page, name: str) -> None:
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844 if width == 390 else 800})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            hall.shot(page, f"{name}-{width}-{theme}")
            assert axe(page) == [] and not scrolls_sideways(page), (width, theme)
    page.emulate_media(color_scheme="light")


def test_before_the_start_one_is_let_in_one_sent_away_and_the_start_opens(
    host: Host, product: Product, visitor: Visitor
) -> None:
    room = make_room(host, "Before the start")
    page = host.page
    open_door(page, product, room)
    expect(page.get_by_text("Nobody is waiting")).to_be_visible()
    looks_right(page, "lobby-page-empty")

    ada, eve = visitor(), visitor()
    wait_at(ada.page, room, ADA)
    expect(page.get_by_text("1 waiting")).to_be_visible()
    wait_at(eve.page, room, hall.NAME)
    expect(eve.page.get_by_text("Your place in the line: 2")).to_be_visible()
    expect(page.get_by_text("a host’s name")).to_be_visible()
    assert page.title().startswith("(2) ")
    page.locator("summary", has_text="Message to all who wait").click()
    page.get_by_label("Message to all who wait").fill("We start ten minutes late.")
    page.get_by_role("button", name="Show it to them").click()
    expect(ada.page.get_by_text("We start ten minutes late.")).to_be_visible()
    looks_right(page, "lobby-page")
    hall.shot(ada.page, "lobby-waiting")
    assert axe(ada.page) == []

    page.get_by_role("button", name=f"Let in {ADA}").press("Enter")
    expect(page.get_by_text("Come in when the lecture starts: 1")).to_be_visible()
    expect(ada.page.get_by_text("The host isn't here yet.")).to_be_visible()
    page.get_by_role("button", name=f"Send away {hall.NAME}").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("What they read (optional)")).to_be_focused()
    hall.shot(page, "lobby-send-away")
    assert axe(page) == []
    page.keyboard.type("Please use your own name.")
    page.keyboard.press("Enter")
    expect(eve.page.get_by_text("Please use your own name.")).to_be_visible()
    expect(eve.page.get_by_role("button", name=re.compile("^Ask again in"))).to_be_disabled()
    hall.shot(eve.page, "lobby-sent-away")
    assert axe(eve.page) == []
    expect(page.get_by_text("Nobody is waiting")).to_be_visible()

    host.start(room)
    hall.is_inside(ada.page)


def test_in_the_room_all_are_let_in_and_a_co_host_sees_it(
    host: Host, product: Product, chromium: Browser, visitor: Visitor
) -> None:
    room = make_room(host, "All at once")
    host.start(room)
    grace = co_host(host, product, chromium, room)
    open_door(grace.page, product, room)
    hall.enter(host.page, room.link)
    ada, kay = visitor(), visitor()
    wait_at(ada.page, room, ADA)
    wait_at(kay.page, room, KAY)
    host.page.get_by_role("button", name="Waiting room").click()
    expect(host.page.get_by_text("2 waiting")).to_be_visible()
    expect(grace.page.get_by_text("2 waiting")).to_be_visible()
    looks_right(host.page, "lobby-panel")
    host.page.get_by_role("button", name="Let all in").click()
    for guest in (ada, kay):
        hall.is_inside(guest.page)
    expect(grace.page.get_by_text("Nobody is waiting")).to_be_visible()
    grace.page.get_by_text("Latest decisions").click()
    expect(grace.page.get_by_text(f"{hall.NAME} has let {ADA} in")).to_be_visible()

    ada.page.reload()
    hall.is_inside(ada.page)
    grace.context.close()


def co_host(host: Host, product: Product, chromium: Browser, room: Room) -> Person:
    """Somebody with an account of their own whom the host has named."""
    grace = arrive(chromium)
    with_account(host, grace, product)
    answer = host.ask("POST", f"/api/rooms/{room.id}/hosts", email=GRACE_MAIL)
    assert answer.ok, answer.text()
    return grace


def with_account(host: Host, person: Person, product: Product) -> None:
    """Invited by mail, as the administrator does it."""
    headers = {"Origin": product.url}
    host.person.context.request.post(
        f"{product.url}/admin/people/invitations", form={"emails": GRACE_MAIL}, headers=headers
    )
    link = invitation(product)
    person.page.goto(link)
    person.page.get_by_label("Your name").fill(GRACE)
    person.page.get_by_label("Password", exact=True).fill(PASSWORD)
    person.page.locator("main form button[type=submit]").click()
    person.page.wait_for_url(f"{product.url}/")


def invitation(product: Product) -> str:
    """The link in the mail, which lies in a folder where no mail server is named."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        mails = [mail.read_text() for mail in (product.instance / "mail").glob("*") if mail.is_file()]
        found = [re.search(r"http\S+/invitation/\S+", mail) for mail in mails if GRACE_MAIL in mail]
        if found and found[0]:
            return found[0][0]
        time.sleep(0.1)
    raise AssertionError("no invitation was sent")


def test_who_closes_the_page_is_gone_and_comes_back_as_themselves(
    host: Host, product: Product, visitor: Visitor
) -> None:
    room = make_room(host, "Gone and back")
    host.start(room)
    open_door(host.page, product, room)
    ada = visitor()
    wait_at(ada.page, room, ADA)
    row = host.page.get_by_role("listitem").filter(has_text=ADA)
    expect(row).to_be_visible()
    ada.page.goto("about:blank")
    left = time.monotonic()
    expect(row.get_by_text("gone", exact=True)).to_be_visible(timeout=GONE_WITHIN * 1000)
    print(f"\ngone after {time.monotonic() - left:.1f} s")
    ada.page.goto(room.link)
    hall.press_join(ada.page)
    expect(row.get_by_text("gone", exact=True)).to_be_hidden()
    expect(host.page.get_by_text("1 waiting")).to_be_visible()
    row.get_by_role("button", name=f"Let in {ADA}").click()
    hall.is_inside(ada.page)


def test_nobody_has_to_wait_any_more_and_all_come_in_at_once(
    host: Host, product: Product, visitor: Visitor
) -> None:
    room = make_room(host, "Nobody waits")
    host.start(room)
    open_door(host.page, product, room)
    ada = visitor()
    wait_at(ada.page, room, ADA)
    host.page.get_by_label("Who has to wait").select_option("nobody")
    hall.is_inside(ada.page)
    until(host.page, "document.querySelector('.lobby-count').textContent === 'Nobody is waiting'")
