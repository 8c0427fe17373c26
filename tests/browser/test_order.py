"""Order in the room, as host and guest see it on the real server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser import hall, silence
from tests.browser.hall import Host, Room
from tests.browser.silence import Silence
from tests.fixtures.browser import Person, axe, scrolls_sideways, until
from tests.fixtures.livekit import Attendee

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA = "Ada Lovelace"


@pytest.fixture
def room(host: Host) -> Room:
    made = host.make_room("Order")
    host.start(made)
    hall.enter(host.page, made.link)
    return made


@pytest.fixture
def attend(host: Host, room: Room) -> Iterator[Callable[[str], Attendee]]:
    """``attend("Carl")``: somebody at LiveKit's Python client, who came through the door like everybody."""
    made: list[Attendee] = []

    def come(name: str) -> Attendee:
        url = f"{host.product.url}/api/rooms/{room.id}/join"
        answer = requests.post(
            url, json={"name": name}, headers={"Origin": host.product.url}, timeout=20
        ).json()
        assert answer["status"] == "admitted", answer
        made.append(Attendee(answer["livekit_url"], answer["token"]))
        return made[-1].connect()

    yield come
    for one in made:
        one.leave()


def act(host: Host, room: Room, action: str, **body: Any) -> None:
    """One call of the host, whose outcome is what matters."""
    answer = host.ask("POST", f"/api/rooms/{room.id}/moderation/{action}", **body)
    assert answer.ok, answer.text()


def assert_silent(found: Silence, streams: int) -> None:
    assert found.streams == streams, found
    assert (found.packets, found.bytes) == (0, 0), found
    assert found.last_before_return_ms > -silence.FRESH_MS, found


def open_order(page: Page) -> None:
    if page.get_by_role("button", name="Lock the room").count():
        return
    page.get_by_role("button", name="Order", exact=True).click()
    expect(page.get_by_role("button", name="Silence everybody")).to_be_visible()


def test_everybody_is_silenced_and_gets_the_floor_back(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    ada = visitor()
    hall.enter(ada.page, room.link, ADA)
    hall.sees_and_hears(host.page, ADA)
    open_order(host.page)
    host.page.get_by_role("button", name="Silence everybody").click()
    words = "You can speak again when the floor is given back."
    expect(ada.page.get_by_text(words)).to_be_visible()
    until(ada.page, "window.audimax.room.localParticipant.trackPublications.size === 0", "nothing is sent")
    expect(host.page.get_by_text("Everybody but the hosts is silenced.").first).to_be_visible()
    hall.shot(host.page, "order-panic-host")
    hall.shot(ada.page, "order-panic-guest")
    assert axe(host.page) == [] and axe(ada.page) == []

    ada.page.reload()
    hall.is_inside(ada.page)
    expect(ada.page.get_by_text(words)).to_be_visible()
    assert ada.page.evaluate("window.audimax.room.localParticipant.permissions.canPublish") is False

    host.page.get_by_role("button", name="Give the floor back").click()
    expect(ada.page.get_by_text(words)).to_be_hidden()
    until(ada.page, "window.audimax.room.localParticipant.permissions.canPublish", "may speak again")
    assert ada.page.evaluate("window.audimax.room.localParticipant.isMicrophoneEnabled") is False


def test_who_is_banned_is_out_until_the_ban_is_lifted(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    ada = visitor()
    hall.enter(ada.page, room.link, ADA)
    host.page.get_by_role("button", name="People").click()
    host.page.get_by_role("button", name=f"Actions for {ADA}").click()
    host.page.get_by_role("button", name="Ban …").click()
    dialog = host.page.get_by_role("dialog", name=f"Ban {ADA}?")
    expect(dialog.get_by_label("Reason (they read it)")).to_be_focused()
    hall.shot(host.page, "order-ban")
    assert axe(host.page) == []
    dialog.get_by_label("Reason (they read it)").fill("Shouting")
    dialog.get_by_role("button", name="Ban", exact=True).click()
    expect(dialog).to_be_hidden()
    until(ada.page, "window.audimax?.room?.state !== 'connected'", "Ada is out")

    expect(ada.page.get_by_role("heading", name="A host has banned you from this room")).to_be_visible()
    expect(ada.page.get_by_text("Their reason: “Shouting”.")).to_be_visible()
    expect(ada.page.get_by_text(f"please write to {hall.NAME}")).to_be_visible()
    expect(ada.page.get_by_role("button", name="Ask to join again")).to_be_hidden()
    hall.shot(ada.page, "order-banned-guest")
    assert axe(ada.page) == []

    ada.page.goto(room.link)
    hall.press_join(ada.page)
    expect(
        ada.page.get_by_text("A host has banned you from this room. Their reason: “Shouting”.")
    ).to_be_visible()
    hall.shot(ada.page, "order-banned-at-the-door")

    open_order(host.page)
    expect(host.page.get_by_text("Holds for this browser.")).to_be_visible()
    look_everywhere(host.page, "order-panel")
    host.page.get_by_role("button", name=f"Lift the ban of {ADA}").click()
    expect(host.page.get_by_text("Nobody is banned from this room.")).to_be_visible()
    hall.enter(ada.page, room.link)


def look_everywhere(page: Page, name: str) -> None:
    """Small and large, light and dark: nothing hides, nothing is hard to read."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width, height in ((390, 844), (1280, 800)):
            page.set_viewport_size({"width": width, "height": height})
            hall.shot(page, f"{name}-{scheme}-{width}")
            assert axe(page) == [] and not scrolls_sideways(page)
    page.emulate_media(color_scheme="light")


def test_who_is_removed_reads_why_and_may_come_back(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    ada = visitor()
    hall.enter(ada.page, room.link, ADA)
    first = hall.identity(ada.page)
    act(host, room, f"people/{first}/remove", reason="Please come back without the music")
    expect(ada.page.get_by_role("heading", name="A host has removed you")).to_be_visible()
    expect(ada.page.get_by_text("Their reason: “Please come back without the music”.")).to_be_visible()
    hall.shot(ada.page, "order-removed-guest")
    assert axe(ada.page) == []
    ada.page.get_by_role("button", name="Ask to join again").click()
    hall.is_inside(ada.page)
    assert hall.identity(ada.page) != first


def test_nothing_of_three_who_speak_is_heard_after_a_panic_nor_of_who_comes_later(
    host: Host, room: Room, visitor: Callable[..., Person], attend: Callable[[str], Attendee]
) -> None:
    ada, bob, carl = visitor(), visitor(), attend("Carl")
    hall.enter(ada.page, room.link, ADA)
    hall.enter(bob.page, room.link, "Bob")
    carl.speak()
    silence.watch(host.page)
    silence.speak(host.page, 3)
    assert_silent(silence.after(host.page, lambda: act(host, room, "panic", on=True)), streams=3)

    late = attend("Dora")
    for mute in (carl, late):
        with pytest.raises(Exception, match=r".*"):
            mute.speak()
    ada.page.reload()
    hall.is_inside(ada.page)
    second_tab = bob.context.new_page()
    hall.enter(second_tab, room.link)
    for page in (ada.page, second_tab):
        assert page.evaluate("window.audimax.room.localParticipant.permissions.canPublish") is False
    assert_silent(silence.after(host.page, lambda: None), streams=3)


def test_nothing_of_who_is_muted_is_heard_also_not_from_a_second_tab_or_after_a_reconnect(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    ada = visitor()
    hall.enter(ada.page, room.link, ADA)
    silence.watch(host.page)
    silence.speak(host.page, 1)
    taken = {"microphone": False, "reason": ""}
    mute = f"people/{hall.identity(ada.page)}/take"
    assert_silent(silence.after(host.page, lambda: act(host, room, mute, **taken)), streams=1)

    ada.page.evaluate("window.audimax.room.simulateScenario('full-reconnect')")
    until(ada.page, "window.audimax.room.state !== 'connected'", "the connection is lost")
    hall.is_inside(ada.page)
    second_tab = ada.context.new_page()
    hall.enter(second_tab, room.link)
    expect(ada.page.get_by_text("You joined in another tab")).to_be_visible()
    until(second_tab, "window.audimax.room.localParticipant.isCameraEnabled", "the picture comes")
    assert second_tab.evaluate(MAY_SPEAK) is False
    assert_silent(silence.after(host.page, lambda: None), streams=1)


MAY_SPEAK = "window.audimax.room.localParticipant.permissions.canPublishSources.includes(2)"
# livekit-client alone, without our page around it.
BARE = """async ([url, token]) => {
  const room = new window.audimax.room.constructor();
  try {
    await room.connect(url, token, {maxRetries: 0});
  } catch (error) {
    return {status: error.status ?? 0, words: String(error), people: room.remoteParticipants.size};
  }
  await room.disconnect();
  return {status: 200};
}"""


def test_who_is_banned_comes_back_by_no_way(host: Host, room: Room, visitor: Callable[..., Person]) -> None:
    ada = visitor()
    joins: list[Any] = []
    ada.page.on("response", lambda r: joins.append(r) if r.url.endswith("/join") else None)
    hall.enter(ada.page, room.link, ADA)
    first = joins[-1].json()
    refreshed = until(ada.page, REFRESHED.format(first["token"]), "LiveKit hands out a fresh token")
    silence.watch(host.page)
    silence.speak(host.page, 1)
    ban = f"people/{hall.identity(ada.page)}/ban"
    assert_silent(silence.after(host.page, lambda: act(host, room, ban, reason="Noise")), streams=1)
    expect(ada.page.get_by_role("heading", name="A host has banned you from this room")).to_be_visible()

    for token in (first["token"], refreshed):
        back = ada.page.evaluate(BARE, [first["livekit_url"], token])
        assert (back["status"], back["people"]) == (403, 0), back
    ada.page.reload()
    hall.press_join(ada.page)
    expect(ada.page.get_by_text("A host has banned you from this room.")).to_be_visible()
    act(host, room, "change-locks", reason="")
    new_link = str(host.ask("GET", f"/api/rooms/{room.id}").json()["url"])
    assert new_link != room.link
    ada.page.goto(new_link)
    hall.press_join(ada.page)
    expect(ada.page.get_by_text("A host has banned you from this room.")).to_be_visible()
    assert_silent(silence.after(host.page, lambda: None, 1), streams=1)
    hall.forgive_refused_connections(ada)
    forgive_refusals_of_livekit(ada)


REFRESHED = "window.audimax.room.engine.token !== '{0}' && window.audimax.room.engine.token"


def forgive_refusals_of_livekit(*people: Person) -> None:
    """livekit-client itself writes what it was refused."""
    for person in people:
        person.complaints[:] = [one for one in person.complaints if not re.search("403|admitted", one)]


def test_changed_locks_are_told_to_who_waits_and_the_new_link_opens(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    settings = {"moderation": {"enabled": True, "settings": {"network_waits": True}}}
    assert host.ask("PATCH", f"/api/rooms/{room.id}", plugins=settings).ok
    ada, eve = visitor(), visitor()
    hall.enter(ada.page, room.link, ADA)
    act(host, room, f"people/{hall.identity(ada.page)}/ban", reason="")
    eve.page.goto(room.link)
    eve.page.get_by_label("Your name").fill("Eve")
    hall.press_join(eve.page)
    expect(eve.page.get_by_text("The host will look who is there, and let you in.")).to_be_visible()

    open_order(host.page)
    host.page.get_by_role("button", name="Change the locks").click()
    words = "This link is no longer valid. Please ask the host for the new one."
    expect(eve.page.get_by_text(words)).to_be_visible()
    hall.shot(eve.page, "order-locks-changed")
    assert axe(eve.page) == []

    assert host.ask(
        "PATCH", f"/api/rooms/{room.id}", plugins={"moderation": {"settings": {"network_waits": False}}}
    ).ok
    hall.enter(eve.page, str(host.ask("GET", f"/api/rooms/{room.id}").json()["url"]), "")
