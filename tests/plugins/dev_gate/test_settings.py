"""What stops the start, and where settings come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core.errors import PluginError
from plugins.dev_gate.settings import Settings, network
from tests.plugins.dev_gate.conftest import KEY

Behind = Callable[..., Flask]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, r"set 'access_key' \(or DEV_ACCESS_KEY\), 'allowed_ips' \(or ALLOWED_IPS\), or both"),
        ({"access_key": "short"}, "'access_key' must have 16 to 200 characters: make one with `openssl"),
        ({"access_key": "k" * 201}, "'access_key' must have 16 to 200 characters"),
        ({"access_key": "a key with blanks in it"}, "only letters, digits and - . _ ~ may be in it"),
        ({"access_key": "0123456789abcdef\n"}, "only letters, digits"),
        ({"allowed_ips": ["campus"]}, "has 'campus', which is no network: write it like 10.20.0.0/16"),
        ({"allowed_ips": ["10.1.2.3/8"]}, "has '10.1.2.3/8', which is no network: write it like 10.0.0.0/8"),
        ({"allowed_ips": ["10.0.0.0/33"]}, "which is no network"),
        ({"allowed_ips": ["0.0.0.0/0"]}, "which is everybody"),
        ({"allowed_ips": ["::/0"]}, "which is everybody"),
        ({"allowed_ips": ["::ffff:0:0/96"]}, "which is everybody"),
        ({"access_key": KEY, "allowed_ips": "10.0.0.0/8, nonsense"}, "has 'nonsense'"),
        ({"acess_key": KEY}, "unknown setting 'acess_key', did you mean 'access_key'"),
    ],
)
def test_a_door_that_would_be_open_or_shut_for_all_stops_the_start(
    make_app: Callable[..., Flask], given: dict[str, Any], words: str
) -> None:
    with pytest.raises(PluginError, match=words) as caught:
        make_app("dev_gate", plugins={"dev_gate": given})
    said = str(caught.value)
    assert "plugin 'dev_gate'" in said and "see [plugins.dev_gate] in audimax.toml" in said
    for secret in ("short", "blanks", KEY):
        assert secret not in said


def test_the_plain_variables_are_read(behind: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEV_ACCESS_KEY", KEY)
    monkeypatch.setenv("ALLOWED_IPS", "10.0.0.0/8, 2001:db8::/32")
    made = behind().extensions["audimax_plugins"]
    assert made.loaded["dev_gate"].settings == Settings(KEY, ["10.0.0.0/8", "2001:db8::/32"])
    assert made.variables() == ["DEV_ACCESS_KEY", "ALLOWED_IPS"], "kept for `audimax doctor` beside a run"


def test_a_plain_variable_beside_another_setting_is_a_mistake(
    behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEV_ACCESS_KEY", KEY)
    behind(access_key=KEY)
    with pytest.raises(PluginError, match="'access_key' is set twice, by DEV_ACCESS_KEY too: remove one"):
        behind(access_key=KEY + "x")


def test_an_empty_variable_is_none(behind: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEV_ACCESS_KEY", "")
    with pytest.raises(PluginError, match="set 'access_key'"):
        behind()


def test_the_plain_variables_mean_nothing_where_it_is_off(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEV_ACCESS_KEY", "short")
    answer = make_app().test_client().get("/sign-in")
    assert answer.status_code == 200 and "X-Robots-Tag" not in answer.headers


def test_ipv4_that_is_written_as_ipv6_is_ipv4() -> None:
    assert network("::ffff:10.0.0.0/104") == network("10.0.0.0/8")
    assert network(" 192.0.2.7 ").prefixlen == 32 and network("2001:db8::7").prefixlen == 128
