"""Every page of rooms and lectures in a real browser: light and dark, phone and desk."""

from __future__ import annotations

import os
import re
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.rooms import hosts
from core.rooms.models import Room
from tests.fixtures.browser import axe, scrolls_sideways, until
from tests.fixtures.product import free_ports

# SCREENS=folder keeps the pictures.
SCREENS = os.environ.get("SCREENS", "")
LONG = "Einführung in die Betriebssysteme-und-Rechnernetzwerktechnologiegrundlagen für Fortgeschrittene"


@pytest.fixture
def settings(settings):
    return {**settings, "public_url": f"http://localhost:{free_ports(1)[0]}", "institution": "Uni Example"}


@pytest.fixture
def site(app, settings):
    server = make_server("localhost", int(settings["public_url"].rpartition(":")[2]), app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield settings["public_url"]
    with app.app_context():
        app.extensions["audimax_sockets"].close()
    server.shutdown()
    thread.join()


@pytest.fixture
def world(app, ada, make_user, make_room):
    """Seven rooms, one live, one shared, lectures of last week; the ids that pages are asked with."""
    grace = make_user("grace@uni.example", name="Grace Hopper")
    kept = [
        make_room(ada, title) for title in ("Algorithms II", "Operating Systems lab", LONG, "Thesis seminar")
    ]
    shared = make_room(grace, "Compilers")
    _key, closed, closed_code = make_room(ada, "Old room", archived_at=now())
    with app.test_request_context():
        from core.people.models import User

        hosts.add_host(db.session.get(Room, shared[0]), "ada@uni.example", db.session.get(User, grace))
        hosts.add_host(db.session.get(Room, kept[0][0]), "grace@uni.example", db.session.get(User, ada))
        room = db.session.get(Room, kept[0][0])
        room.description = "Tuesdays at nine in the big hall.\nBring paper."
        past = [_lecture(room, days=days, people=42) for days in (7, 14)]
        running = _lecture(room, days=0, people=3)
        db.session.commit()
        return {"room": kept[0], "other": kept[1], "closed": (closed, closed_code), "past": past[0].public_id,
                "live": running.public_id}  # fmt: skip


def _lecture(room, *, days, people):
    start = now() - timedelta(days=days, minutes=20)
    ended = start + timedelta(minutes=87) if days else None
    made = Lecture(
        room_id=room.id, title=room.title, started_at=start, ended_at=ended, started_by_id=room.owner_id
    )
    db.session.add(made)
    db.session.flush()
    for number in range(people):
        db.session.add(Participant(
            lecture_id=made.id, name=f"Participant {number}", first_joined_at=start, left_at=ended,
            present_since=None if ended else start, seconds_present=80 * 60 if ended else 0,
            role="guest" if number else "host",
        ))  # fmt: skip
    return made


@pytest.fixture
def host(person, app, ada, site, sign_in):
    """Ada at a browser, signed in."""
    made = person()
    cookie = sign_in(ada).get_cookie("audimax", domain="localhost")
    made.context.add_cookies([{"name": "audimax", "value": cookie.value, "url": site}])
    return made


@pytest.fixture
def looks_right(site):
    """Open a page in every size and theme; nothing may be wrong with it."""

    def check(person, name, path, before=None):
        page = person.page
        for width, height in ((1280, 860), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                page.goto(site + path)
                if before:
                    before(page)
                if SCREENS:
                    page.screenshot(path=Path(SCREENS) / f"{name}-{width}-{theme}.png", full_page=True)
                assert axe(page) == [], f"{path} {width} {theme}"
                assert not scrolls_sideways(page), f"{path} {width} {theme}"
        assert person.complaints == []

    return check


def test_what_is_wrong_with_a_page_is_found_and_named(person):
    page = person().page
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src=a><img src=b></main></html>")
    (found,) = axe(page)
    assert found.startswith("image-alt: ") and ' × 2: <img src="a">' in found
    page.locator("img").evaluate_all("all => all.forEach(one => one.remove())")
    assert axe(page) == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("dashboard", "/"),
        ("search", "/?q=nothing+like+it"),
        ("archived-list", "/?archived=1"),
        ("room", "/rooms/{room}"),
        ("room-quiet", "/rooms/{other}"),
        ("room-archived", "/rooms/{closed}"),
        ("settings", "/rooms/{room}/settings"),
        ("new", "/rooms/new"),
        ("delete", "/rooms/{room}/delete"),
        ("lectures", "/lectures"),
        ("lecture", "/lectures/{past}"),
        ("lecture-live", "/lectures/{live}"),
    ],
)
def test_pages_of_a_host(host, world, looks_right, name, path):
    ids = {k: v if isinstance(v, str) else v[1] if k != "closed" else v[0] for k, v in world.items()}
    looks_right(host, name, path.format(**ids))


@pytest.mark.parametrize(
    ("name", "path"), [("landing", "/"), ("lost", "/r/aaa-aaaa-aa"), ("closed", "/r/{closed}")]
)
def test_pages_of_a_stranger(person, world, looks_right, name, path):
    looks_right(person(), name, path.format(closed=world["closed"][1]))


def test_the_empty_dashboard_and_its_next_step(host, looks_right):
    looks_right(host, "dashboard-empty", "/")


def test_a_form_with_mistakes(host, site, looks_right):
    def send(page):
        page.get_by_label("Title").fill(" \u200b ")
        page.get_by_role("button", name="Make the room").click()
        page.get_by_text("Please type a title.").wait_for()
        assert until(page, "document.activeElement && document.activeElement.id") == "f-title"

    looks_right(host, "form-wrong", "/rooms/new", send)


def test_the_settings_of_plugins(host, world, looks_right, add_plugin):
    add_plugin()

    def switch_on(page):
        page.get_by_role("switch", name="Waiting room").check()
        page.get_by_label("How many may wait").wait_for()

    looks_right(host, "settings-plugin", f"/rooms/{world['room'][1]}/settings", switch_on)


def test_the_question_before_deleting(host, world, looks_right):
    def ask(page):
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("dialog").wait_for()

    looks_right(host, "delete-dialog", f"/rooms/{world['room'][1]}", ask)


def test_a_host_makes_a_room_invites_and_sees_it_go_live(app, host, site):
    page = host.page
    page.goto(site)
    page.get_by_role("link", name="Make a room").click()
    page.get_by_label("Title").fill("Graph theory")
    page.get_by_role("button", name="Make the room").click()
    page.get_by_role("heading", name="Graph theory").wait_for()
    link = page.get_by_label("Link", exact=True).input_value()
    assert re.fullmatch(re.escape(site) + r"/r/[a-z]{3}-[a-z]{4}-[a-z]{2}", link)
    page.get_by_role("img", name="QR code of the link").wait_for()
    page.get_by_role("link", name="Dashboard").click()
    page.get_by_text("Not live").wait_for()
    with app.test_request_context():
        room = db.session.query(Room).one()
        _lecture(room, days=0, people=2)
        hosts.tell_hosts(room.id)
        db.session.commit()
    page.get_by_role("heading", name="Graph theory", level=2).wait_for()
    page.get_by_role("link", name="Join Graph theory").wait_for()
    assert page.get_by_text("2 people").first.is_visible()
    assert host.complaints == []
