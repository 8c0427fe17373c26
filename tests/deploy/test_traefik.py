"""What leads where, read from Traefik's files; the folder `whole` walks these ways, with Traefik where it is here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from core.livekit.gate import CONNECT, VALIDATE
from core.livekit.gateway import PATHS
from tests.deploy.composed import DEPLOY, composed
from tests.fixtures.product import ROOT

INSIDE = ["/api/internal", "/api/internal/livekit/connect", "/api/internal/lectures/x/ai_assistant/report"]
OF_LIVEKIT = ["/twirp/livekit.RoomService/ListRooms", "/agent", "/whip", "/rtc/x", "/rtc/v2", "/", "/metrics"]
ENV = re.compile(r'\{\{ env "(\w+)" \}\}')


def strict(properties: dict[str, Any], *needed: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(needed),
        "additionalProperties": False,
    }


def each(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": schema, "minProperties": 1}


WORDS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
TEXT = {"type": "string", "minLength": 1}
DURATION = {"type": "string", "pattern": r"^\d+(ms|s|m)$"}
TLS = strict({"certResolver": TEXT, "passthrough": {"type": "boolean"}})
ROUTER = {
    "entryPoints": WORDS, "rule": TEXT, "priority": {"type": "integer"}, "middlewares": WORDS, "service": TEXT, "tls": TLS,
}  # fmt: skip
HEALTH = strict({"path": TEXT, "interval": DURATION, "timeout": DURATION}, "path")


def services(server: dict[str, Any], **more: Any) -> dict[str, Any]:
    balancer = strict({"servers": {"type": "array", "items": server, "minItems": 1}, **more}, "servers")
    return each(strict({"loadBalancer": balancer}, "loadBalancer"))


GATE = strict(
    {"address": TEXT, "trustForwardHeader": {"const": False}, "authRequestHeaders": WORDS, "authResponseHeaders": WORDS},
    "address", "trustForwardHeader", "authRequestHeaders", "authResponseHeaders",
)  # fmt: skip
AGAIN = strict({"attempts": {"type": "integer"}, "initialInterval": DURATION}, "attempts")
SCHEMA = strict(
    {
        "http": strict(
            {
                "routers": each(strict(ROUTER, "entryPoints", "rule", "service")),
                "middlewares": each(
                    {
                        "oneOf": [
                            strict({"forwardAuth": GATE}, "forwardAuth"),
                            strict({"retry": AGAIN}, "retry"),
                        ]
                    }
                ),
                "services": services(strict({"url": TEXT}, "url"), healthCheck=HEALTH),
            },
            "routers",
            "services",
        ),
        "tcp": strict(
            {
                "routers": each(strict(ROUTER, "entryPoints", "rule", "service", "tls")),
                "services": services(strict({"address": TEXT}, "address")),
            },
            "routers",
            "services",
        ),
    }
)


def read(name: str, profile: str = "production") -> dict[str, Any]:
    given = composed(profile).environment("traefik" if profile == "production" else "traefik-local")
    text = ENV.sub(lambda match: given[match[1]], (DEPLOY / "traefik" / name).read_text("utf-8"))
    assert "{{" not in text
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def fits(rule: str, host: str, path: str, method: str = "GET") -> bool:
    """Whether a rule of ours matches: it is made of Host, Method, Path and PathPrefix only."""
    asked = {"Host": host, "Method": method, "Path": path}

    def one(match: re.Match[str]) -> str:
        kind, value = match[1], match[2]
        return str(path.startswith(value) if kind == "PathPrefix" else asked[kind] == value)

    said = re.sub(r"(\w+)\(`([^`]*)`\)", one, rule)
    said = said.replace("&&", " and ").replace("||", " or ").replace("!", " not ")
    assert re.fullmatch(r"(True|False|and|or|not|[() \n])+", said), said
    return bool(eval(said, {"__builtins__": {}}))


def led_to(
    path: str, host: str = "hall.uni.example", method: str = "GET", profile: str = "production"
) -> str:
    """The service that answers; empty where nothing does."""
    routers = read("routes.yaml", profile)["http"]["routers"].values()
    found = [one for one in routers if fits(one["rule"], host, path, method)]
    found.sort(key=lambda one: one.get("priority", len(one["rule"])), reverse=True)
    return str(found[0]["service"]) if found else ""


@pytest.mark.parametrize("name", ["routes.yaml", "turn.yaml"])
def test_the_files_say_nothing_that_traefik_doesnt_know(name: str) -> None:
    jsonschema.validate(read(name), SCHEMA)


@pytest.mark.parametrize("profile", ["production", "local"])
def test_what_is_named_is_there(profile: str) -> None:
    made = composed(profile)
    static = {
        option.split("=")[0]
        for option in made.services["traefik" if profile == "production" else "traefik-local"]["command"]
    }
    for name in ("routes.yaml", "turn.yaml") if profile == "production" else ("routes.yaml",):
        for kind in read(name, profile).values():
            for router in kind["routers"].values():
                assert router["service"] in kind["services"]
                assert set(router.get("middlewares", [])) <= set(kind.get("middlewares", {}))
                for entry in router["entryPoints"]:
                    assert f"--entryPoints.{entry}.address" in static
                if resolver := router.get("tls", {}).get("certResolver"):
                    assert f"--certificatesResolvers.{resolver}.acme.storage" in static


@pytest.mark.parametrize("profile", ["production", "local"])
def test_every_server_is_one_that_compose_starts(profile: str) -> None:
    made = composed(profile)
    for one in read("routes.yaml", profile)["http"]["services"].values():
        for server in one["loadBalancer"]["servers"]:
            host = re.fullmatch(r"http://([\w.-]+):\d+", server["url"])
            assert host
            assert host[1] in made.services or host[1] == "172.30.80.1"


@pytest.mark.parametrize("path", sorted(CONNECT | VALIDATE))
def test_signalling_goes_to_livekit_and_is_asked_about_first(path: str) -> None:
    assert led_to(path) == "livekit"
    assert PATHS == CONNECT | VALIDATE
    routers = read("routes.yaml")["http"]["routers"]
    to_livekit = [one for one in routers.values() if one["service"] == "livekit"]
    assert to_livekit
    assert all(one["middlewares"] == ["gate"] for one in to_livekit)


def test_the_gates_question_carries_the_token_and_brings_one_back() -> None:
    gate = read("routes.yaml")["http"]["middlewares"]["gate"]["forwardAuth"]
    assert gate["address"] == "http://web:8000/api/internal/livekit/connect"
    # A header by which somebody names another address than Traefik does is not passed on.
    assert gate["authRequestHeaders"] == ["Authorization"]
    assert gate["authResponseHeaders"] == ["Authorization"]


@pytest.mark.parametrize("path", sorted(CONNECT))
@pytest.mark.parametrize("method", ["POST", "OPTIONS", "CONNECT"])
def test_signalling_takes_nothing_but_get(path: str, method: str) -> None:
    assert led_to(path, method=method) == "web"


@pytest.mark.parametrize("path", OF_LIVEKIT)
def test_nothing_else_reaches_livekit(path: str) -> None:
    assert led_to(path) in ("web", "")


@pytest.mark.parametrize("path", INSIDE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_programs_say_among_themselves_is_not_routed(path: str, method: str) -> None:
    assert led_to(path, method=method) == ""


@pytest.mark.parametrize(
    "path", ["/", "/r/kxf-pmua-wz", "/api/rooms/x/join", "/api/livekit/webhook", "/plugins/chat/x"]
)
def test_everything_else_is_the_webs(path: str) -> None:
    assert led_to(path) == "web"
    assert led_to(path, host="localhost", profile="local") == "web"


@pytest.mark.parametrize("path", ["/", "/rtc", "/minio/admin/v3/info", "/other/key", "/audimax"])
def test_of_the_s3_server_only_the_bucket_is_reached(path: str) -> None:
    assert led_to("/audimax/a/b.pdf", host="files.hall.uni.example", method="PUT") == "files"
    assert led_to(path, host="files.hall.uni.example") == ""


def test_other_hosts_reach_nothing() -> None:
    assert led_to("/", host="elsewhere.example") == ""
    assert led_to("/rtc", host="elsewhere.example") == ""


def test_one_web_serves_while_the_other_is_replaced() -> None:
    said = read("routes.yaml")["http"]
    balancer = said["services"]["web"]["loadBalancer"]
    assert [one["url"] for one in balancer["servers"]] == ["http://web-a:8000", "http://web-b:8000"]
    assert balancer["healthCheck"]["path"] == "/healthz"
    assert said["routers"]["web"]["middlewares"] == ["again"]


def test_turn_has_a_host_name_of_its_own_on_443() -> None:
    turn = read("turn.yaml")["tcp"]
    assert turn["routers"]["turn"]["rule"] == "HostSNI(`turn.hall.uni.example`)"
    assert turn["services"]["turn"]["loadBalancer"]["servers"] == [{"address": "172.30.80.1:5349"}]
    livekit = yaml.safe_load((DEPLOY / "livekit/livekit.yaml").read_text("utf-8"))
    # Who ends the TLS: one of the two, not both.
    ends = "certResolver" in turn["routers"]["turn"]["tls"]
    assert ends is livekit["turn"]["external_tls"]
    assert livekit["turn"]["tls_port"] == 5349


OPTION = re.compile(
    r"--(global\.(checkNewVersion|sendAnonymousUsage)|log\.level|ping(\.entryPoint)?|providers\.file\.directory"
    r"|entryPoints\.\w+\.(address|http\.tls\.certResolver"
    r"|http\.redirections\.entryPoint\.(to|scheme|permanent)"
    r"|transport\.respondingTimeouts\.readTimeout|transport\.lifeCycle\.(requestAcceptGraceTimeout|graceTimeOut))"
    r"|certificatesResolvers\.\w+\.acme\.(email|storage|tlsChallenge))=[^\s]+"
)


@pytest.mark.parametrize("service", ["traefik", "traefik-local"])
def test_traefiks_own_settings_are_known_ones_and_open_no_dashboard(service: str) -> None:
    command = composed("local" if service.endswith("local") else "production").services[service]["command"]
    for option in command:
        assert OPTION.fullmatch(option), option
        assert not option.startswith("--api")


def test_http_leads_to_https_and_certificates_come_by_themselves() -> None:
    said = dict(option.split("=", 1) for option in composed("production").services["traefik"]["command"])
    assert said["--entryPoints.plain.http.redirections.entryPoint.to"] == "public"
    assert said["--entryPoints.plain.http.redirections.entryPoint.scheme"] == "https"
    assert said["--entryPoints.public.http.tls.certResolver"] == "letsencrypt"
    assert said["--certificatesResolvers.letsencrypt.acme.email"] == "it@uni.example"
    storage = Path(said["--certificatesResolvers.letsencrypt.acme.storage"]).parent
    assert f"acme:{storage}" in composed("production").services["traefik"]["volumes"]


def test_nginx_has_the_same_routes() -> None:
    text = (DEPLOY / "nginx.conf.example").read_text("utf-8")
    to_gate = re.findall(r"location = (\S+) \{\s+proxy_pass http://gate;", text)
    assert set(to_gate) == CONNECT | VALIDATE
    assert len(re.findall(r"proxy_pass http://gate;", text)) == len(to_gate)
    assert re.search(r"location \^~ /api/internal \{\s+return 404;", text)
    assert "7880" not in text
    assert text.count("{") == text.count("}")


def test_the_web_reads_a_question_with_a_media_offer_in_its_address() -> None:
    # livekit-client puts what it offers into the address, and Traefik names the whole address in a header.
    config = Config()
    config.set("limit_request_field_size", largest_header())
    address = f"/rtc/v1?access_token=t&join_request={'A' * 40_000}"
    raw = f"GET /api/internal/livekit/connect HTTP/1.1\r\nHost: web\r\nX-Forwarded-Uri: {address}\r\n\r\n"
    (asked,) = RequestParser(config, [raw.encode()], ("172.30.80.2", 1))
    assert ("X-FORWARDED-URI", address) in asked.headers


def largest_header() -> int:
    said = re.search(
        r"^limit_request_field_size = (\d+) \* 1024$", (ROOT / "gunicorn.conf.py").read_text("utf-8"), re.M
    )
    assert said
    return int(said[1]) * 1024
