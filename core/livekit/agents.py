"""Agents: participants that are programs of ours, asked to come into a lecture by their name.

LiveKit forgets a request that finds no free worker, or whose worker dies: whoever asks looks again later.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from core.config import config
from core.engine.agent_keys import agent_key
from core.errors import LiveKitDown, LiveKitError
from core.lectures.models import Lecture
from core.livekit.agent_runs import COMES_WITHIN, JUST_ASKED, SILENT, for_each_live
from core.livekit.client import livekit

__all__ = ["COMES_WITHIN", "JUST_ASKED", "SILENT", "dismiss", "dispatch", "errand", "for_each_live"]

log = logging.getLogger(__name__)


def errand(lecture: Lecture, web_url: str = "") -> dict[str, str]:
    """What sends an agent into a lecture, as ``metadata`` of ``dispatch``; ``read_errand`` reads it there.

    ``web_url``: where that program reaches us, if not at ``public_url``.
    """
    backend = (web_url or config().public_url).rstrip("/")
    return {"lecture": lecture.public_id, "backend": backend, "key": agent_key(lecture)}


def dispatch(lecture: Lecture, name: str, metadata: Mapping[str, str]) -> bool:
    """Ask for one agent of that name in place of all that were asked for before; whether LiveKit took it.

    ``metadata`` reaches the agent only, never the room. False where LiveKit is down or has no such room now.
    """
    room = lecture.public_id
    try:
        _forget(room, name)
        made = livekit().create_dispatch(room, name, json.dumps(dict(metadata)))
    except (LiveKitDown, LiveKitError) as error:
        log.warning("lecture %s: no %s can be asked for now: %s", room, name, error)
        return False
    if made is None:
        log.info("lecture %s: no %s is asked for, nobody is in it", room, name)
    return made is not None


def dismiss(lecture: Lecture, name: str, identity: str) -> None:
    """Nobody of that name is asked for any more, and the one with that identity leaves."""
    room = lecture.public_id
    try:
        _forget(room, name)
        livekit().remove_participant(room, identity)
    except (LiveKitDown, LiveKitError) as error:
        log.warning("lecture %s: %s could not be sent away: %s", room, identity, error)


def _forget(room: str, name: str) -> None:
    server = livekit()
    for earlier in server.list_dispatch(room):
        if earlier.agent_name == name:
            server.delete_dispatch(room, earlier.id)
