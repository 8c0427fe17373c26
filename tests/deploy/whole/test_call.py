"""A lecture behind the proxy, as people have it: they see and hear each other, and hand round a file."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser import hall
from tests.browser.conftest import arrive
from tests.browser.test_files import fetch, file_of, open_files, row, send
from tests.deploy.whole.installation import Installation
from tests.deploy.whole.programs import connected
from tests.deploy.whole.visitor import Visitor
from tests.fixtures.browser import Person

ADA = "Ada Lovelace"


class Ways:
    """Where a page went: addresses of requests with their methods, and of WebSockets."""

    def __init__(self, page: Page) -> None:
        self.asked: list[tuple[str, str]] = []
        self.sockets: list[str] = []
        page.on("request", self._request)
        page.on("websocket", self._socket)

    def _request(self, request: Any) -> None:
        self.asked.append((request.method, request.url))

    def _socket(self, socket: Any) -> None:
        self.sockets.append(socket.url)

    def went(self, method: str, beginning: str) -> bool:
        return any(one == method and url.startswith(beginning) for one, url in self.asked)


def test_a_lecture_from_the_door_to_its_page(
    installation: Installation, emmy: Visitor, chromium: Browser
) -> None:
    host, ada = arrive(chromium), arrive(chromium)
    ways = Ways(host.page)
    hall.sign_in(host.page, installation)
    link = hall.make_room(host.page, installation, "Rings and fields")
    assert link.startswith(f"https://{installation.domain}/r/")

    hall.open_room(ada.page, link, ADA)
    hall.press_join(ada.page)
    expect(ada.page.get_by_text("The host isn't here yet")).to_be_visible()
    hall.open_room(host.page, link)
    hall.press_join(host.page)
    for who, other in ((host, ADA), (ada, hall.NAME)):
        hall.is_inside(who.page)
        hall.sees_and_hears(who.page, other)
    hall.shot(host.page, "whole-call")
    assert any(url.startswith(f"wss://{installation.domain}/rtc") for url in ways.sockets), ways.sockets
    assert any(url.startswith(f"wss://{installation.domain}/") and "/rtc" not in url for url in ways.sockets)

    hand_round(host, ada)
    assert ways.went("PUT", f"https://{installation.files_domain}/audimax/")

    host.page.get_by_role("button", name="Leave or end").click()
    host.page.get_by_role("button", name="End for everybody").click()
    expect(ada.page.get_by_text("The lecture has ended")).to_be_visible()
    host.page.get_by_role("link", name="To the lecture page").click()
    main = host.page.get_by_role("main")
    for text in ("Rings and fields", hall.NAME, ADA, "Notes.txt"):
        expect(main).to_contain_text(text)
    assert webhooks(installation) > 0
    hall.assert_no_complaints(host, ada)
    for one in (host, ada):
        one.context.close()


def hand_round(host: Person, guest: Person) -> None:
    """The host sends a file from the browser to the bucket, the guest fetches it from there."""
    content = b"First principles\n" * 1000
    panel = open_files(host.page)
    send(panel, [file_of("Notes.txt", content, "text/plain")])
    expect(row(panel, "Notes.txt").get_by_role("link", name="Download Notes.txt")).to_be_visible()
    theirs = open_files(guest.page)
    fetch(guest, theirs.get_by_role("link", name="Download Notes.txt"), "Notes.txt", content)


def webhooks(installation: Installation) -> int:
    """How many times LiveKit has told the webs something."""
    password = installation.made.given["POSTGRES_PASSWORD"]
    with (
        closing(connected(installation.addresses.of["pgbouncer"], password)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT count(*) FROM webhook_event")
        (found,) = cursor.fetchone() or (0,)
        return int(found)
