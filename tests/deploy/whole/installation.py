"""Everything that `docker compose up` would start for the profile `production`, without containers."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.deploy.composed import DEPLOY, Composed, dotenv, with_variables
from tests.deploy.whole import authority, nginx, programs, routes, traefik
from tests.deploy.whole.addresses import Addresses, Alias, free_network, may_listen
from tests.deploy.whole.nginx import Place
from tests.deploy.whole.programs import Program
from tests.fixtures.product import ROOT
from tests.setup.versitygw import PROGRAM as VERSITYGW

DOMAIN, EMAIL = "hall.uni.example", "it@uni.example"
# They compute for themselves: who needs them starts them.
LATER = ("assistant", "recorder")
ROUTES = ("routes.yaml", "turn.yaml")
# Media are heard on this machine only.
NODE = "127.0.0.1"


class Installation:
    """All services by their names in the compose file; each can be stopped and started again.

    ``proxy``: "nginx" with Traefik's routes, or "traefik" itself. ``changes`` are lines of `.env` that an
    operator changes after `audimax setup`, ``settings`` those of `settings.env`.
    """

    def __init__(
        self,
        folder: Path,
        proxy: str = "nginx",
        changes: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.proxy = folder, proxy
        self.edge = free_network()
        self.settings = dict(settings or {})
        moved = {"EDGE": self.edge, "LIVEKIT_HOST": f"{self.edge}.1"}
        self.made: Composed = with_variables({**set_up(folder), **moved, **(changes or {})})
        self.addresses = Addresses.in_network(self.made, self.edge)
        self.media_ports = programs.media_ports()
        self.place = self._place()
        given = self.made.given
        names = [given[name] for name in ("DOMAIN", "FILES_DOMAIN", "TURN_DOMAIN")]
        self.certificate = authority.issued(folder / "certificates", *names)
        self.names = {
            (name, port): (self.place.address, there)
            for name in names
            for port, there in ((80, self.place.plain), (443, self.place.public))
        }
        self.programs: dict[str, Program] = {}
        self._aliases = [
            Alias((self.addresses.of[alias], 8000), map(self.addresses.of.__getitem__, services))
            for alias, services in self.addresses.aliases.items()
        ]

    def _place(self) -> Place:
        address = self.addresses.of["traefik"]
        usual = may_listen(address, 80) and may_listen(address, 443)
        return Place(address, 80, 443) if usual else Place(address, 8080, 8443)

    # --- what people know of it -------------------------------------------------------

    @property
    def url(self) -> str:
        return self.made.given["AUDIMAX_PUBLIC_URL"]

    @property
    def domain(self) -> str:
        return self.made.given["DOMAIN"]

    @property
    def files_domain(self) -> str:
        return self.made.given["FILES_DOMAIN"]

    @property
    def set_up_link(self) -> str:
        """As `docker compose exec web-a audimax set-up-link` prints it."""
        return self.run("web-a", "audimax", "set-up-link").strip().splitlines()[-1]

    @property
    def browser_arguments(self) -> list[str]:
        """What a Chromium needs to find it, and to know its key: it doesn't know our authority."""
        rules = [f"MAP {name}:{port} {ip}:{there}" for (name, port), (ip, there) in self.names.items()]
        return [
            f"--host-resolver-rules={','.join(rules)}",
            f"--ignore-certificate-errors-spki-list={self.certificate.pin}",
        ]

    def connect(self, name: str, port: int, address: str = "", seconds: float = 60.0) -> socket.socket:
        """A connection as somebody outside makes it, by name; ``address``: where they come from."""
        source = (address, 0) if address else None
        return socket.create_connection(self.names[name, port], seconds, source)

    def connect_tls(self, name: str, address: str = "") -> ssl.SSLSocket:
        """The same with TLS, the certificate looked at."""
        known = ssl.create_default_context(cafile=self.certificate.authority)
        return known.wrap_socket(self.connect(name, 443, address), server_hostname=name)

    # --- running ----------------------------------------------------------------------

    def start(self) -> Installation:
        """Everything in its order; returns when all of it is ready."""
        try:
            for alias in self._aliases:
                alias.start()
            for name in self.order():
                self._begin(name)
            for program in self.programs.values():
                program.wait()
        except BaseException:
            self.end()
            raise
        return self

    def order(self) -> list[str]:
        """The services, each after those that it waits for; those of ``LATER`` left out."""
        waits = {name: set(one.get("depends_on", {})) for name, one in self.made.services.items()}
        return [name for name in TopologicalSorter(waits).static_order() if name not in LATER]

    def _begin(self, name: str) -> None:
        service = self.made.services[name]
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                self.programs[other].wait()
        if service["restart"] == "no":
            self._do_once(name)
        else:
            self.programs[name] = self._program(name)
            self.programs[name].start()

    def _do_once(self, name: str) -> None:
        if name == "bucket":
            self._make_bucket()
        else:
            self.run(name, *self.made.services[name]["command"])

    def start_also(self, *names: str) -> None:
        """Start those of ``LATER``, and wait until they are ready."""
        for name in names:
            self._begin(name)
            self.programs[name].wait()

    def stop(self, name: str) -> None:
        """Ask it to end as `docker compose stop` does, and wait until it has gone."""
        self.programs[name].stop()

    def kill(self, name: str) -> None:
        self.programs[name].kill()

    def start_again(self, name: str) -> None:
        """Start what was stopped, as it was, and wait until it is ready."""
        with self._led_around(name):
            self.programs[name].start()
            self.programs[name].wait()

    @contextmanager
    def _led_around(self, name: str) -> Iterator[None]:
        """Nobody is sent to a web that takes connections and doesn't answer yet.

        Traefik looks at `/healthz` of each; nginx only sees that somebody listens there.
        """
        proxy = self.programs["traefik"]
        if not isinstance(proxy, nginx.Nginx) or not name.startswith("web-") or not proxy.runs:
            yield
            return
        proxy.take_over(self._as_traefik(down=f"{self.addresses.of[name]}:8000"))
        yield
        proxy.take_over(self._as_traefik())

    def replace(self, name: str, **changed: str) -> None:
        """Another container of the service, with other variables."""
        self.stop(name)
        self.programs[name] = self._program(name, changed)
        self.start_again(name)

    def end(self) -> None:
        """Stop everything: our own at once, then what they depend on."""
        for name in self.made.ours:
            if name in self.programs and self.programs[name].runs:
                self.programs[name].ask_to_stop()
        for program in reversed(self.programs.values()):
            program.stop()
            program.remove()
        for alias in self._aliases:
            alias.stop()

    def run(self, service: str, *command: str) -> str:
        """What a command says in a container of that service."""
        argv = [*programs.PYTHON[command[0]], *command[1:]]
        done = subprocess.run(
            argv, cwd=ROOT, env=self.environment(service), capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
        return done.stdout

    # --- single services --------------------------------------------------------------

    def environment(self, name: str, changed: Mapping[str, str] | None = None) -> dict[str, str]:
        """What its container would have, with addresses for names and its disk below our folder."""
        service = self.made.services[name]
        own = self.folder / name
        for part in ("audimax", "tmp"):
            (own / part).mkdir(parents=True, exist_ok=True)
        further = self.settings if "env_file" in service else {}
        said = {**further, **service.get("environment", {}), **(changed or {})}
        made = programs.environment(service["image"], said, own)
        return self._proxys_own(self.addresses.in_environment(name, made))

    def _proxys_own(self, made: dict[str, str]) -> dict[str, str]:
        # Traefik can't be told from which address to come: the kernel takes the first of this machine.
        if self.proxy == "traefik" and "AUDIMAX_TRUSTED_PROXIES" in made:
            made["AUDIMAX_TRUSTED_PROXIES"] = "127.0.0.1"
        return made

    def _program(self, name: str, changed: Mapping[str, str] | None = None) -> Program:
        service, address = self.made.services[name], self.addresses.of[name]
        command: list[str] = service.get("command", [])
        if name in self.made.ours:
            said = self.environment(name, changed)
            return programs.ours(name, command, said, self.folder, self.folder / name)
        said = self.addresses.in_environment(name, service.get("environment", {}))
        match name:
            case "postgres":
                return programs.postgres(command, said, self.folder, address)
            case "pgbouncer":
                return programs.pgbouncer(said, self.folder, address)
            case "redis":
                return programs.redis_server(command, self.folder, address)
            case "minio":
                return programs.s3_server(said, self.folder, address)
            case "livekit":
                return self._livekit(command, said)
            case "traefik":
                return self._traefik(command, said)
        raise AssertionError(f"{name} is new in the compose file: say here what stands in for it")

    def _livekit(self, command: list[str], said: Mapping[str, str]) -> Program:
        address, web = self.addresses.of["livekit"], self.addresses.of["web"]
        return programs.livekit(command, {**said, **self.media_ports}, self.folder, address, web)

    def routes(self, name: str) -> str:
        """A file of Traefik's routes with addresses for names."""
        text = routes.rendered(name, self.made.environment("traefik"), self.addresses.in_text)
        return text.replace(":5349", f":{self.media_ports['LIVEKIT_TURN_TLS_PORT']}")

    def _traefik(self, command: list[str], said: Mapping[str, str]) -> Program:
        if self.proxy == "traefik":
            files = {name: self.routes(name) for name in ROUTES}
            return traefik.program(command, said, files, self.folder, self.place, self.certificate)
        return nginx.program(self._as_traefik(), self.folder, self.place)

    def _as_traefik(self, down: str = "") -> str:
        http, turn = (routes.read(self.routes(name)) for name in ROUTES)
        return nginx.as_traefik(http, turn, self.place, self.certificate, down)

    # --- the bucket -------------------------------------------------------------------

    def _make_bucket(self) -> None:
        """What `minio/bucket.sh` does: a bucket, and a key that may do in it what the policy says."""
        self.programs["minio"].wait()
        said = self.made.environment("bucket")
        self._admin("create-user", "--access", "audimax", "--secret", said["SECRET_KEY"], "--role", "user")
        root = self._s3("root", said["MINIO_ROOT_PASSWORD"])
        root.create_bucket(Bucket="audimax")
        policy = json.loads((DEPLOY / "minio/policy.json").read_text("utf-8"))
        for statement in policy["Statement"]:
            statement["Principal"] = {"AWS": ["audimax"]}
        root.put_bucket_policy(Bucket="audimax", Policy=json.dumps(policy))

    @property
    def s3_endpoint(self) -> str:
        return self.addresses.in_text("http://minio:9000")

    def _admin(self, *words: str) -> None:
        said = self.made.environment("bucket")
        who = [
            "--access",
            "root",
            "--secret",
            said["MINIO_ROOT_PASSWORD"],
            "--endpoint-url",
            self.s3_endpoint,
        ]
        binary = VERSITYGW.find()
        assert binary
        subprocess.run([binary, "admin", *who, *words], check=True, capture_output=True, timeout=60)

    def _s3(self, key: str, secret: str) -> Any:
        style = Config(s3={"addressing_style": "path"}, proxies={})
        return boto3.client("s3", endpoint_url=self.s3_endpoint, region_name="us-east-1",
                            aws_access_key_id=key, aws_secret_access_key=secret, config=style)  # fmt: skip


def set_up(folder: Path) -> dict[str, str]:
    """What `audimax setup` writes into `.env`."""
    into = folder / "deploy"
    into.mkdir(parents=True)
    shutil.copy(DEPLOY / "compose.yaml", into)
    words = ["setup", "--domain", DOMAIN, "--email", EMAIL, "--node-ip", NODE, "--into", str(into)]
    subprocess.run([sys.executable, "-m", "core.cli", *words], cwd=ROOT, check=True, capture_output=True)
    return dotenv((into / ".env").read_text("utf-8"))


def missing() -> Iterator[str]:
    """Programs that it needs and that aren't here."""
    from core.run.livekit_server import PROGRAM as LIVEKIT
    from tests.setup.debian import ALL

    yield from (one.name for one in (*ALL, LIVEKIT, VERSITYGW) if one.find() is None)
