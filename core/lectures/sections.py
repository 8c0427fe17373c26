"""The parts of a lecture, as one viewer may see them. The only caller of ``lecture_sections``."""

from __future__ import annotations

import re
from dataclasses import replace

from flask_babel import format_datetime, ngettext
from flask_babel import gettext as _

from core.contracts import Audience, LecturePackage, Section, Table, Viewer
from core.engine.plugins import plugins
from core.lectures.history import Attendance, history
from core.lectures.models import Lecture
from core.rooms.settings import settings_of

LAST = 900
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
        sections=tuple(sections_for(lecture, viewer)),
    )


def sections_for(lecture: Lecture, viewer: Viewer) -> list[Section]:
    """Core's and the plugins' sections for this viewer, in order, with ids that are unique."""
    found: list[Section] = [participants(lecture)]
    for plugin, given in plugins.ask("lecture_sections", lecture=lecture, viewer=viewer):
        found += [_named(plugin, section) for section in given]
    shown = [section for section in found if _may_see(section, viewer)]
    return sorted(shown, key=lambda section: section.order)


def _may_see(section: Section, viewer: Viewer) -> bool:
    return section.audience is not Audience.HOSTS or viewer.sees_hosts_part


def _named(plugin: str, section: Section) -> Section:
    return replace(section, id=f"{plugin}-{_NOT_IN_AN_ID.sub('-', section.id)}")


def participants(lecture: Lecture) -> Table:
    """Attendance: everybody's for hosts and admins, and for all where the room says so."""
    seen_by_all = settings_of(lecture.room).participants_see_names
    people = sorted(history(lecture), key=lambda one: one.role != "host")
    return Table(
        id="participants",
        title=_("Participants"),
        audience=Audience.EVERYONE if seen_by_all else Audience.HOSTS,
        order=LAST,
        columns=(_("Name"), _("Joined"), _("Left"), _("Present")),
        rows=tuple(_row(one) for one in people),
    )


def _row(one: Attendance) -> tuple[str, ...]:
    name = _("%(name)s (host)", name=one.name) if one.role == "host" else one.name
    left = _("still there") if one.left_at is None else format_datetime(one.left_at, "HH:mm")
    return (name, format_datetime(one.joined_at, "HH:mm"), left, duration(one.seconds))


def duration(seconds: float) -> str:
    """A length of time in hours and minutes, as people say it."""
    minutes = max(0, round(seconds / 60))
    if minutes < 1:
        return _("less than a minute")
    if minutes < 60:
        return ngettext("%(num)s min", "%(num)s min", minutes)
    return _("%(hours)s h %(minutes)s min", hours=minutes // 60, minutes=minutes % 60)
