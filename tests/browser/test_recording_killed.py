"""Recorder, web, LiveKit and storage killed in turn while a lecture is recorded: the film plays, gaps are marked."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from playwright.sync_api import Browser, expect

from tests.browser import hall
from tests.browser.conftest import arrive
from tests.browser.hall import Host, Room
from tests.fixtures.browser import until
from tests.fixtures.product import Product
from tests.fixtures.s3 import S3Server

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
RECOVERED = 240.0
KILLED = {
    "recorder": ("plugins.recording.worker",),
    "web": ("gunicorn",),
    "livekit": ("livekit.yaml",),
}
SO_FAR = """async room => {
  const answer = await fetch(`/api/rooms/${room}/recording/state`).catch(() => null);
  return answer?.ok ? await answer.json() : {seconds: -1, status: 'unknown'};
}"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, storage: S3Server) -> Iterator[Product]:
    """A product of this file's own: others shall not meet its dead."""
    folder: Path = tmp_path_factory.mktemp("killed")
    lines = [f"{name} = {json.dumps(value)}" for name, value in storage.settings.items()]
    head = ['file_storage = "s3"', 'enabled_plugins = ["recording", "storage_s3"]', "[plugins.storage_s3]"]
    (folder / "audimax.toml").write_text("\n".join([*head, *lines]))
    made = Product(folder / "instance", AUDIMAX_CONFIG=str(folder / "audimax.toml")).start()
    yield made
    made.stop()


def goes_on(host: Host, room: Room, what: str, more: float = 5) -> float:
    """Until so many more seconds are recorded; the seconds that it took."""
    begun = time.monotonic()
    before = host.page.evaluate(SO_FAR, room.id)["seconds"]
    until(
        host.page,
        f"({SO_FAR})({room.id!r}).then(now => now.status === 'recording' && now.seconds >= {before + more})",
        f"more is recorded after {what}",
        RECOVERED,
    )
    return time.monotonic() - begun


def test_whatever_dies_the_film_plays_and_says_what_is_missing(
    product: Product, storage: S3Server, host: Host, chromium: Browser
) -> None:
    room = host.make_room("Nothing is lost")
    lecture = host.start(room)
    # Her console may complain: what it talks to is killed.
    emmy = arrive(chromium)
    emmy.context.add_cookies(host.person.context.cookies())
    hall.enter(emmy.page, room.link)
    host.page.goto(product.url)
    assert host.ask("POST", f"/api/rooms/{room.id}/recording/start", queue=False).ok
    goes_on(host, room, "the start", 12)
    for name, words in KILLED.items():
        product.kill(*words, family=name == "recorder")
        # A person in the room must be there again too, for LiveKit ends a room that nobody is in.
        print(f"\n{name} killed: more is recorded after {goes_on(host, room, name):.1f} s")
    storage.stop()
    goes_on(host, room, "the storage was stopped", 15)
    storage.start()
    goes_on(host, room, "the storage was back", 3)
    recorded = host.page.evaluate(SO_FAR, room.id)["seconds"]

    host.end(room)
    page = host.page
    page.goto(f"{product.url}/lectures/{lecture}")
    expect(page.locator("#recording-film video")).to_be_visible(timeout=RECOVERED * 1000)
    page.locator("#recording-film .film-big").click()
    until(page, "document.querySelector('video').currentTime > 0.5", "it plays, from the storage")
    told = json.loads(page.locator("#recording-film .film").get_attribute("data-film") or "")
    print(f"recorded {recorded:.1f} s, in the film {told['length']:.1f} s, gaps {told['gaps']}")
    # Of the recorder that died, and of a connection that was lost, what hadn't been handed over is missing.
    assert recorded - 30 <= told["length"] <= recorded + 10
    assert told["gaps"], "what is missing is marked"
    address = page.get_by_role("link", name="Download Nothing is lost").first.get_attribute("href")
    body = page.context.request.get(f"{product.url}{address}").body()
    with av.open(io.BytesIO(body)) as film:
        assert (film.duration or 0) / 1e6 == pytest.approx(told["length"], abs=0.2)
        assert sum(1 for _ in film.decode(audio=0)) > 100
    emmy.context.close()
