"""The glossary: what it puts right in what the offline model hears, and what it leaves alone."""

from __future__ import annotations

import re

import pytest

from plugins.ai_assistant.agent.speech.terms import Glossary, prompt
from tests.fixtures.livekit import ROOT
from tests.plugins.ai_assistant.agent import voices
from tests.plugins.ai_assistant.agent.test_segments import understand

TERMS = (
    *("Audimax", "eigenvalue", "eigenvector", "Fourier", "Kolmogorov", "Euler", "Hilbert space", "Laplace"),
    *("Lagrangian", "Dijkstra", "Kubernetes", "PostgreSQL", "Bayes", "Riemann", "Schrödinger", "Gauss"),
    *("Hamiltonian", "homomorphism", "thermodynamics", "Heisenberg", "mitochondria", "Habermas", "Keynes"),
)
SPOKEN = """
We used the theorem of Kolmogorov. Every eigenvector belongs to an eigenvalue. Then we looked at Kolmogorov again.
We install PostgreSQL on every machine. We write the eigenvalue below the eigenvector. We thank Kolmogorov.
"""


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("the theorem of colmogorov.", "the theorem of Kolmogorov."),
        ("the theorem of calmegora, and", "the theorem of Kolmogorov, and"),
        ("a Forier series", "a Fourier series"),
        ("Riman's sums", "Riemann's sums"),
        ("an eigen value", "an eigenvalue"),
        ("in the Audi max today", "in the Audimax today"),
        ("in the audio max", "in the Audimax"),
        ("on post-gre SQL, too", "on PostgreSQL, too"),
        ("schroedinger and dikstra", "Schrödinger and Dijkstra"),
        ("by Bays and bakes", "by Bayes and bakes"),
    ],
)
def test_what_sounds_like_a_term_becomes_it(heard: str, meant: str) -> None:
    assert Glossary(TERMS).correct(heard) == meant


@pytest.mark.parametrize(
    "text",
    ["a four-year course", "the former order", "for your eyes", "We go to the space.", "", "… 3.14!", "oil"],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert Glossary(TERMS).correct(text) == text


def test_hundreds_of_words_about_something_else_are_left_as_they_are() -> None:
    licence = (ROOT / "LICENSE").read_text("utf-8")
    assert len(re.findall(r"\w+", licence)) > 1000
    for text in (licence, voices.LECTURE):
        assert Glossary(TERMS).correct(text) == text


def test_a_glossary_without_terms_changes_nothing() -> None:
    assert Glossary(()).correct("Forier") == "Forier"


@pytest.mark.slow
def test_more_terms_of_a_spoken_text_are_right_with_the_glossary() -> None:
    sound = voices.spoken(SPOKEN)

    def right(*terms: str) -> int:
        text = " ".join(one.text for one in understand(sound, *terms)).lower()
        return sum(text.count(term) for term in ("kolmogorov", "eigenvalue", "eigenvector", "postgresql"))

    without, with_it = right(), right(*TERMS)
    assert with_it > without and with_it >= 6, (without, with_it)


def test_a_prompt_is_no_longer_than_whisper_takes() -> None:
    assert prompt(("Fourier", "Euler")) == "Fourier, Euler"
    assert 500 < len(prompt(tuple(f"term{number}" for number in range(400)))) <= 600
