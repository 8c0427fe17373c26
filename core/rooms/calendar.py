"""An entry for calendars that leads into a room: iCalendar, RFC 5545."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from icalendar import Calendar, Event

from core.config import config
from core.db import now
from core.http.forms import Form
from core.people.fingerprints import keyed
from core.rooms import invitations
from core.rooms.models import Room
from core.version import VERSION

USUAL_MINUTES = 90
MINUTES = range(5, 24 * 60 + 1)
WEEKS = range(1, 53)
# Who types a year of two or five digits has mistyped it.
YEARS = range(2000, 2101)


@dataclass(frozen=True)
class Appointment:
    """When a lecture begins (in the institution's time zone), how long it takes, in how many weeks."""

    start: datetime
    minutes: int = USUAL_MINUTES
    weeks: int = 1


def suggested() -> dict[str, str]:
    """What the form shows before anybody typed: once, from the next full hour."""
    soon = now().astimezone(_zone()).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return {"start": soon.strftime("%Y-%m-%dT%H:%M"), "minutes": str(USUAL_MINUTES), "weeks": "1"}


def read(form: Form) -> Appointment | None:
    """What was typed; None, with the errors noted, when something is wrong."""
    start = _moment(form)
    minutes = _number(form, "minutes", MINUTES)
    weeks = _number(form, "weeks", WEEKS)
    return Appointment(start, minutes, weeks) if start is not None and form.ok else None


def _moment(form: Form) -> datetime | None:
    try:
        typed = datetime.fromisoformat(form.value("start"))
    except ValueError:
        typed = datetime.min
    if typed.year in YEARS and typed.tzinfo is None:
        return typed.replace(second=0, microsecond=0, tzinfo=_zone())
    form.fail("start", _("Please choose a day and a time."))
    return None


def _number(form: Form, name: str, allowed: range) -> int:
    typed = form.value(name).strip()
    if typed.isascii() and typed.isdecimal() and len(typed) < 6 and int(typed) in allowed:
        return int(typed)
    low, high = allowed[0], allowed[-1]
    form.fail(name, _("Please type a number from %(low)s to %(high)s.", low=low, high=high))
    return 0


def _zone() -> ZoneInfo:
    return ZoneInfo(config().time_zone)


def calendar(room: Room, appointment: Appointment) -> bytes:
    """The file. The same choice gives the same UID, so a second import changes the entry and adds none."""
    made = Calendar()
    made.add("prodid", f"-//Audimax {VERSION}//")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add_component(_event(room, appointment))
    if _is_local(appointment):
        made.add_missing_timezones()
    return bytes(made.to_ical())


def _event(room: Room, appointment: Appointment) -> Event:
    start = appointment.start if _is_local(appointment) else appointment.start.astimezone(UTC)
    link = invitations.link(room)
    event = Event()
    event.add("uid", _uid(room, appointment))
    event.add("dtstamp", now())
    event.add("dtstart", start)
    event.add("duration", timedelta(minutes=appointment.minutes))
    event.add("summary", room.title)
    event.add("description", "\n\n".join(filter(None, [room.description, invitations.mail(room).body])))
    event.add("location", link)
    event.add("url", link)
    if appointment.weeks > 1:
        event.add("rrule", {"freq": "weekly", "count": appointment.weeks})
    return event


def _is_local(appointment: Appointment) -> bool:
    return str(appointment.start.tzinfo) != "UTC"


def _uid(room: Room, appointment: Appointment) -> str:
    host = urlsplit(config().public_url).hostname or "localhost"
    return f"{keyed(room, f'calendar {appointment.start.isoformat()}')}@{host}"
