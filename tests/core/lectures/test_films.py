"""Captions of a film: what was spoken, where it is in the file."""

from __future__ import annotations

from core.contracts import Film, FilmSpan, Line, Timeline
from core.lectures import films
from core.lectures.films import LONGEST, SHORTEST

CUT = Film("film", "Film", spans=(FilmSpan(0, 20, 100), FilmSpan(20, 50, 200)), length=50)


def said(*lines: tuple[float, str, str]) -> Timeline:
    return Timeline("said", "Said", lines=tuple(Line(at, who, text) for at, who, text in lines), spoken=True)


def shown(film: Film, timeline: Timeline) -> list[tuple[float, float, str]]:
    return [(cue.since, cue.until, cue.text) for cue in films.cues(film, timeline)]


def test_lines_stand_where_the_film_shows_their_moment():
    lines = said(
        (90, "Ada", "before"), (101, "Ada", "first"), (150, "Bob", "in the pause"), (210, "Bob", "later")
    )
    assert shown(CUT, lines) == [(1, 1 + SHORTEST, "first"), (30, 30 + SHORTEST, "later")]


def test_a_line_stands_until_the_next_but_long_enough_to_be_read():
    long = "word " * 60
    lines = said((100, "Ada", long), (104, "Bob", "yes"), (104.5, "Ada", long), (119, "Bob", long))
    assert [until - since for since, until, _text in shown(CUT, lines)] == [4, SHORTEST, LONGEST, 1]


def test_gaps_are_no_captions_and_who_is_not_recorded_is_told():
    film = Film("film", "Film", spans=CUT.spans, length=50, unheard=((3, 6),))
    lines = said((100, "", "Nobody listened until 0:30."), (108, "Ada", "again"))
    assert shown(film, lines) == [(3, 6, "[not recorded]"), (8, 8 + SHORTEST, "again")]


def test_a_film_without_spans_begins_with_the_lecture():
    assert shown(Film("film", "Film"), said((5, "Ada", "hello"))) == [(5, 5 + SHORTEST, "hello")]


def test_films_get_captions_only_of_what_was_spoken():
    from core.contracts import FileEntry

    video = FileEntry("a.webm", "video/webm", 1, "/files/a")
    film, own = Film("f", "F", files=(video,)), Film("g", "G", files=(video,), captions="/own.vtt")
    chat = Timeline("chat", "Chat", lines=(Line(1, "Ada", "hi"),))
    assert films.with_captions("x", [film, chat]) == [film, chat]
    made = films.with_captions("x", [film, own, said((1, "Ada", "hi"))])
    assert [one.captions for one in made[:2]] == ["/lectures/x/sections/f.vtt", "/own.vtt"]
