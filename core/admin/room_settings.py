"""The settings of rooms, as the institution wants them: defaults, and which of them hosts may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict

from core.admin import changes
from core.admin.menu import show
from core.admin.settings import (
    DEFAULT,
    HERE,
    Line,
    SavedTogether,
    chosen,
    clean,
    is_changed,
    kept,
    lines_of,
    may_change,
    refused,
    said,
    wrong,
)
from core.engine import house, room_plugins
from core.engine.settings import Field, SettingsError, fill, read
from core.engine.standing import CORE
from core.http.forms import Form
from core.models import Setting
from core.people.sessions import admin_required
from core.rooms.forms import ON, Box, text_of

bp = Blueprint("admin_room_settings", __name__)
PAGE = "/admin/room-settings"
MAY = _l("Hosts may change it")


@dataclass(frozen=True)
class Pair:
    """One setting as the page shows it: its default, and whether hosts may change it.

    ``held`` is the value that the default is now.
    """

    value: Line
    may: Line
    held: Any

    @property
    def name(self) -> str:
        return self.value.name


@dataclass(kw_only=True)
class Group(SavedTogether):
    """All of core, or of a plugin, whose name is the ``id``."""

    pairs: list[Pair]


def groups(rows: changes.Kept) -> list[Group]:
    """Core's, then those of the plugins, in the order of a room's form."""
    plugins = room_plugins.switchable()
    return [
        _group(CORE, _("In the room"), "", rows),
        *(_group(one.name, str(one.title), str(one.description), rows) for one in plugins),
    ]


def _group(owner: str, title: str, about: str, rows: changes.Kept) -> Group:
    pairs = [_pair(owner, one, rows) for one in house.known(owner).values()]
    lines = [line for pair in pairs for line in (pair.value, pair.may)]
    form, scope = Form({line.box.name: line.value for line in lines}), f"{house.PREFIX}{owner}"
    return Group(id=owner, scope=scope, title=title, help=about, pairs=pairs, form=form)


def _pair(owner: str, known: Field, rows: changes.Kept) -> Pair:
    scope = f"{house.PREFIX}{owner}"
    row = rows.get((scope, known.name))
    held, locked = _held(owner, known, row)
    name = f"{scope}.{known.name}"
    may = Field(known.name, "switch", label=MAY)
    source, default = HERE if row else DEFAULT, said(known, known.default)
    value = Line(Box(name, known), scope, text_of(held), source, default)
    allowed = Line(Box(f"{name}.may", may), scope, "" if locked else ON, source, _("on"))
    if row is None:
        return Pair(value, allowed, held)
    value, allowed = (
        replace(line, changed_by=row.changed_by, changed_at=row.changed_at) for line in (value, allowed)
    )
    return Pair(value, allowed, held)


def _held(owner: str, known: Field, row: Setting | None) -> tuple[Any, bool]:
    if row is None or not house.fits(row.value):
        return known.default, False
    if known.name == house.SWITCH:
        return bool(row.value["value"]), row.value["locked"]
    good, _mistakes = read(house.class_of(owner), {known.name: row.value["value"]})
    # What doesn't fit any more counts as never set.
    return (good[known.name], row.value["locked"]) if known.name in good else (known.default, False)


# --- the page -------------------------------------------------------------------------


@bp.get(PAGE)
@admin_required
def page() -> ResponseReturnValue:
    """All that can be said about rooms, and what is said."""
    return show("room_settings", groups=groups(changes.kept()))


@bp.post(f"{PAGE}/<owner>")
@admin_required
def save(owner: str) -> ResponseReturnValue:
    """Save one group, or nothing of it when something is wrong: then the page says what."""
    rows = changes.lock()
    found = groups(rows)
    group = chosen(found, owner)
    values = typed(group, request.form)
    if not group.form.ok:
        return refused("room_settings", group, found)
    return kept(PAGE, group, values, rows)


def typed(group: Group, given: MultiDict[str, str]) -> dict[str, Any]:
    """What is to be kept, None for the default; the group's form has what was typed and what is wrong."""
    form = group.form = Form({name: lines_of("\n".join(given.getlist(name))) for name in given})
    reset = form.value("reset")
    raw: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for pair in group.pairs:
        if reset == pair.value.box.name:
            if _may_change(form, pair, (pair.value, pair.may)):
                found[pair.name] = None
        elif (lines := _changed(form, pair)) and _may_change(form, pair, lines):
            raw[pair.name] = clean(form, pair.value) if pair.value in lines else pair.held
    values = _read(group, raw)
    for pair in group.pairs:
        if pair.name in values:
            locked = not form.has(pair.may.box.name)
            found[pair.name] = house.said(group.id, pair.name, values[pair.name], locked)
    _check_together(group, values)
    return found


def _changed(form: Form, pair: Pair) -> tuple[Line, ...]:
    box = pair.value.box
    if box.field.kind == "choices":
        # With none of them ticked, nothing is sent.
        form.values.setdefault(box.name, "")
    # Both are asked: what was left alone shows what holds by now.
    return tuple(line for line in (pair.value, pair.may) if is_changed(form, line))


def _may_change(form: Form, pair: Pair, lines: tuple[Line, ...]) -> bool:
    allowed = [may_change(form, line) for line in lines]
    if pair.may.box.name in form.errors:
        # One message for both, beside the value.
        form.fail(pair.value.box.name, form.errors.pop(pair.may.box.name))
    return all(allowed)


def _read(group: Group, raw: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in raw.items() if name == house.SWITCH}
    rest = {name: value for name, value in raw.items() if name not in values}
    good, mistakes = read(house.class_of(group.id), rest)
    for pair in group.pairs:
        if pair.name in mistakes and pair.name in rest:
            group.form.fail(pair.value.box.name, wrong(pair.value.box.field, rest[pair.name]))
    return {**values, **{name: value for name, value in good.items() if name in rest}}


def _check_together(group: Group, values: Mapping[str, Any]) -> None:
    held = {pair.name: pair.held for pair in group.pairs}
    wanted = {name: value for name, value in {**held, **values}.items() if name != house.SWITCH}
    try:
        fill(house.class_of(group.id), wanted)
    except SettingsError as error:
        if text := error.mistakes.get(""):
            group.form.problem = _("This doesn’t fit: %(problem)s", problem=text)
