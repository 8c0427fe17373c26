"""From the link to the call and back again, whatever comes between."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from tests.browser import hall
from tests.browser.hall import Host
from tests.fixtures.browser import ARGUMENTS, FAKE_DEVICE, Person, chromium_path, until
from tests.fixtures.product import ROOT, Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA, BEA, KAY = "Ada Lovelace", "Bea Blue", "Kay Long"
Visitor = Callable[..., Person]
ME = "window.audimax.room.localParticipant"


def says(page: Page, words: str) -> None:
    expect(page.get_by_text(words).first).to_be_visible()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def wait_at_the_door(page: Page, link: str, name: str) -> None:
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    hall.press_join(page)
    says(page, "The host isn't here yet")


# --- who somebody is ------------------------------------------------------------------


def test_who_reloads_opens_a_second_tab_or_leaves_comes_back_as_the_same_person(
    host: Host, visitor: Visitor
) -> None:
    room = host.make_room("Coming back")
    host.start(room)
    ada = visitor()
    first = ada.page
    hall.enter(first, room.link, ADA)
    identity = hall.identity(first)

    first.reload()
    hall.is_inside(first)
    assert hall.identity(first) == identity

    second = ada.context.new_page()
    second.goto(room.link)
    says(second, ADA)
    hall.press_join(second)
    hall.is_inside(second)
    says(first, "You joined in another tab or on another device")
    press(first, "Use it here")
    hall.is_inside(first)
    says(second, "You joined in another tab or on another device")
    assert hall.identity(first) == identity

    press(first, "Leave")
    says(first, "You left the lecture")
    press(first, "Join again")
    hall.is_inside(first)
    assert hall.identity(first) == identity

    second.goto(room.link)
    press(second, "Not you? Join as someone else")
    second.get_by_label("Your name").fill(BEA)
    hall.press_join(second)
    hall.is_inside(second)
    assert hall.identity(second) != identity
    assert second.evaluate(f"{ME}.name") == BEA
    until(first, f"[...audimax.room.remoteParticipants.values()].some(p => p.name === {BEA!r})")


def test_a_laptop_that_slept_and_a_network_that_was_away_need_no_hand(host: Host, visitor: Visitor) -> None:
    room = host.make_room("Asleep")
    host.start(room)
    people = visitor(), visitor()
    ada, kay = (person.page for person in people)
    for page, name in ((ada, ADA), (kay, KAY)):
        hall.enter(page, room.link, name)
    identity = hall.identity(ada)

    ada.evaluate("window.dispatchEvent(new Event('freeze'))")
    until(
        ada,
        "audimax.room.state !== 'connected'",
        "livekit-client leaves when the browser puts a page to sleep",
    )
    hall.is_inside(ada)
    hall.goes_on(kay, ADA)
    hall.goes_on(ada, KAY)

    people[0].context.set_offline(True)
    says(ada, "Connection lost, reconnecting…")
    people[0].context.set_offline(False)
    expect(ada.locator(".banner")).to_have_count(0)
    hall.goes_on(ada, KAY)
    hall.goes_on(kay, ADA)
    assert hall.identity(ada) == identity
    hall.forgive_refused_connections(*people)


def test_a_removed_person_reads_so_and_is_judged_anew_at_the_door(
    host: Host, visitor: Visitor, product: Product
) -> None:
    room = host.make_room("Removed")
    host.start(room)
    page = visitor().page
    hall.enter(page, room.link, ADA)
    before = hall.identity(page)
    remove(product, before)
    says(page, "You were removed from the lecture")
    page.reload()
    expect(page.get_by_role("button", name="Join lecture")).to_be_visible()
    assert page.evaluate("window.audimax") is None
    hall.press_join(page)
    hall.is_inside(page)
    assert hall.identity(page) != before
    remove(product, hall.identity(page))
    press(page, "Ask to join again")
    hall.is_inside(page)


REMOVE = """
import sys
from core.cli import _app
from core.db import db, now
from core.lectures.models import Participant
from core.livekit.enforcement import enforce

with _app().app_context():
    person = db.session.query(Participant).filter_by(identity=sys.argv[1]).one()
    person.removed_at = now()
    db.session.commit()
    assert not enforce(person.lecture).failed
"""


def remove(product: Product, identity: str) -> None:
    """Remove somebody from the lecture, as a plugin of hosts does."""
    argv = [sys.executable, "-c", REMOVE, identity]
    subprocess.run(argv, env=product.environment, cwd=ROOT, check=True)


# --- waiting --------------------------------------------------------------------------


def test_a_waiting_stream_that_is_cut_opens_again_ever_slower_and_the_start_lets_in(
    host: Host, visitor: Visitor
) -> None:
    room = host.make_room("Cut")
    page = visitor().page
    cuts: list[float] = []

    def cut(route: Route) -> None:
        cuts.append(time.monotonic())
        if len(cuts) > 4:
            route.continue_()
        else:
            route.fulfill(status=502, body="Bad gateway")

    page.route("**/stream", cut)
    wait_at_the_door(page, room.link, KAY)
    says(page, "The connection was lost. Trying again; you keep your place.")
    expect(page.get_by_text("The connection was lost")).to_have_count(0, timeout=60_000)
    pauses = [after - before for before, after in itertools.pairwise(cuts)]
    assert len({round(pause, 2) for pause in pauses}) == len(pauses), "each pause is its own"
    assert pauses[-1] > 2 * pauses[0] > 0.8, pauses
    host.start(room)
    hall.is_inside(page)


def test_with_livekit_down_the_page_tries_again_and_a_lecture_that_ended_meanwhile_is_said(
    host: Host, visitor: Visitor, product: Product
) -> None:
    room = host.make_room("LiveKit is down")
    host.start(room)
    people = visitor(), visitor()
    ada, kay = (person.page for person in people)
    hall.enter(ada, room.link, ADA)
    with product.without("livekit.yaml"):
        while hall.may_join(product, room):
            kay.wait_for_timeout(100)
        kay.goto(room.link)
        kay.get_by_label("Your name").fill(KAY)
        hall.press_join(kay)
        says(kay, "One moment")
        says(kay, "Trying again in")
        says(ada, "Connection lost, reconnecting…")
    hall.is_inside(kay)
    hall.goes_on(kay, ADA)

    with product.without("livekit.yaml"):
        says(ada, "Connection lost, reconnecting…")
        host.end(room)
    for page in (ada, kay):
        says(page, "The lecture has ended")
    kay.goto("about:blank")
    kay.goto(room.link)
    says(kay, "The lecture hasn’t started yet. You can go in and wait.")
    hall.forgive_refused_connections(*people)


# --- links that lead nowhere ----------------------------------------------------------


def test_a_wrong_code_and_an_archived_room_say_what_to_do(host: Host, visitor: Visitor) -> None:
    room = host.make_room("Last year")
    page = visitor().page
    wrong = page.goto(room.link[:-3] + "-qq")
    assert wrong is not None and wrong.status == 404
    expect(page.get_by_role("alert").or_(page.locator(".error")).first).to_be_visible()
    code = page.get_by_label(re.compile("code", re.I)).first
    code.fill(room.link.rpartition("/")[2].replace("-", " ").upper())
    code.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Last year")
    assert host.ask("POST", f"/api/rooms/{room.id}/archive").ok
    page.get_by_label("Your name").fill(ADA)
    hall.press_join(page)
    says(page, "This room is archived.")
    page.reload()
    says(page, "archived")


# --- devices --------------------------------------------------------------------------


@pytest.fixture
def bare(playwright: Playwright) -> Iterator[Callable[..., Browser]]:
    """``bare(…)``: a Chromium without some of the usual switches."""
    made: list[Browser] = []

    def launch(*left_out: str) -> Browser:
        kept = [one for one in ARGUMENTS if one not in left_out]
        made.append(playwright.chromium.launch(executable_path=chromium_path(), args=kept))
        return made[-1]

    yield launch
    for one in made:
        one.close()


FAKE_UI = "--use-fake-ui-for-media-stream"
IN_USE = """navigator.mediaDevices.getUserMedia = () =>
  Promise.reject(new DOMException('Device in use', 'NotReadableError'))"""
UNPLUG = """document.querySelector('.preview video').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))"""


def test_refused_devices_are_explained_and_one_can_join_without(
    host: Host, visitor: Visitor, bare: Callable[..., Browser]
) -> None:
    room = host.make_room("Without devices")
    host.start(room)
    speaker, refused = visitor().page, visitor(bare(FAKE_UI))
    hall.enter(speaker, room.link, ADA)
    # What isn't granted here counts as refused.
    refused.context.grant_permissions(["clipboard-read"], origin=host.product.url)
    page = refused.page
    page.goto(room.link)
    says(page, "The browser may not use your microphone. Click the symbol beside the address")
    says(page, "The browser may not use your camera.")
    page.get_by_label("Your name").fill(KAY)
    hall.press_join(page)
    hall.is_inside(page)
    hall.goes_on(page, ADA)
    press(page, "Turn camera on")
    says(page, "The browser may not use your camera.")
    assert not page.evaluate(f"{ME}.isCameraEnabled")


def test_missing_used_and_unplugged_devices_each_have_their_own_words(
    host: Host, visitor: Visitor, bare: Callable[..., Browser]
) -> None:
    room = host.make_room("Broken devices")
    missing = visitor(bare(FAKE_DEVICE)).page
    missing.goto(room.link)
    says(missing, "No microphone was found. Plug one in; until then you can listen.")
    says(missing, "No camera was found.")

    used = visitor().page
    used.add_init_script(IN_USE)
    used.goto(room.link)
    says(used, "The camera is used by another program.")

    unplugged = visitor().page
    unplugged.goto(room.link)
    unplugged.locator(".preview video").wait_for()
    unplugged.evaluate(UNPLUG)
    says(unplugged, "The camera was unplugged.")
    press(unplugged, "Turn camera off")
    press(unplugged, "Turn camera on")
    unplugged.locator(".preview video").wait_for()

    host.start(room)
    unplugged.get_by_label("Your name").fill(ADA)
    hall.press_join(unplugged)
    hall.is_inside(unplugged)
    until(unplugged, f"{ME}.isCameraEnabled")
    unplugged.evaluate(
        f"[...{ME}.videoTrackPublications.values()][0].track.mediaStreamTrack.dispatchEvent(new Event('ended'))"
    )
    says(unplugged, "The device was unplugged. Now using:")


# --- the keyboard, and what the room offers -------------------------------------------

FOCUSED = """() => {
  const at = document.activeElement;
  return at.getAttribute('aria-label') || at.labels?.[0]?.innerText || at.innerText || '';
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until something of this name has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if re.fullmatch(name, page.evaluate(FOCUSED).strip()):
            return
    raise AssertionError(f"Tab never comes to {name!r}")


def test_the_keyboard_alone_leads_from_the_link_through_the_call_to_its_end(
    host: Host, visitor: Visitor
) -> None:
    room = host.make_room("Keys")
    host.start(room)
    page = visitor().page
    page.goto(room.link)
    page.get_by_label("Your name").wait_for()
    tab_to(page, "Turn camera off")
    page.keyboard.press("Space")
    says(page, "Your camera is off")
    tab_to(page, "Your name")
    page.keyboard.press("Enter")
    says(page, "Type your name, so that the others know who you are.")
    page.keyboard.type(ADA)
    page.keyboard.press("Enter")
    hall.is_inside(page)
    page.locator(".shell").wait_for()

    until(page, f"{ME}.isMicrophoneEnabled && !{ME}.isCameraEnabled", "sound only")
    page.keyboard.press("m")
    until(page, f"!{ME}.isMicrophoneEnabled", "m turns the microphone off")
    page.keyboard.press("v")
    until(page, f"{ME}.isCameraEnabled", "v turns the camera on")
    page.keyboard.press("l")
    expect(page.get_by_role("list", name="In front")).to_be_visible()
    page.keyboard.press("l")
    expect(page.get_by_role("list", name="People and screens")).to_be_visible()
    page.keyboard.press("f")
    until(page, "document.fullscreenElement !== null", "f fills the screen")
    page.keyboard.press("f")
    until(page, "document.fullscreenElement === null", "f again leaves it")
    page.keyboard.press("p")
    expect(page.get_by_role("complementary", name="People")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary", name="People")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("v")
    assert page.evaluate(f"{ME}.isCameraEnabled"), "keys of the room rest while a dialog is open"
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    tab_to(page, "Choose camera")
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio").first).to_be_visible()
    page.keyboard.press("Escape")
    tab_to(page, "Leave")
    page.keyboard.press("Enter")
    says(page, "You left the lecture")
    tab_to(page, "Join again")
    page.keyboard.press("Enter")
    hall.is_inside(page)


def test_menus_people_and_a_shared_screen_in_front_of_the_faces(host: Host, visitor: Visitor) -> None:
    room = host.make_room("What the room offers")
    host.start(room)
    ada, kay = visitor().page, visitor().page
    for page, name in ((ada, ADA), (kay, KAY)):
        hall.enter(page, room.link, name)

    press(ada, "Choose microphone and speaker")
    others = ada.get_by_role("radio", checked=False)
    chosen = others.first.evaluate("radio => radio.parentElement.innerText.trim()")
    others.first.click()
    track = f"[...{ME}.audioTrackPublications.values()][0].track.mediaStreamTrack"
    until(ada, f"{track}.label === {chosen!r}", f"{chosen} is used")
    expect(ada.get_by_role("radio", name=chosen, checked=True).first).to_be_visible()
    ada.keyboard.press("Escape")

    kay.get_by_role("button", name="Share your screen").click()
    front = ada.get_by_role("list", name="In front")
    expect(front.get_by_text(f"Screen of {KAY}", exact=True)).to_be_visible()
    until(ada, f"({hall.RECEIVED})().then(r => r[{KAY!r}].screen > 3)", "the shared screen")
    expect(ada.get_by_role("list", name="Others").get_by_role("listitem")).to_have_count(2)
    front.get_by_role("button", name=f"Put Screen of {KAY} back").click()
    expect(ada.get_by_role("list", name="People and screens").get_by_role("listitem")).to_have_count(3)
    says(kay, "You are sharing your screen")
    kay.get_by_role("button", name="Stop sharing").first.click()
    expect(ada.get_by_text(f"Screen of {KAY}", exact=True)).to_have_count(0)

    ada.get_by_role("button", name=re.compile("^People")).click()
    people = ada.get_by_role("complementary", name="People").get_by_role("list")
    expect(people.get_by_role("listitem")).to_have_count(2)
    kay.get_by_role("button", name="Turn microphone off").click()
    expect(people.get_by_role("listitem").filter(has_text=KAY).get_by_label("Microphone off")).to_be_visible()
