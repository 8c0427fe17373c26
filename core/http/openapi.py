"""``/api/openapi.json``: every JSON route, the plugins' too, from the models they declared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, current_app, jsonify
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from core.contracts import EVERYONE
from core.http.views import Answer, SignedIn, ViewSpec, view
from core.version import VERSION

bp = Blueprint("openapi", __name__)
REF = "#/components/schemas/{model}"


class Problem(Answer):
    """An error (RFC 9457): ``detail`` is for people, ``code`` for programs, ``request_id`` for logs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str = ""
    errors: list[dict[str, Any]] | None = None
    retry_after: int | None = None


@bp.get("/api/openapi.json")
@view(roles=EVERYONE, limit="60/minute")
def document() -> Any:
    """This document."""
    return jsonify(describe(current_app))


def describe(app: Flask) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an app."""
    routes = sorted(_routes(app), key=lambda pair: pair[0].rule)
    names, schemas = _schemas([spec for _rule, spec in routes])
    paths: dict[str, Any] = {}
    for rule, spec in routes:
        operations = paths.setdefault(re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), {})
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            operations[method.lower()] = _operation(rule, method, spec, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Audimax", "version": VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _routes(app: Flask) -> Iterator[tuple[Rule, ViewSpec]]:
    for rule in app.url_map.iter_rules():
        spec = getattr(app.view_functions[rule.endpoint], "audimax_view", None)
        if spec is not None and not rule.websocket:
            yield rule, spec


def _schemas(specs: list[ViewSpec]) -> tuple[dict[Any, Any], dict[str, Any]]:
    wanted: list[tuple[type[BaseModel], Any]] = [(Problem, "serialization")]
    for spec in specs:
        wanted += [(m, "validation") for m in (spec.body, spec.query) if m]
        wanted += [(spec.answer, "serialization")] if spec.answer else []
    names, made = models_json_schema(list(dict.fromkeys(wanted)), ref_template=REF)
    return names, made.get("$defs", {})


def _operation(rule: Rule, method: str, spec: ViewSpec, names: dict[Any, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": f"{method.lower()}_{rule.endpoint.replace('.', '_')}",
        "summary": spec.summary,
        "parameters": [*_path_parameters(rule), *_query_parameters(spec)],
        "responses": _responses(spec, names),
        "x-roles": ["signed in"] if isinstance(spec.roles, SignedIn) else sorted(spec.roles),
    }
    if spec.body:
        content = {"application/json": {"schema": names[(spec.body, "validation")]}}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _path_parameters(rule: Rule) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in sorted(rule.arguments)
    ]


def _query_parameters(spec: ViewSpec) -> list[dict[str, Any]]:
    if spec.query is None:
        return []
    schema = spec.query.model_json_schema()
    needed = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": part}
        for name, part in schema.get("properties", {}).items()
    ]


def _responses(spec: ViewSpec, names: dict[Any, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done."}
    if spec.answer:
        good["content"] = {"application/json": {"schema": names[(spec.answer, "serialization")]}}
    problem = {"application/problem+json": {"schema": names[(Problem, "serialization")]}}
    return {
        **{str(status): good for status in (spec.status, *spec.also)},
        "default": {"description": "A problem, in words.", "content": problem},
    }
