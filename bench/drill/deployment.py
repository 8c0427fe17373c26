"""Everything that a large installation has, on this machine: each program can be killed and started again.

Two webs behind one address, jobs, captions, the gate, livekit-server, PostgreSQL with a second one that
follows it, pgbouncer, Redis and S3, wired like `deploy/compose.yaml`. What ends by itself is started again,
as there; what was killed stays away until it is let back.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg2
import requests

from bench.product import Host
from core.agents import READY
from core.run import livekit_server, places
from core.run.children import Child
from core.run.livekit_server import LiveKitServer
from core.run.postgres import ROLE, EmbeddedPostgres, find_binaries
from core.run.processes import identity, spawn
from tests.fixtures.livekit import until
from tests.fixtures.product import ROOT, free_ports
from tests.fixtures.s3 import S3Server
from tests.setup import services
from tests.setup.debian import PGBOUNCER
from tests.setup.versitygw import PROGRAM as VERSITYGW

PLUGINS = "ai_assistant,chat,export_markdown,files,lobby,pin,storage_s3"
START_SECONDS = 600.0
WEBS = ("web-a", "web-b")
# Data that nobody misses after the drill; a killed process loses nothing by it, only a machine would.
UNSAFE = {"fsync": "off", "full_page_writes": "off"}
FOLLOWING = {"wal_retrieve_retry_interval": "200ms", "hot_standby": "on"}
POOLED = """\
[databases]
audimax = host={host} port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
{user}
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
max_client_conn = 2000
default_pool_size = 60
ignore_startup_parameters = extra_float_digits
{as_composed}
"""


class Database:
    """Two PostgreSQL servers, each at an address of its own; one follows the other until it takes over."""

    def __init__(self, folder: Path) -> None:
        # On Linux all of 127.0.0.0/8 is this machine: a new address needs no new port.
        number = os.getpid() % 60_000
        place = f"127.{number >> 8 & 255}.{number & 255}"
        self.addresses = [f"{place}.{last}" for last in (11, 12)]
        self.servers = [
            self._server(folder / name, at) for name, at in zip("12", self.addresses, strict=True)
        ]
        self.now = 0

    def _server(self, folder: Path, address: str) -> EmbeddedPostgres:
        settings = {**UNSAFE, **FOLLOWING, "listen_addresses": address, "max_connections": "200"}
        return EmbeddedPostgres(folder / "data", folder / "run", settings=settings)

    @property
    def password(self) -> str:
        return self.servers[0].password_file.read_text("utf-8").strip()

    @property
    def address(self) -> str:
        return self.addresses[self.now]

    @property
    def server(self) -> EmbeddedPostgres:
        return self.servers[self.now]

    @property
    def direct_url(self) -> str:
        """Past pgbouncer: whichever of the two takes changes."""
        hosts, ports = ",".join(self.addresses), ",".join("5432" for _ in self.addresses)
        return (
            f"postgresql+psycopg2://{ROLE}:{self.password}@/audimax?host={hosts}&port={ports}"
            "&target_session_attrs=read-write"
        )

    def connect(self, **more: str) -> psycopg2.extensions.connection:
        told = {"host": self.address, "user": ROLE, "password": self.password, "dbname": "audimax", **more}
        made = psycopg2.connect(connect_timeout=3, **told)
        made.autocommit = True
        return made

    def ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, values or None)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def copy(self) -> None:
        """Make the second one's data from those of the first, which runs."""
        user, other = places.service_user(), self.servers[1]
        shutil.copyfile(self.servers[0].password_file, _made(other.password_file))
        other.password_file.chmod(0o600)
        home = other._make_data_dir()
        argv = [find_binaries(user) / "pg_basebackup", "-D", home, "-R", "-X", "stream", "-c", "fast"]
        argv += ["-d", f"host={self.addresses[0]} user={ROLE} password={self.password}"]
        as_user = identity(user) if user else {}
        subprocess.run([str(part) for part in argv], check=True, cwd="/", capture_output=True, **as_user)
        other.prepare()

    def wait_for_the_copy(self, on: bool) -> None:
        """Whether a commit is told only once the second one has it."""
        names = "*" if on else ""
        self.ask("ALTER SYSTEM SET synchronous_standby_names = %s", names)
        self.ask("SELECT pg_reload_conf()")

    def take_over(self) -> None:
        """The second one becomes the database, at its own address."""
        self.now = 1
        self.ask("SELECT pg_promote(true, 60)")


class Deployment:
    """``url`` is the front; ``kill`` and ``start`` take names of parts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended: list[str] = []
        # Whoever has set it up, for every lecture that is held here.
        self.host: Host | None = None
        self.children: dict[str, Child] = {}
        self._wanted: set[str] = set()
        # How long each log was when its program was started.
        self._from: dict[str, int] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self.database = Database(folder)
        names = ("front", "gate", "livekit", "tcp", "udp", "pgbouncer", "redis", *WEBS)
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.key, self.secret = "APIdrill", secrets.token_urlsafe(40)
        self.redis_password = secrets.token_hex(16)
        self.storage = self._storage()
        self._watcher = threading.Thread(target=self._keep, name="keeper", daemon=True)

    # --- what is there ----------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://localhost:{self.ports['front']}"

    @property
    def inner_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['front']}"

    @property
    def pooled_url(self) -> str:
        port = self.ports["pgbouncer"]
        return f"postgresql+psycopg2://{ROLE}:{self.database.password}@127.0.0.1:{port}/audimax"

    def bring_up(self, **speech: str) -> Deployment:
        """Start everything; ``speech``: settings of the captions, by their names."""
        self.speech = speech
        self._watcher.start()
        self._add_database()
        self._add("redis", self._redis, self._redis_answers)
        self._add("livekit", self._livekit, self._livekit_server().answers, grace=1)
        self._add("front", self._front, lambda: _accepts(self.ports["front"]))
        self.set_up_link = self._migrated()
        for name in WEBS:
            self._add(name, lambda name=name: self._web(name), lambda name=name: self._web_answers(name))
        self._add("gate", self._gate, lambda: _accepts(self.ports["gate"]))
        self._add("jobs", self._jobs, (self.folder / "jobs.ready").exists)
        self._add("agent", self._agent, lambda: self._said("agent", READY))
        for name in (*WEBS, "gate", "jobs", "agent"):
            self.until_back(name)
        return self

    def down(self) -> None:
        self._over.set()
        self._watcher.join(10)
        for name in reversed(self.children):
            _end(self.children[name])
        self.storage.stop()
        for server in self.database.servers:
            with suppress(OSError):
                server.destroy()

    # --- kill and start ---------------------------------------------------------------

    def kill(self, name: str) -> None:
        """-9 for the part and all that it has started; it stays away."""
        with self._lock:
            self._wanted.discard(name)
            _end(self.children[name])

    def start(self, name: str) -> None:
        (self.folder / f"{name}.ready").unlink(missing_ok=True)
        with self._lock:
            child = self.children[name]
            child.again_at, self._from[name] = time.monotonic(), _size(child.log)
            self._wanted.add(name)

    def until_back(self, name: str) -> None:
        """Until it does its work again."""
        until(self.children[name].answers, START_SECONDS, f"{name} answers: {self._last_words(name)}")

    def processes(self, name: str) -> list[psutil.Process]:
        """The part's processes, the first one first."""
        group = self.children[name].group
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(group)
            return [top, *top.children(recursive=True)]
        return []

    def kill_one_worker(self, name: str) -> None:
        """One process of a web; its master has the others, and makes another one."""
        self.processes(name)[1].kill()

    def fail_over(self) -> None:
        """The second database takes over, and pgbouncer is told its address."""
        self.database.take_over()
        self._write_pooled()
        self.processes("pgbouncer")[0].send_signal(signal.SIGHUP)
        until(self._pooled_answers, what="pgbouncer leads to the new address")

    def _keep(self) -> None:
        """Starts programs: they end with this thread, which lives as long as the deployment."""
        while not self._over.wait(0.05):
            with self._lock:
                for name in list(self._wanted):
                    child = self.children[name]
                    if how := child.died():
                        self.ended.append(f"{name} {how.split(';')[0]}")
                    if child.is_due:
                        child.launch()

    def _add(
        self,
        name: str,
        start: Callable[[], subprocess.Popen[bytes]],
        answers: Callable[[], bool],
        **more: float,
    ) -> None:
        self.children[name] = Child(name, start, self.folder / f"{name}.log", answers, **more)
        self.start(name)

    # --- PostgreSQL, pgbouncer, Redis, S3 ---------------------------------------------

    def _add_database(self) -> None:
        first, second = self.database.servers
        first.prepare()
        self._add("postgres", first.spawn, first.answers)
        self.until_back("postgres")
        first.create_database("audimax")
        self.database.copy()
        self._add("follower", second.spawn, second.answers)
        self.until_back("follower")
        self.database.wait_for_the_copy(True)
        self._write_pooled()
        self._add("pgbouncer", self._pgbouncer, self._pooled_answers)
        self.until_back("pgbouncer")

    def _write_pooled(self) -> None:
        home = _made(self.folder / "pgbouncer" / "pgbouncer.ini").parent
        users = home / "users.txt"
        users.write_text(f'"{ROLE}" "{self.database.password}"\n')
        made = POOLED.format(
            host=self.database.address,
            port=self.ports["pgbouncer"],
            users=users,
            user=f"user = {user}" if (user := places.service_user()) else "",
            as_composed="\n".join(services.pooling()),
        )
        (home / "pgbouncer.ini").write_text(made)
        if user:
            for one in (home, *home.iterdir()):
                shutil.chown(one, user)

    def _pgbouncer(self) -> subprocess.Popen[bytes]:
        ini = self.folder / "pgbouncer" / "pgbouncer.ini"
        return self._spawn("pgbouncer", [services.pgbouncer(), ini], PGBOUNCER.variables)

    def _pooled_answers(self) -> bool:
        with suppress(psycopg2.Error):
            told = {"host": "127.0.0.1", "port": str(self.ports["pgbouncer"])}
            connection = self.database.connect(**told)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_is_in_recovery()")
                found = cursor.fetchone()
            connection.close()
            return found == (False,)
        return False

    def _redis(self) -> subprocess.Popen[bytes]:
        argv = [services.REDIS, "--port", str(self.ports["redis"]), "--bind", "127.0.0.1"]
        argv += ["--requirepass", self.redis_password, "--save", "", "--appendonly", "no"]
        return self._spawn("redis", argv, {})

    def _redis_answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.ports["redis"]), 1) as line:
            line.sendall(f"AUTH {self.redis_password}\r\nPING\r\n".encode())
            said = b""
            while b"PONG" not in said and (piece := line.recv(100)):
                said += piece
            return b"PONG" in said
        return False

    def _storage(self) -> S3Server:
        made = S3Server(VERSITYGW.fetch(), _made(self.folder / "s3" / "log").parent)
        made.start()
        made.make_bucket()
        return made

    # --- LiveKit and our own programs -------------------------------------------------

    def _livekit_server(self) -> LiveKitServer:
        return LiveKitServer(
            self.folder / "livekit",
            self.key,
            self.secret,
            port=self.ports["livekit"],
            tcp_port=self.ports["tcp"],
            udp_port=self.ports["udp"],
            webhook_url=f"{self.inner_url}/api/livekit/webhook",
            log=self.folder / "livekit.log",
        )

    def _livekit(self) -> subprocess.Popen[bytes]:
        return self._livekit_server().launch(livekit_server.PROGRAM.fetch())

    def _front(self) -> subprocess.Popen[bytes]:
        ports = [str(self.ports[name]) for name in ("front", *WEBS)]
        return self._spawn("front", [sys.executable, "-m", "bench.drill.balancer", *ports], {})

    def _migrated(self) -> str:
        """Make the tables; gives the first administrator's link."""
        made = {**self._settings(), "AUDIMAX_DATABASE_URL": self.database.direct_url}
        cli = [sys.executable, "-m", "core.cli"]
        clean = {**_environment(), **made}
        subprocess.run([*cli, "db", "upgrade"], cwd=ROOT, env=clean, check=True, capture_output=True)
        said = subprocess.run(
            [*cli, "set-up-link"], cwd=ROOT, env=clean, check=True, capture_output=True, text=True
        )
        found = re.search(r"http\S+/set-up/\S+", said.stdout)
        assert found, said.stdout
        return found[0]

    def _web(self, name: str) -> subprocess.Popen[bytes]:
        own = {
            "AUDIMAX_PORT": str(self.ports[name]),
            "AUDIMAX_INSTANCE_DIR": str(_made(self.folder / name / "x").parent),
            "AUDIMAX_WEB_WORKERS": "2" if name == WEBS[0] else "1",
        }
        argv = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
        return self._spawn(name, argv, {**self._settings(), **own})

    def _web_answers(self, name: str) -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"http://127.0.0.1:{self.ports[name]}/healthz", timeout=2).ok
        return False

    def _gate(self) -> subprocess.Popen[bytes]:
        own = {
            "AUDIMAX_GATE_PORT": str(self.ports["gate"]),
            "AUDIMAX_GATE_ASKS": f"{self.inner_url}/api/internal/livekit/connect",
        }
        return self._spawn(
            "gate", [sys.executable, "-m", "core.livekit.gateway"], {**self._settings(), **own}
        )

    def _jobs(self) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "core.cli", "jobs", "--ready-file", str(self.folder / "jobs.ready")]
        own = {"AUDIMAX_INSTANCE_DIR": str(_made(self.folder / "jobs" / "x").parent)}
        return self._spawn("jobs", argv, {**self._settings(), **own})

    def _agent(self) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "plugins.ai_assistant.agent", "start"]
        return self._spawn("agent", argv, {**self._public(), **self._captions()})

    def _public(self) -> dict[str, str]:
        return {
            "AUDIMAX_PUBLIC_URL": self.url,
            "AUDIMAX_LIVEKIT_URL": f"ws://localhost:{self.ports['gate']}",
            "AUDIMAX_LIVEKIT_API_URL": f"http://127.0.0.1:{self.ports['livekit']}",
            "AUDIMAX_LIVEKIT_KEY": self.key,
            "AUDIMAX_LIVEKIT_SECRET": self.secret,
        }

    def _captions(self) -> dict[str, str]:
        own = {"web_url": self.inner_url, "idle_workers": "1", **self.speech}
        return {f"AUDIMAX_PLUGINS__AI_ASSISTANT__{name.upper()}": value for name, value in own.items()}

    def _settings(self) -> dict[str, str]:
        storage = self.storage.settings
        return {
            **self._public(),
            **self._captions(),
            "AUDIMAX_TRUSTED_HOSTS": "127.0.0.1",
            "AUDIMAX_TRUSTED_PROXIES": "127.0.0.1",
            "AUDIMAX_SECRET_KEY": self.secret[::-1],
            "AUDIMAX_DATABASE_URL": self.pooled_url,
            "AUDIMAX_DATABASE_DIRECT_URL": self.database.direct_url,
            "AUDIMAX_ENABLED_PLUGINS": PLUGINS,
            "AUDIMAX_RATE_LIMIT_STORAGE": f"redis://:{self.redis_password}@127.0.0.1:{self.ports['redis']}/0",
            "AUDIMAX_FILE_STORAGE": "s3",
            "AUDIMAX_EXPORT_NICE": "0",
            # Who comes for a moment and goes is in no call: their lectures would end for lack of anybody.
            "AUDIMAX_ABSENCE_MINUTES": "1440",
            **{f"AUDIMAX_PLUGINS__STORAGE_S3__{name.upper()}": str(value) for name, value in storage.items()},
        }

    # --- what they share --------------------------------------------------------------

    def _said(self, name: str, words: str) -> bool:
        with self.children[name].log.open("rb") as log:
            log.seek(self._from[name])
            return words.encode() in log.read()

    def _last_words(self, name: str) -> str:
        return self.children[name].last_words(8)

    def _spawn(
        self,
        name: str,
        argv: list[str | Path],
        variables: Mapping[str, str],
    ) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            env = {**_environment(), "AUDIMAX_CONFIG": "", **variables}
            return spawn(argv, env=env, output=log, cwd=ROOT)


@contextmanager
def deployment(**speech: str) -> Iterator[Deployment]:
    """One that runs, in a folder of its own."""
    # Whoever is asked to stop takes everything along.
    signal.signal(signal.SIGTERM, lambda *_about: sys.exit(1))
    # LiveKit's library tells each of the many tries to come back.
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="audimax-drill-") as folder:
        # PostgreSQL and pgbouncer run as another user.
        os.chmod(folder, 0o755)
        made = Deployment(Path(folder))
        try:
            yield made.bring_up(**speech)
        finally:
            made.down()


def _environment() -> dict[str, str]:
    ours = ("AUDIMAX_", "LIVEKIT_", "PG")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | {"PYTHONUNBUFFERED": "1"}


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _accepts(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def _end(child: Child) -> None:
    """At once, with what has left its group."""
    with suppress(psutil.NoSuchProcess):
        for one in psutil.Process(child.group).children(recursive=True) if child.group else ():
            with suppress(psutil.NoSuchProcess):
                one.kill()
    child.make_stop()
