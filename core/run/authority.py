"""An authority of this installation's own, for HTTPS in the local network: who trusts it trusts us.

Whoever had its key could pretend to be somebody else to those who trust it. So it never leaves the instance
folder, only we can read it, and the authority can vouch for private addresses and this machine's alone.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import AudimaxError
from core.run import places

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

AUTHORITY_DAYS = 3650
# Apple's devices take no certificate that is good for longer than 398 days.
SERVER_DAYS = 397
RENEWED_BEFORE = timedelta(days=30)
# Clocks of phones and laptops differ.
BEGUN = timedelta(days=1)
PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "::1/128",
    "fc00::/7",
)
LOOPBACK = ("127.0.0.1", "::1")
# Every name below `local` is one of the local network's (mDNS).
NAMES = ("localhost", "local")
KEY, CERTIFICATE = "PRIVATE KEY", "CERTIFICATE"

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey


@dataclass(frozen=True)
class Authority:
    """What is kept in ``folder``, each in a file of its own with its key."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "authority.pem"

    @property
    def server_file(self) -> Path:
        """Certificate and key of the server, as gunicorn takes them."""
        return self.folder / "server.pem"

    def ensure(self, addresses: Sequence[str], names: Iterable[str], at: datetime | None = None) -> str:
        """Make what is missing, over, or for other addresses: ``authority``, ``server`` or nothing is new."""
        _demand_library()
        at = at or datetime.now(UTC)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority, is_new = _read(self.file), False
        if authority is None or not _is_good(authority.certificate, at) or not _permits(authority, addresses):
            authority, is_new = _make_authority(addresses, names, at), True
            _keep(self.file, authority)
        known = _permitted_names(authority.certificate, names)
        server = None if is_new else _read(self.server_file)
        if (
            server is None
            or not _is_good(server.certificate, at)
            or not _serves(server, authority, addresses, known)
        ):
            _keep(self.server_file, _make_server(authority, addresses, known, at))
            return "authority" if is_new else "server"
        return ""

    def certificate(self) -> bytes:
        """The authority's certificate as phones and computers install it (DER); no key is in it."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self._pair().certificate.public_bytes(Encoding.DER)

    def fingerprint(self) -> str:
        """Its SHA-256, as systems show it."""
        from cryptography.hazmat.primitives.hashes import SHA256

        return self._pair().certificate.fingerprint(SHA256()).hex(":").upper()

    def trusting(self) -> ssl.SSLContext:
        """For asking our own servers: trusts this authority, and no other."""
        return ssl.create_default_context(cadata=self.certificate())

    def _pair(self) -> Pair:
        found = _read(self.file)
        if found is None:
            raise AudimaxError(f"{self.file} can't be read: remove it, and a new authority is made")
        return found


def _demand_library() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        remedy = "pip install 'audimax[lan]'"
        raise AudimaxError(f"HTTPS in the local network needs the package cryptography: {remedy}") from error


# --- files ----------------------------------------------------------------------------


def _keep(path: Path, pair: Pair) -> None:
    """Both in one file, that takes the place of the old one at once."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    new = path.with_suffix(".new")
    places.write_private(new, (key + pair.certificate.public_bytes(Encoding.PEM)).decode())
    os.replace(new, path)


def _read(path: Path) -> Pair | None:
    """What is kept there; None where there is nothing, or nothing that can be used."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        path.chmod(0o600)
        text = path.read_text("ascii")
        key = load_pem_private_key(_part(text, KEY), None)
        certificate = x509.load_pem_x509_certificate(_part(text, CERTIFICATE))
    except (OSError, ValueError):
        return None
    if not isinstance(key, EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        return None
    return Pair(certificate, key)


def _part(text: str, kind: str) -> bytes:
    begin, end = f"-----BEGIN {kind}-----", f"-----END {kind}-----"
    inner = text.partition(begin)[2].partition(end)[0]
    return f"{begin}{inner}{end}\n".encode()


# --- is it still good -----------------------------------------------------------------


def _is_good(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc - RENEWED_BEFORE


def _permits(authority: Pair, addresses: Iterable[str]) -> bool:
    from cryptography import x509

    rule = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    networks = [one.value for one in rule.permitted_subtrees or () if isinstance(one, x509.IPAddress)]
    return all(any(_is_within(address, one) for one in networks) for address in addresses)


def _is_within(address: str, network: Any) -> bool:
    return isinstance(network, IPv4Network | IPv6Network) and ipaddress.ip_address(address) in network


def _permitted_names(certificate: x509.Certificate, names: Iterable[str]) -> list[str]:
    from cryptography import x509

    rule = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    known = [one.value for one in rule.permitted_subtrees or () if isinstance(one, x509.DNSName)]
    wanted = dict.fromkeys(["localhost", *names])
    return [name for name in wanted if any(name == one or name.endswith(f".{one}") for one in known)]


def _serves(server: Pair, authority: Pair, addresses: Iterable[str], names: Iterable[str]) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        server.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    said = server.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    has = {*map(str, said.get_values_for_type(x509.IPAddress)), *said.get_values_for_type(x509.DNSName)}
    return has == {*LOOPBACK, *addresses, *names}


# --- making ---------------------------------------------------------------------------


def _make_authority(addresses: Sequence[str], names: Iterable[str], at: datetime) -> Pair:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    networks = [ipaddress.ip_network(one) for one in dict.fromkeys([*PRIVATE, *addresses])]
    permitted: list[x509.GeneralName] = [x509.IPAddress(one) for one in networks]
    permitted += [x509.DNSName(name) for name in dict.fromkeys([*NAMES, *names])]
    host = next(iter(names), "this machine")
    name = _name(f"Audimax on {host}, {at:%Y-%m-%d}")
    made = (
        _builder(name, name, key.public_key(), at, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
    )
    return Pair(_signed(made, key, key), key)


def _make_server(authority: Pair, addresses: Sequence[str], names: Sequence[str], at: datetime) -> Pair:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    all_addresses = dict.fromkeys([*addresses, *LOOPBACK])
    several: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(one)) for one in all_addresses]
    several += [x509.DNSName(name) for name in names]
    made = (
        _builder(
            _name(f"Audimax at {addresses[0]}"),
            authority.certificate.subject,
            key.public_key(),
            at,
            SERVER_DAYS,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(several), critical=False)
    )
    return Pair(_signed(made, authority.key, key), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, at: datetime, days: int
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - BEGUN)
        .not_valid_after(at - BEGUN + timedelta(days=days))
    )


def _signed(
    made: x509.CertificateBuilder, by: EllipticCurvePrivateKey, key: EllipticCurvePrivateKey
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return made.add_extension(issuer, critical=False).sign(by, SHA256())


def _name(common: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
