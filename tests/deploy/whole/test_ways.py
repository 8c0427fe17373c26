"""What leads where from outside: the same ways as `deploy/traefik/routes.yaml` describes, walked."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import psutil
import pytest
import urllib3
import websocket
from livekit import api
from livekit.protocol import models, rtc

from core.livekit.gate import CONNECT, VALIDATE
from tests.deploy.whole import traefik
from tests.deploy.whole.figures import figure
from tests.deploy.whole.installation import Installation
from tests.deploy.whole.visitor import EMAIL, PASSWORD, Visitor, raw

INSIDE = [
    "/api/internal/livekit/connect",
    "//api/internal/livekit/connect",
    "/./api/internal/livekit/connect",
    "/rtc/../api/internal/livekit/connect",
    "/%61pi/internal/livekit/connect",
    "/api/%69nternal/livekit/connect",
    "/api/internal/../internal/livekit/connect",
]
# What clients of today say of themselves at `/rtc/v1`, and those of yesterday at `/rtc`.
JOIN = rtc.WrappedJoinRequest(
    join_request=rtc.JoinRequest(
        client_info=models.ClientInfo(sdk="PYTHON", protocol=16),
        connection_settings=rtc.ConnectionSettings(auto_subscribe=True),
    ).SerializeToString()
)
AS_CLIENT = f"auto_subscribe=1&protocol=15&join_request={quote(base64.b64encode(JOIN.SerializeToString()))}"
BINDING, MAGIC = 0x0001, 0x2112A442


@pytest.fixture
def visitor(installation: Installation) -> Visitor:
    return Visitor(installation)


@pytest.mark.optional
def test_traefik_itself_is_walked_through_as_well() -> None:
    if not traefik.found():
        pytest.skip("no traefik on PATH: nginx with its routes stands in for it")


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def gate_answers(installation: Installation) -> float:
    return sum(figure(installation, name, "audimax_gate_answers_total") for name in ("web-a", "web-b"))


# --- TLS ------------------------------------------------------------------------------


def test_plain_http_leads_to_the_same_page_over_tls(installation: Installation, visitor: Visitor) -> None:
    answer = visitor.get(f"http://{installation.domain}/r/kxf-pmua-wz?lang=de")
    led = urlsplit(answer.headers["Location"])
    assert answer.status_code in (301, 308)
    assert (led.scheme, led.hostname, led.path, led.query) == (
        "https", installation.domain, "/r/kxf-pmua-wz", "lang=de",
    )  # fmt: skip
    assert "Set-Cookie" not in answer.headers


def test_browsers_are_told_to_stay_with_tls_and_keep_cookies_for_this_host_alone(
    emmy: Visitor, visitor: Visitor
) -> None:
    answer = visitor.try_to_sign_in(EMAIL, PASSWORD)
    assert answer.status_code in (302, 303)
    assert int(answer.headers["Strict-Transport-Security"].removeprefix("max-age=")) >= 180 * 86_400
    cookies = answer.raw.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        name, *flags = cookie.split("; ")
        assert name.startswith("__Host-"), cookie
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(flags), cookie


def test_a_session_begun_at_one_web_counts_at_the_other(installation: Installation, emmy: Visitor) -> None:
    names = ("web-a", "web-b")
    before = {name: figure(installation, name, "audimax_http_request_seconds_count") for name in names}
    for _ in range(20):
        assert emmy.get("/rooms/new").status_code == 200
    for name in names:
        assert figure(installation, name, "audimax_http_request_seconds_count") >= before[name] + 5, name


# --- what isn't reached ---------------------------------------------------------------


@pytest.mark.parametrize("path", INSIDE)
def test_what_programs_say_among_themselves_is_not_answered(installation: Installation, path: str) -> None:
    before = gate_answers(installation)
    asked = f"GET {path} HTTP/1.1\r\nHost: {installation.domain}\r\nX-Forwarded-Uri: /rtc\r\nConnection: close\r\n\r\n"
    assert status_of(raw(installation, asked)) in (301, 308, 400, 404)
    assert gate_answers(installation) == before


def test_the_servers_api_of_livekit_answers_inside_and_not_outside(
    installation: Installation, visitor: Visitor
) -> None:
    given = installation.made.given
    grants = api.VideoGrants(room_list=True, room_create=True)
    token = api.AccessToken(given["AUDIMAX_LIVEKIT_KEY"], given["AUDIMAX_LIVEKIT_SECRET"]).with_grants(grants)
    path, headers = "/twirp/livekit.RoomService/ListRooms", {"Authorization": f"Bearer {token.to_jwt()}"}
    inside = installation.environment("web-a")["AUDIMAX_LIVEKIT_API_URL"] + path
    asked = {**headers, "Content-Type": "application/json"}
    assert urllib3.request("POST", inside, body=b"{}", headers=asked, retries=False).status == 200
    answer = visitor.post(path, headers=headers)
    assert answer.status_code == 404
    for path in ("/agent", "/whip", "/rtc/x", "/rtc/v2"):
        assert visitor.get(path, headers=headers).status_code == 404, path


def test_livekits_signalling_listens_where_only_containers_come(installation: Installation) -> None:
    process = installation.programs["livekit"].process
    assert process is not None
    listening = {
        one.laddr.ip
        for one in psutil.Process(process.pid).net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr.port == 7880
    }
    assert listening == {installation.addresses.of["livekit"]}


def test_other_host_names_lead_nowhere(installation: Installation) -> None:
    for path in ("/", "/rtc", "/audimax/x"):
        asked = f"GET {path} HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n"
        assert status_of(raw(installation, asked)) in (404, 421), path


def test_of_the_s3_server_nothing_but_the_bucket_is_reached(
    installation: Installation, visitor: Visitor
) -> None:
    there = f"https://{installation.files_domain}"
    for path in ("/", "/audimax", "/other/key", "/minio/admin/v3/info", "/rtc", "/sign-in"):
        assert visitor.get(there + path).status_code == 404, path
    refused = visitor.get(f"{there}/audimax/somebody/elses.pdf")
    assert refused.status_code == 403
    assert "AccessDenied" in refused.text


def test_the_dev_gate_isnt_there_unless_somebody_enables_it(visitor: Visitor) -> None:
    assert visitor.get("/plugins/dev_gate/").status_code == 404


# --- signalling -----------------------------------------------------------------------


@pytest.fixture
def admitted(emmy: Visitor) -> Iterator[dict[str, str]]:
    """What the host is told who has started a lecture."""
    room = emmy.make_room()
    emmy.made(f"/api/rooms/{room}/start")
    yield emmy.made(f"/api/rooms/{room}/token")
    emmy.made(f"/api/rooms/{room}/end")


@pytest.mark.parametrize("path", sorted(CONNECT))
def test_who_is_admitted_reaches_livekit(path: str, visitor: Visitor, admitted: dict[str, str]) -> None:
    line = visitor.socket(f"{path}?access_token={admitted['token']}&{AS_CLIENT}")
    assert line.recv(), "LiveKit greets"
    line.close()


@pytest.mark.parametrize("path", sorted(CONNECT))
def test_who_isnt_admitted_is_refused_before_livekit(
    path: str, installation: Installation, visitor: Visitor
) -> None:
    for query, status in (("", 400), ("?access_token=nonsense", 401)):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            visitor.socket(path + query)
        assert refused.value.status_code == status


@pytest.mark.parametrize("path", sorted(VALIDATE))
def test_a_browser_can_read_why_it_is_refused(
    path: str, installation: Installation, visitor: Visitor
) -> None:
    answer = visitor.get(f"{path}?access_token=nonsense")
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == installation.url


def test_a_token_that_somebody_else_names_doesnt_count(visitor: Visitor, admitted: dict[str, str]) -> None:
    # The gate reads the address that the proxy asks about, and no header of who asks.
    named = {"X-Forwarded-Uri": f"/rtc/v1?access_token={admitted['token']}"}
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        visitor.socket("/rtc/v1?access_token=nonsense", **named)
    assert refused.value.status_code in (400, 401)


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE"])
def test_signalling_with_another_method_is_the_webs(method: str, visitor: Visitor) -> None:
    assert visitor.ask(method, "/rtc").status_code in (403, 404, 405)


def test_turn_answers_behind_its_own_name_on_443(installation: Installation) -> None:
    asked = struct.pack("!HHI12s", BINDING, 0, MAGIC, b"audimaxtests")
    with installation.connect_tls(installation.made.given["TURN_DOMAIN"]) as line:
        line.sendall(asked)
        answer = line.recv(1000)
    kind, _length, magic, number = struct.unpack("!HHI12s", answer[:20])
    assert (kind, magic, number) == (BINDING | 0x0100, MAGIC, b"audimaxtests")


# --- streams --------------------------------------------------------------------------


def test_who_waits_hears_of_the_start_at_once_and_the_host_of_it_on_the_dashboard(
    emmy: Visitor, visitor: Visitor
) -> None:
    room = emmy.make_room("Waves")
    waits = visitor.post(f"/api/rooms/{room}/join", {"name": "Ada Lovelace"})
    assert waits.status_code == 202, waits.text
    listener, line = visitor.listen(waits.json()["stream_url"]), emmy.socket("/ws/dashboard")
    assert room not in str(line.recv())
    emmy.made(f"/api/rooms/{room}/start")
    assert listener.until("APPROVED")["token"]
    while room not in str(line.recv()):
        pass
    line.close()
    emmy.made(f"/api/rooms/{room}/end")
