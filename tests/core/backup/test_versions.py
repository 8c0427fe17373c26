"""Backups of other versions: older ones are brought up to date, newer ones are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core import jobs
from core.backup import snapshot
from core.backup.manifest import Manifest
from core.backup.refusals import BackupError
from core.engine import room_plugins, schema
from core.run.topology import first_party_plugins
from tests.core.backup.test_refusals import rewrite
from tests.core.engine.conftest import install  # noqa: F401

MARKS = '''"""Marks."""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0001", None, None, None


def upgrade():
    op.create_table(
        "x__mark",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("room_id", sa.BigInteger(), sa.ForeignKey("room.id", ondelete="CASCADE")),
        sa.Column("text", sa.Text(), nullable=False),
    )


def downgrade():
    op.drop_table("x__mark")
'''
DOUBLED = '''"""Twice as loud."""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("ix_x__mark_text", "x__mark", ["text"], postgresql_concurrently=True)
    op.execute("UPDATE x__mark SET text = text || text")


def downgrade():
    op.drop_index("ix_x__mark_text")
'''
BROKEN = DOUBLED.replace("op.execute(", "op.execute('SELECT nonsense' if True else ")


def older(make_house, core: str, **plugins: str):
    """An installation of an older version, with rows in all its tables."""
    made = make_house(*first_party_plugins())
    here = schema.of_installed()
    schema.upgrade_to(made.app, here["core"], core)
    jobs.apply_schema(made.app)
    for name in first_party_plugins():
        if name in here:
            schema.upgrade_to(made.app, here[name], plugins.get(name, "head"))
    assert made.fill() > 30
    made.run("DELETE FROM stored_file")
    made.add_file(b"old bytes")
    # With the migrations rooms get their guards in writing; here at a moment that both can have.
    with made.app.app_context():
        room_plugins.write_down_guards()
    return made


@pytest.mark.parametrize("core", ["0012", "0011", "0010"])
def test_a_backup_of_an_older_version_is_brought_up_to_date(make_house, empty, tmp_path, core):
    old = older(make_house, core, moderation="0001")
    made = old.back_up(tmp_path / "b")
    histories = Manifest.read((made / "manifest").read_bytes()).histories
    assert histories["core"] == core and histories["moderation"] == "0001"
    empty.restore(made)
    # As if that installation itself had been updated.
    old.migrate()
    assert schema.at_head(empty.app)
    assert empty.rows() == old.rows() and empty.files() == old.files()
    schema.check(empty.app)


def test_a_backup_of_a_newer_version_is_refused_with_the_version_to_install(house, empty, tmp_path):
    made = house.back_up(tmp_path / "b")
    histories = Manifest.read((made / "manifest").read_bytes()).histories
    rewrite(made, histories={**histories, "core": "9001", "chat": "9002"}, version="9.0")
    with pytest.raises(BackupError) as error:
        empty.restore(made)
    said = str(error.value)
    assert "the tables of core at 9001, which isn't known here" in said and "chat at 9002" in said
    assert "Install 9.0 or a newer version here" in said
    assert empty.tables() == set()


@pytest.fixture
def with_x(house, install) -> Path:  # noqa: F811
    """The folder of a plugin of a stranger's, whose tables have rows in them."""
    folder = install("x")
    (folder / "migrations").mkdir()
    (folder / "migrations" / "0001_marks.py").write_text(MARKS)
    schema.upgrade_to(house.app, schema.of_installed()["x"])
    house.run("INSERT INTO x__mark (room_id, text) SELECT id, 'loud' FROM room")
    return folder


def test_tables_of_a_plugin_that_is_not_installed_are_refused_by_its_name(house, empty, with_x, tmp_path):
    made = house.back_up(tmp_path / "b")
    shutil.rmtree(with_x / "migrations")
    with pytest.raises(
        BackupError, match=r"plugins that aren't installed here: x\..*or leave .* --without x"
    ):
        empty.restore(made)
    assert empty.tables() == set()


def test_a_plugin_that_has_no_data_can_not_be_left_behind(house, empty, tmp_path):
    with pytest.raises(BackupError, match=r"has no data of cat; it has those of .*chat"):
        empty.restore(house.back_up(tmp_path / "b"), "", "cat")


def test_tables_of_a_plugin_can_be_left_behind(house, empty, with_x, tmp_path):
    made = house.back_up(tmp_path / "b")
    shutil.rmtree(with_x / "migrations")
    restored = empty.restore(made, "", "x")
    assert restored.remarks == ["The data of the plugin x were left behind."]
    expected = {name: rows for name, rows in house.rows().items() if not name.startswith("x__")}
    assert empty.rows() == expected


def test_tables_of_a_plugin_that_is_off_come_back_and_are_brought_up_to_date(house, empty, with_x, tmp_path):
    """Its migration commits in between, as those do that make an index beside the running product."""
    made = house.back_up(tmp_path / "b")
    (with_x / "migrations" / "0002_doubled.py").write_text(DOUBLED)
    empty.restore(made)
    assert empty.run("SELECT text FROM x__mark") == [("loudloud",), ("loudloud",)]
    assert empty.run("SELECT version_num FROM x__alembic_version") == [("0002",)]


def test_a_migration_that_fails_leaves_the_installation_empty(house, empty, with_x, tmp_path):
    made = house.back_up(tmp_path / "b")
    (with_x / "migrations" / "0002_broken.py").write_text(BROKEN)
    with pytest.raises(Exception, match="plugin 'x': its migration failed"):
        empty.restore(made)
    assert empty.tables() == set()
    (with_x / "migrations" / "0002_broken.py").unlink()
    empty.restore(made)
    assert empty.rows() == house.rows()


def test_columns_that_nobody_here_knows_are_refused(house, empty, tmp_path):
    """Of a library, perhaps, whose tables no migration of ours makes."""
    house.run("ALTER TABLE procrastinate_jobs ADD COLUMN mood text")
    with pytest.raises(BackupError, match=r"has columns mood of procrastinate_jobs, .* that made it, then"):
        empty.restore(house.back_up(tmp_path / "b"))
    assert empty.tables() == set()


def test_an_empty_database_is_not_backed_up(empty, tmp_path):
    with pytest.raises(BackupError, match="there is nothing to back up"):
        empty.back_up(tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_migration_that_is_under_way_is_waited_for_and_then_told(house, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "SECONDS_TO_WAIT", 1)
    with (
        house.app.app_context(),
        schema._alone(),
        pytest.raises(BackupError, match=r"a migration perhaps.*wait for its end"),
    ):
        house.back_up(tmp_path / "b")
