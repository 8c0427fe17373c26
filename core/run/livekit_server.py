"""livekit-server beside the web: found or fetched once, configured for one machine."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import AudimaxError
from core.run import places
from core.run.processes import spawn, stop, wait_for
from core.run.programs import Program, ProgramMissing, Release

VERSION = "1.13.5"
RELEASE = f"https://github.com/livekit/livekit/releases/download/v{VERSION}/livekit_{VERSION}_"
# As the release's own checksums.txt names them.
DIGESTS = {
    "linux_amd64": "c020fac437b7cc9b776eef1ad5ea8af77be9acfa07602eca20a3a44930dfbc70",
    "linux_arm64": "332015305518765fe05bad74fc3a9d9583e635e7dd130de3c4fc563d69c550f3",
    "linux_armv7": "6dceb15fec3b2b90a67615acff7f92a48a901408f31c74f3d290a7d4277f76bd",
}
PROGRAM = Program(
    name="livekit-server",
    version=VERSION,
    module="github.com/livekit/livekit-server/cmd/server",
    variable="AUDIMAX_LIVEKIT_SERVER",
    releases={kind: Release(f"{RELEASE}{kind}.tar.gz", digest) for kind, digest in DIGESTS.items()},
    otherwise=", or set AUDIMAX_LIVEKIT_API_URL to a server that runs elsewhere",
)
EVENTS = [
    "room_finished",
    "participant_joined",
    "participant_left",
    "egress_started",
    "egress_updated",
    "egress_ended",
]


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
        binary = binary or PROGRAM.find()
        if binary is None:
            raise ProgramMissing("no livekit-server here: run `make setup`, or put one on PATH")
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


def _direct() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _environment() -> dict[str, str]:
    # LIVEKIT_… variables would override the file that we wrote.
    return {k: v for k, v in os.environ.items() if not k.startswith(("LIVEKIT_", "AUDIMAX_", "NODE_IP"))}


if __name__ == "__main__":
    if not os.environ.get("AUDIMAX_LIVEKIT_API_URL"):
        try:
            PROGRAM.fetch()
        except ProgramMissing as missing:
            sys.exit(str(missing))
