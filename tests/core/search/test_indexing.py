from __future__ import annotations

import sqlalchemy as sa

from core.contracts import Audience, Facts, Line, Table, Timeline
from core.db import db
from core.lectures import lectures
from core.lectures.models import Lecture
from core.rooms import settings as room_settings
from core.rooms.models import Room
from core.search import indexing
from core.search.models import SearchedLecture, SearchEntry, SearchSpeaker
from tests.core.search.conftest import spoken, written


def entries(app):
    with app.app_context():
        rows = db.session.scalars(sa.select(SearchEntry).order_by(SearchEntry.position)).all()
        return [(row.section, row.audience, row.at, row.speaker, row.text) for row in rows]


def test_each_line_is_an_entry_with_its_audience(app, archive):
    facts = Facts("facts", "Facts", facts=(("Model", "tiny"),))
    table = Table("votes", "Votes", Audience.HOSTS, columns=("Answer", "Votes"), rows=(("Yes", "12"),))
    archive.lecture(archive.room("Physics"), spoken((1.5, "Ada", "waves")), facts, table)
    assert [one for one in entries(app) if one[0].startswith("talk")] == [
        ("talk-transcript", "everyone", 1.5, "Ada", "waves"),
        ("talk-facts", "everyone", None, "", "Model: tiny"),
        ("talk-votes", "hosts", None, "", "Answer · Votes"),
        ("talk-votes", "hosts", None, "", "Yes · 12"),
    ]
    assert entries(app)[0] == ("", "everyone", None, "", "Waves · Physics")


def test_reading_again_replaces_and_reading_twice_changes_nothing(app, archive):
    key = archive.lecture(archive.room(), spoken((1, "Ada", "waves")))
    archive.change(key, spoken((1, "Ada", "particles")))
    archive.change(key)
    archive.work()
    before = entries(app)
    assert [row[4] for row in before if row[0]] == ["particles"]
    with app.app_context():
        ids = db.session.scalars(sa.select(SearchEntry.id)).all()
        indexing.search_lectures()
        assert db.session.scalars(sa.select(SearchEntry.id)).all() == ids


def test_a_change_while_it_is_read_is_read_as_well(app, archive, monkeypatch):
    key = archive.lecture(archive.room(), spoken((1, "Ada", "waves")))
    archive.change(key, spoken((1, "Ada", "particles")))
    build, turns = indexing.build, []

    def with_a_change(lecture, changed_at):
        if not turns:
            archive.change(key, spoken((1, "Ada", "strings")))
        turns.append(changed_at)
        build(lecture, changed_at)

    monkeypatch.setattr(indexing, "build", with_a_change)
    archive.work()
    archive.work()
    assert len(turns) == 2 and turns[0] < turns[1]
    assert [row[4] for row in entries(app) if row[0]] == ["strings"]
    with app.app_context():
        found = db.session.get(SearchedLecture, key)
        assert found.built_for == found.changed_at == turns[1]


def test_the_end_of_a_lecture_has_it_read_and_a_live_one_is_not(app, archive, ada):
    room = archive.room()
    with app.app_context():
        live = Lecture(room_id=room, title="Comets", closed_at=None)
        db.session.add(live)
        db.session.commit()
        indexing.mark(Lecture.id == live.id)
        assert db.session.scalar(sa.select(sa.func.count()).select_from(SearchedLecture)) == 0
        lectures.end(live, "host")
        key = live.id
    archive.work()
    assert archive.ids("comet") == [key]


def test_settings_of_the_room_that_sections_depend_on_have_all_of_it_read(app, archive, bob):
    room = archive.room("Physics", participants_read=True)
    key = archive.lecture(room, spoken((1, "Ada", "waves")))
    archive.take_part(key, bob)
    archive.change(key)
    archive.work()
    assert archive.ids("waves Bob", bob) == []
    with app.app_context():
        room_settings.change(db.session.get(Room, room), {"participants_see_names": True})
        db.session.commit()
    assert archive.ids("waves", bob) == []
    archive.work()
    assert archive.ids("waves Bob", bob) == [key]


def test_lectures_that_nobody_has_read_are_read_by_and_by(app, archive):
    room = archive.room()
    key = archive.lecture(room, spoken((1, "Ada", "waves")))
    with app.app_context():
        db.session.execute(sa.delete(SearchedLecture))
        db.session.commit()
        assert archive.ids("waves") == []
        indexing.search_all(timestamp=0)
    archive.work()
    assert archive.ids("waves") == [key]


def test_other_plugins_or_a_new_way_have_lectures_read_anew(app, archive, monkeypatch):
    key = archive.lecture(archive.room(), spoken((1, "Ada", "waves")))
    archive.sections[key] = [spoken((1, "Ada", "particles"))]
    with app.app_context():
        indexing.search_all(timestamp=0)
    archive.work()
    assert archive.ids("particles") == []
    monkeypatch.setattr(indexing, "WAY", "next")
    with app.app_context():
        indexing.search_all(timestamp=0)
    archive.work()
    assert archive.ids("particles") == [key]


def test_a_flood_of_words_and_long_lines_is_bounded(app, archive):
    lines = tuple(Line(n, f"Speaker {n}", " ".join(f"w{n}x{m}" for m in range(60))) for n in range(1500))
    key = archive.lecture(
        archive.room(), Timeline("chat", "Chat", lines=(*lines, Line(9, "Bob", "x" * 50_000)))
    )
    with app.app_context():
        assert (
            db.session.scalar(sa.select(sa.func.max(sa.func.length(SearchEntry.text))))
            <= indexing.LONGEST_ENTRY
        )
        assert db.session.get(SearchedLecture, key).built_for is not None


def test_nothing_of_a_deleted_lecture_can_be_found(app, archive):
    key = archive.lecture(archive.room(), spoken((1, "Ada", "waves")), written("more"))
    archive.change(key)
    with app.app_context():
        db.session.execute(sa.delete(Lecture))
        db.session.commit()
    archive.work()
    with app.app_context():
        for model in (SearchedLecture, SearchEntry, SearchSpeaker):
            assert db.session.scalar(sa.select(sa.func.count()).select_from(model)) == 0
