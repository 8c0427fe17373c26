"""What a lecture came to: by a language model that cites what it rests on, or as a draft without one.

Functions of lines alone: they know neither the database nor the web. ``openai`` is imported by the first
question to a model.
"""

from plugins.ai_assistant.summary.drafting import draft
from plugins.ai_assistant.summary.model import Model, SummaryFailed
from plugins.ai_assistant.summary.shape import (
    Action,
    Line,
    Made,
    Question,
    Sentence,
    Summary,
    Topic,
    with_known_lines,
    without,
)
from plugins.ai_assistant.summary.writing import summarize

__all__ = [
    "Action",
    "Line",
    "Made",
    "Model",
    "Question",
    "Sentence",
    "Summary",
    "SummaryFailed",
    "Topic",
    "draft",
    "summarize",
    "with_known_lines",
    "without",
]
