"""Every screen of the room: light and dark, desk and phone, without a fault that axe knows."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import hall
from tests.browser.hall import Host
from tests.fixtures.browser import Person, axe, scrolls_sideways, until

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA = "Ada Lovelace"
LONG = "Konstantin-Alexander Freiherr von und zu Langenscheidt-Hohe"
SIZES = {"desk": (1280, 800), "phone": (390, 844)}

READ = {("desk", "light"), ("phone", "dark")}

# Words that are cut off, and buttons that lie outside the window or have no name.
FAULTS = """() => {
  const faults = [];
  const shown = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true});
  for (const e of document.querySelectorAll('button, a, select, input')) {
    if (!shown(e) || e.closest('.sr-only')) continue;
    // What lies far outside the window isn't laid out, and has no innerText.
    const name = (e.innerText || e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.textContent).trim();
    const box = e.getBoundingClientRect();
    if (!name) faults.push('no name: ' + e.outerHTML.slice(0, 120));
    if (box.right > innerWidth + 1 || box.left < -1) faults.push(`outside the window: ${name}`);
    const cut = e.matches('.btn') && e.scrollWidth > e.clientWidth + 1;
    if (cut) faults.push(`cut off: ${name}`);
  }
  return faults;
}"""

# Both frames: in the first it is laid out, in the second it is on the screen.
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


def look(page: Page, name: str) -> None:
    """Look at the page as it is in every size and theme; nothing may be wrong with it.

    axe takes longest: it reads both sizes and both themes, not each with each. Their colours are the same tokens.
    """
    wrong = []
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            until(page, f"matchMedia('(prefers-color-scheme: {theme})').matches && innerWidth === {width}")
            page.evaluate(PAINTED)
            hall.shot(page, f"{name}-{size}-{theme}")
            found = [*page.evaluate(FAULTS), *(axe(page) if (size, theme) in READ else [])]
            found += ["scrolls sideways"] if scrolls_sideways(page) else []
            wrong += [f"{name}, {size}, {theme}: {fault}" for fault in found]
    assert not wrong, "\n".join(wrong)
    page.set_viewport_size({"width": 1280, "height": 800})


def test_the_screens_before_the_call(host: Host, visitor: Callable[..., Person]) -> None:
    room = host.make_room("Einführung in die Betriebssysteme und Rechnernetze für Fortgeschrittene")
    guest = visitor()
    page = guest.page
    page.goto(room.link)
    page.locator(".preview video").wait_for()
    look(page, "prejoin")
    hall.press_join(page)
    expect(page.get_by_text("Type your name, so that")).to_be_visible()
    page.get_by_role("button", name="Turn camera off").click()
    page.get_by_role("button", name="Turn microphone off").click()
    look(page, "prejoin-wrong")
    page.get_by_label("Your name").fill(ADA)
    hall.press_join(page)
    expect(page.get_by_text("The host isn't here yet")).to_be_visible()
    look(page, "waiting")
    host.page.goto(room.link)
    host.page.get_by_role("button", name="Start lecture").wait_for()
    look(host.page, "prejoin-host")

    page.route("**/join", lambda route: route.fulfill(status=503, json={"detail": "LiveKit is away."}))
    page.get_by_role("button", name="Stop waiting").click()
    hall.press_join(page)
    expect(page.get_by_text("One moment")).to_be_visible()
    look(page, "unavailable")
    page.unroute("**/join")
    refusal = {"detail": "You were banned from this room.", "code": "denied"}
    page.route("**/join", lambda route: route.fulfill(status=403, json=refusal))
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_text("You were banned from this room.")).to_be_visible()
    look(page, "denied")


def test_the_call_and_what_comes_after_it(host: Host, visitor: Callable[..., Person]) -> None:
    room = host.make_room("Rings and fields")
    host.start(room)
    ada, kay = visitor(), visitor()
    hall.enter(host.page, room.link)
    hall.enter(ada.page, room.link, ADA)
    kay.page.goto(room.link)
    kay.page.get_by_role("button", name="Turn camera off").click()
    kay.page.get_by_label("Your name").fill(LONG)
    hall.press_join(kay.page)
    hall.is_inside(kay.page)
    page = host.page
    hall.goes_on(page, ADA)
    expect(page.get_by_role("list", name="People and screens").get_by_role("listitem")).to_have_count(3)
    look(page, "call")

    page.get_by_role("button", name=re.compile("^People")).click()
    expect(page.get_by_role("complementary", name="People").get_by_role("listitem")).to_have_count(3)
    look(page, "call-people")
    page.keyboard.press("Escape")

    for key, dialog in (("?", "Keyboard shortcuts"), ("", "Leave the lecture?"), ("", "Settings")):
        open_dialog(page, key, dialog)
        look(page, f"call-{dialog.split()[0].lower()}")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Copy the link").wait_for()
    hall.shot(page, "call-menu")
    assert axe(page) == []
    page.keyboard.press("Escape")

    ada.page.get_by_role("button", name="Share your screen").click()
    expect(
        page.get_by_role("list", name="In front").get_by_text(f"Screen of {ADA}", exact=True)
    ).to_be_visible()
    until(page, f"({hall.RECEIVED})().then(r => r[{ADA!r}].screen > 3)", "the shared screen")
    look(page, "call-screen")
    look(ada.page, "call-own-screen")

    kay.page.get_by_role("button", name="Leave", exact=True).click()
    kay.page.get_by_role("heading", name="You left the lecture").wait_for()
    look(kay.page, "left")
    host.end(room)
    ada.page.get_by_role("heading", name="The lecture has ended").wait_for()
    look(ada.page, "ended")
    hall.assert_no_complaints(host.person)


def open_dialog(page: Page, key: str, title: str) -> None:
    if key:
        page.keyboard.press(key)
    elif title == "Settings":
        page.get_by_role("button", name="More", exact=True).click()
        page.get_by_role("button", name="Settings", exact=True).click()
    else:
        page.get_by_role("button", name="Leave or end").click()
    expect(page.get_by_role("dialog", name=title)).to_be_visible()
