"""The account page: profile, address, password, sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.people import accounts, passwords
from core.people.models import User
from tests.core.people.conftest import PASSWORD, Mail, is_signed_in, log_in

Post = Callable[[], list[Mail]]
NEW_PASSWORD = "an entirely new one"


@pytest.fixture
def me(client: FlaskClient, ada: int) -> FlaskClient:
    log_in(client)
    return client


@pytest.fixture
def elsewhere(app: Flask, me: FlaskClient) -> FlaskClient:
    """The same person at another browser."""
    other = app.test_client()
    log_in(other)
    return other


def _ada(app: Flask) -> User:
    from core.db import db

    with app.app_context():
        found = db.session.scalars(sa.select(User).order_by(User.id)).first()
        assert found is not None
        return found


def test_a_name_is_cleaned_and_saved(me: FlaskClient, app: Flask) -> None:
    assert me.post("/account/profile", data={"name": " Ada \u202e King ", "locale": ""}).status_code == 303
    assert _ada(app).name == "Ada King"
    assert "Your profile is saved." in me.get("/account").text


@pytest.mark.parametrize("name", ["", "   ", "\u200d\u2066", "x" * 10_000])
def test_what_is_no_name_is_refused_and_kept_in_the_form(me: FlaskClient, app: Flask, name: str) -> None:
    answer = me.post("/account/profile", data={"name": name, "locale": ""})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert _ada(app).name == "Ada Lovelace"


def test_a_language_that_is_not_offered_is_refused(me: FlaskClient, app: Flask) -> None:
    assert me.post("/account/profile", data={"name": "Ada", "locale": "tlh"}).status_code == 422
    assert _ada(app).locale == ""


def test_nobody_makes_themselves_an_admin(me: FlaskClient, app: Flask) -> None:
    me.post("/account/profile", data={"name": "Ada", "locale": "", "is_admin": "1", "verified_at": "x"})
    assert not _ada(app).is_admin


def test_a_new_password_ends_every_other_session(me: FlaskClient, elsewhere: FlaskClient, post: Post) -> None:
    answer = me.post("/account/password", data={"current_password": PASSWORD, "new_password": NEW_PASSWORD})
    assert answer.status_code == 303
    assert is_signed_in(me)
    assert not is_signed_in(elsewhere)
    assert log_in(elsewhere, password=NEW_PASSWORD).status_code == 303
    assert [m.subject for m in post()] == ["Your password at Audimax was changed"]


@pytest.mark.parametrize(
    ("current", "new", "words"),
    [
        ("wrong", NEW_PASSWORD, "This isn&#39;t your current password."),
        (PASSWORD, "short", "Use at least 10 characters."),
        (PASSWORD, "password1234", "easy to guess"),
        (PASSWORD, "x" * 1001, "Use at most 1000 characters."),
        ("", "", "This isn&#39;t your current password."),
    ],
)
def test_a_password_that_cannot_be_changed_says_why(
    me: FlaskClient, elsewhere: FlaskClient, current: str, new: str, words: str
) -> None:
    answer = me.post("/account/password", data={"current_password": current, "new_password": new})
    assert answer.status_code == 422
    assert words in answer.text
    assert is_signed_in(elsewhere)


def test_the_current_password_is_not_guessed_on_an_unlocked_laptop(me: FlaskClient) -> None:
    data = {"current_password": "wrong", "new_password": NEW_PASSWORD}
    answers = [me.post("/account/password", data=data).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_signing_out_everywhere_keeps_only_this_browser(me: FlaskClient, elsewhere: FlaskClient) -> None:
    assert me.post("/account/sign-out-everywhere").status_code == 303
    assert is_signed_in(me)
    assert not is_signed_in(elsewhere)


def test_a_changed_address_counts_after_it_was_proven(me: FlaskClient, app: Flask, post: Post) -> None:
    me.post("/account/email", data={"email": "Ada@Other.example", "email_password": PASSWORD})
    assert _ada(app).email == "ada@uni.example"
    mails = {mail.to: mail for mail in post()}
    assert mails["ada@uni.example"].subject == "Your address at Audimax is about to change"
    link = mails["ada@other.example"].link
    assert "ada@other.example" in me.get(link).text
    assert _ada(app).email == "ada@uni.example"
    assert me.post(link).status_code == 303
    assert _ada(app).email == "ada@other.example"
    assert log_in(app.test_client(), "ada@other.example").status_code == 303
    assert log_in(app.test_client(), "ada@uni.example").status_code == 422


def test_an_address_of_somebody_else_gets_the_same_answer_and_changes_nothing(
    me: FlaskClient, app: Flask, post: Post, make_user: Callable[..., int]
) -> None:
    make_user("bob@uni.example")
    taken = me.post("/account/email", data={"email": "bob@uni.example", "email_password": PASSWORD})
    free = me.post("/account/email", data={"email": "new@uni.example", "email_password": PASSWORD})
    assert (taken.status_code, taken.location) == (free.status_code, free.location)
    assert {mail.to: mail.subject for mail in post()}[
        "bob@uni.example"
    ] == "This address is in use at Audimax"


def test_an_address_taken_in_the_meantime_is_refused(
    me: FlaskClient, app: Flask, post: Post, make_user: Callable[..., int]
) -> None:
    me.post("/account/email", data={"email": "new@uni.example", "email_password": PASSWORD})
    link = next(mail for mail in post() if mail.to == "new@uni.example").link
    make_user("new@uni.example")
    assert me.post(link).status_code == 409
    assert _ada(app).email == "ada@uni.example"


@pytest.mark.parametrize(
    ("email", "password", "words"),
    [
        ("ada@uni.example", PASSWORD, "This is your address already."),
        ("no address", PASSWORD, "Type an address like"),
        ("new@uni.example", "wrong", "This isn&#39;t your current password."),
    ],
)
def test_an_address_that_cannot_be_changed_says_why(
    me: FlaskClient, post: Post, email: str, password: str, words: str
) -> None:
    answer = me.post("/account/email", data={"email": email, "email_password": password})
    assert answer.status_code == 422
    assert words in answer.text
    assert post() == []


def test_a_reset_link_of_the_old_address_dies_with_it(me: FlaskClient, post: Post) -> None:
    me.post("/reset", data={"email": "ada@uni.example"})
    [reset] = post()
    me.post("/account/email", data={"email": "new@uni.example", "email_password": PASSWORD})
    me.post(next(mail for mail in post() if mail.to == "new@uni.example").link)
    assert me.get(reset.link).status_code == 404


@pytest.mark.parametrize("path", ["profile", "password", "email", "sign-out-everywhere"])
def test_strangers_are_asked_to_sign_in(client: FlaskClient, path: str) -> None:
    answer = client.post(f"/account/{path}")
    assert (answer.status_code, answer.location) == (302, "/sign-in")


def test_a_page_of_the_account_asks_the_database_little(me: FlaskClient, app: Flask) -> None:
    from core.db import db

    said: list[str] = []
    with app.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    me.get("/account")
    assert len(said) <= 3


# --- passwords themselves -------------------------------------------------------------


def test_every_letter_of_a_long_password_counts() -> None:
    long = "ä" * 100
    stored = passwords.hash_password(long + "a")
    assert passwords.check_password(long + "a", stored)
    assert not passwords.check_password(long + "b", stored)
    assert not passwords.check_password(long, stored)


def test_a_null_byte_does_not_cut_a_password_short() -> None:
    stored = passwords.hash_password("abc\0def")
    assert not passwords.check_password("abc\0xyz", stored)
    assert not passwords.check_password("abc", stored)


@pytest.mark.parametrize("stored", ["", None])
def test_no_password_fits_an_account_without_one(stored: Any) -> None:
    assert not passwords.check_password("", stored)
    assert not passwords.check_password("nobody", stored)


def test_ending_sessions_counts_on_from_what_is_stored(app: Flask, ada: int) -> None:
    from core.db import db

    with app.app_context():
        user = db.session.get(User, ada)
        assert user is not None
        accounts.end_sessions(user)
        accounts.end_sessions(user)
        db.session.commit()
        assert user.session_version == 3
