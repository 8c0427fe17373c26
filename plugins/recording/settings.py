"""Who records, how it is announced, and what an owner decides about it in a room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l

from core.api import setting

Engine = Literal["recorder", "egress", "off"]
ENGINES = {
    "recorder": _l("A recorder on our own machine"),
    "egress": _l("LiveKit Egress, into the bucket where files are kept"),
    "off": _l("None: nobody can record"),
}
Who = Literal["hosts", "owner"]
WHO = {"hosts": _l("All hosts of a room"), "owner": _l("The room’s owner only")}
Sound = Literal["spoken", "sound", "none"]
SOUNDS = {
    "spoken": _l("By a voice, where the browser has one"),
    "sound": _l("By a chime"),
    "none": _l("Without a sound"),
}
Height = Literal["480", "720", "1080"]
HEIGHTS = {"480": _l("480 lines"), "720": _l("720 lines"), "1080": _l("1080 lines")}
LONGEST_NOTICE = 600


@dataclass(frozen=True)
class Settings:
    """For the whole installation."""

    engine: Engine = setting("recorder", label=_l("Who records"), words=ENGINES)
    who: Who = setting("hosts", label=_l("Who may start a recording"), words=WHO, editable=True)
    sound: Sound = setting(
        "sound", label=_l("How everybody hears that a recording begins"), words=SOUNDS, editable=True
    )
    notice_seconds: int = setting(
        4, minimum=0, maximum=60, label=_l("Seconds between the notice and the recording"), editable=True
    )
    notice_text: str = setting(
        "",
        maximum=LONGEST_NOTICE,
        label=_l("What people read about it"),
        help=_l("Before they join, and in the room. Empty: words of ours."),
        editable=True,
    )
    guests_cameras: bool = setting(
        False,
        label=_l("Guests may agree that their camera is recorded"),
        help=_l("Otherwise no guest’s camera is ever in a recording."),
        editable=True,
    )
    height: Height = setting("720", label=_l("Size of the picture"), words=HEIGHTS, editable=True)
    keep_original_days: int = setting(
        30,
        minimum=0,
        maximum=3650,
        label=_l("Days in which a cut can be taken back"),
        help=_l("So long the uncut recording is kept, for its hosts only. 0: it goes at once."),
        editable=True,
    )
    recordings_at_once: int = setting(
        2,
        minimum=1,
        maximum=1000,
        label=_l("Recordings at the same time"),
        help=_l("Of all recorders together. Each takes a third of a processor, LiveKit Egress four."),
        editable=True,
    )
    recordings_per_worker: int = setting(
        2, minimum=1, maximum=50, label=_l("Recordings that one recorder takes")
    )
    idle_workers: int = setting(
        1, minimum=1, maximum=50, label=_l("Processes that wait for the next recording")
    )
    web_url: str = setting(
        "",
        label=_l("Our own address for the recorder"),
        help=_l(
            "As http://web:8000, where /api/internal is reached, and our page by LiveKit Egress. "
            "Empty: the public address."
        ),
    )

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in points, 16 to 9 and even."""
        return {"480": (854, 480), "720": (1280, 720), "1080": (1920, 1080)}[self.height]


Start = Literal["by_hand", "by_itself", "never"]
STARTS = {
    "by_hand": _l("When a host presses record"),
    "by_itself": _l("From the beginning of every lecture"),
    "never": _l("Never"),
}
Viewers = Literal["everyone", "hosts"]
VIEWERS = {
    "everyone": _l("Everybody who reads the lecture’s page"),
    "hosts": _l("The hosts only"),
}


Downloads = Literal["none", "sound", "all"]
DOWNLOADS = {
    "none": _l("Nothing: it is watched on the page"),
    "sound": _l("The sound alone"),
    "all": _l("Video and sound"),
}


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room."""

    start: Start = setting("by_hand", label=_l("Lectures are recorded"), words=STARTS)
    viewers: Viewers = setting(
        "everyone",
        label=_l("Who watches recordings"),
        help=_l("Of what is recorded from now on."),
        words=VIEWERS,
    )
    downloads: Downloads = setting(
        "none",
        label=_l("What they may download"),
        help=_l("Hosts always may. Who watches can always find a way to copy: this is a wish, not a lock."),
        words=DOWNLOADS,
    )
    guests_cameras: bool = setting(
        True,
        label=_l("Guests may agree that their camera is recorded"),
        help=_l("Where the institution allows it."),
    )


def _problems(made: Settings) -> Iterator[str]:
    parts = urlsplit(made.web_url)
    if made.web_url and not (parts.scheme in ("http", "https") and parts.netloc):
        yield f"web_url must be an address that starts with https:// or http://, not {made.web_url!r}"
