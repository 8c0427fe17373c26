"""nginx in the place of Traefik: with the routes of Traefik's files, or by our own example."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.run.processes import wait_for
from tests.deploy.composed import DEPLOY
from tests.deploy.whole import routes
from tests.deploy.whole.authority import Certificate
from tests.deploy.whole.programs import PATIENCE, Program, environment, listens
from tests.deploy.whole.routes import Route
from tests.setup.debian import NGINX, stream_module

EXAMPLE = DEPLOY / "nginx.conf.example"
WORKERS, LEFT = 2, "gracefully shutting down"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
# What people bring is replaced, and nothing but this is said of them.
HEADERS = """
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_read_timeout 3600s;
    proxy_connect_timeout 5s;
"""
ASKED = """
        proxy_pass_request_body off;
        proxy_pass_request_headers off;
        proxy_set_header Content-Length "";
        proxy_set_header Host $proxy_host;
        proxy_set_header Authorization $http_authorization;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Method $request_method;
        proxy_set_header X-Forwarded-Uri $request_uri;
"""


@dataclass(frozen=True)
class Place:
    """Where it listens, and how: ``plain`` and ``public`` for people, two further ports for itself."""

    address: str
    plain: int
    public: int
    inner: int = 8444
    turn: int = 5350


class Nginx(Program):
    """nginx, which can be told of another configuration while it runs."""

    def configure(self, text: str) -> None:
        """What it reads at its start."""
        (self.cwd / "nginx.conf").write_text(_beside_others(text, Path(self.argv[0]), self.cwd))

    def take_over(self, text: str) -> None:
        """Another configuration counts for whoever comes from now on; who is there stays."""
        self.configure(text)
        left = self.said.count(LEFT)
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
        taken = wait_for(lambda: self.said.count(LEFT) >= left + WORKERS, PATIENCE, pause=0.1)
        assert taken, f"nginx doesn't take over what it was told:\n{self.said[-2000:]}"


def program(text: str, folder: Path, place: Place, name: str = "traefik") -> Nginx:
    """nginx with that configuration, beside others of this machine."""
    own = folder / name
    own.mkdir(exist_ok=True)
    binary = NGINX.find()
    assert binary, "run `make setup-tests`"
    argv = [binary, "-e", "stderr", "-p", f"{own}/", "-c", own / "nginx.conf"]
    variables = {**environment("", {}, own), **NGINX.variables}
    made = Nginx(name, argv, variables, folder, lambda: listens(place.address, place.public), cwd=own)
    made.configure(text)
    return made


def _beside_others(text: str, binary: Path, own: Path) -> str:
    module = stream_module(binary)
    head = [f"load_module {module};"] if module else []
    # Its folders are ours alone.
    head += ["user root;"] if os.geteuid() == 0 else []
    head += ["daemon off;", "error_log stderr info;", f"pid {own}/nginx.pid;"]
    folders = "".join(f"    {name}_temp_path {own}/{name};\n" for name in TEMPORARY)
    return "\n".join(head) + "\n" + re.sub(r"^http \{\n", f"http {{\n{folders}", text, count=1, flags=re.M)


# --- as Traefik -----------------------------------------------------------------------


def as_traefik(
    http: Mapping[str, Any], turn: Mapping[str, Any], place: Place, made: Certificate, down: str = ""
) -> str:
    """A configuration with the same routes; ``down``: a server that isn't asked, for its health was looked at."""
    every = routes.routes(http)
    hosts = list(dict.fromkeys(route.host for route in every))
    parts = [_upstream(name, found, down) for name, found in routes.servers(http).items()]
    parts += [_redirect(place), _nobody(place, made)]
    parts += [_host(host, [one for one in every if one.host == host], http, place, made) for host in hosts]
    return f"""
worker_processes {WORKERS};
events {{ worker_connections 4000; }}
http {{
    large_client_header_buffers 8 128k;
    client_max_body_size 0;
    server_tokens off;
    access_log off;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
{"".join(parts)}
}}
{_stream(turn, place, made)}
"""


def _upstream(name: str, servers: Iterable[str], down: str) -> str:
    # One that has just gone is tried each time, and then the other; nginx would leave both out for a while.
    lines = "".join(f" server {one} {'down' if one == down else 'max_fails=0'};" for one in servers)
    return f"    upstream service-{name} {{{lines} }}\n"


def _redirect(place: Place) -> str:
    return f"""
    server {{
        listen {place.address}:{place.plain} default_server;
        return 301 https://$host$request_uri;
    }}
"""


def _nobody(place: Place, made: Certificate) -> str:
    return _server("_", "        return 404;", place, made, " default_server")


def _host(host: str, every: list[Route], http: Mapping[str, Any], place: Place, made: Certificate) -> str:
    gated = any(route.is_gated for route in every)
    blocks = [*(_locations(route, every) for route in every), _gate(routes.gate(http)) if gated else ""]
    if not any(_takes_all(route) for route in every):
        blocks.append("        location / { return 404; }\n")
    return _server(host, "".join(blocks), place, made)


def _server(host: str, inside: str, place: Place, made: Certificate, kind: str = "") -> str:
    return f"""
    server {{
        listen {place.address}:{place.inner} ssl http2 proxy_protocol{kind};
        server_name {host};
        ssl_certificate {made.chain};
        ssl_certificate_key {made.key};
        set_real_ip_from 127.0.0.0/8;
        real_ip_header proxy_protocol;
        proxy_bind {place.address};
{HEADERS}
{inside}
    }}
"""


def _takes_all(route: Route) -> bool:
    return not (route.paths or route.below or route.method)


def _locations(route: Route, every: list[Route]) -> str:
    refused = "".join(f"        location ^~ {path} {{ return 404; }}\n" for path in route.without)
    if _takes_all(route):
        return f"{refused}        location / {{ {_passed(route)} }}\n        location @all {{ {_passed(route)} }}\n"
    wanted = [f"= {path}" for path in route.paths] + [f"^~ {path}" for path in route.below]
    otherwise = any(_takes_all(one) for one in every)
    # nginx would lead from there to the one with the stroke.
    refused += "".join(f"        location = {path.rstrip('/')} {{ return 404; }}\n" for path in route.below)
    return refused + "".join(_location(one, route, otherwise) for one in wanted)


def _location(where: str, route: Route, otherwise: bool) -> str:
    lines = [_passed(route)]
    if route.method:
        assert otherwise, "another method falls to the route that takes all"
        lines.append(f"error_page 418 = @all; if ($request_method != {route.method}) {{ return 418; }}")
    if route.is_gated:
        lines.append("auth_request /asked-first; auth_request_set $granted $upstream_http_authorization;")
        # A header here takes the place of all of those above.
        lines.append(f"{HEADERS} proxy_set_header Authorization $granted; error_page 401 403 500 = @refused;")
    return f"        location {where} {{ {' '.join(lines)} }}\n"


def _passed(route: Route) -> str:
    return (
        f"proxy_pass http://service-{route.service}; proxy_next_upstream error timeout; "
        f"proxy_next_upstream_tries {route.again};"
    )


def _gate(address: str) -> str:
    """The question, and once more for its whole answer: nginx itself hands on no more than 401 and 403."""
    path = "/" + address.split("/", 3)[3]
    host = address.split("/", 3)[2]
    return f"""
        location = /asked-first {{
            internal;
            proxy_pass {address};
{ASKED}
        }}
        location @refused {{
            rewrite ^ {path}? break;
            proxy_pass http://{host};
            proxy_hide_header Authorization;
{ASKED}
        }}
"""


def _stream(turn: Mapping[str, Any], place: Place, made: Certificate) -> str:
    host, behind = routes.tls_host(turn)
    inner, turned = f"{place.address}:{place.inner}", f"{place.address}:{place.turn}"
    return f"""
stream {{
    map $ssl_preread_server_name $behind {{ {host} {turned}; default {inner}; }}
    server {{
        listen {place.address}:{place.public};
        ssl_preread on;
        proxy_pass $behind;
        proxy_protocol on;
        proxy_timeout 3600s;
    }}
    server {{
        listen {turned} ssl proxy_protocol;
        ssl_certificate {made.chain};
        ssl_certificate_key {made.key};
        proxy_pass {behind};
        proxy_timeout 3600s;
    }}
}}
"""


# --- our example ----------------------------------------------------------------------


def example(domain: str, web: str, gate: str, turn: str, place: Place, made: Certificate) -> str:
    """`nginx.conf.example` with the names and ports of this installation, and nothing else changed."""
    text = EXAMPLE.read_text("utf-8")
    changes = {
        r"^\s*listen \[::\]:\d+;\n": "",
        r"\bworker_rlimit_nofile \d+;": "",
        r"worker_connections \d+;": "worker_connections 4000;",
        r"access_log [^;]+;": "access_log off;",
        r"listen 80;": f"listen {place.address}:{place.plain};",
        r"listen 443;": f"listen {place.address}:{place.public};",
        r"127\.0\.0\.1:8443\b": f"{place.address}:{place.inner}",
        r"127\.0\.0\.1:5350\b": f"{place.address}:{place.turn}",
        r"127\.0\.0\.1:5349\b": turn,
        r"127\.0\.0\.1:8000\b": web,
        r"127\.0\.0\.1:8001\b": gate,
        r"/etc/letsencrypt/live/[\w.]+/fullchain\.pem": str(made.chain),
        r"/etc/letsencrypt/live/[\w.]+/privkey\.pem": str(made.key),
        r"set_real_ip_from 127\.0\.0\.1;": "set_real_ip_from 127.0.0.0/8;",
        r"audimax\.uni\.example": domain,
    }
    for pattern, other in changes.items():
        text, times = re.subn(pattern, other, text, flags=re.M)
        assert times, f"the example has no {pattern}"
    # The web knows its proxy by the address.
    return text.replace(
        "proxy_http_version 1.1;", f"proxy_http_version 1.1;\n        proxy_bind {place.address};"
    )
