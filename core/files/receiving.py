"""Bytes of an upload as they come in, added to what is there; no file is ever held in memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import request
from flask_babel import gettext as _
from werkzeug.exceptions import ClientDisconnected

from core.errors import Refusal
from core.files import storages

log = logging.getLogger(__name__)
PIECE = 64 * 1024
# A browser that sends nothing for so long has lost its connection; it resumes with another.
STALLED_SECONDS = 30.0


def receive(key: str, size: int, offset: int, still_wanted: Callable[[], None]) -> int:
    """Add the request's body, which begins at ``offset``; where the next bytes belong.

    ``still_wanted`` is asked once nobody else can write, and raises when the upload is over.
    """
    with writing(key) as growing:
        still_wanted()
        if growing.size != offset:
            raise wrong_offset(growing.size)
        if (request.content_length or 0) > size - offset:
            raise _too_much(size)
        at = offset
        try:
            for piece in _pieces():
                if at + len(piece) > size:
                    growing.cut(offset)
                    raise _too_much(size)
                growing.write(piece)
                at += len(piece)
        except (ClientDisconnected, OSError) as error:
            # What came stays: the browser asks how much that is, and goes on from there.
            log.info("an upload was cut after %s of %s bytes: %s", at, size, type(error).__name__)
            raise _cut() from error
        return at


@contextmanager
def writing(key: str) -> Iterator[Any]:
    """The incoming file, for us alone; a 423 while another connection adds to it."""
    appending = storages.local().appending(key)
    try:
        growing = appending.__enter__()
    except BlockingIOError as error:
        detail = _("This file is being sent over another connection. Wait a moment, then go on.")
        raise Refusal(423, detail, code="upload_busy", retry_after=2) from error
    try:
        yield growing
    finally:
        appending.__exit__(None, None, None)


def received(key: str) -> int:
    """How many bytes have come."""
    found = storages.local().stat(key)
    return found.size if found else 0


def wrong_offset(offset: int) -> Refusal:
    """What is said to who doesn't go on where the bytes end."""
    detail = _("The upload goes on at another place than this.")
    return Refusal(409, detail, code="wrong_offset", offset=offset)


def _pieces() -> Iterator[bytes]:
    with _impatient():
        while piece := request.stream.read(PIECE):
            yield piece


@contextmanager
def _impatient() -> Iterator[None]:
    """A connection that stalls fails like one that is cut."""
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        yield
        return
    before = connection.gettimeout()
    connection.settimeout(STALLED_SECONDS)
    try:
        yield
    finally:
        connection.settimeout(before)


def _too_much(size: int) -> Refusal:
    detail = _("The file has more bytes than the %(size)s that were announced. Send it again.", size=size)
    return Refusal(413, detail, code="too_many_bytes")


def _cut() -> Refusal:
    return Refusal(
        408, _("The connection was lost. The upload can go on where it stopped."), code="upload_cut"
    )
