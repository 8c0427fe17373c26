"""People outside, by HTTP: they know the names, trust the authority, and come from addresses of their own."""

from __future__ import annotations

import ssl
from typing import Any

import requests
import websocket
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tests.deploy.whole.installation import Installation
from tests.fixtures.serving import Listener

SECONDS = 90.0
NAME, EMAIL, PASSWORD = "Emmy Noether", "emmy@uni.example", "seven quiet lecture halls"


class Visitor:
    """One browser without a picture; ``address``: where on this machine's loopback it comes from."""

    def __init__(self, there: Installation, address: str = "127.0.0.1") -> None:
        self.there, self.address = there, address
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = str(there.certificate.authority)
        self.http.headers["Origin"] = there.url
        self.http.mount("http://", _Way(there, address))
        self.http.mount("https://", _Way(there, address))

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """One request; a path is one of ours. Led elsewhere, it stays."""
        url = path if "://" in path else self.there.url + path
        return self.http.request(method, url, **{"timeout": SECONDS, "allow_redirects": False, **more})

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: dict[str, Any] | None = None, **more: Any) -> requests.Response:
        return self.ask("POST", path, json=body or {}, **more)

    def made(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What a successful POST says."""
        answer = self.post(path, body)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:500]}"
        return dict(answer.json()) if answer.content else {}

    def listen(self, path: str) -> Listener:
        answer = self.get(path, stream=True)
        assert answer.status_code == 200, answer.text
        return Listener(answer)

    def socket(self, path: str, **headers: str) -> websocket.WebSocket:
        """A WebSocket of a page of ours."""
        cookies = "; ".join(f"{one.name}={one.value}" for one in self.http.cookies)
        return websocket.create_connection(
            f"wss://{self.there.domain}{path}",
            socket=self.there.connect_tls(self.there.domain, self.address),
            origin=self.there.url,
            cookie=cookies,
            header=headers,
            timeout=SECONDS,
        )

    def sign_up(self) -> Visitor:
        """Make the first account by the printed link, and sign in."""
        person = {"name": NAME, "email": EMAIL, "password": PASSWORD}
        self.ask("POST", self.there.set_up_link, data=person)
        return self.sign_in()

    def sign_in(self, password: str = PASSWORD) -> Visitor:
        self.try_to_sign_in(EMAIL, password)
        assert self.get("/rooms/new").status_code == 200, "signed in"
        return self

    def try_to_sign_in(self, email: str, password: str) -> requests.Response:
        return self.ask("POST", "/sign-in", data={"email": email, "password": password})

    def make_room(self, title: str = "Rings and fields") -> str:
        return str(self.made("/api/rooms", {"title": title})["id"])


class _Way(HTTPAdapter):
    """Leads to the proxy without a name server."""

    def __init__(self, there: Installation, address: str) -> None:
        self._there, self._address = there, address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        there, address = self._there, self._address

        class Plain(HTTPConnection):
            def _new_conn(self) -> Any:
                return there.connect(self.host, self.port, address)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> Any:
                return there.connect(self.host, self.port, address)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def raw(there: Installation, text: str, name: str = "", address: str = "") -> bytes:
    """What is answered to a request that is sent letter by letter, whatever a library would make of it."""
    with there.connect_tls(name or there.domain, address) as line:
        line.sendall(text.encode())
        return _all(line)


def _all(line: ssl.SSLSocket) -> bytes:
    pieces = []
    while piece := line.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)
