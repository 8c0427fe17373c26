"""A lecture afterwards: renamed, found, shared by a link, kept by a guest, deleted and brought back."""

from __future__ import annotations

import email
import email.policy
import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hall import Host, Room
from tests.browser.test_looks import look
from tests.fixtures.browser import Person, until
from tests.fixtures.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA = "Ada Lovelace"
TITLE = "Mengen & Abbildungen"
ADDRESS, PASSWORD = "ada@uni.example", "eleven green umbrellas"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One where anybody may make an account."""
    made = Product(tmp_path_factory.mktemp("archive") / "instance", AUDIMAX_SIGN_UP="open")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def lecture(host: Host, visitor: Callable[..., Person]) -> tuple[str, Person]:
    """One that has ended, in which Ada took part; its address and her browser."""
    room = host.make_room("Sets and maps")
    settings = {"participants_read": True}
    assert host.ask("PATCH", f"/api/rooms/{room.id}", settings=settings).ok
    key = host.start(room)
    ada = visitor()
    take_part(ada, room)
    host.end(room)
    return f"{host.product.url}/lectures/{key}", ada


def take_part(person: Person, room: Room) -> None:
    """A guest's place in the lecture, without the call."""
    origin = room.link.rpartition("/r/")[0]
    answer = person.context.request.post(
        f"{origin}/api/rooms/{room.id}/join", data={"name": ADA}, headers={"Origin": origin}
    )
    assert answer.ok, answer.text()


def menu(page: Page, item: str) -> None:
    page.locator("details.menu > summary").click()
    page.get_by_role("link", name=item, exact=True).click()


def mailed_link(page: Page, product: Product, path: str) -> str:
    """The newest link of that kind that was mailed; it comes by a job."""
    for _look in range(600):
        mails = sorted((product.instance / "mail").glob("*.eml"))
        texts = (email.message_from_bytes(one.read_bytes(), policy=email.policy.default) for one in mails)
        bodies = "\n".join(str(one.get_body().get_content()) for one in texts)  # type: ignore[union-attr]
        if found := re.findall(rf"{re.escape(product.url)}{path}/[\w-]+", bodies):
            return str(found[-1])
        page.wait_for_timeout(100)
    raise AssertionError("no mail came")


def test_a_host_renames_finds_deletes_and_brings_back(host: Host, lecture: tuple[str, Person]) -> None:
    address, ada = lecture
    page = host.page
    page.goto(address)
    page.locator("details.menu > summary").click()
    look(page, "archive-menu")
    page.locator("details.menu > summary").click()
    menu(page, "Rename")
    page.get_by_label("Title").fill(" ")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Please type a title.")).to_be_visible()
    look(page, "archive-rename-wrong")
    page.get_by_label("Title").fill(TITLE)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=TITLE, level=1)).to_be_visible()

    page.goto(f"{host.product.url}/lectures")
    page.get_by_role("searchbox", name="Words of the title").fill("abbild")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name=TITLE)).to_be_visible()
    page.get_by_text("More filters").click()
    page.get_by_label("Whose").select_option("I took part")
    page.get_by_label("From").fill("2020-01-01")
    look(page, "archive-filters")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="No lecture fits these filters")).to_be_visible()
    look(page, "archive-none")
    page.goto(f"{host.product.url}/lectures?since=2026-02-30&text=maps")
    expect(page.get_by_text("Please type a day like")).to_be_visible()
    look(page, "archive-wrong")

    page.goto(address)
    menu(page, "Delete")
    look(page, "archive-delete")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted, undo until")).to_be_visible()
    look(page, "archive-deleted")
    answer = ada.page.goto(address)
    assert answer is not None and answer.status == 404
    page.get_by_role("button", name="Undo the deletion").click()
    expect(page.get_by_role("heading", name=TITLE, level=1)).to_be_visible()
    answer = ada.page.goto(address)
    assert answer is not None and answer.status == 200


def test_a_link_opens_in_a_fresh_browser_until_it_is_revoked(
    host: Host, visitor: Callable[..., Person], lecture: tuple[str, Person]
) -> None:
    address, _ada = lecture
    page, fresh = host.page, visitor()
    answer = fresh.page.goto(address)
    assert answer is not None and answer.status == 404
    page.goto(address)
    menu(page, "Share by a link")
    look(page, "archive-share-none")
    page.get_by_label("For whom").fill("The students of last year")
    page.get_by_label("It holds for").select_option("One week")
    page.get_by_role("button", name="Make a link").click()
    box = page.get_by_label("Address of “The students of last year”")
    expect(box).to_be_visible()
    look(page, "archive-share")
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert box.evaluate("it => it.scrollHeight <= it.clientHeight && it.scrollWidth <= it.clientWidth")
    link = box.input_value()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Link copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == link

    fresh.page.goto(link)
    assert fresh.page.url == address
    expect(fresh.page.get_by_text("You read this by a link that holds until")).to_be_visible()
    expect(fresh.page.get_by_role("link", name="Export")).to_have_count(0)
    look(fresh.page, "archive-by-link")
    fresh.page.set_viewport_size({"width": 390, "height": 844})
    tops = fresh.page.evaluate(
        "['.topbar', '.page-head', '.page-head + .alert'].map(it => document.querySelector(it))"
        ".map(it => it.getBoundingClientRect()).map(({top, bottom}) => [top, bottom])"
    )
    assert all(0 <= after[0] - before[1] <= 32 for before, after in itertools.pairwise(tops)), tops
    assert link.rpartition("/")[2] not in fresh.page.content()

    # A page that is open hears of it, and its own complaint about the closed stream is none of ours.
    fresh.page.goto("about:blank")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The link is revoked")).to_be_visible()
    for gone in (address, link):
        answer = fresh.page.goto(gone)
        assert answer is not None and answer.status == 404
    expect(fresh.page.get_by_text("This link leads nowhere")).to_be_visible()
    look(fresh.page, "archive-link-dead")


def test_a_guest_keeps_a_lecture_by_signing_up_and_another_guest_gets_nothing(
    host: Host, visitor: Callable[..., Person], lecture: tuple[str, Person]
) -> None:
    address, ada = lecture
    page, other = ada.page, visitor()
    answer = other.page.goto(address)
    assert answer is not None and answer.status == 404
    page.goto(address)
    expect(page.get_by_role("heading", name="Keep this lecture in your account")).to_be_visible()
    look(page, "archive-keep")
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.get_by_role("button", name="Send me the link").click()
    page.goto(mailed_link(page, host.product, "/sign-up"))
    page.get_by_label("Your name").fill(ADA)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    until(page, f"location.href === '{address}'", "back at the lecture")
    look(page, "archive-keep-signed-in")
    page.get_by_role("button", name="That was me: keep it").click()
    expect(page.get_by_text("This lecture is in your account now")).to_be_visible()
    page.goto(f"{host.product.url}/lectures")
    expect(page.get_by_role("link", name="Sets and maps")).to_be_visible()

    # At home, at another computer.
    other.page.goto(f"{host.product.url}/sign-in?next={address.removeprefix(host.product.url)}")
    other.page.get_by_label("E-mail address").fill(ADDRESS)
    other.page.get_by_label("Password", exact=True).fill(PASSWORD)
    other.page.get_by_role("button", name="Sign in").click()
    expect(other.page.get_by_role("heading", name="Sets and maps", level=1)).to_be_visible()
