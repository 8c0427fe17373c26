"""The draft without a model: lines as they were said, in any language, quickly."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from plugins.ai_assistant.summary import Line, Made, Summary, draft
from plugins.ai_assistant.summary import words as words_of_a_lecture
from plugins.ai_assistant.summary.ranking import rank

THEMES = {
    "eigenvalue matrix": "The eigenvalue of a matrix tells how far the matrix stretches a vector.",
    "photosynthesis leaf": "During photosynthesis every leaf turns the light into sugar for the plant.",
    "bonds interest": "When interest rises, the bonds of the state lose value on the market.",
}
FILLER = [
    "So, let us go on.",
    "Okay.",
    "As you can see here on this slide, right.",
    "Let me just wipe the board.",
]


def lecture(lines: int, step: float = 3.6) -> list[Line]:
    """Three themes, one after the other, with words that lecturers say besides."""
    dice = random.Random(6)
    themes = list(THEMES.values())
    made = []
    for n in range(lines):
        theme = themes[n * len(themes) // lines]
        words = theme.rstrip(".").split()
        said = " ".join(dice.sample(words, 8)) + f" {dice.choice(words)} number {n}."
        made.append(Line(n + 1, n * step, "Ada", dice.choice(FILLER) if n % 3 else said))
    return made


def all_sentences(made: Made) -> list[tuple[str, list[int]]]:
    summary = made.summary
    sentences = [*summary.overview, *(one for topic in summary.topics for one in topic.text)]
    return [(one.text, one.cites) for one in sentences]


def test_a_draft_says_that_it_is_one_and_costs_nothing() -> None:
    made = draft(lecture(200), language="en")
    assert made.summary.is_draft and made.summary.actions == []
    assert (made.model, made.tokens_in, made.tokens_out, made.parts, made.cost) == ("", 0, 0, 0, 0)
    assert Summary.model_validate_json(made.summary.model_dump_json()) == made.summary


def test_every_sentence_is_the_line_that_it_cites() -> None:
    lines = {line.number: line.text for line in lecture(300)}
    sentences = all_sentences(draft(lecture(300), language="en"))
    assert len(sentences) > 10
    for text, cites in sentences:
        assert [lines[number] for number in cites] == [text]


def test_the_overview_is_spread_over_the_lecture() -> None:
    lines = lecture(600)
    overview = draft(lines, language="en").summary.overview
    assert 8 <= len(overview) <= 12
    tenths = [(one.cites[0] - 1) * 10 // len(lines) for one in overview]
    assert tenths == list(range(10))
    assert not {one.text for one in overview} & set(FILLER)


def test_topics_follow_the_time_and_are_called_by_their_most_telling_words() -> None:
    lines = lecture(480)
    topics = draft(lines, language="en").summary.topics
    assert [topic.at for topic in topics] == sorted(topic.at for topic in topics)
    assert len(topics) == 4
    at = {line.number: line.at for line in lines}
    assert all(topic.at == min(at[n] for one in topic.text for n in one.cites) for topic in topics)
    first, last = topics[0].title.lower(), topics[-1].title.lower()
    assert {"matrix", "eigenvalue", "vector", "stretches", "tells"} & set(first.split(", "))
    assert {"bonds", "interest", "market", "rises", "lose", "value"} & set(last.split(", "))
    assert not any(
        word in ("the", "of", "let", "you") for topic in topics for word in topic.title.split(", ")
    )


def test_a_question_takes_the_next_words_of_somebody_else_as_its_answer() -> None:
    lines = [
        Line(1, 0, "Ada", "Is everything all right with the sound today?"),
        Line(2, 5, "Ben", "Why does the vector keep its direction?"),
        Line(3, 9, "Ada", "Because the matrix only stretches it."),
        Line(4, 14, "Ada", "By the eigenvalue, that is."),
        Line(5, 20, "Ben", "Thanks."),
        Line(6, 30, "Ada", "Now, what might come next, I wonder?"),
        Line(7, 34, "Ada", "We come to the trace of a matrix."),
        Line(8, 40, "Ben", "And when is the exam going to be?"),
        Line(9, 400, "Ada", "Here we are again after the break."),
        Line(10, 410, "Ben", "Right?"),
    ]
    questions = draft(lines, language="en").summary.questions
    assert [(one.question[:8], one.answer, one.cites) for one in questions] == [
        ("Is every", "", [1]),
        ("Why does", "Because the matrix only stretches it. By the eigenvalue, that is.", [2, 3, 4]),
        ("Now, wha", "", [6]),
        ("And when", "", [8]),
    ]


def test_of_too_many_questions_those_with_an_answer_stay_in_order() -> None:
    lines = []
    for n in range(60):
        lines.append(Line(2 * n, n * 10.0, "Ben", f"What about the case number {n} here?"))
        lines.append(Line(2 * n + 1, n * 10.0 + 3, "Ada" if n % 2 else "Ben", "That is easy to see."))
    questions = draft(lines, language="en").summary.questions
    assert len(questions) == 20 and all(one.answer for one in questions)
    assert [one.cites[0] for one in questions] == sorted(one.cites[0] for one in questions)


@pytest.mark.parametrize(
    ("language", "said", "wanted"),
    [
        ("de", "Der Eigenwert der Matrix ist die Streckung, und das ist für den Vektor so.", "Eigenwert"),
        ("zh", "特征向量在矩阵的作用下保持方向不变。", "矩阵"),
        ("ru", "Собственное значение матрицы показывает растяжение вектора.", "матрицы"),
        ("xx", "Lorem ipsum dolor sit amet consectetur adipiscing elit.", "ipsum"),
        ("", "Das Wort zum Thema lautet Kurvenintegral, meine Damen und Herren.", "Kurvenintegral"),
    ],
)
def test_other_languages_have_drafts_too(language: str, said: str, wanted: str) -> None:
    lines = [Line(n, n * 5.0, "Ada", said) for n in range(1, 4)]
    summary = draft(lines, language=language).summary
    assert summary.overview and summary.topics
    assert wanted in said


def test_german_titles_have_no_empty_words_and_keep_their_capitals() -> None:
    lines = [Line(n, n * 5.0, "Ada", "Und der Eigenwert ist für die Matrix das Wichtige.") for n in range(20)]
    title = draft(lines, language="de-AT").summary.topics[0].title
    assert set(title.split(", ")) <= {"Eigenwert", "Matrix", "Wichtige"}


def test_without_the_list_of_empty_words_common_words_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    words_of_a_lecture.empty_words.cache_clear()
    monkeypatch.setitem(sys.modules, "stopwordsiso", None)
    topics = draft(lecture(480), language="en").summary.topics
    words_of_a_lecture.empty_words.cache_clear()
    assert topics and not any("the" in topic.title.lower().split(", ") for topic in topics)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [Line(1, 0, "", "")],
        [Line(1, 0, "Ada", "... ?!")],
        [Line(1, 0, "Ada", "Hello")],
        [Line(1, -5.0, "Ada", "It began before it began.")],
        [Line(1, 0, "Ada", "The same again."), Line(2, 0, "Ada", "The same again.")] * 50,
        [Line(1, 0, "Ada", "\x00\u202e<b>bold</b> \ud800" * 500)],
        [Line(1, 0, "Ada", "word " * 5000)],
        [Line(n, 0.0, "Ada", "?") for n in range(50)],
    ],
    ids=lambda lines: f"{len(lines)} lines",
)
def test_odd_lectures_have_drafts_that_can_be_kept(lines: list[Line]) -> None:
    made = draft(lines, language="en")
    assert Summary.model_validate_json(made.summary.model_dump_json()) == made.summary
    assert made.summary.cited() <= {line.number for line in lines}
    assert "\x00" not in made.summary.model_dump_json()


def test_lines_that_share_words_are_more_telling_than_lines_that_do_not() -> None:
    scores = rank([["matrix", "vector"], ["matrix", "vector", "space"], ["coffee"], ["matrix", "map"], []])
    assert scores[1] > scores[2] and scores[0] > scores[2] and scores[4] == scores[2]
    assert rank([]) == []


@pytest.mark.slow
def test_ninety_minutes_take_a_few_seconds() -> None:
    lines = lecture(1500)
    began = time.monotonic()
    draft(lines, language="en")
    assert time.monotonic() - began < 15


def test_the_package_starts_without_heavy_libraries() -> None:
    code = (
        "import sys, plugins.ai_assistant.summary as s;"
        "s.draft([s.Line(1, 0, 'Ada', 'Hello to everybody in this hall.')], language='en');"
        "print([n for n in ('openai', 'numpy', 'httpx2', 'livekit.agents') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
