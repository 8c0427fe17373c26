from __future__ import annotations

import pytest

from core.contracts import Audience, Facts, FileEntry, Files, Line, Prose, Role, Table, Timeline, Viewer
from core.db import db
from core.engine.plugins import Answer
from core.lectures import sections
from core.lectures.models import Lecture

HOST, GUEST = Viewer(Role.HOST), Viewer(Role.PARTICIPANT)
GIVEN = [
    Answer("talk", [
        Timeline("chat", "Chat", order=50, lines=(Line(7, "Bob", "<img src=x>"), Line(3723, "Ada", "Bye"))),
        Prose("sum", "Summary", order=10, paragraphs=("One <b>", "Two")),
        Prose("notes", "Notes to hosts", Audience.HOSTS, 20, paragraphs=("Secret",)),
    ]),
    Answer("files", [Files("all", "Files", files=(
        FileEntry("a.pdf", "application/pdf", 1_234_567, "/files/1"),
        FileEntry("evil", "text/html", 1, "javascript:alert(1)"),
    ))]),
    Answer("poll", [Facts("sum", "Facts", order=30, facts=(("Hands", "7"),)),
                    Table("votes", "Votes", order=40, columns=("Answer", "Votes"), rows=(("Yes", "12"),))]),
]  # fmt: skip


@pytest.fixture
def given(monkeypatch):
    from core.engine.plugins import Plugins

    asked = []

    def ask(_self, hook, **question):
        asked.append(hook)
        return GIVEN if hook == "lecture_sections" else []

    monkeypatch.setattr(Plugins, "ask", ask)
    return asked


@pytest.fixture
def lecture(ada, make_room, make_lecture):
    return make_lecture(make_room(ada)[0])


def package(app, lecture, viewer):
    with app.test_request_context():
        return sections.package_for(db.session.get(Lecture, lecture[0]), viewer)


def test_a_package_has_the_sections_in_order_with_ids_of_their_own(app, lecture, given):
    made = package(app, lecture, HOST)
    assert [section.id for section in made.sections] == [
        "talk-sum", "talk-notes", "poll-sum", "poll-votes", "talk-chat", "files-all", "participants",
    ]  # fmt: skip
    assert (made.title, made.room_title, made.language) == ("Algorithms II", "Algorithms II", "en")


def test_what_is_for_hosts_is_not_in_a_guests_package(app, lecture, given):
    ids = [section.id for section in package(app, lecture, GUEST).sections]
    assert "talk-notes" not in ids and "participants" not in ids and "talk-chat" in ids


def test_the_page_shows_every_kind_as_text(host, lecture, given):
    page = host.get(f"/lectures/{lecture[1]}").get_data(as_text=True)
    assert "&lt;img src=x&gt;" in page and "One &lt;b&gt;" in page
    assert "1:02:03" in page and "0:07" in page
    assert "1.2 MB" in page and "javascript:" not in page
    for words in ("Hands", "Votes", "Yes", "Secret", "a.pdf"):
        assert words in page


LENGTHS = [(0, "less than a minute"), (65, "1 min"), (3599, "1 h 0 min"), (5400, "1 h 30 min")]


@pytest.mark.parametrize(("seconds", "words"), LENGTHS)
def test_a_length_is_said_as_people_say_it(app, seconds, words):
    with app.test_request_context():
        assert sections.duration(seconds) == words
