"""The key and the networks that open the door."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from flask_babel import lazy_gettext as _l

from core.api import setting

Network = IPv4Network | IPv6Network
SHORTEST_KEY, LONGEST_KEY = 16, 200
# It stands in a link, where any other letter may mean something.
KEY = re.compile(r"[A-Za-z0-9._~-]*\Z")
MAKE_ONE = "make one with `openssl rand -hex 16`"
NEITHER = (
    "set 'access_key' (or DEV_ACCESS_KEY), 'allowed_ips' (or ALLOWED_IPS), or both: with neither nobody "
    "could come in; take dev_gate out of enabled_plugins to open the installation to everybody"
)


@dataclass(frozen=True)
class Settings:
    """For the whole installation; read once, at the start."""

    access_key: str = setting(
        "",
        secret=True,
        variable="DEV_ACCESS_KEY",
        label=_l("Access key to this installation"),
        help=_l("Opens the door to whoever has it. Another one shuts it again for all."),
    )
    allowed_ips: list[str] = setting(
        factory=list,
        variable="ALLOWED_IPS",
        label=_l("Networks that need no key"),
        help=_l("Addresses or networks (CIDR), IPv4 or IPv6. Behind a proxy trusted_proxies must name it."),
    )

    def __post_init__(self) -> None:
        if mistakes := list(self._mistakes()):
            raise ValueError("; ".join(mistakes))

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """Those of ``allowed_ips``."""
        return tuple(map(network, self.allowed_ips))

    def lets_in(self, address: IPv4Address | IPv6Address | None) -> bool:
        """Whether that address needs no key."""
        return address is not None and any(address in one for one in self.networks)

    def _mistakes(self) -> Iterator[str]:
        if not self.access_key and not self.allowed_ips:
            yield NEITHER
        if self.access_key:
            yield from _mistakes_of_key(self.access_key)
        for text in self.allowed_ips:
            yield from _mistakes_of_network(text)


def network(text: str) -> Network:
    """The network of that text; ``ValueError`` for none. IPv4 that is written as IPv6 is IPv4."""
    made = ip_network(text.strip())
    mapped = made.network_address.ipv4_mapped if isinstance(made, IPv6Network) else None
    return IPv4Network((mapped, made.prefixlen - 96)) if mapped and made.prefixlen >= 96 else made


def _mistakes_of_key(key: str) -> Iterator[str]:
    # The key itself is never shown.
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        yield f"'access_key' must have {SHORTEST_KEY} to {LONGEST_KEY} characters: {MAKE_ONE}"
    elif not KEY.match(key):
        yield f"'access_key' stands in a link, so only letters, digits and - . _ ~ may be in it: {MAKE_ONE}"


def _mistakes_of_network(text: str) -> Iterator[str]:
    try:
        found = network(text)
    except ValueError:
        yield f"'allowed_ips' has {text!r}, which is no network: write it like {_meant(text)}"
        return
    if found.prefixlen == 0:
        yield f"'allowed_ips' has {text!r}, which is everybody: name your networks, or don't enable dev_gate"


def _meant(text: str) -> str:
    try:
        return f"{ip_network(text.strip(), strict=False)}, or without /… for one address"
    except ValueError:
        return "10.20.0.0/16, 192.0.2.7 or 2001:db8:1::/48"
