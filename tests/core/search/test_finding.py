from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest

from core.contracts import Audience
from core.db import db
from core.lectures.listing import cursor, read_cursor
from core.lectures.models import Lecture
from tests.core.search.conftest import START, shared, spoken, written


def test_a_word_is_found_in_each_of_its_forms_with_who_said_it_when(archive):
    room = archive.room()
    archive.lecture(room, spoken((7, "Ada", "The waves were moving."), (3723, "Bob", "A moving wave!")))
    [found] = archive.find("Move").found
    assert [(hit.at, hit.speaker, str(hit.text)) for hit in found.hits] == [
        (7, "Ada", "The waves were <mark>moving</mark>."),
        (3723, "Bob", "A <mark>moving</mark> wave!"),
    ]
    assert found.count == 2
    assert found.hits[1].address.endswith("?find=moving#t=1:02:03&in=talk-transcript")


def test_the_lectures_language_decides_what_a_word_is(archive):
    room = archive.room()
    key = archive.lecture(room, spoken((1, "Ada", "Die Wellen bewegten sich")), language="de")
    assert archive.ids("bewegte Welle") == [key]


def test_all_words_have_to_be_somewhere_in_the_lecture(archive):
    room = archive.room()
    both = archive.lecture(room, spoken((1, "Ada", "light"), (2, "Ada", "is fast")))
    archive.lecture(room, spoken((1, "Ada", "light")))
    assert archive.ids("light fast") == [both]
    assert archive.texts("light fast") == ["<mark>light</mark>", "is <mark>fast</mark>"]


def test_a_phrase_is_found_as_it_stands_only(archive):
    room = archive.room()
    together = archive.lecture(room, spoken((1, "Ada", "the speed of light")))
    archive.lecture(room, spoken((1, "Ada", "light has a speed")))
    assert archive.ids('"speed of light"') == [together]


def test_scripts_without_spaces_can_be_searched(archive):
    key = archive.lecture(archive.room(), spoken((1, "李", "光の速さは一定です")), language="ja")
    assert archive.ids("速さ") == [key] and archive.ids("さ速") == []
    assert archive.texts("速さ") == ["光の<mark>速さ</mark>は一定です"]


def test_titles_files_and_prose_are_found_where_they_are(archive):
    key = archive.lecture(
        archive.room("Optics"), written("Prisms break light."), shared("notes_week3.pdf"), title="Rainbows"
    )
    addresses = {
        word: archive.find(word).found[0].hits[0].address.rpartition("/")[2]
        for word in ("prism", "week3", "notes")
    }
    assert archive.ids("rainbow prism") == [key]
    assert addresses["prism"].endswith("#talk-summary") and addresses["week3"].endswith("#talk-all")
    assert [archive.find(word).found[0].hits for word in ("rainbow", "optics")] == [(), ()]


def test_the_newest_comes_first_and_paging_goes_on_where_it_ended(archive):
    room = archive.room()
    keys = [archive.lecture(room, spoken((1, "Ada", "wave"))) for _ in range(23)][::-1]
    first = archive.find("wave")
    second = archive.find("wave", before=read_cursor(first.more))
    third = archive.find("wave", before=read_cursor(second.more))
    found = [one.lecture.id for answer in (first, second, third) for one in answer.found]
    assert found == keys and third.more == ""


@pytest.mark.parametrize("typed", ["", "x", "12", "-", "9" * 30 + "-a", "1e3-a", "٣-a"])
def test_a_place_that_nobody_named_begins_at_the_beginning(typed):
    assert read_cursor(typed) is None


def test_a_place_is_read_as_it_was_named():
    lecture = Lecture(public_id="a-b_c", started_at=START + timedelta(microseconds=7))
    assert read_cursor(cursor(lecture)) == (lecture.started_at, "a-b_c")


# --- who may find what ----------------------------------------------------------------


def test_what_is_meant_for_hosts_is_found_by_hosts_only(archive, bob):
    room = archive.room(participants_read=True)
    key = archive.lecture(
        room, spoken((1, "Ada", "waves")), written("secret grades", audience=Audience.HOSTS)
    )
    archive.take_part(key, bob)
    assert archive.ids("grades") == [key] and archive.ids("grades", bob) == []
    assert archive.ids("waves", bob) == [key] and archive.ids("waves grades", bob) == []
    # The name of who was there is in no line of theirs either.
    assert archive.ids("Bob", bob) == []


def test_speakers_of_hosts_lines_are_nobody_to_participants(archive, bob):
    room = archive.room(participants_read=True)
    key = archive.lecture(
        room,
        spoken((1, "Ada", "waves")),
        spoken((1, "Hidden Hugo", "pssst"), audience=Audience.HOSTS),
    )
    archive.take_part(key, bob)
    assert archive.ids("", speaker="Hugo") == [key]
    assert archive.ids("", bob, speaker="Hugo") == [] and archive.find("hugo", bob).meant == ()


def test_strangers_and_rooms_that_let_nobody_read_give_nothing(archive, bob, make_user):
    closed, opened = archive.room(), archive.room(participants_read=True)
    archive.take_part(archive.lecture(closed, spoken((1, "Ada", "waves"))), bob)
    archive.lecture(opened, spoken((1, "Ada", "waves")))
    assert archive.ids("waves", bob) == []
    assert archive.find("", bob, speaker="Ada").found == ()


def test_until_a_change_is_read_only_hosts_find_the_lecture(archive, bob):
    room = archive.room(participants_read=True)
    key = archive.lecture(room, spoken((1, "Ada", "waves")), written("good grades"))
    archive.take_part(key, bob)
    assert archive.ids("grades", bob) == [key]
    # The host hides the summary.
    archive.change(key, spoken((1, "Ada", "waves")), written("good grades", audience=Audience.HOSTS))
    assert archive.ids("grades", bob) == [] and archive.ids("waves", bob) == []
    assert archive.ids("waves") == [key]
    archive.work()
    assert archive.ids("waves", bob) == [key] and archive.ids("grades", bob) == []


# --- by speaker, room, day ------------------------------------------------------------


def test_a_speaker_is_found_although_the_name_is_typed_wrong(archive):
    room = archive.room()
    key = archive.lecture(room, spoken((1, "Ada Lovelace", "engines"), (2, "Bob", "engines too")))
    archive.lecture(room, spoken((1, "Grace Hopper", "engines")))
    answer = archive.find("engines", speaker="lovelase")
    assert [one.lecture.id for one in answer.found] == [key] and answer.speakers == ("Ada Lovelace",)
    assert [str(hit.text) for hit in answer.found[0].hits] == ["<mark>engines</mark>"]
    assert archive.find("engines", speaker="Zoë").found == ()


def test_who_is_called_like_the_words_is_offered(archive):
    archive.lecture(archive.room(), spoken((1, "Émilie du Châtelet", "energy")))
    assert archive.find("emilie chatelet").meant == ("Émilie du Châtelet",)


def test_without_words_everything_of_a_speaker_is_shown(archive):
    archive.lecture(archive.room(), spoken((1, "Ada", "one"), (2, "Bob", "two"), (3, "Ada", "three")))
    answer = archive.find("", speaker="ada")
    assert [str(hit.text) for hit in answer.found[0].hits] == ["one", "three"]


def test_rooms_and_days_bound_what_is_found(archive, app):
    from core.rooms.models import Room

    one, other = archive.room("One"), archive.room("Other")
    first, second = (archive.lecture(room, spoken((1, "Ada", "wave"))) for room in (one, other))
    with app.app_context():
        room = db.session.get(Room, one)
        assert archive.ids("wave", room=room) == [first]
    assert archive.ids("wave", since=START + timedelta(hours=12)) == [second]
    assert archive.ids("wave", until=START + timedelta(hours=12)) == [first]


# --- odd input ------------------------------------------------------------------------

ODD = [
    "' OR 1=1 --",
    "a & b | !c",
    "<-> :*",
    "\\",
    "%",
    "()",
    "😀 wave",
    "null\0byte",
    '"a" "b" "c"',
    "the of",
]


@pytest.mark.parametrize("typed", ODD)
def test_signs_that_mean_something_elsewhere_mean_nothing_here(archive, typed):
    archive.lecture(archive.room(), spoken((1, "Ada", "a wave")))
    with contextlib.suppress(ValueError):
        archive.find(typed.replace("\0", ""))


def test_what_is_in_the_trash_is_not_found_and_is_again_when_it_is_back(archive, app):
    key = archive.lecture(archive.room(), spoken((1, "Ada", "wave")))
    for moment, found in ((START, []), (None, [key])):
        with app.app_context():
            db.session.get(Lecture, key).deleted_at = moment
            db.session.commit()
        assert archive.ids("wave") == found
        assert [one.lecture.id for one in archive.find("", speaker="Ada").found] == found


def test_participants_find_for_as_long_as_the_room_lets_them_read(archive, bob):
    room = archive.room(participants_read=True, participants_read_days=1)
    archive.take_part(archive.lecture(room, spoken((1, "Ada", "wave"))), bob)
    assert archive.ids("wave", bob) == []


def test_an_admin_finds_all_of_it(archive, make_user):
    key = archive.lecture(
        archive.room(), spoken((1, "Ada", "wave")), written("grades", audience=Audience.HOSTS)
    )
    admin = make_user("root@uni.example", is_admin=True)
    assert archive.ids("grades", admin) == [key] == archive.ids("wave", admin)
    assert archive.ids("", admin, speaker="ada") == [key]
