"""The chat on the real server: three people write, one comes late, one is put out, one loses the connection."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import requests
from playwright.sync_api import Error, Locator, Page, expect

from tests.browser import hall
from tests.browser.hall import Host, Room
from tests.browser.test_files import fetch, file_of, picture
from tests.browser.test_looks import look
from tests.fixtures.browser import Person, axe, until

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA, ALAN = "Ada Lovelace", "Alan Turing"
# So many may one person send in ten seconds.
AT_ONCE = 15


@pytest.fixture
def room(host: Host) -> Room:
    made = host.make_room("Algorithms II")
    host.start(made)
    hall.enter(host.page, made.link)
    return made


def open_chat(page: Page) -> None:
    page.get_by_role("button", name="Chat").click()
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()


def write(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("textbox", name="Message").press("Enter")


def line(page: Page, text: str) -> Locator:
    return page.get_by_role("complementary", name="Chat").get_by_role("article").filter(has_text=text)


def act(page: Page, text: str, *names: str) -> None:
    """Something from the menu of a line."""
    found = line(page, text)
    found.hover()
    found.get_by_role("button", name="Actions").click()
    for name in names:
        found.get_by_role("button", name=name, exact=True).click()


def texts(page: Page) -> list[str]:
    return page.get_by_role("complementary", name="Chat").locator(".chat-text").all_inner_texts()


def test_three_people_write_one_comes_late_and_reads_all_one_is_put_out(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    ada, alan = visitor(), visitor()
    hall.enter(ada.page, room.link, ADA)
    hall.enter(alan.page, room.link, ALAN)
    for page in (host.page, ada.page, alan.page):
        open_chat(page)
    write(host.page, "Good morning! The slides are at https://uni.example/slides.pdf")
    expect(line(ada.page, "Good morning!")).to_be_visible()
    write(
        ada.page,
        "Is `O(n log n)` the best we can get?\n```py\ndef sort(items):\n    return sorted(items)\n```",
    )
    expect(line(alan.page, "the best we can get")).to_be_visible()
    act(host.page, "the best we can get", "Make it a question")
    alan.page.get_by_role("button", name="Vote for it").click()
    expect(ada.page.get_by_role("button", name="1 want to know this. Vote for it")).to_be_visible()
    act(alan.page, "Good morning!", "Thumbs up")
    act(host.page, "the best we can get", "Answer")
    write(host.page, "For comparisons, yes.")
    expect(line(ada.page, "For comparisons, yes.").locator(".chat-quote")).to_contain_text(ADA)
    ada.page.get_by_role("combobox", name="To").select_option("The hosts only")
    write(ada.page, "I feel a little lost")
    expect(line(host.page, "I feel a little lost")).to_contain_text("to the hosts only")
    act(host.page, "Good morning!", "Pin for all")
    expect(alan.page.get_by_role("list", name="Pinned")).to_contain_text("Good morning!")
    write(alan.page, "noise noise noise")
    act(host.page, "noise noise", "Delete")
    expect(line(ada.page, "Removed by a host")).to_be_visible()
    look(host.page, "chat-host")
    look(ada.page, "chat-guest")

    late = visitor()
    hall.enter(late.page, room.link, "Grace Hopper")
    open_chat(late.page)
    expect(late.page.get_by_role("article")).to_have_count(4)
    assert texts(late.page)[1:] == [text for text in texts(ada.page)[1:] if "lost" not in text]
    assert "lost" not in late.page.content()

    path = f"/api/rooms/{room.id}/chat/messages"
    assert alan.context.request.get(host.product.url + path).ok
    removed = host.ask(
        "POST", f"/api/rooms/{room.id}/moderation/people/{hall.identity(alan.page)}/remove", reason=""
    )
    assert removed.ok, removed.text()
    assert alan.context.request.get(host.product.url + path).status == 403, "within the same second"
    body = {"client_id": "6b1f4f0e-2f2e-4b61-9f3a-0f5bd3f5c111", "text": "still here"}
    headers = {"Origin": host.product.url}
    sent = alan.context.request.post(host.product.url + path, data=body, headers=headers)
    assert sent.status == 403
    expect(alan.page.get_by_role("heading", name="A host has removed you")).to_be_visible()

    before = texts(ada.page)
    ada.page.get_by_role("textbox", name="Message").fill("half a thought")
    ada.page.reload()
    hall.is_inside(ada.page)
    open_chat(ada.page)
    expect(ada.page.get_by_role("textbox", name="Message")).to_have_value("half a thought")
    expect(line(ada.page, "I feel a little lost")).to_be_visible()
    assert texts(ada.page) == before, "what was written stays over a reload"
    ada.page.get_by_role("button", name="Questions").click()
    expect(line(ada.page, "the best we can get")).to_be_visible()
    hall.shot(ada.page, "chat-questions")
    assert axe(ada.page) == []

    lecture = host.start(room)
    host.end(room)
    host.page.goto(f"{host.product.url}/lectures/{lecture}")
    asked = host.page.get_by_role("row").filter(has_text="the best we can get")
    expect(asked).to_contain_text("For comparisons, yes.")
    page = host.page.locator("main")
    expect(page.get_by_role("heading", name="Chat", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Chat: to the hosts only")).to_be_visible()
    expect(page).to_contain_text("I feel a little lost")
    expect(page).not_to_contain_text("noise noise")
    look(host.page, "chat-lecture-page")


def test_a_line_without_a_connection_says_so_and_is_sent_once(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    ada = visitor()
    hall.enter(ada.page, room.link, ADA)
    open_chat(ada.page)
    open_chat(host.page)
    lost: list[Any] = []

    def swallow(route: Any) -> None:
        """The server takes the line, and its answer never comes."""
        lost.append(route.fetch())
        # The page may have been given its connection back meanwhile.
        with suppress(Error):
            route.abort()

    ada.page.route("**/chat/messages", lambda r: swallow(r) if r.request.method == "POST" else r.continue_())
    write(ada.page, "once")
    expect(line(host.page, "once")).to_have_count(1)
    expect(line(ada.page, "once")).to_have_count(1)
    ada.page.unroute("**/chat/messages")
    ada.page.route("**/chat/messages", lambda r: r.abort() if r.request.method == "POST" else r.continue_())
    write(ada.page, "never came")
    expect(line(ada.page, "never came").get_by_role("alert")).to_contain_text("Not sent.")
    look(ada.page, "chat-not-sent")
    assert line(host.page, "never came").count() == 0
    ada.page.unroute("**/chat/messages")
    ada.page.reload()
    hall.is_inside(ada.page)
    open_chat(ada.page)
    line(ada.page, "never came").get_by_role("button", name="Send again").click()
    expect(line(host.page, "never came")).to_have_count(1)
    expect(line(ada.page, "never came").get_by_role("alert")).to_have_count(0)
    assert len(lost) >= 1
    assert texts(ada.page) == texts(host.page) == ["once", "never came"]


def test_the_mode_holds_at_once_and_the_badge_counts(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    ada = visitor()
    hall.enter(ada.page, room.link, ADA)
    open_chat(host.page)
    for number in range(3):
        write(host.page, f"line {number}")
    expect(ada.page.get_by_role("button", name="Chat").locator(".ctl-badge")).to_have_text("3")
    open_chat(ada.page)
    expect(ada.page.get_by_role("button", name="Chat").locator(".ctl-badge")).to_have_count(0)
    host.page.get_by_role("combobox", name="Who writes").select_option("Only hosts write")
    expect(ada.page.get_by_text("Only the hosts write now.")).to_be_visible()
    look(ada.page, "chat-closed")
    host.page.get_by_role("combobox", name="Who writes").select_option("Guests to hosts only")
    write(ada.page, "to you alone")
    expect(line(host.page, "to you alone")).to_contain_text("to the hosts only")
    host.page.get_by_role("combobox", name="Who writes").select_option("Everyone writes")
    host.page.get_by_role("combobox", name="Slow mode").select_option("Every 30 s")
    ada.page.get_by_role("combobox", name="To").select_option("Everyone")
    expect(ada.page.get_by_text("you can write again in")).to_be_visible()


def several_lines(url: str, room: Room, numbers: range) -> None:
    """Of a new guest, who needs no browser for them."""
    with requests.Session() as guest:
        guest.headers["Origin"] = url
        api = f"{url}/api/rooms/{room.id}"
        guest.post(f"{api}/join", json={"name": f"Guest {numbers.start}"}, timeout=60).raise_for_status()
        for number in numbers:
            text = f"line {number} " + "word " * (number % 40)
            body = {"client_id": f"6b1f4f0e-2f2e-4b61-9f3a-{number:012d}", "text": text}
            guest.post(f"{api}/chat/messages", json=body, timeout=60).raise_for_status()


def test_a_long_chat_is_read_up_and_down_with_few_elements(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    path = f"/api/rooms/{room.id}/chat/messages"
    for first in range(0, 130, AT_ONCE):
        several_lines(host.product.url, room, range(first, min(first + AT_ONCE, 130)))
    ada = visitor()
    hall.enter(ada.page, room.link, ADA)
    open_chat(ada.page)
    expect(line(ada.page, "line 129 ")).to_be_in_viewport()
    assert ada.page.get_by_role("article").count() < 50
    scroller = ada.page.locator(".chat-scroll")
    for _ in range(60):
        scroller.hover()
        ada.page.mouse.wheel(0, -1500)
        ada.page.wait_for_timeout(100)
        if line(ada.page, "line 0 ").count():
            break
    expect(line(ada.page, "line 0 ")).to_be_visible()
    assert ada.page.get_by_role("article").count() < 60
    ada.page.mouse.wheel(0, -1500)
    expect(ada.page.get_by_text("This is where the chat begins.")).to_be_in_viewport()
    place = line(ada.page, "line 0 ").bounding_box()
    host.ask("POST", path, client_id="6b1f4f0e-2f2e-4b61-9f3a-00000000aaaa", text="something new")
    button = ada.page.get_by_role("button", name="1 new message")
    expect(button).to_be_visible()
    assert line(ada.page, "line 0 ").bounding_box() == place, "nothing jumps"
    hall.shot(ada.page, "chat-scrolled")
    button.click()
    expect(line(ada.page, "something new")).to_be_in_viewport()
    until(ada.page, "document.querySelectorAll('.chat-new').length === 0")


def test_a_guest_attaches_a_picture_and_another_sees_and_fetches_it(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    ada, alan = visitor(), visitor()
    hall.enter(ada.page, room.link, ADA)
    hall.enter(alan.page, room.link, ALAN)
    for page in (ada.page, alan.page):
        open_chat(page)
    board, name, words = picture(), "Board of week 3.png", "The board, before it is wiped"
    chosen = [file_of(name, board, "image/png"), file_of("notes.txt", b"what was said", "text/plain")]
    ada.page.locator(".chat-composer input[type=file]").set_input_files(chosen)
    for one in (name, "notes.txt"):
        expect(ada.page.get_by_role("button", name=f"Remove {one}")).to_be_visible()
    ada.page.get_by_role("textbox", name="Message").fill(words)
    look(ada.page, "chat-attaching")
    ada.page.get_by_role("textbox", name="Message").press("Enter")
    expect(ada.page.get_by_role("list", name="Files of this message")).to_have_count(0)

    seen = line(alan.page, words)
    fetch(alan, seen.get_by_role("link", name="notes.txt"), "notes.txt", b"what was said")
    fetch(alan, seen.get_by_role("link", name=name), name, board)
    until(alan.page, "document.querySelector('.chat-file img')?.naturalWidth > 0", "the preview is drawn")
    look(alan.page, "chat-attached")

    open_chat(host.page)
    act(host.page, words, "Delete")
    expect(line(alan.page, "Removed by a host")).to_be_visible()
    expect(alan.page.locator(".chat-file")).to_have_count(0)
