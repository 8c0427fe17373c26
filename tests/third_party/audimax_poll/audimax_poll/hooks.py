"""What Audimax asks this plugin."""

from audimax_poll import polls, views
from audimax_poll.settings import RoomSettings
from core.api import (
    Event,
    Lecture,
    LectureEnded,
    Mount,
    MountPoint,
    Room,
    RoomUi,
    Section,
    Table,
    Viewer,
    db,
    hookimpl,
    room_settings,
)


@hookimpl
def blueprints() -> list[Mount]:
    return [Mount(MountPoint.ROOM, views.in_room)]


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    config = {"hidden": room_settings(room, RoomSettings).hidden, "most": polls.MOST_OPTIONS}
    return [RoomUi(module="room.js", css=("room.css",), config=config)]


@hookimpl
def lecture_sections(lecture: Lecture, viewer: Viewer) -> list[Section]:
    found = [poll for poll in polls.of(lecture) if not poll.is_open or not lecture.is_live]
    counted = polls.counts(found)
    return [results(poll, counted[poll.id]) for poll in found]


def results(poll: polls.Poll, counts: list[int]) -> Table:
    """A poll as a table: the page, the PDF and every other export know how to show it."""
    votes = sum(counts)
    rows = (
        (option, str(count), f"{count / (votes or 1):.0%}")
        for option, count in zip(poll.options, counts, strict=True)
    )
    note = "1 vote" if votes == 1 else f"{votes} votes"
    columns = ("Answer", "Votes", "Share")
    return Table(
        poll.public_id, f"Poll: {poll.question}", order=280, note=note, columns=columns, rows=tuple(rows)
    )


@hookimpl
def on_event(event: Event) -> None:
    """A poll that nobody closed ends with the lecture."""
    if isinstance(event, LectureEnded):
        lecture = db.session.get(Lecture, event.lecture_id)
        for poll in polls.of(lecture) if lecture else ():
            polls.close(poll)
