"""A stranger's package in the whole product: a poll in the room, its table on the page, in the PDF, and as cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.run.topology import first_party_plugins
from tests.browser import hall
from tests.browser.hall import Host, Room
from tests.browser.test_exports import export, words
from tests.browser.test_looks import look
from tests.fixtures.browser import Person, axe
from tests.fixtures.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
PACKAGES = Path(__file__).resolve().parents[1] / "third_party"
NAMES = ("poll", "anki", "links")
ADA, ALAN = "Ada Lovelace", "Alan Turing"
QUESTION = "Is zero a natural number?"


@pytest.fixture(scope="module")
def product(
    tmp_path_factory: pytest.TempPathFactory, environment_with: Callable[..., Path]
) -> Iterator[Product]:
    """A product of its own, in an environment into which pip has put the packages; nothing else is set."""
    environment = environment_with(*(PACKAGES / f"audimax_{name}" for name in NAMES))
    enabled = ",".join([*first_party_plugins(), *NAMES])
    made = Product(
        tmp_path_factory.mktemp("product") / "instance",
        python=environment / "bin" / "python",
        AUDIMAX_ENABLED_PLUGINS=enabled,
    )
    made.start()
    yield made
    made.stop()


@pytest.fixture
def lecture(host: Host) -> tuple[Room, str]:
    room = host.make_room("Sets and maps")
    answer = host.ask("PATCH", f"/api/rooms/{room.id}", settings={"participants_read": True})
    assert answer.ok, answer.text()
    return room, host.start(room)


def panel(page: Page) -> Any:
    """The panel of polls, opened."""
    side = page.get_by_role("complementary", name="Polls")
    if not side.is_visible():
        page.get_by_role("button", name="Polls").click()
    expect(side).to_be_visible()
    return side


def ask(page: Page, question: str, *answers: str, hidden: bool = False) -> None:
    side = panel(page)
    side.get_by_label("Question").fill(question)
    side.get_by_label("Answers, one in each line").fill("\n".join(answers))
    side.get_by_role("checkbox", name="Hide the results until the end").set_checked(hidden)
    side.get_by_role("button", name="Ask").click()


def vote(page: Page, answer: str) -> None:
    side = panel(page)
    side.get_by_role("radio", name=answer).check()
    side.get_by_role("button", name="Vote", exact=True).click()
    expect(side.get_by_text(f"You voted: {answer}")).to_be_visible()


def test_a_poll_from_the_question_to_the_pdf(
    host: Host, visitor: Callable[..., Person], lecture: tuple[Room, str], tmp_path: Path
) -> None:
    room, key = lecture
    page = host.page
    hall.enter(page, room.link)
    guests = [visitor() for _ in range(2)]
    for guest, name in zip(guests, (ADA, ALAN), strict=True):
        hall.enter(guest.page, room.link, name)
    ada, alan = (guest.page for guest in guests)

    ask(page, QUESTION, "Yes", "No", "It depends on the book")
    expect(ada.get_by_text(f"A question for you: {QUESTION}").first).to_be_visible()
    vote(ada, "Yes")
    look(ada, "poll-voted")
    vote(alan, "No")
    for one in (page, ada):
        expect(panel(one).get_by_text("1 (50 %)")).to_have_count(2)
    panel(alan).get_by_role("radio", name="Yes").check()
    panel(alan).get_by_role("button", name="Change my vote").click()
    expect(panel(page).get_by_text("2 (100 %)")).to_be_visible()
    look(page, "poll-host")
    panel(page).get_by_role("button", name="Close the poll").click()
    expect(panel(ada).get_by_role("heading", name=QUESTION)).to_be_visible()
    expect(panel(ada).get_by_role("button", name="Vote")).to_have_count(0)

    ask(page, "Are you lost?", "A little", "Completely", hidden=True)
    vote(ada, "Completely")
    expect(panel(ada).get_by_text("1 vote. The results come at the end.")).to_be_visible()
    expect(panel(page).get_by_text("1 (100 %)")).to_be_visible()
    hall.shot(ada, "poll-hidden")
    ada.reload()
    hall.is_inside(ada)
    expect(panel(ada).get_by_text("You voted: Completely")).to_be_visible()
    host.end(room)

    # Nobody has closed the second one: the end of the lecture did.
    page.goto(f"{host.product.url}/lectures/{key}")
    expect(page.get_by_role("heading", name=f"Poll: {QUESTION}")).to_be_visible()
    expect(page.get_by_role("heading", name="Poll: Are you lost?")).to_be_visible()
    table = page.get_by_role("table").filter(has_text="It depends on the book")
    expect(table.get_by_role("row")).to_have_count(4)
    expect(table).to_contain_text("100%")
    look(page, "poll-lecture")
    assert axe(page) == []

    page.get_by_role("link", name="Export").click()
    text = words(export(page, "PDF", tmp_path))
    for part in (f"Poll: {QUESTION}", "It depends on the book", "100%", "2 votes", "Poll: Are you lost?"):
        assert part in text, part

    # The other strangers work too, and say so where a lecture has nothing for them.
    page.get_by_role("radio", name="Anki cards").check()
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_text("There is nothing to make cards of").first).to_be_visible()


def test_a_guest_who_joins_later_sees_what_is_asked(
    host: Host, visitor: Callable[..., Person], lecture: tuple[Room, str]
) -> None:
    room, _key = lecture
    hall.enter(host.page, room.link)
    ask(host.page, QUESTION, "Yes", "No")
    expect(panel(host.page).get_by_role("button", name="Close the poll")).to_be_visible()
    late = visitor()
    hall.enter(late.page, room.link, ADA)
    expect(late.page.get_by_role("button", name="Polls")).to_contain_text("1")
    vote(late.page, "No")
    late.page.set_viewport_size({"width": 390, "height": 844})
    hall.shot(late.page, "poll-phone")
    panel(host.page).get_by_role("button", name=f"Remove “{QUESTION}”").click()
    expect(panel(late.page).get_by_text("No question has been asked yet.")).to_be_visible()
    host.end(room)
