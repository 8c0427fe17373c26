"""Guest sessions: who a browser without an account is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db, now
from core.people import guests
from core.people.models import GuestSession
from tests.core.people.conftest import log_in


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """Core with three routes that do what joining does."""
    app = make_app()

    @app.post("/test/join")
    def join() -> dict[str, Any]:
        made = guests.guest_session(create=True)
        db.session.commit()
        return {"id": made.id if made else None}

    @app.post("/test/else")
    def join_as_someone_else() -> dict[str, Any]:
        made = guests.new_guest()
        db.session.commit()
        return {"id": made.id}

    @app.get("/test/who")
    def who() -> dict[str, Any]:
        found, joining = guests.current_guest(), guests.guest_session()
        return {"id": found.id if found else None, "joining": joining.id if joining else None}

    return app


def _join(client: FlaskClient) -> Any:
    answer = client.post("/test/join")
    assert answer.json is not None
    return answer.json["id"]


def _who(client: FlaskClient) -> Any:
    return client.get("/test/who").json


def _cookie(client: FlaskClient) -> Any:
    return client.get_cookie("audimax-guest")


def _age(app: Flask, hours: float) -> None:
    with app.app_context():
        db.session.execute(sa.update(GuestSession).values(last_seen_at=now() - timedelta(hours=hours)))
        db.session.commit()


def test_a_browser_comes_back_as_the_same_guest(client: FlaskClient) -> None:
    assert _join(client) == _join(client)


def test_looking_makes_no_guest(client: FlaskClient) -> None:
    assert _who(client) == {"id": None, "joining": None}
    assert _cookie(client) is None


def test_two_browsers_are_two_guests(client: FlaskClient, app: Flask) -> None:
    assert _join(client) != _join(app.test_client())


def test_the_secret_is_hidden_from_scripts_and_stored_hashed(client: FlaskClient, app: Flask) -> None:
    answer = client.post("/test/join")
    header = answer.headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    with app.app_context():
        stored = db.session.scalars(sa.select(GuestSession)).one()
        assert _cookie(client).value not in stored.token_hash
        assert len(stored.token_hash) == 64


def test_after_twelve_idle_hours_joining_starts_over(client: FlaskClient, app: Flask) -> None:
    first = _join(client)
    _age(app, 11.9)
    assert _join(client) == first
    _age(app, 12.1)
    assert _who(client) == {"id": first, "joining": None}
    assert _join(client) != first


def test_joining_as_someone_else_takes_the_old_secret_away(client: FlaskClient) -> None:
    first = _join(client)
    secret = _cookie(client).value
    assert client.post("/test/else").json != {"id": first}
    assert _cookie(client).value != secret


@pytest.mark.parametrize("value", ["", "x", "a" * 3000, "é", "../../etc", "' OR 1=1 --"])
def test_a_made_up_secret_is_nobody(client: FlaskClient, value: str) -> None:
    client.set_cookie("audimax-guest", value)
    assert _who(client) == {"id": None, "joining": None}


def test_signing_in_gives_the_same_guest_a_new_secret(client: FlaskClient, app: Flask, ada: int) -> None:
    guest = _join(client)
    planted = _cookie(client).value
    log_in(client)
    assert _who(client)["id"] == guest
    thief = app.test_client()
    thief.set_cookie("audimax-guest", planted)
    assert _who(thief)["id"] is None
    with app.app_context():
        assert db.session.get_one(GuestSession, guest).user_id == ada


def test_a_guest_of_another_account_is_not_taken_over(
    client: FlaskClient, ada: int, make_user: Callable[..., int], app: Flask
) -> None:
    guest = _join(client)
    bob = make_user("bob@uni.example")
    with app.app_context():
        db.session.execute(sa.update(GuestSession).values(user_id=bob))
        db.session.commit()
    log_in(client)
    assert _who(client)["id"] is None
    assert _join(client) != guest


def test_signing_out_leaves_no_guest_behind(client: FlaskClient, ada: int) -> None:
    _join(client)
    log_in(client)
    client.post("/sign-out")
    assert _who(client)["id"] is None
    assert _cookie(client) is None


def test_under_https_the_secret_carries_the_host_prefix(make_app: Callable[..., Flask]) -> None:
    app = make_app(public_url="https://talk.uni.example")
    with app.test_request_context(base_url="https://talk.uni.example"):
        guests.new_guest()
        header = app.process_response(app.response_class()).headers["Set-Cookie"]
        db.session.rollback()
    assert header.startswith("__Host-audimax-guest=")
    assert "Secure" in header
    assert "Domain" not in header
