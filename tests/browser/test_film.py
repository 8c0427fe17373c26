"""A film on the lecture's page, as people watch it: play, seek, read along, and come back to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page, Route, expect
from werkzeug.serving import make_server

from core.bus import notify
from core.contracts import (
    Facts,
    FileEntry,
    Film,
    FilmGap,
    FilmSpan,
    Line,
    Prose,
    Section,
    Thumbnails,
    Timeline,
)
from core.db import db, now
from core.files import storages
from core.files.models import State, StoredFile
from core.lectures.models import Lecture
from core.text import clock
from tests.browser.test_looks import look
from tests.fixtures import films
from tests.fixtures.browser import Person, until
from tests.fixtures.product import free_ports

pytestmark = pytest.mark.browser
# The film has the lecture from 0:10 to 0:50, and from 2:00 to 2:50.
LENGTH, SPANS = 90, (FilmSpan(0, 40, 10), FilmSpan(40, 90, 120))
EVERY, SECONDS_A_LINE, LINES = 5, 2, 90
# Where the film is, in its own seconds.
AT = "document.querySelector('video').currentTime"
PLAYS = f"!document.querySelector('video').paused && {AT}"
SAID = (
    "Good morning, everybody. Let us begin where we stopped last week.",
    "A group is a set with one operation, and we ask three things of it.",
    "Think of the symmetries of a square: four rotations and four reflections.",
)


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    address = f"http://localhost:{free_ports(1)[0]}"
    return {**settings, "public_url": address, "institution": "Uni Example"}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def site(app: Flask, settings: dict[str, Any]) -> Iterator[str]:
    server = make_server("localhost", int(settings["public_url"].rpartition(":")[2]), app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield settings["public_url"]
    app.extensions["audimax_lecture_streams"].close()
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def recorded() -> bytes:
    return films.webm(LENGTH)


@pytest.fixture
def owner(make_user: Any) -> int:
    return int(make_user("emmy@uni.example", name="Emmy Noether"))


@pytest.fixture
def lecture(app: Flask, owner: int, make_room: Any) -> Lecture:
    """It has just ended."""
    room = make_room(owner, title="Abstract algebra")[0]
    with app.app_context():
        made = Lecture(room_id=room, title="Groups and their symmetries", started_by_id=owner,
                       started_at=now() - timedelta(minutes=3), ended_at=now())  # fmt: skip
        db.session.add(made)
        db.session.commit()
        db.session.refresh(made)
        db.session.expunge(made)
        return made


@pytest.fixture
def keep(app: Flask, lecture: Lecture) -> Callable[[str, str, bytes], FileEntry]:
    """``keep(name, mime, content)``: a file of the lecture in the local folder."""

    def store(name: str, mime: str, content: bytes) -> FileEntry:
        with app.app_context():
            stored = StoredFile(
                plugin="film", storage="local", name=name, extension=name.rpartition(".")[2], mime=mime,
                size=len(content), state=State.READY.value, room_id=lecture.room_id, lecture_id=lecture.id,
                uploader_name="", in_use=True, ready_at=now(),
            )  # fmt: skip
            db.session.add(stored)
            db.session.commit()
            storages.named("local").save(stored.key, BytesIO(content), mime)
            return FileEntry(name, mime, len(content), f"/files/{stored.public_id}")

    return store


@pytest.fixture
def film(keep: Callable[[str, str, bytes], FileEntry], recorded: bytes) -> Film:
    picture, count = films.sprite(LENGTH, EVERY, 5)
    sprite = keep("pictures.webp", "image/webp", picture)
    words = keep("captions.vtt", "text/vtt", films.captions(LENGTH, EVERY))
    return Film(
        "film", "Recording", order=5, note="Recorded from 0:10 on, with a break.",
        files=(keep("Groups and their symmetries.webm", "video/webm", recorded),),
        spans=SPANS, gaps=(FilmGap(40, 70),),
        chapters=((0, films.TITLES[0]), (30, films.TITLES[1]), (60, films.TITLES[2])),
        captions=words.url, language="en", length=LENGTH,
        thumbnails=Thumbnails(sprite.url, *films.SMALL, 5, EVERY, count),
    )  # fmt: skip


@pytest.fixture
def given(film: Film, add_guard: Callable[..., None]) -> list[Section]:
    """What the page shows; a test may change it."""
    lines = tuple(
        Line(number * SECONDS_A_LINE, "Emmy Noether" if number % 9 else "Ada Lovelace", SAID[number % 3])
        for number in range(LINES)
    )
    sections: list[Section] = [
        film,
        Prose("summary", "Summary", order=10, paragraphs=("Symmetries of a square are a group.",)),
        Facts("topics", "Key topics", order=11, facts=((f"{clock(30)} Groups", "What is asked of one."),)),
        Timeline("transcript", "Transcript", order=40, lines=lines),
    ]
    add_guard("film", lecture_sections=lambda: list(sections))
    return sections


@pytest.fixture
def host(
    app: Flask, person: Callable[..., Person], site: str, given: list[Section], owner: int, sign_in: Any
) -> Person:
    made = person()
    cookie = sign_in(owner).get_cookie("audimax", domain="localhost")
    made.context.add_cookies([{"name": "audimax", "value": cookie.value, "url": site}])
    return made


@pytest.fixture
def address(site: str, lecture: Lecture) -> str:
    return f"{site}/lectures/{lecture.public_id}"


@pytest.fixture
def page(host: Person, address: str) -> Iterator[Page]:
    """The page, its film ready to be played."""
    opened(host.page, address)
    yield host.page
    assert host.complaints == []


def opened(page: Page, address: str) -> None:
    page.goto(address)
    until(page, "document.querySelector('video').readyState >= 1", "the film has come")
    until(page, f"document.querySelectorAll('ol.timeline > li').length === {LINES}", "all lines are there")


def at(page: Page, second: float, near: float = 0.6) -> None:
    until(page, f"Math.abs({AT} - {second}) < {near}", f"it is at {second}")


def test_the_player_is_right_in_every_size_and_theme(page: Page) -> None:
    look(page, "film")
    page.keyboard.press("c")
    page.keyboard.press("5")
    until(page, "document.querySelector('video').textTracks[0].activeCues?.length")
    page.get_by_role("slider", name="Place in the film").focus()
    page.keyboard.press("ArrowLeft")
    look(page, "film-place")
    page.locator(".film-chapter").click()
    look(page, "film-chapters")


def test_the_small_player_is_right_in_every_size_and_theme(page: Page) -> None:
    page.evaluate("location.hash = '#t=2:30'")
    at(page, 70)
    expect(page.locator(".film.is-mini")).to_have_count(1)
    look(page, "film-small")


def test_it_plays_and_the_transcript_goes_with_it(page: Page) -> None:
    page.locator(".film-big").click()
    until(page, f"{PLAYS} > 1", "it plays")
    line = page.locator("ol.timeline > .is-playing")
    expect(line).to_have_attribute("aria-current", "true")
    # The file begins with the lecture's tenth second.
    until(page, "/^0:1/.test(document.querySelector('.is-playing > a').textContent)")
    page.get_by_role("button", name="Follow the transcript").click()
    expect(page.locator(".film.is-mini")).to_have_count(1)
    until(page, "document.querySelector('.is-playing').getBoundingClientRect().bottom < innerHeight")
    covered = "document.querySelector('.film-player').getBoundingClientRect().bottom"
    assert page.evaluate(f"document.querySelector('.is-playing').getBoundingClientRect().top > {covered}")
    page.mouse.wheel(0, 200)
    expect(page.get_by_role("button", name="Follow the transcript")).to_have_attribute(
        "aria-pressed", "false"
    )
    page.get_by_role("button", name="Back to the film").click()
    expect(page.locator(".film.is-mini")).to_have_count(0)


def test_an_address_with_a_moment_opens_there_and_waits(host: Person, address: str) -> None:
    page = host.page
    opened(page, f"{address}#t=2:05")
    at(page, 45)
    assert page.evaluate("document.querySelector('video').paused")
    expect(page.locator(".is-playing > a")).to_have_text("2:04")
    page.evaluate("location.hash = '#t=1:30'")
    expect(page.get_by_text("This moment was not recorded.")).to_be_visible()
    at(page, 40)
    assert host.complaints == []


def test_times_topics_and_what_is_found_lead_to_their_moment(page: Page) -> None:
    page.locator("ol.timeline").get_by_role("link", name="0:20", exact=True).click()
    at(page, 10)
    page.locator("dt").get_by_role("link", name="0:30", exact=True).click()
    at(page, 20)
    field = page.get_by_role("searchbox", name="Search in this lecture")
    field.fill("reflections")
    expect(page.locator(".search-count")).to_contain_text("of 30")
    field.press("Enter")
    found = page.locator(".timeline > .is-hit > a").inner_text()
    second = sum(int(part) * 60**power for power, part in enumerate(reversed(found.split(":"))))
    at(page, second - 10 if second < 50 else 40)
    assert page.evaluate("document.querySelector('video').paused")


def test_it_is_played_by_keys_but_not_while_somebody_types(page: Page) -> None:
    page.keyboard.press("k")
    until(page, f"{PLAYS} > 0.5")
    page.keyboard.press("k")
    assert page.evaluate("document.querySelector('video').paused")
    page.keyboard.press("0")
    page.keyboard.press("l")
    page.keyboard.press("ArrowRight")
    at(page, 15)
    page.keyboard.press(">")
    expect(page.get_by_label("Speed")).to_have_value("1.25")
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Captions")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("2")
    at(page, 18)
    words = "document.querySelector('video').textTracks[0].activeCues?.[0]?.text"
    until(page, f"{words} === 'Words of second 15.'")
    slider = page.get_by_role("slider", name="Place in the film")
    slider.focus()
    slider.press("End")
    at(page, LENGTH, 2)
    slider.press("Home")
    at(page, 0)
    expect(slider).to_have_attribute("aria-valuetext", f"0:00 of 1:30, {films.TITLES[0]}")
    page.get_by_role("searchbox").fill("kml")
    assert page.evaluate("document.querySelector('video').paused")
    at(page, 0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Full screen").click()
    until(page, "document.fullscreenElement?.matches('.film-player')")


def test_who_comes_back_is_offered_to_go_on(page: Page, address: str) -> None:
    page.keyboard.press("6")
    page.keyboard.press("k")
    until(page, f"{PLAYS} > 55")
    page.keyboard.press("k")
    opened(page, address)
    page.get_by_role("button", name="Continue at 0:5").click()
    until(page, f"{PLAYS} > 54")


def test_a_film_comes_while_the_page_is_open(
    host: Person, app: Flask, address: str, lecture: Lecture, given: list[Section], film: Film
) -> None:
    page = host.page
    given[0] = Film("film", "Recording", order=5, busy="The recording is being made …")
    page.goto(address)
    expect(page.locator(".film-none")).to_have_text("The recording is being made …")
    look(page, "film-making")
    given[0] = film
    with app.app_context():
        notify(f"lecture:{lecture.id}")
        db.session.execute(sa.select(1))
        db.session.commit()
    page.locator(".film-big").click()
    until(page, f"{PLAYS} > 0.3")
    assert host.complaints == []


def test_a_film_that_is_gone_says_so(host: Person, address: str, given: list[Section]) -> None:
    page = host.page
    gone = FileEntry("a.webm", "video/webm", 1, "/files/nothing")
    given[0] = Film("film", "Recording", order=5, files=(gone,))
    page.goto(address)
    expect(page.get_by_text("The film could not be loaded.")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    look(page, "film-gone")
    assert host.complaints == []


@pytest.mark.parametrize("late", [False, True], ids=["while it is watched", "before our script came"])
def test_a_film_that_breaks_off_goes_on_where_it_was(
    host: Person, address: str, film: Film, recorded: bytes, late: bool
) -> None:
    page, first = host.page, len(recorded) // 4
    headers = {
        "Content-Type": "video/webm",
        "Accept-Ranges": "bytes",
        "Content-Range": f"bytes 0-{first - 1}/{len(recorded)}",
    }

    def answer(route: Route) -> None:
        """Its beginning comes; then, as behind an address that is too old, nothing until it is asked for anew."""
        if "again=" in route.request.url:
            route.continue_()
        elif route.request.headers.get("range", "bytes=0-") == "bytes=0-":
            route.fulfill(status=206, headers=headers, body=recorded[:first])
        else:
            route.fulfill(status=403)

    page.route(f"**{film.files[0].url}*", answer)
    held: list[Route] = []
    if late:

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/static/**/lecture*.js", hold)
        page.goto(address, wait_until="commit")
        # The browser's own controls are there already.
        until(page, "document.querySelector('video')?.readyState >= 1", "it has come")
        video = "document.querySelector('video')"
        page.evaluate(f"{video}.currentTime = 60")
        until(page, f"{video}.error !== null", "it broke off")
        for route in held:
            route.continue_()
    else:
        opened(page, address)
    page.locator(".film-big").click()
    until(page, f"{PLAYS} > 0.5")
    page.keyboard.press("8")
    until(page, "document.querySelector('video').src.includes('again=')", "it was fetched anew")
    until(page, f"{PLAYS} > 72", "it goes on")
    expect(page.locator(".film-fault")).to_be_hidden()
