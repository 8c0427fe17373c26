"""Traefik's routes, read from its files: what another proxy needs to lead people the same ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.deploy.composed import DEPLOY

ENV = re.compile(r'\{\{ env "(\w+)" \}\}')
TERM = re.compile(r"(!?)(\w+)\(`([^`]*)`\)")


@dataclass(frozen=True)
class Route:
    """One router. ``paths`` are whole ones, ``below`` and ``without`` beginnings of paths."""

    host: str
    service: str
    paths: tuple[str, ...]
    below: tuple[str, ...]
    without: tuple[str, ...]
    method: str
    is_gated: bool
    again: int


def rendered(name: str, variables: Mapping[str, str], moved: Callable[[str], str] = str) -> str:
    """A file of Traefik with its variables in place."""
    text = ENV.sub(lambda match: variables[match[1]], (DEPLOY / "traefik" / name).read_text("utf-8"))
    return moved(text)


def routes(said: Mapping[str, Any]) -> list[Route]:
    """All of them, those with the highest priority first."""
    http = said["http"]
    found = sorted(http["routers"].values(), key=_priority, reverse=True)
    return [_route(router, http["middlewares"]) for router in found]


def _priority(router: Mapping[str, Any]) -> int:
    return int(router.get("priority", len(router["rule"])))


def _route(router: Mapping[str, Any], middlewares: Mapping[str, Any]) -> Route:
    rule = router["rule"]
    # Nothing but terms that are joined: what stands in it is all that it says.
    assert re.fullmatch(r"[()&|\s]*", TERM.sub("", rule)), rule

    def of(kind: str, negated: str = "") -> tuple[str, ...]:
        return tuple(value for sign, name, value in TERM.findall(rule) if (name, sign) == (kind, negated))

    used = [middlewares[name] for name in router.get("middlewares", [])]
    return Route(
        host=of("Host")[0],
        service=router["service"],
        paths=of("Path"),
        below=of("PathPrefix"),
        without=of("PathPrefix", "!"),
        method="".join(of("Method")),
        is_gated=any("forwardAuth" in one for one in used),
        again=max([one["retry"]["attempts"] for one in used if "retry" in one], default=1),
    )


def servers(said: Mapping[str, Any]) -> dict[str, list[str]]:
    """Of each service the addresses with ports."""
    every = said["http"]["services"].items()
    return {
        name: [server["url"].removeprefix("http://") for server in one["loadBalancer"]["servers"]]
        for name, one in every
    }


def gate(said: Mapping[str, Any]) -> str:
    """The address of the question that is asked about signalling."""
    (found,) = [one["forwardAuth"] for one in said["http"]["middlewares"].values() if "forwardAuth" in one]
    assert found["authRequestHeaders"] == found["authResponseHeaders"] == ["Authorization"]
    assert not found["trustForwardHeader"]
    return str(found["address"])


def tls_host(said: Mapping[str, Any]) -> tuple[str, str]:
    """Of `turn.yaml`: the host name, and where what is inside of its TLS goes."""
    (router,) = said["tcp"]["routers"].values()
    host = re.fullmatch(r"HostSNI\(`([^`]+)`\)", router["rule"])
    assert host
    (server,) = said["tcp"]["services"][router["service"]]["loadBalancer"]["servers"]
    return host[1], str(server["address"])


def read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)
    return found
