"""What is in the way from outside, with its remedy: a full disk, a missing right, a database that is away, a
certificate that has expired.

A traceback is for faults of our own.
"""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Iterator

import psycopg2.errorcodes as codes
from flask_babel import gettext as _

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
NO_ROOM = "make room on its disk, then run this again"
OF_DISKS = {
    **dict.fromkeys(FULL, NO_ROOM),
    **dict.fromkeys(FORBIDDEN, "run this as the user that runs Audimax, or give it to them (chown)"),
    errno.EROFS: "its disk can only be read: mount it writable, or set instance_dir to another place",
    errno.EFBIG: "this process may make no file that large: raise its limit (ulimit -f, LimitFSIZE)",
    errno.EMFILE: "raise the limit of open files (ulimit -n, LimitNOFILE)",
    errno.ENFILE: "raise the machine's limit of open files (fs.file-max)",
    errno.EIO: "the disk fails: look at the system's log (dmesg), and at your backups",
    errno.ENOTDIR: "remove the file that is in the way, or set instance_dir to another place",
}
OF_POSTGRES = {
    codes.DISK_FULL: "the disk of PostgreSQL is full: make room there",
    codes.TOO_MANY_CONNECTIONS: "raise max_connections, start fewer workers, or put pgbouncer between",
    codes.INVALID_PASSWORD: "correct name and password in database_url",
    codes.INVALID_CATALOG_NAME: "make that database or role, or correct database_url",
    codes.INSUFFICIENT_PRIVILEGE: "let the role of database_url own the database",
    codes.READ_ONLY_SQL_TRANSACTION: "database_url leads to a replica: name the server that takes writes",
}
AT_THE_DOOR = {
    "password authentication failed": codes.INVALID_PASSWORD,
    "does not exist": codes.INVALID_CATALOG_NAME,
    "too many clients": codes.TOO_MANY_CONNECTIONS,
    "remaining connection slots": codes.TOO_MANY_CONNECTIONS,
}
# What OpenSSL says of a certificate, as the number isn't kept by everybody who passes the error on.
OF_CERTIFICATES = {
    "has expired": "let whoever runs that server renew it; if it is fresh, look at this machine's clock",
    "not yet valid": "let this machine keep time by NTP; if it does, that server needs another certificate",
    "mismatch": "correct the address in the settings, or get a certificate that has this name",
    "not valid for": "correct the address in the settings, or get a certificate that has this name",
}
UNTRUSTED = (
    "let that server send its whole chain, or have this machine trust its authority: SSL_CERT_FILE, or "
    "update-ca-certificates"
)
NO_TLS = "see whether that address and port speak TLS, and let both sides keep their software up to date"
NO_TABLES = frozenset({codes.UNDEFINED_TABLE, codes.UNDEFINED_COLUMN})
DRIVERS = frozenset({"psycopg2", "psycopg"})
AWAY = "start PostgreSQL (or `audimax run`), or correct database_url"


def worded(error: BaseException) -> str:
    """What is in the way and what to do; empty for what is a fault of ours."""
    for cause in _causes(error):
        if _is_of_a_driver(cause):
            return _of_database(cause)
        if isinstance(cause, ssl.SSLError):
            return _of_tls(cause)
    return of_disk(error) if isinstance(error, OSError) else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from: SQLAlchemy and procrastinate wrap what their drivers raise."""
    while error is not None:
        yield getattr(error, "orig", None) or error
        # urllib keeps it as its reason.
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else error.__cause__


def _is_of_a_driver(error: BaseException) -> bool:
    """Of psycopg2's or, in the worker of jobs, psycopg's."""
    return any(one.__name__ == "Error" and one.__module__ in DRIVERS for one in type(error).__mro__)


def of_disk(error: OSError) -> str:
    """The same for what the system refuses; empty for what isn't about files."""
    if isinstance(error, ssl.SSLError):
        # Its numbers are OpenSSL's own: 1 is no missing right.
        return ""
    remedy = OF_DISKS.get(error.errno or 0)
    if remedy is None:
        return ""
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    return f"{where or 'a file'}: {error.strerror}; {remedy}"


def is_full(error: BaseException) -> bool:
    """Whether there is no room: on a disk of ours, or on PostgreSQL's."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return _code(getattr(error, "orig", None) or error) == codes.DISK_FULL


def no_room_left() -> str:
    """What people read where a disk is full: trying again helps nobody."""
    return _("There is no room left on the server. Nothing was changed; please tell whoever runs it.")


def _of_tls(error: ssl.SSLError) -> str:
    said = str(error)
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {getattr(error, 'reason', None) or said}; {NO_TLS}"
    remedy = next((remedy for words, remedy in OF_CERTIFICATES.items() if words in said.lower()), UNTRUSTED)
    return f"a server's certificate isn't trusted: {getattr(error, 'verify_message', '') or said}; {remedy}"


def _of_database(error: BaseException) -> str:
    code, said = _code(error), _first_line(error)
    if code in NO_TABLES:
        return f"the database has other tables than this version expects ({said}); run `audimax db upgrade`"
    if remedy := OF_POSTGRES.get(code or _code_by_its_words(said)):
        return f"PostgreSQL: {said}; {remedy}"
    if any(one.__name__ in ("OperationalError", "InterfaceError") for one in type(error).__mro__):
        return f"PostgreSQL: {said}; {AWAY}"
    return ""


def _code(error: BaseException) -> str:
    return str(getattr(error, "pgcode", None) or getattr(error, "sqlstate", None) or "")


def _code_by_its_words(said: str) -> str:
    """Who isn't let in gets words alone, no code."""
    return next((code for words, code in AT_THE_DOOR.items() if words in said), "")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
