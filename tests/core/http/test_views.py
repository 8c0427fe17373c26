"""Typed views: roles, bodies, problems, and the OpenAPI document."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from pydantic import Field

from core.contracts import ADMINS, EVERYONE, HOSTS
from core.errors import LiveKitDown, Refusal
from core.http.openapi import describe
from core.http.views import SIGNED_IN, Answer, Body, here, view

bp = Blueprint("sample", __name__)


class Wish(Body):
    """What is wished for."""

    title: str = Field(max_length=10)
    count: int = Field(1, ge=1, le=5)


class Granted(Answer):
    title: str
    note: str | None = None


@bp.post("/api/sample")
@view(roles=EVERYONE, body=Wish, answer=Granted, status=201)
def wish(body: Wish) -> Granted:
    """Wish for something."""
    return Granted(title=body.title * body.count)


@bp.get("/api/rooms/<room_id>/sample")
@view(roles=HOSTS)
def of_hosts() -> dict[str, Any]:
    """Only for hosts."""
    return {"room": here.room.title, "role": here.caller.role}


@bp.get("/api/sample/mine")
@view(roles=SIGNED_IN)
def mine() -> dict[str, Any]:
    """For everybody with an account."""
    return {}


@bp.get("/api/sample/admin")
@view(roles=ADMINS)
def of_admins() -> dict[str, Any]:
    """Only for admins."""
    return {}


@bp.get("/api/sample/limited")
@view(roles=EVERYONE, limit="2/hour")
def limited() -> dict[str, Any]:
    """Twice an hour."""
    return {}


@bp.get("/api/sample/<what>")
@view(roles=EVERYONE)
def fails(what: str) -> None:
    """Breaks."""
    raise {"refusal": Refusal(409, "Not now."), "livekit": LiveKitDown("x")}.get(
        what, ZeroDivisionError("secret")
    )


@pytest.fixture
def sample(app: Flask) -> FlaskClient:
    app.register_blueprint(bp)
    app.testing = False
    return app.test_client()


def test_a_right_body_is_answered(sample: FlaskClient) -> None:
    answer = sample.post("/api/sample", json={"title": "ab", "count": 2})
    assert (answer.status_code, answer.json) == (201, {"title": "abab"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": 5}, "title"),
        ({"title": "x" * 11}, "title"),
        ({"title": "x", "count": 0}, "count"),
        ({"title": "x", "more": 1}, "more"),
        ([], ""),
        ({"title": "a\u0000b"}, ""),
    ],
)
def test_a_wrong_body_is_answered_with_the_field(sample: FlaskClient, body: Any, field: str) -> None:
    answer = sample.post("/api/sample", json=body)
    assert answer.status_code == 422 and answer.mimetype == "application/problem+json"
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_what_is_no_json_is_refused_in_words(sample: FlaskClient) -> None:
    assert sample.post("/api/sample", data="{", content_type="application/json").status_code == 422
    assert sample.post("/api/sample", data="a=b", content_type="text/plain").status_code == 415
    assert (
        sample.post("/api/sample", data=b'{"title": "\\ud800"}', content_type="application/json").status_code
        == 422
    )


def test_a_body_of_megabytes_is_refused(sample: FlaskClient) -> None:
    answer = sample.post("/api/sample", data=b" " * 1_100_000, content_type="application/json")
    assert answer.status_code == 413 and answer.json["detail"]


def test_roles_are_checked(sample: FlaskClient, make_user: Any, make_room: Any, sign_in: Any) -> None:
    owner, other, admin = make_user(), make_user(), make_user(is_admin=True)
    _key, room, _code = make_room(owner)
    assert sample.get(f"/api/rooms/{room}/sample").status_code == 403
    assert sign_in(owner).get(f"/api/rooms/{room}/sample").json["role"] == "host"
    assert sign_in(other).get(f"/api/rooms/{room}/sample").status_code == 403
    assert sign_in(admin).get(f"/api/rooms/{room}/sample").status_code == 403, "an admin is no host"
    assert sample.get("/api/rooms/nowhere/sample").status_code == 404
    assert sample.get("/api/sample/mine").status_code == 401
    assert sign_in(other).get("/api/sample/mine").status_code == 200
    assert sign_in(other).get("/api/sample/admin").status_code == 403
    assert sign_in(admin).get("/api/sample/admin").status_code == 200


def test_limits_answer_with_the_seconds_to_wait(sample: FlaskClient) -> None:
    answers = [sample.get("/api/sample/limited") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) > 0


def test_errors_are_told_without_their_inside(sample: FlaskClient) -> None:
    assert sample.get("/api/sample/refusal").json["detail"] == "Not now."
    assert sample.get("/api/sample/livekit").json["code"] == "livekit_down"
    unexpected = sample.get("/api/sample/other")
    assert unexpected.status_code == 500 and "secret" not in unexpected.text


def test_unknown_addresses_and_methods_are_problems_below_api(sample: FlaskClient) -> None:
    assert sample.get("/api/nothing").json["status"] == 404
    wrong = sample.put("/api/sample")
    assert wrong.json["status"] == 405 and "POST" in wrong.headers["Allow"]


def test_every_json_route_is_in_the_openapi_document(sample: FlaskClient, app: Flask) -> None:
    document = sample.get("/api/openapi.json").json
    assert document == describe(app)
    operation = document["paths"]["/api/sample"]["post"]
    assert operation["summary"] == "Wish for something."
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/Wish")
    described = set(document["paths"])
    routes = {r.rule for r in app.url_map.iter_rules() if r.rule.startswith("/api/")}
    hidden = {r for r in routes if r.startswith(("/api/internal/", "/api/livekit/"))}
    assert {r.replace("<", "{").replace(">", "}") for r in routes - hidden} <= described
