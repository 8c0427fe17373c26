"""The worker dies in the middle of an export: another one takes it up, and there is one result."""

from __future__ import annotations

import time

import psycopg2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.hall import Host
from tests.fixtures.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
# A worker that says nothing for half a minute counts as dead.
TAKEN_UP = 120_000
STATES = """SELECT state, count(*) FROM export JOIN lecture ON lecture.id = lecture_id
    WHERE lecture.public_id = %s GROUP BY state"""
FILES = """SELECT count(*) FROM stored_file AS f JOIN lecture ON lecture.id = f.lecture_id
    WHERE lecture.public_id = %s AND f.plugin = 'exports'"""


def kill_in_the_middle(product: Product, lecture: str) -> None:
    """As soon as the job has begun; what it started dies with it."""
    deadline = time.monotonic() + 60
    with psycopg2.connect(product.database) as connection, connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(STATES, (lecture,))
            if cursor.fetchall() == [("working", 1)]:
                product.kill("core.cli", "jobs", family=True)
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
    kill_in_the_middle(product, lecture)
    entries = page.locator("#exports li")
    expect(entries.get_by_role("link", name="Download")).to_be_visible(timeout=TAKEN_UP)
    expect(entries).to_have_count(1)
    with psycopg2.connect(product.database) as connection, connection.cursor() as cursor:
        cursor.execute(STATES, (lecture,))
        assert cursor.fetchall() == [("done", 1)]
        cursor.execute(FILES, (lecture,))
        assert cursor.fetchone() == (1,)
