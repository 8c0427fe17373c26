"""Invitations: an admin asks somebody by mail to make an account."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from core import audit
from core.config import config
from core.db import db, now
from core.errors import Refusal
from core.http.callers import me
from core.http.forms import Form
from core.jobs import defer
from core.people import accounts, addresses, links
from core.people.again import ask_again
from core.people.links import Purpose
from core.people.models import OneTimeLink, User
from core.people.sessions import admin_required
from core.people.views import show

bp = Blueprint("invitations", __name__)
PAGE = "/admin/people/invitations"
MOST_AT_ONCE = 100
SHOWN = 200


@bp.get(PAGE)
@admin_required
def page() -> ResponseReturnValue:
    """The form, and who hasn't answered yet."""
    return _show(Form())


@bp.post(PAGE)
@admin_required
def invite() -> ResponseReturnValue:
    """Invite one address per line."""
    if config().sign_up == "closed":
        raise Refusal(403, _("New accounts are closed: change `sign_up` in the settings first."))
    form = Form(request.form)
    emails = _read(form)
    if form.has("is_admin"):
        ask_again(form, me())
    if not form.ok:
        return _show(form)
    for email in emails:
        _invite(email, is_admin=form.has("is_admin"))
    db.session.commit()
    flash(
        ngettext("The invitation is on its way.", "%(num)s invitations are on their way.", len(emails)), "ok"
    )
    return redirect(PAGE, 303)


@bp.post(f"{PAGE}/<public_id>/again")
@admin_required
def invite_again(public_id: str) -> ResponseReturnValue:
    """Send a fresh link; the one before is dead."""
    link = _pending(public_id)
    defer("core:mail_invitation", link_id=link.id, locale=accounts.language())
    db.session.commit()
    flash(_("A fresh invitation goes to %(email)s.", email=link.email), "ok")
    return redirect(PAGE, 303)


@bp.post(f"{PAGE}/<public_id>/revoke")
@admin_required
def revoke(public_id: str) -> ResponseReturnValue:
    """Take an invitation back."""
    link = _pending(public_id)
    audit.record("invitation.revoke", actor=me(), target=link.email)
    links.revoke(OneTimeLink.id == link.id)
    db.session.commit()
    flash(_("The invitation to %(email)s is taken back.", email=link.email), "ok")
    return redirect(PAGE, 303)


def _read(form: Form) -> list[str]:
    typed = form.value("emails").replace(",", "\n").replace(";", "\n").split()
    if not typed:
        form.fail("emails", _("Type at least one address."))
    if len(typed) > MOST_AT_ONCE:
        form.fail("emails", _("Invite at most %(count)s at once.", count=MOST_AT_ONCE))
    found = [email for one in typed[:MOST_AT_ONCE] if (email := _read_one(form, one))]
    for email in _known(found):
        form.fail("emails", _("%(email)s has an account already.", email=email))
    return list(dict.fromkeys(found))


def _read_one(form: Form, typed: str) -> str:
    try:
        return addresses.clean_email(typed)
    except ValueError:
        form.fail("emails", _("“%(typed)s” is not an address.", typed=typed[:80]))
        return ""


def _known(emails: list[str]) -> list[str]:
    return list(db.session.scalars(sa.select(User.email).where(User.email.in_(emails)).order_by(User.email)))


def _invite(email: str, *, is_admin: bool) -> None:
    links.revoke(OneTimeLink.email == email, OneTimeLink.purpose == Purpose.INVITATION)
    link = links.reserve(Purpose.INVITATION, email=email, by=me().name, is_admin=is_admin)
    db.session.flush()
    audit.record("invitation.send", actor=me(), target=email, is_admin=is_admin)
    defer("core:mail_invitation", link_id=link.id, locale=accounts.language())


def _pending(public_id: str) -> OneTimeLink:
    found = db.session.scalar(_invitations().where(OneTimeLink.public_id == public_id))
    if found is None:
        raise Refusal(404, _("This invitation was answered or taken back."), code="not_found")
    return found


def _invitations() -> sa.Select[OneTimeLink]:
    return sa.select(OneTimeLink).where(
        OneTimeLink.purpose == Purpose.INVITATION, OneTimeLink.used_at.is_(None)
    )


def _show(form: Form) -> ResponseReturnValue:
    pending = db.session.scalars(_invitations().order_by(OneTimeLink.id.desc()).limit(SHOWN)).all()
    return show("invitations", form, pending=pending, now=now(), closed=config().sign_up == "closed",
                to_folder=not config().mail_url)  # fmt: skip
