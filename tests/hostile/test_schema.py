"""Schemathesis over our own description of the API: whatever fits it, and whatever doesn't."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.db import db
from core.files import stored as files
from core.lectures.models import Lecture, Participant
from core.rooms.models import Room
from tests.conftest import ORIGIN
from tests.hostile.conftest import STREAMS, World, forget_tries

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 16
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def operations() -> list[str]:
    """Core's JSON routes, by method and rule."""
    return [
        "GET /api/rooms", "POST /api/rooms", "GET /api/rooms/by-code/<code>", "GET /api/rooms/<room_id>",
        "PATCH /api/rooms/<room_id>", "DELETE /api/rooms/<room_id>", "POST /api/rooms/<room_id>/archive",
        "DELETE /api/rooms/<room_id>/archive", "POST /api/rooms/<room_id>/code", "POST /api/rooms/<room_id>/hosts",
        "DELETE /api/rooms/<room_id>/hosts/<user_id>", "POST /api/rooms/<room_id>/join",
        "POST /api/rooms/<room_id>/token", "POST /api/rooms/<room_id>/start", "POST /api/rooms/<room_id>/end",
        "POST /api/rooms/<room_id>/leave", "GET /api/rooms/<room_id>/form", "GET /api/rooms/<room_id>/plugins",
        "POST /api/rooms/<room_id>/node",
        "POST /api/rooms/<room_id>/quality",
        "GET /api/uploads/<upload_id>", "PATCH /api/uploads/<upload_id>", "DELETE /api/uploads/<upload_id>",
        "POST /api/uploads/<upload_id>/address", "POST /api/uploads/<upload_id>/complete", "GET /api/openapi.json",
    ]  # fmt: skip


def described(app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", app)


def cookies_of(client: Any) -> dict[str, str]:
    found = (client.get_cookie(name, domain="localhost") for name in ("audimax", "audimax-guest"))
    return {cookie.key: cookie.value for cookie in found if cookie is not None}


def test_every_route_is_attacked(app: Flask) -> None:
    found = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], "audimax_view")
        # What stays open has no answer that a schema could describe.
        if rule.endpoint not in STREAMS and not rule.rule.startswith("/ws/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == set(operations())


@pytest.mark.parametrize("who", ["stranger", "guest", "host"])
@pytest.mark.parametrize("operation", operations())
def test_nothing_that_is_sent_breaks_the_promises_of_the_document(
    world: World, make_room: Any, operation: str, who: str
) -> None:
    method, _space, rule = operation.partition(" ")
    api = described(world.app)[rule.replace("<", "{").replace(">", "}")][method]
    cookies, us = cookies_of(world.people()[who]), world.ours
    known = {
        "room_id": us.id,
        "code": us.code,
        "user_id": us.co_host_id,
        "upload_id": begun_by(who, us, world),
    }

    @bounded
    @given(case=_fitting_or_not(api), there=st.sampled_from([True, True, True, False]))
    def attack(case: Any, there: bool) -> None:
        if there:
            case.path_parameters = {name: known[name] for name in case.path_parameters or {}}
            _bring_back(world, us.room)
        # Ours are the headers of a browser; what else may be in them is tried in test_input.py.
        case.headers, case.cookies = {}, cookies
        forget_tries()
        answer = case.call(headers={"Origin": ORIGIN}, cookies=cookies)
        case.validate_response(answer, checks=CHECKS)

    attack()


def begun_by(who: str, place: Any, world: World) -> str:
    """An upload of theirs, or of the host's for who has none."""
    with world.app.app_context():
        lecture = db.session.scalars(db.select(Lecture).filter_by(public_id=place.lecture)).one()
        guest = db.session.scalars(
            db.select(Participant).filter_by(lecture_id=lecture.id, role="guest")
        ).one()
        sender: dict[str, Any] = {"participant": guest} if who == "guest" else {"user": lecture.started_by}
        made = files.begin(lecture, "files", name="slides.pdf", size=10, mime="application/pdf", **sender)
        db.session.commit()
        return made.public_id


def _fitting_or_not(api: Any) -> Any:
    """Bodies and queries that fit their model, and as many that don't."""
    if not api.body and not api.query:
        return api.as_strategy()
    return st.one_of(api.as_strategy(), api.as_strategy(generation_mode=GenerationMode.NEGATIVE))


def _bring_back(world: World, room: int) -> None:
    """An archived room is opened again, so that the next try reaches as far as the first."""
    with world.app.app_context():
        found = db.session.get(Room, room)
        if found is not None and found.archived_at is not None:
            found.archived_at = None
            db.session.commit()


def test_the_document_is_the_same_for_everybody(world: World) -> None:
    assert len({client.get("/api/openapi.json").text for client in world.people().values()}) == 1
