"""`audimax run` as people use it, with everything real."""

from __future__ import annotations

import re
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from core.doctor import subjects
from core.run import authority as authority_of_lan
from core.run import lan_page
from core.run.authority import Authority
from core.run.lan import own_address
from core.run.processes import wait_for
from tests.fixtures.product import ROOT, Product, free_ports

pytestmark = [pytest.mark.livekit, pytest.mark.slow]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One for the whole file; tests ask for ``running`` or ``stopped``."""
    with gone_afterwards(Product(tmp_path_factory.mktemp("one") / "instance")) as made:
        yield made


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Another installation on the same machine."""
    with gone_afterwards(Product(tmp_path_factory.mktemp("two") / "instance")) as made:
        yield made


@pytest.fixture(scope="module")
def in_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One that also serves the network in which this machine is."""
    web, page = map(str, free_ports(2))
    lan = {"AUDIMAX_LAN": "1", "AUDIMAX_LAN_PORT": web, "AUDIMAX_LAN_PAGE_PORT": page}
    with gone_afterwards(Product(tmp_path_factory.mktemp("lan") / "instance", **lan)) as made:
        yield made


@pytest.fixture
def running(installation: Product) -> Product:
    return up(installation)


@pytest.fixture
def stopped(installation: Product) -> Product:
    """It ran, and was stopped by Ctrl-C."""
    if installation.process is None:
        up(installation)
    installation.stop()
    return installation


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """One that was never started."""
    with gone_afterwards(Product(tmp_path / "instance")) as made:
        yield made


@contextmanager
def gone_afterwards(product: Product) -> Iterator[Product]:
    yield product
    if product.process and product.process.poll() is None:
        product.process.kill()
        product.process.wait()
        wait_for(lambda: not left_of(product), 30)


def up(product: Product) -> Product:
    """Until it runs and has said all that it says."""
    if product.process is None or product.process.poll() is not None:
        product.said = ""
        product.start()
        product.wait_for("Ctrl-C")
    return product


def left_of(product: Product) -> list[str]:
    """Command lines of everything that runs for this instance."""
    found = []
    data = str((product.instance / "postgres").resolve())
    for process in psutil.process_iter():
        try:
            line, environ = " ".join(process.cmdline()), process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if (
            environ.get("AUDIMAX_INSTANCE_DIR") == str(product.instance)
            or str(product.instance) in line
            or data in line
        ):
            found.append(line)
    return found


def status(product: Product, path: str = "/sign-in") -> int:
    try:
        with urllib.request.urlopen(product.url + path, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def run_again(product: Product, **changed: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "core.cli", "run"]
    environ = {**product.environment, **changed}
    return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)


def test_a_first_start_says_everything_one_needs(running: Product) -> None:
    assert running.url in running.said
    assert str(running.instance) in running.said
    assert "/set-up/" in running.set_up_link
    assert status(running) == 200


def test_what_is_in_the_way_is_named_before_anything_starts(running: Product, tmp_path: Path) -> None:
    same_folder = run_again(running)
    assert same_folder.returncode == 1
    assert "already runs in" in same_folder.stderr
    same_ports = run_again(running, AUDIMAX_INSTANCE_DIR=str(tmp_path / "other"))
    assert same_ports.returncode == 1
    for setting in ("PORT", "GATE_PORT", "LIVEKIT_PORT", "LIVEKIT_TCP_PORT", "LIVEKIT_UDP_PORT"):
        assert f"set AUDIMAX_{setting} to another one" in same_ports.stderr


def test_doctor_finds_everything_well_beside_a_run(running: Product) -> None:
    well = doctor(running)
    assert set(names_of(well)) <= {name for subject in subjects.ALL for name in subject.checks} | {
        "storage local"
    }
    assert (well.returncode, [line for line in well.stdout.splitlines() if line.startswith("✗")]) == (0, [])


def test_two_installations_run_beside_each_other(running: Product, neighbour: Product) -> None:
    up(neighbour)
    assert (status(running), status(neighbour)) == (200, 200)
    assert running.set_up_link != neighbour.set_up_link


def test_nothing_survives_a_supervisor_that_was_killed(neighbour: Product) -> None:
    process = up(neighbour).process
    assert process is not None
    process.kill()
    assert wait_for(lambda: not left_of(neighbour), 60), left_of(neighbour)


PARTS = {
    "web": ("gunicorn",),
    "gate": ("core.livekit.gateway",),
    "jobs": ("core.cli", "jobs"),
    "livekit": ("livekit.yaml",),
    "postgres": ("postgres", "-D"),
}


def test_a_killed_process_is_named_and_comes_back_whichever_it_is(running: Product) -> None:
    for name, words in PARTS.items():
        running.kill(*words)
        running.wait_for(f"{name} was killed by SIGKILL")
        running.wait_for(f"{name} was started again")
        assert wait_for(lambda: status(running) == 200, 60), f"no page after {name} was killed"


def test_ctrl_c_leaves_nothing_also_after_processes_were_killed(stopped: Product) -> None:
    assert stopped.process is not None
    assert stopped.process.returncode == 0
    assert left_of(stopped) == []


def test_nobody_else_can_read_what_a_run_leaves_behind(stopped: Product) -> None:
    wide = [
        str(path)
        for path in [stopped.instance, *stopped.instance.rglob("*")]
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert wide == []


def test_doctor_names_what_is_missing_without_a_run(stopped: Product) -> None:
    ill = doctor(stopped)
    assert ill.returncode == 1
    for what in ("database", "LiveKit", "gate"):
        assert f"✗ {what}" in ill.stdout
    assert "→" in ill.stdout


def test_a_plugin_that_does_not_exist_stops_the_start_with_its_name(product: Product) -> None:
    said = run_again(product, AUDIMAX_ENABLED_PLUGINS="lobbby")
    assert said.returncode == 1
    assert "lobbby" in said.stderr
    assert "Traceback" not in said.stdout + said.stderr
    assert left_of(product) == []


def names_of(said: subprocess.CompletedProcess[str]) -> list[str]:
    """What core has looked at; checks of plugins have a dot in their names."""
    found = re.findall(r"^[✓!✗] ([^:]+):", said.stdout, re.M)
    return [name for name in found if "." not in name]


def doctor(product: Product) -> subprocess.CompletedProcess[str]:
    environ = {
        k: v for k, v in product.environment.items() if k == "AUDIMAX_INSTANCE_DIR" or "AUDIMAX" not in k
    }
    argv = [sys.executable, "-m", "core.cli", "doctor"]
    return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300)


def test_the_network_is_served_over_https_and_this_machine_as_before(in_network: Product) -> None:
    up(in_network)
    address = own_address()
    url = f"https://{address}:{in_network.environment['AUDIMAX_LAN_PORT']}"
    page = f"http://{address}:{in_network.environment['AUDIMAX_LAN_PAGE_PORT']}"
    for said in (url, page, in_network.url):
        assert said in in_network.said
    authority = Authority(in_network.instance / "lan")
    assert authority.fingerprint() in in_network.said

    downloaded = direct().open(f"{page}{lan_page.CERTIFICATE}", timeout=30).read()
    assert downloaded == authority.certificate()
    trusting = direct(urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=downloaded)))
    with trusting.open(f"{url}/sign-in", timeout=30) as answer:
        assert answer.status == 200
        assert f"wss://{url[8:]}" in answer.headers["Content-Security-Policy"]
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        direct().open(f"{url}/sign-in", timeout=30)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        trusting.open(f"{url}/rtc/v1/validate?access_token=x", timeout=30)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        trusting.open(f"{url}/api/internal/livekit/connect", timeout=30)
    assert status(in_network) == 200
    ill = [line for line in doctor(in_network).stdout.splitlines() if line.startswith("✗")]
    assert ill == []
    wide = [
        path for path in (in_network.instance / "lan").rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert wide == []

    authority.server_file.unlink()
    in_network.wait_for("the certificate for the local network is a new one", 180)
    kept = authority_of_lan._part(authority.server_file.read_text(), "CERTIFICATE").decode()
    new = ssl.PEM_cert_to_DER_cert(kept)
    place = (address, int(in_network.environment["AUDIMAX_LAN_PORT"]))
    assert wait_for(lambda: served(place) == new, 60), "the web goes on with the old certificate"


def test_the_next_start_in_the_network_keeps_the_certificates(in_network: Product) -> None:
    kept = Authority(up(in_network).instance / "lan").fingerprint()
    in_network.stop()
    assert left_of(in_network) == []
    up(in_network)
    assert kept in in_network.said
    assert "a new one" not in in_network.said


def served(place: tuple[str, int]) -> bytes:
    """The certificate that is shown there."""
    with suppress(OSError):
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(place, timeout=10))
    return b""


def direct(*handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """Without the proxy that this machine may have."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), *handlers)
