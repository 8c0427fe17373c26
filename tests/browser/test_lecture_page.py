"""The page of a lecture of three hours, as people use it: read, search, jump, link, print; and it changes meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from core.bus import notify
from core.db import db
from core.lectures.models import Lecture
from core.lectures.parts import FIRST_LINES
from core.people.models import User
from tests.browser.test_looks import FAULTS, look
from tests.fixtures import three_hours
from tests.fixtures.browser import Person, scrolls_sideways, until
from tests.fixtures.product import free_ports

pytestmark = pytest.mark.browser
LINES, LAST = three_hours.LINES, "li:last-child"
# The whole transcript is there.
WHOLE = f"document.querySelectorAll('#ai_assistant-transcript li').length === {LINES}"

# Cells of one short word on several lines.
TORN = """[...document.querySelectorAll('.table td')].filter(cell => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return /^\\S{1,12}$/.test(cell.textContent) && range.getClientRects().length > 1;
}).map(cell => cell.textContent)"""

# Of every line of the chat the left and right edge of the name and of the words.
SIDES = """[...document.querySelectorAll('#chat-messages li')].map(line => ['strong', 'p'].map(part => {
  const range = document.createRange();
  range.selectNodeContents(line.querySelector(part));
  const {left, right} = range.getBoundingClientRect();
  return {left, right};
}))"""


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    address = f"http://localhost:{free_ports(1)[0]}"
    return {**settings, "public_url": address, "institution": "Uni Example"}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("ai_assistant", "chat", "files", "export_markdown")


@pytest.fixture
def site(app: Flask, settings: dict[str, Any]) -> Iterator[str]:
    server = make_server("localhost", int(settings["public_url"].rpartition(":")[2]), app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield settings["public_url"]
    app.extensions["audimax_lecture_streams"].close()
    server.shutdown()
    thread.join()


@pytest.fixture
def lecture(app: Flask, make_user: Any, make_room: Any) -> str:
    """Its public id; it has just ended."""
    owner = make_user("emmy@uni.example", name="Emmy Noether")
    room = make_room(owner, title="Abstract algebra")[0]
    with app.app_context():
        from core.db import now

        with db.engine.begin() as connection:
            return three_hours.fill(connection, room, owner, now() - three_hours.LENGTH)


@pytest.fixture
def address(site: str, lecture: str) -> str:
    return f"{site}/lectures/{lecture}"


@pytest.fixture
def host(app: Flask, person: Callable[..., Person], site: str, lecture: str, sign_in: Any) -> Person:
    made = person(permissions=["clipboard-read", "clipboard-write"])
    with app.app_context():
        owner = db.session.scalars(sa.select(User.id).where(User.email == "emmy@uni.example")).one()
    cookie = sign_in(owner).get_cookie("audimax", domain="localhost")
    made.context.add_cookies([{"name": "audimax", "value": cookie.value, "url": site}])
    return made


@pytest.fixture
def page(host: Person, address: str) -> Iterator[Page]:
    """The page with everything on it."""
    host.page.goto(address)
    until(host.page, WHOLE, "all lines are there")
    yield host.page
    assert host.complaints == []


@pytest.fixture
def change(app: Flask, lecture: str) -> Callable[[str], None]:
    """Something in the database, and pages are told."""

    def run(statement: str) -> None:
        with app.app_context():
            db.session.execute(sa.text(statement))
            key = db.session.scalars(sa.select(Lecture.id).where(Lecture.public_id == lecture)).one()
            notify(f"lecture:{key}")
            db.session.commit()

    return run


def is_seen(page: Page, selector: str) -> bool:
    return bool(page.evaluate(
        "selector => { const box = document.querySelector(selector)?.getBoundingClientRect();"
        " return !!box && box.top >= 0 && box.bottom <= innerHeight }", selector
    ))  # fmt: skip


@pytest.fixture
def short(host: Person, address: str, change: Callable[[str], None]) -> Page:
    """The same lecture with an hour's beginning: axe looks at every line of a page, several times."""
    change("DELETE FROM ai_assistant__line WHERE at > 240000; DELETE FROM chat__message WHERE id % 30 <> 0")
    host.page.goto(address)
    expect(host.page.get_by_role("searchbox")).to_be_visible()
    return host.page


def test_the_page_is_right_in_every_size_and_theme(short: Page, host: Person) -> None:
    look(short, "lecture-page")
    short.evaluate("location.hash = '#t=3:00'")
    expect(short.locator(".is-here")).to_have_count(1)
    look(short, "lecture-page-moment")
    short.evaluate("document.getElementById('chat-messages').scrollIntoView()")
    look(short, "lecture-page-chat")
    short.evaluate("document.getElementById('participants').scrollIntoView()")
    look(short, "lecture-page-people")
    assert host.complaints == []


def test_search_is_right_in_every_size_and_theme(
    short: Page, host: Person, change: Callable[[str], None]
) -> None:
    field = short.get_by_role("searchbox")
    field.fill("kernel")
    expect(short.locator(".search-count")).to_contain_text("1 of ")
    field.press("Enter")
    look(short, "lecture-page-search")
    field.fill("nothing like it anywhere")
    expect(short.locator(".search-count")).to_have_text("Nothing found.")
    look(short, "lecture-page-nothing")
    change("UPDATE ai_assistant__artifact SET state = 'summarizing', summary = NULL")
    expect(short.locator("#lecture-making")).to_have_text("The summary is being made …")
    look(short, "lecture-page-making")
    assert host.complaints == []


def test_a_moment_that_is_not_loaded_yet_is_led_to_and_marked(host: Person, address: str) -> None:
    page = host.page
    page.goto(f"{address}#t=2:30:04")
    here = page.locator(".is-here")
    expect(here).to_contain_text("2:30:01")
    until(page, WHOLE)
    assert is_seen(page, ".is-here")
    assert page.evaluate("document.activeElement.textContent") == "2:30:01"
    page.evaluate("location.hash = '#t=1:00:00&in=chat-messages'")
    expect(page.locator("#chat-messages .is-here")).to_have_count(1)
    assert page.locator(".is-here").count() == 1
    until(page, "document.querySelector('.is-here').getBoundingClientRect().top < innerHeight")
    assert is_seen(page, ".is-here")


def test_search_finds_marks_counts_and_goes_on(host: Person, address: str) -> None:
    page = host.page
    page.goto(address)
    field = page.get_by_role("searchbox", name="Search in this lecture")
    count = page.locator(".search-count")
    # At once: what is found is not loaded yet.
    field.fill("quasidihedral")
    expect(count).to_have_text("1 of 1")
    assert is_seen(page, "mark.is-current")
    expect(page.locator("mark")).to_have_text("quasidihedral")

    field.fill('"isomorphism theorem"')
    expect(count).to_have_text("1 of 2")
    field.press("Enter")
    expect(count).to_have_text("2 of 2")
    assert is_seen(page, "mark.is-current")
    field.press("Enter")
    expect(count).to_have_text("1 of 2")
    field.press("Shift+Enter")
    expect(count).to_have_text("2 of 2")

    field.fill("kernel")
    expect(count).to_contain_text("1 of ")
    everybody = count.inner_text()
    page.get_by_role("combobox", name="Whose words").select_option("Amira Haddad")
    expect(count).not_to_have_text(everybody)
    page.get_by_role("button", name="Next").click()
    expect(count).to_contain_text("2 of ")
    assert page.locator("mark.is-current").count() == 1
    page.get_by_role("combobox", name="Whose words").select_option("")

    field.fill("slides 3")
    expect(count).to_have_text("1 of 1")
    field.fill("nothing like it anywhere")
    expect(count).to_have_text("Nothing found.")
    field.fill('"""')
    expect(count).to_have_text("Type a word to look for.")
    field.fill("x" * 10_000)
    expect(count).to_have_text("Please use at most 200 characters.")
    field.press("Escape")
    expect(count).to_be_hidden()
    assert host.complaints == []


def test_the_link_to_a_moment_is_copied_by_keyboard_and_pointer(page: Page, address: str) -> None:
    line = page.locator("#chat-messages li").nth(3)
    line.hover()
    line.get_by_role("button", name="Copy the link").click()
    expect(page.get_by_text("is copied.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{address}#t=") and copied.endswith("&in=chat-messages")
    page.locator("#ai_assistant-transcript li > a").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The link to 0:10 is copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{address}#t=0:10"


def test_a_key_topic_leads_to_its_moment(page: Page) -> None:
    topic = page.locator("#ai_assistant-topics dt").last
    at = topic.get_by_role("link").inner_text()
    topic.get_by_role("link").click()
    expect(page.locator("#ai_assistant-transcript .is-here")).to_have_count(1)
    assert page.url.endswith(f"#t={at}")
    until(page, "document.querySelector('.is-here').getBoundingClientRect().top < innerHeight")
    assert is_seen(page, ".is-here")


def test_a_change_leaves_the_reader_where_they_were(page: Page, change: Callable[[str], None]) -> None:
    field = page.get_by_role("searchbox", name="Search in this lecture")
    field.fill("cosets same")
    count = page.locator(".search-count")
    for number in range(2, 42):
        expect(count).to_contain_text(f"{number - 1} of ")
        field.press("Enter")
    expect(count).to_contain_text("41 of ")
    found = count.inner_text()
    before = page.evaluate("document.querySelector('mark.is-current').getBoundingClientRect().top")
    # Above what is read: a summary that is longer, a line that was corrected; and below, the first message.
    more = (
        "Something that was added by a host afterwards, and that is long enough to take several lines. " * 8
    )
    change(
        "UPDATE ai_assistant__artifact SET summary = jsonb_set(summary, '{overview,0,text}', "
        f"to_jsonb('{more}'::text)), version = version + 1;"
        "UPDATE ai_assistant__line SET text = 'Corrected: good morning.' WHERE key = 'line0';"
        "UPDATE chat__message SET text = 'Corrected too.' WHERE client_id = 'c0'"
    )
    expect(page.locator("#ai_assistant-summary .prose")).to_contain_text("added by a host")
    expect(page.locator("#ai_assistant-transcript li").first).to_contain_text("Corrected: good morning.")
    expect(page.locator("#chat-messages li").first).to_contain_text("Corrected too.")
    until(page, "!document.querySelector('.timeline-more')")
    assert page.locator("#ai_assistant-transcript li").count() == LINES
    expect(count).to_have_text(found)
    after = page.evaluate("document.querySelector('mark.is-current').getBoundingClientRect().top")
    assert abs(after - before) < 3
    expect(field).to_be_focused()
    expect(field).to_have_value("cosets same")


def test_what_is_being_made_comes_and_goes_by_itself(page: Page, change: Callable[[str], None]) -> None:
    change("UPDATE ai_assistant__artifact SET state = 'summarizing', summary = NULL")
    making = page.locator("#lecture-making")
    expect(making).to_have_text("The summary is being made …")
    expect(page.locator("#ai_assistant-topics")).to_have_count(0)
    change("UPDATE ai_assistant__artifact SET state = 'done'")
    expect(making).to_have_text("")
    expect(page.locator("#ai_assistant-summary-state")).to_have_count(0)


def test_on_paper_are_all_lines_and_no_controls(page: Page) -> None:
    page.emulate_media(media="print")
    assert page.locator("#ai_assistant-transcript li").count() == LINES
    expect(page.locator("#ai_assistant-transcript").locator(LAST).first).to_be_visible()
    for control in ("#lecture-search", "#lecture-jump", ".nav", ".timeline-copy", ".section-head .btn"):
        for one in page.locator(control).all():
            expect(one).to_be_hidden()
    text = _printed(page)
    assert three_hours.RARE in text and "Show all" not in text and "Student 119" in text


def _printed(page: Page) -> str:
    import pypdfium2

    document = pypdfium2.PdfDocument(page.pdf(format="A4"))
    assert 30 < len(document) < 110
    return "\n".join(one.get_textpage().get_text_range() for one in document).replace("\r\n", " ")


def test_attendance_is_downloaded_as_csv(page: Page) -> None:
    with page.expect_download() as coming:
        page.locator("#participants").get_by_role("link", name="Download “Participants” as CSV").click()
    assert coming.value.suggested_filename == f"{three_hours.TITLE} – Participants.csv"
    text = coming.value.path().read_text("utf-8-sig")
    assert text.startswith("Name,Joined,Left,Present") and "Zoë Quast" in text


def test_the_list_of_sections_leads_there_at_a_desk_and_on_a_phone(page: Page) -> None:
    # By role, the names of three thousand links would be worked out.
    jump = page.locator("#lecture-jump")
    jump.get_by_role("link", name="Participants", exact=True).click()
    assert is_seen(page, "#participants h2")
    until(page, "document.querySelector('.lecture-jump a[aria-current]')?.textContent === 'Participants'")
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".jump-toggle").click()
    expect(jump).to_be_visible()
    jump.get_by_role("link", name="Chat", exact=True).click()
    expect(jump).to_be_hidden()
    until(page, "Math.abs(document.getElementById('chat-messages').getBoundingClientRect().top - 80) < 60")


def test_what_is_jumped_to_stands_below_the_bar_while_a_search_is_in_use(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("searchbox").fill("kernel")
    expect(page.locator(".search-count")).to_contain_text("1 of ")
    page.locator(".jump-toggle").click()
    page.locator("#lecture-jump").get_by_role("link", name="Participants", exact=True).click()
    until(page, "document.getElementById('participants').getBoundingClientRect().top < innerHeight / 2")
    assert page.evaluate(
        "document.querySelector('#participants h2').getBoundingClientRect().top"
        " >= document.querySelector('.lecture-bar').getBoundingClientRect().bottom"
    )


def test_a_name_stands_where_its_words_begin_from_the_left_and_from_the_right(
    host: Person, address: str, change: Callable[[str], None]
) -> None:
    change(
        "DELETE FROM ai_assistant__line; DELETE FROM chat__message WHERE client_id NOT IN ('c0', 'c1', 'c2');"
        "UPDATE chat__message SET text = 'Good morning.', author_name = 'سلمى حداد' WHERE client_id = 'c0';"
        "UPDATE chat__message SET text = 'صباح الخير', author_name = 'Emmy' WHERE client_id = 'c1';"
        "UPDATE chat__message SET text = 'صباح النور', author_name = 'سلمى حداد' WHERE client_id = 'c2'"
    )
    page = host.page
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(address)
        expect(page.locator("#chat-messages li")).to_have_count(3)
        page.locator("#chat-messages li").first.scroll_into_view_if_needed()
        for side, (name, words) in zip(("left", "right", "right"), page.evaluate(SIDES), strict=True):
            assert abs(name[side] - words[side]) < 3, (width, side, name, words)
    assert host.complaints == []


def test_long_words_break_and_short_ones_stay_whole(
    host: Person, address: str, change: Callable[[str], None]
) -> None:
    change("UPDATE lecture SET title = repeat('Gruppen', 17)")
    page = host.page
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        for path in ("/rename", "/delete", "/share", "/exports", ""):
            page.goto(f"{address}{path}")
            assert not scrolls_sideways(page) and page.evaluate(FAULTS) == [], (width, path)
        assert page.evaluate(TORN) == []
    assert host.complaints == []


def test_without_a_script_everything_is_one_link_away(
    host: Person, address: str, site: str, person: Callable[..., Person]
) -> None:
    plain = person(java_script_enabled=False)
    plain.context.add_cookies(host.context.cookies())
    plain.page.goto(address)
    expect(plain.page.locator("#ai_assistant-transcript li")).to_have_count(FIRST_LINES)
    expect(plain.page.get_by_role("searchbox")).to_be_hidden()
    plain.page.get_by_role("link", name="Show all 2000 lines").click()
    expect(plain.page.locator("#ai_assistant-transcript li")).to_have_count(LINES, timeout=30_000)
