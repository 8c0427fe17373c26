"""A front door stands before everything but what programs ask with a signature; where it fails it is shut."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, request

from core.contracts import EVERYONE, FrontDoor, Mount, MountPoint
from core.engine import front_doors
from core.errors import PluginError, Refusal
from core.http.views import page, view

Install = Callable[..., Path]
Make = Callable[..., Flask]


def only_friends() -> Response | None:
    return None if request.headers.get("X-Friend") else Response("knock", 403)


def site(name: str) -> Mount:
    made = Blueprint(name, __name__)

    @made.get("/knock")
    @page(roles=EVERYONE)
    def knock() -> str:
        """Where one is let in."""
        return f"{name} asks"

    return Mount(MountPoint.SITE, made)


def room(name: str) -> Mount:
    made = Blueprint(f"{name}_room", __name__)

    @made.get("/who")
    @view(roles=EVERYONE)
    def who() -> Any:
        """Who asks."""
        return {}

    return Mount(MountPoint.ROOM, made)


@pytest.fixture
def guarded(make_app: Make, install: Install) -> Flask:
    folder = install("x", blueprints=lambda: [site("x"), room("x"), FrontDoor(only_friends)])
    (folder / "static").mkdir()
    (folder / "static" / "door.css").write_text("h1 { color: red }")
    install("y", blueprints=lambda: [site("y")])
    return make_app("x", "y")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/sign-in",
        "/static/dist/icons.svg",
        "/api/openapi.json",
        "/api/rooms/none/x/who",
        "/api/rooms/none/stream",
        "/ws/dashboard",
        "/plugins/y/knock",
        "/nowhere",
        "/plugins/x/nowhere",
        "/api/internal/nowhere",
        "/healthz/",
        "/healthz/more",
        "//healthz",
        "/api/internal/../rooms",
        "/%2e%2e/api/internal/livekit/connect",
    ],
)
def test_nothing_is_to_be_had_before_the_door(guarded: Flask, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE"):
        answer = guarded.test_client().open(path, method=method)
        assert answer.status_code == 403, (method, path)
        assert answer.text == ("" if method == "HEAD" else "knock"), (method, path)


def test_the_door_is_asked_before_host_and_origin(guarded: Flask) -> None:
    client = guarded.test_client()
    assert client.get("/", headers={"Host": "evil.example"}).text == "knock"
    assert client.post("/sign-in", headers={"Origin": "https://evil.example"}).text == "knock"
    friend = {"X-Friend": "yes", "Origin": "https://evil.example"}
    assert client.post("/sign-in", headers=friend).status_code == 403
    assert "knock" not in client.post("/sign-in", headers=friend).text, "then the others look"


def test_whoever_is_let_in_sees_everything(guarded: Flask) -> None:
    client, friend = guarded.test_client(), {"X-Friend": "yes"}
    assert client.get("/sign-in", headers=friend).status_code == 200
    assert client.get("/plugins/y/knock", headers=friend).text == "y asks"
    assert client.get("/nowhere", headers=friend).status_code == 404


def test_its_own_pages_and_files_are_before_it_but_not_what_hangs_in_rooms(guarded: Flask) -> None:
    client = guarded.test_client()
    assert client.get("/plugins/x/knock").text == "x asks"
    assert client.get("/plugins/x/static/door.css").status_code == 200
    assert client.get("/api/rooms/none/x/who").text == "knock"


def test_programs_that_prove_themselves_are_not_asked(guarded: Flask) -> None:
    client = guarded.test_client()
    for probe in ("/healthz", "/readyz", "/metrics"):
        assert client.get(probe).text != "knock"
    assert client.post("/api/livekit/webhook").status_code == 401
    asked = client.get("/api/internal/livekit/connect", headers={"X-Forwarded-Uri": "/rtc?access_token=x"})
    assert asked.status_code == 401


def test_of_two_doors_each_must_let_in(make_app: Make, install: Install) -> None:
    def closed() -> Response:
        return Response("closed", 403)

    install("x", blueprints=lambda: [site("x"), FrontDoor(only_friends)])
    install("y", blueprints=lambda: [site("y"), FrontDoor(closed)])
    client = make_app("x", "y").test_client()
    assert client.get("/").text == "knock"
    assert client.get("/", headers={"X-Friend": "yes"}).text == "closed"
    assert client.get("/plugins/x/knock").text == "closed", "its own page is before its own door alone"


def fails() -> None:
    raise RuntimeError("the list of friends is lost")


def talks() -> Any:
    return "come in"


def aborts() -> None:
    abort(404)


@pytest.mark.parametrize("door", [fails, talks, aborts])
def test_a_door_that_fails_is_shut(make_app: Make, install: Install, door: Callable[[], Any]) -> None:
    install("x", blueprints=lambda: [FrontDoor(door)])
    app = make_app("x")
    client = app.test_client()
    shown, told = client.get("/sign-in"), client.get("/api/openapi.json")
    assert shown.status_code == told.status_code == 503
    assert "Please tell whoever runs this installation" in shown.text
    assert "friends" not in shown.text and told.json["code"] == "door_fails"
    [*_others, failure] = app.extensions["audimax_plugins"].failures
    assert failure.plugin == "x"


def test_a_door_that_hangs_is_shut(make_app: Make, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs() -> None:
        time.sleep(60)

    monkeypatch.setattr(front_doors, "SECONDS", 0.2)
    install("x", blueprints=lambda: [FrontDoor(hangs)])
    assert make_app("x").test_client().get("/sign-in").status_code == 503


def test_a_door_may_refuse_in_words(make_app: Make, install: Install) -> None:
    def refuses() -> None:
        raise Refusal(403, "Only on weekdays.", code="weekend")

    install("x", blueprints=lambda: [FrontDoor(refuses)])
    app = make_app("x")
    assert app.test_client().get("/api/openapi.json").json["code"] == "weekend"
    assert "Only on weekdays." in app.test_client().get("/").text
    assert not app.extensions["audimax_plugins"].failures


def test_a_door_with_nobody_to_ask_stops_the_start(make_app: Make, install: Install) -> None:
    install("x", blueprints=lambda: [FrontDoor("me")])  # type: ignore[arg-type]
    with pytest.raises(PluginError, match="plugin 'x': its front door has nobody to ask; give FrontDoor"):
        make_app("x")


def test_without_a_door_nobody_is_asked(make_app: Make, install: Install) -> None:
    install("x", blueprints=lambda: [site("x")])
    functions = make_app("x").before_request_funcs[None]
    assert not any("front_doors" in getattr(getattr(f, "func", f), "__module__", "") for f in functions)
