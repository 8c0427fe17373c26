"""Ten thousand joins a minute from one address, and a real guest from another."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from core.http.limits import limiter
from tests.hostile.conftest import World


def test_ten_thousand_joins_from_one_address_keep_no_guest_of_another_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All in one minute, however busy the machine is.
    begun = time.time()
    monkeypatch.setattr("limits.storage.memory.time", SimpleNamespace(time=lambda: begun))
    path, body = f"/api/rooms/{world.ours.id}/join", {"name": "Many"}
    # The guest of our room has joined already, from the same address. Most of those who may are only counted.
    counts = limiter._storage.storage
    (joins,) = (key for key in counts if world.ours.id in key)
    assert counts[joins] == 1
    counts[joins] += 2_799
    statuses = [world.nobody().post(path, json=body).status_code for _ in range(7_200)]
    assert (statuses.count(200), statuses.count(429)) == (200, 7_000)
    refused = world.nobody().post(path, json=body)
    assert "Too many" in refused.json["detail"] and 0 < int(refused.headers["Retry-After"]) <= 60
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    guest = world.nobody().post(path, json={"name": "Real"}, environ_base=elsewhere)
    assert guest.json["status"] == "admitted"
    other_room = world.nobody().post(f"/api/rooms/{world.theirs.id}/join", json=body)
    assert other_room.status_code == 200, "a lecture hall behind one address fills each room for itself"
