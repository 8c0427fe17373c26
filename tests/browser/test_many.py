"""A hall of five hundred on one page, and what hosts and guests do in it on the real server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import hall
from tests.browser.hall import Host, Room
from tests.browser.test_looks import look
from tests.fixtures.browser import Person, until

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA, KAY = "Ada Lovelace", "Kay Long"
MANY = 500

# How long the page is busy with somebody who begins to talk: the longest of twenty changes of speaker.
SLOWEST_TURN = """async () => {
  let slowest = 0;
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  for (let i = 0; i < 20; i++) {
    window.sim.talk(`simulated-${20 * i + 40}`);
    for (const end = performance.now() + 260; performance.now() < end;) {
      const before = performance.now();
      await frame();
      slowest = Math.max(slowest, performance.now() - before);
    }
  }
  return slowest;
}"""


def with_many(page: Page, link: str) -> None:
    """Follow the link into a pretended room: the server's page, with 499 others that no server knows."""

    def pretend(route: Route) -> None:
        answer = route.fetch()
        body = re.sub(r'("plugins": )', rf'"sim": {MANY}, \1', answer.text(), count=1)
        route.fulfill(response=answer, body=body)

    page.route("**/r/*", pretend)
    page.goto(link)
    hall.press_join(page)
    until(page, "window.sim !== undefined", "the pretended room")
    page.unroute("**/r/*")


@pytest.fixture
def room(host: Host) -> Room:
    made = host.make_room("The largest lecture")
    host.start(made)
    return made


def people(page: Page) -> Any:
    return page.get_by_role("complementary", name="People")


def test_five_hundred_people_cost_no_more_than_those_in_sight(host: Host, room: Room) -> None:
    page = host.page
    with_many(page, room.link)
    expect(page.get_by_role("list", name="People and screens").get_by_role("listitem")).to_have_count(25)
    page.get_by_role("button", name=re.compile("^People")).click()
    expect(people(page).get_by_text(f"{MANY} people")).to_be_visible()
    rows = people(page).get_by_role("listitem")
    assert rows.count() < 40
    assert rows.nth(1).get_attribute("aria-setsize") == str(MANY)
    expect(rows.nth(1)).to_contain_text("host")

    slowest = page.evaluate(SLOWEST_TURN)
    nodes = page.evaluate("document.querySelectorAll('*').length")
    hall.SHOTS.mkdir(parents=True, exist_ok=True)
    figures = {"people": MANY, "dom_nodes": nodes, "slowest_frame_ms": round(slowest)}
    (hall.SHOTS / "many.json").write_text(json.dumps(figures), "utf-8")
    assert nodes < 2000 and slowest < 500

    page.evaluate("sim.talk('simulated-300', 'simulated-301', 'simulated-302', 'simulated-303')")
    expect(page.locator('.tile[data-identity="simulated-303"]')).to_be_visible()
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_text(re.compile("^Talking: .+ and 1 more$"))).to_be_visible()
    expect(rows.nth(2)).to_contain_text(re.compile(" 30[0-3]"))
    look(page, "many-people")

    people(page).get_by_label("Search people").fill("knuth 42")
    expect(rows).not_to_have_count(0)
    expect(rows.first).to_contain_text("Donald Knuth 42")
    people(page).get_by_label("Search people").fill("nobody at all")
    expect(people(page).get_by_text(f"0 of {MANY} people")).to_be_visible()
    people(page).get_by_label("Search people").fill("")

    people(page).get_by_label("Order of the list").select_option("name")
    people(page).get_by_role("button", name=re.compile("^Actions for")).first.focus()
    page.keyboard.press("End")
    expect(rows.last).to_have_attribute("aria-posinset", str(MANY))
    expect(rows.last.get_by_role("button", name=re.compile("^Actions for"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(rows.last.get_by_role("button", name="Ban …")).to_be_visible()
    hall.shot(page, "many-people-menu")
    page.keyboard.press("Escape")


def test_only_cameras_of_this_page_are_received(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    ada, kay = visitor(), visitor(viewport={"width": 390, "height": 300})
    hall.enter(host.page, room.link)
    hall.enter(ada.page, room.link, ADA)
    hall.enter(kay.page, room.link, KAY)
    expect(kay.page.get_by_text("1 of 2")).to_be_visible()
    hall.sees_and_hears(kay.page, hall.NAME)
    unseen = f"[...audimax.room.remoteParticipants.values()].find(p => p.name === {ADA!r})"
    wanted = f"[...({unseen}).trackPublications.values()].map(t => [t.source, t.isDesired])"
    until(kay.page, f"({unseen}).trackPublications.size === 2", "Ada sends")
    assert sorted(kay.page.evaluate(wanted)) == [["camera", False], ["microphone", True]]
    until(kay.page, f"({hall.RECEIVED})().then(r => r[{ADA!r}].energy > 0)", "Ada is heard all the same")
    assert kay.page.evaluate(hall.RECEIVED)[ADA]["frames"] == 0
    look(kay.page, "many-page")
    kay.page.set_viewport_size({"width": 390, "height": 300})
    kay.page.get_by_role("button", name="Next page").click()
    hall.sees_and_hears(kay.page, ADA)


def test_a_host_changes_the_rooms_settings_inside_the_call(
    host: Host, room: Room, visitor: Callable[..., Person]
) -> None:
    ada = visitor()
    page = host.page
    hall.enter(page, room.link)
    hall.enter(ada.page, room.link, ADA)
    expect(page.get_by_text(f"{ADA} has joined.")).to_be_visible()
    until(ada.page, "audimax.room.localParticipant.permissions.canPublishSources.length === 4")

    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Room settings").click()
    dialog = page.get_by_role("dialog", name="Room settings")
    expect(dialog.get_by_role("switch", name="Order in the room")).to_be_checked()
    look(page, "room-settings")
    dialog.get_by_label("Who may share the screen").select_option("hosts")
    page.keyboard.press("Escape")
    expect(dialog.get_by_role("alert")).to_contain_text("aren’t saved yet")
    hall.shot(page, "room-settings-unsaved")
    page.route("**/api/rooms/*", lambda route: route.abort())
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("The server can’t be reached")).to_be_visible()
    page.unroute("**/api/rooms/*")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("The room’s settings are saved.")).to_be_visible()
    expect(page.get_by_role("button", name="More", exact=True)).to_be_focused()
    expect(ada.page.get_by_role("button", name="Share your screen")).to_be_disabled()
    ada.page.get_by_role("button", name="More", exact=True).click()
    expect(ada.page.get_by_role("button", name="Room settings")).to_have_count(0)

    order = page.get_by_role("button", name="Order", exact=True)
    expect(order).to_be_visible()
    for shown in (0, 1):
        page.get_by_role("button", name="More", exact=True).click()
        page.get_by_role("button", name="Room settings").click()
        dialog.get_by_role("switch", name="Order in the room").click()
        dialog.get_by_role("button", name="Save").click()
        expect(order).to_have_count(shown)


def test_the_space_bar_talks_while_it_is_held(host: Host, room: Room, visitor: Callable[..., Person]) -> None:
    ada = visitor()
    hall.enter(host.page, room.link)
    ada.page.goto(room.link)
    ada.page.get_by_label("Your name").fill(ADA)
    ada.page.get_by_role("button", name="Turn microphone off").click()
    hall.press_join(ada.page)
    hall.is_inside(ada.page)
    expect(ada.page.get_by_role("group", name="Call controls")).to_be_visible()

    ada.page.keyboard.down(" ")
    expect(ada.page.get_by_text("You can be heard while you hold down the space bar")).to_be_visible()
    hall.shot(ada.page, "push-to-talk")
    hall.sees_and_hears(host.page, ADA)
    ada.page.keyboard.up(" ")
    expect(ada.page.get_by_text("You can be heard")).to_be_hidden()
    until(ada.page, "!audimax.room.localParticipant.isMicrophoneEnabled")
    is_muted = (
        f"[...audimax.room.remoteParticipants.values()].find(p => p.name === {ADA!r}).isMicrophoneEnabled"
    )
    until(host.page, f"!{is_muted}", "muted for the others too")

    ada.page.keyboard.down(" ")
    until(host.page, is_muted, "heard at once")
    ada.page.keyboard.up(" ")
    ada.page.get_by_role("button", name="Turn microphone on").click()
    expect(ada.page.get_by_role("button", name="Turn microphone off")).to_be_visible()
    ada.page.keyboard.press(" ")
    assert ada.page.evaluate("audimax.room.localParticipant.isMicrophoneEnabled")

    ada.page.keyboard.press("?")
    expect(ada.page.get_by_text("Talk while you hold it down")).to_be_visible()
    look(ada.page, "many-shortcuts")
