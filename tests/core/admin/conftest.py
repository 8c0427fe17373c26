"""An administrator and what they look after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db
from core.models import AuditEntry
from core.people.models import User
from tests.core.people.conftest import PASSWORD, ada, admin, no_tries_yet, post, quick_hashes

__all__ = ["PASSWORD", "ada", "admin", "no_tries_yet", "post", "quick_hashes"]


@pytest.fixture
def boss(admin: int, sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    """Grace Hopper, an administrator."""
    return sign_in(admin)


@pytest.fixture
def user(app: Flask) -> Callable[..., Any]:
    """``user(key)`` is the account as it is now."""

    def find(key: int) -> User:
        with app.app_context():
            return db.session.get_one(User, key)

    return find


@pytest.fixture
def audited(app: Flask) -> Callable[[], list[tuple[str, str]]]:
    """``audited()`` is what the audit log has: actions and to whom."""

    def look() -> list[tuple[str, str]]:
        with app.app_context():
            query = sa.select(AuditEntry.action, AuditEntry.target).order_by(AuditEntry.id)
            return [(action, target) for action, target in db.session.execute(query)]

    return look


@pytest.fixture
def keeper(house: Flask, app: Flask, boss: FlaskClient) -> FlaskClient:
    """The administrator at another app on the same database: ``house``, which each file has of its own."""
    client = house.test_client()
    copy_session(boss, client)
    return client


def copy_session(known: FlaskClient, fresh: FlaskClient) -> None:
    for cookie in known._cookies.values():  # type: ignore[attr-defined]
        fresh.set_cookie(cookie.key, cookie.value, domain="localhost")
