"""One web after the other is replaced, as in an update, while people are in, wait and come."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from playwright.sync_api import Browser, Playwright, expect

from tests.browser import hall
from tests.browser.conftest import arrive
from tests.browser.test_recovery import ADA, KAY, Call, Meeting
from tests.deploy.whole.host import HostInPage
from tests.deploy.whole.installation import Installation
from tests.deploy.whole.visitor import Visitor
from tests.fixtures.livekit import until

PAUSE = 0.1


@pytest.fixture
def meeting(playwright: Playwright, installation: Installation, emmy: Visitor) -> Iterator[Meeting]:
    made = Meeting(lambda browser: meet(browser, installation), playwright, *installation.browser_arguments)
    yield made
    made.close()


def meet(browser: Browser, installation: Installation) -> Call:
    host, guest = HostInPage(arrive(browser), installation), arrive(browser)  # type: ignore[arg-type]
    hall.sign_in(host.page, installation)
    room = host.make_room("Replaced")
    lecture = host.start(room)
    hall.enter(host.page, room.link)
    hall.enter(guest.page, room.link, ADA)
    return Call(host, guest, room, lecture)


@contextmanager
def asked_all_the_time(installation: Installation) -> Iterator[list[str]]:
    """What went wrong with pages that somebody opens one after the other meanwhile."""
    wrong: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.wait(PAUSE):
            try:
                # As a browser: each page over a connection of its own.
                status = Visitor(installation, "127.0.8.1").get("/sign-in").status_code
            except requests.RequestException as error:
                wrong.append(repr(error))
            else:
                wrong.extend([str(status)] if status != 200 else [])

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    yield wrong
    done.set()
    thread.join(120)


def test_nobody_loses_anything_while_one_web_after_the_other_is_replaced(
    installation: Installation, emmy: Visitor, meeting: Meeting
) -> None:
    meeting.try_out(lambda call: replaced(call, installation, emmy))


def replaced(call: Call, installation: Installation, emmy: Visitor) -> None:
    waiting, second = arrive(call.guest.context.browser), call.host.make_room("Later")
    waiting.page.goto(second.link)
    waiting.page.get_by_label("Your name").fill(KAY)
    hall.press_join(waiting.page)
    expect(waiting.page.get_by_text("The host isn't here yet")).to_be_visible()
    call.goes_on()
    call.note_what_happens()
    with asked_all_the_time(installation) as wrong:
        for name in ("web-a", "web-b"):
            program = installation.programs[name]
            program.ask_to_stop()
            call.goes_on()
            until(lambda program=program: not program.runs, what=f"{name} has gone")
            came_in(installation, call)
            call.goes_on()
            installation.start_again(name)
    assert not wrong
    assert call.happened() == []
    call.host.start(second)
    hall.is_inside(waiting.page)
    waiting.context.close()


def came_in(installation: Installation, call: Call) -> None:
    """Somebody new, by the web that is left."""
    answer = Visitor(installation, "127.0.8.2").post(f"/api/rooms/{call.room.id}/join", {"name": "New"})
    assert answer.status_code == 200 and answer.json()["token"], answer.text
