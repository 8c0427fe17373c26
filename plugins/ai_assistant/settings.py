"""Who writes the captions and the summary, how much, and what an owner decides about it in a room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l

from core.api import setting

Provider = Literal["offline", "deepgram", "openai", "off"]
PROVIDERS = {
    "offline": _l("A model on our own machine"),
    "deepgram": _l("Deepgram"),
    "openai": _l("A server that speaks OpenAI's language"),
    "off": _l("None"),
}
Reader = Literal["hosts", "approved", "everyone"]
READERS = {
    "hosts": _l("The hosts only"),
    "approved": _l("Everybody who reads the lecture's page, once a host has approved it"),
    "everyone": _l("Everybody who reads the lecture's page, at once"),
}
# Deepgram takes 500 tokens of key terms, Whisper's prompt has 224.
LONGEST_GLOSSARY = 4000
LONGEST_CONSENT = 600


@dataclass(frozen=True)
class Settings:
    """For the whole installation."""

    provider: Provider = setting("offline", label=_l("Who writes the captions"), words=PROVIDERS)
    language: str = setting(
        "",
        label=_l("Language that is spoken"),
        help=_l("As en or de. Empty: that of the room. auto: the provider finds out, if it can."),
        maximum=20,
        editable=True,
    )
    deepgram_url: str = setting(
        "https://api.deepgram.com/v1/listen",
        label=_l("Deepgram's address"),
        help=_l("Theirs in the EU, or that of your own server."),
    )
    deepgram_model: str = setting("nova-3", maximum=200, label=_l("Deepgram's model"), editable=True)
    deepgram_key: str = setting("", secret=True, label=_l("Deepgram's key"))
    speech_url: str = setting(
        "https://api.openai.com/v1",
        label=_l("Address of the speech server"),
        help=_l("Of OpenAI, or of one that speaks its language: speaches, vLLM."),
    )
    speech_model: str = setting(
        "whisper-1", maximum=200, label=_l("Model of the speech server"), editable=True
    )
    speech_key: str = setting("", secret=True, label=_l("Key of the speech server"))
    whisper_folder: str = setting(
        "",
        label=_l("Folder of a Whisper model"),
        help=_l("For captions on our own machine in other languages than English, with faster-whisper."),
    )
    summary_url: str = setting(
        "https://api.openai.com/v1",
        label=_l("Address of the language model"),
        help=_l("Of OpenAI, or of one that speaks its language: Ollama, vLLM."),
    )
    summary_model: str = setting(
        "",
        maximum=200,
        label=_l("Language model that sums up"),
        help=_l("Empty: a draft of the most telling sentences is made without a model."),
        editable=True,
    )
    further_models: list[str] = setting(
        factory=list,
        maximum=50,
        label=_l("Further language models that hosts may choose"),
        help=_l("At the same address."),
        editable=True,
    )
    summary_key: str = setting("", secret=True, label=_l("Key of the language model"))
    summary_tokens: int = setting(
        200_000,
        minimum=4000,
        label=_l("Tokens that one summary may cost"),
        help=_l("Of a longer lecture, a draft is made without a model."),
        editable=True,
    )
    summary_part_tokens: int = setting(
        12_000,
        minimum=2000,
        label=_l("Tokens of transcript in one question to the language model"),
        help=_l("Longer lectures are summed up in parts, then as a whole."),
        editable=True,
    )
    summary_seconds: int = setting(
        180,
        minimum=5,
        maximum=1800,
        label=_l("Seconds that one answer of the language model may take"),
        editable=True,
    )
    price_minute: float = setting(0.0, minimum=0, label=_l("Price of a minute of speech"), editable=True)
    price_million_in: float = setting(
        0.0, minimum=0, label=_l("Price of a million tokens of transcript"), editable=True
    )
    price_million_out: float = setting(
        0.0, minimum=0, label=_l("Price of a million tokens of summary"), editable=True
    )
    most_per_summary: float = setting(
        0.0,
        minimum=0,
        label=_l("What one summary may cost"),
        help=_l("In the same money. 0: no limit."),
        editable=True,
    )
    minutes_per_day: int = setting(
        0,
        minimum=0,
        label=_l("Minutes of speech a day"),
        help=_l("Of all lectures together. 0: no limit."),
        editable=True,
    )
    lectures_at_once: int = setting(
        0,
        minimum=0,
        label=_l("Lectures with captions at the same time"),
        help=_l("0: no limit."),
        editable=True,
    )
    captions_by_default: bool = setting(
        True, label=_l("Rooms have captions unless they say otherwise"), editable=True
    )
    keep_by_default: bool = setting(
        True, label=_l("Rooms keep the transcript unless they say otherwise"), editable=True
    )
    ask_people: bool = setting(
        False,
        label=_l("Guests are written along only after they agreed"),
        help=_l("Otherwise until they object. Hosts always can object too."),
        editable=True,
    )
    erase_lines: bool = setting(
        False,
        label=_l("Deleting a person deletes what they said"),
        help=_l("Otherwise only their name goes from transcripts."),
        editable=True,
    )
    consent_text: str = setting(
        "",
        maximum=LONGEST_CONSENT,
        label=_l("What people read about it"),
        help=_l("Before they join, and in the room. Empty: words of ours."),
        editable=True,
    )
    web_url: str = setting(
        "",
        label=_l("Our own address for the captions' worker"),
        help=_l("As http://web:8000, where /api/internal is reached. Empty: the public address."),
    )
    lectures_per_worker: int = setting(
        8, minimum=1, maximum=200, label=_l("Lectures that one captions' worker takes")
    )
    idle_workers: int = setting(
        2, minimum=1, maximum=50, label=_l("Processes that wait for the next lecture")
    )

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))


Switch = Literal["default", "on", "off"]
SWITCH = {
    "default": _l("As the institution says"),
    "on": _l("On"),
    "off": _l("Off"),
}


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room; hosts switch captions and keeping during a lecture, for that lecture."""

    captions: Switch = setting(
        "default",
        label=_l("Captions"),
        help=_l("Hosts can change this during a lecture, for that lecture."),
        words=SWITCH,
    )
    keep: Switch = setting(
        "default",
        label=_l("Keep the transcript"),
        help=_l("Without it there is no summary either."),
        words=SWITCH,
    )
    screen_sound: bool = setting(False, label=_l("Write along the sound of shared screens too"))
    readers: Reader = setting("approved", label=_l("Who reads the summary"), words=READERS)
    glossary: str = setting(
        "",
        maximum=LONGEST_GLOSSARY,
        label=_l("Names and terms"),
        help=_l("One on each line, as they are written: titles of slides are added by themselves."),
    )


def _problems(made: Settings) -> Iterator[str]:
    for name in ("deepgram_url", "speech_url", "summary_url", "web_url"):
        value = getattr(made, name)
        parts = urlsplit(value)
        if value and not (parts.scheme in ("http", "https", "ws", "wss") and parts.netloc):
            yield f"{name} must be an address that starts with https:// or http://, not {value!r}"
    if made.provider == "deepgram" and not made.deepgram_key:
        yield "deepgram_key is not set: provider is deepgram"
