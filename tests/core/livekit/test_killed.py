"""The whole product, its processes killed in turn during a call: nobody is lost for long."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.fixtures.livekit import Attendee, held_for, until
from tests.fixtures.product import Product


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of these tests' own: others shall not meet their dead."""
    made = Product(tmp_path_factory.mktemp("killed") / "instance").start()
    yield made
    made.stop()


class Browser:
    """Somebody's cookies and manners."""

    def __init__(self, product: Product) -> None:
        self.url = product.url
        self.session = requests.Session()
        self.session.headers["Origin"] = product.url
        self.session.trust_env = False

    def post(self, path: str, **body: Any) -> requests.Response:
        return self.session.post(self.url + path, json=body, timeout=30)

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, timeout=30)


class Call:
    """A running lecture with a host who speaks and a guest who listens."""

    def __init__(self, product: Product) -> None:
        self.product, self.people = product, list[Attendee]()
        self.host = Browser(product)
        self.room = self._room()
        self.lecture = self.host.post(f"/api/rooms/{self.room}/start").json()["lecture_id"]
        self.speaker, self.voice = self._connected(self.host.post(f"/api/rooms/{self.room}/token").json())
        self.guest = Browser(product)
        self.listener = self.join(self.guest, "Grace")
        self.voice.speak()
        self.listener.hears(self.speaker)

    def _room(self) -> str:
        with contextlib.suppress(requests.RequestException):
            self.host.session.post(
                self.product.set_up_link,
                data={"name": "Ada", "email": "ada@uni.example", "password": "a long pass phrase"},
                timeout=30,
            )
        self.host.session.post(
            self.product.url + "/sign-in",
            data={"email": "ada@uni.example", "password": "a long pass phrase"},
            timeout=30,
        )
        made = self.host.post("/api/rooms", title="Algorithms II")
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def join(self, browser: Browser, name: str) -> Attendee:
        """Through join and gate, tried again while a server says 503."""
        answer = until(lambda: self.admitted(browser, name), what=f"{name} is let in")
        return self._connected(answer)[1]

    def admitted(self, browser: Browser, name: str) -> dict[str, Any] | None:
        with contextlib.suppress(requests.RequestException):
            answer = browser.post(f"/api/rooms/{self.room}/join", name=name)
            if answer.status_code == 200:
                return dict(answer.json())
        return None

    def _connected(self, answer: dict[str, Any]) -> tuple[str, Attendee]:
        person = Attendee(answer["livekit_url"], answer["token"])
        self.people.append(person)
        person.connect()
        return answer["identity"], person


@pytest.fixture
def call(product: Product) -> Iterator[Call]:
    made = Call(product)
    yield made
    for person in made.people:
        person.leave()
    made.host.post(f"/api/rooms/{made.room}/end")


def test_the_web_killed_nobody_drops_out_and_joins_work_again(product: Product, call: Call) -> None:
    product.kill("gunicorn")
    call.listener.hears(call.speaker, 100)
    late = until(lambda: call.admitted(Browser(product), "Alan"), 15)
    assert late["status"] == "admitted"
    assert call.listener.happened == []


def test_the_database_killed_nobody_drops_out_and_joins_work_again(product: Product, call: Call) -> None:
    product.kill("postgres", "-D")
    call.listener.hears(call.speaker, 100)
    late = call.join(Browser(product), "Alan")
    late.hears(call.speaker)
    assert call.listener.happened == []


def test_the_gate_killed_signalling_comes_back_and_sound_goes_on(product: Product, call: Call) -> None:
    product.kill("core.livekit.gateway")
    call.listener.hears(call.speaker, 100)
    until(lambda: "reconnected" in call.listener.happened, 60)
    call.listener.hears(call.speaker)


def test_livekit_killed_its_room_is_opened_again_and_the_lecture_goes_on(
    product: Product, call: Call
) -> None:
    product.kill("livekit.yaml")
    # The SDK gives up sooner than a page, which joins anew: so do these.
    until(lambda: "reconnected" in call.listener.happened or call.listener.why_gone is not None, 60)
    if not call.voice.is_in:
        _, call.voice = call._connected(until(lambda: token_for_host(call), what="the host gets a token"))
        call.voice.speak()
    listener = call.listener if call.listener.is_in else call.join(call.guest, "Grace")
    listener.hears(call.speaker)
    again = call.host.post(f"/api/rooms/{call.room}/start").json()["lecture_id"]
    assert again == call.lecture
    assert held_for(lambda: listener.is_in, 0.5)


def token_for_host(call: Call) -> dict[str, Any] | None:
    with contextlib.suppress(requests.RequestException):
        answer = call.host.post(f"/api/rooms/{call.room}/token")
        if answer.status_code == 200:
            return dict(answer.json())
    return None
