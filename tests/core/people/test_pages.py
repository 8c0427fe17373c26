"""The pages about people in a real browser: light and dark, wide and narrow, right and wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page
from werkzeug.serving import make_server

from core.people import accounts, links, passwords
from tests.core.people.conftest import PASSWORD
from tests.fixtures.browser import axe, scrolls_sideways
from tests.fixtures.product import free_ports

pytestmark = pytest.mark.browser
LOOKS = [(theme, width) for theme in ("light", "dark") for width in (1280, 390)]


@dataclass
class Site:
    url: str
    app: Flask
    links: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def site(make_app: Callable[..., Flask]) -> Iterator[Site]:
    """The app on a port, with somebody in it and a link of every kind."""
    [port] = free_ports(1)
    url = f"http://localhost:{port}"
    app = make_app(public_url=url, sign_up="open")
    server = make_server("127.0.0.1", port, app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield Site(url, app, _fill(app))
    server.shutdown()


def _fill(app: Flask) -> dict[str, str]:
    from core.db import db, now
    from core.people.links import Purpose
    from core.people.models import User

    with app.app_context():
        made = {"set_up": accounts.create_set_up_link() or ""}
        ada = User(email="ada@uni.example", name="Ada Lovelace", verified_at=now())
        ada.password_hash = passwords.hash_password(PASSWORD)
        db.session.add(ada)
        db.session.flush()
        made["sign_up"] = links.issue(Purpose.SIGN_UP, email="kay@uni.example")
        made["invitation"] = links.issue(Purpose.INVITATION, email="inge@uni.example", by="Ada Lovelace")
        made["reset"] = links.issue(Purpose.RESET, user=ada)
        made["email"] = links.issue(Purpose.EMAIL, user=ada, email="new@uni.example")
        for number in range(3):
            email = f"somebody.with.a.long.name{number}@mathematics.uni.example"
            links.reserve(Purpose.INVITATION, email=email, by="Ada Lovelace", is_admin=number == 1)
        db.session.commit()
        return made


def _promote(app: Flask) -> None:
    from core.db import db
    from core.people.models import User

    with app.app_context():
        db.session.query(User).update({"is_admin": True})
        db.session.commit()


def _log_in(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sign-in")
    page.get_by_label("E-mail address").fill("ada@uni.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_every_page_is_in_order(person: Any, site: Site, theme: str, width: int) -> None:
    someone = person(color_scheme=theme, viewport={"width": width, "height": 800})
    page = someone.page
    found: list[str] = []

    def look(path: str) -> None:
        page.goto(path if path.startswith("http") else site.url + path)
        found.extend(f"{path}: {one}" for one in axe(page))
        if scrolls_sideways(page):
            found.append(f"{path} scrolls sideways")

    for path in ("/sign-in", "/sign-up", "/check-your-mail", "/reset", "/nothing", *site.links.values()):
        look(path)
    _log_in(page, site)
    _promote(site.app)
    for path in ("/account", "/admin/people/invitations", "/nothing"):
        look(path)
    assert found == []
    assert someone.complaints == []


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_wrong_input_loses_nothing_and_the_first_wrong_field_has_the_focus(
    person: Any, site: Site, scripts: bool
) -> None:
    page = person(java_script_enabled=scripts).page
    page.goto(site.links["set_up"])
    page.get_by_label("Your name").fill("Grace Hopper")
    page.get_by_label("E-mail address").fill("grace")
    page.get_by_label("Password", exact=True).fill("password1234")
    page.get_by_role("button", name="Make the account").click()
    page.get_by_text("Type an address like").wait_for()
    assert page.get_by_label("Your name").input_value() == "Grace Hopper"
    wrong = page.locator("[aria-invalid=true]")
    assert wrong.first.get_attribute("aria-describedby") == "d-email"
    assert page.locator(":focus").get_attribute("id") == "f-email"
    page.get_by_label("E-mail address").fill("grace@uni.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Make the account").click()
    page.goto(f"{site.url}/account")
    assert page.get_by_label("Your name").input_value() == "Grace Hopper"


def test_a_password_can_be_shown(person: Any, site: Site) -> None:
    page = person().page
    page.goto(f"{site.url}/sign-in")
    field_ = page.get_by_label("Password", exact=True)
    page.get_by_role("button", name="Show password").click()
    assert field_.get_attribute("type") == "text"
    page.get_by_role("button", name="Show password").click()
    assert field_.get_attribute("type") == "password"


def test_the_theme_is_switched_and_remembered(person: Any, site: Site) -> None:
    page = person(color_scheme="light").page
    page.goto(f"{site.url}/sign-in")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.goto(f"{site.url}/reset")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_one_can_sign_out_with_the_keyboard_on_a_phone(person: Any, site: Site) -> None:
    page = person(viewport={"width": 390, "height": 800}).page
    _log_in(page, site)
    page.goto(f"{site.url}/account")
    page.get_by_role("button", name="Menu").press("Enter")
    page.locator(".account summary").press("Enter")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out", exact=True).press("Enter")
    page.get_by_text("You are signed out.").wait_for()
