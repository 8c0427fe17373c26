"""What the web wants: the answer to each report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plugins.recording.recorder.choosing import Place, Policy


@dataclass(frozen=True)
class Orders:
    """Times in unix seconds on the web's clock. ``places`` is None where they are as before.

    ``wait``: it isn't known yet whether another one still records.
    """

    now: float
    leave: bool
    wait: bool
    is_paused: bool
    begins_at: float
    title: str
    width: int
    height: int
    policy: str
    places: Policy | None


def read(said: Mapping[str, Any]) -> Orders:
    """The web's answer; raises ``ValueError`` when it isn't one."""
    try:
        return Orders(
            now=float(said["now"]),
            leave=said["leave"] is not False,
            wait=said["wait"] is True,
            is_paused=said["record"] != "on",
            begins_at=float(said["begins_at"]),
            title=str(said["title"]),
            width=int(said["width"]),
            height=int(said["height"]),
            policy=str(said["policy"]),
            places=_places(said.get("places")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the web's answer lacks something: {type(error).__name__}") from error


def _places(said: Mapping[str, Mapping[str, Any]] | None) -> Policy | None:
    if said is None:
        return None
    return Policy({str(who): _place(one) for who, one in said.items()})


def _place(said: Mapping[str, Any]) -> Place:
    # Only what is said clearly is recorded.
    may = {name: said.get(name) is True for name in ("voice", "camera", "screen")}
    return Place(is_host=said.get("host") is True, **may)
