"""A host puts a lecture into their Google Drive, and is asked again when the consent was taken back."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import hall
from tests.browser.hall import Host, Room
from tests.browser.test_exports import words, write
from tests.browser.test_looks import look
from tests.fixtures.browser import axe
from tests.fixtures.google import CLIENT_ID, CLIENT_SECRET, Fault, Google, running
from tests.fixtures.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
PLUGINS = "chat,export_gdrive,export_markdown,export_pdf,files"
QUESTION = "Is zero a natural number? ∅ 空集合"
SHEET = b"Exercise 1. Prove it.\n" * 300_000


@pytest.fixture(scope="module")
def google() -> Iterator[Google]:
    """Google, on this machine."""
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def product(google: Google, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that knows that Google, and is known there."""
    own = {
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "GOOGLE_URL": google.url,
    }
    made = Product(
        tmp_path_factory.mktemp("product") / "instance",
        AUDIMAX_ENABLED_PLUGINS=PLUGINS,
        OAUTHLIB_INSECURE_TRANSPORT="1",
        NO_PROXY="127.0.0.1,localhost",
        **{f"AUDIMAX_PLUGINS__EXPORT_GDRIVE__{name}": value for name, value in own.items()},
    )
    google.redirect_uris.add(f"{made.url}/plugins/export_gdrive/callback")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def lecture(host: Host) -> str:
    """A lecture that is over, with a question and a file; its id."""
    room = host.make_room("Sets and maps")
    key = host.start(room)
    hall.enter(host.page, room.link)
    write(host.person, room, QUESTION)
    share(host, room, "sheet.txt", SHEET)
    host.end(room)
    return key


def share(host: Host, room: Room, name: str, content: bytes) -> None:
    plan = host.ask(
        "POST", f"/api/rooms/{room.id}/files/shares", name=name, size=len(content), mime="text/plain"
    )
    assert plan.ok, plan.text()
    path = f"{host.product.url}/api/uploads/{plan.json()['id']}"
    headers = {"Origin": host.product.url, "Content-Type": "application/offset+octet-stream"}
    for start in range(0, len(content), 900_000):
        sent = host.person.context.request.patch(
            path, data=content[start : start + 900_000], headers={**headers, "Upload-Offset": str(start)}
        )
        assert sent.status == 204, sent.text()
    assert host.ask("POST", f"/api/uploads/{plan.json()['id']}/complete").ok


def choose_drive(page: Page) -> None:
    page.get_by_role("radio", name="Google Drive").check()


def test_a_lecture_goes_into_the_hosts_drive_and_a_consent_that_was_taken_back_is_asked_for_again(
    host: Host, google: Google, lecture: str, tmp_path: Path
) -> None:
    page: Any = host.page
    page.goto(f"{host.product.url}/lectures/{lecture}/exports")
    choose_drive(page)
    look(page, "drive-not-connected")
    page.get_by_role("link", name="Connect Google Drive").click()
    look(page, "drive-connect")
    page.get_by_role("button", name="Connect Google Drive").click()

    expect(page.get_by_role("heading", name="Audimax wants to access your Google Account")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(1)
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_text("Your Google Drive is connected.")).to_be_visible()
    assert page.url == f"{host.product.url}/lectures/{lecture}/exports"
    choose_drive(page)
    look(page, "drive-connected")
    page.get_by_role("button", name="Export").click()
    link = page.locator("#exports li").first.get_by_role("link", name="Open in Google Drive")
    expect(link).to_be_visible()
    look(page, "drive-done")

    [(room, lectures)] = google.tree().items()
    [(folder, files)] = lectures.items()
    assert room == "Sets and maps" and folder.endswith(" Sets and maps")
    assert link.get_attribute("href") == f"https://drive.google.com/drive/folders/{google.entry(folder).id}"
    kinds = {Path(name).suffix: content for name, content in files.items()}
    assert set(kinds) == {".pdf", ".md", ".txt"} and kinds[".txt"] == SHEET
    assert QUESTION in kinds[".md"].decode()
    (tmp_path / "lecture.pdf").write_bytes(kinds[".pdf"])
    assert QUESTION in words(tmp_path / "lecture.pdf")

    google.take_back()
    choose_drive(page)
    page.get_by_role("button", name="Export").click()
    first = page.locator("#exports li").first
    expect(first.get_by_text("Connect Google Drive again.")).to_be_visible()
    expect(first.get_by_role("link", name="Connect Google Drive again")).to_be_visible()
    look(page, "drive-taken-back")
    first.get_by_role("link", name="Connect Google Drive again").click()
    expect(page.get_by_role("heading", name="The connection is broken")).to_be_visible()
    look(page, "drive-broken")
    page.get_by_role("button", name="Connect again").click()
    page.get_by_role("button", name="Continue").click()
    page.locator("#exports li").first.get_by_role("button", name="Try again").click()
    expect(page.locator("#exports li").first.get_by_role("link", name="Open in Google Drive")).to_be_visible()
    assert len(google.tree()["Sets and maps"]) == 1

    disconnect(host)
    assert all(grant.is_revoked for grant in google.grants)
    assert axe(page) == []


def connect(page: Page) -> None:
    page.get_by_role("radio", name="Google Drive").check()
    page.get_by_role("link", name="Connect Google Drive").click()
    page.get_by_role("button", name="Connect Google Drive").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Your Google Drive is connected.")).to_be_visible()


def disconnect(host: Host) -> None:
    page: Any = host.page
    page.goto(f"{host.product.url}/plugins/export_gdrive/")
    look(page, "drive-page")
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("Your Google Drive is disconnected.")).to_be_visible()


def test_a_full_drive_is_said_and_what_is_on_its_way_can_be_called_off_and_made_again(
    host: Host, google: Google, lecture: str
) -> None:
    page: Any = host.page
    page.goto(f"{host.product.url}/lectures/{lecture}/exports")
    connect(page)
    google.quota = 1_000_000
    choose_drive(page)
    page.get_by_role("button", name="Export").click()
    first = page.locator("#exports li").first
    expect(first.get_by_role("button", name="Try again")).to_be_visible()
    expect(first.locator(".error")).to_contain_text("Your Google Drive is full.")
    look(page, "drive-full")

    # There is room now, but Google is down: it is tried again and again.
    google.quota = None
    google.faults.append(Fault("PUT", "/upload/", status=503, times=1000))
    first.get_by_role("button", name="Try again").click()
    expect(first.get_by_text("It is being made …")).to_be_visible()
    look(page, "drive-working")
    first.get_by_role("button", name="Cancel").click()
    expect(first.get_by_text("Called off.")).to_be_visible()
    look(page, "drive-called-off")
    google.faults.clear()
    first.get_by_role("button", name="Make it again").click()
    link = first.get_by_role("link", name="Open in Google Drive")
    expect(link).to_be_visible()
    folder = google.files[str(link.get_attribute("href")).rpartition("/")[2]]
    assert SHEET in google.tree(folder.id).values()
    assert len(google.tree(folder.parents[0])) == 1, "what was begun before is gone on with"
    disconnect(host)
    hall.assert_no_complaints(host.person)


def test_who_says_no_at_google_comes_back_with_nothing(host: Host, google: Google) -> None:
    page: Any = host.page
    page.goto(f"{host.product.url}/plugins/export_gdrive/")
    page.get_by_role("button", name="Connect Google Drive").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("You didn’t allow it, so nothing was connected.")).to_be_visible()
    look(page, "drive-refused")
    hall.assert_no_complaints(host.person)
