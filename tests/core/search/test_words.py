from __future__ import annotations

import pytest

from core.search import words
from core.search.words import BEGIN, END, Query, config_of, folded, grams, marked, read, spaced


def test_words_and_phrases_are_told_apart(app):
    with app.test_request_context():
        assert read('  binary "search tree" rotation ') == Query("binary rotation", ("search tree",))
        assert read("„schwarze Löcher“ Licht") == Query("Licht", ("schwarze Löcher",))
        assert read("") is None


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("x" * 201, "at most 200 characters"),
        ("x" * 10_000, "at most 200 characters"),
        ('""', "a word to look for"),
        ('"  "', "a word to look for"),
        ("– … !", "a word to look for"),
        ("a " * 21, "at most 20 words"),
    ],
)
def test_what_has_no_words_or_too_many_is_refused(app, typed, said):
    with app.test_request_context(), pytest.raises(ValueError, match=said):
        read(typed)


def test_letters_that_are_words_belong_together_as_typed(app):
    with app.test_request_context():
        assert read("光速 light") == Query("light", ("光 速",))


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("notes.pdf", "notes pdf"),
        ("vector<int> v", "vector int  v"),
        ("光は速い", "光 は 速 い"),
        ("see https://uni.example/a", "see https:  uni example a"),
        (f"a{BEGIN}b{END}", "ab"),
    ],
)
def test_text_is_spaced_for_the_parser(text, read_as):
    assert spaced(text) == read_as


def test_what_was_found_is_marked_and_nothing_else_is_html():
    text = "a <b>bold</b> vector<int>"
    assert marked(f"a  b {BEGIN}bold{END}  b  {BEGIN}vector{END} int ", text) == (
        "a &lt;b&gt;<mark>bold</mark>&lt;/b&gt; <mark>vector</mark>&lt;int&gt;"
    )
    assert marked(f"{BEGIN}光{END} {BEGIN}速{END} は", "光速は") == "<mark>光速</mark>は"


def test_a_part_of_a_long_text_is_shown_as_it_came():
    assert marked(f"middle {BEGIN}part{END} <i>", "a long text with a middle part") == (
        "middle <mark>part</mark> &lt;i&gt;"
    )


def test_names_are_compared_without_accents_case_and_signs():
    assert folded("  Émilie du-Châtelet ") == "emilie du chatelet"
    assert folded("ŁUKASZ") and folded("李 明") == "李 明"
    assert "  e" in grams("Émilie") and "ie " in grams("Émilie")
    assert grams("!!") == []


def test_every_language_has_a_configuration():
    assert (config_of("de-AT"), config_of("pt_BR"), config_of("tlh")) == ("german", "portuguese", "simple")
    assert words.CONFIGS["en"] == "english"


def test_postgresql_knows_the_configurations(app, context):
    import sqlalchemy as sa

    from core.db import db

    there = set(db.session.scalars(sa.text("SELECT cfgname FROM pg_ts_config")))
    assert set(words.CONFIGS.values()) <= there
