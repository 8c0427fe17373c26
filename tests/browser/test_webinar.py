"""A webinar on the real server: from the raised hand to the sound that arrives, and back to silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import hall
from tests.browser.hall import Host, Room
from tests.browser.test_looks import look
from tests.fixtures.browser import Person, axe, until

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA, ALAN = "Ada Lovelace", "Alan Turing"
MAY = "window.audimax.room.localParticipant.permissions.canPublish"
SENDS = "window.audimax.room.localParticipant.trackPublications.size"
HEARS = "window.audimax.room.localParticipant.isMicrophoneEnabled"
# All audio packets that this tab has received so far, of whatever track.
PACKETS = """async () => {
  const {subscriber, publisher} = window.audimax.room.engine.pcManager;
  let sum = 0;
  for (const pc of [subscriber, publisher])
    for (const s of (await pc?.getStats())?.values() ?? [])
      if (s.type === 'inbound-rtp' && s.kind === 'audio') sum += s.packetsReceived ?? 0;
  return sum;
}"""
# Whether nothing arrived during a second and a half.
SILENT = f"""async () => {{
  const before = await ({PACKETS})();
  await new Promise(done => setTimeout(done, 1500));
  return (await ({PACKETS})()) <= before;
}}"""

# All that floats over the stage from now on.
NOTE_FLOATS = """() => {
  window.floated = [];
  const note = () => window.floated.push(...[...document.querySelectorAll('.webinar-float')].map(one => one.textContent));
  new MutationObserver(note).observe(document.body, {childList: true, subtree: true});
}"""


def switch(host: Host, room: Room, on: bool) -> None:
    """As the room's form does."""
    plugins = {"webinar": {"enabled": True, "settings": {"webinar_mode": on}}}
    answer = host.ask("PATCH", f"/api/rooms/{room.id}", plugins=plugins)
    assert answer.ok, answer.text()


@pytest.fixture
def webinar(host: Host) -> Room:
    made = host.make_room("Algorithms for everybody")
    switch(host, made, True)
    host.start(made)
    hall.enter(host.page, made.link)
    return made


def hears(page: Page, name: str) -> None:
    """Until sound of that person arrives."""
    script = f"({hall.RECEIVED})().then(r => r[{name!r}]?.energy ?? 0)"
    first = page.evaluate(script)
    until(page, f"{script}.then(now => now > {first} + 0.0001)", f"{name} is heard")


def open_hands(page: Page) -> None:
    page.get_by_role("button", name="Hands").click()
    expect(page.get_by_role("heading", name="Raised hands")).to_be_visible()


def test_a_hand_the_floor_the_sound_that_arrives_and_silence_again(
    host: Host, webinar: Room, visitor: Callable[..., Person]
) -> None:
    ada = visitor()
    hall.enter(ada.page, webinar.link, ADA)
    expect(ada.page.get_by_text("Webinar: you listen and watch.")).to_be_visible()
    assert ada.page.evaluate(MAY) is False
    assert ada.page.evaluate(SENDS) == 0
    ada.page.get_by_role("button", name="Turn microphone on").click(force=True)
    expect(ada.page.get_by_text("In this webinar guests listen and watch.")).to_be_visible()
    assert ada.page.evaluate(HEARS) is False
    look(ada.page, "webinar-guest")

    ada.page.keyboard.press("h")
    expect(ada.page.get_by_text("Your hand is raised: number 1 in the queue.").first).to_be_visible()
    open_hands(host.page)
    row = host.page.get_by_role("complementary", name="Hands").get_by_role("listitem").filter(has_text=ADA)
    expect(row).to_be_visible()
    expect(host.page.locator(".tile-badge").filter(has_text="✋")).to_be_visible()
    look(host.page, "webinar-hands-host")
    look(ada.page, "webinar-raised-guest")

    row.get_by_role("button", name=f"Give microphone to {ADA}").click()
    dialog = ada.page.get_by_role("dialog", name="A host gives you the floor")
    expect(dialog.get_by_role("heading")).to_be_focused()
    until(ada.page, MAY, "she may speak")
    assert ada.page.evaluate(SENDS) == 0, "nothing opens before she says so"
    look(ada.page, "webinar-asked")
    dialog.get_by_role("button", name="Turn microphone on").click()
    expect(dialog).to_be_hidden()
    until(ada.page, HEARS, "her microphone is on")
    hears(host.page, ADA)
    assert ada.page.evaluate("window.audimax.room.localParticipant.isCameraEnabled") is False
    look(host.page, "webinar-floor-host")

    ada.page.reload()
    hall.is_inside(ada.page)
    expect(ada.page.get_by_text("You have the floor")).to_be_visible()
    assert ada.page.evaluate(MAY) is True, "the floor survives a reload"
    hears(host.page, ADA)

    host.page.get_by_role("button", name=f"Take back the floor from {ADA}").click()
    words = "A host has taken the floor back. Raise your hand when you want to speak again."
    expect(ada.page.get_by_text(words)).to_have_count(1)
    until(ada.page, f"!{MAY} && {SENDS} === 0", "nothing is sent any more")
    until(host.page, SILENT, "no packet of sound arrives")
    assert host.page.evaluate(SILENT) is True
    hall.shot(ada.page, "webinar-taken-back")
    assert axe(ada.page) == []


def test_not_now_keeps_the_microphone_off_also_after_a_reload(
    host: Host, webinar: Room, visitor: Callable[..., Person]
) -> None:
    ada = visitor()
    hall.enter(ada.page, webinar.link, ADA)
    ada.page.get_by_role("button", name="Raise hand").click()
    open_hands(host.page)
    host.page.get_by_role("button", name="Next", exact=True).click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Not now").click()
    expect(ada.page.get_by_text("You have the floor")).to_be_visible()
    ada.page.reload()
    hall.is_inside(ada.page)
    until(ada.page, MAY, "she still has the floor")
    assert ada.page.evaluate(HEARS) is False
    ada.page.get_by_role("button", name="Turn microphone on").click()
    hears(host.page, ADA)


def test_a_latecomer_and_the_hosts_see_the_same_queue(
    host: Host, webinar: Room, visitor: Callable[..., Person]
) -> None:
    people = [visitor() for _ in range(2)]
    for one, name in zip(people, (ADA, ALAN), strict=True):
        hall.enter(one.page, webinar.link, name)
    for one in reversed(people):
        one.page.get_by_role("button", name="Raise hand").click()
        expect(one.page.get_by_text("Your hand is raised").first).to_be_visible()
    hall.enter((late := visitor()).page, webinar.link, "Latecomer")
    path = f"/api/rooms/{webinar.id}/webinar/state"
    seen = late.context.request.get(f"{host.product.url}{path}").json()["hands"]
    assert [hand["name"] for hand in seen] == [ALAN, ADA]
    assert host.ask("GET", path).json()["hands"] == seen
    expect(late.page.locator(".tile-badge")).to_have_count(2)
    open_hands(host.page)
    rows = host.page.get_by_role("complementary", name="Hands").get_by_role("listitem")
    expect(rows).to_contain_text([ALAN, ADA])
    host.page.get_by_role("button", name="Clear all").click()
    expect(rows).to_have_count(0)
    expect(late.page.locator(".tile-badge")).to_have_count(0)
    expect(people[0].page.get_by_role("button", name="Raise hand")).to_have_attribute("aria-pressed", "false")


def test_the_webinar_begins_and_ends_without_anybody_dropping(
    host: Host, visitor: Callable[..., Person]
) -> None:
    room = host.make_room("A call that becomes a webinar")
    host.start(room)
    hall.enter(host.page, room.link)
    people = [visitor() for _ in range(2)]
    for one, name in zip(people, (ADA, ALAN), strict=True):
        hall.enter(one.page, room.link, name)
        hall.sees_and_hears(host.page, name)
    before = [connection(one.page) for one in (host.person, *people)]
    open_hands(host.page)
    mode = host.page.get_by_role("switch", name="Webinar")
    mode.click()
    for one in people:
        expect(one.page.get_by_text("In this webinar guests listen and watch.")).to_be_visible()
        until(one.page, f"!{MAY} && {SENDS} === 0", "nothing is sent any more")
    until(host.page, SILENT, "no packet of sound arrives")
    mode.click()
    expect(mode).not_to_be_checked()
    for one in people:
        until(one.page, MAY, "may speak again")
        assert one.page.evaluate(HEARS) is False, "nothing opens by itself"
        one.page.get_by_role("button", name="Turn microphone on").click()
        until(one.page, HEARS, "speaks again")
    hears(host.page, ADA)

    switch(host, room, True)
    for one in people:
        until(one.page, f"!{MAY}", "the room's form does the same")
    expect(mode).to_be_checked()
    expect(people[0].page.get_by_text("Webinar: you listen and watch.")).to_be_visible()
    assert [connection(one.page) for one in (host.person, *people)] == before


def connection(page: Page) -> Any:
    """What would change if somebody had dropped."""
    page.evaluate("window.begun ??= Math.random()")
    return page.evaluate(
        "() => { const r = window.audimax.room; return [r.state, r.localParticipant.sid, window.begun]; }"
    )


def test_reactions_float_over_the_stage(host: Host, webinar: Room, visitor: Callable[..., Person]) -> None:
    ada = visitor()
    hall.enter(ada.page, webinar.link, ADA)
    expect(ada.page.get_by_role("button", name="React")).to_be_visible()
    ada.page.keyboard.press("r")
    group = ada.page.get_by_role("group", name="Send a reaction")
    expect(group.get_by_role("button", name="Thumbs up")).to_be_focused()
    look(ada.page, "webinar-reactions")
    # It floats for some seconds; a busy machine may look only after them.
    host.page.evaluate(NOTE_FLOATS)
    for name in ("Applause", "Celebrating", "Heart"):
        group.get_by_role("button", name=name).click()
    until(host.page, "window.floated.some(one => one.includes('👏'))")
    hall.shot(host.page, "webinar-applause-host")
    ada.page.keyboard.press("Escape")
    expect(group).to_be_hidden()
    button = ada.page.get_by_role("button", name="React")
    button.click()
    ada.page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(host.page.locator(".webinar-float")).to_have_count(0)
