"""Who may come in, and what everybody else is answered."""

from __future__ import annotations

import logging
from functools import cache
from urllib.parse import quote, unquote_plus

from flask import Response, after_this_request, make_response, redirect, render_template, request
from flask_babel import gettext as _

from core.api import Form, Refusal, Tries, client_address, exact_address, safe_next, settings, wants_json
from plugins.dev_gate import passes
from plugins.dev_gate.settings import Settings

log = logging.getLogger(__name__)
PARAMETER = "access_key"
PAGE = "/plugins/dev_gate/"
AS_IT_IS = "/:@!$&'()*+,;="
WRONG_KEYS = Tries("dev_gate.wrong_keys", "10 per 15 minute")


def keeps_out() -> Response | None:
    """None for who may come in; the page with the question for others, or a refusal for programs."""
    after_this_request(keep_private)
    given = _key_in_address()
    if is_inside():
        return let_in(asked_for()) if passes.is_key(given) else None
    if wants_json():
        raise Refusal(403, _words(), code="locked")
    return open_with(given, asked_for()) if given else shut(Form(next=asked_for()))


def is_inside() -> bool:
    """Whether this request needs no key any more, or none at all."""
    address = exact_address()
    if address is None and settings(Settings).allowed_ips:
        _warn_of_unknown_addresses()
    return settings(Settings).lets_in(address) or passes.has_pass()


@cache
def _warn_of_unknown_addresses() -> None:
    """Once in each process: whoever named networks must hear why they don't count."""
    log.warning(
        "allowed_ips lets nobody in who comes through %s: name that proxy in trusted_proxies, and let it "
        "send X-Forwarded-For",
        request.remote_addr,
    )


def open_with(given: str, target: str) -> Response:
    """Let in whoever gives the key, and lead them to ``target``; tell others that it isn't it."""
    form = Form(next=target)
    try:
        WRONG_KEYS.take(client_address())
    except Refusal as refusal:
        form.refuse(refusal)
        return shut(form)
    if passes.is_key(given):
        WRONG_KEYS.give_back(client_address())
        return let_in(target)
    log.info("a wrong access key from %s", client_address())
    form.fail(PARAMETER, _("That isn’t the key. Check it, or ask whoever gave it to you."))
    return shut(form)


def let_in(target: str) -> Response:
    """Keep it in the browser, and lead away from an address that has the key in it."""
    response = make_response(redirect(safe_next(target), 303))
    passes.hand_out(response)
    return response


def shut(form: Form) -> Response:
    """The page that everybody sees who isn't let in."""
    has_key = bool(settings(Settings).access_key)
    page = render_template("dev_gate/locked.html", form=form, has_key=has_key, action=PAGE)
    response = make_response(page, form.status if form.problem else 403)
    if form.retry_after:
        response.headers["Retry-After"] = str(form.retry_after)
    return response


def asked_for() -> str:
    """The address that was asked for, without the key."""
    if request.method != "GET":
        return "/"
    parts = request.query_string.decode("ascii", "replace").split("&")
    rest = "&".join(part for part in parts if unquote_plus(part.partition("=")[0]) != PARAMETER)
    return quote(request.path, safe=AS_IT_IS) + (f"?{rest}" if rest else "")


def keep_private(response: Response) -> Response:
    """No search engine lists what is behind the door, and no proxy keeps it for others."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    if response.status_code in (403, 429) or "Set-Cookie" in response.headers:
        response.headers["Cache-Control"] = "no-store"
    elif response.cache_control.public:
        response.cache_control.public, response.cache_control.private = None, True  # type: ignore[assignment]
    return response


def _key_in_address() -> str:
    return "" if request.method != "GET" or wants_json() else request.args.get(PARAMETER, "")


def _words() -> str:
    return str(_("This installation isn’t open to everybody yet. Open its start page in a browser first."))
