"""The certificates of the local network: made once, good for our addresses, kept for us alone."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from core.errors import AudimaxError
from core.run import authority as module
from core.run.authority import Authority

ADDRESS, NAMES = "192.168.178.20", ("hall", "hall.local")
NOW = datetime.now(UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "lan")


def server_certificate(authority: Authority) -> x509.Certificate:
    return x509.load_pem_x509_certificate(module._part(authority.server_file.read_text(), "CERTIFICATE"))


@contextmanager
def serving(authority: Authority) -> Iterator[int]:
    """Somebody who speaks TLS with the certificate, once for each who connects; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_file)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                plain, _address = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                plain.close()

    threading.Thread(target=answer, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def shake_hands(port: int, context: ssl.SSLContext, name: str) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        context.wrap_socket(plain, server_hostname=name).close()


def test_who_trusts_the_authority_trusts_our_addresses_and_names_and_no_others(authority: Authority) -> None:
    assert authority.ensure([ADDRESS], NAMES) == "authority"
    trusting = authority.trusting()
    with serving(authority) as port:
        for name in (ADDRESS, "127.0.0.1", "::1", "localhost", *NAMES):
            shake_hands(port, trusting, name)
        for name in ("192.168.178.21", "uni.example"):
            with pytest.raises(ssl.SSLCertVerificationError, match=r"match"):
                shake_hands(port, trusting, name)
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(port, ssl.create_default_context(), ADDRESS)


def test_the_authority_can_vouch_for_private_addresses_alone(authority: Authority, tmp_path: Path) -> None:
    authority.ensure([ADDRESS], NAMES)
    pair = module._read(authority.file)
    assert pair is not None
    stolen = module._make_server(pair, ["8.8.8.8"], ["bank.example"], NOW)
    module._keep(authority.server_file, stolen)
    with serving(authority) as port:
        for name in ("8.8.8.8", "bank.example", "127.0.0.1"):
            with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
                shake_hands(port, authority.trusting(), name)


def test_only_we_can_read_the_keys(authority: Authority) -> None:
    authority.ensure([ADDRESS], NAMES)
    for path in (authority.file, authority.server_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "PRIVATE KEY" in path.read_text()
    assert stat.S_IMODE(authority.folder.stat().st_mode) == 0o700
    authority.file.chmod(0o644)
    authority.ensure([ADDRESS], NAMES)
    assert stat.S_IMODE(authority.file.stat().st_mode) == 0o600


def test_the_certificate_for_phones_has_no_key_in_it(authority: Authority) -> None:
    authority.ensure([ADDRESS], NAMES)
    given = x509.load_der_x509_certificate(authority.certificate())
    assert given.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert b"PRIVATE" not in authority.certificate()
    assert len(authority.fingerprint().split(":")) == 32


def test_what_is_good_stays_as_it_is(authority: Authority) -> None:
    authority.ensure([ADDRESS], NAMES)
    kept = authority.file.read_bytes(), authority.server_file.read_bytes()
    assert authority.ensure([ADDRESS], NAMES) == ""
    assert (authority.file.read_bytes(), authority.server_file.read_bytes()) == kept


def test_another_address_gets_a_new_certificate_from_the_same_authority(authority: Authority) -> None:
    authority.ensure([ADDRESS], NAMES)
    before = authority.fingerprint()
    assert authority.ensure(["10.1.2.3"], NAMES) == "server"
    assert authority.fingerprint() == before
    with serving(authority) as port:
        shake_hands(port, authority.trusting(), "10.1.2.3")
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(port, authority.trusting(), ADDRESS)


def test_a_public_address_that_the_authority_cannot_vouch_for_takes_a_new_authority(
    authority: Authority,
) -> None:
    authority.ensure([ADDRESS], NAMES)
    before = authority.fingerprint()
    assert authority.ensure(["141.20.1.7"], NAMES) == "authority"
    assert authority.fingerprint() != before
    with serving(authority) as port:
        shake_hands(port, authority.trusting(), "141.20.1.7")


def test_a_new_name_of_the_machine_takes_no_new_authority(authority: Authority) -> None:
    authority.ensure([ADDRESS], NAMES)
    assert authority.ensure([ADDRESS], ("other", "other.local")) == "server"
    said = server_certificate(authority).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(said.get_values_for_type(x509.DNSName)) == ["localhost", "other.local"]


@pytest.mark.parametrize(("days", "new"), [(300, ""), (370, "server"), (500, "server"), (3630, "authority")])
def test_what_is_soon_over_is_made_anew(authority: Authority, days: int, new: str) -> None:
    authority.ensure([ADDRESS], NAMES, at=NOW)
    later = NOW + timedelta(days=days)
    assert authority.ensure([ADDRESS], NAMES, at=later) == new
    assert server_certificate(authority).not_valid_after_utc > later


def test_certificates_of_tomorrow_are_no_good(authority: Authority) -> None:
    """A clock that was wrong, and is right now."""
    authority.ensure([ADDRESS], NAMES, at=NOW + timedelta(days=30))
    assert authority.ensure([ADDRESS], NAMES, at=NOW) == "authority"


def test_no_certificate_is_good_for_longer_than_apples_devices_take(authority: Authority) -> None:
    authority.ensure([ADDRESS], NAMES)
    made = server_certificate(authority)
    assert made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=398)


@pytest.mark.parametrize("broken", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_that_cannot_be_read_is_replaced(authority: Authority, broken: str) -> None:
    authority.ensure([ADDRESS], NAMES)
    authority.server_file.write_text(broken)
    assert authority.ensure([ADDRESS], NAMES) == "server"
    authority.file.write_text(broken)
    with pytest.raises(AudimaxError, match="remove it"):
        authority.fingerprint()
    assert authority.ensure([ADDRESS], NAMES) == "authority"


def test_a_key_that_does_not_belong_to_its_certificate_is_replaced(
    authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    for one in (authority, other):
        one.ensure([ADDRESS], NAMES)
    mixed = module._part(other.file.read_text(), "PRIVATE KEY") + module._part(
        authority.file.read_text(), "CERTIFICATE"
    )
    authority.file.write_bytes(mixed)
    assert authority.ensure([ADDRESS], NAMES) == "authority"
