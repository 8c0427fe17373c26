"""Every promise of a plugin, and what Anki gets."""

import csv
from dataclasses import replace

import pytest
from audimax_anki.cards import cards
from audimax_anki.export import AnkiExporter, deck_name

from core.api import Facts, LecturePackage, Prose, Table
from core.testing import PluginContract, sample_package

ODD = 'Is "∅"\ta set? <b>Yes</b>\nor no'
QUESTIONS = Table(
    "chat-questions",
    "Questions",
    columns=("Question", "Asked by", "Votes", "Answer"),
    rows=(
        (ODD, "Ann", "3", "It is,\nby axiom."),
        ("Unanswered?", "Bob", "1", ""),
        ("#1?", "Bob", "1", "Yes"),
    ),
)
TOPICS = Facts("ai_assistant-topics", "Key topics", facts=(("0:12:03 Heaps", "A tree in a list."),))
NOT_CARDS = Table("poll-1", "Poll", columns=("Answer", "Votes"), rows=(("Yes", "3"),))
PARTS = (Prose("summary", "Summary"), QUESTIONS, TOPICS, NOT_CARDS)
OPTIONS = {"deck": "", "topics": True}


def package(*parts) -> LecturePackage:
    return replace(sample_package(), title="std::vector", sections=parts or PARTS)


def rows(given: LecturePackage, **options) -> list[list[str]]:
    text = AnkiExporter().export(given, {**OPTIONS, **options}).body.read().decode()
    lines = text.split("\n", 6)
    assert all(line.startswith("#") for line in lines[:6])
    return list(csv.reader(lines[6].splitlines(keepends=True), delimiter="\t"))


class TestAnki(PluginContract):
    name = "anki"

    def package(self) -> LecturePackage:
        return package()


def test_questions_with_answers_and_topics_become_cards():
    assert [(card.front, card.back, card.tag) for card in cards(package())] == [
        (ODD, "It is,\nby axiom.", "questions"),
        ("#1?", "Yes", "questions"),
        ("Heaps", "A tree in a list.", "topics"),
    ]


def test_what_people_wrote_stays_in_its_field():
    made = rows(package())
    assert [len(row) for row in made] == [4, 4, 4]
    assert made[0][1:3] == [ODD, "It is,\nby axiom."]
    assert made[0][3] == "audimax audimax::questions"
    assert not made[1][0].startswith("#"), "Anki takes such lines for remarks"


def test_anki_is_told_what_it_needs_to_know():
    head = AnkiExporter().export(package(), OPTIONS).body.read().decode().splitlines()[:6]
    assert head == [
        "#separator:tab",
        "#html:false",
        "#notetype:Basic",
        "#deck:std:vector",
        "#guid column:1",
        "#tags column:4",
    ]


def test_a_deck_has_a_name_of_one_line():
    assert deck_name("C++ ::::\n#html:true") == "C++ : #html:true"


def test_the_same_card_keeps_its_key_when_the_answer_changes():
    before = {card.front: card.key for card in cards(package())}
    changed = replace(QUESTIONS, rows=((ODD, "Ann", "4", "Another answer."),))
    (card,) = cards(package(changed))
    assert card.key == before[ODD]
    other = cards(replace(package(changed), id="another lecture"))
    assert other[0].key != card.key, "two lectures may ask the same"


def test_a_question_that_was_asked_twice_is_one_card():
    again = replace(QUESTIONS, id="ai_assistant-questions", columns=("Q", "A"), rows=((ODD, "Other"),))
    assert [card.back for card in cards(package(QUESTIONS, again))][:1] == ["It is,\nby axiom."]
    assert len(cards(package(QUESTIONS, again))) == 2


def test_topics_can_be_left_out():
    assert [row[3] for row in rows(package(), topics=False)] == ["audimax audimax::questions"] * 2


def test_without_anything_to_learn_it_says_so():
    with pytest.raises(ValueError, match="nothing to make cards of"):
        AnkiExporter().export(package(NOT_CARDS), OPTIONS)
