"""Accounts: made through a link, changed by their owner, ended by an admin."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask_babel import get_locale
from flask_babel import gettext as _

from core import audit
from core.bus import notify
from core.db import db, now, quietly
from core.errors import Refusal
from core.jobs import defer
from core.lectures.models import Lecture, Participant
from core.people import links
from core.people.links import Purpose
from core.people.models import OneTimeLink, PersonErasure, User

# Any number: the first admin is made by one request at a time.
FIRST_ADMIN_LOCK = 0x417564696D6178
ADDRESS_LOCK = 0x41756469


def by_email(email: str) -> User | None:
    """The account of that address, as ``clean_email`` gives it."""
    return db.session.scalar(sa.select(User).where(User.email == email))


def an_admin_exists() -> bool:
    return bool(db.session.scalar(sa.select(sa.exists().where(User.is_admin))))


def create_set_up_link() -> str | None:
    """The address where the first admin makes an account; None once there is an admin.

    Only whoever runs the server can print it: coming from the same machine proves nothing.
    An earlier link that wasn't used is dead.
    """
    if an_admin_exists():
        return None
    links.revoke(OneTimeLink.purpose == Purpose.SET_UP)
    address = links.issue(Purpose.SET_UP)
    db.session.commit()
    return address


def make_first_admin(link: OneTimeLink, email: str, name: str, password_hash: str) -> User:
    """The account that the set-up link promises."""
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(FIRST_ADMIN_LOCK)))
    if an_admin_exists():
        raise _dead()
    made = _make(link, email, name, password_hash, is_admin=True)
    audit.record("user.first_admin", actor=made, target=made.email)
    return made


def make_account(link: OneTimeLink, name: str, password_hash: str) -> User:
    """The account that a sign-up or an invitation promises; its address is verified by the link."""
    made = _make(link, link.email, name, password_hash, is_admin=bool(link.details.get("is_admin")))
    links.revoke(
        OneTimeLink.email == made.email, OneTimeLink.purpose.in_([Purpose.SIGN_UP, Purpose.INVITATION])
    )
    return made


def set_password(user: User, password_hash: str) -> None:
    """A new password: every session ends, reset links are dead, the owner is told."""
    user.password_hash = password_hash
    links.revoke(OneTimeLink.user_id == user.id, OneTimeLink.purpose == Purpose.RESET)
    end_sessions(user)
    tell(user.email, "password_changed", name=user.name)


def reset_password(link: OneTimeLink, password_hash: str) -> User:
    """Use a reset link."""
    user = _owner(link)
    set_password(user, password_hash)
    return user


def change_email(link: OneTimeLink) -> User:
    """The new address counts now; the old one was told when the change was asked for."""
    _hold_address(link.email)
    user = _owner(link)
    if by_email(link.email) is not None:
        raise Refusal(409, _("This address belongs to another account by now."), code="taken")
    user.email = link.email
    links.revoke(OneTimeLink.user_id == user.id, OneTimeLink.purpose.in_([Purpose.EMAIL, Purpose.RESET]))
    db.session.flush()
    return user


def ask_for_email(user: User, email: str) -> None:
    """Send the link that proves the new address, and tell the old one."""
    links.revoke(OneTimeLink.user_id == user.id, OneTimeLink.purpose == Purpose.EMAIL)
    defer("core:mail_email_link", user_id=user.id, email=email, locale=language())
    tell(user.email, "email_changing", name=user.name, new_email=email)


def end_sessions(user: User) -> None:
    """Sign out everywhere, open streams and sockets included."""
    user.session_version = User.session_version + 1
    db.session.flush()
    notify(f"user:{user.id}")


def set_admin(user: User, is_admin: bool, by: User) -> None:
    """Give somebody the rights of an administrator, or take them; the last one keeps them."""
    if user.is_admin == is_admin:
        return
    if is_admin and not user.is_active:
        words = _("Somebody who can’t sign in can’t be an administrator. Let them sign in again first.")
        raise Refusal(409, words, code="disabled")
    if not is_admin:
        _keep_an_admin(user)
    user.is_admin = is_admin
    audit.record("user.make_admin" if is_admin else "user.take_admin", actor=by, target=user.email)
    db.session.flush()
    notify(f"user:{user.id}")


def _keep_an_admin(user: User) -> None:
    """A 409 for the last who can sign in; until the commit nobody else ceases to be one."""
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(FIRST_ADMIN_LOCK)))
    others = (User.is_admin, User.id != user.id, User.disabled_at.is_(None), User.verified_at.is_not(None))
    if not db.session.scalar(sa.select(sa.exists().where(*others))):
        words = _("This is the last administrator. Make somebody else one first.")
        raise Refusal(409, words, code="last_admin")


def disable(user: User, by: User | None = None) -> Sequence[Lecture]:
    """No way in any more, from now on: the gate knows them no longer either.

    Live lectures from which they have to be disconnected after the commit.
    """
    if by is not None and user.id == by.id:
        words = _("You can’t disable your own account. Ask another administrator.")
        raise Refusal(409, words, code="own_account")
    if user.is_admin:
        _keep_an_admin(user)
    user.disabled_at = user.disabled_at or now()
    lectures = take_out(Participant.user_id == user.id)
    if by is not None:
        audit.record("user.disable", actor=by, target=user.email)
    end_sessions(user)
    return lectures


def take_out(theirs: sa.ColumnElement[bool]) -> Sequence[Lecture]:
    """End the admission of these participants in live lectures, which have to be kept in order afterwards."""
    inside = (theirs, Participant.removed_at.is_(None))
    live = sa.select(Lecture).join(Participant).where(Lecture.ended_at.is_(None), *inside)
    lectures = db.session.scalars(live).unique().all()
    of_these = Participant.lecture_id.in_([lecture.id for lecture in lectures])
    quietly(sa.update(Participant).where(*inside, of_these).values(removed_at=now()))
    return lectures


def enable(user: User, by: User) -> None:
    """They may sign in again; not somebody who is being deleted."""
    if db.session.scalar(sa.select(sa.exists().where(PersonErasure.user_id == user.id))):
        raise Refusal(409, _("This account is being deleted."), code="being_deleted")
    if user.disabled_at is not None:
        user.disabled_at = None
        audit.record("user.enable", actor=by, target=user.email)


def sign_out_everywhere(user: User, by: User) -> None:
    """End all sessions of somebody else."""
    audit.record("user.sign_out", actor=by, target=user.email)
    end_sessions(user)


def send_reset(user: User, by: User) -> None:
    """Mail them a link for a new password."""
    if not user.is_active:
        words = _("Somebody who can’t sign in needs no new password. Let them sign in again first.")
        raise Refusal(409, words, code="disabled")
    audit.record("user.reset_link", actor=by, target=user.email)
    defer("core:mail_reset_link", email=user.email, locale=user.locale or language())


def tell(email: str, template: str, **about: str) -> None:
    """Mail somebody, after the commit."""
    defer("core:mail", email=email, template=template, locale=language(), about=about)


def language() -> str:
    """The language of this request, for mails about it."""
    return str(get_locale() or "en")


def _make(link: OneTimeLink, email: str, name: str, password_hash: str, *, is_admin: bool) -> User:
    _hold_address(email)
    if not links.use(link):
        raise _dead()
    if by_email(email) is not None:
        raise Refusal(409, _("There is an account with this address. Sign in instead."), code="taken")
    made = User(
        email=email, name=name, password_hash=password_hash, is_admin=is_admin, verified_at=now(), locale=""
    )
    db.session.add(made)
    db.session.flush()
    return made


def _hold_address(email: str) -> None:
    """Until the commit nobody else may give this address to an account; before any other lock is taken."""
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(ADDRESS_LOCK, sa.func.hashtext(email))))


def _owner(link: OneTimeLink) -> User:
    user = db.session.get(User, link.user_id) if link.user_id else None
    if user is None or not user.is_active or not links.use(link):
        raise _dead()
    return user


def _dead() -> Refusal:
    detail = _("This link was used already, or is too old. Ask for a new one.")
    return Refusal(404, detail, code="dead_link")
