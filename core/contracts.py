"""The values that cross the border between core and plugins: plain, frozen, typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from dataclasses import field as with_default
from datetime import datetime
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

if TYPE_CHECKING:
    from flask import Blueprint, Response

    from core.lectures.models import Lecture


# --- who somebody is -----------------------------------------------------------------


class Role(StrEnum):
    """What the caller is in the room or lecture of this request; worked out by core."""

    STRANGER = "stranger"
    WAITING = "waiting"
    PARTICIPANT = "participant"
    HOST = "host"
    ADMIN = "admin"
    AGENT = "agent"


# The agent is no person: only views of an ``INTERNAL`` mount let it in, and nobody else.
AGENTS = frozenset({Role.AGENT})
EVERYONE = frozenset(Role) - AGENTS
PEOPLE_INSIDE = frozenset({Role.PARTICIPANT, Role.HOST})
HOSTS = frozenset({Role.HOST})
HOSTS_AND_ADMINS = frozenset({Role.HOST, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})


@dataclass(frozen=True)
class Viewer:
    """Who looks at a page. ``name`` is empty for a stranger, ``identity`` outside a live lecture.

    ``user_id`` and ``guest_session_id`` are database keys: never put them into a page. ``by_link``: has
    opened a link that shares this lecture, which lets them read its page and makes them nothing else; the
    role of a stranger stays that.
    """

    role: Role
    name: str = ""
    identity: str = ""
    user_id: int | None = None
    guest_session_id: int | None = None
    by_link: bool = False

    @property
    def is_host(self) -> bool:
        return self.role is Role.HOST

    @property
    def sees_hosts_part(self) -> bool:
        """Whether sections meant for hosts may be shown to this viewer."""
        return self.role in HOSTS_AND_ADMINS


@dataclass(frozen=True)
class LiveSign:
    """A word or two about a running lecture in the live monitor, translated: “Recording”.

    ``is_trouble``: something doesn't work, and whoever looks after the service should know.
    """

    words: str
    is_trouble: bool = False


# --- joining -------------------------------------------------------------------------


class Kind(IntEnum):
    """How strict a verdict is; the strictest of all plugins wins."""

    WAIT = 1
    ASK = 2
    DENY = 3


@dataclass(frozen=True)
class Verdict:
    """What a guard says to a join it objects to. Make one with ``deny``, ``ask`` or ``wait``.

    ``reason`` is shown to the person, already translated. ``retry_after`` (seconds) turns a
    refusal into a 429. ``info`` (JSON) reaches the page of somebody who waits: place, message.
    ``stream`` is the path below your ``ROOM`` mount where they wait, if not in core's own stream.
    Only the verdict that wins is acted upon.
    """

    kind: Kind
    reason: str = ""
    field: str = ""
    label: str = ""
    check: Callable[[str], Verdict | None] | None = None
    start: Callable[[JoinRequest], None] | None = None
    retry_after: int = 0
    info: Mapping[str, Any] = with_default(default_factory=dict)
    stream: str = ""

    @classmethod
    def deny(cls, reason: str, *, retry_after: int = 0) -> Verdict:
        return cls(Kind.DENY, reason, retry_after=retry_after)

    @classmethod
    def ask(
        cls,
        field: str,
        label: str,
        check: Callable[[str], Verdict | None],
        *,
        reason: str = "",
        retry_after: int = 0,
    ) -> Verdict:
        """Ask for ``field``. ``check(answer)`` is called once for each submitted answer.

        ``check`` returns None when the answer is right (core then remembers the pass) or the
        verdict that applies now. Only ``check`` may reserve a try. It runs outside of any
        transaction and may take its time; the guards are asked again afterwards. ``retry_after``
        (seconds) keeps the question on the screen, with a 429: it is too early for another answer.
        """
        return cls(Kind.ASK, reason, field=field, label=label, check=check, retry_after=retry_after)

    @classmethod
    def wait(
        cls,
        reason: str = "",
        *,
        start: Callable[[JoinRequest], None] | None = None,
        info: Mapping[str, Any] | None = None,
        stream: str = "",
    ) -> Verdict:
        """Let the person wait. ``start(join)`` is called when the waiting begins; it may write.

        A view of yours at ``stream`` checks who asks and returns ``waiting_stream(here.room)``.
        """
        return cls(Kind.WAIT, reason, start=start, info=info or {}, stream=stream)


@dataclass(frozen=True)
class JoinRequest:
    """One person who asks to enter a room now.

    ``key`` names the person within one call of ``admit`` and is stable over reloads.
    ``email`` is set for verified accounts only. ``address`` is an IPv4 address or an IPv6
    /64. ``fingerprint`` is 64 hex digits, or empty. ``passes`` names the guards that this
    person has satisfied in this lecture. ``returning`` tells that the person was admitted to
    this lecture before. ``removed`` tells that the last time ended with a removal. ``code`` is the
    invite code of the link that the person came by, as their page says; empty when it doesn't.
    """

    key: str
    name: str
    guest_session_id: int | None = None
    user_id: int | None = None
    email: str | None = None
    fingerprint: str = ""
    address: str = ""
    passes: frozenset[str] = frozenset()
    lecture_id: int | None = None
    returning: bool = False
    removed: bool = False
    code: str = ""


@dataclass(frozen=True)
class Grants:
    """What a participant may do. Plugins can only take away (`&`)."""

    microphone: bool = True
    camera: bool = True
    screen: bool = True
    chat: bool = True

    def __and__(self, other: Grants) -> Grants:
        return Grants(*(getattr(self, f.name) and getattr(other, f.name) for f in fields(self)))

    @classmethod
    def none(cls) -> Grants:
        return cls(*(False for _ in fields(cls)))


# --- what a plugin adds at start-up ---------------------------------------------------


class MountPoint(StrEnum):
    """Where a blueprint is mounted, and what core has checked before its views run.

    ``SITE`` /plugins/<name> · ``ROOM`` /api/rooms/<room_id>/<name> · ``LECTURE``
    /api/lectures/<lecture_id>/<name> · ``INTERNAL`` /api/internal/lectures/<lecture_id>/<name>
    (callers prove themselves by the lecture's agent key). A ``<room_id>`` in the address of a
    ``SITE`` view is found like that of a ``ROOM`` mount.
    """

    SITE = "site"
    ROOM = "room"
    LECTURE = "lecture"
    INTERNAL = "internal"


@dataclass(frozen=True)
class Mount:
    """A Flask blueprint and its place. Its name is the plugin's, or starts with ``<name>_``."""

    at: MountPoint
    blueprint: Blueprint


@dataclass(frozen=True)
class FrontDoor:
    """Stands before everything that the web serves, whoever asks; given beside the mounts.

    ``keeps_out()`` looks at Flask's ``request`` and gives None for what may come in, or the response that is
    sent instead; a ``Refusal`` that it raises is answered as usual. It is asked before all else, at every
    request and before every message of a WebSocket: be quick, and write nothing. When it raises anything
    else, answers something else or takes longer than 5 s, the door stays shut (503), and admins read why. Of
    several doors each must let in.

    Not asked about: your own ``SITE`` mount and static files, ``/healthz``, ``/readyz``, ``/metrics``,
    LiveKit's webhook and ``/api/internal`` (whoever asks there proves it by a signature).
    """

    keeps_out: Callable[[], Response | None]


@dataclass(frozen=True)
class Process:
    """A program to run beside the web. ``argv[0]`` may be ``{python}``; restarted when it dies."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = with_default(default_factory=dict)


@dataclass(frozen=True)
class AdminPage:
    """An entry of the admin menu. ``endpoint`` is a Flask endpoint of a ``SITE`` mount."""

    id: str
    title: str
    endpoint: str
    icon: str = "puzzle"


@dataclass(frozen=True)
class HealthCheck:
    """``run()`` returns when all is well and raises, with what to do, when it is not."""

    name: str
    run: Callable[[], None]
    timeout: float = 5.0


@dataclass(frozen=True)
class RoomUi:
    """An ES module for the room page, with ``export default function setup(room)``.

    ``module`` and ``css`` are paths below the plugin's ``static`` folder; empty for a
    first-party plugin, whose built ``ui/room`` is taken. ``config`` must be JSON and may be
    read by everybody in the room. ``notice``: words that people should read before they join.
    """

    module: str = ""
    css: tuple[str, ...] = ()
    config: Mapping[str, Any] = with_default(default_factory=dict)
    api_version: int = 1
    notice: str = ""


# --- files ---------------------------------------------------------------------------


@dataclass(frozen=True)
class File:
    """A finished file; ``body`` is read once, from its beginning, then closed."""

    name: str
    mime: str
    body: BinaryIO


@dataclass(frozen=True)
class Link:
    """Where an export went that is not a file."""

    url: str
    title: str = ""


@runtime_checkable
class Exporter(Protocol):
    """A way to take a lecture out: as a file to download, or as a link to where it went.

    It runs in a process of its own, behind walls: no network, no database, no secrets (those of your
    settings have their defaults there), no files but your code, libraries, fonts and a folder for what is
    temporary; its memory, its time and its file are limited (``export_…`` of core's settings).

    Further attributes that you may have: ``description`` (a line for the person who chooses), ``options``
    (a dataclass of ``setting(…)`` fields: core makes a form of it and checks what comes), ``wants_files``
    (True: every ``FileEntry`` has a ``path`` to read its bytes from), ``reads`` (further paths that you
    have to read, such as a logo).
    """

    id: str
    title: str

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File | Link:
        """Gives what was made. Raise ``ValueError`` with words for the person."""
        ...


@dataclass(frozen=True)
class Contents:
    """What is to be brought: what ``exporters`` of these ids make, and the lecture's ``files``."""

    exporters: tuple[str, ...] = ()
    files: bool = False


@dataclass(frozen=True)
class Parcel:
    """One file of a delivery. ``path`` has its bytes until you ask for the next one; ``size`` counts them.

    ``key`` tells what it is within its lecture, the same words each time: the exporter's id, or ``file:`` and
    the public id of a file.
    """

    key: str
    name: str
    mime: str
    size: int
    path: Path


@dataclass(frozen=True)
class Delivery:
    """What is to be brought to a destination, for whom. ``room_id`` is the room's public id.

    ``parcels`` are made and fetched one by one as you go through them, once. ``is_wanted(seconds)`` waits so
    long at most and gives False as soon as nobody wants it any more, or its time is over: ask before each
    piece that you send, and wait by it. What you do or raise after a False isn't looked at.
    """

    package: LecturePackage
    options: Mapping[str, Any]
    owner: Viewer
    room_id: str
    parcels: Iterable[Parcel]
    is_wanted: Callable[[float], bool]


@runtime_checkable
class Destination(Protocol):
    """A place elsewhere to which a lecture is taken, such as somebody's drive. Given by ``exporters()`` too.

    It runs in a job with the network, the database and your settings, and may take ``delivery_minutes`` (of
    core's settings). What it brings was made behind walls, by the exporters that it names. The job may run
    again, after a worker died or what you raised: never leave a second copy.

    Further attributes that you may have: ``description``, ``options`` (as those of an ``Exporter``),
    ``needs_account`` (True: guests aren't offered it), and ``page`` (the path of a page of yours on which
    people see how it is set up for them; linked where it is chosen).
    """

    id: str
    title: str

    def contents(self, options: Mapping[str, Any]) -> Contents:
        """What is to be brought along. Raise ``ValueError`` with words for who has chosen nothing."""
        ...

    def ready(self, viewer: Viewer, lecture: Lecture) -> Link | None:
        """None when this person can use it; else the path of a page of yours where they make it ready.

        Asked when the page with all ways is shown and when somebody chooses it: read, and nothing else.
        """
        ...

    def deliver(self, delivery: Delivery) -> Link:
        """Gives where it is now. Raise ``ValueError`` with words for the person.

        ``DestinationDown``, with words too, for what passes: it is tried again, five times at most.
        """
        ...


@dataclass(frozen=True)
class Stat:
    """What a storage knows of a kept file: its ``size`` in bytes, and an ``etag`` that names this content."""

    size: int
    etag: str


@runtime_checkable
class Storage(Protocol):
    """A place that keeps files. Every stored file remembers the ``id`` of its storage.

    Keys are made by core: ASCII, at most 200 characters, never from a person's input. Bytes are
    streamed, never held whole in memory. A missing key is a ``FileNotFoundError``, a place that
    can't be reached (or is full, or refuses us) a ``StorageDown`` with words for an admin.
    """

    id: str

    def save(self, key: str, body: BinaryIO, mime: str) -> None:
        """Keep everything that ``body`` gives; half of it is never seen under the key."""
        ...

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """The bytes from ``start`` on, ``length`` of them at most; the caller closes it."""
        ...

    def stat(self, key: str) -> Stat | None:
        """None where nothing is kept under the key."""
        ...

    def copy(self, source: str, target: str, etag: str) -> None:
        """Keep the content of ``source`` under ``target`` too; ``ContentChanged`` if it has another tag."""
        ...

    def delete(self, key: str) -> None:
        """Quietly so where nothing is kept under the key."""
        ...

    def list(self, prefix: str) -> Iterable[str]:
        """All keys that begin so."""
        ...

    def url(self, key: str, name: str, mime: str, seconds: int) -> str | None:
        """A short-lived download address (as an attachment of that name), or None where core streams."""
        ...


@dataclass(frozen=True)
class SignedRequest:
    """What a browser sends to a storage by itself: ``method`` and ``url`` with exactly these headers."""

    method: str
    url: str
    headers: Mapping[str, str] = with_default(default_factory=dict)


@runtime_checkable
class DirectUploads(Protocol):
    """What a storage has too, if browsers can send files to it past our server.

    Small files go in one request, large ones in parts. Every address is signed for one key, for
    the exact number of bytes, and for so many seconds.
    """

    @property
    def origins(self) -> tuple[str, ...]:
        """Where browsers send to, for the pages' content policy: ``https://files.uni.example``."""
        ...

    def upload(self, key: str, size: int, mime: str, seconds: int) -> SignedRequest:
        """How to send the whole file in one request."""
        ...

    def begin_parts(self, key: str, mime: str) -> str:
        """Begin an upload in parts; its id."""
        ...

    def part(self, key: str, upload: str, number: int, size: int, seconds: int) -> SignedRequest:
        """How to send one part; numbers begin with 1."""
        ...

    def parts(self, key: str, upload: str) -> Mapping[int, Stat]:
        """The parts that have come, by number; ``FileNotFoundError`` for an upload that is over."""
        ...

    def finish_parts(self, key: str, upload: str) -> None:
        """Join all parts that have come to one file; quietly so when that was done before."""
        ...

    def drop_parts(self, key: str, upload: str) -> None:
        """Forget an upload and its parts; quietly so when it is over."""
        ...

    def unfinished(self, prefix: str) -> Iterable[tuple[str, str]]:
        """Key and id of every upload in parts that was begun and neither finished nor dropped."""
        ...


@dataclass(frozen=True)
class Bucket:
    """Where a storage keeps its files, and the key to it: what LiveKit Egress has to know to write one there.

    ``endpoint`` is empty for AWS. ``prefix`` stands before the keys of all files. Its ``repr`` tells neither
    ``access_key`` nor ``secret_key``.
    """

    name: str
    region: str
    access_key: str = with_default(repr=False)
    secret_key: str = with_default(repr=False)
    endpoint: str = ""
    path_style: bool = False
    prefix: str = ""


@runtime_checkable
class SharedBucket(Protocol):
    """What a storage has too, if its files are in a bucket of S3 that programs of ours may write to.

    Whoever gets the bucket hands it to LiveKit Egress and to nobody else, and logs nothing of it.
    """

    @property
    def bucket(self) -> Bucket:
        """The bucket."""
        ...


# --- a lecture as data ---------------------------------------------------------------


class Audience(StrEnum):
    EVERYONE = "everyone"
    HOSTS = "hosts"


@dataclass(frozen=True)
class Section:
    """A typed part of a lecture. ``id`` is unique within its plugin; sections sort by ``order``.

    ``note``: a line of small print below the title, such as who made it. ``link`` leads to where this
    viewer can do more with it; it is shown on the page only. ``busy``: what is still being made of it, in
    words like "The summary is being made …"; the head of the page shows it, and takes it away by itself
    when you have told of the change (``notify(f"lecture:{lecture.id}")``) and leave it empty.
    """

    id: str
    title: str
    audience: Audience = Audience.EVERYONE
    order: int = 100
    note: str = ""
    link: Link | None = None
    busy: str = ""


@dataclass(frozen=True)
class Prose(Section):
    """Paragraphs of plain text (never HTML or Markdown)."""

    paragraphs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One line of a timeline. ``at`` counts seconds from the lecture's start.

    ``until``: when it was over, for what was spoken; 0 where nobody knows. ``by_host``: a host of the lecture
    said it. That is shown beside the name, which has nothing but the name in it: people are found by it.
    """

    at: float
    speaker: str
    text: str
    id: str = ""
    until: float = 0.0
    by_host: bool = False


@dataclass(frozen=True)
class Timeline(Section):
    """Lines in order of time: transcript, chat.

    Who was asked for the first lines only, and gives no more, says how many there are in ``total`` (0: as
    many as are given). ``version`` names the content: it is another one when any line is, the same however
    many are given. Without it core makes one of the lines, and so needs all of them. ``spoken``: they were
    said aloud, so that a film of the lecture has them as captions.
    """

    lines: tuple[Line, ...] = ()
    total: int = 0
    version: str = ""
    spoken: bool = False


@dataclass(frozen=True)
class Facts(Section):
    """Pairs of a name and a value.

    A name that begins with a moment of the lecture and a space, as ``clock`` writes it (``12:30 Trees``), is
    on the lecture page a link to that moment. ``chapters``: these moments divide the lecture, and a film of
    it that has no chapters of its own has them.
    """

    facts: tuple[tuple[str, str], ...] = ()
    chapters: bool = False


@dataclass(frozen=True)
class Table(Section):
    """Attendance, poll results. Every row has as many cells as there are columns."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class FileEntry:
    """A file that belongs to a lecture; ``size`` in bytes. ``preview``: the address of a small picture.

    ``path``: where its bytes are, for an exporter that ``wants_files``; empty where they can't be had.
    """

    name: str
    mime: str
    size: int
    url: str
    preview: str = ""
    path: str = ""


@dataclass(frozen=True)
class Files(Section):
    """Files that were shared or made."""

    files: tuple[FileEntry, ...] = ()


@dataclass(frozen=True)
class FilmSpan:
    """Seconds ``start`` to ``end`` of a film's file show the lecture from its second ``at`` on."""

    start: float
    end: float
    at: float


@dataclass(frozen=True)
class FilmGap:
    """At second ``at`` of a film's file so many ``seconds`` of the lecture are missing."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Thumbnails:
    """Small pictures of a film, all in the one at ``url``: row by row, ``across`` of them in each.

    Each is ``width`` by ``height`` pixels. There are ``count``, the first of second 0 of the file, then one
    ``every`` so many seconds.
    """

    url: str
    width: int
    height: int
    across: int
    every: float
    count: int


@dataclass(frozen=True)
class Film(Files):
    """A recording, which the lecture's page plays; to whoever knows ``Files`` it is some.

    ``files`` can be downloaded; the first of them is played (``video/webm`` or ``video/mp4``), unless
    ``plays`` is another one that is only watched. There is none while it is still being made (``busy``). All
    times are seconds of that file, but for ``at`` of a ``FilmSpan``.

    ``spans``, in order, say which part of the file shows which of the lecture; without any, second 0 of the
    file is the lecture's. ``gaps`` and ``chapters`` (second and title) are marked where they are, in order
    too; without any chapters core takes them from ``Facts``. ``captions``: the address of a WebVTT file; this
    server must answer there by itself, without leading on to a storage, for browsers take captions from
    nowhere else. Empty: core makes them of the lecture's spoken timeline, and says where somebody isn't
    recorded (``unheard``: from which second to which). ``language``: what is spoken, ``en`` or ``pt-BR``.
    ``length`` in seconds, 0 where only the file knows. Addresses begin with ``/``.
    """

    plays: FileEntry | None = None
    spans: tuple[FilmSpan, ...] = ()
    gaps: tuple[FilmGap, ...] = ()
    chapters: tuple[tuple[float, str], ...] = ()
    captions: str = ""
    language: str = ""
    thumbnails: Thumbnails | None = None
    length: float = 0.0
    unheard: tuple[tuple[float, float], ...] = ()

    @property
    def played(self) -> FileEntry | None:
        """The file that the page plays."""
        return self.plays or next(iter(self.files), None)


# What is a special case of another comes before it.
SECTION_TYPES: tuple[type[Section], ...] = (Prose, Timeline, Facts, Table, Film, Files)


@dataclass(frozen=True)
class LecturePackage:
    """A lecture as one viewer may see it: the only thing that exporters get."""

    id: str
    title: str
    room_title: str
    started_at: datetime
    ended_at: datetime | None
    language: str
    sections: tuple[Section, ...]


# --- what happened -------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """Something that core has committed. Ids are database keys; the rows may be gone by now."""

    room_id: int


@dataclass(frozen=True)
class LectureStarted(Event):
    lecture_id: int


@dataclass(frozen=True)
class LectureEnded(Event):
    lecture_id: int


@dataclass(frozen=True)
class LectureCut(Event):
    """Other passages than before are cut out of the lecture: what you keep as files of it is to be made anew.

    ``for_good``: that can't be taken back any more, so delete what was said in them.
    """

    lecture_id: int
    for_good: bool


@dataclass(frozen=True)
class FileChanged(Event):
    """A file of yours was finished, refused, scanned, or has a preview now: look at it again.

    Told to all plugins; ``plugin`` says whose file it is.
    """

    lecture_id: int
    file_id: int
    plugin: str


@dataclass(frozen=True)
class ParticipantJoined(Event):
    """Media is connected; fires again after a lost connection."""

    lecture_id: int
    participant_id: int


@dataclass(frozen=True)
class ParticipantLeft(Event):
    lecture_id: int
    participant_id: int


class EgressStatus(StrEnum):
    """How far an egress of LiveKit has come. From ``complete`` on it is over; ``limit``: it was cut off."""

    STARTING = "starting"
    ACTIVE = "active"
    ENDING = "ending"
    COMPLETE = "complete"
    FAILED = "failed"
    ABORTED = "aborted"
    LIMIT = "limit"


@dataclass(frozen=True)
class EgressState:
    """What LiveKit says of an egress. ``error``: in its words, for logs.

    ``file`` is the path of its file in the bucket, ``size`` its bytes, as Egress says; the storage knows
    better. ``started_at`` and ``ended_at`` (unix seconds on the clock of Egress): from when to when the file
    was recorded.
    """

    id: str
    status: EgressStatus
    error: str = ""
    file: str = ""
    size: int = 0
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def is_over(self) -> bool:
        return self.status not in (EgressStatus.STARTING, EgressStatus.ACTIVE, EgressStatus.ENDING)


@dataclass(frozen=True)
class EgressChanged(Event):
    """LiveKit has said something of an egress of this lecture: the fields are those of ``EgressState``.

    LiveKit says it late, twice, or in another order; it may also say nothing at all.
    """

    lecture_id: int
    egress_id: str
    status: str
    error: str
    file: str
    size: int
    started_at: float | None
    ended_at: float | None

    @property
    def state(self) -> EgressState:
        """All that was said."""
        return EgressState(
            self.egress_id,
            EgressStatus(self.status),
            self.error,
            self.file,
            self.size,
            self.started_at,
            self.ended_at,
        )


EVENT_TYPES: tuple[type[Event], ...] = (
    LectureStarted,
    LectureEnded,
    ParticipantJoined,
    ParticipantLeft,
    FileChanged,
    LectureCut,
    EgressChanged,
)


# --- people's data -------------------------------------------------------------------


@dataclass(frozen=True)
class Person:
    """Somebody whose data is asked for: an account, guest sessions, or both, by database key."""

    user_id: int | None
    guest_session_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class PersonalData:
    """What a plugin keeps of a person: rows as JSON, by table."""

    tables: Mapping[str, Sequence[Mapping[str, Any]]]


class Erasure(Enum):
    """What erasing a person does to a column that is about them."""

    DELETE_ROW = "delete_row"
    BLANK = "blank"
    ANONYMISE_NAME = "anonymise_name"


# --- how long it is kept --------------------------------------------------------------


class RetentionKind(StrEnum):
    """What institutions keep of lectures for so many days, each kind by a rule of its own.

    ``TRANSCRIPTS``: what was said, and what was made of that. ``CHAT``: what people wrote. ``FILES``: what
    they shared. ``RECORDINGS``: sound and film. ``PARTICIPANTS``: who took part. ``LECTURES``: all of it,
    which is core's alone.
    """

    TRANSCRIPTS = "transcripts"
    CHAT = "chat"
    FILES = "files"
    RECORDINGS = "recordings"
    PARTICIPANTS = "participants"
    LECTURES = "lectures"


@dataclass(frozen=True)
class Retained:
    """What a plugin keeps of lectures that goes when the rule for its kind says so.

    ``held(lectures)`` gets a SELECT of database keys of lectures and gives a SELECT with two columns: the key
    of each that has something of this kind, and how much: messages, lines, files. Core puts it into a
    statement of its own, so nothing else may be in it. Once ``remove`` is through, it finds nothing any more.

    ``remove(lecture)`` deletes all of it, files by ``files.delete``. The lecture is over and locked, and no
    job is at work for it. Names of participants are still known; core's own go when every plugin's are gone.
    Never commit; once more must do no harm. When it raises, what it did is taken back
    and it is tried again the next day. Core forgets exports and what search knows by itself.
    """

    kind: RetentionKind
    held: Callable[[Any], Any]
    remove: Callable[[Lecture], None]

    @property
    def name(self) -> str:
        return self.kind.value


# --- the plugin itself ---------------------------------------------------------------


@dataclass(frozen=True)
class NoSettings:
    """For plugins without settings."""


@dataclass(frozen=True)
class Plugin:
    """What a plugin says about itself, as ``plugin`` in its ``__init__.py``.

    ``room_settings``: a dataclass whose fields all have defaults; the plugin can then be
    switched on and off in each room. ``guard``: it keeps the door, so a room that asks for it
    denies entry while it is not enabled. ``on_by_default``: rooms have it unless switched off.
    ``narrows_co_hosts``: what it says in ``narrow_grants`` about co-hosts counts; without it hosts
    keep every right, and the owner keeps them always.
    ``room_page``: the endpoint of a page of a ``SITE`` mount with ``<room_id>`` in its address and
    ``roles=HOSTS``; the room's page and its form lead there, by the words of ``room_page_title``.
    ``order``: its place in the room form, smaller first; the door comes before what goes on inside.
    ``title``, ``description`` and ``room_page_title`` are marked for translation with ``lazy_gettext``.
    """

    name: str
    title: Any
    requires_core: str
    version: str = ""
    description: Any = ""
    settings: type = NoSettings
    room_settings: type | None = None
    guard: bool = False
    on_by_default: bool = True
    narrows_co_hosts: bool = False
    room_page: str = ""
    room_page_title: Any = ""
    order: int = 100
