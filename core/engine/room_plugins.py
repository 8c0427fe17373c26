"""Which plugins are on in a room, and their settings there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from flask import g
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from core import audit, bus
from core.contracts import Plugin
from core.db import db
from core.engine import house
from core.engine.house import House
from core.engine.plugins import plugins
from core.engine.settings import SettingsError, fields, fill, plain
from core.errors import Refusal
from core.people.models import User
from core.rooms.models import Room, RoomPlugin
from core.search.changes import room_changed

T = TypeVar("T")
Rows = Mapping[str, RoomPlugin]


# --- what is on -----------------------------------------------------------------------


def enabled_in(room: Room) -> frozenset[str]:
    """The plugins that are asked about this room: one query per request, however often it is asked."""
    rows = _rows(room)
    return frozenset(name for name, one in plugins.loaded.items() if _is_on(one.manifest, rows.get(name)))


def is_enabled_in(room: Room, plugin: str) -> bool:
    """Whether that plugin is loaded and on in the room."""
    return plugin in enabled_in(room)


def missing_guards(room: Room) -> tuple[str, ...]:
    """Guards that the room asks for and that aren't loaded: while there is one, nobody gets in."""
    asked = {name: row.enabled for name, row in _rows(room).items() if row.guard}
    said = house.guards()
    names = (name for name in {*asked, *said} if name not in plugins.loaded)
    return tuple(
        sorted(name for name in names if said.get(name, house.NOTHING).is_on(asked.get(name), False))
    )


def preload(rooms: Iterable[Room]) -> None:
    """Read the switches of many rooms by one query."""
    known = _known()
    wanted = [room.id for room in rooms if room.id not in known]
    if not wanted:
        return
    found: dict[int, dict[str, RoomPlugin]] = {room_id: {} for room_id in wanted}
    query = sa.select(RoomPlugin).where(RoomPlugin.room_id.in_(wanted))
    for row in db.session.scalars(query.execution_options(populate_existing=True)):
        found[row.room_id][row.plugin] = row
    known.update(found)


def know(room: Room, rows: Iterable[RoomPlugin]) -> None:
    """Note the room's switches, which somebody has read just now."""
    _known()[room.id] = {row.plugin: row for row in rows}


def know_none(room: Room) -> None:
    """Note what somebody has seen already: this room has no switches of its own."""
    _known().setdefault(room.id, {})


def forget(room: Room) -> None:
    """Read this room's switches anew: for streams, which outlive a request, and for who waited for a lock."""
    _known().pop(room.id, None)


def _rows(room: Room) -> Rows:
    preload([room])
    return _known()[room.id]


def _known() -> dict[int, Rows]:
    if "room_plugins" not in g:
        g.room_plugins = {}
    return cast("dict[int, Rows]", g.room_plugins)


def _is_on(manifest: Plugin, row: RoomPlugin | None) -> bool:
    if manifest.room_settings is None:
        return True
    return _house(manifest).is_on(row.enabled if row else None, manifest.on_by_default)


def is_on_at_first(manifest: Plugin) -> bool:
    """Whether the plugin is on in a room that says nothing about it."""
    return _is_on(manifest, None)


def _house(manifest: Plugin) -> House:
    return house.of(manifest.name, manifest.room_settings)


# --- settings -------------------------------------------------------------------------


def room_settings(room: Room, cls: type[T]) -> T:
    """The room's settings of that class: ``room_settings(room, RoomSettings).code``."""
    row = _rows(room).get(_owner_of(cls))
    return _stored(cls, row.settings if row else {})


def settings_at_first(cls: type[T]) -> T:
    """Those of a room that has set nothing."""
    return _stored(cls, {})


def change_room_settings(room: Room, cls: type, actor: User | None, **given: Any) -> None:
    """Change some of the room's settings of that class, where its plugin is on; effective with the commit.

    Rights may hang on them: go on with ``order.lock``, ``order.narrow``, commit and ``order.keep``.
    """
    switch(room, _owner_of(cls), True, given, actor=actor)


def _owner_of(cls: type) -> str:
    owner = plugins.by_settings.get(cls)
    if owner is None or plugins.loaded[owner].manifest.room_settings is not cls:
        raise LookupError(f"no enabled plugin has {cls.__name__} as its room_settings")
    return owner


def _stored(cls: type[T], raw: Mapping[str, Any]) -> T:
    # A newer version of the plugin may have dropped a setting: that is no reason to shut the door.
    known = fields(cast(Any, cls))
    own = {name: value for name, value in raw.items() if name in known}
    return fill(cls, house.of(_owner_of(cls), cls).over(own))


def switchable() -> list[Plugin]:
    """The plugins that a room may switch, in the order of its form."""
    found = (one.manifest for one in plugins.loaded.values())
    return sorted((m for m in found if m.room_settings is not None), key=lambda m: (m.order, m.name))


# --- switching ------------------------------------------------------------------------


def switch(
    room: Room, plugin: str, on: bool, settings: Mapping[str, Any] | None = None, *, actor: User | None = None
) -> None:
    """Switch a plugin in a room and keep its settings there; effective with the commit.

    ``settings`` are what a form or a request gave; those left out stay as they are. Raises a
    ``Refusal`` that names the wrong ones, or the one that the institution has locked: what is locked stays
    as the room had it, for the day when it is unlocked. A guard that isn't loaded can be switched off only.
    """
    manifest = _switchable(plugin, on)
    before = _rows(room).get(plugin)
    own_switch = _unlocked(plugin, manifest, on, before)
    kept = _merged(manifest, before.settings if before else {}, settings)
    if manifest is not None and actor is not None and actor.id != room.owner_id:
        _refuse_what_is_the_owners(manifest, before.settings if before else {}, kept)
    _write(room, plugin, own_switch, guard=manifest.guard if manifest else True, settings=kept)
    forget(room)
    action = f"room.plugin_{'on' if on else 'off'}"
    audit.record(action, actor=actor, room_id=room.id, target=plugin, settings=sorted(settings or ()))
    from core.lectures.sections import givers

    bus.notify(f"room:{room.id}", plugin=plugin)
    if plugin in givers():
        room_changed(room.id)


def _switchable(plugin: str, on: bool) -> Plugin | None:
    loaded = plugins.loaded.get(plugin)
    if loaded is not None and loaded.manifest.room_settings is not None:
        return loaded.manifest
    if loaded is None and not on:
        return None
    detail = _("%(plugin)s can't be switched in a room here.", plugin=plugin[:40])
    raise Refusal(404, detail, code="no_plugin")


def _unlocked(plugin: str, manifest: Plugin | None, on: bool, before: RoomPlugin | None) -> bool:
    """What the room says by itself from now on; a ``Refusal`` where that isn't for it to say."""
    said = _house(manifest) if manifest else house.guards().get(plugin, house.NOTHING)
    if not said.is_switch_locked:
        return on
    if on != said.on:
        raise house.refuse(manifest.title if manifest else plugin)
    return before.enabled if before else on


def _merged(
    manifest: Plugin | None, before: Mapping[str, Any], given: Mapping[str, Any] | None
) -> dict[str, Any]:
    if manifest is None or manifest.room_settings is None or given is None:
        return dict(before)
    cls, said = manifest.room_settings, _house(manifest)
    kept = {name: value for name, value in before.items() if name in fields(cls)}
    try:
        made: Any = fill(cls, {**said.over(kept), **given})
    except SettingsError as error:
        raise _wrong(error) from error
    values = {name: getattr(made, name) for name in {*kept, *given}}
    house.refuse_locked(said, cls, values, given)
    own = {name: plain(value) for name, value in values.items() if name not in said.locked}
    return {**own, **{name: value for name, value in kept.items() if name in said.locked}}


def _refuse_what_is_the_owners(manifest: Plugin, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    for field in fields(cast(Any, manifest.room_settings)).values():
        was, becomes = (one.get(field.name, field.default) for one in (before, after))
        if field.owner_only and was != becomes:
            detail = _("Only the room's owner can change this: %(setting)s.", setting=str(field.label))
            raise Refusal(403, detail, code="not_owner")


def _wrong(error: SettingsError) -> Refusal:
    errors = [{"field": name, "message": text} for name, text in error.mistakes.items()]
    named = ", ".join(name for name in error.mistakes if name)
    return Refusal(422, _("Please check: %(fields)s.", fields=named[:200]), code="invalid", errors=errors)


def _write(room: Room, plugin: str, on: bool, *, guard: bool, settings: dict[str, Any]) -> None:
    row = db.session.get(RoomPlugin, (room.id, plugin)) or RoomPlugin(room_id=room.id, plugin=plugin)
    row.enabled, row.guard, row.settings = on, guard, settings
    db.session.add(row)
    db.session.flush()


# --- guards outlive their being enabled -----------------------------------------------


def set_up(room: Room) -> None:
    """Give a new room its rows of guards that are on by default; ``room.id`` must be known."""
    _insert_guards(sa.select(sa.literal(room.id)), _default_guards())
    forget(room)


def write_down_guards() -> None:
    """Note in every room which guards it has by default.

    Only what is written down keeps the door shut when the guard is no longer enabled. Runs with
    the migrations, so that rooms older than the plugin have it in writing too.
    """
    write_down(_default_guards())
    db.session.commit()


def write_down(guards: Iterable[str]) -> None:
    """Note in every room that has these guards by default that it does; the caller commits."""
    _insert_guards(sa.select(Room.id), guards)


def release_guard(plugin: str) -> int:
    """Switch a guard off in all rooms that have it, for good; how many these were.

    What the institution says about it in all rooms is taken back too.
    """
    from core.rooms import house as of_rooms

    of_rooms.release(plugin)
    asked = sa.update(RoomPlugin).where(RoomPlugin.plugin == plugin, RoomPlugin.enabled)
    rooms: Sequence[int] = db.session.scalars(asked.values(enabled=False).returning(RoomPlugin.room_id)).all()
    for room_id in rooms:
        bus.notify(f"room:{room_id}", plugin=plugin)
    audit.record("plugin.release_guard", target=plugin, rooms=len(rooms))
    return len(rooms)


def _insert_guards(rooms: sa.Select[Any], guards: Iterable[str]) -> None:
    for name in guards:
        values = sa.select(*rooms.selected_columns, sa.literal(name), sa.true(), sa.true(), sa.func.now())
        chosen = values.add_columns(sa.text("'{}'::jsonb"))
        columns = ["room_id", "plugin", "enabled", "guard", "changed_at", "settings"]
        db.session.execute(insert(RoomPlugin).from_select(columns, chosen).on_conflict_do_nothing())


def _default_guards() -> list[str]:
    # What the institution has said about a guard is remembered by itself (``missing_guards``).
    return [name for name in guards_on_by_default() if house.of(name, house.class_of(name)).on is None]


def guards_on_by_default() -> list[str]:
    """The loaded guards that a room has unless somebody says otherwise."""
    found = (one.manifest for one in plugins.loaded.values())
    return [m.name for m in found if m.guard and m.on_by_default and m.room_settings is not None]
