"""Retention as an administrator sees it, and what hosts read of it, without a fault that axe knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from core.db import db, now
from core.files import stored as files
from core.lectures.models import Lecture
from core.retention import runs
from core.rooms import codes
from core.rooms.models import Room
from tests.browser.test_looks import look
from tests.fixtures.browser import Person
from tests.fixtures.product import free_ports
from tests.fixtures.serving import at_port

pytestmark = [pytest.mark.browser]


@pytest.fixture
def house(settings: dict[str, Any], make_app: Any) -> Iterator[Flask]:
    """A served app that keeps files for ninety days."""
    port = free_ports(1)[0]
    settings["public_url"] = f"http://localhost:{port}"
    app = make_app("files", "chat", keep_files_days=90, keep_chat_days=30)
    with at_port(app, port):
        yield app


@pytest.fixture
def lectures(house: Flask, make_user: Any) -> tuple[int, list[str], str]:
    """An administrator's room with a lecture of long ago and a young one, each with a file."""
    key = make_user("grace@uni.example", name="Grace Hopper", is_admin=True)
    with house.app_context():
        room = Room(title="Algorithms II", owner_id=key, code=codes.new_code())
        db.session.add(room)
        db.session.flush()
        made = [with_file(room, days) for days in (200, 10)]
        db.session.commit()
        return key, [lecture.public_id for lecture in made], room.public_id


def with_file(room: Room, days: int) -> Lecture:
    ended = now() - timedelta(days=days)
    made = Lecture(
        room_id=room.id,
        title="Sorting",
        started_at=ended - timedelta(hours=1),
        ended_at=ended,
        closed_at=ended,
    )
    db.session.add(made)
    db.session.flush()
    files.keep(made, "files", name="Slides.txt", body=b"abc", mime="text/plain")
    return made


@pytest.fixture
def open_page(
    house: Flask, app: Flask, lectures: Any, sign_in: Any, person: Callable[..., Person]
) -> Callable[..., Page]:
    """``open_page("de-DE")``: an administrator's browser."""

    def open_one(locale: str) -> Page:
        url = house.extensions["audimax_config"].public_url
        cookies = sign_in(lectures[0])._cookies.values()
        page = person(locale=locale).page
        page.context.add_cookies([{"name": one.key, "value": one.value, "url": url} for one in cookies])
        page.goto(f"{url}/admin/retention")
        return page

    return open_one


def test_an_administrator_looks_deletes_and_reads_the_report(
    house: Flask, lectures: tuple[int, list[str], str], open_page: Any
) -> None:
    url, (_key, (old, young), room) = house.extensions["audimax_config"].public_url, lectures
    page = open_page("en-US")
    expect(page.get_by_role("link", name="Delete now …")).to_be_visible()
    page.get_by_text("By room").click()
    look(page, "retention")
    page.get_by_role("link", name="Delete now …").click()
    look(page, "retention-ask")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("heading", name="Report of a run")).to_be_visible()
    with house.app_context():
        begun = runs.waiting()
        assert begun is not None
        runs.work_off(begun.id)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("1 lecture, 1 entry").first).to_be_visible()
    look(page, "retention-report")
    page.goto(f"{url}/admin/retention")
    expect(page.get_by_text("Nothing is due.")).to_be_visible()
    page.goto(f"{url}/lectures/{old}")
    expect(page.get_by_text("because this institution keeps them for 90 days")).to_be_visible()
    look(page, "retention-lecture-gone")
    page.goto(f"{url}/lectures/{young}")
    page.get_by_text("content of this lecture is deleted").click()
    look(page, "retention-lecture-going")
    page.goto(f"{url}/rooms/{room}/settings")
    expect(page.get_by_text("Files: 90")).to_be_visible()
    look(page, "retention-room")


def test_the_page_speaks_german(open_page: Any) -> None:
    page = open_page("de-DE")
    expect(page.get_by_role("heading", name="Aufbewahrung")).to_be_visible()
    page.get_by_text("Nach Räumen").click()
    look(page, "retention-de")
