"""The local network: where phones and colleagues find us with `make run LAN=1`."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import psutil
import segno

from core.errors import ConfigError
from core.run.authority import Authority
from core.run.ports import Port

OFF, ON = frozenset({"", "0", "no", "off", "false"}), frozenset({"1", "yes", "on", "true"})
# Nothing is sent there: the system only says by which of our addresses it would be.
ELSEWHERE = ("192.0.2.1", 9)
# Networks of containers and virtual machines, in which nobody's phone is.
INNER = re.compile(r"(lo|docker|br-|veth|virbr|vmnet|cni|podman)")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")


@dataclass(frozen=True)
class Lan:
    """What is served to the network, and on which ports. ``names``: of this machine, for its certificate."""

    address: str
    names: tuple[str, ...]
    web: Port
    page: Port
    authority: Authority

    @classmethod
    def plan(cls, environ: Mapping[str, str], instance: Path) -> Lan | None:
        """What AUDIMAX_LAN asks for; None where it asks for nothing, or where there is no network."""
        wish = environ.get("AUDIMAX_LAN", "").strip().lower()
        if wish in OFF:
            return None
        address = own_address() if wish in ON else _named(wish)
        if not address:
            return None
        web = Port.read(environ, "web in the network", "AUDIMAX_LAN_PORT", 8443, host=address)
        page = Port.read(environ, "page about the certificate", "AUDIMAX_LAN_PAGE_PORT", 8080, host=address)
        return cls(address, own_names(), web, page, Authority(instance / "lan"))

    @property
    def ports(self) -> tuple[Port, ...]:
        return self.web, self.page

    @property
    def url(self) -> str:
        """What colleagues open."""
        return f"https://{self.address}:{self.web.number}"

    @property
    def socket_url(self) -> str:
        """Where their signalling goes: the same place."""
        return f"wss://{self.address}:{self.web.number}"

    @property
    def page_url(self) -> str:
        """Where a device learns to trust us."""
        return f"http://{self.address}:{self.page.number}"

    def prepare(self) -> str:
        """Certificates that are good for now: says what of them is new, as ``Authority.ensure``."""
        return self.authority.ensure([self.address], self.names)

    @property
    def has_moved(self) -> bool:
        """Whether this machine has another address by now."""
        return self.address not in _addresses(inner=True)

    def qr_code(self) -> str:
        """The first page's address, for a phone's camera in front of a terminal."""
        output = io.StringIO()
        segno.make(self.page_url, micro=False).terminal(output, border=2, compact=True)
        return output.getvalue()


def asks_for_network(environ: Mapping[str, str]) -> bool:
    """Whether somebody wants to be found in the network, if there is one."""
    return environ.get("AUDIMAX_LAN", "").strip().lower() not in OFF


def own_address() -> str:
    """This machine's IPv4 address in its network; empty without one."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(ELSEWHERE)
        found = str(probe.getsockname()[0])
        if not IPv4Address(found).is_loopback:
            return found
    return next(iter(_addresses()), "")


def own_names() -> tuple[str, ...]:
    """What this machine is called in its network."""
    short = socket.gethostname().partition(".")[0].lower()
    return (short, f"{short}.local") if NAME.match(short) and short != "localhost" else ()


def _named(wish: str) -> str:
    if wish not in _addresses(inner=True):
        known = ", ".join(_addresses()) or "none"
        raise ConfigError(
            f"AUDIMAX_LAN must be 1, or an IPv4 address of this machine ({known}), not {wish!r}"
        )
    return wish


def _addresses(*, inner: bool = False) -> list[str]:
    """Of all networks that are up, without this machine's inner ones."""
    up = {name for name, one in psutil.net_if_stats().items() if one.isup}
    return [
        one.address
        for name, several in sorted(psutil.net_if_addrs().items())
        for one in several
        if name in up and (inner or not INNER.match(name)) and _is_reached(one)
    ]


def _is_reached(one: object) -> bool:
    family, address = getattr(one, "family", None), str(getattr(one, "address", ""))
    if family != socket.AF_INET:
        return False
    parsed = IPv4Address(address)
    return not (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified)
