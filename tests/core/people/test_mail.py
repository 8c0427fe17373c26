"""Mail leaves over SMTP, or into a folder."""

from __future__ import annotations

import stat
from typing import Any

import pytest
from flask import Flask

from core.config import config
from core.people import mail
from tests.fixtures.smtp import Smtp


def _send(app: Flask, **about: Any) -> None:
    with app.app_context():
        mail.mail("ada@uni.example", "password_changed", "en", {"name": "Ada", **about})


def test_a_mail_goes_to_the_configured_server(make_app: Any, smtp: Smtp) -> None:
    _send(make_app(mail_url=f"smtp://{smtp.url}", mail_from="Audimax <noreply@uni.example>"))
    [text] = smtp.received
    assert b"From: Audimax <noreply@uni.example>" in text
    assert b"To: ada@uni.example" in text
    assert b"Subject: Your password at Audimax was changed" in text
    assert b"Date: " in text
    assert b"Hello Ada," in text
    assert b"&#39;" not in text


def test_user_and_password_of_the_address_are_used(make_app: Any, smtp: Smtp) -> None:
    _send(make_app(mail_url=f"smtp://me:p%40ss@{smtp.url}"))
    assert any(line.startswith(b"AUTH PLAIN") for line in smtp.heard)


def test_a_server_without_tls_gets_nothing_when_tls_is_asked_for(make_app: Any, smtp: Smtp) -> None:
    import smtplib

    with pytest.raises(smtplib.SMTPException):
        _send(make_app(mail_url=f"smtp://{smtp.url}?starttls=1"))
    assert smtp.received == []


def test_a_server_that_is_away_fails_the_job_which_is_tried_again(make_app: Any) -> None:
    with pytest.raises(OSError):
        _send(make_app(mail_url="smtp://127.0.0.1:9"))
    assert mail.mail.retry_strategy is not None


def test_without_a_server_mails_are_files_that_only_we_can_read(app: Flask) -> None:
    folder = app.extensions["audimax_config"].instance / "mail"
    before = set(folder.glob("*"))
    _send(app)
    [path] = set(folder.glob("*")) - before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert path.name.endswith("ada@uni.example.eml")


def test_a_name_cannot_add_headers(app: Flask) -> None:
    with app.app_context():
        made = mail.composed("ada@uni.example", "Hello\nBcc: eve@uni.example\n\nText", config())
    assert made["Bcc"] is None
    assert made["Subject"] == "Hello"


def test_the_log_says_where_a_mail_is_but_not_its_link(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    from core.people import links

    with app.app_context(), caplog.at_level("INFO"):
        mail._send(
            "ada@uni.example", "reset", "en", name="Ada", link=links.PATHS[links.Purpose.RESET] + "/s3cret"
        )
    path = max((app.extensions["audimax_config"].instance / "mail").glob("*"))
    assert f"a mail is in {path.parent}, its name begins with {path.name[:22]}" in caplog.text
    assert "s3cret" not in caplog.text and "ada@uni.example" not in caplog.text


@pytest.mark.parametrize(
    "template",
    [
        "sign_up",
        "have_account",
        "invitation",
        "reset",
        "email_verify",
        "email_taken",
        "email_changing",
        "password_changed",
    ],
)
def test_every_mail_has_a_subject_and_a_text(app: Flask, template: str) -> None:
    about = dict.fromkeys(("name", "link", "inviter", "new_email", "sign_in", "reset"), "<Ada & Co>")
    with app.app_context():
        from flask import render_template

        made = mail.composed(
            "a@uni.example",
            render_template(f"mail/{template}.txt", institution="Uni", **about),
            config(),
        )
    assert "Uni" in made["Subject"]
    assert len(made["Subject"]) < 80
    assert "&lt;" not in made.get_content()
    assert len(made.get_content()) > 80
