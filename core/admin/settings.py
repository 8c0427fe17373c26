"""Settings that may change without a restart: core's by topic, and those of each plugin."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.admin import changes
from core.admin.menu import done, show
from core.config import PREFIX, Source
from core.db import db
from core.engine import house
from core.engine.plugins import plugins
from core.engine.settings import Field, read
from core.engine.standing import CORE
from core.errors import Refusal
from core.http.callers import me
from core.http.forms import Form
from core.http.i18n import locales
from core.lists import Order
from core.models import SettingChange
from core.people.sessions import admin_required
from core.rooms.forms import Box, text_of, words
from core.text import one_line

bp = Blueprint("admin_settings", __name__)
PAGE = "/admin/settings"
HISTORY = f"{PAGE}/history"
NEWEST_FIRST = Order(SettingChange.at, SettingChange.id, down=True)
LONGEST_SHOWN = 200
HERE, DEFAULT = "here", "default"
# Core's settings by topic; every editable one stands in one of them.
TOPICS = {
    "institution": (_l("Institution"), "institution default_locale"),
    "accounts": (_l("Accounts and guests"), "sign_up sign_up_domains guest_session_hours"),
    "lectures": (
        _l("Lectures"),
        "absence_minutes waiting_per_room lecture_trash_hours share_links share_links_forever",
    ),
    "files": (_l("Files"), "files_per_lecture lecture_files_mb file_types unfinished_upload_hours"),
    "exports": (
        _l("Exports"),
        "exports_at_once export_seconds largest_export_mb delivery_minutes export_days",
    ),
    "retention": (
        _l("Retention, in days (0: without limit)"),
        "keep_transcripts_days keep_chat_days keep_files_days keep_recordings_days keep_participants_days "
        "keep_lectures_days keep_logs_days",
    ),
}
# Where the words of the settings file aren't those of a page.
HELP = {
    "sign_up": "",
    "sign_up_domains": _l(
        "One on each line: uni.example is that domain alone, .uni.example also everything below it."
    ),
    "file_types": _l("Endings of the names of files that may be sent, one on each line."),
}


@dataclass(frozen=True)
class Line:
    """One setting as the page shows it; ``source`` says where its value comes from."""

    box: Box
    scope: str
    value: str
    source: str
    default: str
    changed_by: str = ""
    changed_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.box.field.name

    @property
    def was(self) -> str:
        """The name of the hidden field with the value that was shown."""
        return f"was.{self.box.name}"

    @property
    def is_locked(self) -> bool:
        return self.source in (Source.FILE, Source.ENVIRONMENT)

    @property
    def variable(self) -> str:
        named = self.name if self.scope == CORE else f"plugins__{self.scope}__{self.name}"
        return self.box.field.variable or f"{PREFIX}{named}".upper()


@dataclass(kw_only=True)
class SavedTogether:
    """Some settings that one form has. ``id`` stands in addresses."""

    id: str
    scope: str
    title: str
    help: str
    form: Form = field(default_factory=Form)


G = TypeVar("G", bound=SavedTogether)


@dataclass(kw_only=True)
class Group(SavedTogether):
    """Settings of core or of a plugin."""

    lines: list[Line]


def groups(rows: changes.Kept) -> list[Group]:
    """Core's topics, then the plugins that have something to set, by title."""
    found = [
        _group(f"{CORE}.{name}", CORE, str(title), "", names.split(), rows)
        for name, (title, names) in TOPICS.items()
    ]
    for one in sorted((one.manifest for one in plugins.loaded.values()), key=lambda m: str(m.title).lower()):
        if names := list(changes.editable(one.name)):
            found.append(_group(one.name, one.name, str(one.title), str(one.description), names, rows))
    return found


def _group(group_id: str, scope: str, title: str, about: str, names: list[str], rows: changes.Kept) -> Group:
    known, held = changes.editable(scope), changes.values_of(scope, rows)
    lines = [_line(scope, known[name], held, rows) for name in names]
    form = Form({line.box.name: line.value for line in lines})
    return Group(id=group_id, scope=scope, title=title, help=about, lines=lines, form=form)


def _line(scope: str, known: Field, held: Any, rows: changes.Kept) -> Line:
    row = rows.get((scope, known.name))
    source = changes.standing().source(scope, known.name) or (HERE if row else DEFAULT)
    shown = in_words(known)
    value, default = text_of(getattr(held, known.name)), said(shown, known.default)
    made = Line(Box(f"{scope}.{known.name}", shown), scope, value, source, default)
    return dataclasses.replace(made, changed_by=row.changed_by, changed_at=row.changed_at) if row else made


def in_words(known: Field) -> Field:
    """The field as a form shows it: languages are chosen among those that there are; help is a sentence."""
    help_text = str(HELP.get(known.name, known.help))
    help_text = f"{help_text[:1].upper()}{help_text[1:].rstrip('.')}." if help_text else ""
    if known.name == "default_locale":
        names = locales()
        return dataclasses.replace(known, kind="choice", choices=tuple(names), words=names, help=help_text)
    return dataclasses.replace(known, help=help_text)


def said(known: Field, value: Any) -> str:
    """A value in words."""
    if known.kind == "switch":
        return _("on") if value else _("off")
    if known.kind == "choice":
        return dict(Box("", known).choices).get(str(value), str(value))
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if not text:
        return _("empty")
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


# --- the page -------------------------------------------------------------------------


@bp.get(PAGE)
@admin_required
def page() -> ResponseReturnValue:
    """All that can be set, what holds, and where it comes from."""
    return show("settings", groups=groups(changes.kept()))


@bp.post(f"{PAGE}/<group_id>")
@admin_required
def save(group_id: str) -> ResponseReturnValue:
    """Save one group, or nothing of it when something is wrong: then the page says what."""
    rows = changes.lock()
    found = groups(rows)
    group = chosen(found, group_id)
    values = typed(group, request.form)
    if group.form.ok:
        _check_together(group, values, rows)
    if not group.form.ok:
        return refused("settings", group, found)
    return kept(PAGE, group, values, rows)


def chosen(found: Iterable[G], group_id: str) -> G:
    """The group that is saved; a ``Refusal`` where there is none of that id."""
    group = next((one for one in found if one.id == group_id), None)
    if group is None:
        raise Refusal(404, _("There is no such group of settings."), code="not_found")
    return group


def refused(page: str, group: SavedTogether, found: Sequence[SavedTogether]) -> ResponseReturnValue:
    """The page with what was typed and what is wrong with it; nothing is kept."""
    db.session.rollback()
    return show(page, group.form.status, groups=found)


def kept(
    place: str, group: SavedTogether, values: Mapping[str, Any], rows: changes.Kept
) -> ResponseReturnValue:
    """Keep what a group's form says, and lead back to the group."""
    changes.put(group.scope, values, rows, me())
    changes.commit()
    return redirect(f"{place}?{'saved' if values else 'unchanged'}={group.id}#{group.id}", 303)


def typed(group: Group, given: Mapping[str, str]) -> dict[str, Any]:
    """What is to be set, None for the default; the group's form has what was typed and what is wrong."""
    form = group.form = Form({name: lines_of(value) for name, value in given.items()})
    reset, raw = form.value("reset"), {}
    values: dict[str, Any] = {}
    for line in group.lines:
        if reset == line.box.name and may_change(form, line):
            values[line.name] = None
        elif is_changed(form, line) and may_change(form, line):
            raw[line.name] = clean(form, line)
    read_values, mistakes = read(type(changes.start_of(group.scope)), raw)
    for line in group.lines:
        if line.name in mistakes and line.name in raw:
            form.fail(line.box.name, wrong(line.box.field, raw[line.name]))
        elif line.name in raw and line.name == "default_locale" and raw[line.name] not in locales():
            form.fail(line.box.name, words(line.box.field))
    return {**values, **{name: value for name, value in read_values.items() if name in raw}}


def lines_of(text: str) -> str:
    """What was typed, with the same end of line everywhere and nothing around it."""
    return "\n".join(text.splitlines()).strip()


def is_changed(form: Form, line: Line) -> bool:
    """Whether the person changed it; what they left alone shows what holds by now."""
    now, was = form.value(line.box.name), form.value(line.was)
    if line.is_locked and line.box.name not in form.values:
        form.values[line.box.name] = line.value
        return False
    if line.box.field.kind != "switch" and line.box.name not in form.values:
        now = was
    if now == was or now == line.value:
        form.values[line.box.name] = form.values[line.was] = line.value
        return False
    return True


def may_change(form: Form, line: Line) -> bool:
    """Refuse what the operator has given, and what somebody else has changed since the page was shown."""
    if line.is_locked:
        form.fail(line.box.name, _("The operator has set this: it can’t be changed here."))
        form.values[line.box.name] = line.value
        return False
    if form.value(line.was) == line.value:
        return True
    value = said(line.box.field, _value(line))
    if line.changed_by:
        text = _("%(name)s has changed this meanwhile, to: %(value)s. Save again to set yours instead.",
                 name=line.changed_by, value=value)  # fmt: skip
    else:
        text = _("This was changed meanwhile, to: %(value)s. Save again to set yours instead.", value=value)
    form.fail(line.box.name, text)
    form.values[line.was], form.status = line.value, 409
    return False


def _value(line: Line) -> Any:
    if line.box.field.kind == "list":
        return line.value.split("\n")
    return line.value


def clean(form: Form, line: Line) -> Any:
    """What was typed for a setting, as ``read`` takes it."""
    known, value = line.box.field, form.value(line.box.name)
    if known.kind == "switch":
        return bool(value)
    if known.kind == "text":
        lines = value.split("\n") if _is_long(known) else [value]
        return "\n".join(map(one_line, lines)).strip()
    return value


def _is_long(known: Field) -> bool:
    return known.maximum is not None and known.maximum > 300


def wrong(known: Field, value: Any) -> str:
    """What is wrong with a value that was refused, and what would fit."""
    if known.kind == "text" and not value:
        return _("Please fill this in.")
    if known.kind == "list" and known.maximum is not None:
        return _("Please use at most %(limit)s entries.", limit=int(known.maximum))
    return words(known)


def _check_together(group: Group, values: Mapping[str, Any], rows: changes.Kept) -> None:
    defaults = {line.name: changes.editable(group.scope)[line.name].default for line in group.lines}
    wanted = {name: defaults[name] if value is None else value for name, value in values.items()}
    text = changes.problem(changes.values_of(group.scope, rows), wanted)
    if not text:
        return
    problem = _("This doesn’t fit: %(problem)s", problem=text)
    named = re.findall(r"\w+", text)
    about = next((line for line in group.lines if line.name in values and line.name in named), None)
    if about:
        group.form.fail(about.box.name, problem)
    else:
        group.form.problem = problem


# --- history --------------------------------------------------------------------------


@dataclass(frozen=True)
class Past:
    """A change as the history shows it."""

    change: SettingChange
    owner: str
    label: str
    before: str
    after: str
    may_undo: bool


@bp.get(HISTORY)
@admin_required
def history() -> ResponseReturnValue:
    """Who changed what, when, from what to what."""
    part = NEWEST_FIRST.part(sa.select(SettingChange), request.args)
    last = changes.last_ones()
    return show("setting_history", part=part, past=[_past(row[0], last) for row in part.items])


def _past(change: SettingChange, last: set[int]) -> Past:
    known = changes.editable(change.scope).get(change.name)
    may = known is not None and change.id in last and change.undone_at is None
    may = may and not changes.standing().source(change.scope, change.name)
    label = str(known.label) if known else change.name
    in_rooms = house.is_scope(change.scope)
    say = _said_of_rooms if in_rooms else _said_of
    before, after = (say(known, value) for value in (change.before, change.after))
    return Past(change, _owner(change.scope), label, before, after, may)


def _said_of(known: Field | None, value: Any) -> str:
    shown = in_words(known) if known else Field("", "text")
    if value is None:
        return _("the default: %(value)s", value=said(shown, known.default)) if known else _("the default")
    return said(shown, value)


def _said_of_rooms(known: Field | None, value: Any) -> str:
    if value is None:
        return _said_of(known, None)
    words = _said_of(known, value["value"])
    return _("%(value)s (hosts can’t change it)", value=words) if value["locked"] else words


def _owner(scope: str) -> str:
    if house.is_scope(scope):
        owner = house.owner_of(scope)
        return _("Rooms") if owner == CORE else _("Rooms: %(plugin)s", plugin=_owner(owner))
    loaded = plugins.loaded.get(scope)
    return str(loaded.manifest.title) if loaded else "" if scope == CORE else scope


@bp.post(f"{HISTORY}/<public_id>/undo")
@admin_required
def undo(public_id: str) -> ResponseReturnValue:
    """Set again what was set before, if nobody changed it since."""
    found = db.session.scalar(sa.select(SettingChange).where(SettingChange.public_id == public_id))
    if found is None:
        raise Refusal(404, _("There is no such change."), code="not_found")
    changes.undo(found, me())
    changes.commit()
    return done(HISTORY, _("It is as it was before."))
