"""What the doctor asks the web for is there for nobody else, and once only."""

from __future__ import annotations

import pytest
from itsdangerous import URLSafeTimedSerializer

from core.health import echo
from core.http import probes

PATHS = sorted(probes.FOR_DOCTOR)
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}


def ask(client, path, ticket="", **more):
    method = client.put if path == probes.ECHO_BODY else client.get
    upgrade = UPGRADE if path == probes.ECHO_SOCKET else {}
    return method(path, headers={**upgrade, **({echo.HEADER: ticket} if ticket else {})}, **more)


@pytest.fixture
def key(app):
    return app.extensions["audimax_config"].secret_key


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_finds_nothing(client, path):
    assert ask(client, path).status_code == 404
    assert ask(client, path, "e30.made.up").status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_a_ticket_of_another_key_finds_nothing(client, path):
    assert ask(client, path, echo.ticket("another" * 8, path)).status_code == 404


def test_a_ticket_is_good_for_one_address_once(client, key):
    ticket = echo.ticket(key, probes.ECHO)
    assert ask(client, probes.ECHO_BODY, ticket).status_code == 404
    assert ask(client, probes.ECHO, ticket).status_code == 200
    assert ask(client, probes.ECHO, ticket).status_code == 404


def test_a_ticket_is_good_for_a_minute(client, key, monkeypatch):
    ticket = echo.ticket(key, probes.ECHO)
    monkeypatch.setattr(echo, "SECONDS", -1)
    assert ask(client, probes.ECHO, ticket).status_code == 404


@pytest.mark.parametrize("made", ["text", [], {}, ["/doctor"], [1, 2], None])
def test_a_signed_ticket_of_another_kind_finds_nothing(client, key, made):
    signed = URLSafeTimedSerializer(key, salt=echo.SALT).dumps(made)
    assert ask(client, probes.ECHO, str(signed)).status_code == 404


def test_nothing_is_told_but_where_the_request_came_from(client, key):
    answer = ask(client, probes.ECHO, echo.ticket(key, probes.ECHO))
    assert set(answer.json) == {"peer", "is_proxy", "client", "host", "scheme", "forwarded"}


def test_a_body_that_is_larger_than_a_part_is_refused(client, key):
    size = echo.PART_SIZE + 2
    answer = ask(client, probes.ECHO_BODY, echo.ticket(key, probes.ECHO_BODY), data=bytes(size))
    assert answer.status_code == 413


def test_a_socket_is_nothing_but_a_socket(client, key):
    headers = {echo.HEADER: echo.ticket(key, probes.ECHO_SOCKET)}
    assert client.get(probes.ECHO_SOCKET, headers=headers).status_code == 400
