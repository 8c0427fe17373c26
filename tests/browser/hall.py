"""What people do in the product, in the words of the pages."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import APIResponse, Page, expect

from tests.fixtures.browser import DEADLINE, Person, until
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


# Two looks at what comes from one person, a moment apart: both picture and sound went on.
GOES_ON = """async name => {
  const look = async () => (await (RECEIVED)())[name];
  const before = await look();
  await new Promise(done => setTimeout(done, 400));
  const now = await look();
  return before && now && now.frames > before.frames && now.energy > before.energy ? now : null;
}""".replace("RECEIVED", RECEIVED)

# Two looks at one's own camera: whether it gives pictures at all, before any of them is sent.
CAMERA_GIVES = """async () => {
  const pictures = async () => {
    const camera = [...window.audimax.room.localParticipant.videoTrackPublications.values()][0]?.track;
    const report = await camera?.getRTCStatsReport();
    return Math.max(0, ...[...(report?.values() ?? [])].map(s => s.type === 'media-source' ? s.frames ?? 0 : 0));
  };
  const before = await pictures();
  await new Promise(done => setTimeout(done, 1000));
  return await pictures() > before;
}"""

# What there is to know when something doesn't come.
STATE = """async () => {
  const room = window.audimax?.room;
  const tracks = p => [...p.trackPublications.values()].map(t =>
    [t.source, t.isMuted ? 'muted' : 'on', t.isSubscribed, t.track?.mediaStreamTrack?.readyState].join(' '));
  const people = [...(room?.remoteParticipants.values() ?? [])].map(p => ({name: p.name, tracks: tracks(p)}));
  const sent = {};
  for (const pub of room?.localParticipant.trackPublications.values() ?? [])
    for (const s of (await pub.track?.sender?.getStats())?.values() ?? [])
      if (s.type === 'outbound-rtp' || s.type === 'media-source')
        sent[`${pub.source} ${s.type} ${s.rid ?? ''}`] = [s.frames ?? s.framesEncoded, s.packetsSent, s.active];
  const says = document.body.innerText.slice(0, 300);
  return JSON.stringify({state: room?.state, mine: room && tracks(room.localParticipant), people, sent,
    received: room && await (RECEIVED)(), says});
}""".replace("RECEIVED", RECEIVED)


@dataclass(frozen=True)
class Room:
    """A room and where it is."""

    id: str
    link: str


class Host:
    """Who is signed in: acts through the page or, where only the outcome matters, the API."""

    def __init__(self, person: Person, product: Product) -> None:
        self.person, self.product = person, product

    @property
    def page(self) -> Page:
        return self.person.page

    def ask(self, method: str, path: str, **data: Any) -> APIResponse:
        """One request to the JSON API with this person's cookies."""
        request = self.person.context.request
        headers = {"Origin": self.product.url}
        return request.fetch(self.product.url + path, method=method, data=data, headers=headers)

    def make_room(self, title: str) -> Room:
        """A room that people enter with camera and microphone on."""
        habits = {"microphone_on_entry": True, "camera_on_entry": True}
        made = self.ask("POST", "/api/rooms", title=title, settings=habits)
        assert made.status == 201, made.text()
        return Room(made.json()["id"], made.json()["url"])

    def start(self, room: Room) -> str:
        """Start the lecture; its id."""
        answer = self.ask("POST", f"/api/rooms/{room.id}/start")
        assert answer.ok, answer.text()
        return str(answer.json()["lecture_id"])

    def end(self, room: Room) -> None:
        answer = self.ask("POST", f"/api/rooms/{room.id}/end")
        assert answer.ok, answer.text()


def sign_up_by_link(page: Page, product: Product) -> None:
    """Make the first account, as the printed link offers; who has made it already signs in."""
    page.goto(product.set_up_link)
    if not page.get_by_label("Your name").count():
        sign_in(page, product)
        return
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
    """Until the call is connected; else what the page says instead."""
    try:
        until(page, "window.audimax?.room?.state === 'connected'")
    except AssertionError as error:
        raise AssertionError(f"not inside; the page says:\n{page.inner_text('body')}") from error


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


def goes_on(page: Page, name: str, deadline: float = DEADLINE) -> dict[str, Any]:
    """Until picture and sound of that person come again, whatever was before."""
    try:
        found: dict[str, Any] = until(page, f"({GOES_ON})({name!r})", deadline=deadline)
    except AssertionError as error:
        raise AssertionError(f"{name} doesn't go on: {page.evaluate(STATE)}") from error
    return found


def has_picture(page: Page, deadline: float = 15.0) -> bool:
    """Whether this person's own camera gives pictures right now, on its way to LiveKit."""
    try:
        until(page, f"({CAMERA_GIVES})()", deadline=deadline)
    except AssertionError:
        return False
    return True


def enter(page: Page, link: str, name: str = "", silent: bool = False) -> None:
    """From the link into the call, as the room's habit is; ``silent``: without the microphone, which beeps."""
    page.goto(link)
    if name:
        page.get_by_label("Your name").fill(name)
    if silent:
        page.get_by_role("button", name=re.compile("^Turn microphone off")).click()
    press_join(page)
    is_inside(page)


def may_join(product: Product, room: Room) -> bool:
    """Whether a new guest is let in at this moment."""
    with suppress(requests.RequestException):
        url = f"{product.url}/api/rooms/{room.id}/join"
        answer = requests.post(url, json={"name": "New"}, headers={"Origin": product.url}, timeout=5)
        return answer.status_code == 200
    return False


def identity(page: Page) -> str:
    return str(page.evaluate("window.audimax.room.localParticipant.identity"))


def shot(page: Page, name: str) -> None:
    """Keep a picture to look at; in CI nobody does."""
    if os.environ.get("CI"):
        return
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def forgive_refused_connections(*people: Person) -> None:
    """Where a server was down on purpose, the browser itself writes so into the console."""
    for person in people:
        person.complaints[:] = [one for one in person.complaints if "WebSocket connection to" not in one]


def assert_no_complaints(*people: Person) -> None:
    for person in people:
        assert not person.complaints, "\n".join(person.complaints)
