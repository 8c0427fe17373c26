"""What an administrator sees of plugins."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.contracts import HealthCheck
from core.engine import offers
from core.logs import system

PAGE = "/admin/plugins"


@pytest.fixture
def house(make_app: Any) -> Flask:
    made: Flask = make_app("pin", "ai_assistant", "export_pdf")
    return made


def card(text: str, name: str) -> str:
    found = re.search(rf'<section class="card[^>]* id="{name}".*?</section>', text, re.DOTALL)
    assert found is not None
    return found[0]


def test_every_installed_plugin_is_told(keeper: FlaskClient, queries: Any) -> None:
    with queries(at_most=3):
        text = keeper.get(PAGE).text
    pin, lobby = card(text, "pin"), card(text, "lobby")
    assert "Ask for a PIN" in pin and ">Enabled<" in pin and "<code>admit</code>" in pin
    assert 'href="/admin/settings#pin"' in pin
    assert "Not enabled" in lobby and "Settings" not in lobby
    assert "/plugins/ai_assistant/admin" in card(text, "ai_assistant")
    assert text.index('id="pin"') < text.index('id="lobby"')


def test_errors_lead_to_the_system_log(keeper: FlaskClient, house: Flask) -> None:
    with house.app_context():
        logging.getLogger("plugins.pin").error("the hash of a PIN can't be read")
        system.write_now()
    text = keeper.get(PAGE).text
    assert "1 kind of error" in card(text, "pin") and "system?plugin=pin" in card(text, "pin")
    assert "kind of error" not in card(text, "export_pdf")


def with_checks(monkeypatch: pytest.MonkeyPatch, **checks: HealthCheck) -> None:
    monkeypatch.setattr(offers, "health_checks", lambda: {f"pin.{n}": one for n, one in checks.items()})


def test_checks_run_on_a_click_only(keeper: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def broken() -> None:
        ran.append("broken")
        raise RuntimeError("<b>the disk is full</b>: make room")

    with_checks(monkeypatch, disk=HealthCheck("disk", broken), clock=HealthCheck("clock", lambda: None))
    keeper.get(PAGE)
    assert ran == []
    text = card(keeper.post(f"{PAGE}/pin/check").text, "pin")
    assert ran == ["broken"]
    assert "&lt;b&gt;the disk is full&lt;/b&gt;: make room" in text
    assert re.search(r"Works</span> <strong>clock</strong>", text)


def test_what_has_no_checks_is_not_checked(keeper: FlaskClient) -> None:
    assert keeper.post(f"{PAGE}/lobby/check").status_code == 404
    assert keeper.post(f"{PAGE}/nothing/check").status_code == 404


def test_checks_are_limited(keeper: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with_checks(monkeypatch, clock=HealthCheck("clock", lambda: None))
    codes = {keeper.post(f"{PAGE}/pin/check").status_code for _time in range(31)}
    assert codes == {200, 429}
