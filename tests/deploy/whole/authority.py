"""A certificate authority of the test's own, in place of Let's Encrypt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.fixtures import certificates


@dataclass(frozen=True)
class Certificate:
    """Files as nginx and Traefik take them. ``pin`` names the key, for a Chromium without our authority."""

    authority: Path
    chain: Path
    key: Path
    pin: str


def issued(folder: Path, *names: str) -> Certificate:
    """An authority, and a certificate of it for these host names."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = certificates.Authority(folder)
    pair = authority.pair(*names, from_days=-1)
    chain = folder / "chain.pem"
    chain.write_bytes(pair.certificate.read_bytes() + authority.file.read_bytes())
    return Certificate(authority.file, chain, pair.key, certificates.pin_of(pair.certificate.read_bytes()))
