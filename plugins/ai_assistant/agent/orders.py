"""What the web wants: the answer to each report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from plugins.ai_assistant.agent.speech import Wanted

TEXTS = frozenset(one.name for one in fields(Wanted)) - {"terms"}


@dataclass(frozen=True)
class Orders:
    """``started_at`` is when the lecture began, in unix seconds on the web's clock.

    ``wait``: it isn't known yet whether somebody else is still in the lecture.
    """

    now: float
    started_at: float
    leave: bool = False
    wait: bool = False
    captions: bool = False
    keep: bool = False
    screen_sound: bool = False
    heard_by_default: bool = False
    exceptions: frozenset[str] = frozenset()
    wanted: Wanted = field(default_factory=Wanted)

    @property
    def needs_ears(self) -> bool:
        return (self.captions or self.keep) and self.wanted.provider != "off"

    def hears(self, identity: str) -> bool:
        """Whether this person may be written along."""
        return self.heard_by_default != (identity in self.exceptions)


def read(said: Mapping[str, Any]) -> Orders:
    """The web's answer; raises ``ValueError`` when it isn't one."""
    try:
        speech = said["speech"]
        texts = {name: str(speech.get(name, "")) for name in TEXTS}
        return Orders(
            now=float(said["now"]),
            started_at=float(said["started_at"]),
            leave=said["leave"] is True,
            wait=said.get("wait") is True,
            captions=said["captions"] is True,
            keep=said["keep"] is True,
            screen_sound=said["screen_sound"] is True,
            heard_by_default=said["heard_by_default"] is True,
            exceptions=frozenset(map(str, said["exceptions"])),
            wanted=Wanted(terms=tuple(map(str, speech.get("terms", ()))), **texts),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the web's answer lacks something: {type(error).__name__}") from error
