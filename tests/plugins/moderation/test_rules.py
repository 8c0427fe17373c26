"""Who gets in and what is left to whom, on a real database; LiveKit is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core.db import db
from core.lectures.models import Lecture, Participant
from core.livekit.client import LiveKit
from core.rooms.models import Room


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("moderation")


@pytest.fixture
def host(
    app: Flask, make_user: Any, make_room: Any, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """``host("lock", on=True)`` calls one action in the room ``host.room``, where a lecture runs."""
    monkeypatch.setattr(LiveKit, "must_be_reachable", lambda self: None)
    owner = make_user()
    key, room, code = make_room(owner)
    with app.app_context():
        db.session.add(Lecture(room_id=key, title="Today", started_by_id=owner))
        db.session.commit()
    client = sign_in(owner)

    def call(action: str, **body: Any) -> Any:
        answer = client.post(f"/api/rooms/{room}/moderation/{action}", json=body)
        assert answer.status_code < 300, answer.text
        return answer

    def undo(what: str) -> None:
        assert client.delete(f"/api/rooms/{room}/moderation/{what}").status_code == 204

    call.room, call.code, call.undo = room, code, undo  # type: ignore[attr-defined]
    call.get = lambda what: client.get(f"/api/rooms/{room}/moderation/{what}").json  # type: ignore[attr-defined]
    call.patch = lambda **body: client.patch(f"/api/rooms/{room}", json=body)  # type: ignore[attr-defined]
    return call


def join(client: Any, host: Any, **body: Any) -> Any:
    return client.post(f"/api/rooms/{host.room}/join", json={"name": "Bob", **body})


def code_of(app: Flask, host: Any) -> str:
    with app.app_context():
        return str(db.session.query(Room).filter_by(public_id=host.room).one().code)


def row_of(app: Flask, identity: str) -> Any:
    with app.app_context():
        return db.session.query(Participant).filter_by(identity=identity).one()


def test_a_banned_person_is_denied_also_by_a_new_link_until_unbanned(app: Flask, host: Any) -> None:
    bob = app.test_client()
    identity = join(bob, host).json["identity"]
    ban = host(f"people/{identity}/ban", reason="Noise").json["id"]
    assert host(f"people/{identity}/ban", reason="Noise").json["id"] == ban
    host("change-locks", reason="")
    assert row_of(app, identity).removed_at is not None
    assert "banned" in join(bob, host).json["detail"]
    host.undo(f"bans/{ban}")
    host.undo(f"bans/{ban}")
    assert join(bob, host, code=code_of(app, host)).status_code == 200


def test_equal_browsers_alone_are_not_banned(app: Flask, host: Any) -> None:
    identity = join(app.test_client(), host, fingerprint="a" * 64).json["identity"]
    host(f"people/{identity}/ban", reason="Noise")
    assert join(app.test_client(), host, fingerprint="a" * 64).status_code == 200


def test_who_was_removed_may_come_back_unless_the_room_is_locked(app: Flask, host: Any) -> None:
    bob, ann = app.test_client(), app.test_client()
    first = join(bob, host).json["identity"]
    join(ann, host)
    host(f"people/{first}/remove", reason="")
    assert join(bob, host).json["identity"] != first
    host("lock", on=True)
    assert join(ann, host).status_code == 200
    assert "locked" in join(app.test_client(), host).json["detail"]


def test_after_the_locks_were_changed_newcomers_need_the_new_link(app: Flask, host: Any) -> None:
    inside = app.test_client()
    join(inside, host)
    host("change-locks", reason="")
    assert join(inside, host).status_code == 200
    assert join(app.test_client(), host, code=host.code).status_code == 403


def test_a_panic_holds_for_those_who_come_later_until_it_ends(app: Flask, host: Any) -> None:
    first = join(app.test_client(), host).json["identity"]
    host("panic", on=True, chat=True)
    late = join(app.test_client(), host).json["identity"]
    assert not any(vars(row_of(app, late).grants).values())
    host(f"people/{first}/floor", on=True)
    assert row_of(app, first).microphone and not row_of(app, late).microphone
    host("panic", on=False)
    assert row_of(app, late).microphone


def test_a_mute_survives_a_reload(app: Flask, host: Any) -> None:
    bob = app.test_client()
    identity = join(bob, host).json["identity"]
    host("mute-all", reason="")
    assert join(bob, host).json["identity"] == identity
    assert not row_of(app, identity).microphone
    host(f"people/{identity}/take", microphone=True, reason="")
    assert row_of(app, identity).microphone


@pytest.mark.parametrize(
    ("action", "left"), [("mute-all", (False, True, True)), ("hide-all", (False, False, False))]
)
def test_what_is_taken_from_all_stays_taken_and_can_be_given_back(
    app: Flask, host: Any, action: str, left: tuple[bool, ...]
) -> None:
    people = [join(app.test_client(), host).json["identity"] for _ in range(3)]
    host(action, reason="")
    host(action, reason="")
    for identity in people:
        row = row_of(app, identity)
        assert (row.microphone, row.camera, row.screen) == left
    host("give-all", reason="")
    assert all(row_of(app, identity).microphone for identity in people)


@pytest.mark.parametrize("source", ["microphone", "camera", "screen"])
def test_one_source_of_one_person_is_stopped(app: Flask, host: Any, source: str) -> None:
    bob = app.test_client()
    identity = join(bob, host).json["identity"]
    host(f"people/{identity}/take", reason="", **{source: False})
    join(bob, host)
    row = row_of(app, identity)
    assert {name: getattr(row, name) for name in ("microphone", "camera", "screen")} == {
        name: name != source for name in ("microphone", "camera", "screen")
    }


def test_a_newcomer_from_a_banned_network_waits_where_the_owner_wants_it(app: Flask, host: Any) -> None:
    host.patch(plugins={"moderation": {"enabled": True, "settings": {"network_waits": True}}})
    stays = app.test_client()
    join(stays, host, name="Ann")
    identity = join(app.test_client(), host).json["identity"]
    host(f"people/{identity}/ban", reason="Noise")
    newcomer = app.test_client()
    assert join(newcomer, host, name="Eve").json["status"] == "waiting"
    assert join(stays, host, name="Ann").json["status"] == "admitted", "who was inside isn't a newcomer"
    (waits,) = host.get("newcomers")["newcomers"]
    assert waits["name"] == "Eve"
    host("let-in", id=waits["id"])
    assert join(newcomer, host, name="Eve").json["status"] == "admitted"
    assert host.get("newcomers") == {"newcomers": []}


def test_a_ban_by_an_earlier_identity_puts_out_who_came_back(app: Flask, host: Any) -> None:
    bob = app.test_client()
    first = join(bob, host).json["identity"]
    host(f"people/{first}/remove", reason="")
    second = join(bob, host).json["identity"]
    host(f"people/{first}/ban", reason="Noise")
    assert row_of(app, second).removed_at is not None
