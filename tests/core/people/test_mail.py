"""Mail leaves over SMTP, or into a folder."""

from __future__ import annotations

import socketserver
import stat
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from core.people import mail


class Smtp(socketserver.ThreadingTCPServer):
    """A mail server that speaks the protocol and keeps what it gets."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, refuses: bytes = b"") -> None:
        self.received: list[bytes] = []
        self.heard: list[bytes] = []
        self.refuses = refuses
        super().__init__(("127.0.0.1", 0), SmtpTalk)

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class SmtpTalk(socketserver.StreamRequestHandler):
    server: Smtp

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        for line in self.rfile:
            self.server.heard.append(line.strip())
            if not self._answer(line.strip().upper()):
                return

    def _answer(self, said: bytes) -> bool:
        if self.server.refuses and said.startswith(self.server.refuses):
            self.wfile.write(b"550 no\r\n")
        elif said.startswith(b"EHLO"):
            self.wfile.write(b"250-here\r\n250 AUTH PLAIN\r\n")
        elif said.startswith(b"AUTH"):
            self.wfile.write(b"235 welcome\r\n")
        elif said == b"DATA":
            self._read_mail()
        else:
            self.wfile.write(b"221 bye\r\n" if said == b"QUIT" else b"250 fine\r\n")
        return said != b"QUIT"

    def _read_mail(self) -> None:
        self.wfile.write(b"354 go on\r\n")
        lines = list(iter(self.rfile.readline, b".\r\n"))
        self.server.received.append(b"".join(lines))
        self.wfile.write(b"250 kept\r\n")


@pytest.fixture
def smtp() -> Iterator[Smtp]:
    with Smtp() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


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
        made = mail._message("ada@uni.example", "Hello\nBcc: eve@uni.example\n\nText")
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

        made = mail._message(
            "a@uni.example", render_template(f"mail/{template}.txt", institution="Uni", **about)
        )
    assert "Uni" in made["Subject"]
    assert len(made["Subject"]) < 80
    assert "&lt;" not in made.get_content()
    assert len(made.get_content()) > 80
