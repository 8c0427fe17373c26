"""A LiveKit by URL and key, without gate and webhooks: a whole lecture, and somebody who keeps an old token."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable, Iterator

import pytest
import requests
from livekit import api
from playwright.sync_api import expect

from tests.browser import hall
from tests.browser.hall import Host
from tests.browser.speaking import agent_is_there, room_with_captions
from tests.browser.test_chat import line, open_chat, write
from tests.browser.test_looks import look
from tests.browser.test_recording import record, recorded_more
from tests.fixtures.browser import Person, until
from tests.fixtures.livekit import Attendee, MediaServer
from tests.fixtures.livekit import until as until_so
from tests.fixtures.product import Product
from tests.fixtures.ungated import hosted

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA, MALLORY = "Ada Lovelace", "Mallory"
KEY, SECRET = "hosted-test", secrets.token_urlsafe(48)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaServer]:
    made = hosted(tmp_path_factory.mktemp("hosted"), KEY, SECRET)
    yield made
    made.kill()


@pytest.fixture(scope="module")
def product(media: MediaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that knows that LiveKit by its address and key, and nothing else of it."""
    made = Product(
        tmp_path_factory.mktemp("product") / "instance",
        AUDIMAX_GATED="no",
        AUDIMAX_LIVEKIT_API_URL=media.url,
        AUDIMAX_LIVEKIT_KEY=KEY,
        AUDIMAX_LIVEKIT_SECRET=SECRET,
        AUDIMAX_PLUGINS__RECORDING__NOTICE_SECONDS="2",
    )
    made.start()
    yield made
    made.stop()


def kept_token(lecture: str, identity: str) -> str:
    """As LiveKit hands them out to whoever is connected: good for ten minutes, with every right."""
    grants = api.VideoGrants(room_join=True, room=lecture)
    return (
        api.AccessToken(KEY, SECRET).with_identity(identity).with_name(MALLORY).with_grants(grants).to_jwt()
    )


def is_here(page: Host | Person, name: str) -> str:
    return f"[...window.audimax.room.remoteParticipants.values()].some(p => p.name === {name!r})"


def test_a_whole_lecture_and_who_is_removed_stays_out(
    product: Product, media: MediaServer, host: Host, visitor: Callable[..., Person]
) -> None:
    room = room_with_captions(host, "By URL and key")
    lecture = host.start(room)
    ada = visitor()
    hall.enter(host.page, room.link)
    hall.open_room(ada.page, room.link, ADA)
    hall.press_join(ada.page)
    hall.is_inside(ada.page)
    hall.sees_and_hears(host.page, ADA)
    agent_is_there(ada.page)

    for page in (host.page, ada.page):
        open_chat(page)
    write(ada.page, "Can you hear me?")
    expect(line(host.page, "Can you hear me?")).to_be_visible()

    record(host.page)
    expect(ada.page.get_by_text(re.compile("This lecture is recorded")).first).to_be_visible()
    recorded_more(host, room.id, 3)

    mute = f"/api/rooms/{room.id}/moderation/people/{hall.identity(ada.page)}/take"
    assert host.ask("POST", mute, microphone=False, reason="").ok
    until(ada.page, "!window.audimax.room.localParticipant.isMicrophoneEnabled", "Ada is mute")

    answer = requests.post(
        f"{product.url}/api/rooms/{room.id}/join",
        json={"name": MALLORY},
        headers={"Origin": product.url},
        timeout=60,
    ).json()
    assert answer["livekit_url"] == media.url.replace("http", "ws")
    mallory = Attendee(answer["livekit_url"], answer["token"]).connect()
    until(host.page, is_here(host, MALLORY), "Mallory is there")
    host.page.get_by_role("button", name="People").click()
    host.page.get_by_role("button", name=f"Actions for {MALLORY}").click()
    host.page.get_by_role("button", name="Ban …").click()
    dialog = host.page.get_by_role("dialog", name=f"Ban {MALLORY}?")
    expect(dialog).to_contain_text("it can take some seconds until they stay out")
    look(host.page, "ungated-ban")
    dialog.get_by_role("button", name="Ban", exact=True).click()
    until_so(lambda: not mallory.is_in)

    for _time in range(3):
        again = Attendee(answer["livekit_url"], kept_token(lecture, answer["identity"]))
        with contextlib.suppress(Exception):
            again.connect(20)
        until_so(lambda again=again: not again.is_in, what="Mallory is out again")
        again.leave()
    until(host.page, f"!{is_here(host, MALLORY)}", "Mallory is gone")

    host.end(room)
    expect(ada.page.get_by_text("The lecture has ended")).to_be_visible()
    page = host.page
    page.goto(f"{product.url}/lectures/{lecture}")
    for name in (hall.NAME, ADA, MALLORY):
        expect(page.get_by_role("main")).to_contain_text(name)
    expect(page.get_by_role("main")).to_contain_text("Can you hear me?")
    expect(page.locator("#recording-film video")).to_be_visible()
    page.goto(f"{product.url}/admin/health")
    expect(page.get_by_text("whoever is removed is out within seconds, not at once")).to_be_visible()
    look(page, "ungated-health")
