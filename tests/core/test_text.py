from __future__ import annotations

import pytest
from babel import Locale
from flask import Flask
from flask_babel import force_locale

from core.text import clean_message, clean_name, clean_prose, clean_title, clock, direction, file_size, moment


@pytest.fixture(autouse=True)
def _context(app: Flask):
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("  Ada \t Lovelace\n", "Ada Lovelace"),
        ("Ada\u202eecalevoL", "AdaecalevoL"),
        ("A\u200bd\u2060a\ufeff", "Ada"),
        ("Ada\x00\x07", "Ada"),
        ("A\U000e0041da", "Ada"),
        ("e\u0301", "é"),
        ("🧑\u200d🏫 Ada", "🧑\u200d🏫 Ada"),
        ("محمد", "محمد"),
        ("a" + "\u0301" * 40, "á" + "\u0301" * 4),
    ],
)
def test_a_name_keeps_its_letters_and_loses_what_deceives(typed, shown):
    assert clean_name(typed) == shown


@pytest.mark.parametrize("typed", ["", "   ", "\u200b\u200d", "\u3164", "\u0301\u0301", "\u2800", "\x00"])
def test_a_name_that_nobody_can_see_is_refused_with_words(typed):
    with pytest.raises(ValueError, match="type a name"):
        clean_name(typed)


def test_a_name_of_ten_thousand_characters_is_refused_with_the_limit():
    with pytest.raises(ValueError, match="60 characters"):
        clean_name("A" * 10_000)


def test_a_title_may_be_longer_than_a_name():
    assert clean_title("A" * 120) == "A" * 120
    with pytest.raises(ValueError, match="120"):
        clean_title("A" * 121)


def test_a_description_keeps_its_lines_and_may_be_empty():
    assert clean_prose(" one \r\n\u202e two  three \n") == "one\ntwo three"
    assert clean_prose("   ") == ""


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  if x:\r\n\treturn 1  \r\n", "  if x:\n    return 1"),
        ("\n\na\n\n\n\n\nb", "a\n\nb"),
        ("a\u202eb\u2067\u200b\x00\x07c", "ab  c"),
        ("🧑\u200d🏫", "🧑\u200d🏫"),
    ],
)
def test_a_message_keeps_its_indents_and_loses_what_deceives(typed, kept):
    assert clean_message(typed) == kept


@pytest.mark.parametrize(
    ("typed", "words"), [(" \n\u200b", "type a message"), ("x" * 4001, "4000 characters")]
)
def test_a_message_that_is_none_or_too_long_is_refused_with_words(typed, words):
    with pytest.raises(ValueError, match=words):
        clean_message(typed)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("1:02:03 Trees", ("1:02:03", "Trees")),
        ("0:07 Welcome, everybody", ("0:07", "Welcome, everybody")),
        ("12:30 2:1 majority", ("12:30", "2:1 majority")),
        ("Trees 1:02:03", ("", "Trees 1:02:03")),
        ("1:2:3 Trees", ("", "1:2:3 Trees")),
        ("12:30", ("", "12:30")),
        ("99:99 Balloons", ("", "99:99 Balloons")),
        ("", ("", "")),
    ],
)
def test_a_moment_before_words_is_told_from_them(words: str, found: tuple[str, str]) -> None:
    assert moment(words) == found


def test_what_clock_writes_is_a_moment() -> None:
    for seconds in (0, 7, 59, 60, 3_599, 3_600, 36_061):
        assert moment(f"{clock(seconds)} x") == (clock(seconds), "x")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("abc שלום", "ltr"),
        ("3) שלום abc", "rtl"),
        ("مرحبا", "rtl"),
        ("", "ltr"),
        ("123", "ltr"),
        ("漢字", "ltr"),
    ],
)
def test_the_first_letter_gives_the_direction(text: str, wanted: str) -> None:
    assert direction(text) == wanted


SIZES = [
    ("en", 0, "0 B"),
    ("en", 7, "7 B"),
    ("en", 999, "999 B"),
    ("en", 1000, "1.0 KB"),
    ("en", 999_990, "1.0 MB"),
    ("en", 1_240_000, "1.2 MB"),
    ("de", 1_240_000, "1,2 MB"),
    ("de", 2 * 10**9, "2,0 GB"),
    ("en", 1_240 * 10**12, "1240000.0 GB"),
]


@pytest.mark.parametrize(("language", "size", "words"), SIZES)
def test_a_size_is_said_in_the_readers_language(language: str, size: int, words: str) -> None:
    with force_locale(language):
        assert file_size(size) == words
    assert file_size(size, Locale.parse(language)) == words
