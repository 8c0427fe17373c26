"""What holds on every route of the app: who may call it, from which page, with which method, and its headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.contracts import EVERYONE
from core.db import Base, db
from core.engine.mounts import declared
from core.people.models import User
from core.testing import signed_in
from tests.conftest import ORIGIN
from tests.fixtures.product import ROOT
from tests.hostile.conftest import STREAMS, World, addresses, at, forget_tries, get_raw

FOR_PROBES = "names of checks and whether they work; more for those who may know (tests/core/health)"
A_FILE = "files of the build, the same for everybody"
BEFORE_SIGN_IN = "leads to an account"
BY_LINK = "whoever holds the link proves who they are by it"
BY_SIGNATURE = "the caller proves itself by a signature"
A_SHARED_FILE = "guests have what was shared with them; a 404 for others (tests/core/files)"
OWN_EXPORT = "whoever may read the lecture, each their own; a 404 for others (tests/core/exports)"
OWN_UPLOAD = "guests send files; a 404 for who hasn't begun this one (tests/core/files)"
BY_CODE = "whoever has the room's code may see its door"
# What a stranger may call, each with its reason. Whatever else there is asks to sign in.
OPEN = {
    "static": A_FILE,
    "dist": A_FILE,
    "people.sign_in_page": BEFORE_SIGN_IN,
    "people.sign_in": BEFORE_SIGN_IN,
    "people.sign_out": "ends one's own session, if there is one",
    "people.sign_up_page": BEFORE_SIGN_IN,
    "people.sign_up": BEFORE_SIGN_IN,
    "people.check_your_mail": BEFORE_SIGN_IN,
    "people.ask_for_reset_page": BEFORE_SIGN_IN,
    "people.ask_for_reset": BEFORE_SIGN_IN,
    "people.set_up_page": BY_LINK,
    "people.set_up": BY_LINK,
    "people.finish_sign_up_page": BY_LINK,
    "people.finish_sign_up": BY_LINK,
    "people.invitation_page": BY_LINK,
    "people.accept_invitation": BY_LINK,
    "people.reset_page": BY_LINK,
    "people.reset": BY_LINK,
    "account.confirm_email_page": BY_LINK,
    "account.confirm_email": BY_LINK,
    "policy_reports.take": "browsers tell what the content policy forbade; 30 a minute, routes and hosts are written down",
    "livekit_webhooks.webhook": BY_SIGNATURE,
    "livekit_gate.connect": BY_SIGNATURE,
    "rooms_api.room_by_code": BY_CODE,
    "room_page.show": BY_CODE,
    "rooms.go": BY_CODE,
    "rooms.home": "the landing page; the dashboard of who is signed in",
    "rooms.all_rooms": "leads to the first page",
    "dashboard.socket": "closed at once for who isn't signed in, and after each change (test_sessions.py)",
    "admin_monitor.socket": "WebSockets only, refused before the handshake (tests/core/admin/test_monitor.py)",
    "lectures.show": "guests read what their room lets them read; a 404 for others",
    "lecture_changes.shared": BY_LINK,
    "lecture_page.parts": "like the page itself; a 404 for who may not read it",
    "lecture_page.lines": "like the page itself; a 404 for who may not read it",
    "lecture_page.as_csv": "like the page itself, and without what is for hosts",
    "lecture_page.captions": "like the page itself: of a film that the reader may see",
    "exports.ways_out": OWN_EXPORT,
    "exports.begin": OWN_EXPORT,
    "exports.change": OWN_EXPORT,
    "exports.file": OWN_EXPORT,
    "lecture_stream.stream": "like the page it belongs to; a 404 for who may not read it",
    "joining.join": "a guest's way in; the guards decide",
    "joining.leave": "gives up one's own waiting",
    "waiting.stream": "for the session that waits; a 403 for others",
    "files.download": A_SHARED_FILE,
    "files.preview": A_SHARED_FILE,
    "uploads.state": OWN_UPLOAD,
    "uploads.add": OWN_UPLOAD,
    "uploads.address": OWN_UPLOAD,
    "uploads.done": OWN_UPLOAD,
    "uploads.cancel": OWN_UPLOAD,
    "openapi.document": "the description of the API",
    "echo.socket": "a WebSocket for who signs with our secret key, once (tests/core/doctor/test_echo.py)",
    "health.healthz": FOR_PROBES,
    "health.readyz": FOR_PROBES,
    "health.metrics": "a 404 but for this machine, networks that may, and who has the token (tests/core/health)",
}
# Asked by address, whatever the host is called; without session, and with nothing in the answer that was sent.
PROBES = {"/healthz", "/readyz", "/metrics"}
# What people inside may call besides, and strangers may not.
FOR_PEOPLE_INSIDE = {
    "room_page.plugins_now": "what the room's page has carried for them when it was opened",
    "quality.say": "how good their own connection is",
}
# Plugins whose routes are about a room or a lecture, and ids of rows that they may ask for.
WITH_ROUTES = ("ai_assistant", "chat", "files", "lobby", "moderation", "pin", "webinar")
NAMES = ("message_id", "identity", "ban_id", "line_id", "lecture_public_id")
ANY_IDS = dict.fromkeys(NAMES, "nobody")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
FOREIGN: tuple[dict[str, Any], ...] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost"},
    {"Origin": "https://localhost:8000"},
    {"Origin": "http://localhost:8000.evil.example"},
    {"Origin": f"{ORIGIN}, https://evil.example"},
    {"Origin": None},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
)


def closed(app: Flask) -> list[tuple[str, str, str]]:
    return [one for one in addresses(app) if one[2] not in OPEN]


def ours(world: World) -> Iterator[tuple[str, str]]:
    """Every route that names our room, a lecture, or somebody in it."""
    for method, rule, endpoint in addresses(world.app):
        if any(f"<{name}>" in rule for name in ("room_id", "lecture_id")) and endpoint not in OPEN:
            yield method, at(rule, world.ours)


def rows(app: Flask, of_plugins: bool = False) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in core's tables, but for what counts visits; and in those of plugins."""
    with app.app_context():
        return {
            name: sorted(map(tuple, db.session.execute(sa.select(table))), key=str)
            for name, table in Base.metadata.tables.items()
            if name != "guest_session" and (of_plugins or "__" not in name)
        }


def is_refused(answer: Any) -> bool:
    to_sign_in = answer.status_code == 302 and answer.location.startswith("/sign-in")
    return to_sign_in or answer.status_code in (401, 403, 404)


def test_every_route_declares_who_may_call_it_or_says_why_anybody_may(app: Flask) -> None:
    for _method, rule, endpoint in addresses(app):
        spec = declared(app.view_functions[endpoint])
        is_open = spec is not None and spec.roles == EVERYONE
        assert not is_open or endpoint in OPEN, f"{rule} is for everyone: write down why"
    assert set(OPEN) <= set(app.view_functions), "a route that is gone needs no reason"


def test_a_stranger_gets_nowhere_on_any_closed_route(world: World) -> None:
    before = rows(world.app)
    for method, rule, _endpoint in closed(world.app):
        answer = world.nobody().open(
            at(rule, world.ours), method=method, json={} if "/api/" in rule else None
        )
        assert is_refused(answer), f"{method} {rule}: {answer.status}"
    assert rows(world.app) == before


def test_a_guest_gets_nowhere_on_any_closed_route_of_their_own_room(world: World) -> None:
    before = rows(world.app)
    for method, rule, endpoint in closed(world.app):
        if endpoint in FOR_PEOPLE_INSIDE:
            continue
        answer = world.ours.guest.open(
            at(rule, world.ours), method=method, json={} if "/api/" in rule else None
        )
        assert is_refused(answer), f"{method} {rule}: {answer.status}"
    assert rows(world.app) == before


@pytest.mark.parametrize("who", ["host", "guest"])
def test_another_rooms_people_get_nowhere_on_any_route_of_ours(world: World, who: str) -> None:
    before = rows(world.app)
    for method, path in ours(world):
        answer = getattr(world.theirs, who).open(path, method=method, json={} if "/api/" in path else None)
        assert is_refused(answer), f"{method} {path}: {answer.status}"
    assert rows(world.app) == before


def test_who_reads_by_a_link_gets_nowhere_but_to_the_page(world: World, make_app: Any) -> None:
    """No route of core or a plugin takes a link's reader for somebody who took part."""
    from datetime import timedelta

    from core.db import now
    from core.lectures.models import Lecture, LectureShare

    with world.app.app_context():
        found = db.session.scalar(sa.select(Lecture).where(Lecture.public_id == world.ours.lecture))
        assert found is not None
        found.ended_at = now()
        share = LectureShare(lecture_id=found.id, expires_at=now() + timedelta(days=1))
        db.session.add(share)
        db.session.commit()
        link = f"/shared/{share.token}"
    for app in (world.app, make_app(*WITH_ROUTES)):
        reader = app.test_client()
        assert reader.get(link).status_code == 302
        assert reader.get(f"/lectures/{world.ours.lecture}").status_code == 200
        before = rows(app)
        for method, rule, endpoint in closed(app):
            # Files of a build are everybody's; who may open a socket is said by its own tests.
            if endpoint.endswith(".static") or rule.endswith("/live"):
                continue
            path = at(rule, world.ours, **ANY_IDS)
            answer = reader.open(path, method=method, json={} if "/api/" in rule else None)
            assert is_refused(answer), f"{method} {rule}: {answer.status}"
            forget_tries()
        assert rows(app) == before


def test_a_stolen_cookie_of_another_room_makes_nobody_a_participant_here(world: World) -> None:
    thief, room = world.theirs.guest, world.ours
    assert thief.get(f"/api/rooms/{room.id}/stream").status_code == 403
    assert thief.get(f"/lectures/{room.lecture}").status_code == 404
    assert '"role": "stranger"' in thief.get(f"/r/{room.code}").text
    joined = thief.post(f"/api/rooms/{room.id}/join", json={"name": "Somebody"}).json
    assert joined["identity"] != room.guest_row["identity"]
    assert joined["role"] == "guest"


def test_another_rooms_host_enters_as_a_guest(world: World) -> None:
    joined = world.theirs.host.post(f"/api/rooms/{world.ours.id}/join", json={"name": "Boss"}).json
    assert joined["role"] == "guest"
    assert joined["name"] == "Mallory Owner"


def test_ids_of_another_rooms_rows_lead_nowhere_in_ones_own(world: World) -> None:
    before, us, them = rows(world.app), world.ours, world.theirs
    for method, path in (
        ("DELETE", f"/api/rooms/{us.id}/hosts/{them.co_host_id}"),
        ("POST", f"/rooms/{us.id}/hosts/{them.co_host_id}/remove"),
        ("GET", f"/lectures?room={them.id}"),
        ("GET", f"/lectures/{them.lecture}"),
        ("GET", f"/rooms/{them.id}"),
        ("GET", f"/api/rooms/{us.lecture}"),
        ("GET", f"/rooms/{us.lecture}"),
        ("GET", f"/lectures/{us.id}"),
        ("POST", f"/api/rooms/{us.guest_row['identity']}/token"),
    ):
        answer = us.host.open(path, method=method)
        assert answer.status_code in (403, 404), f"{method} {path}: {answer.status}"
    assert rows(world.app) == before


def test_database_keys_are_no_ids(world: World) -> None:
    for path in (f"/api/rooms/{world.ours.room}", f"/rooms/{world.ours.room}", "/lectures/1", "/api/rooms/1"):
        assert world.ours.host.get(path).status_code == 404


# --- from which page ------------------------------------------------------------------


def test_no_foreign_page_changes_anything_on_any_route(world: World) -> None:
    before = rows(world.app)
    for method, rule, endpoint in addresses(world.app):
        if method not in UNSAFE or getattr(world.app.view_functions[endpoint], "from_machines", False):
            continue
        for headers in FOREIGN:
            answer = world.ours.host.open(at(rule, world.ours), method=method, headers=headers)
            assert answer.status_code == 403, f"{method} {rule} with {headers}: {answer.status}"
            assert "Set-Cookie" not in answer.headers
    assert rows(world.app) == before


def everything(make_app: Any) -> Flask:
    """An app in which every plugin of the product is enabled."""
    names = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}
    given = {"endpoint": "http://127.0.0.1:9", "bucket": "files", "access_key": "a", "secret_key": "s" * 20}
    made: Flask = make_app(
        *sorted(names), plugins={"storage_s3": given, "dev_gate": {"allowed_ips": ["127.0.0.0/8"]}}
    )
    assert set(made.extensions["audimax_plugins"].loaded) == names
    return made


def unsafe_of_plugins(app: Flask) -> Iterator[tuple[str, str, str]]:
    mounted = app.extensions["audimax_mounts"]
    for method, rule, endpoint in addresses(app):
        if endpoint in mounted and method in UNSAFE:
            yield method, rule, endpoint


def test_no_foreign_page_changes_anything_on_any_route_of_a_plugin(world: World, make_app: Any) -> None:
    app = everything(make_app)
    with app.app_context():
        owner = db.session.get_one(User, world.ours.owner).get_id()
    host, seen, before = signed_in(app, owner).client, set(), rows(app, of_plugins=True)
    for method, rule, endpoint in unsafe_of_plugins(app):
        if getattr(app.view_functions[endpoint], "from_machines", False):
            continue
        seen.add(app.extensions["audimax_mounts"][endpoint].plugin)
        for headers in FOREIGN:
            answer = host.open(at(rule, world.ours, **ANY_IDS), method=method, headers=headers)
            assert answer.status_code == 403, f"{method} {rule} with {headers}: {answer.status}"
            assert "Set-Cookie" not in answer.headers
    assert seen >= {*WITH_ROUTES, "recording", "export_gdrive"}
    assert rows(app, of_plugins=True) == before


def test_of_plugins_only_what_machines_call_needs_no_origin(make_app: Any) -> None:
    app = everything(make_app)
    exempt = {
        endpoint
        for _method, rule, endpoint in unsafe_of_plugins(app)
        if getattr(app.view_functions[endpoint], "from_machines", False)
        and not rule.startswith("/api/internal/")
    }
    # The page that LiveKit Egress opens proves by a token which recording it is of.
    assert exempt == {"recording_lecture.report"}


def test_only_machines_that_prove_themselves_need_no_origin(app: Flask) -> None:
    exempt = {name for name, view in app.view_functions.items() if getattr(view, "from_machines", False)}
    # Reports of the content policy change nothing.
    assert exempt == {"livekit_webhooks.webhook", "livekit_gate.connect", "policy_reports.take"}


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "evil.example:8000", "localhost@evil.example", "", "[::1"],
)
def test_a_forged_host_gets_nothing_anywhere(world: World, host: str) -> None:
    for method, rule, _endpoint in addresses(world.app):
        answer = world.ours.host.open(at(rule, world.ours), method=method, headers={"Host": host})
        assert answer.status_code == 400 or rule in PROBES, f"{method} {rule}: {answer.status}"
        assert "evil" not in answer.text


def test_mails_and_links_never_name_the_host_that_was_asked(world: World) -> None:
    for header in ("X-Forwarded-Host", "X-Host", "Forwarded"):
        headers = {header: "host=evil.example" if header == "Forwarded" else "evil.example"}
        for path in ("/", "/sign-in", f"/rooms/{world.ours.id}", f"/api/rooms/{world.ours.id}"):
            answer = world.ours.host.get(path, headers=headers)
            assert "evil.example" not in answer.text + str(answer.headers)


# --- with which method ----------------------------------------------------------------


@pytest.mark.parametrize("method", ["TRACE", "PUT", "CONNECT", "PROPFIND", "JEFF"])
def test_a_method_that_a_route_does_not_know_does_nothing(world: World, method: str) -> None:
    before = rows(world.app)
    for _method, rule, _endpoint in addresses(world.app):
        answer = world.ours.host.open(at(rule, world.ours), method=method, headers={"X-Secret": "s3cret"})
        assert answer.status_code in (308, 405, 404), f"{method} {rule}: {answer.status}"
        assert "s3cret" not in answer.text
    assert rows(world.app) == before


def test_looking_by_head_or_asking_by_options_changes_nothing(world: World) -> None:
    before = rows(world.app)
    for _method, rule, _endpoint in addresses(world.app):
        for method in ("HEAD", "OPTIONS"):
            answer = world.ours.host.open(at(rule, world.ours), method=method)
            # LiveKit isn't there, and that is what it says.
            known = (rule, answer.status_code) == ("/readyz", 503)
            assert answer.status_code < 500 or known, f"{method} {rule}: {answer.status}"
            assert answer.data == b"" or answer.status_code >= 400, f"{method} {rule} has a body"
            assert "Access-Control-Allow-Methods" not in answer.headers
    assert rows(world.app) == before


def test_a_method_hidden_in_a_header_or_field_is_not_looked_at(world: World) -> None:
    path = f"/api/rooms/{world.ours.id}"
    headers = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
    assert world.ours.host.get(f"{path}?_method=DELETE", headers=headers).status_code == 200
    assert world.ours.host.get(path).status_code == 200


# --- headers --------------------------------------------------------------------------


def test_every_answer_is_sealed(world: World) -> None:
    for who, client in world.people().items():
        for method, rule, endpoint in addresses(world.app):
            if endpoint in STREAMS or method != "GET":
                continue
            answer = client.get(at(rule, world.ours))
            assert_sealed(answer, f"{who} GET {rule}")
        forget_tries()


def test_every_error_is_sealed_too(world: World) -> None:
    host = world.ours.host
    for path in (
        "/nowhere",
        "/api/nowhere",
        "/lectures/nobody",
        "/r/nothing",
        "/static/dist/../../config.py",
    ):
        assert_sealed(host.get(path), path)
    assert_sealed(host.delete("/sign-in"), "a wrong method")
    assert_sealed(host.get("/", headers={"Host": "evil.example"}), "a forged host")
    assert_sealed(host.post("/sign-in", headers={"Origin": "https://evil.example"}), "a foreign page")
    assert_sealed(
        host.post("/api/rooms", data=b"x" * 1_100_000, content_type="application/json"), "too large"
    )


def assert_sealed(answer: Any, where: str) -> None:
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff", where
    assert "Server" not in headers and "X-Powered-By" not in headers, where
    for cookie in headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Domain" not in cookie, (
            f"{where}: {cookie}"
        )
    if answer.mimetype != "text/html" or answer.status_code in (301, 302, 303, 308):
        return
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy, where
    for rule in ("frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "form-action 'self'"):
        assert rule in policy, where
    assert headers["Cache-Control"] == "no-store", where
    assert headers["Referrer-Policy"] in ("same-origin", "no-referrer"), where
    assert_no_inline(answer.text, where)


def assert_no_inline(html: str, where: str) -> None:
    import re

    assert not re.search(r"<[^>]+\son[a-z]+\s*=", html), f"{where} has an inline handler"
    assert not re.search(r"(href|src|action)\s*=\s*[\"']?\s*javascript:", html, re.IGNORECASE), where


def test_no_route_lets_another_site_read_it(world: World) -> None:
    for method, rule, endpoint in addresses(world.app):
        if method != "GET" or endpoint in STREAMS:
            continue
        answer = world.ours.host.get(at(rule, world.ours), headers={"Origin": "https://evil.example"})
        allowed = answer.headers.get("Access-Control-Allow-Origin", ORIGIN)
        assert allowed == ORIGIN, f"{rule} may be read by {allowed}"
        assert "Access-Control-Allow-Credentials" not in answer.headers


# --- to where -------------------------------------------------------------------------

ELSEWHERE = (
    "//evil.example", "///evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example",
    "/%09/evil.example", "/%2f%2fevil.example", "javascript:alert(1)", "/%0d%0aLocation:%20https://evil.example",
    "http:evil.example", "/.evil.example//", "%20//evil.example", "/%5cevil.example",
)  # fmt: skip


def is_ours(location: str) -> bool:
    from urllib.parse import urljoin, urlsplit

    # A browser reads a backslash as a slash.
    target = urlsplit(urljoin(f"{ORIGIN}/sign-in", location.replace("\\", "/")))
    return f"{target.scheme}://{target.netloc}" == ORIGIN or target.netloc == "localhost"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_led_to_another_site(world: World, make_user: Any, target: str) -> None:
    from core.people.passwords import hash_password
    from tests.hostile.conftest import PASSWORD

    email = "led@uni.example"
    make_user(email, password_hash=hash_password(PASSWORD))
    asked = [world.ours.host.get(f"/sign-in?next={target}"), world.nobody().get(f"/r?code={target}")]
    signed_in = world.nobody().post(
        f"/sign-in?next={target}", data={"email": email, "password": PASSWORD, "next": target}
    )
    assert signed_in.status_code == 303
    for path in (target, f"/r/{target}", f"/rooms/{target}", f"/{target}/../account", f"{target}/account"):
        asked.append(get_raw(world.nobody(), path if path.startswith("/") else f"/{path}"))
    for answer in (*asked, signed_in):
        assert answer.status_code < 500
        assert is_ours(answer.headers.get("Location", "/")), answer.headers["Location"]
        assert not answer.headers.get("Location", "/").startswith(("//", "/\\"))


# --- more than asked ------------------------------------------------------------------

MORE = {"is_admin": "1", "role": "host", "verified_at": "2020-01-01", "id": "1", "owner_id": "1", "public_id": "x",
        "session_version": "1", "email": "admin@uni.example", "user_id": "1", "code": "abc-defg-hj", "grants": "all",
        "microphone": "true", "identity": "x", "archived_at": "", "password_hash": "x", "details": "{}"}  # fmt: skip


def test_nobody_becomes_more_by_sending_more_in_a_form(world: World, make_link: Any) -> None:
    for purpose, address in (("sign_up", "eve@uni.example"), ("invitation", "mal@uni.example")):
        client, path = world.nobody(), make_link(purpose, email=address)
        data = {**MORE, "name": "Eve", "password": "correct horse battery staple"}
        assert client.post(path, data=data).location == "/"
        with world.app.app_context():
            made = db.session.scalar(sa.select(User).where(User.email == address))
            assert made is not None and not made.is_admin
        assert client.get("/admin").status_code == 403
    world.ours.host.post("/account/profile", data={**MORE, "name": "Ada", "locale": "en"})
    with world.app.app_context():
        me = db.session.get_one(User, world.ours.owner)
        assert not me.is_admin and me.email != "admin@uni.example"


def test_a_json_body_with_more_than_is_asked_is_refused(world: World) -> None:
    us = world.ours
    for client, method, path, body in (
        (us.host, "POST", "/api/rooms", {"title": "Mine"}),
        (us.host, "PATCH", f"/api/rooms/{us.id}", {"title": "Mine"}),
        (us.host, "POST", f"/api/rooms/{us.id}/hosts", {"email": "a@uni.example"}),
        (us.guest, "POST", f"/api/rooms/{us.id}/join", {"name": "Eve"}),
    ):
        for name, value in MORE.items():
            if name in body or (name == "code" and path.endswith("/join")):
                continue
            answer = client.open(path, method=method, json={**body, name: value})
            assert answer.status_code == 422, f"{method} {path} took {name}"
            assert answer.json["errors"][0]["field"] == name
        forget_tries()


def test_rooms_settings_take_nothing_that_is_no_setting(world: World) -> None:
    us = world.ours
    for settings in ({"is_admin": True}, {"__class__": "x"}, {"screen_share": "admins"}, {"owner_id": 1}):
        assert us.host.patch(f"/api/rooms/{us.id}", json={"settings": settings}).status_code == 422
    form = {**MORE, "title": "Mine", "description": "", "language": "en", "core.screen_share": "everyone",
            "core.participants_read_days": "0"}  # fmt: skip
    us.host.post(f"/rooms/{us.id}/settings", data=form)
    shown = us.host.get(f"/api/rooms/{us.id}").json
    assert (shown["id"], shown["code"], shown["title"]) == (us.id, us.code, "Mine")
    assert shown["owner"]["name"] == "Ada Owner"
