"""Files on the real server, on the local folder and on S3: handed round, cut on their way, and kept afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Download, Locator, Page, expect

from tests.browser import hall
from tests.browser.hall import Host, Room
from tests.browser.test_looks import look
from tests.fixtures.browser import DEADLINE, Person, until
from tests.fixtures.product import Product
from tests.fixtures.s3 import S3Server

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA, ALAN = "Ada Lovelace", "Alan Turing"
LARGE_MB = 200
# So slow that there is a middle to cut.
BYTES_A_SECOND = 25_000_000
PLUGINS = ["chat", "export_markdown", "files", "lobby", "moderation", "pin", "storage_s3", "webinar"]
# Where a drop or a paste would bring files from elsewhere.
TRANSFER = """([name, type, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name, {type}));
  return transfer;
}"""
PASTE = """transfer => document.body.dispatchEvent(
  new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true, cancelable: true}))"""


@pytest.fixture(scope="module", params=["local", "s3"])
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product with its files in the local folder, and another one with them on S3."""
    folder = tmp_path_factory.mktemp(f"product-{request.param}")
    made = Product(folder / "instance")
    if request.param == "s3":
        use_s3(made, request.getfixturevalue("s3_server"), folder / "audimax.toml")
    made.start()
    yield made
    made.stop()


def use_s3(product: Product, server: Any, config: Path) -> None:
    """Let the product keep its files there, and the server let the product's pages send them."""
    from plugins.storage_s3 import health
    from plugins.storage_s3.settings import Settings
    from plugins.storage_s3.storage import S3Storage

    S3Storage(Settings(**server.settings)).add_cors_rule(health.cors_rule(product.url))
    lines = [f"{name} = {json.dumps(value)}" for name, value in server.settings.items()]
    head = ['file_storage = "s3"', f"enabled_plugins = {json.dumps(PLUGINS)}", "[plugins.storage_s3]"]
    config.write_text("\n".join([*head, *lines]))
    product.environment["AUDIMAX_CONFIG"] = str(config)


@pytest.fixture
def lecture(host: Host) -> Room:
    made = host.make_room("Rings and fields")
    host.start(made)
    hall.enter(host.page, made.link)
    return made


def open_files(page: Page) -> Locator:
    """The panel, opened by its key."""
    expect(page.get_by_role("button", name=re.compile("^Files"))).to_be_visible()
    page.keyboard.press("u")
    panel = page.get_by_role("complementary", name="Files")
    expect(panel).to_be_visible()
    return panel


def row(panel: Locator, name: str) -> Locator:
    """A shared file."""
    return panel.locator(".files-row").filter(has_text=name)


def send(panel: Locator, files: Any) -> None:
    panel.get_by_label("Choose files").and_(panel.locator("input")).set_input_files(files)


def fetch(person: Person, link: Locator, name: str, content: bytes) -> None:
    """As people do: the file comes, and the page stays."""
    got: list[Download] = []

    def listen(tab: Page) -> None:
        # Playwright marks its listeners, and a method of a list can't be marked.
        tab.on("download", lambda *one: got.extend(one))

    # Of a link that opens another tab the download belongs to whichever tab Playwright knew first.
    listen(person.page)
    person.page.context.on("page", listen)
    link.click(no_wait_after=True)
    end = time.monotonic() + DEADLINE
    while not got and time.monotonic() < end:
        person.page.wait_for_timeout(100)
    assert got, f"{name} never came"
    assert got[0].suggested_filename == name
    assert Path(got[0].path()).read_bytes() == content
    assert person.page.evaluate("window.audimax.room.state") == "connected"


def file_of(name: str, content: bytes, mime: str) -> dict[str, Any]:
    return {"name": name, "mimeType": mime, "buffer": content}


def picture() -> bytes:
    from PIL import Image

    made = BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(made, "PNG")
    return made.getvalue()


def test_files_go_round_by_picker_drop_and_paste_and_stay_on_the_lecture_page(
    host: Host, lecture: Room, visitor: Callable[..., Person]
) -> None:
    panel = open_files(host.page)
    expect(panel.get_by_text("Nothing is shared yet.")).to_be_visible()
    look(host.page, "files-empty")
    send(
        panel,
        [file_of("Board.png", picture(), "image/png"), file_of("Lies.png", b"%PDF-1.7\n" * 9, "image/png")],
    )
    expect(row(panel, "Board.png").get_by_role("link", name="Download Board.png")).to_be_visible()
    refused = panel.locator(".upload[data-state=failed]")
    expect(refused.get_by_role("alert")).to_contain_text("The name says PNG, the content is a PDF document.")
    expect(row(panel, "Board.png").locator("img")).to_be_visible()
    until(host.page, "document.querySelector('.files-row img')?.naturalWidth > 0", "the preview is drawn")

    dropped = host.page.evaluate_handle(TRANSFER, ["Notes.txt", "text/plain", "First principles"])
    panel.locator(".files-panel").dispatch_event("dragover", {"dataTransfer": dropped})
    expect(panel.get_by_text("Drop them: they are uploaded at once.")).to_be_visible()
    panel.locator(".files-panel").dispatch_event("drop", {"dataTransfer": dropped})
    expect(row(panel, "Notes.txt")).to_be_visible()
    host.page.evaluate(PASTE, host.page.evaluate_handle(TRANSFER, ["Pasted.csv", "text/csv", "a,b\n1,2\n"]))
    expect(row(panel, "Pasted.csv")).to_be_visible()
    look(host.page, "files-panel")
    refused.get_by_role("button", name="Take Lies.png off the list").click()
    expect(panel.locator(".files-row")).to_have_count(3)

    ada = visitor()
    hall.enter(ada.page, lecture.link, ADA)
    expect(ada.page.get_by_role("button", name=re.compile("^Files")).locator(".ctl-badge")).to_have_text("3")
    theirs = open_files(ada.page)
    expect(theirs.locator(".files-row")).to_have_count(3)
    expect(theirs.get_by_role("button", name="Choose files")).to_have_count(0)
    fetch(ada, theirs.get_by_role("link", name="Download Notes.txt"), "Notes.txt", b"First principles")

    switch = panel.get_by_role("switch", name="Everybody may share files")
    switch.click()
    expect(switch).to_be_checked()
    expect(theirs.get_by_role("button", name="Choose files")).to_be_visible()
    send(theirs, [file_of("Homework.txt", b"QED", "text/plain")])
    expect(row(panel, "Homework.txt")).to_contain_text(ADA)
    row(panel, "Homework.txt").get_by_role("button", name="Delete Homework.txt").click()
    host.page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(row(panel, "Homework.txt")).to_have_count(0)
    expect(row(theirs, "Homework.txt")).to_have_count(0)
    assert host.page.evaluate("document.activeElement.id") == "files-shared"

    address = host.page.evaluate("window.audimax.host.admission.lecture_id")
    host.end(lecture)
    host.page.goto(f"{host.product.url}/lectures/{address}")
    part = host.page.locator("#files-shared")
    expect(part.get_by_role("listitem")).to_have_count(3)
    expect(part.get_by_role("link", name="Download Board.png")).to_be_visible()
    until(host.page, "document.querySelector('#files-shared img')?.naturalWidth > 0", "the preview is drawn")
    look(host.page, "files-lecture-page")


@pytest.fixture
def large(tmp_path: Path) -> tuple[Path, str]:
    """A file with chance in it, and the hash of its bytes."""
    made, seen = tmp_path / "Recording.zip", hashlib.sha256()
    with made.open("wb") as file:
        for n in range(LARGE_MB):
            piece = (b"PK\3\4" if n == 0 else b"") + os.urandom(1_000_000)
            file.write(piece)
            seen.update(piece)
    return made, seen.hexdigest()


class Line:
    """The network of one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)

    def be(self, *, cut: bool) -> None:
        facts = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": BYTES_A_SECOND}
        self.session.send("Network.emulateNetworkConditions", {"offline": cut, **facts})

    def sent(self, share: float) -> None:
        """Until so much of the upload has left."""
        script = f"(p => p && p.value / p.max > {share})(document.querySelector('.upload progress'))"
        try:
            until(self.page, script, f"{share:.0%} are sent")
        except AssertionError as error:
            said = self.page.locator(".files-panel").inner_text()
            raise AssertionError(f"{error}; the panel says:\n{said}") from error


def hash_of(host: Host, address: str) -> str:
    """Of the bytes that come down, piece by piece: the browser would hand them over in one message."""
    cookies = {one["name"]: one["value"] for one in host.person.context.cookies()}
    found = hashlib.sha256()
    session = requests.Session()
    session.trust_env = False
    session.cookies.update(cookies)
    with session.get(host.product.url + address, stream=True, timeout=120) as answer:
        answer.raise_for_status()
        for piece in answer.iter_content(1_000_000):
            found.update(piece)
    return found.hexdigest()


def test_a_large_file_outlives_a_cut_line_and_a_server_that_dies_and_comes_down_bit_for_bit(
    host: Host, lecture: Room, large: tuple[Path, str], request: pytest.FixtureRequest
) -> None:
    path, digest = large
    panel, line = open_files(host.page), Line(host.page)
    line.be(cut=False)
    send(panel, path)
    words = panel.locator(".upload-words")
    line.sent(0.2)
    line.be(cut=True)
    expect(words).to_contain_text(re.compile("The connection is lost|The file storage can’t be reached"))
    hall.shot(host.page, "files-cut")
    line.be(cut=False)
    line.sent(0.5)
    if "s3" in request.node.callspec.params.values():
        server = request.getfixturevalue("s3_server")
        server.stop()
        expect(words).to_contain_text("The file storage can’t be reached from here")
        server.start()
    else:
        host.product.kill("gunicorn", "wsgi:app")
        expect(words).to_contain_text("The connection is lost")
    expect(words).to_contain_text(re.compile("MB/s|The server checks it"))
    hall.shot(host.page, "files-on-the-way")
    expect(row(panel, path.name)).to_be_visible(timeout=120_000)
    expect(panel.locator(".upload")).to_have_count(0)
    found = row(panel, path.name).get_by_role("link").first.get_attribute("href")
    assert hash_of(host, str(found)) == digest
    host.end(lecture)


@pytest.mark.parametrize("product", ["s3"], indirect=True)
def test_an_export_waits_for_a_storage_that_is_away(host: Host, lecture: Room, s3_server: S3Server) -> None:
    server, key = s3_server, host.start(lecture)
    host.end(lecture)
    page = host.page
    page.goto(f"{host.product.url}/lectures/{key}/exports")
    server.stop()
    page.get_by_role("radio", name="Markdown").check()
    page.get_by_role("button", name="Export").click()
    entry = page.locator("#exports li")
    expect(entry).to_have_attribute("data-state", "working")
    # Nothing half made is offered, and other pages don't mind.
    expect(entry.get_by_role("link", name="Download")).to_have_count(0)
    assert host.person.context.request.get(f"{host.product.url}/lectures/{key}").ok
    hall.shot(page, "exports-waiting-for-storage")
    server.start()
    expect(entry.get_by_role("link", name="Download")).to_be_visible(timeout=120_000)
    expect(entry).to_have_count(1)
