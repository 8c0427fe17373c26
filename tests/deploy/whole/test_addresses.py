"""Who is counted, who is let in: the address that the proxy sees, whatever is claimed."""

from __future__ import annotations

import itertools
import socket

import psutil
import pytest
import redis

from tests.deploy.whole.installation import Installation
from tests.deploy.whole.visitor import Visitor

ADA, EVE, KAY = "127.0.7.1", "127.0.7.2", "127.0.7.3"
ADDRESS_TRIES, SIGN_INS = 5, 10
CLAIMS = ("X-Forwarded-For", "X-Real-IP", "X-Client-IP")


def guess(visitor: Visitor, room: str, pin: str, **claimed: str) -> int:
    body = {"name": "Somebody", "answer": {"field": "pin", "value": pin}}
    return visitor.post(f"/api/rooms/{room}/join", body, headers=claimed).status_code


@pytest.fixture
def room_with_pin(emmy: Visitor) -> tuple[str, str]:
    room = emmy.make_room("Secrets")
    pin = emmy.made(f"/api/rooms/{room}/pin/make")["pin"]
    emmy.made(f"/api/rooms/{room}/start")
    return room, pin


def test_wrong_pins_are_counted_by_the_real_address_whatever_is_claimed(
    installation: Installation, room_with_pin: tuple[str, str]
) -> None:
    room, pin = room_with_pin
    eve = Visitor(installation, EVE)
    # Each time she is somebody else, as she says.
    claims = (dict.fromkeys(CLAIMS, f"203.0.113.{n}") for n in range(200))
    said = itertools.takewhile(
        lambda status: status != 429, (guess(eve, room, "wrong", **one) for one in claims)
    )
    # On a slow machine the first is forgotten before the last.
    assert ADDRESS_TRIES <= len(list(said)) < 200
    # Whom she claims to be, and everybody else, has all tries left.
    assert guess(Visitor(installation, ADA), room, "wrong") == 200
    assert guess(Visitor(installation, KAY), room, pin) == 200


def test_an_address_that_somebody_claims_is_in_no_line_of_the_logs(
    installation: Installation, emmy: Visitor
) -> None:
    claimed = "198.51.100.77"
    Visitor(installation, EVE).ask(
        "POST",
        "/sign-in",
        data={"email": "eve@uni.example", "password": "x"},
        headers={"X-Forwarded-For": claimed},
    )
    for name in ("web-a", "web-b"):
        assert claimed not in installation.programs[name].said


def test_tries_to_sign_in_are_counted_in_redis_for_both_webs(
    installation: Installation, emmy: Visitor
) -> None:
    eve = Visitor(installation, EVE)
    said = [eve.try_to_sign_in("nobody@uni.example", "guess").status_code for _ in range(SIGN_INS + 2)]
    assert said[SIGN_INS:] == [429, 429]
    assert 429 not in said[:SIGN_INS]
    assert Visitor(installation, KAY).try_to_sign_in("nobody@uni.example", "guess").status_code != 429
    counts = redis.Redis(
        installation.addresses.of["redis"], password=installation.made.given["REDIS_PASSWORD"]
    )
    keys = b" ".join(counts.keys())
    assert b"sign-in-here" in keys and EVE.encode() in keys


def test_redis_asks_for_its_password(installation: Installation) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(installation.addresses.of["redis"]).keys()


@pytest.mark.optional
def test_figures_are_not_for_people_outside(installation: Installation, emmy: Visitor) -> None:
    if not (outside := address_of_this_machine()):
        pytest.skip("this machine has no address but the loopback ones, which may read figures")
    visitor = Visitor(installation, outside)
    assert visitor.get("/metrics").status_code == 404
    assert visitor.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404
    assert "said" not in visitor.get("/readyz").text
    token = installation.made.given["AUDIMAX_METRICS_TOKEN"]
    assert visitor.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def address_of_this_machine() -> str:
    """One that isn't a loopback address."""
    every = (one for part in psutil.net_if_addrs().values() for one in part if one.family == socket.AF_INET)
    return next((one.address for one in every if not one.address.startswith("127.")), "")


def test_the_dev_gate_lets_in_by_the_real_address(installation: Installation, emmy: Visitor) -> None:
    enabled = f"{installation.made.given['AUDIMAX_ENABLED_PLUGINS']},dev_gate"
    installation.replace("web-b", AUDIMAX_ENABLED_PLUGINS=enabled, ALLOWED_IPS=ADA)
    try:
        installation.stop("web-a")
        assert Visitor(installation, ADA).get("/sign-in").status_code == 200
        assert Visitor(installation, EVE).get("/sign-in").status_code == 403
        claimed = {"X-Forwarded-For": ADA, "X-Real-IP": ADA}
        assert Visitor(installation, EVE).get("/sign-in", headers=claimed).status_code == 403
    finally:
        installation.start_again("web-a")
        installation.replace("web-b")
