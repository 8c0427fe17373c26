"""The page at which the key is typed. It is before the door, so all of it is in its one answer."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from core.api import EVERYONE, Form, page, safe_next
from plugins.dev_gate import door

site = Blueprint("dev_gate", __name__)


@site.after_request
def keep_private(response: Response) -> Response:
    return door.keep_private(response)


@site.get("/")
@page(roles=EVERYONE, limit="120/minute")
def show() -> ResponseReturnValue:
    """Ask for the key; nothing more to see for whoever has given it."""
    return redirect("/", 303) if door.is_inside() else door.shut(Form(next="/"))


@site.post("/")
@page(roles=EVERYONE, limit="120/minute")
def enter() -> ResponseReturnValue:
    """Look at the key that was typed, and lead to what was asked for first."""
    target = safe_next(request.form.get("next", ""))
    given = request.form.get(door.PARAMETER, "").strip()
    if door.is_inside() and not given:
        return redirect(target, 303)
    return door.open_with(given, target)
