"""The public address as browsers come to it: TLS, headers, cookies, who asks, sockets, streams, bodies."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import urllib3

from core.bus import CHANNEL
from core.config import Config
from core.db import new_public_id
from core.doctor import certificates
from core.doctor.asking import SECONDS, Answer, ask, pool, why
from core.doctor.database import notify
from core.doctor.findings import Finding, bad, good, warning
from core.doctor.looking import Patient
from core.files.storages import PART_SIZE
from core.health import echo
from core.http import probes

HTTP_PORT, HTTPS_PORT = 80, 443
UPLOAD_SECONDS = 60.0
STREAM_SECONDS = 20.0
# Of an address block that belongs to nobody: a proxy that passes it on believes what anybody says.
MADE_UP = "192.0.2.77"
CHECKS: Mapping[str, str] = {
    "public address": "`public_url` leads to this installation, and to no other one",
    "certificate": "trusted, of that name, valid for 14 days or more",
    "redirect": "`http://` leads on to `https://`",
    "headers": "HSTS, the content policy and `nosniff` arrive once and unchanged",
    "cookies": "arrive as `Secure`, `HttpOnly`, `SameSite`, with their name",
    "forwarded": "the client's address arrives, from one of `trusted_proxies`, and nobody can make one up",
    "websockets": "pass, as the dashboard and signalling need",
    "streams": "aren't kept back: whoever waits hears at once",
    "uploads": "a part of 16 MB passes",
}
PROXY_DOWN = "start the proxy and the web, let DNS lead here, or correct public_url"
HAIRPIN = f"{PROXY_DOWN}; where only this machine can't reach it, put the name into /etc/hosts"


def look(patient: Patient) -> Iterator[Finding]:
    config = patient.config
    if config.is_https:
        trusted = certificates.look("certificate", _place(config))
        yield trusted
        yield from _redirect(config)
        if trusted.is_bad:
            return
    answer = _asked(config, probes.ECHO, headers={"X-Forwarded-For": MADE_UP})
    seen = _seen(answer)
    yield _reached(config, answer, seen)
    if seen is None:
        return
    yield _cookies(config, answer)
    yield _forwarded(config, seen)
    yield _headers(config)
    yield _sockets(config)
    yield _streams(config)
    yield _uploads(config)


def _place(config: Config) -> certificates.Place:
    parts = urlsplit(config.public_url)
    renew = "let the proxy renew it (certbot renew, or Traefik's log says why it doesn't), and load it anew"
    return certificates.Place(parts.hostname or "", parts.port or HTTPS_PORT, renew, HAIRPIN)


def _address(config: Config, path: str) -> str:
    return config.public_url.rstrip("/") + path


def _carried(config: Config, path: str) -> dict[str, str]:
    """What proves that the doctor asks, as a page of ours would."""
    return {echo.HEADER: _ticket(config, path), "Origin": config.origin}


def _ticket(config: Config, path: str, once: str = "") -> str:
    return echo.ticket(config.secret_key, path, once)


def _asked(config: Config, path: str, headers: Mapping[str, str]) -> Answer:
    return ask(_address(config, path), headers={**_carried(config, path), **headers})


# --- the way there --------------------------------------------------------------------


def _redirect(config: Config, port: int = HTTP_PORT) -> Iterator[Finding]:
    """Only where both ports are the usual ones does a browser try the other."""
    parts = urlsplit(config.public_url)
    if parts.port not in (None, HTTPS_PORT):
        return
    yield redirect(parts.hostname or "", port)


def redirect(host: str, port: int) -> Finding:
    """Where who types the bare name is led."""
    answer = ask(f"http://{host}:{port}/")
    to = answer.headers.get("Location", "")
    if answer.status == 0:
        remedy = f"let the proxy listen on port {port} too, and redirect"
        return warning("redirect", f"nobody answers http://{host}: {answer.problem}", remedy)
    if answer.status in (301, 302, 307, 308) and to.startswith(f"https://{host}"):
        return good("redirect", f"http://{host} leads to https://")
    remedy = "redirect all of port 80 to https://, or names and passwords may travel unencrypted"
    return bad("redirect", f"http://{host} answers {answer.status} {to}".rstrip(), remedy)


def _reached(config: Config, answer: Answer, seen: dict[str, Any] | None) -> Finding:
    if seen is not None:
        return good("public address", f"{config.public_url} leads here")
    if answer.status == 0:
        return bad("public address", f"{config.public_url} doesn't answer: {answer.problem}", HAIRPIN)
    said = f"{config.public_url} answers {answer.words}"
    return bad("public address", said, ANSWERS.get(answer.status, OTHER))


OTHER = "look at the proxy's log and at the web's"
ANSWERS = {
    400: (
        "the web doesn't know the host name that the proxy passes on: keep the browser's "
        "(nginx: proxy_set_header Host $host)"
    ),
    404: (
        "another program answers there, or a web of another secret_key or version: "
        "restart the web after an update"
    ),
    502: "the proxy can't reach the web: start it, or correct where the proxy sends requests",
    503: "the web is busy or starting: look at its log",
    504: "the proxy gets no answer of the web: look at the web's log",
}


def _seen(answer: Answer) -> dict[str, Any] | None:
    """What the web saw, if it was ours that answered."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        return None
    return found if answer.status == 200 and isinstance(found, dict) and "peer" in found else None


# --- headers and cookies --------------------------------------------------------------


def _headers(config: Config) -> Finding:
    answer = ask(_address(config, "/sign-in"))
    if answer.status != 200:
        return bad("headers", f"/sign-in answers {answer.words}", OTHER)
    problems = list(_header_problems(config, answer.headers))
    if problems:
        remedy = "let the proxy neither remove nor add these headers: the web sets them"
        return bad("headers", "; ".join(problems), remedy)
    return good("headers", "arrive as the web sets them")


def _header_problems(config: Config, headers: urllib3.HTTPHeaderDict) -> Iterator[str]:
    wanted = {
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        **({"Strict-Transport-Security": "max-age="} if config.is_https else {}),
    }
    for name, beginning in wanted.items():
        values = headers.getlist(name)
        if not values:
            yield f"{name} is missing"
        elif len(values) > 1:
            yield f"{name} comes {len(values)} times"
        elif not values[0].startswith(beginning):
            yield f"{name} was changed"


def _cookies(config: Config, answer: Answer) -> Finding:
    sent = answer.headers.getlist("Set-Cookie")
    if not sent:
        remedy = "let the proxy pass Set-Cookie on: nobody can sign in"
        return bad("cookies", "the web's cookie doesn't arrive", remedy)
    lacking = [flag for flag in _flags(config) if not all(_has(one, flag) for one in sent)]
    if lacking:
        said = f"the cookie lacks {', '.join(lacking)} when it arrives"
        remedy = "let the proxy leave cookies as they are (no proxy_cookie_path, no rewriting)"
        return bad("cookies", said, remedy)
    return good("cookies", f"arrive with {', '.join(_flags(config))}")


def _flags(config: Config) -> list[str]:
    return ["HttpOnly", "SameSite", "Path=/", *(["Secure", "__Host-"] if config.is_https else [])]


def _has(cookie: str, flag: str) -> bool:
    if flag == "__Host-":
        return cookie.startswith(flag)
    try:
        (morsel,) = SimpleCookie(cookie).values()
    except (CookieError, ValueError):
        return False
    return morsel["path"] == "/" if flag == "Path=/" else bool(morsel[flag.lower()])


# --- who asks -------------------------------------------------------------------------


def _forwarded(config: Config, seen: Mapping[str, Any]) -> Finding:
    """Whether the web learns who is behind the proxy; what the doctor made up must count for nothing."""
    peer, said = str(seen["peer"]), str(seen["forwarded"].get("X-Forwarded-For", ""))
    others = [hop.strip() for hop in said.split(",") if hop.strip()]
    if not seen["is_proxy"]:
        return _from_nobody_known(config, seen, peer, others)
    if not others:
        return bad("forwarded", f"the proxy at {peer} doesn't say for whom it asks", SAY_WHO)
    if others[-1] == MADE_UP:
        said = f"the proxy at {peer} passes on whatever address a client makes up"
        return bad("forwarded", said, f"{SAY_WHO}, in place of what the client sent")
    return good("forwarded", f"the proxy at {peer} says for whom it asks: {seen['client'] or others[-1]}")


SAY_WHO = (
    "let it set X-Forwarded-For to the client's address "
    "(nginx: proxy_set_header X-Forwarded-For $remote_addr)"
)


def _from_nobody_known(config: Config, seen: Mapping[str, Any], peer: str, others: list[str]) -> Finding:
    """A direct line, or a proxy that nobody named."""
    passed_on = set(seen["forwarded"]) - {"X-Forwarded-For"} or others not in ([], [MADE_UP])
    ends_tls = config.is_https and seen["scheme"] != "https"
    if not passed_on and not ends_tls:
        return good("forwarded", "no proxy stands between, and what clients say of themselves isn't believed")
    remedy = f'add "{peer}" to trusted_proxies, if that is your proxy'
    said = (
        f"requests come from {peer}, which isn't in trusted_proxies: everybody seems to be there, "
        "and limits count all together"
    )
    if ends_tls and not passed_on and others == []:
        remedy += f"; and {SAY_WHO}"
    return bad("forwarded", said, remedy)


# --- what stays open, and what is large ------------------------------------------------


def _sockets(config: Config) -> Finding:
    url = _address(config, probes.ECHO_SOCKET)
    try:
        word = asyncio.run(_word_over_a_socket(url, _carried(config, probes.ECHO_SOCKET)))
    except aiohttp.WSServerHandshakeError as error:
        remedy = (
            "let the proxy pass Upgrade and Connection on, over HTTP/1.1 "
            "(nginx: as in deploy/nginx.conf.example)"
        )
        return bad("websockets", f"don't pass: {error.status}", remedy)
    except (aiohttp.ClientError, OSError) as error:
        return bad("websockets", f"are cut: {why(error)}", "look at the proxy's log and its time-outs")
    if word != echo.HELLO:
        return bad("websockets", "open, but nothing comes through", "let the proxy not buffer sockets")
    return good("websockets", "pass")


async def _word_over_a_socket(url: str, headers: Mapping[str, str]) -> str:
    limit = aiohttp.ClientTimeout(total=SECONDS * 2)
    async with (
        aiohttp.ClientSession(timeout=limit, trust_env=False) as session,
        asyncio.timeout(SECONDS * 2),
        session.ws_connect(url, headers=headers, ssl=ssl.create_default_context()) as line,
    ):
        said = await line.receive()
        return str(said.data) if said.type is aiohttp.WSMsgType.TEXT else ""


def _streams(config: Config) -> Finding:
    """Whoever reads the first event has the second sent, over the database: kept back, it comes too late."""
    try:
        come = _read_and_wake(config, new_public_id())
    except urllib3.exceptions.HTTPError as error:
        return bad("streams", f"break off: {why(error, STREAM_SECONDS)}", NOT_BUFFERED)
    if echo.WOKEN in come:
        return good("streams", "come through as they are sent")
    if echo.LATE in come:
        return bad("streams", "are kept back: nobody who waits hears of anything in time", NOT_BUFFERED)
    return bad("streams", "answer something else", OTHER)


NOT_BUFFERED = "let the proxy not buffer answers (nginx: proxy_buffering off), nor compress text/event-stream"


def _read_and_wake(config: Config, once: str) -> str:
    """All that comes of the stream."""
    carried = {**_carried(config, probes.ECHO_STREAM), echo.HEADER: _ticket(config, probes.ECHO_STREAM, once)}
    with pool(STREAM_SECONDS) as connections:
        response = connections.request(
            "GET",
            _address(config, probes.ECHO_STREAM),
            headers=carried,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        come = ""
        while (piece := response.read1(4096)) and len(come) < 4096:
            come += piece.decode("utf-8", "replace")
            if come == echo.FIRST:
                notify(config.database_url, CHANNEL, json.dumps({"topic": echo.topic(once)}))
        response.close()
    return come


def _uploads(config: Config) -> Finding:
    path, size = probes.ECHO_BODY, PART_SIZE
    carried = {**_carried(config, path), "Content-Type": "application/octet-stream"}
    answer = ask(_address(config, path), "PUT", headers=carried, body=bytes(size), seconds=UPLOAD_SECONDS)
    if answer.status == 200 and json.loads(answer.body or b"{}").get("bytes") == size:
        return good("uploads", f"a part of {size // 2**20} MB passes")
    remedy = f"let the proxy pass bodies of {size // 2**20} MB (nginx: client_max_body_size 20m)"
    return bad("uploads", f"a part of {size // 2**20} MB doesn't pass: {answer.words}", remedy)
