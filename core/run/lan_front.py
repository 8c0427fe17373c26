"""What stands before the web of the local network, so that one HTTPS address is enough for everything.

Signalling is handed on to the gate, byte by byte: it decides. What is for programs of this machine isn't
there. Who typed the machine's name is led to its address, which certificates, links and cookies are for.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from core.config import Config
from core.livekit.gateway import PATHS

VARIABLE = "AUDIMAX_GATE_BEHIND"
INTERNAL = ("/api/internal/", "/api/livekit/")
# Of what a browser says, what the gate has to know. No cookie is among it.
HANDED_ON = ("UPGRADE", "CONNECTION", "AUTHORIZATION", "ORIGIN", "USER_AGENT")
WEBSOCKET = "SEC_WEBSOCKET_"
CHUNK = 64 * 1024
CONNECT_SECONDS = 5.0
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def init_app(app: Flask) -> None:
    """Stand before the app where `audimax run` asks for it, else do nothing."""
    behind = os.environ.get(VARIABLE, "")
    if behind:
        settings: Config = app.extensions["audimax_config"]
        made = Front(app.wsgi_app, settings.public_url, behind)
        app.wsgi_app = made  # type: ignore[assignment, method-assign]
        app.extensions["audimax_lan_front"] = made


class Front:
    """``behind`` is the gate's ``host:port``."""

    def __init__(self, app: App, public_url: str, behind: str) -> None:
        host, _colon, port = behind.rpartition(":")
        self._app, self._url, self._gate = app, public_url.rstrip("/"), (host, int(port))
        self._host = urlsplit(public_url).hostname
        self._open: set[socket.socket] = set()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(INTERNAL):
            return _say(start, "404 Not Found")
        if _host_of(environ) != self._host:
            return _say(start, "302 Found", [("Location", self._url + _path_of(environ))])
        if path in PATHS and environ.get("REQUEST_METHOD") == "GET":
            return self._hand_on(environ, start)
        return self._app(environ, start)

    def close(self) -> None:
        """The web ends: browsers connect again to the one that comes after it."""
        for one in list(self._open):
            _end(one)

    def _hand_on(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        try:
            gate = socket.create_connection(self._gate, CONNECT_SECONDS)
        except OSError:
            return _say(start, "503 Service Unavailable", [("Retry-After", "2")])
        gate.settimeout(None)
        browser = environ["gunicorn.socket"]
        self._open.add(browser)
        try:
            gate.sendall(head(environ))
            _pump_both(browser, gate)
        except OSError:
            # One of them has gone, and so does the other.
            pass
        finally:
            self._open.discard(browser)
            _end(gate)
            _end(browser)
        # As flask-sock does it: the connection is used up, gunicorn has nothing to say any more.
        raise StopIteration


def head(environ: dict[str, Any]) -> bytes:
    """The request as the gate gets it; it may end the connection after an answer that isn't a socket."""
    said = {name: environ[f"HTTP_{name}"] for name in HANDED_ON if f"HTTP_{name}" in environ}
    said |= {key[5:]: value for key, value in environ.items() if key.startswith(f"HTTP_{WEBSOCKET}")}
    if "UPGRADE" not in said:
        said["CONNECTION"] = "close"
    said["HOST"] = environ["HTTP_HOST"]
    lines = [f"GET {environ['RAW_URI']} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in said.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _pump_both(browser: Any, gate: Any) -> None:
    """Carry bytes both ways until one side ends."""
    back = threading.Thread(target=_pump, args=(gate, browser), daemon=True)
    back.start()
    try:
        _pump(browser, gate)
    finally:
        _end(gate)
        back.join()


def _pump(source: Any, sink: Any) -> None:
    try:
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
    except OSError:
        # Closed under our hands: the end, like any other.
        pass
    finally:
        _end(source)
        _end(sink)


def _end(one: Any) -> None:
    """Whoever reads from it or writes to it notices."""
    with suppress(OSError):
        # That of TLS would take the cipher away from whoever is just reading.
        socket.socket.shutdown(one, socket.SHUT_RDWR)


def _host_of(environ: dict[str, Any]) -> str:
    try:
        return urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname or ""
    except ValueError:
        return ""


def _path_of(environ: dict[str, Any]) -> str:
    path = str(environ.get("RAW_URI", ""))
    return path if path.startswith("/") else "/"


def _say(start: Any, status: str, headers: list[tuple[str, str]] | None = None) -> Iterable[bytes]:
    start(status, [("Content-Length", "0"), ("Cache-Control", "no-store"), *(headers or [])])
    return [b""]
