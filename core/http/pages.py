"""A page whose head goes out at once: the browser fetches styles and scripts while the rest is made."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from flask import (
    Response,
    g,
    get_flashed_messages,
    render_template,
    request,
    stream_template,
    stream_with_context,
)

from core.http import access

log = logging.getLogger(__name__)
HEAD_ENDS = "</head>"


def growing(template: str, **context: Any) -> Response:
    """The page of a template that extends ``base.html``, sent in two parts: its head, and all else.

    Who may see it and whether it is there is settled before: its status goes with the head. What takes
    long comes as a function, which the template calls in its body.
    """
    # They are taken out of the cookie, which goes with the head.
    get_flashed_messages(with_categories=True)
    g.is_growing = request.method != "HEAD"
    return Response(stream_with_context(_parts(stream_template(template, **context))), mimetype="text/html")


def _parts(pieces: Iterator[str]) -> Iterator[str]:
    status = 200
    try:
        yield _head(pieces)
        yield "".join(pieces)
    except Exception:
        # It is too late for another page: this one says how it ends.
        status = 500
        log.exception("a page broke off after its head")
        yield render_template("_broken.html")
    finally:
        access.note(status)


def _head(pieces: Iterator[str]) -> str:
    head: list[str] = []
    for piece in pieces:
        head.append(piece)
        if HEAD_ENDS in piece:
            break
    return "".join(head)
