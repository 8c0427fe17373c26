"""What the page of a lecture shows first, what it fetches later, and what nobody gets who may not see it."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from core.contracts import Audience, FileEntry, Film, Line, Prose, Section, Table, Timeline
from core.db import db
from core.lectures import parts
from core.lectures.models import Lecture
from core.lectures.parts import FIRST_LINES, LINES_AT_ONCE

READABLE = {"participants_read": True}
LINE = re.compile(r'<li[^>]*><a href="#t=.*?</li>')


def spoken(count: int, text: str = "line") -> tuple[Line, ...]:
    """Three lines each by one, then by the other; every third of a minute."""
    return tuple(Line(at * 20.0, ("Emmy", "Ada")[at // 3 % 2], f"{text} {at}") for at in range(count))


class Notes:
    """A plugin whose sections a test can change."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.asked = 0

    def given(self, lecture: Any, viewer: Any) -> list[Section]:
        self.asked += 1
        return list(self.sections)


@pytest.fixture
def notes(add_guard: Any) -> Notes:
    made = Notes()
    add_guard("notes", lecture_sections=made.given)
    return made


@pytest.fixture
def lecture(ada: int, make_room: Any, make_lecture: Any, take_part: Any) -> tuple[int, str]:
    key, public_id = make_lecture(make_room(ada, settings=READABLE)[0])
    take_part(key, "=1+1")
    take_part(key, "Ada Lovelace", user=ada, role="host")
    return key, public_id


@pytest.fixture
def address(lecture: tuple[int, str]) -> str:
    return f"/lectures/{lecture[1]}"


@pytest.fixture
def guest(lecture: tuple[int, str], guest_client: Any, take_part: Any) -> Any:
    client, key = guest_client("Bob")
    take_part(lecture[0], "Bob", guest=key)
    return client


def lines_in(answer: Any) -> list[str]:
    return re.findall(r'<p dir="auto">(line \d+)</p></li>', answer.text)


# --- the head -------------------------------------------------------------------------


def test_the_head_says_who_when_how_long_and_with_how_many(host, guest, address, notes):
    for client in (host, guest):
        head = re.sub(r"<[^>]+>|\s+", " ", client.get(address).text.partition("lecture-facts")[2])
        assert re.match(
            r"[^A]*Ada Lovelace 23 November 2026, 09:00 1 h 30 min 3 people", re.sub(" +", " ", head)
        )


def test_the_head_says_what_is_being_made_and_once_only(host, address, notes):
    busy = "The summary is being made …"
    notes.sections = [Prose("a", "A", busy=busy), Prose("b", "B", busy=busy), Prose("c", "C")]
    assert host.get(address).text.count(busy) == 1
    notes.sections = [Prose("a", "A")]
    assert 'id="lecture-making" role="status"></div>' in host.get(address).text


def test_what_is_being_made_for_hosts_is_not_told_to_guests(host, guest, address, notes):
    notes.sections = [Prose("a", "A", Audience.HOSTS, busy="Hosts' part is being made …")]
    assert "Hosts&#39; part" in host.get(address).text
    assert "part is being made" not in guest.get(address).text


# --- the first lines and the rest -----------------------------------------------------


def test_the_page_has_the_first_lines_and_says_where_the_rest_is(host, address, notes):
    notes.sections = [Timeline("talk", "Talk", lines=spoken(FIRST_LINES + 5))]
    page = host.get(address)
    assert lines_in(page) == [f"line {at}" for at in range(FIRST_LINES)]
    assert f'data-more="{address}/sections/notes-talk" data-total="{FIRST_LINES + 5}"' in page.text
    assert f"Show all {FIRST_LINES + 5} lines" in page.text
    whole = host.get(f"{address}?all=1")
    assert len(lines_in(whole)) == FIRST_LINES + 5 and "timeline-more" not in whole.text


def test_a_short_timeline_has_no_rest(host, address, notes):
    notes.sections = [Timeline("talk", "Talk", lines=spoken(FIRST_LINES))]
    assert "timeline-more" not in host.get(address).text


def test_the_rest_comes_in_pieces_that_follow_on_each_other(host, address, notes, monkeypatch):
    notes.sections = [Timeline("talk", "Talk", lines=spoken(20))]
    whole = LINE.findall(host.get(address).text)
    pieces = []
    for start in range(0, 20, 7):
        monkeypatch.setattr("core.lectures.page.LINES_AT_ONCE", 7)
        answer = host.get(f"{address}/sections/notes-talk?from={start}")
        assert 'data-total="20"' in answer.text
        pieces += LINE.findall(answer.text)
    assert pieces == whole and len(whole) == 20
    assert LINES_AT_ONCE > FIRST_LINES


def test_a_name_stands_once_for_a_turn_and_lines_of_nobody_are_set_apart(host, address, notes):
    given = (*spoken(7), Line(150, "", "Nobody listened."), Line(151, "Ada", "Back."))
    notes.sections = [Timeline("talk", "Talk", lines=given)]
    kinds = re.findall(r'<li(?: class="(\w+)")?><a href="#t=[\d:]+">', host.get(address).text)
    assert kinds == ["turn", "", "", "turn", "", "", "turn", "aside", "turn"]
    notes.sections = [Timeline("talk", "Talk", lines=tuple(Line(at * 20, "Emmy", "x") for at in range(7)))]
    kinds = re.findall(r'<li(?: class="(\w+)")?><a href="#t=[\d:]+">', host.get(address).text)
    assert kinds == ["turn", "", "", "minute", "", "", "minute"]


def test_moments_of_another_timeline_than_the_first_name_it(host, address, notes):
    notes.sections = [Timeline("talk", "Talk", lines=spoken(1)), Timeline("chat", "Chat", lines=spoken(1))]
    page = host.get(address).text
    assert 'href="#t=0:00">' in page and 'href="#t=0:00&amp;in=notes-chat">' in page
    piece = host.get(f"{address}/sections/notes-chat?in=1&from=0").text
    assert 'href="#t=0:00&amp;in=notes-chat">' in piece


def test_a_piece_that_the_browser_has_is_not_sent_again(host, address, notes):
    notes.sections = [Timeline("talk", "Talk", lines=spoken(3))]
    piece = f"{address}/sections/notes-talk?from=0"
    first = host.get(piece)
    assert first.headers["Cache-Control"] == "private, no-cache"
    known = {"If-None-Match": first.headers["ETag"]}
    again = host.get(piece, headers=known)
    assert (again.status_code, again.text) == (304, "")
    assert host.get(f"{address}/sections/notes-talk?from=1", headers=known).status_code == 200
    notes.sections = [Timeline("talk", "Talk", lines=spoken(3, "other"))]
    assert host.get(piece, headers=known).status_code == 200


@pytest.mark.parametrize(
    "section", ["notes-nothing", "nothing-talk", "talk", "notes-words", "participants", "-"]
)
def test_a_section_that_is_no_timeline_or_not_there_is_answered_in_words(host, address, notes, section):
    notes.sections = [Timeline("talk", "Talk"), Prose("words", "Words")]
    answer = host.get(f"{address}/sections/{section}")
    assert answer.status_code == 404 and "The lecture has no such part" in answer.text


@pytest.mark.parametrize("start", ["", "-1", "x", "1.5", "٣", "1" * 7, "0x1"])
def test_a_line_that_is_no_number_is_refused_in_words(host, address, notes, start):
    notes.sections = [Timeline("talk", "Talk", lines=spoken(3))]
    answer = host.get(f"{address}/sections/notes-talk?from={start}")
    assert answer.status_code == 422 and "must be the number of a line" in answer.text


def test_behind_the_last_line_is_nothing(host, address, notes):
    notes.sections = [Timeline("talk", "Talk", lines=spoken(3))]
    answer = host.get(f"{address}/sections/notes-talk?from=999999")
    assert answer.status_code == 200 and lines_in(answer) == []


def test_only_the_plugin_whose_section_it_is_is_asked(host, address, notes, add_guard):
    others = Notes()
    add_guard("others", lecture_sections=others.given)
    notes.sections = [Timeline("talk", "Talk", lines=spoken(3))]
    host.get(f"{address}/sections/notes-talk")
    assert (notes.asked, others.asked) == (1, 0)
    host.get(f"{address}/sections/participants.csv")
    assert (notes.asked, others.asked) == (1, 0)


# --- what has changed -----------------------------------------------------------------


def test_of_what_the_page_has_already_only_the_place_is_sent(host, address, notes):
    notes.sections = [
        Prose("a", "A", order=1, paragraphs=("One",)),
        Prose("b", "B", order=2, paragraphs=("Two",)),
    ]
    digests = re.findall(r'data-digest="(\w+)"', host.get(address).text)
    assert len(set(digests)) == 3
    notes.sections[1] = Prose("b", "B", order=2, paragraphs=("Three",))
    changed = host.get(f"{address}/parts?have={'.'.join(digests)}").text
    assert "Three" in changed and "One" not in changed and "<html" not in changed
    same = re.findall(r'<section id="([\w-]+)"[^>]*data-same', changed)
    assert same == ["notes-a", "participants"]
    assert all(part in changed for part in ("lecture-facts", "lecture-making", "lecture-jump"))


def test_a_host_has_a_mark_beside_the_name_which_is_the_name_alone(host, address, notes):
    said = (Line(1, "Emmy", "Hi", by_host=True), Line(2, "Emmy", "So"), Line(3, "Emmy", "Ho", by_host=True))
    notes.sections = [Timeline("a", "A", lines=said)]
    names = re.findall(r"<strong>(.*?)</strong>", host.get(address).text)
    assert [name for name in names if "Emmy" in name] == [
        "<bdi>Emmy</bdi> <small>Host</small>",
        "<bdi>Emmy</bdi>",
        "<bdi>Emmy</bdi> <small>Host</small>",
    ]


@pytest.mark.parametrize("have", ["", "x", ".", "." * 5000, "<b>"])
def test_digests_that_make_no_sense_bring_everything(host, address, notes, have):
    notes.sections = [Prose("a", "A", paragraphs=("One",))]
    answer = host.get(f"{address}/parts?have={have}")
    assert answer.status_code == 200 and "One" in answer.text and "data-same" not in answer.text


def test_a_digest_is_that_of_the_content(app):
    def of(*lines: Line, **more: Any) -> str:
        return parts.digest(Timeline("a", "A", lines=lines, **more))

    line = Line(1, "Ada", "Hi")
    assert of(line) == of(Line(1, "Ada", "Hi"))
    others = [
        of(),
        of(Line(2, "Ada", "Hi")),
        of(Line(1, "Bob", "Hi")),
        of(Line(1, "Ada", "Ho")),
        of(Line(1, "Ada", "Hi", by_host=True)),
        of(line, line),
    ]
    others += [of(line, note="x"), of(line, busy="x"), of(line, audience=Audience.HOSTS), of(line, order=3)]
    assert len({of(line), *others}) == len(others) + 1
    assert parts.digest(Prose("a", "\ud800")) != parts.digest(Prose("a", "?"))


# --- who gets it ----------------------------------------------------------------------


def test_who_may_not_read_the_page_gets_nothing_of_it(app, address, notes, sign_in, make_user):
    notes.sections = [Timeline("talk", "Talk", lines=spoken(3))]
    for client in (app.test_client(), sign_in(make_user())):
        for part in (
            "/parts",
            "/sections/notes-talk",
            "/sections/participants.csv",
            "/sections/notes-nothing",
        ):
            answer = client.get(address + part)
            assert answer.status_code == 404 and "There is no such lecture" in answer.text


def test_what_is_for_hosts_is_not_there_for_guests(host, guest, address, notes):
    notes.sections = [
        Timeline("ours", "Ours", Audience.HOSTS, lines=spoken(3)),
        Table("votes", "Votes", Audience.HOSTS, columns=("a",), rows=(("b",),)),
        Prose("open", "Open", paragraphs=("For all.",)),
    ]
    for part in ("notes-ours", "notes-votes.csv", "participants.csv"):
        assert host.get(f"{address}/sections/{part}").status_code == 200
        assert guest.get(f"{address}/sections/{part}").status_code == 404
    seen = guest.get(f"{address}/parts").text
    assert "For all." in seen and "Ours" not in seen and "Votes" not in seen


# --- tables ---------------------------------------------------------------------------


def test_attendance_is_to_be_had_as_csv(host, address, notes):
    assert f'href="{address}/sections/participants.csv"' in host.get(address).text
    answer = host.get(f"{address}/sections/participants.csv")
    assert answer.mimetype == "text/csv" and answer.data.startswith(b"\xef\xbb\xbf")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "Algorithms%20II%20%E2%80%93%20Participants.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0] == ["Name", "Joined", "Left", "Present"]
    assert rows[1] == ["Ada Lovelace (host)", "09:00", "10:30", "1 h 30 min"]
    assert rows[2][0] == "'=1+1"


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "＝1", "=cmd|' /C calc'!A0"])
def test_no_cell_is_a_formula(host, address, notes, cell):
    notes.sections = [Table("t", "T", columns=(cell, 'q"'), rows=((cell, "a, b\nc"),))]
    text = host.get(f"{address}/sections/notes-t.csv").data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows == [[f"'{cell}", 'q"'], [f"'{cell}", "a, b\nc"]]


@pytest.mark.parametrize(
    "section", ["notes-words.csv", "notes-talk.csv", "nothing.csv", "notes-.csv", ".csv"]
)
def test_only_tables_are_to_be_had_as_csv(host, address, notes, section):
    notes.sections = [Prose("words", "Words"), Timeline("talk", "Talk")]
    assert host.get(f"{address}/sections/{section}").status_code == 404


def test_a_title_of_any_kind_makes_a_file_name(host, address, notes):
    notes.sections = [Table("t", '../"</\\\r\n: 集', columns=("a",), rows=(("b",),))]
    said = host.get(f"{address}/sections/notes-t.csv").headers["Content-Disposition"]
    assert "/" not in said.partition("filename=")[2].partition(";")[0] and "\n" not in said


def test_all_of_a_title_with_slashes_is_in_the_file_name(app, host, address, notes):
    with app.app_context():
        db.session.execute(db.update(Lecture).values(title="Analysis I/II"))
        db.session.commit()
    notes.sections = [Table("t", "A\\B", columns=("a",), rows=(("b",),))]
    said = host.get(f"{address}/sections/notes-t.csv").headers["Content-Disposition"]
    assert "Analysis%20I%20II%20%E2%80%93%20A%20B.csv" in said


# --- what it costs --------------------------------------------------------------------


def test_the_page_and_its_pieces_ask_little(host, address, notes, queries):
    notes.sections = [Timeline("talk", "Talk", lines=spoken(300))]
    for part in ("", "/parts", "/sections/notes-talk?from=60", "/sections/participants.csv"):
        with queries(at_most=6):
            assert host.get(address + part).status_code == 200


# --- plugins that give no more lines than they are asked for ------------------------------


@pytest.fixture
def thrifty(add_guard: Any) -> list[int | None]:
    """A plugin with 1,200 lines; the list says how many it was asked for each time."""
    asked: list[int | None] = []

    def given(lecture: Any, viewer: Any, lines: int | None) -> list[Section]:
        asked.append(lines)
        return [Timeline("talk", "Talk", lines=spoken(1200)[:lines], total=1200, version="v1")]

    add_guard("thrifty", lecture_sections=given)
    return asked


def test_a_plugin_is_asked_for_the_lines_that_are_shown(host, address, thrifty):
    page = host.get(address)
    assert len(lines_in(page)) == FIRST_LINES and 'data-total="1200"' in page.text
    (mark,) = re.findall(r'id="thrifty-talk"[^>]*data-digest="(\w+)"', page.text)
    piece = host.get(f"{address}/sections/thrifty-talk?from=500")
    assert f'data-digest="{mark}" data-total="1200"' in piece.text
    assert lines_in(piece) == [f"line {at}" for at in range(500, 1000)]
    assert len(lines_in(host.get(f"{address}?all=1"))) == 1200
    assert thrifty == [FIRST_LINES, 500 + LINES_AT_ONCE, None]


def test_what_is_taken_out_has_all_lines(app, lecture, thrifty):
    from core.contracts import Role, Viewer
    from core.db import db
    from core.lectures.models import Lecture
    from core.lectures.sections import package_for

    with app.test_request_context():
        package = package_for(db.session.get(Lecture, lecture[0]), Viewer(Role.HOST))
    assert [len(one.lines) for one in package.sections if isinstance(one, Timeline)] == [1200]


# --- films ----------------------------------------------------------------------------

FILM = Film(
    "film",
    "Recording",
    files=(FileEntry("Lecture’s.webm", "video/webm", 34_000_000, "/files/film"),),
    chapters=((0, "Kernels' <b>"),),
    captions="/words.vtt",
    language="de-AT",
    length=3723,
)


def test_a_film_has_a_player_that_plays_without_a_script_too(host, address, notes):
    notes.sections = [FILM]
    page = host.get(address).text
    video = re.search(r"<video .*?</video>", page, re.S)[0]
    assert 'src="/files/film"' in video and " controls " in video and "playsinline" in video
    assert 'kind="captions" src="/words.vtt" srclang="de-AT" label="German (Austria)"' in video
    assert 'href="/files/film" download' in page and "34.0 MB" in page and "/ <span>1:02:03</span>" in page
    told = json.loads(html.unescape(re.search(r"data-film='([^']*)'", page)[1]))
    assert told["chapters"] == [[0, "Kernels' <b>"]] and told["thumbnails"] is None
    assert "file-list" not in page


def test_what_else_there_is_of_a_film_stands_below_it(host, address, notes):
    more = FileEntry("Sound.opus", "audio/ogg", 5_000_000, "/files/sound")
    notes.sections = [replace(FILM, files=(*FILM.files, more))]
    assert 'href="/files/sound"' in host.get(address).text


def test_a_film_that_is_still_made_has_a_place_and_no_player(host, address, notes):
    notes.sections = [Film("film", "Recording", busy="The recording is being made …")]
    page = host.get(address).text
    assert page.count("The recording is being made …") == 2 and "<video" not in page
    notes.sections = [Film("film", "Recording")]
    assert "There is no film." in host.get(address).text


@pytest.mark.parametrize(("tag", "name"), [("xx-YY", "xx-YY"), ("", "Captions")])
def test_a_language_that_nobody_knows_is_called_by_its_tag(host, address, notes, tag, name):
    notes.sections = [replace(FILM, language=tag)]
    assert f'label="{name}"' in host.get(address).text


def test_films_and_their_pictures_come_from_all_storages_to_this_page_only(host, address, app):
    origin = "https://s3.uni.example"
    app.extensions["audimax_storage_origins"] = (origin,)
    for where, may in ((address, True), ("/lectures", False)):
        rules = dict(
            rule.strip().split(" ", 1)
            for rule in host.get(where).headers["Content-Security-Policy"].split(";")
        )
        assert (origin in rules["media-src"].split()) is may
        assert (origin in rules["img-src"].split()) is may
        assert origin not in rules["script-src"] + rules["connect-src"]
