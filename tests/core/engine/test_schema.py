"""One history each: nobody's migrations touch another's tables."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.contracts import Erasure, Person
from core.db import db
from core.engine import personal_columns, schema
from core.engine.personal_columns import AboutPerson
from core.engine.schema import CORE, SchemaError, plugin_target
from core.errors import PluginError

FIRST = '''"""Marks."""
import sqlalchemy as sa
from alembic import op
from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision, down_revision, branch_labels, depends_on = "0001", None, None, None


def upgrade():
    op.create_table(
        "x__mark",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("guest", sa.BigInteger()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("address", sa.Text(), nullable=False, server_default=""),
    )
    op.create_table("x__vote", sa.Column("by", sa.BigInteger(), primary_key=True))
    register_personal_columns(op, "x", [
        AboutPerson("x__mark", "name", "guest", "guest_session", Erasure.ANONYMISE_NAME),
        AboutPerson("x__mark", "text", "guest", "guest_session", Erasure.BLANK),
        AboutPerson("x__mark", "note", "guest", "guest_session", Erasure.BLANK),
        AboutPerson("x__mark", "address", "address", "email", Erasure.BLANK),
        AboutPerson("x__vote", "by", "by", "participant", Erasure.DELETE_ROW),
    ])


def downgrade():
    forget_personal_columns(op, "x", "x__vote")
    op.drop_table("x__vote")
    op.drop_table("x__mark")
'''
BROKEN = '''"""Fails half way."""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None


def upgrade():
    op.create_table("x__half", sa.Column("id", sa.BigInteger(), primary_key=True))
    op.execute("SELECT nonsense")


def downgrade():
    op.drop_table("x__half")
'''


@pytest.fixture
def folder(install, app):
    made = install("x")
    (made / "migrations").mkdir()
    (made / "migrations" / "0001_marks.py").write_text(FIRST)
    yield made
    with app.app_context():
        for name in ("x__mark", "x__vote", "x__half", "x__alembic_version"):
            db.session.execute(sa.text(f"DROP TABLE IF EXISTS {name}"))
        db.session.execute(sa.text("DELETE FROM personal_column WHERE plugin = 'x'"))
        db.session.commit()


def tables(app) -> set[str]:
    with app.app_context():
        return {name for name in sa.inspect(db.engine).get_table_names() if name.startswith("x__")}


def registered(app) -> int:
    with app.app_context():
        return db.session.scalar(sa.text("SELECT count(*) FROM personal_column WHERE plugin = 'x'"))


def test_core_is_at_its_head_and_models_fit(app):
    assert schema.at_head(app)
    schema.check(app, "core")


def test_a_plugins_tables_come_and_go_without_a_trace(make_app, folder):
    app = make_app("x")
    assert tables(app) == {"x__mark", "x__vote", "x__alembic_version"}
    assert registered(app) == 5
    schema.downgrade(app, "x")
    assert tables(app) == set()
    assert registered(app) == 0
    schema.upgrade_all(app)
    assert schema.at_head(app)


def test_tables_stay_when_the_plugin_is_switched_off(make_app, folder):
    make_app("x")
    without = make_app()
    schema.upgrade_all(without)
    schema.check(without)
    assert "x__mark" in tables(without)


def test_tables_without_models_are_told_by_the_check(make_app, folder):
    with pytest.raises(SchemaError, match="x: models and migrations differ"):
        schema.check(make_app("x"), "x")


def test_a_migration_that_fails_keeps_nothing_and_names_the_plugin(make_app, folder):
    make_app("x")
    (folder / "migrations" / "0002_half.py").write_text(BROKEN)
    with pytest.raises(PluginError, match="plugin 'x': its migration failed") as error:
        make_app("x")
    assert "take it out of enabled_plugins or install a version that works" in str(error.value)
    without = make_app()
    assert "x__half" not in tables(without)


def test_a_database_that_is_newer_than_the_code_is_told_in_words(make_app, folder):
    app = make_app("x")
    shutil.rmtree(folder / "migrations")
    (folder / "migrations").mkdir()
    (state,) = [s for s in schema.states(app) if s.name == "x"]
    assert "which this version doesn't know: install the newer version again" in state.problem
    with pytest.raises(SchemaError, match="newer version"):
        schema.upgrade_all(app)


def test_a_database_that_is_older_says_which_command_helps(make_app, folder):
    app = make_app("x")
    (folder / "migrations" / "0002_half.py").write_text(BROKEN)
    (state,) = [s for s in schema.states(app) if s.name == "x"]
    assert state.problem == "the database is at 0001, this version needs 0002: run `audimax db upgrade`"
    assert not schema.at_head(app)


def test_two_newest_revisions_are_refused(make_app, folder):
    app = make_app("x")
    for number, name in (("0002", "a"), ("0003", "b")):
        text = BROKEN.replace('"0002"', f'"{number}"')
        (folder / "migrations" / f"{number}_{name}.py").write_text(text)
    with pytest.raises(SchemaError, match="2 newest revisions"):
        schema.upgrade_all(app)


def test_two_starts_at_once_take_turns(make_app, folder):
    app = make_app("x")
    schema.downgrade(app, "x")
    failures: list[Exception] = []

    def start() -> None:
        try:
            schema.upgrade_all(app)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert schema.at_head(app)


def test_a_new_revision_holds_nothing_of_others(make_app, folder, monkeypatch):
    app = make_app("x")
    made = schema.revise(app, "x", "Drop what has no model")
    text = made.read_text()
    assert made.name == "0002_drop_what_has_no_model.py"
    assert "op.drop_table('x__mark')" in text
    assert "room" not in text.replace("drop_what_has_no_model", "")


def test_owners_of_tables_are_told_by_their_names():
    x = plugin_target("x", Path("/x"))
    assert [name for name in ("room", "x__a", "y__a", "x__alembic_version") if x.owns(name)] == ["x__a"]
    names = ("room", "x__a", "alembic_version", "procrastinate_jobs")
    assert [name for name in names if CORE.owns(name)] == ["room"]


# --- columns about people -------------------------------------------------------------


def test_a_person_is_served_and_erased_while_the_plugin_is_off(make_app, folder):
    make_app("x")
    with make_app().app_context():
        for guest in (1, 2):
            values = {"guest": guest, "name": f"Guest {guest}"}
            insert = "INSERT INTO x__mark (guest, name, text, note) VALUES (:guest, :name, 'Hello', 'x')"
            db.session.execute(sa.text(insert), values)
        person = Person(None, (1,))
        rows = [{"address": "", "guest": 1, "name": "Guest 1", "note": "x", "text": "Hello"}]
        assert personal_columns.collect(person) == {"x": {"x__mark": rows}}
        personal_columns.erase(person)
        personal_columns.erase(person)
        found = db.session.execute(sa.text("SELECT name, text, note FROM x__mark ORDER BY guest")).all()
        assert found == [("Deleted person", "", None), ("Guest 2", "Hello", "x")]


def test_rows_of_a_participant_are_found_by_the_person(make_app, folder):
    from core.lectures.models import Participant
    from core.testing import new_place

    app = make_app("x")
    place = new_place(app, "x")
    with app.app_context():
        participant = db.session.scalar(sa.select(Participant.id))
        db.session.execute(sa.text("INSERT INTO x__vote (by) VALUES (:p), (999)"), {"p": participant})
        assert personal_columns.erase(Person(None, (place.guest_session_id,))) == 1
        assert db.session.scalars(sa.text("SELECT by FROM x__vote")).all() == [999]


def test_rows_that_name_an_account_by_its_address_are_found_by_the_account(make_app, folder):
    from core.people.models import User

    make_app("x")
    with make_app().app_context():
        db.session.add_all([User(id=7, email="ann@uni.example", name="Ann"),
                            User(id=8, email="bob@uni.example", name="Bob")])  # fmt: skip
        db.session.flush()
        for address in ("ann@uni.example", "bob@uni.example", ""):
            insert = "INSERT INTO x__mark (name, text, address) VALUES ('Somebody', '', :address)"
            db.session.execute(sa.text(insert), {"address": address})
        assert personal_columns.collect(Person(None, (1,))) == {}
        (row,) = personal_columns.collect(Person(7))["x"]["x__mark"]
        assert row["address"] == "ann@uni.example"
        assert personal_columns.erase(Person(7)) == 1
        found = db.session.scalars(sa.text("SELECT address FROM x__mark ORDER BY address")).all()
        assert found == ["", "", "bob@uni.example"]


def test_columns_of_others_cannot_be_registered():
    about = AboutPerson("room", "title", "owner_id", "user", Erasure.BLANK)
    with pytest.raises(ValueError, match="is not a table of plugin 'x'"):
        personal_columns.register_personal_columns(None, "x", [about])
