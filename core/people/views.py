"""The pages before one is signed in: sign in, sign up, set up, reset, and what their links open."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask, flash, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from core.config import config
from core.db import db
from core.errors import Refusal
from core.http.forms import Form
from core.http.security import client_address
from core.jobs import defer
from core.people import accounts, addresses, limits, links, passwords, sessions
from core.people.links import Purpose
from core.people.models import OneTimeLink, User
from core.text import clean_name

bp = Blueprint("people", __name__)


def init_app(app: Flask) -> None:
    """Register the log-in, the jobs that mail, and the pages beside these."""
    from core.people import account, invitations, mail  # noqa: F401  (mail registers its jobs)

    sessions.init_app(app)
    for blueprint in (account.bp, invitations.bp):
        app.register_blueprint(blueprint)
    app.jinja_env.filters["initials"] = initials


def initials(name: str) -> str:
    """At most two letters for an avatar."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def show(template: str, form: Form | None = None, **about: object) -> ResponseReturnValue:
    """A page; with the status of its form's trouble, if there is any."""
    made = make_response(render_template(f"people/{template}.html", form=form or Form(), **about))
    if form is not None and not form.ok:
        made.status_code = form.status
        if form.retry_after:
            made.headers["Retry-After"] = str(form.retry_after)
    return made


# --- sign in and out ------------------------------------------------------------------


@bp.get("/sign-in")
def sign_in_page() -> ResponseReturnValue:
    """Ask for address and password."""
    target = sessions.safe_next(request.args.get("next", ""))
    if current_user.is_authenticated:
        return redirect(target)
    return show("sign_in", Form(next=target), sign_up=offers_sign_up())


@bp.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Begin a session."""
    form = Form(request.form)
    user = _who_signs_in(form)
    if user is None:
        return show("sign_in", form, sign_up=offers_sign_up())
    sessions.sign_in(user, remember=form.has("remember"))
    db.session.commit()
    return redirect(sessions.safe_next(form.value("next")), 303)


def _who_signs_in(form: Form) -> User | None:
    email = form.clean("email", addresses.clean_email)
    if not form.value("password"):
        form.fail("password", _("Type your password."))
    if not form.ok:
        return None
    try:
        limits.take_sign_in(email)
        user = _by_password(email, form.value("password"))
    except Refusal as refusal:
        form.refuse(refusal)
        return None
    if user is None:
        form.problem = _("The address or the password is wrong. Check both, or reset your password.")
        return None
    limits.give_back_sign_in(email)
    return user


def _by_password(email: str, password: str) -> User | None:
    found = accounts.by_email(email)
    may = found is not None and found.is_active
    stored = found.password_hash if found and may else None
    # No connection is held while the password waits for its turn.
    db.session.commit()
    return found if passwords.check_password(password, stored) else None


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End this browser's session."""
    sessions.sign_out()
    flash(_("You are signed out."), "ok")
    return redirect("/sign-in", 303)


# --- sign up --------------------------------------------------------------------------


def offers_sign_up() -> bool:
    """Whether people can make accounts by themselves."""
    return config().sign_up in ("open", "domains")


@bp.get("/sign-up")
def sign_up_page() -> ResponseReturnValue:
    """Ask for an address, or say why not."""
    target = sessions.safe_next(request.args.get("next", ""))
    if current_user.is_authenticated:
        return redirect(target)
    sessions.come_back_to(target)
    return show("sign_up", offered=offers_sign_up(), domains=_domains())


@bp.post("/sign-up")
def sign_up() -> ResponseReturnValue:
    """Send the link that proves the address; the same answer whether or not it has an account."""
    if not offers_sign_up():
        raise Refusal(403, _("Accounts are made by invitation here. Ask your administrator for one."))
    form = Form(request.form)
    email = form.clean("email", addresses.clean_email)
    if email and not addresses.may_sign_up(email):
        form.fail("email", _("Use an address that ends in %(domains)s.", domains=_domains()))
    return _send_link(form, email, "core:mail_sign_up_link", "sign_up", offered=True, domains=_domains())


def _domains() -> str:
    if config().sign_up != "domains":
        return ""
    return _(" or ").join("@" + domain.lstrip("@.") for domain in config().sign_up_domains)


def _send_link(form: Form, email: str, job: str, template: str, **about: object) -> ResponseReturnValue:
    if form.ok:
        try:
            limits.take_mail(email)
        except Refusal as refusal:
            form.refuse(refusal)
    if not form.ok:
        return show(template, form, **about)
    defer(job, email=email, locale=accounts.language())
    db.session.commit()
    return redirect("/check-your-mail", 303)


@bp.get("/check-your-mail")
def check_your_mail() -> ResponseReturnValue:
    """What to do next, the same for everybody."""
    return show("check_mail", to_folder=not config().mail_url)


# --- links ----------------------------------------------------------------------------


def open_link(purpose: Purpose, token: str) -> OneTimeLink:
    """The link somebody opened; a 404 in words when it is dead."""
    limits.LINKS.take(client_address())
    found = links.find(purpose, token)
    if found is None or (purpose is Purpose.SET_UP and accounts.an_admin_exists()):
        raise Refusal(404, _dead_words(purpose), code="dead_link")
    return found


def _dead_words(purpose: Purpose) -> str:
    if purpose is Purpose.SET_UP:
        return _("This set-up link was used, has expired, or an administrator exists already.")
    if purpose is Purpose.INVITATION:
        return _(
            "This invitation was used, taken back, or has expired. Ask your administrator for a new one."
        )
    return _("This link was used already, or has expired. Ask for a new one.")


@bp.get("/set-up/<token>")
def set_up_page(token: str) -> ResponseReturnValue:
    """The first admin's account."""
    open_link(Purpose.SET_UP, token)
    return show("set_up")


@bp.post("/set-up/<token>")
def set_up(token: str) -> ResponseReturnValue:
    """Make the first admin."""
    link = open_link(Purpose.SET_UP, token)
    form = Form(request.form)
    name = form.clean("name", clean_name)
    email = form.clean("email", addresses.clean_email)
    return _finish(
        form, "set_up", name, email, lambda hashed: accounts.make_first_admin(link, email, name, hashed)
    )


@bp.get("/sign-up/<token>")
def finish_sign_up_page(token: str) -> ResponseReturnValue:
    """The address is proven: name and password."""
    return show("new_account", email=open_link(Purpose.SIGN_UP, token).email)


@bp.post("/sign-up/<token>")
def finish_sign_up(token: str) -> ResponseReturnValue:
    """Make the account."""
    return _new_account(open_link(Purpose.SIGN_UP, token))


@bp.get("/invitation/<token>")
def invitation_page(token: str) -> ResponseReturnValue:
    """An invitation proves the address, too."""
    return show("new_account", email=open_link(Purpose.INVITATION, token).email)


@bp.post("/invitation/<token>")
def accept_invitation(token: str) -> ResponseReturnValue:
    """Make the invited account."""
    return _new_account(open_link(Purpose.INVITATION, token))


def _new_account(link: OneTimeLink) -> ResponseReturnValue:
    form = Form(request.form)
    name = form.clean("name", clean_name)
    return _finish(
        form, "new_account", name, link.email, lambda hashed: accounts.make_account(link, name, hashed)
    )


def _finish(
    form: Form, template: str, name: str, email: str, make: Callable[[str], User]
) -> ResponseReturnValue:
    hashed = new_password(form, name, email)
    if not form.ok:
        return show(template, form, email=email)
    user, target = make(hashed), sessions.way_back()
    sessions.sign_in(user)
    db.session.commit()
    flash(_("Welcome to %(place)s, %(name)s.", place=config().institution, name=user.name), "ok")
    return redirect(target, 303)


def new_password(form: Form, *about: str, field: str = "password") -> str:
    """The hash of a password that somebody chose, or words beside the field."""
    password = form.value(field)
    try:
        if why := passwords.weakness(password, *about, config().institution):
            form.fail(field, why)
        return passwords.hash_password(password) if form.ok else ""
    except Refusal as refusal:
        form.refuse(refusal)
        return ""


# --- reset ----------------------------------------------------------------------------


@bp.get("/reset")
def ask_for_reset_page() -> ResponseReturnValue:
    """Ask for the address."""
    return show("ask_for_reset")


@bp.post("/reset")
def ask_for_reset() -> ResponseReturnValue:
    """Send a reset link, if there is such an account; the same answer if not."""
    form = Form(request.form)
    email = form.clean("email", addresses.clean_email)
    return _send_link(form, email, "core:mail_reset_link", "ask_for_reset")


@bp.get("/reset/<token>")
def reset_page(token: str) -> ResponseReturnValue:
    """Ask for a new password."""
    open_link(Purpose.RESET, token)
    return show("reset")


@bp.post("/reset/<token>")
def reset(token: str) -> ResponseReturnValue:
    """Set it; every session of the account ends."""
    link = open_link(Purpose.RESET, token)
    form = Form(request.form)
    owner = db.session.get(User, link.user_id)
    hashed = new_password(form, *((owner.name, owner.email) if owner else ()))
    if not form.ok:
        return show("reset", form)
    accounts.reset_password(link, hashed)
    db.session.commit()
    flash(_("Your new password is set. Sign in with it."), "ok")
    return redirect("/sign-in", 303)
