"""What a host has cut out of a lecture is in none of its parts, until that is taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.contracts import (
    Facts,
    FileEntry,
    Film,
    FilmSpan,
    LectureCut,
    Line,
    Prose,
    Role,
    Section,
    Timeline,
    Viewer,
)
from core.db import db
from core.exports.models import Export
from core.exports.models import State as ExportState
from core.files.models import State, StoredFile
from core.lectures import films
from core.lectures.cuts import is_cut, passages_of, without_cuts
from core.lectures.cutting import MOST, cut, make_cuts_final
from core.lectures.models import Lecture
from core.lectures.sections import package_for, section_for
from core.people.models import User
from core.search.finding import Asked, search
from core.search.words import read
from tests.fixtures.working import work_off

HOST = Viewer(Role.HOST)
VIDEO = FileEntry("a.webm", "video/webm", 1, "/files/a")
LINES = (
    Line(5, "Ada", "good morning", until=8),
    Line(20, "Ada", "my password is swordfish", until=29),
    Line(30, "Bob", "a question", until=33),
    Line(60, "Ada", "good bye"),
)
GIVEN: list[Section] = [
    Film("film", "Film", files=(VIDEO,), spans=(FilmSpan(0, 100, 0),), length=100),
    Facts(
        "topics", "Topics", facts=(("0:05 Groups", "x"), ("1:00 Rings", "y"), ("none", "z")), chapters=True
    ),
    Timeline("said", "Said", lines=LINES, spoken=True),
    Timeline("chat", "Chat", lines=(Line(22, "Bob", "swordfish in the chat"),)),
    Prose("sum", "Summary", paragraphs=("Nothing of it.",)),
]


@pytest.fixture(autouse=True)
def given(app: Flask, add_guard: Callable[..., None]) -> list[Section]:
    """What the lecture says; a test may change it."""
    made = list(GIVEN)
    add_guard("talk", lecture_sections=lambda: list(made))
    return made


@pytest.fixture
def lecture(app: Flask, ada: int, make_room: Any, make_lecture: Any) -> Any:
    return make_lecture(make_room(ada)[0])


@pytest.fixture
def change(app: Flask, lecture: Any) -> Callable[..., Any]:
    """``change(cut, …)`` within a transaction of its own, and the work that follows."""

    def run(does: Callable[..., None], *about: Any) -> None:
        with app.app_context():
            does(db.session.get(Lecture, lecture[0]), *about)
            db.session.commit()
        work_off(app)

    return run


def said(app: Flask, lecture: Any) -> list[str]:
    with app.test_request_context():
        package = package_for(db.session.get(Lecture, lecture[0]), HOST)
        found = next(one for one in package.sections if one.id == "talk-said")
        assert isinstance(found, Timeline)
        return [line.text for line in found.lines]


def found(app: Flask, ada: int, words: str) -> list[str]:
    with app.test_request_context():
        user = db.session.get(User, ada)
        assert user is not None
        return [hit.text for one in search(user, Asked(read(words))).found for hit in one.hits]


def test_it_is_on_no_page_in_no_captions_and_not_found(
    app: Flask, ada: int, sign_in: Any, lecture: Any, change: Any
) -> None:
    change(cut, [])
    assert found(app, ada, "password")
    change(cut, [(19.0, 29.5)])
    assert said(app, lecture) == ["good morning", "a question", "good bye"]
    client = sign_in(ada)
    page = client.get(f"/lectures/{lecture[1]}").text
    assert "password" not in page and "good morning" in page and "swordfish in the chat" in page
    captions = client.get(f"/lectures/{lecture[1]}/sections/talk-film.vtt").text
    assert "password" not in captions and "a question" in captions
    assert not found(app, ada, "password") and found(app, ada, "morning")
    change(cut, [])
    assert "password" in client.get(f"/lectures/{lecture[1]}").text and found(app, ada, "password")


def test_not_even_hosts_find_it_before_it_was_read_anew(
    app: Flask, ada: int, lecture: Any, change: Any
) -> None:
    change(cut, [])
    with app.app_context():
        cut(db.session.get_one(Lecture, lecture[0]), [(19.0, 29.5)])
        db.session.commit()
    assert not found(app, ada, "password") and not found(app, ada, "morning")


def test_cuts_replace_one_another_but_for_those_for_good(app: Flask, lecture: Any, change: Any) -> None:
    change(cut, [(19, 29), (4, 9)])
    assert said(app, lecture) == ["a question", "good bye"]
    change(cut, [(4, 9)])
    change(make_cuts_final)
    change(cut, [(59, 61), (4.5, 10)])
    assert said(app, lecture) == ["my password is swordfish", "a question"]
    change(cut, [])
    assert said(app, lecture) == ["my password is swordfish", "a question", "good bye"]
    with app.app_context():
        assert passages_of(db.session.get_one(Lecture, lecture[0])) == ((4.0, 9.0),)


def test_plugins_hear_of_it(app: Flask, lecture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from core import events

    heard: list[Any] = []
    monkeypatch.setattr(events, "publish", heard.append)
    with app.app_context():
        row = db.session.get_one(Lecture, lecture[0])
        make_cuts_final(row)
        cut(row, [(1, 2)])
        make_cuts_final(row)
        make_cuts_final(row)
        room = row.room_id
    assert heard == [LectureCut(room, lecture[0], False), LectureCut(room, lecture[0], True)]


@pytest.mark.parametrize("passage", [(5, 5), (9, 3), (-1, 3), (float("nan"), 3), (1, float("inf"))])
def test_passages_that_make_no_sense_are_refused(app: Flask, lecture: Any, passage: Any) -> None:
    with app.app_context():
        row = db.session.get_one(Lecture, lecture[0])
        with pytest.raises(ValueError, match="no sense"):
            cut(row, [passage])
        with pytest.raises(ValueError, match=str(MOST)):
            cut(row, [(at, at + 0.5) for at in range(MOST + 1)])
        assert row.cuts == []


def test_what_was_exported_before_is_gone_and_what_is_being_exported_begins_again(
    app: Flask, ada: int, lecture: Any, change: Any
) -> None:
    with app.app_context():
        kept = StoredFile(plugin="exports", storage="local", name="a.pdf", extension="pdf", mime="application/pdf",
                          size=1, state=State.READY.value, lecture_id=lecture[0], uploader_name="", in_use=True)  # fmt: skip
        db.session.add(kept)
        db.session.flush()
        about = {"lecture_id": lecture[0], "user_id": ada, "exporter": "markdown"}
        done = Export(state=ExportState.DONE.value, file_id=kept.id, run=1, **about)
        failed = Export(state=ExportState.FAILED.value, run=1, **about)
        working = Export(state=ExportState.WORKING.value, run=1, **about)
        db.session.add_all([done, failed, working])
        db.session.commit()
        ids = done.id, failed.id, working.id
        cut(db.session.get_one(Lecture, lecture[0]), [(1, 2)])
        db.session.commit()
        there = {one.id: (one.state, one.run) for one in db.session.scalars(sa.select(Export))}
        assert ids[0] not in there and there[ids[1]] == ("failed", 1) and there[ids[2]] == ("waiting", 2)
        assert db.session.get_one(StoredFile, kept.id).state == State.GONE


def test_a_line_is_cut_when_more_than_a_touch_of_it_is() -> None:
    passages = [(10.0, 20.0)]
    assert not is_cut(passages, 5, 10.2) and is_cut(passages, 5, 10.5)
    assert is_cut(passages, 19.5, 30) and not is_cut(passages, 19.8, 30)
    assert is_cut(passages, 9, 21) and is_cut(passages, 15, 0) and not is_cut(passages, 20, 0)
    assert not is_cut([], 0, 100)


def test_the_rest_of_a_long_timeline_goes_by_the_same_rule(app: Flask, lecture: Any, change: Any) -> None:
    change(cut, [(19, 29)])
    with app.test_request_context():
        section = section_for(db.session.get_one(Lecture, lecture[0]), HOST, "talk-said", 2)
        assert isinstance(section, Timeline) and len(section.lines) == 3
    row = Lecture(cuts=[[19_000, 29_000, 0]])
    part = Timeline("said", "Said", lines=LINES[:2], total=50, version="7", spoken=True)
    made = without_cuts(row, [part])[0]
    assert isinstance(made, Timeline)
    assert (len(made.lines), made.total) == (1, 49) and made.version != "7"


def test_topics_are_the_chapters_of_a_film_without_any(app: Flask, ada: int, lecture: Any) -> None:
    made = films.with_chapters(GIVEN)[0]
    assert isinstance(made, Film) and made.chapters == ((5, "Groups"), (60, "Rings"))
    own = Film("film", "Film", files=(VIDEO,), chapters=((1.0, "Mine"),))
    assert films.with_chapters([own, *GIVEN[1:]])[0] == own
    with app.test_request_context():
        assert films.lecture_topics(db.session.get_one(Lecture, lecture[0])) == [(5, "Groups"), (60, "Rings")]


def test_chapters_are_where_the_film_shows_their_moment() -> None:
    spans = (FilmSpan(0, 20, 100), FilmSpan(20, 50, 200))
    moments = [(10.0, "a"), (90.0, "b"), (110.0, "c"), (150.0, "d"), (230.0, "e"), (231.0, "f")]
    assert films.chapters(spans, moments) == ((0, "b"), (10, "c"), (20, "d"))
    assert films.chapters(spans, [(229.0, "e")]) == ((49, "e"),)
    assert films.chapters((), [(7.0, "a")]) == ((7.0, "a"),)


def test_what_is_only_watched_is_not_offered_for_download(
    ada: int, sign_in: Any, lecture: Any, given: list[Section]
) -> None:
    given[0] = Film("film", "Film", plays=VIDEO, length=10)
    page = sign_in(ada).get(f"/lectures/{lecture[1]}").text
    assert 'src="/files/a"' in page and "download>" not in page


def test_whoever_takes_the_lecture_out_is_told_where_its_film_is(app: Flask, lecture: Any) -> None:
    with app.test_request_context():
        package = package_for(db.session.get_one(Lecture, lecture[0]), HOST)
    film = next(one for one in package.sections if isinstance(one, Film))
    assert film.note.endswith(f"/lectures/{lecture[1]}#talk-film")
