"""livekit-server beside the web: found or fetched once, configured for one machine."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import AudimaxError
from core.run import places
from core.run.processes import spawn, stop, wait_for

VERSION = "1.13.5"
MODULE = "github.com/livekit/livekit-server/cmd/server"
RELEASE = f"https://github.com/livekit/livekit/releases/download/v{VERSION}/"
# As the release's own checksums.txt names them.
DIGESTS = {
    "linux_amd64": "c020fac437b7cc9b776eef1ad5ea8af77be9acfa07602eca20a3a44930dfbc70",
    "linux_arm64": "332015305518765fe05bad74fc3a9d9583e635e7dd130de3c4fc563d69c550f3",
    "linux_armv7": "6dceb15fec3b2b90a67615acff7f92a48a901408f31c74f3d290a7d4277f76bd",
}
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "armv7"}
LARGEST_ARCHIVE = 100_000_000
CONNECT_SECONDS = 8
BUILD_SECONDS = 1800
EVENTS = ["room_finished", "participant_joined", "participant_left"]

Say = Callable[[str], None]


class LiveKitMissing(AudimaxError):
    """No livekit-server could be found or fetched; says what was tried."""


@dataclass(frozen=True)
class LiveKitServer:
    """One server for one machine. ``folder`` keeps its configuration, readable by us alone."""

    folder: Path
    key: str
    secret: str
    port: int = 7880
    tcp_port: int = 7881
    udp_port: int = 7882
    webhook_url: str = ""
    node_ip: str = "127.0.0.1"
    departure_timeout: int = 300
    empty_timeout: int = 300
    log: Path | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def config_file(self) -> Path:
        return self.folder / "livekit.yaml"

    def config(self) -> dict[str, Any]:
        """What ``livekit.yaml`` says. Rooms are opened by core alone."""
        made: dict[str, Any] = {
            "port": self.port,
            "bind_addresses": ["127.0.0.1"],
            "rtc": {
                "tcp_port": self.tcp_port,
                "udp_port": self.udp_port,
                "use_external_ip": False,
                "node_ip": self.node_ip,
            },
            "keys": {self.key: self.secret},
            "room": {
                "auto_create": False,
                "empty_timeout": self.empty_timeout,
                "departure_timeout": self.departure_timeout,
            },
            "logging": {"level": "info", "json": True},
        }
        if self.node_ip.startswith("127."):
            made["rtc"]["enable_loopback_candidate"] = True
        if self.webhook_url:
            made["webhook"] = {
                "api_key": self.key,
                "urls": [self.webhook_url],
                "filter_params": {"include_events": EVENTS},
            }
        return made

    def write_config(self) -> Path:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # JSON is YAML, and quotes every secret rightly.
        places.write_private(self.config_file, json.dumps(self.config(), indent=2) + "\n")
        return self.config_file

    def start(self, binary: Path | None = None, seconds: float = 20) -> subprocess.Popen[bytes]:
        """Run the server; returns when it answers."""
        binary = binary or find_binary()
        if binary is None:
            raise LiveKitMissing("no livekit-server here: run `make setup`, or put one on PATH")
        process = self.launch(binary)
        if wait_for(lambda: self.answers() or process.poll() is not None, seconds) and process.poll() is None:
            return process
        stop(process)
        raise AudimaxError(f"livekit-server doesn't start: {self._last_words()}")

    def launch(self, binary: Path) -> subprocess.Popen[bytes]:
        """Start the program, without waiting."""
        argv: list[str | Path] = [binary, "--config", self.write_config()]
        with self.open_log() as log:
            return spawn(argv, output=log, env=_environment())

    def answers(self) -> bool:
        """Whether its HTTP port says OK."""
        try:
            with _direct().open(self.url, timeout=1) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def open_log(self) -> io.BufferedWriter:
        path = self.log or self.folder / "livekit.log"
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")

    def _last_words(self) -> str:
        path = self.log or self.folder / "livekit.log"
        return " / ".join(path.read_text("utf-8", "replace").splitlines()[-3:]) if path.exists() else ""


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End the server at once; it would wait for its participants."""
    stop(process, grace=1)


def find_binary() -> Path | None:
    """The server that is here already: the configured one, PATH, our cache."""
    if configured := os.environ.get("AUDIMAX_LIVEKIT_SERVER", ""):
        return _configured(configured)
    on_path = shutil.which("livekit-server")
    if on_path:
        return Path(on_path)
    return cached() if cached().exists() else None


def fetch_binary(say: Say = print) -> Path:
    """Find the server, else download the release, else build it with Go; kept in the cache."""
    found = find_binary()
    if found:
        return found
    tried: list[str] = []
    for way in (_download, _build):
        try:
            return way(say)
        except (OSError, LiveKitMissing, subprocess.SubprocessError, tarfile.TarError) as error:
            tried.append(str(error))
            say(f"  {error}")
    raise LiveKitMissing(
        f"livekit-server {VERSION} could not be had: {'; '.join(tried)}. Put `livekit-server` on PATH, "
        "name it in AUDIMAX_LIVEKIT_SERVER, or set AUDIMAX_LIVEKIT_API_URL to a server that runs elsewhere"
    )


def cached() -> Path:
    """Where the fetched server is kept."""
    return places.cache() / f"livekit-server-{VERSION}"


def _configured(named: str) -> Path:
    path = Path(named)
    if not os.access(path, os.X_OK):
        raise LiveKitMissing(f"AUDIMAX_LIVEKIT_SERVER names {named}, which is no program")
    return path


def _download(say: Say) -> Path:
    kind = f"{sys.platform}_{MACHINES.get(platform.machine().lower(), platform.machine())}"
    if kind not in DIGESTS:
        raise LiveKitMissing(f"there is no release archive for {kind}")
    say(f"livekit-server {VERSION}: downloading the release …")
    archive = _fetched(f"{RELEASE}livekit_{VERSION}_{kind}.tar.gz")
    if hashlib.sha256(archive).hexdigest() != DIGESTS[kind]:
        raise LiveKitMissing("the downloaded archive isn't the published one (SHA-256 differs)")
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        member = opened.extractfile("livekit-server")
        if member is None:
            raise LiveKitMissing("the release archive holds no livekit-server")
        return _kept(lambda target: target.write_bytes(member.read()))


def _fetched(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as answer:  # noqa: S310
            return bytes(answer.read(LARGEST_ARCHIVE))
    except OSError as error:
        raise LiveKitMissing(f"download refused ({error})") from error


def _build(say: Say) -> Path:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if not go:
        raise LiveKitMissing("no Go to build it with")
    say(f"livekit-server {VERSION}: building it with Go; takes a few minutes, once …")
    with tempfile.TemporaryDirectory(dir=places.cache()) as folder:
        _run_go(go, Path(folder))
        return _kept(lambda target: shutil.copyfile(Path(folder) / "bin" / "server", target))


def _run_go(go: str, folder: Path) -> None:
    # GOPATH and the build cache need a home folder, which services and CI may not have.
    env = {**os.environ, "GOBIN": str(folder / "bin"), "GOFLAGS": "-modcacherw"}
    if not Path(env.get("HOME") or "/nonexistent").is_dir():
        env |= {"GOPATH": str(folder / "go"), "GOCACHE": str(folder / "build")}
    argv = [go, "install", "-trimpath", f"{MODULE}@v{VERSION}"]
    made = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if made.returncode:
        raise LiveKitMissing(f"`go install` failed: {' '.join(made.stderr.split()[-40:])}")


def _kept(write: Callable[[Path], object]) -> Path:
    target = cached()
    work = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        write(work)
        work.chmod(0o755)
        work.replace(target)
    finally:
        work.unlink(missing_ok=True)
    return target


def _direct() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _environment() -> dict[str, str]:
    # LIVEKIT_… variables would override the file that we wrote.
    return {k: v for k, v in os.environ.items() if not k.startswith(("LIVEKIT_", "AUDIMAX_", "NODE_IP"))}


if __name__ == "__main__":
    if not os.environ.get("AUDIMAX_LIVEKIT_API_URL"):
        try:
            fetch_binary()
        except LiveKitMissing as missing:
            sys.exit(str(missing))
