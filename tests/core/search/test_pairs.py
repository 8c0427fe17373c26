"""Pairs say in which lectures a phrase may be: never too few, and seldom too many."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from core.db import db
from core.search import finding, pairs
from core.search.models import SearchedLecture
from core.search.words import spaced
from tests.core.search.conftest import spoken

PEOPLE = ("Ada", "Bob", "Jørgen Æbelø", "李")
WORDS = "the of a is state-of-the-art waves wave moving moved light speed 3.5 week_3 user@uni.example ünïcode can't".split()


def kept(app, lecture: int) -> set[int]:
    with app.app_context():
        return set(db.session.get_one(SearchedLecture, lecture).pairs or ())


@pytest.mark.parametrize("language", ["en", "de", "xx"])
def test_whatever_stands_in_a_line_is_found_by_its_pairs(app, archive, language):
    dice = random.Random(language)
    said = [
        (float(n), dice.choice(PEOPLE), " ".join(dice.choices(WORDS, k=dice.randint(1, 9))))
        for n in range(60)
    ]
    lecture = archive.lecture(archive.room(), spoken(*said), language=language)
    numbers = kept(app, lecture)
    with app.app_context():
        for _at, speaker, text in said:
            words = text.split()
            begin = dice.randrange(len(words))
            phrase = " ".join(words[begin : begin + dice.randint(1, 4)])
            for one in pairs.wanted("", [spaced(phrase)]).values():
                assert set(one.by(speaker)) <= numbers, (speaker, phrase, text)


def test_numbers_are_the_same_in_the_database(app):
    with app.app_context():
        sql = "SELECT (get_byte(h, 0) << 12) + (get_byte(h, 1) << 4) + (get_byte(h, 2) >> 4) FROM (" \
              "SELECT sha256(convert_to(:one || chr(31) || :other, 'UTF8')) AS h) AS hashed"  # fmt: skip
        for one, other in (("a", "b"), ("李", "光"), ("", "x"), ("ünï", "code")):
            assert db.session.scalar(sa.text(sql), {"one": one, "other": other}) == pairs.number(one, other)
            assert 0 <= pairs.number(one, other) < 1 << pairs.BITS


def test_lectures_without_the_pair_are_not_looked_through(app, archive, monkeypatch):
    room = archive.room()
    archive.lecture(room, spoken((1, "Ada", "light has a speed")))
    together = archive.lecture(room, spoken((1, "Ada", "the speed of light")))
    real = finding._has_line
    monkeypatch.setattr(finding, "_statement", finding._statement.__wrapped__)
    monkeypatch.setattr(finding, "_has_line", lambda *about: sa.true())
    assert archive.ids('"speed of light"') == [together]
    assert archive.ids("light", speaker="Bob") == []
    monkeypatch.setattr(finding, "_has_line", real)


def test_a_pair_by_chance_is_no_phrase(app, archive):
    lecture = archive.lecture(archive.room(), spoken((1, "Ada", "light has a speed")))
    with app.app_context():
        db.session.execute(sa.update(SearchedLecture).values(pairs=list(range(1 << 10)) + [
            number for one in pairs.wanted("", ["speed of light"]).values() for number in one.phrases
        ]))  # fmt: skip
        db.session.commit()
    assert archive.ids('"speed of light"') == []
    assert archive.ids("speed light") == [lecture]


def test_a_lecture_that_was_read_before_is_looked_through(app, archive):
    lecture = archive.lecture(archive.room(), spoken((1, "Ada", "the speed of light")))
    with app.app_context():
        db.session.execute(sa.update(SearchedLecture).values(pairs=None))
        db.session.commit()
    assert archive.ids('"speed of light"') == [lecture]
    assert archive.ids("light", speaker="Ada") == [lecture]


def test_each_speaker_who_may_be_meant_counts(archive):
    room = archive.room()
    ada = archive.lecture(room, spoken((1, "Ada Lovelace", "waves"), (2, "Bob", "light")))
    other = archive.lecture(room, spoken((1, "Ada Byron", "waves of light")))
    assert archive.ids("waves", speaker="Ada") == [other, ada]
    assert archive.ids("light", speaker="Ada") == [other]
