"""What stays of the chat on the lecture's page, and its bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.contracts import Role, Section, Viewer
from core.db import db
from core.engine import answers
from core.lectures.models import Lecture
from plugins.chat import sections
from tests.plugins.chat.conftest import Somebody

Come = Callable[..., Somebody]
HOST, GUEST = Viewer(Role.HOST, "Emmy"), Viewer(Role.PARTICIPANT, "Bob")


@pytest.fixture
def shown(app: Flask) -> Callable[[Viewer], dict[str, Any]]:
    def show(viewer: Viewer) -> dict[str, Any]:
        with app.test_request_context():
            lecture = db.session.query(Lecture).one()
            found: list[Section] = sections.of(lecture, viewer)
            answers.check("lecture_sections", found, {"lecture": lecture, "viewer": viewer})
            return {section.id: section for section in found}

    return show


def test_questions_stand_first_by_votes_with_what_hosts_have_answered(
    host: Somebody, come: Come, shown: Any
) -> None:
    ada, bob = come("Ada"), come("Bob")
    one, two = (ada.send(text, is_question=True) for text in ("Why?", "How?"))
    three = bob.send("Since when?", is_question=True)
    for person in (ada, bob):
        person.mark(two, "vote")
    host.send("Like this.", reply_to=two["id"])
    host.send("And so on.", reply_to=two["id"])
    host.send("Only among us.", to="hosts", reply_to=two["id"])
    ada.send("Me too!", reply_to=two["id"])
    host.flag(three, "answered")
    host.want("DELETE", f"/messages/{one['id']}")
    found = shown(GUEST)
    assert list(found) == ["questions", "messages"]
    assert found["questions"].rows == (
        ("How?", "Ada", "2", "Like this.\nAnd so on."),
        ("Since when?", "Bob", "0", "answered in the lecture"),
    )
    assert found["questions"].order < found["messages"].order


def test_lines_stand_with_their_time_author_and_what_they_answer(
    host: Somebody, come: Come, shown: Any
) -> None:
    bob = come("Bob")
    line = bob.send("Good morning\nall")
    host.send("Good morning!", reply_to=line["id"])
    host.want("DELETE", f"/messages/{bob.send('noise')['id']}")
    bob.want("DELETE", f"/messages/{bob.send('typo')['id']}")
    bob.send("private", to="hosts")
    lines = shown(HOST)["messages"].lines
    assert [(one.speaker, one.by_host, one.text) for one in lines] == [
        ("Bob", False, "Good morning\nall"),
        ("Ada Lovelace", True, "↪ Bob: Good morning!"),
        ("Bob", False, "removed by a host"),
        ("Bob", False, "removed"),
    ]
    assert [one.at for one in lines] == sorted(one.at for one in lines)
    assert lines[0].id == line["id"]
    assert [one.text for one in shown(HOST)["private"].lines] == ["private"]
    assert "private" not in shown(GUEST)


def test_a_chat_in_which_nothing_was_said_leaves_nothing(host: Somebody, shown: Any) -> None:
    assert shown(HOST) == {}


def test_a_chat_without_end_keeps_within_what_a_section_may_hold(
    app: Flask, host: Somebody, come: Come, shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    come().send("x" * 4000, is_question=True)
    with app.app_context():
        db.session.execute(
            sa.text(
                "INSERT INTO chat__message (public_id, lecture_id, audience, at, changed, client_id, author_name,"
                " author_is_host, text, has_files, is_question, answered, pinned, edited, removed_by, marks)"
                " SELECT 'many' || n, lecture_id, audience, at + n, changed, 'c' || n, author_name, false, text,"
                " false, true, false, false, false, '', '{}' FROM chat__message, generate_series(1, 2000) AS n"
            )
        )
        db.session.commit()
    found = shown(HOST)
    lines = found["messages"].lines
    assert len(lines) == sections.MOST_CHARACTERS // 4000 + 1
    assert lines[-1].text == "More was written than can be shown here."
    assert len(found["questions"].rows) == sections.MOST_QUESTIONS
    monkeypatch.setattr(sections, "MOST_LINES", 10)
    assert len(shown(HOST)["messages"].lines) == 11
