"""How many tokens a text has, without a tokenizer, and what may still be spent."""

from __future__ import annotations

from dataclasses import dataclass

from plugins.ai_assistant.summary.model import Code, Model, SummaryFailed

# OpenAI names four characters of English a token (https://help.openai.com/en/articles/4936856); other
# languages have shorter ones, and tokens are made of UTF-8 bytes. A third of the bytes is more than that
# for every language, and few models disagree.
BYTES_PER_TOKEN = 3
# Models that think count their thoughts as an answer.
LONGEST_ANSWER, SHORTEST_ANSWER = 8000, 500


def estimate(text: str) -> int:
    """Tokens that a text has at most, in all likelihood."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


@dataclass
class Purse:
    """What one summary has taken so far, and what it may take."""

    model: Model
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def cost(self) -> float:
        return self._price(self.tokens_in, self.tokens_out)

    def foresee(self, tokens_in: int, tokens_out: int) -> None:
        """Fail before the first question if the whole can't be had."""
        if tokens_in + tokens_out > self.model.most_tokens:
            raise self.failed("too_long")
        if self.model.most_cost and self._price(tokens_in, tokens_out) > self.model.most_cost:
            raise self.failed("too_dear")

    def allow(self, tokens_in: int) -> int:
        """How many tokens the answer to a question of so many may have; fails if there isn't enough."""
        left = self.model.most_tokens - self.tokens_in - self.tokens_out - tokens_in
        if left < SHORTEST_ANSWER:
            raise self.failed("too_long")
        affordable = self._affordable(tokens_in)
        if affordable < SHORTEST_ANSWER:
            raise self.failed("too_dear")
        return min(LONGEST_ANSWER, left, affordable)

    def spend(self, tokens_in: int, tokens_out: int) -> None:
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out

    def failed(self, code: Code, retry: bool = False) -> SummaryFailed:
        """The failure, with what was spent until then."""
        return SummaryFailed(code, retry, tokens_in=self.tokens_in, tokens_out=self.tokens_out)

    def _affordable(self, tokens_in: int) -> int:
        model = self.model
        left = model.most_cost - self.cost - self._price(tokens_in, 0)
        if not model.most_cost or (left >= 0 and not model.price_out):
            return LONGEST_ANSWER
        return int(max(left, 0.0) / model.price_out * 1e6) if model.price_out else 0

    def _price(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.model.price_in + tokens_out * self.model.price_out) / 1e6
