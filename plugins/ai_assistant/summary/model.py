"""A language model and the ways in which it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Code = Literal[
    "bad_key",
    "no_credit",
    "too_many",
    "down",
    "slow",
    "refused",
    "bad_answer",
    "too_long",
    "too_dear",
    "unknown",
]


@dataclass(frozen=True)
class Model:
    """A model behind an OpenAI-compatible address; prices are for a million tokens.

    ``seconds`` may one answer take, ``part_tokens`` has one question of transcript, ``most_tokens`` and
    ``most_cost`` (0: no limit) is what one summary may take in all.
    """

    name: str
    url: str
    key: str = field(default="", repr=False)
    seconds: float = 180.0
    part_tokens: int = 12_000
    most_tokens: int = 200_000
    price_in: float = 0.0
    price_out: float = 0.0
    most_cost: float = 0.0


class SummaryFailed(Exception):
    """There is no summary by this model; ``retry``: another time there may be one, ``after`` so many seconds.

    ``words`` are the server's own, for admins. Tokens are those that were spent all the same.
    """

    def __init__(
        self,
        code: Code,
        retry: bool = False,
        words: str = "",
        after: float = 0.0,
        tokens_in: int = 0,
        tokens_out: int = 0,
    ) -> None:
        super().__init__(f"{code}: {words}" if words else code)
        self.code: Code = code
        self.retry = retry
        self.words = words
        self.after = after
        self.tokens_in = tokens_in
        self.tokens_out = tokens_out
