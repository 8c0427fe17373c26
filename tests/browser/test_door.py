"""An unfinished installation behind its door: the page that all see, the key, and a call with captions behind it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from core.run.topology import first_party_plugins
from tests.browser import hall
from tests.browser.conftest import arrive
from tests.browser.hall import Host
from tests.browser.speaking import TALK, agent_is_there, chose_original_sound, room_with_captions
from tests.browser.test_looks import look
from tests.fixtures.browser import Person, cookies_of
from tests.fixtures.product import ROOT, Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
PLUGINS = "AUDIMAX_ENABLED_PLUGINS"
KEY = "the-key-of-the-staging-hall"
ADA = "Ada Lovelace"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of its own, with the door before it; the key comes as the administrator was told."""
    made = Product(
        tmp_path_factory.mktemp("product") / "instance",
        **{PLUGINS: ",".join([*first_party_plugins(), "dev_gate"])},
        DEV_ACCESS_KEY=KEY,
    )
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def host_cookies(product: Product) -> list[dict[str, Any]]:
    """The host followed a link with the key, then made the first account."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Origin"] = product.url
    session.get(f"{product.url}/?access_key={KEY}", timeout=60)
    person = {"name": hall.NAME, "email": hall.EMAIL, "password": hall.PASSWORD}
    session.post(product.set_up_link, data=person, timeout=60)
    assert session.get(f"{product.url}/rooms/new", timeout=60).url.endswith("/rooms/new"), "signed in"
    return cookies_of(session, product.url)


def test_the_page_before_the_door_is_fit_to_be_seen(product: Product, visitor: Callable[..., Person]) -> None:
    ada = visitor()
    asked: list[str] = []
    ada.page.on("request", lambda request: asked.append(request.url))
    ada.page.goto(f"{product.url}/rooms/new?from=mail")
    expect(ada.page.get_by_role("heading", level=1)).to_have_text("Not open yet")
    assert asked == [f"{product.url}/rooms/new?from=mail"], "all of it is in one answer"
    look(ada.page, "door")
    german = visitor(locale="de-DE")
    german.page.goto(product.url)
    expect(german.page.get_by_role("heading", level=1)).to_have_text("Noch nicht geöffnet")
    look(german.page, "door-german")


def test_a_wrong_key_then_the_right_one_lead_to_the_page_that_was_asked_for(
    product: Product, visitor: Callable[..., Person]
) -> None:
    ada = visitor()
    page = ada.page
    page.goto(f"{product.url}/sign-in?next=/rooms/new")
    field = page.get_by_label("Your access key")
    expect(field).to_be_focused()
    field.fill("not the key")
    page.keyboard.press("Enter")
    expect(page.get_by_text("That isn’t the key.")).to_be_visible()
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    look(page, "door-wrong")
    field.fill(KEY)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{product.url}/sign-in?next=/rooms/new")
    expect(page.get_by_label("E-mail address")).to_be_visible()
    page.reload()
    expect(page.get_by_label("E-mail address")).to_be_visible()


def test_a_link_with_the_key_leaves_it_in_no_address(
    product: Product, visitor: Callable[..., Person]
) -> None:
    page = visitor().page
    page.goto(f"{product.url}/sign-in?access_key={KEY}")
    expect(page.get_by_label("E-mail address")).to_be_visible()
    assert page.url == f"{product.url}/sign-in"
    assert page.evaluate("history.length") <= 2 and KEY not in page.evaluate("document.referrer")
    [cookie] = [one for one in page.context.cookies() if "dev-gate" in one["name"]]
    assert cookie["httpOnly"] and KEY not in cookie["value"]


def test_a_call_with_captions_goes_on_behind_the_door(
    product: Product, host: Host, host_cookies: Any, visitor: Callable[..., Person], voices: Any
) -> None:
    room = room_with_captions(host, "Behind the door")
    host.start(room)
    ada = visitor()
    ada.page.goto(f"{room.link}?access_key={KEY}")
    hall.enter(ada.page, room.link, ADA, silent=True)
    agent_is_there(ada.page)
    emmy = Host(chose_original_sound(arrive(voices("emmy", TALK))), product)
    emmy.person.context.add_cookies(host_cookies)
    hall.enter(emmy.page, room.link)
    overlay = ada.page.locator(".captions-turn").last
    expect(overlay).to_contain_text(re.compile("welcome", re.I), timeout=120_000)
    assert not hall.may_join(product, room), "nobody gets in past the door"
    emmy.person.context.close()


def test_doctor_in_another_terminal_knows_the_key_and_finds_the_door_shut(product: Product) -> None:
    environment = {k: v for k, v in product.environment.items() if k not in ("DEV_ACCESS_KEY", PLUGINS)}
    argv = [product.python, "-m", "core.cli", "doctor", "--json"]
    said = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    found = {one["check"]: one for one in json.loads(said.stdout)}
    assert found["dev_gate.door"]["state"] == "good", found
    assert found["gate"]["state"] == found["webhooks"]["state"] == "good", (
        "LiveKit and its gate come by the door"
    )
    assert KEY not in said.stdout + said.stderr + product.said
