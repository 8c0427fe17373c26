"""The page about a room's PIN. Its forms need no script."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from core.api import HOSTS, Form, Refusal, here, page
from plugins.pin import pins, tries
from plugins.pin.words import LONGEST, SHORTEST

site = Blueprint("pin_site", __name__)


@site.get("/rooms/<room_id>")
@page(roles=HOSTS)
def show() -> ResponseReturnValue:
    """Whether a PIN is set, and who waits."""
    return _page(Form())


@site.post("/rooms/<room_id>")
@page(roles=HOSTS, limit="30/minute")
def make() -> ResponseReturnValue:
    """Set a random PIN, or one's own, and show it this once."""
    form = Form(request.form)
    try:
        made = pins.choose(here.room, form.value("pin")) if "pin" in request.form else pins.make(here.room)
    except Refusal as refusal:
        _say(form, refusal)
        return _page(form)
    return _page(Form(), made=made, link=pins.link(here.room, made))


@site.post("/rooms/<room_id>/remove")
@page(roles=HOSTS, limit="30/minute")
def remove() -> ResponseReturnValue:
    """Ask for no PIN any more."""
    pins.remove(here.room)
    flash(_("The PIN is removed. Participants come in without one."), "ok")
    return _back()


@site.post("/rooms/<room_id>/let-in")
@page(roles=HOSTS, limit="600/minute")
def let_in() -> ResponseReturnValue:
    """Let one person in, or everybody whose PIN was right."""
    try:
        flash(_let_in(request.form.get("id", "")[:64]), "ok")
    except Refusal as refusal:
        flash(refusal.detail, "warn")
    return _back()


def _let_in(handle: str) -> str:
    if handle:
        return str(_("%(name)s may come in.", name=pins.let_in(here.room, handle)))
    count = pins.let_in_right(here.room)
    return str(ngettext("One person may come in.", "%(num)s people may come in.", count))


def _say(form: Form, refusal: Refusal) -> None:
    if refusal.errors:
        form.fail("pin", refusal.detail)
    else:
        form.refuse(refusal)


def _back() -> ResponseReturnValue:
    return redirect(f"/plugins/pin/rooms/{here.room.public_id}", 303)


def _page(form: Form, **more: Any) -> ResponseReturnValue:
    pin = pins.found(here.room)
    made = render_template(
        "pin/room.html",
        room=here.room,
        form=form,
        pin=pin,
        is_spent=pin is not None and tries.is_spent(here.room.id),
        waiting=pins.waiting(here.room) if pin else [],
        shortest=SHORTEST,
        longest=LONGEST,
        **more,
    )
    response = make_response(made, 200 if form.ok else form.status)
    if form.retry_after:
        response.headers["Retry-After"] = str(form.retry_after)
    return response
