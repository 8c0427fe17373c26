"""Settings that admins change: kept with who set them, told to all processes, taken back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext as _

from core import audit, bus
from core.config import Config
from core.db import db, now
from core.engine import house
from core.engine.plugins import plugins
from core.engine.settings import Field, fields, plain, read
from core.engine.standing import CORE, TOPIC, Standing, laid_over
from core.errors import Refusal
from core.models import Setting, SettingChange
from core.people.models import User
from core.rooms import house as of_rooms

Kept = Mapping[tuple[str, str], Setting]


def standing() -> Standing:
    """What decides which value holds."""
    return cast(Standing, current_app.extensions["audimax_standing"])


def start_of(scope: str) -> Any:
    """The settings of core or of a plugin as the operator gave them; None for a plugin that isn't enabled."""
    if scope == CORE:
        return cast(Config, current_app.extensions["audimax_config"])
    loaded = plugins.loaded.get(scope)
    return loaded.settings if loaded else None


def editable(scope: str) -> dict[str, Field]:
    """What admins may change of core or of a plugin, in its order, unless the operator has given it."""
    if house.is_scope(scope):
        return house.known(house.owner_of(scope))
    start = start_of(scope)
    if start is None:
        return {}
    cls: Any = type(start)
    return {name: field for name, field in fields(cls).items() if field.editable}


def kept() -> Kept:
    """All that admins have set, by scope and name; one query."""
    return {(row.scope, row.name): row for row in db.session.scalars(sa.select(Setting))}


def values_of(scope: str, rows: Kept) -> Any:
    """The settings that hold by these rows, whatever this process still remembers."""
    mine = {
        name: row.value
        for (owner, name), row in rows.items()
        if owner == scope and not standing().source(scope, name)
    }
    return laid_over(start_of(scope), mine, scope)


def lock() -> Kept:
    """One change after the other: who comes second sees what the first has set."""
    db.session.execute(sa.text("LOCK TABLE setting IN SHARE ROW EXCLUSIVE MODE"))
    db.session.expire_all()
    return kept()


def problem(now_held: Any, values: Mapping[str, Any]) -> str:
    """What settings that each are in order say against each other; empty when nothing."""
    try:
        dataclasses.replace(now_held, **values)
    except ValueError as error:
        return str(error)
    return ""


def put(scope: str, values: Mapping[str, Any], rows: Kept, by: User) -> None:
    """Set these; None goes back to the default. Call ``lock`` before, ``commit`` after."""
    changed = {}
    for name, value in values.items():
        row = rows.get((scope, name))
        before, after = row.value if row else None, plain(value)
        if before == after:
            continue
        _write(scope, name, row, after, by)
        changed[name] = after
        change = SettingChange(scope=scope, name=name, before=before, after=after, actor_id=by.id)
        change.actor_name = by.name
        db.session.add(change)
        audit.record("setting.change", actor=by, target=f"{scope}.{name}", before=before, after=after)
    bus.notify(TOPIC)
    if changed and house.is_scope(scope):
        of_rooms.changed(house.owner_of(scope), changed)


def _write(scope: str, name: str, row: Setting | None, value: Any, by: User) -> None:
    if value is None:
        if row is not None:
            db.session.delete(row)
        return
    row = row or Setting(scope=scope, name=name)
    row.value, row.changed_at, row.changed_by_id, row.changed_by = value, now(), by.id, by.name
    db.session.add(row)


def commit() -> None:
    """Make it hold, here before the answer goes out."""
    db.session.commit()
    standing().refresh()


# --- back again -------------------------------------------------------------------------


def last_ones() -> set[int]:
    """The ids of those changes after which nobody changed the same setting."""
    query = sa.select(sa.func.max(SettingChange.id)).group_by(SettingChange.scope, SettingChange.name)
    return set(db.session.scalars(query))


def undo(change: SettingChange, by: User) -> None:
    """Set what was set before, if nobody changed it since; raises a ``Refusal``. Not committed."""
    rows = lock()
    if change.undone_at is not None or change.id not in last_ones():
        raise Refusal(409, _("Somebody has changed this setting since. Look at it again."), code="changed")
    _refuse_impossible(change, rows)
    put(change.scope, {change.name: change.before}, rows, by)
    change.undone_at = now()


def _refuse_impossible(change: SettingChange, rows: Kept) -> None:
    scope, name = change.scope, change.name
    if standing().source(scope, name):
        raise Refusal(409, _("The operator has set this: it can’t be changed here."), code="locked")
    field = editable(scope).get(name)
    if field is None:
        raise Refusal(409, _("This setting isn’t there any more."), code="gone")
    if house.is_scope(scope):
        _refuse_impossible_in_rooms(change)
        return
    start = start_of(scope)
    values = {name: field.default}
    if change.before is not None:
        values, mistakes = read(type(start), {name: change.before})
        if name in mistakes:
            raise Refusal(409, _("This value isn’t possible any more."), code="impossible")
    if said := problem(values_of(scope, rows), values):
        raise Refusal(409, _("This doesn’t fit the other settings: %(problem)s", problem=said), code="unfit")


def _refuse_impossible_in_rooms(change: SettingChange) -> None:
    if change.before is None or change.name == house.SWITCH:
        return
    cls = house.class_of(house.owner_of(change.scope))
    if change.name in read(cls, {change.name: change.before["value"]})[1]:
        raise Refusal(409, _("This value isn’t possible any more."), code="impossible")
