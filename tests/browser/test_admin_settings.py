"""An administrator changes a setting, in both sizes and themes, without a fault that axe knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.test_looks import look
from tests.fixtures.browser import Person
from tests.fixtures.product import free_ports
from tests.fixtures.serving import at_port

pytestmark = [pytest.mark.browser]


@pytest.fixture
def house(settings: dict[str, Any], make_app: Any) -> Iterator[Flask]:
    """A served app with plugins that have settings; one setting is the operator's."""
    port = free_ports(1)[0]
    settings["public_url"] = f"http://localhost:{port}"
    app = make_app("ai_assistant", "pin", "recording", "export_pdf", absence_minutes=12)
    with at_port(app, port):
        yield app


@pytest.fixture
def open_page(
    house: Flask, app: Flask, make_user: Any, sign_in: Any, person: Callable[..., Person]
) -> Callable[..., Page]:
    """``open_page("de-DE")``: an administrator's browser."""

    def open_one(locale: str) -> Page:
        key = make_user("grace@uni.example", name="Grace Hopper", is_admin=True)
        url = house.extensions["audimax_config"].public_url
        cookies = sign_in(key)._cookies.values()
        page = person(locale=locale).page
        page.context.add_cookies([{"name": one.key, "value": one.value, "url": url} for one in cookies])
        page.goto(f"{url}/admin/settings")
        return page

    return open_one


def test_a_setting_is_changed_with_the_keyboard_and_taken_back(open_page: Any) -> None:
    page = open_page("en-US")
    name = page.get_by_label("Name of the institution")
    name.fill("University of Ulm")
    name.press("Enter")
    expect(page.get_by_text("Saved. It holds from now on.")).to_be_visible()
    expect(page.get_by_text("Set here by Grace Hopper")).to_be_visible()
    expect(page.get_by_label("Minutes without anybody")).to_be_disabled()
    look(page, "admin-settings")
    hours = page.get_by_label("Hours for which deleted lectures are kept")
    hours.fill("0")
    hours.press("Enter")
    expect(hours).to_be_focused()
    expect(hours).to_have_value("0")
    expect(page.get_by_text("Please type a number from 1 to 8760.")).to_be_visible()
    look(page, "admin-settings-wrong")
    page.get_by_role("link", name="History").click()
    look(page, "admin-settings-history")
    page.get_by_role("button", name="Undo: Name of the institution").click()
    expect(page.get_by_text("It is as it was before.")).to_be_visible()


def test_the_pages_are_in_order_in_german(open_page: Any) -> None:
    page = open_page("de-DE")
    expect(page.get_by_role("heading", name="Einstellungen", exact=True)).to_be_visible()
    look(page, "admin-settings-german")
    page.get_by_role("link", name="Plugins", exact=True).click()
    expect(page.get_by_text("Eingeschaltet").first).to_be_visible()
    look(page, "admin-plugins-german")


def test_a_setting_of_rooms_is_locked_and_its_host_sees_that(
    open_page: Any, house: Flask, sign_in: Any, make_user: Any, person: Callable[..., Person]
) -> None:
    page = open_page("en-US")
    page.get_by_role("link", name="Settings of rooms").click()
    page.get_by_label("Who may share the screen", exact=True).select_option("hosts")
    page.get_by_label("Hosts may change it: Who may share the screen").uncheck()
    page.get_by_role("button", name="Save: In the room").click()
    expect(page.get_by_text("Saved. It holds from now on.")).to_be_visible()
    group = page.locator("#pin")
    group.get_by_label("Switched on", exact=True).check()
    group.get_by_label("Hosts may change it: Switched on").uncheck()
    group.get_by_role("button", name="Save: Ask for a PIN").click()
    expect(group.get_by_text("Set here by Grace Hopper")).to_be_visible()
    look(page, "admin-room-settings")
    url = house.extensions["audimax_config"].public_url
    hosts = person(locale="en-US").page
    cookies = sign_in(make_user("ada@uni.example"))._cookies.values()
    hosts.context.add_cookies([{"name": one.key, "value": one.value, "url": url} for one in cookies])
    hosts.goto(f"{url}/rooms/new")
    box = hosts.get_by_label("Who may share the screen")
    expect(box).to_be_disabled()
    expect(box).to_have_value("hosts")
    expect(box).to_have_accessible_description("Set by your institution.")
    expect(hosts.get_by_role("switch", name="Ask for a PIN")).to_be_disabled()
    look(hosts, "room-form-locked")
    hosts.get_by_label("Title").fill("Graphs")
    hosts.get_by_role("button", name="Make the room").click()
    expect(hosts.get_by_role("heading", name="Graphs")).to_be_visible()
