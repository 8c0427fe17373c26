"""What links open: the first admin, sign-up, invitation, reset, a changed address."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.jobs import REQUEST
from core.people import accounts, links
from tests.core.people.conftest import PASSWORD, Mail, is_signed_in, log_in

Post = Callable[[], list[Mail]]
GRACE = {"name": "Grace Hopper", "email": "grace@uni.example", "password": PASSWORD}


def with_settings(**settings: Any) -> pytest.MarkDecorator:
    """Give this test's app other settings."""
    return pytest.mark.parametrize("app", [settings], indirect=True, ids=[""])


anybody = with_settings(sign_up="open")


@pytest.fixture
def app(request: pytest.FixtureRequest, make_app: Any) -> Flask:
    made: Flask = make_app(**getattr(request, "param", {}))
    return made


def _user(app: Flask, email: str) -> Any:
    with app.app_context():
        return accounts.by_email(email)


def _age_links(app: Flask, age: timedelta) -> None:
    from core.db import db
    from core.people.models import OneTimeLink

    with app.app_context():
        db.session.execute(sa.update(OneTimeLink).values(expires_at=OneTimeLink.expires_at - age))
        db.session.commit()


# --- the first admin ------------------------------------------------------------------


@pytest.fixture
def set_up_link(app: Flask) -> str:
    with app.app_context():
        address = accounts.create_set_up_link()
    assert address is not None
    return address.removeprefix("http://localhost:8000")


def test_the_set_up_link_makes_the_first_admin_and_signs_in(
    client: FlaskClient, app: Flask, set_up_link: str
) -> None:
    assert client.get(set_up_link).status_code == 200
    assert client.post(set_up_link, data=GRACE).location == "/"
    user = _user(app, "grace@uni.example")
    assert user.is_admin
    assert user.verified_at
    assert is_signed_in(client)


def test_the_set_up_link_starts_with_the_public_address(make_app: Any) -> None:
    app = make_app(public_url="https://talk.uni.example/")
    with app.app_context():
        assert str(accounts.create_set_up_link()).startswith("https://talk.uni.example/set-up/")


def test_a_second_sign_up_through_the_set_up_link_is_refused(
    client: FlaskClient, app: Flask, set_up_link: str
) -> None:
    client.post(set_up_link, data=GRACE)
    other = app.test_client()
    assert other.get(set_up_link).status_code == 404
    answer = other.post(set_up_link, data={**GRACE, "email": "eve@uni.example"})
    assert answer.status_code == 404
    assert "set-up link was used" in answer.text
    assert _user(app, "eve@uni.example") is None


def test_two_who_open_the_set_up_link_at_once_make_one_admin(app: Flask, set_up_link: str) -> None:
    found: list[int] = []

    def open_it(number: int) -> None:
        data = {**GRACE, "email": f"a{number}@uni.example"}
        found.append(app.test_client().post(set_up_link, data=data).status_code)

    threads = [threading.Thread(target=open_it, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [303, 404, 404, 404, 404, 404]


def test_a_new_set_up_link_kills_the_one_before(client: FlaskClient, app: Flask, set_up_link: str) -> None:
    with app.app_context():
        accounts.create_set_up_link()
    assert client.get(set_up_link).status_code == 404


def test_the_set_up_link_dies_after_a_day(client: FlaskClient, app: Flask, set_up_link: str) -> None:
    _age_links(app, timedelta(hours=23, minutes=59))
    assert client.get(set_up_link).status_code == 200
    _age_links(app, timedelta(minutes=2))
    assert client.get(set_up_link).status_code == 404


def test_there_is_no_set_up_link_once_an_admin_exists(app: Flask, admin: int) -> None:
    with app.app_context():
        assert accounts.create_set_up_link() is None


def test_an_admin_made_otherwise_kills_the_set_up_link(
    client: FlaskClient, set_up_link: str, make_user: Callable[..., int]
) -> None:
    make_user(is_admin=True)
    assert client.post(set_up_link, data=GRACE).status_code == 404


def test_coming_from_the_same_machine_opens_nothing(client: FlaskClient) -> None:
    for path in ("/set-up", "/set-up/", "/set-up/x", "/set-up/None", "/set-up/" + "a" * 3000, "/set-up/%ff"):
        assert client.get(path).status_code == 404


def test_wrong_input_in_the_set_up_form_loses_nothing(client: FlaskClient, set_up_link: str) -> None:
    answer = client.post(set_up_link, data={**GRACE, "name": "\u202e  ", "password": "short"})
    assert answer.status_code == 422
    assert "Please type a name." in answer.text
    assert "Use at least 10 characters." in answer.text
    assert 'value="grace@uni.example"' in answer.text
    assert "short" not in answer.text
    assert client.post(set_up_link, data=GRACE).status_code == 303


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "qwertzuiop",
        "aaaaaaaaaaaa",
        "1234567890",
        "grace@uni.example",
        "gracehopper",
        "audimaxaudimax",
    ],
)
def test_passwords_that_everybody_tries_first_are_refused(
    client: FlaskClient, set_up_link: str, password: str
) -> None:
    answer = client.post(set_up_link, data={**GRACE, "password": password})
    assert answer.status_code == 422
    assert "easy to guess" in answer.text


def test_only_the_hash_of_a_link_is_stored(app: Flask, set_up_link: str) -> None:
    from core.db import db
    from core.people.models import OneTimeLink

    with app.app_context():
        stored = db.session.scalars(sa.select(OneTimeLink)).one()
        token = set_up_link.rpartition("/")[2]
        assert token not in repr([getattr(stored, c.key) for c in OneTimeLink.__table__.columns])


# --- sign-up --------------------------------------------------------------------------


@anybody
def test_signing_up_proves_the_address_first(client: FlaskClient, app: Flask, post: Post) -> None:
    assert client.post("/sign-up", data={"email": "bob@uni.example"}).location == "/check-your-mail"
    assert _user(app, "bob@uni.example") is None
    [mail] = post()
    assert mail.to == "bob@uni.example"
    assert mail.subject == "Finish your account at Audimax"
    assert "bob@uni.example" in client.get(mail.link).text
    assert client.post(mail.link, data={"name": "Bob", "password": PASSWORD}).location == "/"
    assert is_signed_in(client)
    user = _user(app, "bob@uni.example")
    assert user.name == "Bob"
    assert user.verified_at
    assert not user.is_admin


@anybody
def test_the_address_of_a_link_cannot_be_changed_in_the_form(
    client: FlaskClient, app: Flask, post: Post
) -> None:
    client.post("/sign-up", data={"email": "bob@uni.example"})
    [mail] = post()
    data = {"name": "Bob", "password": PASSWORD, "email": "rector@uni.example", "is_admin": "1"}
    client.post(mail.link, data=data)
    assert _user(app, "rector@uni.example") is None
    assert not _user(app, "bob@uni.example").is_admin


@anybody
def test_a_link_works_once(client: FlaskClient, app: Flask, post: Post) -> None:
    client.post("/sign-up", data={"email": "bob@uni.example"})
    [mail] = post()
    client.post(mail.link, data={"name": "Bob", "password": PASSWORD})
    answer = app.test_client().post(mail.link, data={"name": "Eve", "password": PASSWORD})
    assert answer.status_code == 404
    assert "used already, or has expired" in answer.text


@anybody
def test_a_mail_scanner_that_opens_the_link_uses_nothing(client: FlaskClient, app: Flask, post: Post) -> None:
    client.post("/sign-up", data={"email": "bob@uni.example"})
    [mail] = post()
    for _ in range(5):
        app.test_client().get(mail.link)
    assert client.post(mail.link, data={"name": "Bob", "password": PASSWORD}).status_code == 303


@anybody
def test_a_link_for_one_thing_opens_no_other(client: FlaskClient, post: Post) -> None:
    client.post("/sign-up", data={"email": "bob@uni.example"})
    token = post()[0].link.rpartition("/")[2]
    for path in ("/set-up", "/reset", "/invitation", "/account/email"):
        assert client.get(f"{path}/{token}").status_code == 404


@anybody
def test_an_address_with_an_account_gets_the_same_answer_and_another_mail(
    client: FlaskClient, ada: int, post: Post
) -> None:
    known = client.post("/sign-up", data={"email": "ada@uni.example"})
    unknown = client.post("/sign-up", data={"email": "bob@uni.example"})
    assert (known.status_code, known.location, known.data) == (
        unknown.status_code,
        unknown.location,
        unknown.data,
    )
    subjects = {mail.to: mail.subject for mail in post()}
    assert subjects["ada@uni.example"] == "You have an account at Audimax already"


@anybody
def test_who_got_an_account_in_the_meantime_is_told_to_sign_in(
    client: FlaskClient, app: Flask, post: Post, make_user: Callable[..., int]
) -> None:
    client.post("/sign-up", data={"email": "bob@uni.example"})
    [mail] = post()
    make_user("bob@uni.example")
    answer = client.post(mail.link, data={"name": "Bob", "password": PASSWORD})
    assert answer.status_code == 409
    assert "Sign in instead" in answer.text


@anybody
def test_a_mailbox_is_not_flooded(client: FlaskClient, post: Post) -> None:
    answers = [client.post("/sign-up", data={"email": "bob@uni.example"}) for _ in range(6)]
    assert [a.status_code for a in answers] == [303] * 5 + [429]
    assert "Too many tries" in answers[-1].text
    assert int(answers[-1].headers["Retry-After"]) > 60
    assert len(post()) == 5


@anybody
def test_one_address_cannot_have_the_whole_world_mailed(client: FlaskClient) -> None:
    answers = [client.post("/sign-up", data={"email": f"b{n}@uni.example"}).status_code for n in range(31)]
    assert answers == [303] * 30 + [429]


@with_settings(sign_up="domains", sign_up_domains=["uni.example", ".kit.example"])
def test_only_the_allowed_domains_may_sign_up(client: FlaskClient) -> None:
    def status(email: str) -> int:
        return int(client.post("/sign-up", data={"email": email}).status_code)

    assert [status(e) for e in ("a@uni.example", "a@UNI.example", "a@kit.example", "a@cs.kit.example")] == [
        303
    ] * 4
    wrong = (
        "a@gmail.example",
        "a@cs.uni.example",
        "a@evil-uni.example",
        "a@uni.example.evil.example",
        "a@notkit.example",
    )
    assert [status(e) for e in wrong] == [422] * 5
    assert "@uni.example or @kit.example" in client.get("/sign-up").text


@pytest.mark.parametrize("policy", ["invitation", "closed"])
def test_where_nobody_may_sign_up_the_page_says_what_to_do(make_app: Any, policy: str) -> None:
    client = make_app(sign_up=policy).test_client()
    page = client.get("/sign-up").text
    assert "Accounts are made by invitation" in page
    assert "<form class" not in page
    assert client.post("/sign-up", data={"email": "bob@uni.example"}).status_code == 403
    assert 'href="/sign-up"' not in client.get("/sign-in").text


# --- invitations ----------------------------------------------------------------------

INVITATIONS = "/admin/people/invitations"


@pytest.fixture
def boss(sign_in: Callable[..., FlaskClient], admin: int) -> FlaskClient:
    return sign_in(admin)


def test_an_invited_person_makes_an_account(
    boss: FlaskClient, client: FlaskClient, app: Flask, post: Post
) -> None:
    sent = boss.post(INVITATIONS, data={"emails": "Bob@uni.example\neve@uni.example, kay@uni.example"})
    assert sent.status_code == 303
    mails = post()
    assert sorted(m.to for m in mails) == ["bob@uni.example", "eve@uni.example", "kay@uni.example"]
    assert "Grace Hopper invites you" in mails[0].text
    assert "bob@uni.example" in boss.get(INVITATIONS).text
    client.post(mails[0].link, data={"name": "Bob", "password": PASSWORD})
    assert is_signed_in(client)
    assert mails[0].to not in boss.get(INVITATIONS).text


def test_an_invited_admin_is_one(boss: FlaskClient, client: FlaskClient, app: Flask, post: Post) -> None:
    boss.post(INVITATIONS, data={"emails": "bob@uni.example", "is_admin": "1", "password": PASSWORD})
    client.post(post()[0].link, data={"name": "Bob", "password": PASSWORD})
    assert _user(app, "bob@uni.example").is_admin


def test_to_invite_an_admin_takes_the_password_again(boss: FlaskClient, post: Post) -> None:
    answer = boss.post(
        INVITATIONS, data={"emails": "bob@uni.example", "is_admin": "1", "password": "guessed"}
    )
    assert answer.status_code == 422
    assert "This isn&#39;t your current password." in answer.text and "bob@uni.example" in answer.text
    assert post() == []


def test_an_invitation_taken_back_is_dead(
    boss: FlaskClient, client: FlaskClient, app: Flask, post: Post
) -> None:
    boss.post(INVITATIONS, data={"emails": "bob@uni.example"})
    [mail] = post()
    boss.post(f"{INVITATIONS}/{_pending_id(app)}/revoke")
    answer = client.get(mail.link)
    assert answer.status_code == 404
    assert "taken back" in answer.text


def test_an_invitation_sent_again_replaces_the_first_link(
    boss: FlaskClient, client: FlaskClient, app: Flask, post: Post
) -> None:
    boss.post(INVITATIONS, data={"emails": "bob@uni.example"})
    [first] = post()
    boss.post(f"{INVITATIONS}/{_pending_id(app)}/again")
    [second] = post()
    assert client.get(first.link).status_code == 404
    assert client.get(second.link).status_code == 200


def _pending_id(app: Flask) -> str:
    from core.db import db
    from core.people.models import OneTimeLink

    with app.app_context():
        return db.session.scalars(sa.select(OneTimeLink.public_id)).one()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Type at least one address."),
        ("bob", "“bob” is not an address."),
        ("root@uni.example", "root@uni.example has an account already."),
        ("x@uni.example\n" * 101, "Invite at most 100 at once."),
    ],
)
def test_wrong_addresses_are_named(boss: FlaskClient, post: Post, typed: str, words: str) -> None:
    answer = boss.post(INVITATIONS, data={"emails": typed})
    assert answer.status_code == 422
    assert words in answer.text
    assert post() == []


def test_invitations_are_for_admins_only(
    client: FlaskClient, ada: int, sign_in: Callable[..., FlaskClient]
) -> None:
    assert client.get(INVITATIONS).status_code == 302
    host = sign_in(ada)
    for method, path in (
        ("GET", "/admin"),
        ("GET", INVITATIONS),
        ("POST", INVITATIONS),
        ("POST", f"{INVITATIONS}/x/revoke"),
    ):
        assert host.open(path, method=method).status_code == 403


@with_settings(sign_up="closed")
def test_nobody_is_invited_where_new_accounts_are_closed(boss: FlaskClient, post: Post) -> None:
    assert "New accounts are closed" in boss.get(INVITATIONS).text
    assert boss.post(INVITATIONS, data={"emails": "bob@uni.example"}).status_code == 403
    assert post() == []


def test_who_invited_whom_is_noted(boss: FlaskClient, app: Flask, admin: int) -> None:
    from core.db import db
    from core.models import AuditEntry

    boss.post(INVITATIONS, data={"emails": "bob@uni.example"})
    with app.app_context():
        entry = db.session.scalars(sa.select(AuditEntry)).one()
        assert (entry.action, entry.actor_id, entry.target) == ("invitation.send", admin, "bob@uni.example")


# --- reset ----------------------------------------------------------------------------


def test_a_reset_sets_the_password_and_ends_every_session(
    client: FlaskClient, app: Flask, ada: int, post: Post
) -> None:
    log_in(client)
    other = app.test_client()
    assert other.post("/reset", data={"email": "ada@uni.example"}).location == "/check-your-mail"
    [mail] = post()
    assert other.post(mail.link, data={"password": "an entirely new one"}).location == "/sign-in"
    assert not is_signed_in(client)
    assert log_in(client).status_code == 422
    assert log_in(client, password="an entirely new one").status_code == 303
    assert [m.subject for m in post()] == ["Your password at Audimax was changed"]


def test_a_reset_link_works_once_and_kills_its_siblings(client: FlaskClient, ada: int, post: Post) -> None:
    for _ in range(2):
        client.post("/reset", data={"email": "ada@uni.example"})
    first, second = post()
    client.post(first.link, data={"password": "an entirely new one"})
    for mail in (first, second):
        assert client.get(mail.link).status_code == 404


def test_a_reset_link_dies_after_thirty_minutes(
    client: FlaskClient, app: Flask, ada: int, post: Post
) -> None:
    client.post("/reset", data={"email": "ada@uni.example"})
    [mail] = post()
    _age_links(app, timedelta(minutes=31))
    assert client.post(mail.link, data={"password": "an entirely new one"}).status_code == 404


def test_an_unknown_address_gets_the_same_answer_and_no_mail(
    client: FlaskClient, ada: int, post: Post
) -> None:
    known = client.post("/reset", data={"email": "ada@uni.example"})
    unknown = client.post("/reset", data={"email": "eve@uni.example"})
    assert (known.status_code, known.location, known.data) == (
        unknown.status_code,
        unknown.location,
        unknown.data,
    )
    assert [mail.to for mail in post()] == ["ada@uni.example"]


def test_an_unknown_address_costs_the_same_queries(client: FlaskClient, app: Flask, ada: int) -> None:
    def statements(email: str) -> list[str]:
        from core.db import db

        said: list[str] = []
        with app.app_context():
            engine = db.engine

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            said.append(statement)

        sa.event.listen(engine, "before_cursor_execute", note)
        client.post("/reset", data={"email": email})
        sa.event.remove(engine, "before_cursor_execute", note)
        return said

    statements("warm@uni.example")
    assert statements("ada@uni.example") == statements("eve@uni.example")


def test_a_disabled_account_gets_no_reset_link(client: FlaskClient, app: Flask, ada: int, post: Post) -> None:
    from core.db import db
    from core.people.models import User

    client.post("/reset", data={"email": "ada@uni.example"})
    [mail] = post()
    with app.app_context():
        accounts.disable(db.session.get(User, ada))  # type: ignore[arg-type]
        db.session.commit()
    client.post("/reset", data={"email": "ada@uni.example"})
    assert post() == []
    assert client.post(mail.link, data={"password": "an entirely new one"}).status_code == 404


def test_a_weak_new_password_keeps_the_link_alive(client: FlaskClient, ada: int, post: Post) -> None:
    client.post("/reset", data={"email": "ada@uni.example"})
    [mail] = post()
    assert client.post(mail.link, data={"password": "short"}).status_code == 422
    assert client.post(mail.link, data={"password": "an entirely new one"}).status_code == 303


def test_tokens_are_not_guessed_at_speed(client: FlaskClient) -> None:
    answers = [client.get(f"/reset/{n}").status_code for n in range(61)]
    assert answers == [404] * 60 + [429]


def test_the_queue_of_mails_holds_no_token(client: FlaskClient, app: Flask, ada: int, post: Post) -> None:
    from core.db import db

    client.post("/reset", data={"email": "ada@uni.example"})
    with app.app_context():
        (arguments,) = db.session.scalars(sa.text("SELECT args FROM procrastinate_jobs")).all()
    # With it the number of the request, which leads from one log to the other.
    number = arguments.pop(REQUEST)
    assert re.fullmatch("[0-9a-f]{16}", number)
    assert arguments == {"email": "ada@uni.example", "locale": "en"}
    assert post()[0].link


def test_old_links_are_swept(app: Flask, set_up_link: str) -> None:
    from core.db import db
    from core.people.models import OneTimeLink

    _age_links(app, timedelta(days=32))
    with app.app_context():
        links.sweep()
        db.session.commit()
        assert db.session.scalar(sa.select(sa.func.count(OneTimeLink.id))) == 0
