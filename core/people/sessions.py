"""Being signed in: the session cookie, how it begins, and the two ways it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa
from flask import Flask, redirect, request, session
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import LoginManager, current_user, login_required, login_user, logout_user

from core.db import db, now
from core.errors import Refusal
from core.http import callers
from core.http.problems import wants_json, words
from core.lectures import sharing
from core.people import guests
from core.people.models import User

__all__ = ["admin_required", "init_app", "login_required", "safe_next", "sign_in", "sign_out"]

F = TypeVar("F", bound=Callable[..., Any])
REMEMBERED = timedelta(days=30)
HOME, BACK = "/", "back"
login_manager = LoginManager()
# Kept as one object: SQLAlchemy compiles it once.
_USER = sa.select(User).where(User.public_id == sa.bindparam("public_id"))


def init_app(app: Flask) -> None:
    """Set up Flask-Login over our own accounts."""
    app.config["PERMANENT_SESSION_LIFETIME"] = REMEMBERED
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    # Addresses change on the way from the office to the lecture hall; they prove nothing.
    login_manager.session_protection = None
    login_manager.init_app(app)
    # We set no remember cookie. Looking for one reads the session after every request, which makes
    # every answer, files too, vary by cookie.
    app.after_request_funcs[None].remove(login_manager._update_remember_cookie)


@login_manager.user_loader
def load_user(cookie: str) -> User | None:
    """The account that a session cookie names, if that session hasn't been ended."""
    public_id, _dot, version = cookie.rpartition(".")
    found = db.session.scalar(_USER, {"public_id": public_id})
    if found is None or not found.is_active or str(found.session_version) != version:
        return None
    return found


@login_manager.unauthorized_handler
def ask_to_sign_in() -> ResponseReturnValue:
    """Programs are told, people are led to the sign-in page and back."""
    if wants_json():
        raise Refusal(401, words(401), code="sign_in")
    back = safe_next(request.full_path.rstrip("?")) if request.method == "GET" else HOME
    query = f"?{urlencode({'next': back})}" if back != HOME else ""
    return redirect(f"/sign-in{query}")


def admin_required(view: F) -> F:
    """For pages of admins: others are asked to sign in, or refused."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_admin:
            raise Refusal(403, _("Only administrators can open this page."), code="not_allowed")
        return view(*args, **kwargs)

    return cast(F, login_required(checked))


def sign_in(user: User, *, remember: bool = False) -> None:
    """Begin a new session; of the one before only opened links stay, the guest's secret is a new one."""
    opened = sharing.kept()
    session.clear()
    session.update(opened)
    session.permanent = remember
    login_user(user)
    user.last_seen_at = now()
    guests.rotate(user)
    callers.forget()


def renew(user: User) -> None:
    """Keep this browser signed in after every session of the account was ended."""
    remember = session.permanent
    sign_in(user, remember=remember)


def sign_out() -> None:
    """End this browser's session, and the guest session with it: the next may be somebody else."""
    logout_user()
    session.clear()
    guests.forget()
    callers.forget()


def come_back_to(target: str) -> None:
    """Remember in this browser where to go once an account is made, which takes a mail and a while."""
    if target != HOME:
        session[BACK] = target


def way_back() -> str:
    """Where somebody came from who has made an account in this browser, or the dashboard."""
    return safe_next(str(session.get(BACK, "")))


def safe_next(target: str) -> str:
    """Where to go after signing in: a path of ours, or the dashboard."""
    if not target.startswith("/") or target.startswith(("//", "/\\")) or len(target) > 2000:
        return HOME
    if any(ord(letter) < 33 or letter == "\\" for letter in target):
        return HOME
    parts = urlsplit(target)
    return HOME if parts.scheme or parts.netloc else target
