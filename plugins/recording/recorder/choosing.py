"""Who is in the recording, and whose picture is the one that is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

# Somebody who coughs doesn't get the picture: a speaker keeps it so long, in seconds.
KEEPS_THE_PICTURE = 2.0


class Source(StrEnum):
    """What a track is."""

    MICROPHONE = "microphone"
    SCREEN_SOUND = "screen_sound"
    CAMERA = "camera"
    SCREEN = "screen"


@dataclass(frozen=True)
class Place:
    """What of one person goes into the recording; the default is nothing."""

    is_host: bool = False
    voice: bool = False
    camera: bool = False
    screen: bool = False

    @classmethod
    def of_host(cls) -> Place:
        return cls(is_host=True, voice=True, camera=True, screen=True)

    @classmethod
    def of_guest(cls, opted_out: bool = False, camera: bool = False) -> Place:
        """A guest is heard and their screen seen, the camera only where it is allowed; or nothing at all."""
        return cls() if opted_out else cls(voice=True, camera=camera, screen=True)


@dataclass(frozen=True)
class Policy:
    """Places by LiveKit identity. Whoever isn't named isn't recorded: mistakes cost sound, not trust."""

    places: Mapping[str, Place] = field(default_factory=dict)

    def admits(self, identity: str, source: Source) -> bool:
        place = self.places.get(identity, Place())
        match source:
            case Source.MICROPHONE:
                return place.voice
            case Source.SCREEN_SOUND:
                # What they play may be their own voice.
                return place.voice and place.screen
            case Source.CAMERA:
                return place.camera
            case Source.SCREEN:
                return place.screen

    def is_host(self, identity: str) -> bool:
        return self.places.get(identity, Place()).is_host


@dataclass(frozen=True)
class Seen:
    """A track of pictures that may be shown."""

    track: str
    identity: str
    source: Source


class Stage:
    """Knows who spoke last, and keeps the choice calm."""

    def __init__(self) -> None:
        self._speaker: str | None = None
        self._since = float("-inf")

    def speak(self, identities: Sequence[str], may_be_seen: Iterable[str], now: float) -> None:
        """Who speaks now, the loudest first; of them only those count who may be seen."""
        seen = set(may_be_seen)
        speaking = [one for one in identities if one in seen]
        if self._speaker in speaking or (self._speaker in seen and now < self._since + KEEPS_THE_PICTURE):
            return
        if speaking:
            self._speaker, self._since = speaking[0], now

    def choose(self, tracks: Sequence[Seen], policy: Policy) -> Seen | None:
        """A shared screen (the newest) before the camera of who speaks, a host's before a guest's.

        ``tracks``: those that may be shown, the oldest first.
        """
        if screens := [one for one in tracks if one.source is Source.SCREEN]:
            return screens[-1]
        cameras = [one for one in tracks if one.source is Source.CAMERA]
        for camera in cameras:
            if camera.identity == self._speaker:
                return camera
        hosts = [one for one in cameras if policy.is_host(one.identity)]
        return next(iter(hosts or cameras), None)
