"""Order in the room, as host and guest see it on the real server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import hall
from tests.browser.hall import Host, Room
from tests.fixtures.browser import Person, axe, scrolls_sideways, until

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA = "Ada Lovelace"


@pytest.fixture
def room(host: Host) -> Room:
    made = host.make_room("Order")
    host.start(made)
    hall.enter(host.page, made.link)
    return made


def open_order(page: Page) -> None:
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

    ada.page.goto(room.link)
    hall.press_join(ada.page)
    expect(ada.page.get_by_text("A host has banned you from this room.")).to_be_visible()

    open_order(host.page)
    host.page.set_viewport_size({"width": 390, "height": 844})
    hall.shot(host.page, "order-panel-390")
    assert axe(host.page) == [] and not scrolls_sideways(host.page)
    host.page.set_viewport_size({"width": 1280, "height": 800})
    host.page.get_by_role("button", name=f"Lift the ban of {ADA}").click()
    expect(host.page.get_by_text("Nobody is banned from this room.")).to_be_visible()
    hall.enter(ada.page, room.link)
