"""The page about oneself: profile, address, password, sessions."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh as refresh_language
from flask_login import current_user

from core.db import db
from core.errors import Refusal
from core.files.downloads import send
from core.http.forms import Form
from core.http.i18n import locales
from core.people import accounts, addresses, limits, sessions
from core.people.again import ask_again
from core.people.links import Purpose
from core.people.models import User
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
    me = _me()
    me.name, me.locale = name, locale
    db.session.commit()
    refresh_language()
    return _done(_("Your profile is saved."))


@bp.post("/account/password")
@login_required
def change_password() -> ResponseReturnValue:
    """A new password ends every other session."""
    form, me = Form(request.form), _me()
    ask_again(form, me, "current_password")
    hashed = new_password(form, me.name, me.email, field="new_password") if not form.problem else ""
    if not form.ok:
        return _show(password=form)
    accounts.set_password(me, hashed)
    sessions.renew(me)
    db.session.commit()
    return _done(_("Your new password is set. You were signed out everywhere else."))


@bp.post("/account/email")
@login_required
def ask_for_email() -> ResponseReturnValue:
    """A changed address counts once its link was opened."""
    form, me = Form(request.form), _me()
    email = form.clean("email", addresses.clean_email)
    if email == me.email:
        form.fail("email", _("This is your address already."))
    ask_again(form, me, "email_password")
    if form.ok:
        _take_mail(form, email)
    if not form.ok:
        return _show(email=form)
    accounts.ask_for_email(me, email)
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
    me = _me()
    accounts.end_sessions(me)
    sessions.renew(me)
    db.session.commit()
    return _done(_("You are signed out on every other device."))


@bp.post("/account/data")
@login_required
def ask_for_data() -> ResponseReturnValue:
    """Let a ZIP be made of all that is stored about me."""
    form, me = Form(request.form), _me()
    ask_again(form, me, "data_password")
    if not form.ok:
        return _show(data=form)
    exporting.ask(me, by=me)
    db.session.commit()
    return _done(_("The file is being made. Come back in a few minutes to download it."))


@bp.get("/account/data/<export_id>")
@login_required
def download_data(export_id: str) -> ResponseReturnValue:
    """The ZIP, for its owner."""
    return send(lambda: exporting.find(export_id, _me(), _me()))


def _me() -> User:
    return cast(User, current_user._get_current_object())


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
    me = _me()
    wrong = next((form for form in (profile, email, password, data) if form), None)
    return show(
        "account",
        wrong,
        profile=profile or Form(name=me.name, locale=me.locale),
        email_form=email or Form(),
        password_form=password or Form(),
        data_form=data or Form(),
        copies=exporting.made_for(me, me),
        locales=locales(),
    )
