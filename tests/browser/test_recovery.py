"""Every process killed during a call: people see and hear each other again by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Playwright, expect

from tests.browser import hall
from tests.browser.conftest import arrive
from tests.browser.hall import Host, Room
from tests.fixtures.browser import Person, launch, small_camera, until
from tests.fixtures.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA, KAY = "Ada Lovelace", "Kay Long"
RECOVERED = 60.0

NOTE_WHAT_HAPPENS = """() => {
  window.happened = [];
  for (const event of ['signalReconnecting', 'reconnecting', 'reconnected', 'disconnected'])
    window.audimax.room.on(event, () => window.happened.push(event));
}"""


@dataclass
class Call:
    """A host and a guest who see and hear each other."""

    host: Host
    guest: Person
    room: Room
    lecture: str

    def note_what_happens(self) -> None:
        for page in (self.host.page, self.guest.page):
            page.evaluate(NOTE_WHAT_HAPPENS)

    def happened(self) -> list[str]:
        return [*self.host.page.evaluate("happened"), *self.guest.page.evaluate("happened")]

    def cameras_work(self) -> bool:
        """Whether both cameras give pictures to their own pages, whatever becomes of them."""
        return all(hall.has_picture(page) for page in (self.host.page, self.guest.page))

    def goes_on(self) -> None:
        hall.goes_on(self.host.page, ADA, RECOVERED)
        hall.goes_on(self.guest.page, hall.NAME, RECOVERED)


class Meeting:
    """One call after another, each in a Chromium of its own.

    Its pretended camera dies now and then: the source gives no picture to any page of that browser, before
    anything leaves it. What was seen then says nothing about us, and is looked at again in another Chromium.
    """

    def __init__(self, begin: Callable[[Browser], Call], playwright: Playwright, *arguments: str) -> None:
        self._begin, self._playwright, self._arguments = begin, playwright, arguments
        self._browser: Browser | None = None
        self._call: Call | None = None

    def try_out(self, what: Callable[[Call], None]) -> None:
        """Do that in a call whose cameras work from its beginning to its end."""
        for _ in range(3):
            if (call := self._call or self._meet()).cameras_work():
                try:
                    return what(call)
                except AssertionError:
                    if call.cameras_work():
                        raise
            self.close()
        pytest.fail("Chromium's pretended camera died three times")

    def _meet(self) -> Call:
        self._browser = launch(self._playwright, small_camera(), *self._arguments)
        self._call = self._begin(self._browser)
        return self._call

    def close(self) -> None:
        if self._browser:
            self._browser.close()
        self._browser = self._call = None


@pytest.fixture(scope="module")
def meeting(
    playwright: Playwright, product: Product, host_cookies: list[dict[str, Any]]
) -> Iterator[Meeting]:
    made = Meeting(lambda browser: meet(browser, product, host_cookies), playwright)
    yield made
    made.close()


def meet(browser: Browser, product: Product, cookies: list[dict[str, Any]]) -> Call:
    host, guest = Host(arrive(browser), product), arrive(browser)
    host.person.context.add_cookies(cookies)
    room = host.make_room("Recovery")
    lecture = host.start(room)
    hall.enter(host.page, room.link)
    hall.enter(guest.page, room.link, ADA)
    return Call(host, guest, room, lecture)


def seconds_until(condition: Callable[[], bool], what: str) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + RECOVERED, f"never: {what}"
        time.sleep(0.05)
    return time.monotonic() - began


def answers(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(url, timeout=2).status_code < 500
    return False


def test_livekit_killed_both_are_back_by_themselves_and_the_lecture_goes_on(
    product: Product, meeting: Meeting
) -> None:
    def killed(call: Call) -> None:
        call.goes_on()
        call.note_what_happens()
        product.kill("livekit.yaml")
        down = seconds_until(lambda: answers(product.livekit_url), "LiveKit is up again")
        up = time.monotonic()
        call.goes_on()
        took = time.monotonic() - up
        print(f"\nLiveKit was away {down:.1f} s; picture and sound {took:.1f} s after it was up")
        assert "reconnecting" in call.happened()
        assert call.host.start(call.room) == call.lecture
        for page in (call.host.page, call.guest.page):
            expect(page.locator(".banner")).to_have_count(0)

    meeting.try_out(killed)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("web", ("gunicorn",)),
        ("postgres", ("postgres", "-D")),
        ("gate", ("core.livekit.gateway",)),
    ],
)
def test_another_process_killed_nobody_drops_out_who_waits_keeps_the_place_and_joins_work_again(
    product: Product, meeting: Meeting, visitor: Callable[..., Person], name: str, words: tuple[str, ...]
) -> None:
    def killed(call: Call) -> None:
        waiting, second = visitor(), call.host.make_room(f"{name} killed")
        waiting.page.goto(second.link)
        waiting.page.get_by_label("Your name").fill(KAY)
        hall.press_join(waiting.page)
        expect(waiting.page.get_by_text("The host isn't here yet")).to_be_visible()
        call.goes_on()
        call.note_what_happens()

        restarts = product.said.count("was started again")
        product.kill(*words)
        down = seconds_until(lambda: product.said.count("was started again") > restarts, f"{name} is started")
        down += seconds_until(lambda: answers(product.url), "the web answers")
        took = seconds_until(lambda: hall.may_join(product, call.room), "a new guest is let in")
        print(f"\n{name} was back after {down:.1f} s; joins work {took:.1f} s later")

        call.goes_on()
        dropped = {"web": [], "postgres": [], "gate": ["signalReconnecting", "reconnected"]}
        assert set(call.happened()) <= set(dropped[name]) | ({"reconnecting"} if name == "gate" else set())
        call.host.start(second)
        hall.is_inside(waiting.page)
        until(waiting.page, "audimax.room.localParticipant.isCameraEnabled", "the camera of who waited is on")

    meeting.try_out(killed)
