"""What may happen in the middle of an export: the worker dies, the lecture is deleted."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.hall import Host
from tests.browser.test_looks import look
from tests.fixtures.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
# A worker that was killed is missed within seconds; one that says nothing, after half a minute.
TAKEN_UP = 120_000
STATES = """SELECT state, count(*) FROM export JOIN lecture ON lecture.id = lecture_id
    WHERE lecture.public_id = %s GROUP BY state"""
FILES = """SELECT count(*) FROM stored_file AS f JOIN lecture ON lecture.id = f.lecture_id
    WHERE lecture.public_id = %s AND f.plugin = 'exports'"""


def in_the_middle(product: Product, lecture: str, act: Callable[[], object]) -> None:
    """Act as soon as the job has begun."""
    deadline = time.monotonic() + 60
    with psycopg2.connect(product.database) as connection, connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(STATES, (lecture,))
            if cursor.fetchall() == [("working", 1)]:
                act()
                return
            connection.rollback()
    raise AssertionError("no export was begun")


def test_a_worker_that_is_killed_leaves_one_result(host: Host, product: Product) -> None:
    room = host.make_room("Killed")
    lecture = host.start(room)
    host.end(room)
    page: Page = host.page
    page.goto(f"{host.product.url}/lectures/{lecture}/exports")
    page.get_by_role("radio", name="PDF").check()
    page.get_by_role("button", name="Export").click()
    # What it started dies with it.
    in_the_middle(product, lecture, lambda: product.kill("core.cli", "jobs", family=True))
    entries = page.locator("#exports li")
    expect(entries.get_by_role("link", name="Download")).to_be_visible(timeout=TAKEN_UP)
    expect(entries).to_have_count(1)
    with psycopg2.connect(product.database) as connection, connection.cursor() as cursor:
        cursor.execute(STATES, (lecture,))
        assert cursor.fetchall() == [("done", 1)]
        cursor.execute(FILES, (lecture,))
        assert cursor.fetchone() == (1,)


def test_a_lecture_that_is_deleted_meanwhile_is_never_handed_out(host: Host, product: Product) -> None:
    room = host.make_room("Deleted")
    lecture = host.start(room)
    host.end(room)
    page, address = host.page, f"{product.url}/lectures/{lecture}"
    page.goto(f"{address}/exports")
    page.get_by_role("radio", name="PDF").check()
    page.get_by_role("button", name="Export").click()
    entry = page.locator("#exports li")
    expect(entry).to_have_count(1)
    download = entry.locator("form").first.get_attribute("action")
    delete = f"{address}/delete"
    origin = {"Origin": product.url}
    in_the_middle(product, lecture, lambda: host.person.context.request.post(delete, headers=origin))
    # Nobody loads the page again: it says so by itself.
    expect(page.get_by_text("There is no such lecture. It may have been deleted.")).to_be_visible()
    made = f"{product.url}{str(download).rpartition('/')[0]}/file"
    assert host.person.context.request.get(made).status == 404
    look(page, "exports-deleted")
    with psycopg2.connect(product.database) as connection, connection.cursor() as cursor:
        cursor.execute(FILES, (lecture,))
        assert cursor.fetchone() in ((0,), (1,)), "at most what was made before; it goes with the lecture"
