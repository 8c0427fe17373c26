"""Rooms that are not as the institution wants them, and rooms for which nobody answers.

What a room says against what is locked has no effect (``core.engine.house``), but comes back on the day when
it is unlocked. Each rule is asked of the database, so that two thousand rooms are asked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.dialects.postgresql import JSONB

from core.admin.settings import said
from core.contracts import RetentionKind
from core.db import db
from core.engine import house
from core.engine.house import SWITCH, House
from core.engine.plugins import plugins
from core.engine.room_plugins import switchable
from core.engine.settings import Field, fields, plain
from core.engine.standing import CORE
from core.people.models import User
from core.retention import kinds
from core.rooms.models import Room, RoomPlugin
from core.rooms.settings import RoomSettings


@dataclass(frozen=True)
class Rule:
    """One rule about ``Room`` with its owner, or about ``RoomPlugin``.

    ``broken`` says whether it is broken (NULL: it isn't), ``own`` is what the room says, of which ``words``
    makes a sentence.
    """

    broken: sa.ColumnElement[Any]
    own: sa.SQLColumnExpression[Any]
    words: Callable[[Any], str]


def is_against() -> sa.ColumnElement[bool]:
    """Whether an open room breaks a rule; for queries of ``Room`` joined with its owner."""
    rows = sa.exists().where(RoomPlugin.room_id == Room.id, _any(_about_plugins())).correlate(Room)
    broken = sa.or_(_any(_about_rooms()), rows)
    return sa.and_(Room.archived_at.is_(None), sa.func.coalesce(broken, sa.false()))


def of(room: Room) -> list[str]:
    """What is to be said about a room; two statements."""
    if room.archived_at is not None:
        return []
    about_room = sa.select(Room.id).join(Room.owner).where(Room.id == room.id)
    about_plugins = sa.select(RoomPlugin.room_id).where(RoomPlugin.room_id == room.id)
    return [
        *_broken(about_room, list(_about_rooms())),
        *_broken(about_plugins.order_by(RoomPlugin.plugin), list(_about_plugins())),
    ]


def _any(rules: Iterator[Rule]) -> sa.ColumnElement[bool]:
    return sa.or_(sa.false(), *(one.broken for one in rules))


def _broken(query: sa.Select[Any], rules: list[Rule]) -> Iterator[str]:
    columns = [column for one in rules for column in (one.broken, one.own)]
    # Two rules may ask for the same column.
    wanted: Any = query.with_only_columns(*(one.label(f"c{at}") for at, one in enumerate(columns)))
    for row in db.session.execute(wanted):
        for rule, broken, own in zip(rules, row[::2], row[1::2], strict=True):
            if broken:
                yield rule.words(own)


# --- the rules ------------------------------------------------------------------------


def _about_rooms() -> Iterator[Rule]:
    nobody = _("The owner can't sign in any more: nobody answers for this room. Hand it over.")
    yield Rule(User.disabled_at.is_not(None), sa.null(), lambda _own: nobody)
    yield from _shut()
    yield from _locked(house.of(CORE, RoomSettings), Room.settings, RoomSettings, "")
    for kind in RetentionKind:
        if days := kinds.days_of(kind):
            yield _longer(kind, days)


def _longer(kind: RetentionKind, days: int) -> Rule:
    own = kinds.own_days(kind)

    def words(kept: Any) -> str:
        return ngettext(
            "%(what)s: the room says %(own)s days. The institution keeps them for %(num)s day, which holds.",
            "%(what)s: the room says %(own)s days. The institution keeps them for %(num)s days, which holds.",
            days,
            what=str(kinds.TITLES[kind]),
            own=int(kept),
        )

    return Rule(own > days, own, words)


def _about_plugins() -> Iterator[Rule]:
    yield _missing_guard()
    for manifest in switchable():
        cls, title = manifest.room_settings, f"{manifest.title}, "
        said_of = house.of(manifest.name, cls)
        for rule in _locked(said_of, RoomPlugin.settings, cls, title):
            yield Rule(sa.and_(RoomPlugin.plugin == manifest.name, rule.broken), rule.own, rule.words)
        if said_of.is_switch_locked:
            holds = said_of.is_on(None, manifest.on_by_default)
            broken = sa.and_(RoomPlugin.plugin == manifest.name, RoomPlugin.enabled.is_not(holds))
            yield Rule(
                broken,
                RoomPlugin.enabled,
                _overruled(Field(SWITCH, "switch", label=manifest.title), "", holds),
            )


def _missing_guard() -> Rule:
    """What the room itself says; ``_shut`` is what the institution says about all."""
    said_of = [name for name, one in house.guards().items() if one.is_switch_locked or one.on]
    missing = sa.and_(
        RoomPlugin.guard, RoomPlugin.enabled, RoomPlugin.plugin.not_in([*plugins.loaded, *said_of])
    )
    return Rule(missing, RoomPlugin.plugin, _shut_by)


def _shut() -> Iterator[Rule]:
    for name, one in house.guards().items():
        if name not in plugins.loaded and one.on:
            open_again = sa.exists().where(
                RoomPlugin.room_id == Room.id, RoomPlugin.plugin == name, RoomPlugin.enabled.is_(False)
            )
            shut = sa.true() if one.is_switch_locked else ~open_again.correlate(Room)
            yield Rule(shut, sa.literal(name), _shut_by)


def _shut_by(plugin: Any) -> str:
    return _(
        "The plugin %(plugin)s keeps the door of this room and isn't enabled: nobody can come in. Enable it"
        " again, or release its rooms by “audimax release-guard %(plugin)s”.",
        plugin=plugin,
    )


def _locked(said_of: House, column: Any, cls: Any, before: str) -> Iterator[Rule]:
    known = fields(cls)
    for name in sorted(said_of.locked & known.keys()):
        own, holds = column[name], said_of.values[name]
        words = _overruled(known[name], before, holds)
        yield Rule(own != sa.literal(plain(holds), JSONB), own, words)


def _overruled(known: Field, before: str, holds: Any) -> Callable[[Any], str]:
    def words(own: Any) -> str:
        return _(
            "%(setting)s: the room says “%(own)s”. The institution has locked it, and “%(holds)s” holds.",
            setting=f"{before}{known.label}",
            own=said(known, own),
            holds=said(known, holds),
        )

    return words
