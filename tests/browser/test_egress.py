"""A recording by LiveKit Egress: its API is a stand-in, its browser, LiveKit and the bucket are real."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import av
import pytest
import requests
from playwright.sync_api import Browser, Page, Playwright, expect

from core.run.livekit_server import PROGRAM, LiveKitServer, stop_server
from tests.browser import hall
from tests.browser.conftest import arrive
from tests.browser.hall import Host, Room
from tests.browser.test_recording import in_panel, record, sign
from tests.fixtures.browser import Person, axe, launch, small_camera, until
from tests.fixtures.egress import EgressServer, Job, Status, egress_server, little_film
from tests.fixtures.product import Product, free_ports
from tests.fixtures.s3 import S3Server

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA = "Ada Lovelace"
INSIDE = "web.test"
# The room of the page isn't told to anybody: what it shows and plays is.
HEARD = "[...document.querySelectorAll('.scene-sounds audio')].map(one => one.dataset.identity).sort()"
SEEN = """(() => {
  const video = document.querySelector('.scene-picture');
  return video.hidden || !video.videoWidth ? null : [video.dataset.source, video.dataset.identity];
})()"""
FILM_SECONDS = 2.0


@pytest.fixture(scope="module")
def egress(storage: S3Server) -> Iterator[EgressServer]:
    """The egress API before a LiveKit that ``product`` starts."""
    with egress_server("egress-test", secrets.token_urlsafe(48)) as made:
        made.film = lambda _seconds: little_film(FILM_SECONDS)
        yield made


@pytest.fixture(scope="module")
def product(
    storage: S3Server, egress: EgressServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """A product whose LiveKit is behind the egress API, and whose files are in the bucket."""
    own = {**storage.settings, "public_endpoint": storage.url}
    made = Product(
        tmp_path_factory.mktemp("product") / "instance",
        AUDIMAX_ENABLED_PLUGINS="chat,recording,storage_s3",
        AUDIMAX_FILE_STORAGE="s3",
        AUDIMAX_LIVEKIT_API_URL=egress.url,
        AUDIMAX_LIVEKIT_KEY=egress.key,
        AUDIMAX_LIVEKIT_SECRET=egress.secret,
        AUDIMAX_PLUGINS__RECORDING__ENGINE="egress",
        AUDIMAX_PLUGINS__RECORDING__NOTICE_SECONDS="2",
        **{f"AUDIMAX_PLUGINS__STORAGE_S3__{name.upper()}": value for name, value in own.items()},
    )
    # Egress reaches us by another name, and without https, where browsers keep back what they have.
    made.environment["AUDIMAX_PLUGINS__RECORDING__WEB_URL"] = made.url.replace("localhost", INSIDE)
    made.environment["AUDIMAX_TRUSTED_HOSTS"] = INSIDE
    hook = f"{made.url}/api/livekit/webhook"

    def deliver(body: bytes, token: str) -> None:
        headers = {"Authorization": token, "Content-Type": "application/webhook+json"}
        requests.post(hook, data=body, headers=headers, timeout=60).raise_for_status()

    http, tcp, udp = free_ports(3)
    folder = tmp_path_factory.mktemp("livekit")
    server = LiveKitServer(folder, egress.key, egress.secret, http, tcp, udp, webhook_url=hook)
    egress.livekit, egress.deliver = server.url, deliver
    process = server.start(PROGRAM.fetch())
    made.start()
    yield made
    made.stop()
    stop_server(process)


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A browser that knows our other name."""
    made = launch(playwright, small_camera(), f"--host-resolver-rules=MAP {INSIDE} 127.0.0.1")
    yield made
    made.close()


@pytest.fixture
def browser_of_egress(chromium: Browser) -> Iterator[Page]:
    """An empty page. What LiveKit's client says at the end of a connection is no complaint of ours."""
    person = arrive(chromium, viewport={"width": 1280, "height": 720})
    yield person.page
    person.context.close()
    raised = [one for one in person.complaints if one.startswith("error:")]
    assert not raised + [one for one in person.complaints if "Content Security Policy" in one]


class Recorder:
    """The browser of an egress."""

    def __init__(self, egress: EgressServer, job: Job, page: Page) -> None:
        self.egress, self.job, self.page = egress, job, page
        self.said: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.goto(egress.page(job, egress.livekit.replace("http", "ws")))

    def wait_for(self, word: str) -> None:
        for _ in range(600):
            if word in self.said:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"never said {word}: {self.said}, {self.page.inner_html('main')}")

    def begin(self) -> None:
        """Until the page gives its sign, which Egress follows."""
        self.wait_for("START_RECORDING")
        self.egress.begin(self.job)

    def shows(self, source: str, identity: str) -> None:
        until(self.page, f"JSON.stringify({SEEN}) === JSON.stringify({[source, identity]!r})", f"{source}")

    def hears(self, *identities: str) -> None:
        until(
            self.page, f"JSON.stringify({HEARD}) === JSON.stringify({sorted(identities)!r})", f"{identities}"
        )


def choose(page: Page, room: Room, recorded: bool) -> None:
    """For oneself, as the room's panel does."""
    script = """async ([room, recorded]) => (await fetch(`/api/rooms/${room}/recording/me`, {
      method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({recorded})})).ok"""
    assert page.evaluate(script, [room.id, recorded])


def asked(egress: EgressServer, page: Page, number: int) -> Job:
    """That egress, once it is asked for."""
    for _ in range(600):
        if len(egress.jobs) >= number:
            return egress.jobs[number - 1]
        page.wait_for_timeout(100)
    raise AssertionError(f"egress {number} was never asked for")


def test_egress_records_who_is_in_the_recording_and_nobody_else(
    product: Product,
    egress: EgressServer,
    host: Host,
    visitor: Callable[..., Person],
    browser_of_egress: Page,
) -> None:
    room = host.make_room("Waves and tides")
    lecture = host.start(room)
    ada = visitor()
    hall.enter(host.page, room.link)
    hall.enter(ada.page, room.link, ADA)
    emmy, guest = hall.identity(host.page), hall.identity(ada.page)
    choose(ada.page, room, False)

    record(host.page)
    first = Recorder(egress, asked(egress, host.page, 1), browser_of_egress)
    assert first.page.evaluate("[location.hostname, isSecureContext]") == [INSIDE, False]
    # It may lie behind the camera already.
    expect(first.page.get_by_role("heading", name="Waves and tides", include_hidden=True)).to_have_count(1)
    first.begin()
    first.shows("camera", emmy)
    first.hears(emmy)
    assert axe(first.page) == []
    hall.shot(first.page, "egress-scene")
    for page in (host.page, ada.page):
        expect(sign(page, re.compile(r"^Recording( · .*)?$"))).to_be_visible()

    choose(ada.page, room, True)
    first.hears(emmy, guest)
    choose(ada.page, room, False)
    first.hears(emmy)
    host.page.get_by_role("button", name="Share your screen").click()
    first.shows("screen", emmy)

    in_panel(host.page, "Pause")
    first.wait_for("END_RECORDING")
    assert first.page.evaluate(f"[{HEARD}.length, {SEEN}]") == [0, None]
    expect(sign(ada.page, "Recording paused")).to_be_visible()
    assert first.job.info.status == Status.EGRESS_ENDING
    egress.finish(first.job, seconds=FILM_SECONDS)

    in_panel(host.page, "Go on recording")
    second = Recorder(egress, asked(egress, host.page, 2), first.page)
    second.begin()
    second.shows("screen", emmy)
    host.end(room)
    second.wait_for("END_RECORDING")
    egress.finish(second.job, seconds=FILM_SECONDS)
    plays(product, host, lecture)


def plays(product: Product, host: Host, lecture: str) -> None:
    """The film of both is on the lecture's page, and can be sought in."""
    page = host.page
    page.goto(f"{product.url}/lectures/{lecture}")
    video: Any = page.locator("#recording-film video")
    expect(video).to_be_visible()
    page.locator("#recording-film .film-big").click()
    until(page, "document.querySelector('video').currentTime > 0.3", "it plays")
    until(page, "document.querySelector('video').duration > 3.5", "both are in it")
    address = str(video.get_attribute("src"))
    body = page.context.request.get(product.url + address).body()
    with av.open(io.BytesIO(body)) as film:
        assert [one.codec_context.name for one in film.streams] == ["h264", "aac"]
    assert axe(page) == []


def test_a_room_without_pictures_shows_its_title(
    egress: EgressServer, host: Host, visitor: Callable[..., Person], browser_of_egress: Page
) -> None:
    room = host.make_room("Nothing to see <yet>")
    host.start(room)
    ada = visitor()
    hall.enter(ada.page, room.link, ADA)
    before = len(egress.jobs)
    assert host.ask("POST", f"/api/rooms/{room.id}/recording/start", queue=False).ok
    scene = Recorder(egress, asked(egress, ada.page, before + 1), browser_of_egress)
    scene.begin()
    guest = hall.identity(ada.page)
    scene.hears(guest)
    # A guest's camera is in no recording here.
    expect(scene.page.get_by_role("heading", name="Nothing to see <yet>")).to_be_visible()
    assert axe(scene.page) == []
    hall.shot(scene.page, "egress-title")
    host.end(room)
    scene.wait_for("END_RECORDING")
