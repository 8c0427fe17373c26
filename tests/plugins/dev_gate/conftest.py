"""An installation behind its door, and those who stand before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

KEY = "a-key-0f-twenty-four~"
LOCKED = "Not open yet"
Ask = Callable[..., Any]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEV_ACCESS_KEY", "ALLOWED_IPS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def behind(make_app: Callable[..., Flask]) -> Callable[..., Flask]:
    """``behind(access_key="…", trusted_proxies=[…])``: an app with that door."""

    def make(*more: str, access_key: str = "", allowed_ips: Any = (), **changed: Any) -> Flask:
        mine = {"access_key": access_key, "allowed_ips": allowed_ips}
        return make_app("dev_gate", *more, plugins={"dev_gate": mine}, **changed)

    return make


@pytest.fixture
def app(behind: Callable[..., Flask]) -> Flask:
    return behind("lobby", "chat", access_key=KEY)


def from_address(app: Flask, remote: str, path: str = "/sign-in", **headers: str) -> Any:
    """Ask once, from that address, without a cookie."""
    made = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().get(path, headers=made, environ_overrides={"REMOTE_ADDR": remote})
