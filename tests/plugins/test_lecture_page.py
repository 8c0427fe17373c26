"""The page of three hours with all plugins that leave something: at most ten questions to the database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from core.db import db
from core.rooms.models import Room
from tests.fixtures import three_hours


@pytest.fixture
def app(make_app):
    return make_app("ai_assistant", "chat", "files")


@pytest.fixture
def place(app, make_user, make_room):
    """The room's key, its owner and the lecture's id."""
    owner = make_user(name="Emmy Noether")
    room = make_room(owner, settings={"participants_read": True, "participants_see_names": True})[0]
    with app.app_context(), db.engine.begin() as connection:
        return room, owner, three_hours.fill(connection, room, owner)


def test_everything_that_was_made_is_there_and_asks_little(sign_in, place, queries):
    _room, owner, public_id = place
    with queries(at_most=10):
        page = sign_in(owner).get(f"/lectures/{public_id}").text
    order = ["ai_assistant-summary", "ai_assistant-topics", "ai_assistant-actions", "ai_assistant-questions",
             "chat-questions", "ai_assistant-transcript", "chat-messages", "chat-private", "files-shared",
             "chat-files", "ai_assistant-transcript-files", "participants"]  # fmt: skip
    places = [page.find(f'id="{one}"') for one in order]
    assert -1 not in places and places == sorted(places)
    assert three_hours.FOR_HOSTS.replace("'", "&#39;") in page and "120 people" in page
    assert len(page.encode()) < 200_000


def test_a_co_hosts_and_a_participants_page_ask_no_more(app, sign_in, make_user, place, queries):
    from core.lectures.models import Participant
    from core.rooms.models import RoomHost

    room, _owner, public_id = place
    co_host, student = make_user(name="Co-host"), make_user(name="Amira Haddad")
    with app.app_context():
        db.session.add(RoomHost(room_id=room, user_id=co_host))
        db.session.execute(
            sa.update(Participant).where(Participant.name == "Amira Haddad").values(user_id=student)
        )
        db.session.commit()
    for person, may in ((co_host, True), (student, False)):
        with queries(at_most=10):
            page = sign_in(person).get(f"/lectures/{public_id}").text
        assert ("chat-private" in page) is may and "120 people" in page
    with app.app_context():
        db.session.get_one(Room, room).settings = {"participants_read": True}
        db.session.commit()
    with queries(at_most=10):
        page = sign_in(student).get(f"/lectures/{public_id}").text
    assert "120 people" in page and 'id="participants"' not in page


def test_all_lines_come_piece_by_piece(sign_in, place):
    _room, owner, public_id = place
    host = sign_in(owner)
    lines = sum(
        host.get(f"/lectures/{public_id}/sections/ai_assistant-transcript?from={start}").text.count("<li")
        for start in range(0, three_hours.LINES, 500)
    )
    assert lines == three_hours.LINES


TIMELINES = ("ai_assistant-transcript", "chat-messages", "chat-private")


@pytest.fixture
def timelines(app, place):
    """``timelines(3)``: those of the host's page, asked for so many lines; by id."""
    from core.contracts import Role, Timeline, Viewer
    from core.lectures.models import Lecture
    from core.lectures.sections import sections_for

    def read(lines):
        with app.test_request_context():
            lecture = db.session.scalars(sa.select(Lecture).where(Lecture.public_id == place[2])).one()
            found = sections_for(lecture, Viewer(Role.HOST), lines)
            return {one.id: one for one in found if isinstance(one, Timeline)}

    return read


def test_the_first_lines_are_those_of_all_and_say_how_many_there_are(timelines):
    few, whole = timelines(3), timelines(None)
    assert tuple(few) == tuple(whole) == TIMELINES
    for name in TIMELINES:
        assert few[name].lines == whole[name].lines[:3]
        assert few[name].total == whole[name].total == len(whole[name].lines)
        assert few[name].version == whole[name].version != ""


CHANGES = {
    "UPDATE ai_assistant__line SET text = 'Other.' WHERE key = 'line1999'": "ai_assistant-transcript",
    "UPDATE participant SET name = 'Z. Q.' WHERE name = 'Zoë Quast'": "ai_assistant-transcript",
    "UPDATE participant SET role = 'host' WHERE name = 'Zoë Quast'": "ai_assistant-transcript",
    "DELETE FROM ai_assistant__line WHERE key = 'line7'": "ai_assistant-transcript",
    "UPDATE chat__message SET text = '', removed_by = 'host' WHERE client_id = 'c998'": "chat-messages",
    "UPDATE stored_file SET name = 'other.pdf' WHERE name = 'sketch-757.pdf'": "chat-messages",
    "UPDATE stored_file SET state = 'gone' WHERE name = 'sketch-507.pdf'": "chat-messages",
    "DELETE FROM chat__message WHERE client_id = 'c24'": "chat-private",
}


@pytest.mark.parametrize("statement", CHANGES)
def test_any_change_makes_another_version_of_that_timeline_alone(app, timelines, statement):
    before = timelines(3)
    with app.app_context():
        db.session.execute(sa.text(statement))
        db.session.commit()
    after = timelines(3)
    changed = [name for name in TIMELINES if before[name].version != after[name].version]
    assert changed == [CHANGES[statement]]


def test_questions_answers_and_files_are_there_though_their_lines_are_not(app, place, timelines):
    from core.contracts import Role, Viewer
    from core.lectures.models import Lecture
    from core.lectures.sections import sections_for

    with app.test_request_context():
        lecture = db.session.scalars(sa.select(Lecture).where(Lecture.public_id == place[2])).one()
        few, whole = (sections_for(lecture, Viewer(Role.HOST), lines) for lines in (3, None))
    others = [[one for one in found if one.id not in TIMELINES] for found in (few, whole)]
    assert others[0] == others[1] and len(others[0]) == 9
