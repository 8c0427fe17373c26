"""The mail server: reached, trusted, takes our name; with an address, a mail that is really sent."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from email.utils import parseaddr
from urllib.parse import urlsplit

from core.config import Config
from core.doctor import certificates
from core.doctor.asking import why
from core.doctor.findings import Finding, bad, good, warning
from core.doctor.looking import Patient
from core.people import mail

CHECKS: Mapping[str, str] = {
    "mail": "is set (in production), answers, has a certificate that is trusted, takes our name and password",
    "mail certificate": "of the mail server: ends in 14 days or later",
    "mail sender": "`mail_from` is an address that others can answer",
    "test mail": "with `--mail-to ADDRESS`: the server takes a mail to it",
}
ADDRESS = "correct mail_url: smtp://user:password@host:587?starttls=1, or smtps://…:465"


def look(patient: Patient) -> Iterator[Finding]:
    config = patient.config
    if not config.mail_url:
        yield from _into_a_folder(patient)
        return
    yield from _asked(config)
    yield _sender(config)
    if patient.mail_to:
        yield _sent(config, patient.mail_to)


def _into_a_folder(patient: Patient) -> Iterator[Finding]:
    if patient.is_in_earnest or patient.mail_to:
        said = "mails are written into a folder, nobody gets them"
        yield warning("mail", said, "set mail_url to smtp://…")


def _asked(config: Config) -> Iterator[Finding]:
    try:
        with mail.connected(config.mail_url) as server:
            server.noop()
            shown = server.sock.getpeercert() if isinstance(server.sock, ssl.SSLSocket) else None
    except (smtplib.SMTPException, OSError) as error:
        yield bad("mail", *_problem(config, error))
        return
    yield _well(config, is_encrypted=shown is not None)
    if shown:
        yield certificates.of_validity("mail certificate", place(config.mail_url), shown, RENEW)


RENEW = "let whoever runs the mail server renew it"


def _well(config: Config, is_encrypted: bool) -> Finding:
    where = place(config.mail_url)
    if not is_encrypted and urlsplit(config.mail_url).password and not _is_here(config):
        remedy = "add ?starttls=1 to mail_url, or take smtps://"
        return warning("mail", f"{where} gets our password unencrypted", remedy)
    takes_us = " and takes our name" if urlsplit(config.mail_url).username else ""
    return good("mail", f"{where} answers{takes_us}")


def _problem(config: Config, error: Exception) -> tuple[str, str]:
    where = place(config.mail_url)
    if isinstance(error, ssl.SSLCertVerificationError):
        parts = urlsplit(config.mail_url)
        there = certificates.Place(parts.hostname or "localhost", parts.port or 0, RENEW, ADDRESS)
        said, remedy = certificates.refused(error, there)
        return f"{where}: {said}", remedy
    if isinstance(error, ssl.SSLError):
        said = f"{where} doesn't speak TLS there ({error.reason})"
        return said, f"take smtp:// with ?starttls=1, or {ADDRESS}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        said = f"{where} refuses our name or password ({error.smtp_code})"
        return said, "correct them in mail_url (%-encoded)"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        said = f"{where} doesn't offer what mail_url asks for: {error}"
        return said, f"leave out ?starttls=1, or {ADDRESS}"
    if isinstance(error, smtplib.SMTPException):
        return f"{where} refuses us: {error}", "look at the mail server's log"
    return f"{where} can't be reached: {why(error, mail.SECONDS)}", f"start it, open the port, or {ADDRESS}"


def _sender(config: Config) -> Finding:
    _name, address = parseaddr(config.mail_from)
    host = address.rpartition("@")[2]
    if "." not in host:
        remedy = "set mail_from to an address of yours: others refuse what comes from this one"
        return warning("mail sender", f"mail_from is {address or config.mail_from!r}", remedy)
    return good("mail sender", address)


def _sent(config: Config, to: str) -> Finding:
    text = "A test of Audimax\nMails of this installation arrive.\n"
    try:
        mail.deliver(mail.composed(to, text, config), config)
    except smtplib.SMTPRecipientsRefused as error:
        said = f"the mail server refuses {', '.join(error.recipients)}"
        return bad("test mail", said, "look whether the address is right, and at the mail server's log")
    except smtplib.SMTPSenderRefused as error:
        remedy = "set mail_from to an address that this server may send from"
        return bad("test mail", f"the mail server refuses the sender {error.sender}", remedy)
    except (smtplib.SMTPException, OSError) as error:
        return bad("test mail", *_problem(config, error))
    return good("test mail", f"the server took one to {to}: look whether it arrives, and not among spam")


def place(url: str) -> str:
    """The server without our name and password."""
    parts = urlsplit(url)
    usual = mail.TLS_PORT if parts.scheme == "smtps" else mail.SUBMISSION_PORT
    return f"{parts.hostname}:{parts.port or usual}"


def _is_here(config: Config) -> bool:
    return urlsplit(config.mail_url).hostname in ("localhost", "127.0.0.1", "::1")
