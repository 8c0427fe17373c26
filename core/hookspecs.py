"""Every way a plugin can change the product, and nothing else.

No hook is ``firstresult`` and no decision depends on the order of plugins: verdicts are ranked,
grants are and-ed, lists are joined, ids are unique. A hook may leave out arguments it doesn't need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from core.contracts import (
    AdminPage,
    Destination,
    Event,
    Exporter,
    FrontDoor,
    Grants,
    HealthCheck,
    JoinRequest,
    LiveSign,
    Mount,
    Person,
    PersonalData,
    Process,
    Retained,
    RoomUi,
    Section,
    Storage,
    Verdict,
    Viewer,
)
from core.deprecation import Leaving

if TYPE_CHECKING:
    import procrastinate

    from core.lectures.models import Lecture, Participant
    from core.rooms.models import Room

PROJECT = "audimax"
hookimpl = pluggy.HookimplMarker(PROJECT)
_mark = pluggy.HookspecMarker(PROJECT)
F = TypeVar("F", bound=Callable[..., Any])


class OnError(StrEnum):
    """What core does when a plugin raises or answers with the wrong type."""

    STOP = "stop"
    DENY = "deny"
    SKIP = "skip"
    RETRY = "retry"


def hookspec(
    returns: Any, on_error: OnError, each: Any = None, leaving: Mapping[str, Leaving] = MappingProxyType({})
) -> Callable[[F], F]:
    """Mark a spec; keep its error policy and the type of its answer next to its signature.

    ``returns`` is the container's type (list, dict, NoneType …), ``each`` that of its values. ``leaving``
    names arguments that go away, or the hook itself: plugins that have them are warned when they are loaded.
    """

    def mark(spec: F) -> F:
        marked = _mark(spec)
        marked.returns, marked.on_error, marked.each = returns, on_error, each  # type: ignore[attr-defined]
        marked.leaving = leaving  # type: ignore[attr-defined]
        return marked

    return mark


# --- once, at start-up ---------------------------------------------------------------


@hookspec(returns=list, each=Mount | FrontDoor, on_error=OnError.STOP)
def blueprints() -> list[Mount | FrontDoor]:  # type: ignore[empty-body]
    """Your routes with templates, static files and CLI commands, as Flask blueprints by mount.

    Every view declares the roles that may call it with ``@view``. A ``FrontDoor`` stands before everybody's
    routes; it keeps shut when it fails. Called by ``core.engine.mounts``.
    """


@hookspec(returns=list, each=Storage, on_error=OnError.STOP)
def storages() -> list[Storage]:  # type: ignore[empty-body]
    """Places that keep files; a setting picks the one for new files. Called by ``core.engine.offers``."""


@hookspec(returns=list, each=Exporter | Destination, on_error=OnError.STOP)
def exporters() -> list[Exporter | Destination]:  # type: ignore[empty-body]
    """Ways to take a lecture out, and places to take it to. Called by ``core.engine.offers``."""


@hookspec(returns=list, each=AdminPage, on_error=OnError.STOP)
def admin_pages() -> list[AdminPage]:  # type: ignore[empty-body]
    """Entries of the admin menu. Called by ``core.engine.offers``."""


@hookspec(returns=list, each=HealthCheck, on_error=OnError.STOP)
def health_checks() -> list[HealthCheck]:  # type: ignore[empty-body]
    """What must work for you to work; shown by ``audimax doctor``. Called by ``core.engine.offers``."""


@hookspec(returns=list, on_error=OnError.STOP)
def jobs() -> list[procrastinate.Blueprint]:  # type: ignore[empty-body]
    """Background tasks: procrastinate blueprints, their tasks named ``<plugin>:…``.

    Every task may run twice or come late. Called by ``core.jobs``.
    """


@hookspec(returns=list, each=Retained, on_error=OnError.STOP)
def retention() -> list[Retained]:  # type: ignore[empty-body]
    """What you keep of lectures and remove when an institution's rules say so; each kind once.

    Called by ``core.engine.offers``, and what you gave by ``core.retention``: never for lectures that run.
    """


@hookspec(returns=list, each=Process, on_error=OnError.STOP)
def processes() -> list[Process]:  # type: ignore[empty-body]
    """Programs to run beside the web. Called by ``core.engine.offers``."""


# --- when somebody joins -------------------------------------------------------------


@hookspec(returns=dict, each=Verdict, on_error=OnError.DENY)
def admit(room: Room, joins: Sequence[JoinRequest]) -> Mapping[str, Verdict]:  # type: ignore[empty-body]
    """Your verdict, by ``join.key``, for each join you object to.

    The strictest verdict of all plugins wins: deny, then ask, then wait. Asked at every join and
    wake, for many at once: read with one query, never write. Hosts of the room are not asked
    about. Called by ``core.admission``.
    """


@hookspec(returns=dict, each=Grants, on_error=OnError.DENY)
def narrow_grants(room: Room, participants: Sequence[Participant]) -> Mapping[int, Grants]:  # type: ignore[empty-body]
    """The grants you leave, by ``participant.id``, to those you narrow; and-ed per right.

    The room's owner is never asked about. What you say of a co-host (``participant.is_host``)
    counts only if your manifest says ``narrows_co_hosts``. Called by ``core.admission``.
    """


# --- when a page is shown ------------------------------------------------------------


@hookspec(returns=list, each=RoomUi, on_error=OnError.SKIP)
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:  # type: ignore[empty-body]
    """Your browser code for the room page. Called by ``core.rooms.page``."""


@hookspec(returns=list, each=Section, on_error=OnError.SKIP)
def lecture_sections(lecture: Lecture, viewer: Viewer, lines: int | None) -> list[Section]:  # type: ignore[empty-body]
    """Your typed parts of a lecture.

    ``lines``: so many of each timeline are enough now, from the first on; None for all of them. Whoever
    gives all of them always is right too, and slower. Called by ``core.lectures.sections``.
    """


@hookspec(returns=dict, each=LiveSign, on_error=OnError.SKIP)
def live_signs(lecture_ids: Sequence[int]) -> Mapping[int, LiveSign]:  # type: ignore[empty-body]
    """What administrators see of your part in running lectures, by the lecture's id; nothing where it rests.

    Asked for all of them at each change: read with one query. Say ``notify("live")`` when yours has changed.
    Called by ``core.admin.monitor``.
    """


# --- people's data -------------------------------------------------------------------


@hookspec(returns=PersonalData, on_error=OnError.RETRY)
def personal_data(person: Person) -> PersonalData:  # type: ignore[empty-body]
    """What you keep of somebody beside the columns your migrations registered.

    Called by ``core.people.privacy.exporting``.
    """


@hookspec(returns=None, on_error=OnError.RETRY)
def erase(person: Person) -> None:
    """Remove it. May be called again; must succeed for all plugins.

    Called by ``core.people.privacy.erasing``.
    """


# --- when something happened ---------------------------------------------------------


@hookspec(returns=None, on_error=OnError.RETRY)
def on_event(event: Event) -> None:
    """Something was committed. Runs in a job of its own, may run twice. Called by ``core.events``."""
