"""Which ports one machine's product needs, and whether they are free."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import AudimaxError, ConfigError


class PortTaken(AudimaxError):
    """A port is in use; names the setting that moves it."""


@dataclass(frozen=True)
class Port:
    """A port and the variable that moves it; ``host``: the address, where it isn't the loopback."""

    what: str
    variable: str
    number: int
    is_udp: bool = False
    host: str = ""

    @classmethod
    def read(
        cls,
        environ: Mapping[str, str],
        what: str,
        variable: str,
        default: int,
        is_udp: bool = False,
        host: str = "",
    ) -> Port:
        given = environ.get(variable, "") or str(default)
        if not given.isdigit() or not 0 < int(given) < 65536:
            raise ConfigError(f"{variable} must be a port number from 1 to 65535, not {given!r}")
        return cls(what, variable, int(given), is_udp, host)

    def problem(self) -> str:
        """Why this port can't be used; empty when it can."""
        families = [(socket.AF_INET, self.host or "127.0.0.1")]
        if not self.is_udp and not self.host:
            families.append((socket.AF_INET6, "::1"))
        return next((said for family, host in families if (said := self._bind(family, host))), "")

    def _bind(self, family: socket.AddressFamily, host: str) -> str:
        kind = socket.SOCK_DGRAM if self.is_udp else socket.SOCK_STREAM
        with contextlib.suppress(OSError), socket.socket(family, kind) as probe:
            if not self.is_udp:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, self.number))
            except OSError as error:
                return self._worded(error)
        return ""

    def _worded(self, error: OSError) -> str:
        remedy = f"set {self.variable} to another one"
        if error.errno == errno.EADDRINUSE:
            return (
                f"port {self.number} ({self.what}) is in use by another program: stop that one, or {remedy}"
            )
        if error.errno == errno.EACCES:
            return f"port {self.number} ({self.what}) needs more rights than we have: {remedy}"
        return ""


def refuse_taken(ports: list[Port]) -> None:
    """Raise with every port that can't be had, before anything is started."""
    problems = [problem for port in ports if (problem := port.problem())]
    problems += _doubles(ports)
    if problems:
        raise PortTaken("\n".join(problems))


def _doubles(ports: list[Port]) -> list[str]:
    seen: dict[tuple[int, bool], Port] = {}
    found = []
    for port in ports:
        first = seen.setdefault((port.number, port.is_udp), port)
        if first is not port:
            found.append(f"{first.variable} and {port.variable} are both {port.number}: change one of them")
    return found
