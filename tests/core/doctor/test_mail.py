"""The mail server is looked at as mails go there, and a test mail is really sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.doctor import mail
from core.doctor.looking import Patient
from tests.core.doctor.conftest import by_check
from tests.fixtures.serving import until_the_end
from tests.fixtures.smtp import Smtp

PASSWORD = "p%40ssword"


@pytest.fixture
def config(app):
    return replace(
        app.extensions["audimax_config"], mode="production", mail_from="Audimax <hall@uni.example>"
    )


def found(config, url, to=""):
    return by_check(mail.look(Patient(replace(config, mail_url=url), mail_to=to)))


def test_a_server_that_takes_us_is_well_and_gets_no_mail(config, smtp):
    seen = found(config, f"smtp://{smtp.url}")
    assert {one.state for one in seen.values()} == {"good"} and smtp.received == []


def test_a_test_mail_is_sent_where_one_says(config, smtp):
    seen = found(config, f"smtp://{smtp.url}", to="ada@uni.example")
    assert seen["test mail"].state == "good" and "ada@uni.example" in seen["test mail"].said
    [text] = smtp.received
    assert b"To: ada@uni.example" in text and b"From: Audimax <hall@uni.example>" in text


def test_starttls_and_its_certificate_are_looked_at(config, authority):
    with until_the_end(Smtp(tls=authority.pair("localhost").context).begin()) as server:
        seen = found(config, f"smtp://me:{PASSWORD}@localhost:{server.port}?starttls=1")
    assert seen["mail"].state == seen["mail certificate"].state == "good"
    assert "takes our name" in seen["mail"].said


ILL = {
    "expired": ({"days": -1}, "has expired", "renew"),
    "self-signed": ({"self_signed": True}, "self-signed", "authority"),
}


@pytest.mark.parametrize("kind", ILL)
def test_a_bad_certificate_of_the_mail_server_is_named(config, authority, kind):
    how, said, remedy = ILL[kind]
    with until_the_end(Smtp(tls=authority.pair("localhost", **how).context).begin()) as server:
        seen = found(config, f"smtp://localhost:{server.port}?starttls=1")
    assert seen["mail"].is_bad and said in seen["mail"].said and remedy in seen["mail"].remedy


def test_a_wrong_password_is_named_and_not_shown(config):
    with until_the_end(Smtp(refuses=b"AUTH", code=535).begin()) as server:
        seen = found(config, f"smtp://me:{PASSWORD}@{server.url}")
    assert seen["mail"].is_bad and "refuses our name or password (535)" in seen["mail"].said
    assert PASSWORD not in seen["mail"].text() and "p@ssword" not in seen["mail"].text()


def test_a_server_without_tls_that_is_asked_for_it_is_named(config, smtp):
    seen = found(config, f"smtp://{smtp.url}?starttls=1")
    assert seen["mail"].is_bad and "doesn't offer what mail_url asks for" in seen["mail"].said


def test_a_server_that_is_away_is_named(config):
    seen = found(config, "smtp://127.0.0.1:9")
    assert seen["mail"].is_bad and "Connection refused" in seen["mail"].said
    assert "correct mail_url" in seen["mail"].remedy


def test_a_refused_recipient_and_sender_are_named(config):
    with until_the_end(Smtp(refuses=b"RCPT").begin()) as server:
        seen = found(config, f"smtp://{server.url}", to="nobody@uni.example")
    assert seen["test mail"].is_bad and "nobody@uni.example" in seen["test mail"].said
    with until_the_end(Smtp(refuses=b"MAIL").begin()) as server:
        seen = found(config, f"smtp://{server.url}", to="ada@uni.example")
    assert seen["test mail"].is_bad and "mail_from" in seen["test mail"].remedy


def test_a_sender_that_nobody_can_answer_is_a_warning(config, smtp):
    seen = found(replace(config, mail_from="Audimax <audimax@localhost>"), f"smtp://{smtp.url}")
    assert seen["mail sender"].state == "warning" and "audimax@localhost" in seen["mail sender"].said


def test_mails_in_a_folder_are_a_warning_in_earnest_alone(config):
    assert found(config, "")["mail"].state == "warning"
    assert found(replace(config, mode="embedded"), "") == {}
