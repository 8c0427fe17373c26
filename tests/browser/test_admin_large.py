"""Every admin page with 5,000 people, 2,000 rooms and 200 running lectures, as an administrator has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.bus import LIVE, notify
from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.rooms.models import Room
from core.run import large_demo
from tests.browser.conftest import arrive
from tests.browser.test_looks import SIZES, look
from tests.fixtures.admin_lists import COMMON, LECTURES, NOWHERE, RARE_NAME
from tests.fixtures.browser import Person, axe, scrolls_sideways, until

pytestmark = [pytest.mark.browser]
# A page has fifty lines, each with a link or two, and the menus before them.
MOST_TABS = 200
PATIENCE = 120
ROWS = "main tbody tr"
# axe takes a minute for the colours of 200 lines; they all come from one template.
FIRST_LINES = """() => {
  const further = 'main tbody tr:nth-child(n+11), main ul > li.card:nth-child(n+6)';
  for (const line of document.querySelectorAll(further)) line.remove();
}"""
# Which lines of the monitor are touched, and whether any comes or goes.
WATCH = """() => {
  window.touched = new Set();
  window.moved = 0;
  const list = document.querySelector('[data-rows]');
  for (const line of list.children) line.isTheSame = true;
  new MutationObserver(changes => {
    for (const one of changes) {
      if (one.target === list) window.moved += one.addedNodes.length + one.removedNodes.length;
      else touched.add(one.target.parentElement.closest('[data-lecture]').dataset.lecture);
    }
  }).observe(list, {subtree: true, childList: true, characterData: true, attributes: true});
}"""


@pytest.fixture(scope="module")
def url(large: Flask) -> str:
    return str(large.extensions["audimax_config"].public_url)


# The stock is made before Playwright's event loop occupies the thread.
@pytest.fixture(scope="module")
def cookies(rector: FlaskClient, url: str) -> list[Any]:
    found = rector._cookies.values()  # type: ignore[attr-defined]
    return [{"name": one.key, "value": one.value, "url": url} for one in found]


@pytest.fixture(scope="module")
def desks(cookies: list[Any], chromium: Browser) -> Iterator[Callable[[str], Person]]:
    """``desks("de-DE")``: the administrator's browser in that language, one for the whole file."""
    made: dict[str, Person] = {}

    def sit(locale: str) -> Person:
        if locale not in made:
            made[locale] = arrive(chromium, locale=locale)
            made[locale].context.add_cookies(cookies)
        return made[locale]

    yield sit
    contexts: list[BrowserContext] = [one.context for one in made.values()]
    for context in contexts:
        context.close()


@pytest.fixture
def page(desks: Callable[[str], Person]) -> Iterator[Page]:
    """Any page, in English; its console has no complaint at the end."""
    desk = desks("en-US")
    yield desk.page
    desk.page.goto("about:blank")
    assert desk.complaints == []


# --- how the pages look -------------------------------------------------------------------

PAGES = {
    "live": "/admin/live",
    "live-one": "/admin/live/{lecture}",
    "people": "/admin/people",
    "people-found": f"/admin/people?text={RARE_NAME}&role=admin",
    "person": "/admin/people/{person}",
    "erase": "/admin/people/{person}/erase",
    "invitations": "/admin/people/invitations",
    "rooms": "/admin/rooms",
    "rooms-against": "/admin/rooms?state=against",
    "room": "/admin/rooms/{room}",
    "room-against": "/admin/rooms/{against}",
    "lectures": LECTURES,
    "settings": "/admin/settings",
    "room-settings": "/admin/room-settings",
    "history": "/admin/settings/history",
    "retention": "/admin/retention",
    "plugins": "/admin/plugins",
    "audit": "/admin/logs",
    "system": "/admin/logs/system",
    "health": "/admin/health",
    "assistant": "/plugins/ai_assistant/admin",
}


@pytest.fixture(scope="module")
def ids(large: Flask) -> dict[str, str]:
    """Of the person, room and running lecture with the longest names, and of a room against the rules."""
    with large.app_context():
        person = db.session.scalars(sa.select(User).where(User.email == large_demo.FIRST)).one()
        room = db.session.scalars(sa.select(Room).where(Room.title == large_demo.LONGEST_TITLE)).one()
        running = Lecture.room_id == room.id, Lecture.ended_at.is_(None)
        lecture = db.session.scalars(sa.select(Lecture).where(*running)).one()
        of_no_one = (
            sa.select(Room).join(Room.owner).where(User.disabled_at.is_not(None), Room.archived_at.is_(None))
        )
        against = db.session.scalars(of_no_one.limit(1)).one()
        found = {"person": person, "room": room, "lecture": lecture, "against": against}
        return {name: one.public_id for name, one in found.items()}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_in_order_in_german_in_both_sizes_and_themes(
    ids: dict[str, str], url: str, desks: Callable[[str], Person], name: str
) -> None:
    page = desks("de-DE").page
    page.goto(url + PAGES[name].format(**ids))
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        assert not scrolls_sideways(page), f"{width} px, with all lines"
    page.evaluate(FIRST_LINES)
    look(page, f"admin-large-{name}")
    assert desks("de-DE").complaints == []


# --- lists --------------------------------------------------------------------------------


def tab_to(page: Page, wanted: str, key: str = "Tab") -> None:
    """With the keyboard alone."""
    for _key in range(MOST_TABS):
        page.keyboard.press(key)
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"never reached: {wanted}")


def links(page: Page) -> list[str]:
    return list(page.locator(f"{ROWS} td:first-child a").evaluate_all("all => all.map(one => one.href)"))


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/admin/people", "[name=text]"),
        ("/admin/rooms", "[name=text]"),
        ("/admin/logs", "[name=text]"),
        ("/admin/logs/system", "[name=text]"),
        (LECTURES, "[name=text]"),
    ],
)
def test_the_keyboard_reaches_the_search_and_the_next_page(
    page: Page, url: str, path: str, field: str
) -> None:
    page.goto(url + path)
    tab_to(page, field)
    page.keyboard.type("e")
    page.keyboard.press("Enter")
    expect(page.locator(field)).to_have_value("e")
    until(page, "location.search.includes('text=e')")
    # From the page's end backwards, as it is the shorter way.
    tab_to(page, "[rel=next]", "Shift+Tab")
    page.keyboard.press("Enter")
    until(page, "/[?&](after|before)=/.test(location.search)")
    # What is looked for stays.
    expect(page.locator(field)).to_have_value("e")


def test_the_keyboard_reaches_the_next_page_of_the_history(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/settings/history")
    # From the page's end backwards, as it is the shorter way.
    tab_to(page, "[rel=next]", "Shift+Tab")
    page.keyboard.press("Enter")
    until(page, "location.search.includes('after=')")
    expect(page.locator(ROWS)).to_have_count(50)


def test_page_by_page_everything_is_there_once(large: Flask, page: Page, url: str) -> None:
    with large.app_context():
        archived = sa.select(sa.func.count()).where(Room.archived_at.is_not(None))
        wanted = db.session.scalar(archived) or 0
    page.goto(f"{url}/admin/rooms?state=archived")
    first = seen = links(page)
    while page.locator("[rel=next]").count():
        here = page.url
        page.locator("[rel=next]").click()
        until(page, f"location.href !== {here!r} && document.readyState === 'complete'")
        seen = seen + links(page)
    assert len(seen) == len(set(seen)) == wanted
    while page.locator("[rel=prev]").count():
        here = page.url
        page.locator("[rel=prev]").click()
        until(page, f"location.href !== {here!r} && document.readyState === 'complete'")
    assert links(page) == first


def test_a_search_finds_one_of_five_thousand(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/people")
    search = page.get_by_label("Name or address")
    search.fill(COMMON)
    search.press("Enter")
    expect(page.locator(ROWS)).to_have_count(50)
    search.fill(RARE_NAME)
    search.press("Enter")
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_role("link", name=large_demo.LONGEST_NAME).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(large_demo.LONGEST_NAME)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/admin/people?", "Nobody fits these filters"),
        ("/admin/rooms?", "No room fits these filters"),
        ("/admin/logs?", "No entry fits these filters"),
        ("/admin/logs/system?", "No error fits these filters"),
        (f"{LECTURES}&", "No lecture fits these filters"),
    ],
)
def test_a_search_without_a_hit_says_so_and_leads_back(page: Page, url: str, path: str, words: str) -> None:
    page.goto(f"{url}{path}text={NOWHERE}")
    expect(page.get_by_role("heading", name=words)).to_be_visible()
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        assert not scrolls_sideways(page), f"{width} px"
    assert axe(page) == []
    page.locator(".empty").get_by_role("link", name="Show all").click()
    until(page, f"!location.search.includes({NOWHERE!r})")
    expect(page.locator(".empty")).to_have_count(0)


# --- the monitor --------------------------------------------------------------------------


COUNT_MESSAGES = """
window.told = 0;
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener('message', () => { window.told += 1; });
  }
};
"""


def open_monitor(page: Page, url: str) -> None:
    """Until it has been told of everything, and what happens from then on is noted."""
    # In the page: Playwright hears of a socket's messages only a moment after it has been opened.
    page.add_init_script(COUNT_MESSAGES)
    page.goto(f"{url}/admin/live")
    page.wait_for_function("window.told > 0", timeout=PATIENCE * 1000)
    expect(page.locator(ROWS)).to_have_count(large_demo.LIVE)
    page.evaluate(WATCH)


def change(large: Flask, deed: Callable[[Lecture], None]) -> str:
    """Do something to one running lecture and tell of it; its id."""
    with large.app_context():
        running = sa.select(Lecture).where(Lecture.ended_at.is_(None)).order_by(Lecture.id.desc()).limit(1)
        found = db.session.scalars(running).one()
        deed(found)
        notify(LIVE)
        db.session.commit()
        return found.public_id


def test_a_change_in_one_of_200_lectures_touches_its_line_alone(large: Flask, page: Page, url: str) -> None:
    open_monitor(page, url)

    def somebody_goes(lecture: Lecture) -> None:
        here = Participant.lecture_id == lecture.id, Participant.present_since.is_not(None)
        db.session.scalars(sa.select(Participant).where(*here).limit(1)).one().present_since = None

    lecture = change(large, somebody_goes)
    people = page.locator(f"[data-lecture={lecture!r}] [data-people]")
    expect(people).to_have_text(str(large_demo.INSIDE - 1))
    assert page.evaluate("[...touched]") == [lecture]
    assert page.evaluate("moved") == 0
    assert page.evaluate("[...document.querySelector('[data-rows]').children].every(line => line.isTheSame)")


def test_a_lecture_that_ends_takes_its_line_alone(large: Flask, page: Page, url: str) -> None:
    open_monitor(page, url)

    def is_over(lecture: Lecture) -> None:
        lecture.ended_at = now()

    lecture = change(large, is_over)
    expect(page.locator(f"[data-lecture={lecture!r}]")).to_have_count(0)
    assert page.evaluate("moved") == 1 and page.evaluate("touched.size") == 0
    expect(page.locator(ROWS)).to_have_count(large_demo.LIVE - 1)
    with large.app_context():
        db.session.execute(sa.update(Lecture).where(Lecture.public_id == lecture).values(ended_at=None))
        notify(LIVE)
        db.session.commit()
    expect(page.locator(ROWS)).to_have_count(large_demo.LIVE)
    assert page.evaluate("moved") == 2 and page.evaluate("touched.size") == 0
