"""All of core that plugins may use. Everything else may change without notice.

Grouped as one needs it: what a plugin is, who and what there is, routes, data, rooms, news.
"""

from typing import TYPE_CHECKING, Any

from core import order
from core.admission import remember_pass
from core.audit import record
from core.bus import notify
from core.captions import Cue, caption_time, web_vtt
from core.config import config, program_settings
from core.contracts import (
    ADMINS,
    AGENTS,
    EVERYONE,
    HOSTS,
    HOSTS_AND_ADMINS,
    PEOPLE_INSIDE,
    AdminPage,
    Audience,
    Bucket,
    Contents,
    Delivery,
    Destination,
    DirectUploads,
    EgressChanged,
    EgressState,
    EgressStatus,
    Erasure,
    Event,
    Exporter,
    Facts,
    File,
    FileChanged,
    FileEntry,
    Files,
    Film,
    FilmGap,
    FilmSpan,
    FrontDoor,
    Grants,
    HealthCheck,
    JoinRequest,
    Kind,
    LectureCut,
    LectureEnded,
    LecturePackage,
    LectureStarted,
    Line,
    Link,
    LiveSign,
    Mount,
    MountPoint,
    NoSettings,
    Parcel,
    ParticipantJoined,
    ParticipantLeft,
    Person,
    PersonalData,
    Plugin,
    Process,
    Prose,
    Retained,
    RetentionKind,
    Role,
    RoomUi,
    Section,
    SharedBucket,
    SignedRequest,
    Stat,
    Storage,
    Table,
    Thumbnails,
    Timeline,
    Verdict,
    Viewer,
)
from core.db import db, first_values, microseconds, new_public_id, now, random_id, scoped
from core.deprecation import PluginDeprecation, renamed
from core.engine.agent_keys import agent_key
from core.engine.mounts import room_api, static_url
from core.engine.personal_columns import AboutPerson, forget_personal_columns, register_personal_columns
from core.engine.plugins import settings
from core.engine.room_plugins import change_room_settings, is_enabled_in, room_settings
from core.engine.room_plugins import switch as switch_plugin
from core.engine.settings import setting, setting_fields
from core.errors import (
    ConfigError,
    ContentChanged,
    DestinationDown,
    EgressBusy,
    LiveKitDown,
    LiveKitError,
    PluginError,
    Refusal,
    StorageDown,
    StorageFull,
)
from core.exports.packing import to_json as package_to_json
from core.files import stored as files
from core.files.models import StoredFile
from core.files.stored import StoredFileAnswer, UploadPlan
from core.hookspecs import hookimpl
from core.http.forms import Form
from core.http.limits import limiter
from core.http.problems import wants_json
from core.http.security import (
    client_address,
    cookie_name,
    exact_address,
    from_machines,
    let_page_reach,
    show_what_storages_hand_out,
)
from core.http.sockets import live
from core.http.tries import Tries
from core.http.views import SIGNED_IN, Answer, Body, here, page, view
from core.jobs import defer
from core.joining import by_address_and_room
from core.lectures.cuts import is_cut, passages_of
from core.lectures.cuts import remains as remains_uncut
from core.lectures.cutting import cut as cut_lecture
from core.lectures.cutting import make_cuts_final
from core.lectures.each import for_each_lecture
from core.lectures.films import chapters as film_chapters
from core.lectures.films import lecture_topics
from core.lectures.lectures import live_in, running_in
from core.lectures.models import Lecture, Participant, same_person
from core.lectures.rows import delete_rows, held_rows
from core.lectures.tables import to_csv as table_to_csv
from core.livekit import agents, egress
from core.livekit.agent_runs import AgentRuns
from core.models import Waiting
from core.pace import Pace, in_context
from core.people.fingerprints import keyed
from core.people.hashing import HashQueue
from core.people.models import GuestSession, User
from core.people.sessions import safe_next
from core.rooms.hosts import co_hosts
from core.rooms.invitations import link as room_link
from core.rooms.models import Room
from core.rooms.page import plugin_page
from core.rooms.rooms import rotate_code
from core.search.changes import lecture_changed
from core.text import (
    clean_file_name,
    clean_message,
    clean_prose,
    clock,
    direction,
    file_name_of,
    file_size,
    one_line,
    without_towers,
)
from core.waiting import open_stream as waiting_stream

__all__ = [
    "ADMINS",
    "AGENTS",
    "EVERYONE",
    "HOSTS",
    "HOSTS_AND_ADMINS",
    "PEOPLE_INSIDE",
    "SIGNED_IN",
    "AboutPerson",
    "AdminPage",
    "AgentRuns",
    "Answer",
    "Audience",
    "Body",
    "Bucket",
    "ConfigError",
    "ContentChanged",
    "Contents",
    "Cue",
    "Delivery",
    "Destination",
    "DestinationDown",
    "DirectUploads",
    "EgressBusy",
    "EgressChanged",
    "EgressState",
    "EgressStatus",
    "Erasure",
    "Event",
    "Exporter",
    "Facts",
    "File",
    "FileChanged",
    "FileEntry",
    "Files",
    "Film",
    "FilmGap",
    "FilmSpan",
    "Form",
    "FrontDoor",
    "Grants",
    "GuestSession",
    "HashQueue",
    "HealthCheck",
    "JoinRequest",
    "Kind",
    "Lecture",
    "LectureCut",
    "LectureEnded",
    "LecturePackage",
    "LectureStarted",
    "Line",
    "Link",
    "LiveKitDown",
    "LiveKitError",
    "LiveSign",
    "Mount",
    "MountPoint",
    "NoSettings",
    "Pace",
    "Parcel",
    "Participant",
    "ParticipantJoined",
    "ParticipantLeft",
    "Person",
    "PersonalData",
    "Plugin",
    "PluginDeprecation",
    "PluginError",
    "Process",
    "Prose",
    "Refusal",
    "Retained",
    "RetentionKind",
    "Role",
    "Room",
    "RoomUi",
    "Section",
    "SharedBucket",
    "SignedRequest",
    "Stat",
    "Storage",
    "StorageDown",
    "StorageFull",
    "StoredFile",
    "StoredFileAnswer",
    "Table",
    "Thumbnails",
    "Timeline",
    "Tries",
    "UploadPlan",
    "User",
    "Verdict",
    "Viewer",
    "Waiting",
    "agent_key",
    "agents",
    "by_address_and_room",
    "caption_time",
    "change_room_settings",
    "clean_file_name",
    "clean_message",
    "clean_prose",
    "client_address",
    "clock",
    "co_hosts",
    "config",
    "cookie_name",
    "cut_lecture",
    "db",
    "defer",
    "delete_rows",
    "direction",
    "egress",
    "exact_address",
    "file_name_of",
    "file_size",
    "files",
    "film_chapters",
    "first_values",
    "for_each_lecture",
    "forget_personal_columns",
    "from_machines",
    "held_rows",
    "here",
    "hookimpl",
    "in_context",
    "is_cut",
    "is_enabled_in",
    "keyed",
    "lecture_changed",
    "lecture_topics",
    "let_page_reach",
    "limiter",
    "live",
    "live_in",
    "make_cuts_final",
    "microseconds",
    "new_public_id",
    "notify",
    "now",
    "one_line",
    "order",
    "package_to_json",
    "page",
    "passages_of",
    "plugin_page",
    "program_settings",
    "random_id",
    "record",
    "register_personal_columns",
    "remains_uncut",
    "remember_pass",
    "room_api",
    "room_link",
    "room_settings",
    "rotate_code",
    "running_in",
    "safe_next",
    "same_person",
    "scoped",
    "setting",
    "setting_fields",
    "settings",
    "show_what_storages_hand_out",
    "static_url",
    "switch_plugin",
    "table_to_csv",
    "view",
    "waiting_stream",
    "wants_json",
    "web_vtt",
    "without_towers",
]

# What had another name in the last release: old name, new name. Each is announced in core.deprecation.
RENAMED: dict[str, str] = {}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return renamed(name, __name__, RENAMED, globals())
