"""Connections to people's Drives: begun, made, found broken, ended. Nothing here commits."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import timedelta

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from core.api import db, new_public_id, now
from plugins.export_gdrive import oauth, vault
from plugins.export_gdrive.models import Connection, Consent, Item

# How long somebody may take at Google, and how often somebody may be there at once.
PATIENCE = timedelta(minutes=15)
MOST_CONSENTS = 5


def of(user_id: int) -> Connection | None:
    """Somebody's connection, working or broken."""
    query = sa.select(Connection).where(Connection.user_id == user_id)
    return db.session.scalar(query.execution_options(populate_existing=True))


def token_of(connection: Connection) -> str:
    """The refresh token; ``vault.Unreadable`` when the key of the settings is another one by now."""
    return vault.unlock(connection.token, _place(connection.user_id))


def _place(user_id: int) -> str:
    return f"token of {user_id}"


# --- connecting -------------------------------------------------------------------------


def begin(user_id: int, lecture: str) -> str:
    """Remember who goes to Google, for what; the address to go to."""
    state, verifier = new_public_id(), oauth.new_verifier()
    _forget_older(user_id)
    hidden = _hashed(state)
    row = Consent(
        state=hidden,
        user_id=user_id,
        verifier=vault.lock(verifier, hidden),
        lecture=lecture,
        expires_at=now() + PATIENCE,
    )
    db.session.add(row)
    return oauth.address(state, verifier)


def take(user_id: int, state: str) -> Consent | None:
    """Who has come back, once, in time, and as the same account; None otherwise."""
    found = db.session.scalar(
        sa.delete(Consent)
        .where(Consent.state == _hashed(state), Consent.user_id == user_id)
        .returning(Consent)
        .execution_options(synchronize_session=False)
    )
    if found is None:
        return None
    # The row is gone; what it said is still needed.
    db.session.expunge(found)
    return found if found.expires_at > now() else None


def finish(consent: Consent, code: str) -> str:
    """The token for the code that somebody has come back with; ``oauth.Refused`` otherwise."""
    try:
        verifier = vault.unlock(consent.verifier, consent.state)
    except vault.Unreadable as error:
        raise oauth.Refused(
            _("Google took too long, or its answer was used before. Connect again.")
        ) from error
    return oauth.finish(code, verifier)


def keep(user_id: int, token: str) -> None:
    """Connected. Where things lie is looked up anew, for it may be another Drive now."""
    row = {"token": vault.lock(token, _place(user_id)), "connected_at": now(), "is_broken": False}
    made = insert(Connection).values(user_id=user_id, **row)
    db.session.execute(made.on_conflict_do_update(index_elements=["user_id"], set_=row))
    _forget_items(user_id)


def _hashed(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _forget_older(user_id: int) -> None:
    newest = sa.select(Consent.state).where(Consent.user_id == user_id)
    kept = newest.order_by(Consent.expires_at.desc()).limit(MOST_CONSENTS - 1)
    old = sa.delete(Consent).where(Consent.user_id == user_id, Consent.state.not_in(kept))
    db.session.execute(old.execution_options(synchronize_session=False))


def _forget_items(user_id: int) -> None:
    db.session.execute(sa.delete(Item).where(Item.user_id == user_id))


# --- its end ----------------------------------------------------------------------------


def mark_broken(user_id: int, locked: str) -> None:
    """Google takes that token no more; a newer one is left alone."""
    broken = sa.update(Connection).where(Connection.user_id == user_id, Connection.token == locked)
    db.session.execute(broken.values(is_broken=True))


def end(user_id: int) -> str:
    """Forget all about it; the token that Google is to be told of, empty for none. May be repeated."""
    found, token = of(user_id), ""
    if found is not None:
        with suppress(vault.Unreadable):
            token = token_of(found)
    for table in (Connection, Consent, Item):
        db.session.execute(sa.delete(table).where(table.user_id == user_id))
    return token


def sweep() -> None:
    """Forget who never came back, and lock with the newest key what an older one has locked."""
    db.session.execute(sa.delete(Consent).where(Consent.expires_at < now()))
    for found in db.session.scalars(sa.select(Connection).with_for_update()):
        try:
            found.token = vault.renewed(found.token)
        except vault.Unreadable:
            found.is_broken = True
