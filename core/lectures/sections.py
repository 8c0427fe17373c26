"""The parts of a lecture, as one viewer may see them. The only caller of ``lecture_sections``."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, tzinfo
from functools import cache, partial

from flask_babel import get_timezone, ngettext
from flask_babel import gettext as _

from core.config import config
from core.contracts import Audience, Film, LecturePackage, RetentionKind, Section, Table, Viewer
from core.engine.plugins import plugins
from core.lectures.cuts import without_cuts
from core.lectures.history import history
from core.lectures.models import Lecture
from core.retention import notices
from core.rooms.settings import settings_of

LAST = 900
PARTICIPANTS = "participants"
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_-]+")


def package_for(lecture: Lecture, viewer: Viewer) -> LecturePackage:
    """The lecture as data, with nothing in it that the viewer may not see."""
    return LecturePackage(
        id=lecture.public_id,
        title=lecture.title,
        room_title=lecture.room.title,
        started_at=lecture.started_at,
        ended_at=lecture.ended_at,
        language=lecture.language,
        sections=tuple(_with_address(lecture, one) for one in sections_for(lecture, viewer)),
    )


def _with_address(lecture: Lecture, section: Section) -> Section:
    """Whoever reads of a film elsewhere is told where it is watched."""
    if not isinstance(section, Film) or section.played is None or section.note:
        return section
    address = f"{config().address}/lectures/{lecture.public_id}#{section.id}"
    return replace(section, note=_("It is watched here: %(address)s", address=address))


def sections_for(lecture: Lecture, viewer: Viewer, lines: int | None = None) -> list[Section]:
    """Core's and the plugins' sections for this viewer, in order, with ids that are unique.

    ``lines`` of each timeline are enough, from the first on; None for all.
    """
    found = [*_own(lecture, viewer), *_given(lecture, viewer, lines)]
    return sorted(found, key=lambda section: section.order)


def givers() -> frozenset[str]:
    """The plugins that have a say in what remains of lectures."""
    return frozenset(plugins.users_of("lecture_sections"))


def section_for(
    lecture: Lecture, viewer: Viewer, section_id: str, lines: int | None = None
) -> Section | None:
    """One of them; only the plugin whose it is is asked."""
    plugin, _dash, _id = section_id.partition("-")
    own = section_id in (PARTICIPANTS, notices.SECTION)
    found = _own(lecture, viewer) if own else _given(lecture, viewer, lines, plugin)
    return next((section for section in found if section.id == section_id), None)


def _own(lecture: Lecture, viewer: Viewer) -> list[Section]:
    # Who may not see it needn't wait for it.
    audience, found = _of_participants(lecture), list[Section]()
    if _may_see(audience, viewer) and not notices.is_gone(lecture, RetentionKind.PARTICIPANTS):
        found.append(participants(lecture))
    told = notices.section(lecture)
    return [*found, told] if told else found


def _given(lecture: Lecture, viewer: Viewer, lines: int | None, only: str | None = None) -> list[Section]:
    asked = plugins.ask("lecture_sections", only=only, lecture=lecture, viewer=viewer, lines=lines)
    named = [_named(plugin, section) for plugin, given in asked for section in given]
    remaining = without_cuts(lecture, named)
    return [section for section in remaining if _may_see(section.audience, viewer)]


def _may_see(audience: Audience, viewer: Viewer) -> bool:
    return audience is not Audience.HOSTS or viewer.sees_hosts_part


def _named(plugin: str, section: Section) -> Section:
    return replace(section, id=f"{plugin}-{_NOT_IN_AN_ID.sub('-', section.id)}")


def participants(lecture: Lecture) -> Table:
    """Attendance: everybody's for hosts and admins, and for all where the room says so."""
    people = sorted(history(lecture), key=lambda one: one.role != "host")
    # Many came at the same minute and were there equally long: a text costs more than all else of a row.
    time_of, length_of = cache(partial(_time, get_timezone())), cache(_length)
    here = str(_("still there"))
    return Table(
        id=PARTICIPANTS,
        title=_("Participants"),
        audience=_of_participants(lecture),
        order=LAST,
        columns=(_("Name"), _("Joined"), _("Left"), _("Present")),
        rows=tuple(
            (
                _("%(name)s (host)", name=one.name) if one.role == "host" else one.name,
                time_of(_minute(one.joined_at)),
                here if one.left_at is None else time_of(_minute(one.left_at)),
                length_of(round(one.seconds / 60)),
            )
            for one in people
        ),
    )


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _time(zone: tzinfo, moment: datetime) -> str:
    return f"{moment.astimezone(zone):%H:%M}"


def _length(minutes: int) -> str:
    return duration(minutes * 60)


def _of_participants(lecture: Lecture) -> Audience:
    seen_by_all = settings_of(lecture.room).participants_see_names
    return Audience.EVERYONE if seen_by_all else Audience.HOSTS


def duration(seconds: float) -> str:
    """A length of time in hours and minutes, as people say it."""
    minutes = max(0, round(seconds / 60))
    if minutes < 1:
        return _("less than a minute")
    if minutes < 60:
        return ngettext("%(num)s min", "%(num)s min", minutes)
    return _("%(hours)s h %(minutes)s min", hours=minutes // 60, minutes=minutes % 60)
