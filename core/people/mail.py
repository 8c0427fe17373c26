"""Mail: rendered and sent by jobs, over SMTP or, without one, into a folder.

What is mailed is decided in the job, so that a request for an unknown address does and takes
exactly what one for a known address does, and tokens are made there, so that no queue holds one.
"""

from __future__ import annotations

import logging
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from flask import render_template
from flask_babel import force_locale

from core.config import Config, config
from core.db import db, now
from core.jobs import RETRY, periodic, task
from core.people import accounts, links
from core.people.links import Purpose
from core.people.models import OneTimeLink, User

log = logging.getLogger(__name__)
SECONDS = 20
# Letters of the moment at the beginning of a file's name.
MOMENT = 22
SUBMISSION_PORT, TLS_PORT = 587, 465


# --- jobs -----------------------------------------------------------------------------


@task(name="mail", retry=RETRY)
def mail(email: str, template: str, locale: str, about: dict[str, str]) -> None:
    """Send a mail that holds no link of its own."""
    _send(email, template, locale, **about)


@task(name="mail_reset_link", retry=RETRY)
def mail_reset_link(email: str, locale: str) -> None:
    """Send a reset link, if somebody has that address."""
    user = accounts.by_email(email)
    if user is not None and user.is_active:
        _send_link(links.issue(Purpose.RESET, user=user), email, "reset", locale, name=user.name)


@task(name="mail_sign_up_link", retry=RETRY)
def mail_sign_up_link(email: str, locale: str) -> None:
    """Send the link that makes an account, or say that there is one."""
    user = accounts.by_email(email)
    if user is not None:
        places = {"sign_in": _address("/sign-in"), "reset": _address("/reset")}
        _send(email, "have_account", locale, name=user.name, **places)
    else:
        _send_link(links.issue(Purpose.SIGN_UP, email=email), email, "sign_up", locale)


@task(name="mail_email_link", retry=RETRY)
def mail_email_link(user_id: int, email: str, locale: str) -> None:
    """Send the link that proves a changed address, unless somebody else has it."""
    user = db.session.get(User, user_id)
    if user is None or not user.is_active:
        return
    if accounts.by_email(email) is not None:
        _send(email, "email_taken", locale, name=user.name)
        return
    address = links.issue(Purpose.EMAIL, user=user, email=email)
    _send_link(address, email, "email_verify", locale, name=user.name)


@task(name="mail_invitation", retry=RETRY)
def mail_invitation(link_id: int, locale: str) -> None:
    """Send an invitation that wasn't used or taken back."""
    link = db.session.get(OneTimeLink, link_id)
    if link is None or link.used_at is not None:
        return
    _send_link(links.renew(link), link.email, "invitation", locale, inviter=link.details.get("by", ""))


@periodic(cron="40 3 * * *")
@task(name="sweep_links")
def sweep_links(timestamp: int) -> None:
    """Forget links that died long ago."""
    links.sweep()
    db.session.commit()


# --- making and sending ---------------------------------------------------------------


def _send_link(address: str, email: str, template: str, locale: str, **about: str) -> None:
    # The link must work before anybody can click it.
    db.session.commit()
    _send(email, template, locale, link=address, **about)


def _send(email: str, template: str, locale: str, **about: str) -> None:
    with force_locale(locale):
        text = render_template(f"mail/{template}.txt", institution=config().institution, **about)
    deliver(composed(email, text, config()), config())


def composed(email: str, text: str, settings: Config) -> EmailMessage:
    """A mail of a text whose first line is the subject."""
    subject, _blank, body = text.strip().partition("\n")
    made = EmailMessage()
    made["Subject"] = " ".join(subject.split())
    made["From"], made["To"] = settings.mail_from, email
    made["Date"], made["Message-ID"] = formatdate(), make_msgid(domain=urlsplit(settings.public_url).hostname)
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(re.sub(r"\n{3,}", "\n\n", body.strip()) + "\n")
    return made


def deliver(message: EmailMessage, settings: Config) -> None:
    """Hand the mail to the configured server, or write it into the folder of mails."""
    if settings.mail_url:
        with connected(settings.mail_url) as server:
            server.send_message(message)
        return
    path = _to_folder(message, settings.instance / "mail")
    # Its whole name has the address of whom it is for.
    log.info("a mail is in %s, its name begins with %s", path.parent, path.name[:MOMENT])


@contextmanager
def connected(url: str) -> Iterator[smtplib.SMTP]:
    """The server of that address, encrypted and with our name told to it as the address asks."""
    parts = urlsplit(url)
    with _connect(parts.scheme, parts.hostname or "localhost", parts.port) as server:
        if parse_qs(parts.query).get("starttls", ["0"])[-1] in ("1", "true", "yes"):
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server


def _connect(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or TLS_PORT, timeout=SECONDS, context=ssl.create_default_context())
    return smtplib.SMTP(host, port or SUBMISSION_PORT, timeout=SECONDS)


def _to_folder(message: EmailMessage, folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    recipient = re.sub(r"[^a-z0-9@.+-]", "_", message["To"].lower())[:80]
    path = folder / f"{now():%Y%m%d-%H%M%S-%f}-{recipient}.eml"
    path.touch(mode=0o600)
    path.write_bytes(message.as_bytes())
    return path


def _address(path: str) -> str:
    return config().address + path
