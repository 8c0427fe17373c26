"""All data of one person, handed out or deleted, in the hands of an administrator."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import order
from core.admin.menu import done, show
from core.admin.people import PAGE, account_page, find_account
from core.db import db
from core.errors import Refusal
from core.files.downloads import send
from core.http.callers import me
from core.http.forms import Form
from core.people.again import ask_again
from core.people.models import User
from core.people.privacy import erasing, exporting, persons
from core.people.sessions import admin_required

bp = Blueprint("admin_personal_data", __name__)


@bp.post(f"{PAGE}/<public_id>/exports")
@admin_required
def ask(public_id: str) -> ResponseReturnValue:
    """Let a ZIP be made of all that is stored about somebody."""
    user = find_account(public_id)
    exporting.ask(user, by=me())
    db.session.commit()
    return done(account_page(user), _("The file is being made. Only you can download it."))


@bp.get(f"{PAGE}/<public_id>/exports/<export_id>")
@admin_required
def download(public_id: str, export_id: str) -> ResponseReturnValue:
    """The ZIP, for the administrator who has asked for it."""
    return send(lambda: exporting.find(export_id, find_account(public_id), me()))


@bp.get(f"{PAGE}/<public_id>/erase")
@admin_required
def erase_page(public_id: str) -> ResponseReturnValue:
    """What goes and what stays, before somebody is deleted."""
    return _ask(find_account(public_id), Form())


@bp.post(f"{PAGE}/<public_id>/erase")
@admin_required
def erase(public_id: str) -> ResponseReturnValue:
    """Delete somebody, by their address and one's own password."""
    user, form = find_account(public_id), Form(request.form)
    if form.value("rooms") == erasing.HAND_OVER and not form.value("heir").strip():
        form.fail("heir", _("Say who gets the rooms."))
    if form.value("confirm").strip().lower() != user.email:
        form.fail("confirm", _("Type the address of the account that is to be deleted."))
    ask_again(form, me())
    if not form.ok:
        return _ask(user, form)
    try:
        lectures = erasing.begin(
            user,
            me(),
            keeps_files=form.has("keeps_files"),
            fate=form.value("rooms"),
            heir_email=form.value("heir"),
        )
    except Refusal as refusal:
        db.session.rollback()
        form.refuse(refusal)
        return _ask(find_account(public_id), form)
    db.session.commit()
    for lecture in lectures:
        order.keep(lecture)
    return done(
        account_page(user), _("%(name)s is signed out everywhere and is being deleted.", name=user.name)
    )


@bp.post(f"{PAGE}/<public_id>/erase/again")
@admin_required
def erase_again(public_id: str) -> ResponseReturnValue:
    """Try at once what has failed."""
    user = find_account(public_id)
    erasing.try_again(user)
    db.session.commit()
    return done(account_page(user), _("It is tried again now."))


def _ask(user: User, form: Form) -> ResponseReturnValue:
    about = {"person": user, "form": form, "numbers": persons.numbers(user)}
    about["off"] = persons.plugins_that_are_off()
    return show("erase_person", 200 if form.ok else form.status, **about)
