"""Typed JSON views: what may call them, what they take, what they answer, said in one place."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from flask import Response, current_app, g, request
from flask_babel import gettext as _
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.orm import joinedload
from werkzeug.local import LocalProxy

from core.contracts import EVERYONE, Role, Viewer
from core.db import db
from core.engine import room_plugins
from core.errors import Refusal
from core.http import access, callers
from core.http.problems import no_lecture, no_room, wants_json, words
from core.http.security import client_address
from core.http.tries import Tries
from core.lectures.models import Lecture
from core.rooms.models import Room, RoomPlugin

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


class Body(BaseModel):
    """Parent of request bodies: unknown fields are refused, texts have no null bytes."""

    model_config = ConfigDict(extra="forbid", str_max_length=20_000)


class Answer(BaseModel):
    """Parent of what views answer."""


class SignedIn:
    """In place of roles: anybody with a verified account."""


SIGNED_IN = SignedIn()
Roles = Collection[Role] | SignedIn


@dataclass(frozen=True)
class ViewSpec:
    """What a view declared: read by the guards and by the OpenAPI document."""

    roles: Roles
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    status: int
    summary: str
    limit: str | None
    also: tuple[int, ...] = ()


class Here:
    """The room, lecture and caller of this request, found and checked before the view runs."""

    @property
    def room(self) -> Room:
        return cast(Room, g.here_room)

    @property
    def lecture(self) -> Lecture:
        return cast(Lecture, g.here_lecture)

    @property
    def caller(self) -> Viewer:
        if "here_caller" not in g:
            g.here_caller = _caller()
        return cast(Viewer, g.here_caller)


here = cast(Here, LocalProxy(Here))


def view(
    *,
    roles: Roles,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    status: int = 200,
    limit: str | None = None,
    limit_by: Callable[[], str] | None = None,
    finds_room: bool = False,
    also: tuple[int, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Declare a JSON view. Put it under the route decorator.

    ``roles`` may call it (a 403 for others; 404 for strangers where the room is not theirs to
    know is the view's own matter). ``room_id`` and ``lecture_id`` in the route are resolved to
    ``here.room`` and ``here.lecture`` and not passed on. ``body`` and ``query`` are pydantic
    models, passed as arguments of these names. The view returns a model, a (model, status)
    pair, None for 204, or a Response. ``limit`` is flask-limiter's text, counted by address or by
    what ``limit_by`` gives. ``finds_room``: the view takes ``room_id`` and finds the room itself.
    ``also``: other statuses with which it gives ``answer``, for the OpenAPI document.
    """

    def mark(function: Callable[..., Any]) -> Callable[..., Response]:
        spec = ViewSpec(roles, body, query, answer, status, first_line(function), limit, also)

        take = limited(function, limit, limit_by)

        @wraps(function)
        def run(**path: Any) -> Response:
            take()
            if not finds_room:
                _find_here(path)
            check_role(spec.roles)
            if spec.body is not None:
                path["body"] = _read_body(spec.body)
            if spec.query is not None:
                path["query"] = _read_query(spec.query)
            return _respond(function(**path), spec.status)

        run.audimax_view = spec  # type: ignore[attr-defined]
        return cast("Callable[..., Response]", run)

    return mark


def page(*, roles: Roles, limit: str | None = None) -> Callable[[F], F]:
    """Declare a view that renders a page: like ``view``, but it returns what Flask takes.

    Who isn't signed in, and may not see the page without, is led to the sign-in page and back.
    """

    def mark(function: F) -> F:
        take = limited(function, limit)

        @wraps(function)
        def run(**path: Any) -> Any:
            take()
            _find_here(path)
            try:
                check_role(roles)
            except Refusal:
                if callers.signed_in() is not None or wants_json():
                    raise
                return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
            return function(**path)

        run.audimax_page = ViewSpec(roles, None, None, None, 200, first_line(function), limit)  # type: ignore[attr-defined]
        return cast(F, run)

    return mark


def limited(
    function: Callable[..., Any], limit: str | None, limit_by: Callable[[], str] | None = None
) -> Callable[[], None]:
    """How a view takes one of its tries; nothing to do without a limit."""
    if limit is None:
        return lambda: None
    tries, by = Tries(f"{function.__module__}.{function.__name__}", limit), limit_by or client_address
    return lambda: tries.take(by())


def first_line(function: Callable[..., Any]) -> str:
    return (function.__doc__ or function.__name__).strip().splitlines()[0]


# --- before the view ------------------------------------------------------------------


def _find_here(path: dict[str, Any]) -> None:
    find_here(path.pop("room_id", None), path.pop("lecture_id", None))


def find_here(room_id: str | None, lecture_id: str | None) -> None:
    """Put the room and the lecture that an address names into ``here``, once per request."""
    if room_id is not None and ("here_room" not in g or g.here_room.public_id != room_id):
        g.here_room = find_room(room_id)
    if lecture_id is not None and ("here_lecture" not in g or g.here_lecture.public_id != lecture_id):
        g.here_lecture = find_lecture(lecture_id)


def find_room(public_id: str) -> Room:
    """The room of that public id, or a 404."""
    found = db.session.scalar(sa.select(Room).where(Room.public_id == public_id))
    if found is None:
        raise no_room()
    return found


def find_lecture(public_id: str) -> Lecture:
    """The lecture of that public id with its room and who began it, or a 404.

    One that is deleted isn't there, not even for its hosts.
    """
    rows = db.session.execute(_lecture(), {"public_id": public_id}).all()
    if not rows:
        raise no_lecture()
    found: Lecture = rows[0][0]
    # Whatever is asked about a lecture, its plugins are asked next.
    room_plugins.know(found.room, [row for _lecture, row in rows if row is not None])
    return found


@cache
def _lecture() -> sa.Select[Lecture, RoomPlugin]:
    # Built once: that takes longer than the answer.
    query = (
        sa.select(Lecture, RoomPlugin)
        .outerjoin(RoomPlugin, RoomPlugin.room_id == Lecture.room_id)
        .where(Lecture.public_id == sa.bindparam("public_id"), Lecture.deleted_at.is_(None))
        .options(joinedload(Lecture.room), joinedload(Lecture.started_by))
    )
    return query.execution_options(populate_existing=True)


def _caller() -> Viewer:
    if "here_room" in g:
        return callers.viewer_in_room(g.here_room)
    if "here_lecture" in g:
        return callers.viewer_in_lecture(g.here_lecture)
    return callers.viewer_anywhere()


def check_role(roles: Roles) -> None:
    """A ``Refusal`` unless this request's caller is one of these."""
    if isinstance(roles, SignedIn):
        if callers.signed_in() is None:
            raise Refusal(401, words(401), code="sign_in")
    elif not roles >= EVERYONE and here.caller.role not in roles:  # type: ignore[operator]
        log.info("refused to a %s: %s %s", here.caller.role.value, request.method, access.path())
        raise Refusal(403, words(403), code="not_allowed")


def _read_body(model: type[BaseModel]) -> BaseModel:
    # Its length may be unsaid, so what counts is what came.
    raw = request.get_data(cache=True)
    if raw and not request.is_json:
        raise Refusal(415, words(415), code="not_json")
    return _validated(model, lambda: model.model_validate_json(raw or b"{}"))


def _read_query(model: type[BaseModel]) -> BaseModel:
    given = request.args.to_dict()
    return _validated(model, lambda: model.model_validate_strings(given))


def _validated(model: type[BaseModel], read: Callable[[], BaseModel]) -> BaseModel:
    try:
        made = read()
    except ValidationError as error:
        raise _invalid([_mistake(e) for e in error.errors(include_url=False)]) from error
    if b"\\u0000" in request.get_data(cache=True) and "\0" in _texts(made.model_dump()):
        raise _invalid([{"field": "", "message": _("Texts can't contain null characters.")}])
    return made


def _texts(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(_texts(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple | set):
        return "".join(map(_texts, value))
    return value if isinstance(value, str) else ""


def _mistake(error: Any) -> dict[str, Any]:
    return {"field": ".".join(map(str, error["loc"])), "message": error["msg"]}


def _invalid(errors: list[dict[str, Any]]) -> Refusal:
    named = ", ".join(e["field"] for e in errors if e["field"]) or _("the request's body")
    detail = _("Please check: %(fields)s.", fields=named[:200])
    return Refusal(422, detail, code="invalid", errors=errors[:20])


# --- after the view -------------------------------------------------------------------


def _respond(made: Any, status: int) -> Response:
    if isinstance(made, tuple):
        made, status = made
    if isinstance(made, Response):
        return made
    if made is None:
        return Response(status=204)
    if isinstance(made, BaseModel):
        return Response(made.model_dump_json(exclude_none=True), status, mimetype="application/json")
    return Response(json.dumps(made), status, mimetype="application/json")
