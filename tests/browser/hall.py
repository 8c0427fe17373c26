"""What people do in the product, in the words of the pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.fixtures.browser import Person, until
from tests.fixtures.product import Product

EMAIL, PASSWORD, NAME = "emmy@uni.example", "seven quiet lecture halls", "Emmy Noether"
SHOTS = Path(__file__).resolve().parents[2] / "test-results" / "screens"

# Adds what one tab has received so far: frames decoded and sound energy, by kind, of remote tracks.
RECEIVED = """async () => {
  const room = window.audimax.room, out = {};
  for (const p of room.remoteParticipants.values()) {
    const mine = out[p.name] = {frames: 0, energy: 0, packets: 0, screen: 0};
    for (const pub of p.trackPublications.values()) {
      const stats = await pub.track?.receiver?.getStats();
      for (const s of stats?.values() ?? []) if (s.type === 'inbound-rtp') {
        if (pub.source === 'screen_share') mine.screen += s.framesDecoded ?? 0;
        else if (s.kind === 'video') mine.frames += s.framesDecoded ?? 0;
        else if (s.kind === 'audio') {
          mine.energy += s.totalAudioEnergy ?? 0;
          mine.packets += s.packetsReceived ?? 0;
        }
      }
    }
  }
  return out;
}"""


def sign_up_by_link(page: Page, product: Product) -> None:
    """Make the first account, as the printed link offers."""
    page.goto(product.set_up_link)
    page.get_by_label("Your name").fill(NAME)
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def sign_in(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/sign-in")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{product.url}/")


def make_room(page: Page, product: Product, title: str) -> str:
    """Create a room through the form; its link."""
    page.goto(f"{product.url}/rooms/new")
    page.get_by_label("Title").fill(title)
    page.locator("main form button[type=submit]").first.click()
    link = page.locator("[href*='/r/'], [value*='/r/']").first
    link.wait_for(state="attached")
    target = str(link.get_attribute("href") or link.get_attribute("value"))
    found = re.search(r"/r/[a-z-]+", target)
    assert found, target
    return product.url + found[0]


def open_room(page: Page, link: str, name: str = "") -> None:
    """Follow the link and press the button of prejoin."""
    page.goto(link)
    if name:
        page.get_by_label("Your name").fill(name)
    turn_on(page)


def turn_on(page: Page) -> None:
    """Camera and microphone on at prejoin, whatever the room's habit."""
    for device in ("microphone", "camera"):
        button = page.get_by_role("button", name=re.compile(f"^Turn {device} on"))
        if button.count():
            button.click()


def press_join(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^(Join|Start) lecture")).click()


def is_inside(page: Page) -> None:
    """Until the call is connected."""
    until(page, "window.audimax?.room?.state === 'connected'", "connected")


def sees_and_hears(page: Page, name: str) -> dict[str, Any]:
    """Until the video of that person moves and their sound arrives."""
    page.wait_for_timeout(0)
    first = until(page, f"({RECEIVED})().then(r => r[{name!r}])", f"{name} is there")
    script = (
        f"({RECEIVED})().then(r => {{ const s = r[{name!r}];"
        f" return s && s.frames > {first['frames']} + 5 && s.energy > {first['energy']} && s; }})"
    )
    found: dict[str, Any] = until(page, script, f"{name} seen and heard")
    return found


def shot(page: Page, name: str) -> None:
    """Keep a picture to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def assert_no_complaints(*people: Person) -> None:
    for person in people:
        assert not person.complaints, "\n".join(person.complaints)
