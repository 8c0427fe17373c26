"""Captions on the pages: a packet that says all, and LiveKit's own text stream for other clients."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from livekit import rtc

from plugins.ai_assistant.agent.lines import LONGEST_NAME, Line, Speaker

log = logging.getLogger(__name__)

TOPIC, STREAM = "transcription", "lk.transcription"
# Of one speaker. Each guess goes to everybody in the room.
INTERIM_SECONDS = 0.4
SEND_SECONDS = 2.0


class Captions:
    """Sends lines while ``are_on``; a guess that was shown is followed by its last word or taken back."""

    def __init__(self, room: rtc.Room) -> None:
        self.are_on = False
        self.started_at = 0.0
        self._room = room
        self._shown: dict[str, Line] = {}
        self._last: dict[str, float] = {}

    async def show(self, line: Line) -> None:
        """Send a line, unless it is a guess too soon after the last one."""
        if not self.are_on or not (line.final or self._is_time(line.speaker)):
            return
        if line.final:
            self._shown.pop(line.id, None)
        else:
            self._shown[line.id] = line
        await self._send(line, line.text)

    async def take_back(self, line_id: str) -> None:
        """Nothing follows on this guess."""
        shown = self._shown.pop(line_id, None)
        if shown is not None:
            await self._send(shown, "")

    async def switch(self, on: bool) -> None:
        self.are_on = on
        if not on:
            for line_id in list(self._shown):
                await self.take_back(line_id)

    def _is_time(self, speaker: Speaker) -> bool:
        now = time.monotonic()
        if now - self._last.get(speaker.track, -INTERIM_SECONDS) < INTERIM_SECONDS:
            return False
        self._last[speaker.track] = now
        return True

    async def _send(self, line: Line, text: str) -> None:
        if not self._room.isconnected():
            return
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._packet(line, text)
                await self._stream(line, text)
        except Exception as error:
            # The line itself is with the web; the next one may get through.
            log.warning("a caption was not sent: %s", type(error).__name__)

    async def _packet(self, line: Line, text: str) -> None:
        said = json.dumps(self._said(line, text), ensure_ascii=False, separators=(",", ":"))
        await self._room.local_participant.publish_data(said.encode(), reliable=True, topic=TOPIC)

    def _said(self, line: Line, text: str) -> dict[str, Any]:
        return {
            "type": "segment",
            "id": line.id,
            "identity": line.speaker.identity,
            "name": line.speaker.name[:LONGEST_NAME],
            "text": text,
            "final": line.final,
            "at": round(max(0.0, line.started_at - self.started_at), 2),
            "language": line.language,
        }

    async def _stream(self, line: Line, text: str) -> None:
        writer = await self._room.local_participant.stream_text(
            topic=STREAM,
            sender_identity=line.speaker.identity,
            attributes={
                "lk.segment_id": line.id,
                "lk.transcribed_track_id": line.speaker.track,
                "lk.transcription_final": "true" if line.final else "false",
            },
        )
        await writer.write(text)
        await writer.aclose()
