"""Takes a lecture out as cards for Anki: questions with their answers, and key topics."""

from core.api import Plugin

plugin = Plugin(
    name="anki",
    title="Anki cards",
    description="Questions with their answers and key topics, to learn with Anki.",
    requires_core=">=0.1,<0.3",
)
