"""A certificate authority of the test's own, in place of Let's Encrypt."""

from __future__ import annotations

import base64
import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM, PLAIN = serialization.Encoding.PEM, serialization.NoEncryption()
TODAY = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


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
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _authority(root_key)
    leaf = _leaf(names, key.public_key(), root, root_key)
    made = Certificate(
        folder / "authority.pem", folder / "chain.pem", folder / "key.pem", _pin(key.public_key())
    )
    made.authority.write_bytes(root.public_bytes(PEM))
    made.chain.write_bytes(leaf.public_bytes(PEM) + root.public_bytes(PEM))
    made.key.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, PLAIN))
    return made


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("Authority of the tests")
    usage = x509.KeyUsage(*(at in (5, 6) for at in range(9)))
    built = (
        _begun(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return built.sign(key, hashes.SHA256())


def _leaf(
    names: tuple[str, ...],
    key: ec.EllipticCurvePublicKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    built = (
        _begun(_name(names[0]), root.subject, key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
        )
    )
    return built.sign(root_key, hashes.SHA256())


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(TODAY - DAY)
        .not_valid_after(TODAY + 30 * DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pin(key: ec.EllipticCurvePublicKey) -> str:
    described = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(described).digest()).decode()
