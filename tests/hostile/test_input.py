"""What nobody types by accident: wrong types, sizes and bytes in every place that takes something."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.db import db
from core.rooms.models import Room
from tests.hostile.conftest import PASSWORD, STREAMS, World, addresses, at, forget_tries, get_raw

T = TypeVar("T")
LONG = "x" * 10_000
# Found in no answer, whatever goes wrong: how we are built, and what we keep to ourselves.
INSIDE = re.compile(
    r"Traceback|File \"|psycopg2|sqlalchemy|werkzeug|pydantic|jinja2|SELECT |INSERT |token_hash"
    r"|password_hash|site-packages|0x[0-9a-f]{8}",
)
BODIES = {
    "nothing": b"",
    "no JSON": b"name=Eve",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "true": b"true",
    "cut off": b'{"name": "E',
    "a comma too many": b'{"name": "Eve",}',
    "two documents": b"{}{}",
    "a hundred thousand brackets": b"[" * 100_000,
    "a deep object": b'{"settings":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
    "a lone surrogate": b'{"name": "\\ud800", "title": "\\udfff", "email": "\\ud800@x.de"}',
    "a lone surrogate as bytes": b'{"name": "\xed\xa0\x80", "title": "\xed\xa0\x80"}',
    "a null byte": b'{"name": "a\\u0000b", "title": "a\\u0000b", "email": "a\\u0000b@uni.example"}',
    "a raw null byte": b'{"name": "a\x00b", "title": "a\x00b"}',
    "null bytes as names": b'{"\\u0000": 1, "title": "x", "settings": {"\\u0000": 1}}',
    "no UTF-8": b'{"name": "\xff\xfe", "title": "\xff"}',
    "UTF-16": '{"name": "Eve", "title": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "Eve"}',
    "endless numbers": b'{"name": ' + b"9" * 5_000 + b', "title": 1e999}',
    "no numbers": b'{"name": NaN, "title": Infinity, "email": -Infinity}',
    "the same name twice": b'{"title": "a", "title": 5, "name": "a", "name": []}',
    "wrong types": b'{"name": {}, "title": [], "email": 5, "answer": "x", "fingerprint": false, "settings": []}',
    "nested wrong types": b'{"title": "x", "plugins": {"lobby": []}, "settings": {"screen_share": {}}}',
    "a prototype": b'{"__proto__": {"is_admin": true}, "constructor": {}, "title": "x"}',
    "ten thousand letters": f'{{"name": "{LONG}", "title": "{LONG}", "email": "{LONG}@x.de"}}'.encode(),
    "ten thousand names": b'{"settings": {'
    + b",".join(b'"k%d": 1' % n for n in range(10_000))
    + b'}, "title": "x"}',
    "only spaces": b'{"name": "   ", "title": "\\u200b\\u2003 ", "email": "  ", "description": "  "}',
    "more than a megabyte": b'{"name": "' + b"x" * 1_100_000 + b'"}',
}
TYPES = ("application/json", "application/json; charset=utf-7", "application/problem+json", "text/plain",
         "multipart/form-data", "multipart/form-data; boundary=", "application/x-www-form-urlencoded",
         "application/x-www-form-urlencoded; charset=no-such-charset", "", "\xff/\xfe")  # fmt: skip
IDS = ("%00", "%ff%fe", "%ed%a0%80", "..%2f..%2fetc%2fpasswd", LONG, "%0d%0aSet-Cookie:%20a=b", "%f0%9f%92%a9",
       "'%20OR%201=1--", "%25s%25n", "%e2%80%ae", "None", "-1", "9" * 400, "{{7*7}}", "<script>", "%20", ".", "..",
       "a%2Fb", "\\", "%5c..%5c", "%c0%ae%c0%ae", "\x7f")  # fmt: skip
TEXTS = ("\0", "a\0b", LONG, "   ", "\u202e\u200b", "\ud800".encode("utf-8", "surrogatepass"), b"\xff\xfe",
         "{{7*7}}", "<script>alert(1)</script>", "a\r\nSet-Cookie: x=1", "9" * 400, "%s%n", "'; --", "🎓" * 500,
         "e\u0301" * 200, "\N{ARABIC LIGATURE BISMILLAH AR-RAHMAN AR-RAHEEM}" * 50)  # fmt: skip
QUERIES = ("page=-1", "page=0", "page=" + "9" * 400, "page=1.5", "page=NaN", "page=%00", "q=%00", "q=%ff%fe",
           "q=" + LONG, "q=%25_%5c", "q[]=1", "q=1&q=2&q=3", "=&=&=", "&" * 1_000, "archived=maybe", "room=%ed%a0%80",
           "room=" + LONG, "next=" + LONG, "code=" + LONG, "code=%00", "x=" + "y" * 60_000, "%", "%zz=%zz", "a;b;c")  # fmt: skip


def json_routes(app: Flask) -> Iterator[tuple[str, str]]:
    for method, rule, endpoint in addresses(app):
        spec = getattr(app.view_functions[endpoint], "audimax_view", None)
        if spec is not None and endpoint not in STREAMS:
            yield method, rule


def forms(app: Flask) -> Iterator[str]:
    for method, rule, _endpoint in addresses(app):
        if method == "POST" and not rule.startswith("/api/"):
            yield rule


def assert_polite(answer: Any, where: str) -> None:
    """It went well, or it says in words what is wrong, and nothing about our inside."""
    assert answer.status_code < 500, f"{where}: {answer.status} {answer.text[:300]}"
    assert not INSIDE.search(answer.text) or answer.status_code < 400, (
        f"{where}: {INSIDE.search(answer.text)}"
    )
    if answer.status_code >= 400 and answer.request.path.startswith("/api/r"):
        assert answer.mimetype == "application/problem+json", where
        assert answer.json["detail"] and answer.json["status"] == answer.status_code, where


def share(things: Iterable[T], turn: int, of: int = 3) -> list[T]:
    """Every third of the things, beginning at another one for each input.

    All routes take their input through the same few functions: each input meets a third of the routes, and each
    route a third of the inputs.
    """
    return list(things)[turn % of :: of]


@pytest.fixture
def callers(world: World) -> dict[str, FlaskClient]:
    return {"guest": world.ours.guest, "host": world.ours.host}


@pytest.mark.parametrize("what", BODIES)
def test_no_body_breaks_a_json_route(world: World, callers: dict[str, FlaskClient], what: str) -> None:
    for who, client in callers.items():
        for method, rule in share(json_routes(world.app), list(BODIES).index(what)):
            if method in ("GET", "DELETE") or (rule.endswith("/end") and who == "host"):
                continue
            path = at(rule, world.ours)
            answer = client.open(path, method=method, data=BODIES[what], content_type="application/json")
            assert_polite(answer, f"{who} {method} {rule} with {what}")
        forget_tries()


def test_a_wrong_body_changes_nothing_and_is_told_by_its_field(world: World) -> None:
    us = world.ours
    for body, field in (
        ({"title": 5}, "title"),
        ({"title": None, "description": []}, "description"),
        ({"settings": []}, "settings"),
        ({"settings": {"screen_share": 5}}, "settings.screen_share"),
        ({"plugins": {"x": 5}}, "plugins.x"),
        ({"language": "klingon"}, "language"),
        ({"title": LONG + "x"}, "title"),
    ):
        answer = us.host.patch(f"/api/rooms/{us.id}", json=body)
        assert answer.status_code == 422
        assert [mistake["field"] for mistake in answer.json["errors"]] == [field]
    assert us.host.get(f"/api/rooms/{us.id}").json["title"] == "Room of Ada"


@pytest.mark.parametrize("kind", TYPES)
def test_no_content_type_breaks_anything(world: World, kind: str) -> None:
    posts = (rule for method, rule in json_routes(world.app) if method == "POST" and "end" not in rule)
    for rule in share([*forms(world.app), *posts], TYPES.index(kind)):
        path = at(rule, world.ours)
        if path.endswith(("/delete", "/sign-out")):
            continue
        sent = b'{"name": "Eve"}--x\r\n\r\n='
        assert_polite(
            world.ours.host.post(path, data=sent, headers={"Content-Type": kind}), f"{rule} as {kind}"
        )
        forget_tries()


def test_json_in_disguise_is_refused(world: World) -> None:
    """A page elsewhere can send text without asking the browser; JSON it can't."""
    path = f"/api/rooms/{world.ours.id}/join"
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        for more in ({}, {"environ_overrides": {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}}):
            answer = world.nobody().post(path, data=b'{"name": "Eve"}', content_type=kind, **more)
            assert answer.status_code == 415, kind


@pytest.mark.parametrize("identifier", IDS, ids=range(len(IDS)))
def test_no_id_breaks_a_route(world: World, identifier: str) -> None:
    with_id = (one for one in addresses(world.app) if "<" in one[1])
    for method, rule, _endpoint in share(with_id, IDS.index(identifier)):
        path = re.sub(r"<[^>]+>", lambda _match: identifier, rule)
        answer = get_raw(world.ours.host, path, method)
        assert_polite(answer, f"{method} {path[:80]}")
        assert answer.status_code >= 300, f"{method} {path[:80]} was found"
        assert "Set-Cookie" not in answer.headers or "a=b" not in str(answer.headers), path
        forget_tries()


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_no_query_breaks_a_page(world: World, query: str) -> None:
    # What /readyz has to say here is a 503: LiveKit is not there.
    left_out = (*STREAMS, "health.readyz")
    pages = (one for one in addresses(world.app) if one[0] == "GET" and one[2] not in left_out)
    for _method, rule, _endpoint in share(pages, QUERIES.index(query)):
        answer = get_raw(world.ours.host, at(rule, world.ours) + "?" + query)
        assert_polite(answer, f"{rule}?{query[:40]}")
        forget_tries()


def fields_of(html: str) -> set[str]:
    return set(re.findall(r'<(?:input|textarea|select|button)[^>]*\sname="([^"]+)"', html))


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_no_text_breaks_a_form(
    world: World, make_link: Callable[..., str], make_user: Any, text: Any
) -> None:
    for rule in share(forms(world.app), TEXTS.index(text), 2):
        if rule.endswith(("/delete", "/sign-out", "/sign-out-everywhere")):
            continue
        token = _token(rule, make_link, make_user)
        path = at(rule, world.ours, token=token)
        client = world.admin if rule.startswith("/admin") else world.nobody() if token else world.ours.host
        shown = client.get(path)
        names = (fields_of(shown.text) if shown.status_code == 200 else set()) | {
            "name", "email", "password", "title", "description", "language", "emails", "locale", "next", text,
        }  # fmt: skip
        answer = client.post(path, data=dict.fromkeys(names, text))
        assert_polite(answer, f"{rule} with {text[:20]!r}")
        assert "<script>alert" not in answer.text
        assert "49" not in re.findall(r'value="([^"]*)"', answer.text)
        forget_tries()


def _token(rule: str, make_link: Callable[..., str], make_user: Any) -> str:
    for path, purpose in (("/set-up", "set_up"), ("/sign-up", "sign_up"), ("/invitation", "invitation"),
                          ("/reset", "reset"), ("/account/email", "email")):  # fmt: skip
        if rule == f"{path}/<token>":
            user = make_user() if purpose in ("reset", "email") else None
            return make_link(purpose, user=user).rpartition("/")[2]
    return ""


def test_a_form_of_ten_thousand_fields_is_refused(world: World) -> None:
    data = {f"field{n}": "x" for n in range(10_000)}
    assert world.ours.host.post("/rooms/new", data=data).status_code in (413, 422)
    many = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % n for n in range(2_000)
    )
    answer = world.ours.host.post(
        "/rooms/new", data=many + b"--x--", content_type="multipart/form-data; boundary=x"
    )
    assert answer.status_code == 413


def test_an_uploaded_file_where_none_is_asked_for_is_ignored(world: World) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="title"; filename="../../x.py"\r\n\r\nboo\r\n--x--'
    answer = world.ours.host.post("/rooms/new", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 422


# --- headers --------------------------------------------------------------------------

HEADERS = {
    "Accept-Language": (
        LONG,
        "xx-XX;q=9",
        ";;;q=,,,",
        "de-\xff",
        "../../etc",
        "en;q=NaN",
        "*",
        "a-b-c-d-e-f-g" * 500,
    ),
    "Accept": (LONG, "*/*;q=x", "\xff"),
    "Accept-Encoding": (LONG, "br;q=x", ";;;"),
    "Cookie": (
        "audimax-guest=" + LONG,
        "audimax-guest=\xff\xfe",
        'audimax-guest="\\000"',
        "audimax-guest=%00",
        "audimax-guest=; audimax-guest=",
        "audimax=" + LONG,
        "audimax=eyJfdXNlcl9pZCI6IjEuMSJ9.x.y",
        "audimax=.eJw.x",
        "=;=;=",
        ";" * 5_000,
    ),
    "Authorization": ("Bearer", "Basic !!!", "Bearer " + LONG, "\xff", "Digest username=x"),
    "X-Forwarded-For": (LONG, "::::", "1.2.3.4, \xff", "127.0.0.1"),
    "Content-Length": ("-1", "x", "9" * 40),
    "Range": ("bytes=0-", "bytes=-" + "9" * 50, "bytes=5-1", "x" * 100),
    "If-None-Match": (LONG, '"', "W/"),
    "If-Modified-Since": ("yesterday", "Thu, 99 Jan 99999 99:99:99 GMT"),
    "Upgrade": ("websocket", "h2c", "WebSocket, x"),
    "Sec-Fetch-Site": ("same-origin", LONG),
    "Content-Encoding": ("gzip", "br"),
    "Expect": ("100-continue", "x"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_breaks_a_page(world: World, name: str) -> None:
    paths = ("/", "/sign-in", f"/r/{world.ours.code}", f"/lectures/{world.ours.lecture}", "/api/rooms", "/lectures",
             f"/rooms/{world.ours.id}", f"/api/rooms/{world.ours.id}", "/static/dist/icons.svg", "/nowhere")  # fmt: skip
    for value in HEADERS[name]:
        for client in (world.nobody(), world.ours.host) if name != "Cookie" else (world.nobody(),):
            for path in paths:
                answer = client.get(path, headers={name: value})
                assert_polite(answer, f"{path} with {name}: {value[:40]}")
            headers = {name: value}
            assert_polite(
                client.post("/sign-in", data={"email": "a"}, headers=headers), f"sign-in with {name}"
            )
            join = client.post(f"/api/rooms/{world.ours.id}/join", json={"name": "E"}, headers=headers)
            assert_polite(join, f"join with {name}: {value[:40]}")
        forget_tries()


@pytest.mark.parametrize("cookie", HEADERS["Cookie"], ids=range(len(HEADERS["Cookie"])))
def test_a_made_up_cookie_is_nobody(world: World, cookie: str) -> None:
    client = world.nobody()
    account = client.get("/account", headers={"Cookie": cookie})
    assert account.status_code == 400 or account.location.startswith("/sign-in")
    room = client.get(f"/r/{world.ours.code}", headers={"Cookie": cookie})
    assert room.status_code == 400 or '"role": "stranger"' in room.text


# --- names ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [LONG, "   ", "\u200b\u2060", "\u202e", "\u3164", "\t\r\n", "", "\u0301\u0301"]
)
def test_a_name_that_is_none_is_refused_beside_its_field(world: World, name: str) -> None:
    answer = world.nobody().post(f"/api/rooms/{world.ours.id}/join", json={"name": name})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "name"
    assert len(answer.data) < 1_000


SCRIPT = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"{{7*7}}"


def test_what_people_call_things_is_never_code_on_a_page(world: World) -> None:
    us = world.ours
    us.host.patch(f"/api/rooms/{us.id}", json={"title": SCRIPT, "description": SCRIPT})
    us.host.post("/account/profile", data={"name": SCRIPT[:60], "locale": ""})
    world.nobody().post(f"/api/rooms/{us.id}/join", json={"name": SCRIPT[:60]})
    with world.app.app_context():
        assert db.session.get_one(Room, us.room).title == SCRIPT
    for path in ("/", f"/r/{us.code}", f"/rooms/{us.id}", f"/rooms/{us.id}/settings", "/lectures", "/account",
                 f"/rooms/{us.id}/delete", f"/lectures/{us.lecture}", f"/?q={SCRIPT}", f"/lectures?room={us.id}"):  # fmt: skip
        shown = us.host.get(path).text
        assert "alert(1)" in shown or path in ("/account", "/lectures"), f"{path} doesn't show it at all"
        assert "<script>alert" not in shown and "<img src=x" not in shown, path
        assert "'&#34;49" not in shown and "&#39;&#34;49" not in shown, path


# --- the log --------------------------------------------------------------------------

NEWLINE = "\r\n2026-01-01 CRITICAL root signed in\x1b[31m"


def test_nobody_writes_lines_of_their_own_into_the_log(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, make_link: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    client, typed = world.nobody(), NEWLINE.encode()
    client.post(f"/api/rooms/{world.ours.id}/join", json={"name": f"Eve{NEWLINE}"})
    client.post("/sign-in", data={"email": f"eve@uni.example{NEWLINE}", "password": PASSWORD})
    client.post(make_link("sign_up"), data={"name": f"Eve{NEWLINE}", "password": PASSWORD})
    client.post("/api/livekit/webhook", data=typed, headers={"Authorization": "a.b.c%0d%0a"})
    for path in ("/nowhere%0d%0aCRITICAL", "/r/%0d%0aCRITICAL", "/lectures/%0aCRITICAL%1b[31m"):
        get_raw(client, path)
    forged = {"X-Original-URI": "/rtc?access_token=a.%0d%0ab.c&x=%0a", "User-Agent": "a"}
    client.get("/api/internal/livekit/connect", headers=forged)
    monkeypatch.setattr("core.rooms.lookups.find", _breaks)
    get_raw(client, "/r/%0d%0aCRITICAL%1b[31m?x=%0a")
    assert any("unexpected error" in record.getMessage() for record in caplog.records)
    for record in caplog.records:
        said = record.getMessage()
        assert "\x1b" not in said and "\r" not in said, said
        assert record.name.startswith("sqlalchemy") or "\n" not in said, said


def _breaks(_code: str) -> None:
    raise RuntimeError("postgresql://user:secret@host/db")


def test_an_error_inside_says_nothing_of_the_inside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.rooms.lookups.find", _breaks)
    for path in (f"/r/{world.ours.code}", f"/api/rooms/by-code/{world.ours.code}"):
        answer = world.ours.host.get(path)
        assert answer.status_code == 500
        assert "secret" not in answer.text and not INSIDE.search(answer.text)


def test_no_answer_holds_a_secret(world: World) -> None:
    config = world.app.extensions["audimax_config"]
    secrets = (config.secret_key, config.livekit_secret, config.database_url)
    with world.app.app_context():
        from core.people.models import GuestSession, User

        secrets += tuple(db.session.scalars(db.select(GuestSession.token_hash)))
        secrets += tuple(h for h in db.session.scalars(db.select(User.password_hash)) if h)
    for who, client in world.people().items():
        for method, rule, endpoint in addresses(world.app):
            if method != "GET" or endpoint in STREAMS:
                continue
            text = client.get(at(rule, world.ours)).text
            assert not any(secret in text for secret in secrets), f"{rule} tells {who} a secret"
        forget_tries()


@pytest.mark.parametrize("who", ["stranger", "guest"])
def test_a_guest_learns_no_address_and_no_key_of_anybody(world: World, who: str) -> None:
    """Addresses belong to accounts; ids of database rows, sessions and other people to nobody."""
    client = world.people()[who]
    us = world.ours
    for path in (f"/r/{us.code}", f"/api/rooms/by-code/{us.code}"):
        text = client.get(path).text
        assert "@uni.example" not in text and us.co_host_id not in text
        assert us.guest_row["identity"] not in text
        assert us.lecture not in text
