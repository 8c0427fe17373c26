"""Asking for one's password again: a stolen, unlocked laptop must not be enough."""

from __future__ import annotations

from flask_babel import gettext as _

from core.errors import Refusal
from core.http.forms import Form
from core.people import limits, passwords
from core.people.models import User


def ask_again(form: Form, me: User, field: str = "password") -> None:
    """Note in the form that the password in that field isn't mine, or that there were too many tries."""
    try:
        limits.PASSWORD_AGAIN.take(str(me.id))
        if not passwords.check_password(form.value(field), me.password_hash):
            form.fail(field, _("This isn't your current password."))
            return
        limits.PASSWORD_AGAIN.give_back(str(me.id))
    except Refusal as refusal:
        form.refuse(refusal)
