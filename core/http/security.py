"""Rules that every request keeps: host, origin, headers, cookies, the caller's address."""

from __future__ import annotations

import ipaddress
import logging
import re
import secrets
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from flask_babel import gettext as _

from core.config import Config, config
from core.errors import Refusal

log = logging.getLogger(__name__)
F = TypeVar("F")
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LARGEST_BODY = 1_000_000
REPORTS = "/csp-reports"
# As livekit-client knows it.
CLOUDS = ("livekit.cloud", "livekit.run")
PLACE = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?\Z")


def init_app(app: Flask) -> None:
    """Set the cookies' flags and put the checks before, the headers behind every request."""
    settings: Config = app.extensions["audimax_config"]
    secure = settings.is_https
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME=cookie_name("audimax", secure),
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LARGEST_BODY,
        MAX_FORM_PARTS=500,
        TRUSTED_HOSTS=[_host_of(host) for host in settings.hosts],
    )
    app.before_request(_check)
    app.after_request(_add_headers)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def cookie_name(name: str, secure: bool) -> str:
    """``__Host-`` binds a cookie to this host and to HTTPS; browsers refuse it on plain HTTP."""
    return f"__Host-{name}" if secure else name


def _host_of(netloc: str) -> str:
    return urlsplit(f"//{netloc}").hostname or netloc


def from_machines(view: F) -> F:
    """Mark a view that programs call and that proves its caller by itself: no origin is asked."""
    view.from_machines = True  # type: ignore[attr-defined]
    return view


def csp_nonce() -> str:
    """This response's nonce for inline scripts and styles."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def show_what_storages_hand_out() -> None:
    """Let this response's page play films and show pictures that ``/files`` leads on to a storage for."""
    g.shown_origins = current_app.extensions.get("audimax_storage_origins", ())


def let_page_reach(address: str) -> None:
    """Let this response's page talk to a LiveKit server elsewhere: ``wss://livekit.uni.example``.

    ``ValueError`` for what is no such address. Whoever names it must have proved who they are.
    """
    parts = urlsplit(address)
    where = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    if parts.scheme not in ("ws", "wss", "http", "https") or not PLACE.match(where):
        raise ValueError("this is no address of a LiveKit server")
    letter = "s" if parts.scheme in ("wss", "https") else ""
    g.reached_origins = (f"ws{letter}://{where}", f"http{letter}://{where}")


def client_address() -> str:
    """Who asks: the last address that a trusted proxy vouches for; IPv6 as its /64."""
    if "client_address" not in g:
        g.client_address = network_of(_last_untrusted())
    return str(g.client_address)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """An IPv4 address as it is, an IPv6 address as its /64: one home or one attacker."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def exact_address() -> IPv4Address | IPv6Address | None:
    """Who asks, to the last bit, for lists of those who may; IPv4 that is written as IPv6 is IPv4.

    None where nobody can tell: somebody passed the request on who is no trusted proxy, or a trusted one
    didn't say for whom. What counts tries takes ``client_address()``.
    """
    vouched = comes_from_proxy() and request.headers.get("X-Forwarded-For", "").strip(" ,")
    if not vouched and (comes_from_proxy() or _is_passed_on()):
        return None
    try:
        return _plain(_last_untrusted())
    except ValueError:
        return None


def comes_from_proxy() -> bool:
    """Whether what sent this request is one of the trusted proxies."""
    return _trusted(_remote(), tuple(config().trusted_proxies))


def asks_from(networks: list[str]) -> bool:
    """Whether the caller is on this machine, or in one of these networks.

    A proxy that nobody told us of would make everybody look like a neighbour: it is known by its headers.
    """
    if not comes_from_proxy() and any(name in request.headers for name in FORWARDED):
        return False
    return _trusted(_last_untrusted(), ("127.0.0.0/8", "::1", *networks))


def _is_passed_on() -> bool:
    """Whether somebody stands between: they say so, or they end the TLS that people speak with us."""
    ends_tls = config().is_https and request.scheme != "https"
    return ends_tls or any(name in request.headers for name in FORWARDED)


def _plain(address: str) -> IPv4Address | IPv6Address:
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed


def _remote() -> str:
    return request.remote_addr or "127.0.0.1"


def _last_untrusted() -> str:
    remote = _remote()
    if not _trusted(remote, tuple(config().trusted_proxies)):
        return remote
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    for hop in reversed(hops):
        if not _trusted(hop, tuple(config().trusted_proxies)):
            return hop
    return hops[0] if hops else remote


@lru_cache(maxsize=4096)
def _trusted(address: str, proxies: tuple[str, ...]) -> bool:
    try:
        parsed = _plain(address)
    except ValueError:
        return False
    return any(parsed in ipaddress.ip_network(network, strict=False) for network in proxies)


def _check() -> None:
    cookies = "".join(request.cookies.values())
    if "\0" in request.path + cookies or b"%00" in request.query_string:
        raise Refusal(400, _("The address contains a character that can't be used."), code="bad_address")
    if request.method not in SAFE_METHODS or _is_websocket():
        check_origin()


def _is_websocket() -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def check_origin() -> None:
    """Refuse what another page sent: exact ``Origin``, and nothing from sibling hosts."""
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "from_machines", False):
        return
    if request.headers.get("Origin") != config().origin or _from_sibling():
        detail = _("This was sent from another address than %(url)s. Open that address and try again.",
                   url=config().origin)  # fmt: skip
        raise Refusal(403, detail, code="foreign_origin")


def _from_sibling() -> bool:
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", _content_policy())
        headers.setdefault("Reporting-Endpoints", f'csp="{REPORTS}"')
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault(
            "Permissions-Policy",
            "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), geolocation=()",
        )
        headers.setdefault("Cache-Control", "no-store")
    elif request.path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
    if config().is_https:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _content_policy() -> str:
    uploads = (*current_app.extensions.get("audimax_upload_origins", ()), *g.get("reached_origins", ()))
    shown = g.get("shown_origins", ())
    return _policy_template(config().livekit_url, uploads, shown).replace("NONCE", csp_nonce())


def _regions(media: str) -> tuple[str, ...]:
    """LiveKit Cloud sends browsers on to the nearest of its own servers."""
    host = urlsplit(f"//{media}").hostname or ""
    cloud = next((name for name in CLOUDS if host.endswith(f".{name}")), "")
    return (f"wss://*.{cloud}", f"https://*.{cloud}") if cloud else ()


@lru_cache(maxsize=8)
def _policy_template(livekit_url: str, uploads: tuple[str, ...], shown: tuple[str, ...]) -> str:
    media = urlsplit(livekit_url).netloc
    secure = livekit_url.startswith(("wss", "https"))
    socket, plain = (f"wss://{media}", f"https://{media}") if secure else (f"ws://{media}", f"http://{media}")
    connect = " ".join(("'self'", socket, plain, *_regions(media), *uploads))
    pictures, films = (" ".join((own, *shown)) for own in ("data: blob:", "blob: mediastream:"))
    return (
        "default-src 'none'; script-src 'self' 'nonce-NONCE'; style-src 'self' 'nonce-NONCE'; "
        f"img-src 'self' {pictures}; font-src 'self'; media-src 'self' {films}; "
        f"connect-src {connect}; worker-src 'self' blob:; manifest-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; "
        f"report-uri {REPORTS}; report-to csp"
    )
