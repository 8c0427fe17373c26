"""The page on which people connect their Drive, and the way to Google and back. It needs no script."""

from __future__ import annotations

import re

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.api import SIGNED_IN, db, here, page, settings
from plugins.export_gdrive import connections, oauth
from plugins.export_gdrive.destination import PAGE
from plugins.export_gdrive.settings import Settings

site = Blueprint("export_gdrive", __name__)
LECTURE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
NO_LETTERS = re.compile(r"[^a-z_]")


@site.get("/")
@page(roles=SIGNED_IN)
def show() -> ResponseReturnValue:
    """Whether one's Drive is connected."""
    return render_template(
        "export_gdrive/drive.html",
        connection=connections.of(_user_id()),
        is_set_up=not settings(Settings).missing,
        lecture=_lecture(request.args.get("lecture", "")),
    )


@site.post("/start")
@page(roles=SIGNED_IN, limit="20/minute")
def start() -> ResponseReturnValue:
    """On to Google. By a page of its own: the policy of our pages lets no form lead to another server."""
    if settings(Settings).missing:
        return _back()
    address = connections.begin(_user_id(), _lecture(request.form.get("lecture", "")))
    db.session.commit()
    return render_template("export_gdrive/leaving.html", address=address)


@site.get("/callback")
@page(roles=SIGNED_IN, limit="60/minute")
def callback() -> ResponseReturnValue:
    """Back from Google, with a code or without."""
    user_id = _user_id()
    consent = connections.take(user_id, request.args.get("state", "")[:200])
    # Used up, whatever comes of it.
    db.session.commit()
    if consent is None:
        return _said(_("That answer of Google came too late, or isn’t yours. Connect again."))
    if problem := request.args.get("error", ""):
        return _said(_refusal(problem), consent.lecture)
    if not (code := request.args.get("code", "")[:2000]):
        return _said(_("Google’s answer was incomplete. Connect again."), consent.lecture)
    try:
        token = connections.finish(consent, code)
    except oauth.Refused as refused:
        return _said(str(refused), consent.lecture)
    connections.keep(user_id, token)
    db.session.commit()
    flash(_("Your Google Drive is connected."), "ok")
    return redirect(f"/lectures/{consent.lecture}/exports" if consent.lecture else PAGE, 303)


@site.post("/disconnect")
@page(roles=SIGNED_IN, limit="20/minute")
def disconnect() -> ResponseReturnValue:
    """Forget the Drive, and tell Google."""
    token = connections.end(_user_id())
    db.session.commit()
    if not token or oauth.revoke(token):
        flash(_("Your Google Drive is disconnected. What was put there stays."), "ok")
    else:
        words = _(
            "It is disconnected here, but Google couldn’t be told. Remove us in your Google account too."
        )
        flash(words, "warn")
    return _back()


def _user_id() -> int:
    found = here.caller.user_id
    if found is None:
        raise AssertionError("a page for accounts only")
    return found


def _lecture(given: str) -> str:
    return given if LECTURE.match(given) else ""


def _refusal(problem: str) -> str:
    if problem == "access_denied":
        return str(_("You didn’t allow it, so nothing was connected."))
    code = NO_LETTERS.sub("", problem)[:40]
    return str(_("Google refused (%(code)s). Try again, or tell your administrator.", code=code))


def _said(words: str, lecture: str = "") -> ResponseReturnValue:
    flash(words, "error")
    return _back(lecture)


def _back(lecture: str = "") -> ResponseReturnValue:
    return redirect(PAGE + (f"?lecture={lecture}" if lecture else ""), 303)
