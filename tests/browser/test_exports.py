"""A lecture is taken out: as a PDF and an archive, by its host and by a guest."""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from tests.browser import hall
from tests.browser.hall import Host, Room
from tests.browser.test_looks import look
from tests.fixtures.browser import Person, axe

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA = "Ada Lovelace"
QUESTION = "Is zero a natural number? ∅ 空集合"
FOR_HOSTS = "Only the hosts read this."
# Points on paper, 72 of them an inch.
EDGE = 20


@pytest.fixture
def lecture(host: Host) -> tuple[Room, str]:
    room = host.make_room("Sets and maps")
    answer = host.ask("PATCH", f"/api/rooms/{room.id}", settings={"participants_read": True})
    assert answer.ok, answer.text()
    return room, host.start(room)


def export(page: Page, way: str, folder: Path) -> Path:
    """Choose, wait until it is made, and have the file."""
    page.get_by_role("radio", name=way).check()
    page.get_by_role("button", name="Export").click()
    first = page.locator("#exports li").first
    # It comes by itself: nobody loads the page again.
    expect(first.get_by_role("link", name="Download")).to_be_visible()
    with page.expect_download() as coming:
        first.get_by_role("link", name="Download").click()
    target = folder / coming.value.suggested_filename
    coming.value.save_as(target)
    return target


def words(pdf: Path) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def assert_drawn(pdf: Path) -> None:
    """Every page as a picture: something is on it, and nothing runs into its edges."""
    hall.SHOTS.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pypdfium2.PdfDocument(pdf), 1):
        picture = page.render(scale=1).to_pil().convert("L")
        picture.save(hall.SHOTS / f"export-page-{number}.png")
        drawn = picture.point(lambda light: 255 if light < 160 else 0)
        left, top, right, bottom = drawn.getbbox() or (0, 0, 0, 0)
        assert left > EDGE and top > EDGE, f"page {number}"
        assert 0 < right < picture.width - EDGE and 0 < bottom < picture.height - EDGE, f"page {number}"
        assert 0.0002 < drawn.histogram()[255] / (picture.width * picture.height) < 0.3, f"page {number}"


def write(person: Person, room: Room, text: str, to: str = "everyone") -> None:
    body = {"client_id": str(uuid.uuid4()), "text": text, "to": to}
    headers = {"Origin": room.link.rpartition("/r/")[0]}
    answer = person.context.request.post(
        f"{headers['Origin']}/api/rooms/{room.id}/chat/messages", data=body, headers=headers
    )
    assert answer.ok, answer.text()


def test_an_export_is_called_off_before_its_turn_made_again_and_forgotten(
    host: Host, lecture: tuple[Room, str]
) -> None:
    room, key = lecture
    host.end(room)
    page: Any = host.page
    page.goto(f"{host.product.url}/lectures/{key}/exports")
    first = page.locator("#exports li").first
    with host.product.without("core.cli", "jobs"):
        # On a phone the form is longer than the window: what was asked for is shown all the same.
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_role("radio", name="PDF").check()
        page.get_by_role("button", name="Export").click()
        expect(first.get_by_text("It waits for its turn.")).to_be_in_viewport()
        look(page, "exports-waiting")
        first.get_by_role("button", name="Cancel").click()
        expect(first.get_by_text("Called off.")).to_be_visible()
        look(page, "exports-called-off")
        first.get_by_role("button", name="Make it again").click()
        expect(first.get_by_text("It waits for its turn.")).to_be_visible()
    expect(first.get_by_role("link", name="Download")).to_be_visible(timeout=120_000)
    first.get_by_role("button", name="Remove from the list").click()
    expect(page.locator("#exports li")).to_have_count(0)
    expect(page.get_by_role("heading", name="Your exports")).to_be_hidden()
    hall.assert_no_complaints(host.person)


def test_a_lecture_is_exported_by_its_host_and_by_a_guest_who_gets_no_line_for_hosts(
    host: Host, visitor: Callable[..., Person], lecture: tuple[Room, str], tmp_path: Path
) -> None:
    room, key = lecture
    ada = visitor()
    hall.enter(ada.page, room.link, ADA)
    write(ada, room, QUESTION)
    hall.enter(host.page, room.link)
    write(host.person, room, FOR_HOSTS, "hosts")
    host.end(room)
    page: Any = host.page
    page.goto(f"{host.product.url}/lectures/{key}")
    page.get_by_role("link", name="Export").click()
    look(page, "exports-empty")
    made = export(page, "PDF", tmp_path)
    assert_drawn(made)
    text = words(made)
    assert all(part in text for part in ("Sets and maps", "Contents", QUESTION, FOR_HOSTS, ADA))
    with zipfile.ZipFile(export(page, "Everything in one archive", tmp_path)) as archive:
        assert {"lecture.md", "lecture.json", "participants.csv"} <= set(archive.namelist())
        assert FOR_HOSTS in archive.read("lecture.md").decode()
    look(page, "exports-made")
    assert axe(page) == []

    mine = ada.page
    mine.goto(f"{host.product.url}/lectures/{key}")
    mine.get_by_role("link", name="Export").click()
    expect(mine.get_by_role("heading", name="Your exports")).to_be_hidden()
    text = words(export(mine, "PDF", tmp_path))
    assert QUESTION in text and FOR_HOSTS not in text

    vtt = export(mine, "Subtitles", tmp_path).read_text()
    assert vtt.startswith("WEBVTT\n") and f"<v {ADA}>{QUESTION}" in vtt
    mine.get_by_role("radio", name="Subtitles").check()
    mine.get_by_label("Form", exact=True).select_option("SubRip (SRT)")
    srt = export(mine, "Subtitles", tmp_path)
    assert srt.suffix == ".srt" and srt.read_text().startswith("1\n00:00:")
    assert f"{ADA}: {QUESTION}" in srt.read_text() and FOR_HOSTS not in srt.read_text()

    for box in mine.locator("input[name=section]").all():
        box.uncheck()
    mine.get_by_role("button", name="Export").click()
    expect(mine.get_by_role("alert")).to_contain_text("Choose at least one section")
