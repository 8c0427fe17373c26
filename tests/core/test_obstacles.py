"""What is in the way from outside is named with its remedy, by every command and page, and is never a traceback."""

from __future__ import annotations

import errno
import os
import ssl
import subprocess
import sys
from contextlib import suppress
from io import BytesIO
from typing import Any
from urllib.error import URLError

import psycopg2
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from core import obstacles
from core.cli import main
from core.errors import LiveKitError, StorageFull
from core.files.local import LocalStorage
from core.run import places, supervisor
from core.run.children import LARGEST_LOG, Child
from tests.core.backup.conftest import make_house  # noqa: F401
from tests.core.run.test_production import SETTINGS, start
from tests.fixtures.certificates import Authority
from tests.fixtures.disks import fill
from tests.fixtures.product import ROOT, Product

AWAY = {**SETTINGS, "AUDIMAX_CONFIG": ""}
NAMES = ("instance_dir", "database_url", "secret_key", "livekit_key", "livekit_secret")


# These begin programs, threads and signals of their own: they get a process.
PROGRAMS = ("run", "jobs")


def refused(*words: str, **environ: str) -> str:
    """What a command that can't work says; with a traceback the test fails."""
    if words[0] in PROGRAMS:
        return in_words(started(*words, **environ))
    ours = {name: None for name in os.environ if name.startswith("AUDIMAX_")}
    said = CliRunner().invoke(main, words, env={**ours, **environ})
    assert isinstance(said.exception, SystemExit), said.exception
    assert said.exit_code != 0
    return said.output


def started(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "core.cli", *words]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AUDIMAX_")}
    return subprocess.run(
        argv, cwd=ROOT, env={**kept, **environ}, capture_output=True, text=True, timeout=600, check=False
    )


def in_words(said: subprocess.CompletedProcess[str]) -> str:
    """What a program that must not work has said, without a traceback."""
    everything = said.stdout + said.stderr
    assert said.returncode != 0, everything
    assert "Traceback" not in everything, everything
    return everything


# --- the words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "make room on its disk"),
        (errno.EDQUOT, "make room on its disk"),
        (errno.EROFS, "mount it writable"),
        (errno.EACCES, "chown"),
        (errno.EFBIG, "LimitFSIZE"),
        (errno.EMFILE, "LimitNOFILE"),
        (errno.EIO, "dmesg"),
    ],
)
def test_what_a_disk_refuses_has_a_remedy(number: int, remedy: str) -> None:
    said = obstacles.worded(OSError(number, os.strerror(number), "/srv/hall/x"))
    assert said.startswith(f"/srv/hall/x: {os.strerror(number)}; ") and remedy in said


@pytest.mark.parametrize(
    "error", [OSError("no number"), FileNotFoundError(2, "x", "y"), ValueError("x"), KeyError()]
)
def test_faults_of_ours_are_not_called_obstacles(error: Exception) -> None:
    assert obstacles.worded(error) == ""


def test_what_postgresql_refuses_has_a_remedy(app, context, postgres) -> None:
    def asked(url: str, query: str) -> str:
        engine = sa.create_engine(url)
        with pytest.raises(sa.exc.DBAPIError) as caught, engine.connect() as connection:
            connection.execute(sa.text(query))
        engine.dispose()
        return obstacles.worded(caught.value)

    assert "run `audimax db upgrade`" in asked(postgres.url, "SELECT 1 FROM no_such_table")
    assert "make that database" in asked(postgres.url_of("nowhere"), "SELECT 1")
    wrong = postgres.url.replace(":", ":x", 2).replace("postgresql+psycopg2:x//", "postgresql+psycopg2://")
    assert "correct name and password" in asked(wrong, "SELECT 1")
    assert "start PostgreSQL" in asked("postgresql+psycopg2://a:b@127.0.0.1:9/c", "SELECT 1")
    assert asked(postgres.url, "SELECT 1/0") == "", "a fault of ours"


# --- certificates ---------------------------------------------------------------------


def shake_hands(server: ssl.SSLContext, authority: Authority, name: str = "hall.example") -> None:
    """As over a network, which isn't needed for it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=str(authority.file))
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (ours, theirs, ours):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()


@pytest.mark.parametrize(
    ("how", "said", "remedy"),
    [
        ({"days": -1}, "certificate has expired", "look at this machine's clock"),
        ({"from_days": 30}, "certificate is not yet valid", "keep time by NTP"),
        ({"self_signed": True}, "self-signed certificate", "SSL_CERT_FILE"),
    ],
)
def test_a_certificate_that_cannot_be_trusted_is_named_with_its_remedy(
    authority: Authority, how: dict[str, Any], said: str, remedy: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(authority.pair("hall.example", **how).context, authority)
    for error in (caught.value, URLError(caught.value)):
        words = obstacles.worded(error)
        assert said in words and remedy in words
        assert "a file" not in words and "chown" not in words


def test_a_certificate_of_another_name_is_named_with_its_remedy(authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(authority.pair("elsewhere.example").context, authority)
    assert "correct the address in the settings" in obstacles.worded(caught.value)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (ssl.SSLCertVerificationError(1, "certificate verify failed: certificate has expired"), "renew it"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "speak TLS"),
    ],
)
def test_what_tls_refuses_is_no_missing_right(error: ssl.SSLError, remedy: str) -> None:
    """OpenSSL numbers it as the system numbers "not permitted"."""
    assert error.errno == errno.EPERM
    assert remedy in obstacles.worded(error) and "chown" not in obstacles.worded(error)
    assert obstacles.of_disk(error) == ""
    assert not obstacles.is_full(error)


def disk_full() -> sa.exc.OperationalError:
    class Full(psycopg2.errors.DiskFull):
        pgcode = "53100"

    return sa.exc.OperationalError("INSERT", {}, Full("could not extend file: No space left on device"))


def test_a_full_disk_of_postgresql_is_known() -> None:
    assert obstacles.is_full(disk_full())
    assert "the disk of PostgreSQL is full: make room there" in obstacles.worded(disk_full())


# --- bad settings, by every command ---------------------------------------------------

COMMANDS = {
    "run": ["run"],
    "jobs": ["jobs", "--until-empty"],
    "db upgrade": ["db", "upgrade"],
    "db check": ["db", "check"],
    "set-up-link": ["set-up-link"],
    "backup": ["backup"],
    "files check": ["files", "check"],
    "retention": ["retention", "--dry-run"],
    "plugins": ["plugins"],
}
ASKING_THE_DATABASE = [name for name in COMMANDS if name not in ("run", "plugins")]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_no_toml_is_named_by_every_command(command: str, tmp_path) -> None:
    file = tmp_path / "audimax.toml"
    file.write_text('institution = "Uni\n')
    said = refused(*COMMANDS[command], AUDIMAX_CONFIG=str(file), AUDIMAX_INSTANCE_DIR=str(tmp_path))
    assert f"{file} can't be read" in said and "compare that line with audimax.example.toml" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_setting_is_named_with_what_was_meant(command: str, tmp_path) -> None:
    given = {**AWAY, "AUDIMAX_INSTITUTON": "Uni", "AUDIMAX_INSTANCE_DIR": str(tmp_path)}
    if command == "run":
        # It fills in the database's address itself; what is wrong is said before that is asked.
        given["AUDIMAX_LIVEKIT_API_URL"] = "http://127.0.0.1:9"
    said = refused(*COMMANDS[command], **given)
    assert "institution" in said and "did you mean" in said.lower()


def test_the_web_names_a_file_that_is_no_toml(tmp_path) -> None:
    file = tmp_path / "audimax.toml"
    file.write_text("= 3")
    said = in_words(start(tmp_path, AUDIMAX_CONFIG=str(file)))
    assert "Audimax can't start" in said and "compare that line with audimax.example.toml" in said


# --- the database ---------------------------------------------------------------------


@pytest.mark.parametrize("command", ASKING_THE_DATABASE)
def test_a_database_that_is_away_is_named_by_every_command(command: str, tmp_path) -> None:
    said = refused(*COMMANDS[command], **AWAY, AUDIMAX_INSTANCE_DIR=str(tmp_path))
    assert "database_url" in said and "a:b@" not in said


@pytest.mark.parametrize("command", ["set-up-link", "files check", "retention"])
def test_a_database_without_tables_is_named_by_every_command(command: str, make_house) -> None:  # noqa: F811
    config = make_house().app.extensions["audimax_config"]
    given = {f"AUDIMAX_{name.upper()}": str(getattr(config, name)) for name in NAMES}
    said = refused(*COMMANDS[command], **given, AUDIMAX_CONFIG="")
    assert "run `audimax db upgrade`" in said


def test_a_page_says_that_there_is_no_room_where_postgresqls_disk_is_full(
    app, client, monkeypatch, caplog
) -> None:
    def full(*_given):
        raise disk_full()

    monkeypatch.setitem(app.view_functions, "people.sign_in_page", full)
    answer = client.get("/sign-in")
    assert answer.status_code == 507 and "There is no room left on the server" in answer.text
    assert "the disk of PostgreSQL is full: make room there" in caplog.text and "Traceback" not in caplog.text


def test_a_wrong_key_of_livekit_is_logged_with_its_remedy(app, client, monkeypatch, caplog) -> None:
    def refused(*_given):
        raise LiveKitError("unauthenticated", "invalid API key")

    monkeypatch.setitem(app.view_functions, "people.sign_in_page", refused)
    answer = client.get("/sign-in")
    assert answer.status_code == 503 and "video server" in answer.text
    assert (
        "compare livekit_key, livekit_secret and both clocks" in caplog.text
        and "Traceback" not in caplog.text
    )


# --- a full disk ----------------------------------------------------------------------


def full(*_given) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/srv/hall/files")


def test_nothing_half_is_kept_where_files_have_no_room(tmp_path, monkeypatch) -> None:
    storage = LocalStorage(tmp_path / "files")
    monkeypatch.setattr("core.files.local.os.fsync", full)
    with pytest.raises(StorageFull, match="make room on its disk"):
        storage.save("kept/one", BytesIO(b"x" * 100), "text/plain")
    assert [path for path in storage.folder.rglob("*") if path.is_file()] == []
    assert storage.stat("kept/one") is None


def test_a_real_disk_that_fills_up_keeps_nothing_half(small_disk) -> None:
    storage = LocalStorage(small_disk("1m") / "files")
    storage.save("kept/one", BytesIO(b"x" * 1000), "text/plain")
    with pytest.raises(StorageFull, match="No space left on device; make room on its disk"):
        storage.save("kept/two", BytesIO(b"x" * 4_000_000), "text/plain")
    assert list(storage.list("")) == ["kept/one"]
    storage.save("kept/three", BytesIO(b"x" * 1000), "text/plain")


def test_a_secret_file_stays_as_it_was_on_a_full_disk(small_disk) -> None:
    """An installation that lost its keys to a full disk would be lost."""
    folder = small_disk("64k")
    places.write_private(folder / "secrets.json", "old")
    fill(folder)
    with pytest.raises(OSError, match="No space left") as caught:
        places.write_private(folder / "secrets.json", "new" * 5000)
    assert caught.value.filename == str(folder / "secrets.json")
    assert (folder / "secrets.json").read_text() == "old"
    assert {path.name for path in folder.iterdir()} == {"secrets.json", "filler"}


def test_a_run_on_a_full_disk_says_so_and_leaves_nothing_running(small_disk) -> None:
    folder = small_disk("128k")
    (folder / "instance").mkdir(mode=0o700)
    fill(folder)
    product = Product(folder / "instance")
    ours = {name: value for name, value in product.environment.items() if name.startswith("AUDIMAX_")}
    said = refused("run", **ours)
    assert "No space left on device; make room on its disk" in said


def test_a_database_that_has_no_room_at_its_first_start_leaves_nothing_half(small_disk) -> None:
    from core.run.postgres import EmbeddedPostgres, PostgresError

    folder = small_disk("8m")
    server = EmbeddedPostgres(folder / "data", folder / "run")
    with pytest.raises(PostgresError, match="No space left on device"):
        server.prepare()
    assert not (folder / "data" / "PG_VERSION").exists()


def test_a_backup_onto_a_disk_that_fills_up_is_none(make_house, small_disk, monkeypatch) -> None:  # noqa: F811
    from core.backup import making
    from core.backup import places as backup_places
    from core.backup.refusals import BackupError

    house = make_house().migrate()
    house.fill()
    target = small_disk("16k") / "b"
    with pytest.raises(BackupError, match="is too full: the backup needs up to"):
        house.back_up(target)
    monkeypatch.setattr(backup_places.FolderTarget, "refuse_full", lambda *_given: None)
    with pytest.raises(BackupError, match="No space left on device; make room there"):
        house.back_up(target)
    assert not (target / "manifest").exists()
    assert making


def test_a_log_that_has_grown_is_cut_on_a_full_disk_too(tmp_path, monkeypatch) -> None:
    log = tmp_path / "web.log"
    with log.open("wb") as file:
        file.truncate(LARGEST_LOG + 1)
    monkeypatch.setattr("core.run.children.shutil.copyfile", full)
    Child("web", lambda: None, log).trim_log()
    assert log.stat().st_size == 0 and list(tmp_path.iterdir()) == [log]


def test_a_program_that_cannot_be_started_again_stops_no_other(tmp_path, capsys, monkeypatch) -> None:
    child = Child("web", full, tmp_path / "web.log")
    watcher = supervisor.Supervisor(None)
    watcher._launch_again(child)
    said = capsys.readouterr().out
    assert "web can't be started: /srv/hall/files: No space left on device; make room" in said
    assert child.again_at > 0


def test_a_line_that_nobody_takes_stops_nothing(monkeypatch) -> None:
    nowhere = open("/dev/full", "w")  # noqa: SIM115  (closing it fails as well)
    monkeypatch.setattr(sys, "stdout", nowhere)
    supervisor.say("one was started again")
    monkeypatch.undo()
    with suppress(OSError):
        nowhere.close()


def test_an_export_without_room_says_so(app, context) -> None:
    from core.exports import jobs, running

    with app.test_request_context():
        by_job = jobs._of_disk(OSError(errno.ENOSPC, "No space left on device", "/tmp/x"))
        by_storage = jobs._given_up(StorageFull("the folder fails: No space left on device"))
        by_child = running._failure(
            "export_pdf", 1, {}, "Traceback…\nOSError: [Errno 28] No space left on device"
        )
        by_exporter = running._failure("export_pdf", 0, {"problem": "OSError: [Errno 28] No space left"}, "")
    for failed in (by_job, by_storage, by_child, by_exporter):
        assert "There is no room left on the server" in failed.words
    assert "make room" in by_job.problem and "make room" in by_child.problem


def test_the_command_line_tells_what_is_in_the_way(monkeypatch) -> None:
    monkeypatch.setattr("core.cli._app", full)
    said = CliRunner().invoke(main, ["db", "check"])
    assert (said.exit_code, said.output) == (
        1,
        "Error: /srv/hall/files: No space left on device; make room on its disk, then run this again\n",
    )


def test_a_fault_of_ours_still_has_its_traceback(monkeypatch) -> None:
    def fault() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("core.cli._app", fault)
    assert isinstance(CliRunner().invoke(main, ["db", "check"]).exception, ZeroDivisionError)
