"""What `audimax run` starts, from the settings: ports, environment, programs."""

from __future__ import annotations

import hashlib
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.backup.sealing import VARIABLE as PASSPHRASE
from core.config import Config, raw_settings
from core.engine.settings import fill
from core.errors import ConfigError
from core.run import livekit_server
from core.run.children import Child
from core.run.instance import Instance
from core.run.lan import Lan
from core.run.livekit_server import LiveKitServer
from core.run.ports import Port
from core.run.postgres import EmbeddedPostgres
from core.run.processes import spawn
from core.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
# They need something of the institution's own before they make sense.
NOT_BY_DEFAULT = frozenset({"dev_gate", "storage_s3", "export_gdrive"})
WEB = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
LAN_PAGE = [sys.executable, "-m", "core.run.lan_page"]


@dataclass
class Topology:
    """The plan of one run; nothing is started here."""

    instance: Instance
    given: Mapping[str, object]
    environ: dict[str, str]
    web: Port
    gate: Port
    livekit: Port | None
    media: tuple[Port, ...]
    postgres: EmbeddedPostgres | None
    lan: Lan | None = None

    @classmethod
    def plan(cls, instance: Instance, environ: Mapping[str, str]) -> Topology:
        """Fill in what the settings leave open."""
        given = raw_settings(environ)
        web = Port.read(environ, "web", "AUDIMAX_PORT", 8000)
        gate = Port.read(environ, "gate before LiveKit", "AUDIMAX_GATE_PORT", 8001)
        livekit: Port | None = None
        media: tuple[Port, ...] = ()
        if not given.get("livekit_api_url"):
            livekit = Port.read(environ, "LiveKit", "AUDIMAX_LIVEKIT_PORT", 7880)
            media = (
                Port.read(environ, "LiveKit's media over TCP", "AUDIMAX_LIVEKIT_TCP_PORT", 7881),
                Port.read(environ, "LiveKit's media over UDP", "AUDIMAX_LIVEKIT_UDP_PORT", 7882, is_udp=True),
            )
        postgres = None
        if not given.get("database_url"):
            postgres = EmbeddedPostgres(
                instance.folder / "postgres", instance.folder / "run", log=instance.logs / "postgres.log"
            )
        lan = Lan.plan(environ, instance.folder)
        made = cls(instance, given, dict(environ), web, gate, livekit, media, postgres, lan)
        made._fill_in()
        return made

    @property
    def ports(self) -> list[Port]:
        own = (self.web, self.gate if self.gated else None, self.livekit, *self.media)
        return [port for port in (*own, *(self.lan.ports if self.lan else ())) if port]

    @property
    def gated(self) -> bool:
        """Whether signalling passes the gate, as the settings say."""
        said = {name: self.given[name] for name in ("gated",) if name in self.given}
        return fill(Config, said).gated

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web.number}"

    @property
    def public_url(self) -> str:
        return str(self.given.get("public_url") or f"http://localhost:{self.web.number}")

    def use_database(self) -> None:
        """Tell the processes where the embedded database is, once it has its socket."""
        if self.postgres:
            self.environ["AUDIMAX_DATABASE_URL"] = self.postgres.url
            self.environ["AUDIMAX_DATABASE_DIRECT_URL"] = self.postgres.url
        self.remember()

    def remember(self, others: Collection[str] = ()) -> None:
        """Keep our settings for commands in another terminal, and ``others`` that plugins read."""
        ours = {k for k in self.environ if k.startswith("AUDIMAX_") and k != PASSPHRASE}
        kept = {k: v for k, v in self.environ.items() if k in ours or k in others}
        self.instance.remember(kept)

    def schema_state(self) -> str:
        """Changes whenever the tables could be expected to: versions, plugins, migrations, packages."""
        said = hashlib.sha256(f"{VERSION} {self.environ.get('AUDIMAX_DATABASE_URL', '')}".encode())
        said.update(repr(self.given.get("enabled_plugins") or first_party_plugins()).encode())
        for folder in (ROOT / "migrations/versions", *sorted((ROOT / "plugins").glob("*/migrations"))):
            for path in sorted(folder.glob("*.py")):
                said.update(f"{path} {path.stat().st_mtime_ns}".encode())
        for package in sys.path:
            if package.endswith("site-packages"):
                said.update(f"{Path(package).stat().st_mtime_ns}".encode())
        return said.hexdigest()

    def postgres_child(self) -> Child | None:
        if not self.postgres:
            return None
        # SIGINT is PostgreSQL's fast stop; SIGTERM would wait for its clients.
        return Child(
            "postgres",
            self.postgres.spawn,
            self.instance.logs / "postgres.log",
            answers=self.postgres.answers,
            stop_signal=signal.SIGINT,
            grace=30,
        )

    def livekit_child(self) -> Child | None:
        if not self.livekit:
            return None
        tcp, udp = self.media
        server = LiveKitServer(
            self.instance.folder / "livekit",
            key=self.environ["AUDIMAX_LIVEKIT_KEY"],
            secret=self.environ["AUDIMAX_LIVEKIT_SECRET"],
            port=self.livekit.number,
            tcp_port=tcp.number,
            udp_port=udp.number,
            webhook_url=f"{self.web_url}/api/livekit/webhook",
            node_ip=self.environ.get("AUDIMAX_LIVEKIT_NODE_IP", self._media_address),
            log=self.instance.logs / "livekit.log",
        )
        binary = livekit_server.PROGRAM.fetch()
        # It would wait for its participants: an embedded one is to be gone at once.
        return Child("livekit", lambda: server.launch(binary), server.log or Path(), server.answers, grace=1)

    def web_child(self) -> Child:
        return self._python_child("web", WEB, answers=_http(f"{self.web_url}/healthz"))

    def lan_children(self) -> list[Child]:
        """For the local network: the web once more, over HTTPS, and the page about its certificate."""
        if not self.lan:
            return []
        lan, bind = self.lan, {"AUDIMAX_BIND": self.lan.address, "AUDIMAX_PUBLIC_URL": self.lan.url}
        web = {"AUDIMAX_PORT": str(lan.web.number), "AUDIMAX_TLS_FILE": str(lan.authority.server_file)}
        if self.gated:
            web["AUDIMAX_LIVEKIT_URL"] = lan.socket_url
            web["AUDIMAX_GATE_BEHIND"] = f"127.0.0.1:{self.gate.number}"
        page = {"AUDIMAX_PORT": str(lan.page.number)}
        answers = _http(f"{lan.url}/healthz", lan.authority.trusting())
        return [
            self._python_child("lan", WEB, env={**bind, **web}, answers=answers),
            self._python_child("lan-page", LAN_PAGE, env={**bind, **page}, answers=_http(f"{lan.page_url}/")),
        ]

    def gate_child(self) -> Child | None:
        if not self.gated:
            return None
        argv = [sys.executable, "-m", "core.livekit.gateway"]
        return self._python_child("gate", argv, answers=_http(f"http://127.0.0.1:{self.gate.number}/"))

    def jobs_child(self, *more: str) -> Child:
        ready = self.instance.folder / "jobs.ready"
        with suppress(FileNotFoundError):
            ready.unlink()
        argv = [sys.executable, "-m", "core.cli", "jobs", "--ready-file", str(ready), *more]
        return self._python_child("jobs", argv, answers=ready.exists)

    def plugin_child(self, name: str, argv: list[str], env: Mapping[str, str]) -> Child:
        return self._python_child(name, argv, env=env)

    def _python_child(
        self,
        name: str,
        argv: list[str],
        *,
        env: Mapping[str, str] | None = None,
        answers: Callable[[], bool] = lambda: True,
    ) -> Child:
        log = self.instance.logs / f"{name}.log"

        def start() -> subprocess.Popen[bytes]:
            with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as output:
                return spawn(argv, env={**self.environ, **(env or {})}, output=output, cwd=ROOT)

        return Child(name, start, log, answers)

    def _fill_in(self) -> None:
        self._refuse_half_a_network()
        self._pin_file()
        own = self.instance.secrets()
        self._default("mode", "embedded", overrides=True)
        self._default("instance_dir", str(self.instance.folder), overrides=True)
        self._default("secret_key", own["secret_key"])
        self._default("public_url", self.public_url)
        self._default("enabled_plugins", ",".join(first_party_plugins()))
        if self.livekit:
            self._default("livekit_key", own["livekit_key"], overrides=True)
            self._default("livekit_secret", own["livekit_secret"], overrides=True)
            self._default("livekit_api_url", f"http://127.0.0.1:{self.livekit.number}")
        if self.gated:
            self._default("livekit_url", f"ws://localhost:{self.gate.number}")
        if self.lan:
            self._default("links_url", self.lan.url)
        self.environ["AUDIMAX_PORT"] = str(self.web.number)
        self.environ["AUDIMAX_GATE_PORT"] = str(self.gate.number)
        self.environ.setdefault("AUDIMAX_GATE_ASKS", f"{self.web_url}/api/internal/livekit/connect")

    @property
    def _media_address(self) -> str:
        return self.lan.address if self.lan else "127.0.0.1"

    def _refuse_half_a_network(self) -> None:
        """Pages over HTTPS can't speak with a LiveKit beside us that has no certificate."""
        if self.lan and self.livekit and not self.gated:
            raise ConfigError(
                "LAN=1 needs the gate: take `gated = false` out of the settings, or leave LAN=1 out"
            )

    def _pin_file(self) -> None:
        # The programs run in the checkout; the file was found from where we are.
        path = Path(self.environ.get("AUDIMAX_CONFIG") or "audimax.toml")
        if path.exists():
            self.environ["AUDIMAX_CONFIG"] = str(path.resolve())

    def _default(self, name: str, value: str, *, overrides: bool = False) -> None:
        if overrides or name not in self.given:
            self.environ[f"AUDIMAX_{name.upper()}"] = value


def first_party_plugins() -> list[str]:
    """The plugins of this checkout that work without anything of the institution's own."""
    folders = (path.parent.name for path in (ROOT / "plugins").glob("*/hooks.py"))
    return sorted(name for name in folders if name not in NOT_BY_DEFAULT)


def _http(url: str, trusting: ssl.SSLContext | None = None) -> Callable[[], bool]:
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if trusting:
        handlers.append(urllib.request.HTTPSHandler(context=trusting))
    opener = urllib.request.build_opener(*handlers)

    def answers() -> bool:
        try:
            opener.open(url, timeout=2).close()
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False
        return True

    return answers
