"""The page about oneself: profile, address, password, sessions."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh as refresh_language

from core.db import db
from core.errors import Refusal
from core.files.downloads import send
from core.http.callers import me
from core.http.forms import Form
from core.http.i18n import locales
from core.people import accounts, addresses, limits, sessions
from core.people.again import ask_again
from core.people.links import Purpose
from core.people.privacy import exporting
from core.people.sessions import login_required
from core.people.views import new_password, open_link, show
from core.text import clean_name

bp = Blueprint("account", __name__)
PAGE = "/account"


@bp.get("/account")
@login_required
def page() -> ResponseReturnValue:
    """All forms about oneself."""
    return _show()


@bp.post("/account/profile")
@login_required
def change_profile() -> ResponseReturnValue:
    """Name and language."""
    form = Form(request.form)
    name = form.clean("name", clean_name)
    locale = form.value("locale")
    if locale and locale not in locales():
        form.fail("locale", _("Choose one of the languages."))
    if not form.ok:
        return _show(profile=form)
    user = me()
    user.name, user.locale = name, locale
    db.session.commit()
    refresh_language()
    return _done(_("Your profile is saved."))


@bp.post("/account/password")
@login_required
def change_password() -> ResponseReturnValue:
    """A new password ends every other session."""
    form, user = Form(request.form), me()
    ask_again(form, user, "current_password")
    hashed = new_password(form, user.name, user.email, field="new_password") if not form.problem else ""
    if not form.ok:
        return _show(password=form)
    accounts.set_password(user, hashed)
    sessions.renew(user)
    db.session.commit()
    return _done(_("Your new password is set. You were signed out everywhere else."))


@bp.post("/account/email")
@login_required
def ask_for_email() -> ResponseReturnValue:
    """A changed address counts once its link was opened."""
    form, user = Form(request.form), me()
    email = form.clean("email", addresses.clean_email)
    if email == user.email:
        form.fail("email", _("This is your address already."))
    ask_again(form, user, "email_password")
    if form.ok:
        _take_mail(form, email)
    if not form.ok:
        return _show(email=form)
    accounts.ask_for_email(user, email)
    db.session.commit()
    return _done(
        _("Open the link that we sent to %(email)s. Until then your old address counts.", email=email)
    )


@bp.get("/account/email/<token>")
def confirm_email_page(token: str) -> ResponseReturnValue:
    """Somebody opened the link: a button, because mail scanners open links too."""
    return show("confirm_email", email=open_link(Purpose.EMAIL, token).email)


@bp.post("/account/email/<token>")
def confirm_email(token: str) -> ResponseReturnValue:
    """The new address counts from now on."""
    user = accounts.change_email(open_link(Purpose.EMAIL, token))
    db.session.commit()
    flash(_("Your address is now %(email)s.", email=user.email), "ok")
    return redirect(PAGE, 303)


@bp.post("/account/sign-out-everywhere")
@login_required
def sign_out_everywhere() -> ResponseReturnValue:
    """End all sessions but this one."""
    user = me()
    accounts.end_sessions(user)
    sessions.renew(user)
    db.session.commit()
    return _done(_("You are signed out on every other device."))


@bp.post("/account/data")
@login_required
def ask_for_data() -> ResponseReturnValue:
    """Let a ZIP be made of all that is stored about me."""
    form, user = Form(request.form), me()
    ask_again(form, user, "data_password")
    if not form.ok:
        return _show(data=form)
    exporting.ask(user, by=user)
    db.session.commit()
    return _done(_("The file is being made. Come back in a few minutes to download it."))


@bp.get("/account/data/<export_id>")
@login_required
def download_data(export_id: str) -> ResponseReturnValue:
    """The ZIP, for its owner."""
    return send(lambda: exporting.find(export_id, me(), me()))


def _take_mail(form: Form, email: str) -> None:
    try:
        limits.take_mail(email)
    except Refusal as refusal:
        form.refuse(refusal)


def _done(words: str) -> ResponseReturnValue:
    flash(words, "ok")
    return redirect(PAGE, 303)


def _show(
    *,
    profile: Form | None = None,
    email: Form | None = None,
    password: Form | None = None,
    data: Form | None = None,
) -> ResponseReturnValue:
    user = me()
    wrong = next((form for form in (profile, email, password, data) if form), None)
    return show(
        "account",
        wrong,
        profile=profile or Form(name=user.name, locale=user.locale),
        email_form=email or Form(),
        password_form=password or Form(),
        data_form=data or Form(),
        copies=exporting.made_for(user, user),
        locales=locales(),
    )
