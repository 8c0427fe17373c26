"""TextRank: a line is telling if many telling lines share its words (Mihalcea & Tarau, 2004).

No library does this without spaCy or downloaded data; it is a short sum over the words that lines share.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from plugins.ai_assistant.summary.words import weights

DAMPING = 0.85
ROUNDS = 30
CLOSE_ENOUGH = 1e-4
# A word that very many lines have joins everything with everything, and costs the square of their number.
MOST_LINES_OF_A_WORD = 120


def rank(documents: Sequence[Sequence[str]]) -> list[float]:
    """How telling each document is, as lists of words; about 1 on average."""
    ties = _ties(documents)
    strength = [sum(weight for _, weight in row) for row in ties]
    scores = [1.0] * len(documents)
    for _ in range(ROUNDS):
        following = [
            1 - DAMPING + DAMPING * sum(weight / strength[other] * scores[other] for other, weight in row)
            for row in ties
        ]
        moved = max((abs(new - old) for new, old in zip(following, scores, strict=True)), default=0.0)
        scores = following
        if moved < CLOSE_ENOUGH:
            break
    return scores


def _ties(documents: Sequence[Sequence[str]]) -> list[list[tuple[int, float]]]:
    weight = weights(documents)
    vectors = [{word: weight[word] for word in set(document)} for document in documents]
    length = [math.sqrt(sum(value**2 for value in vector.values())) for vector in vectors]
    having: defaultdict[str, list[int]] = defaultdict(list)
    for number, vector in enumerate(vectors):
        for word in vector:
            having[word].append(number)
    ties: list[list[tuple[int, float]]] = []
    for number, vector in enumerate(vectors):
        shared: defaultdict[int, float] = defaultdict(float)
        for word, value in vector.items():
            if len(having[word]) <= MOST_LINES_OF_A_WORD:
                for other in having[word]:
                    shared[other] += value * value
        shared.pop(number, None)
        ties.append([(other, value / (length[number] * length[other])) for other, value in shared.items()])
    return ties
