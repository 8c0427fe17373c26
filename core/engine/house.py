"""What the institution says about the settings of all rooms: their defaults, and which hosts may change.

Admins set it; it is kept with their other settings, under a scope for core and for each plugin. What holds in
a room is decided by ``House.over`` and ``House.is_on``: a locked value first, then what the room itself has
set, then the institution's default, then the dataclass's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard, cast

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.engine.plugins import plugins
from core.engine.settings import Field, fields, plain, read
from core.engine.standing import CORE, Standing
from core.errors import Refusal

log = logging.getLogger(__name__)
PREFIX = "room."
# The name under which a plugin's being on or off is kept: no setting can be called so.
SWITCH = "on-off"
# A form can't show secrets and tables.
NOT_SHOWN = frozenset({"secret", "table"})


@dataclass(frozen=True)
class House:
    """What is said about core, or about one plugin. ``on`` is None where the plugin's own default holds."""

    values: Mapping[str, Any] = field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    on: bool | None = None

    @property
    def is_switch_locked(self) -> bool:
        return SWITCH in self.locked

    def over(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """What holds in a room that has set ``own``."""
        return {**self.values, **own, **{name: self.values[name] for name in self.locked - {SWITCH}}}

    def is_on(self, own: bool | None, default: bool) -> bool:
        """Whether the plugin is on in a room that says so, or says nothing (None)."""
        if self.is_switch_locked or own is None:
            return default if self.on is None else self.on
        return own


NOTHING = House()


def of(owner: str, cls: Any) -> House:
    """What holds now for ``core`` or a plugin, whose settings in a room are ``cls``; costs no query."""
    standing: Standing | None = current_app.extensions.get("audimax_standing")
    if standing is None:
        return NOTHING
    scope = f"{PREFIX}{owner}"
    return standing.read_as(scope, cls, lambda said: _made(scope, cls, said))


def guards() -> Mapping[str, House]:
    """By name: guards about which something is said, those that aren't loaded too."""
    standing: Standing | None = current_app.extensions.get("audimax_standing")
    return {} if standing is None else standing.read_as(PREFIX, Standing, lambda _said: _guards(standing))


def _guards(standing: Standing) -> dict[str, House]:
    said = {
        scope: standing.said(scope).get(SWITCH) for scope in standing.scopes() if scope.startswith(PREFIX)
    }
    kept = {scope: one for scope, one in said.items() if fits(one) and one.get("guard")}
    return {
        scope.removeprefix(PREFIX): House(
            locked=frozenset({SWITCH} if one["locked"] else ()), on=bool(one["value"])
        )
        for scope, one in kept.items()
    }


def _made(scope: str, cls: Any, said: Mapping[str, Any]) -> House:
    known = settable(cls)
    wanted = {name: one["value"] for name, one in said.items() if name in known and fits(one)}
    values, mistakes = read(cls, wanted)
    values = {name: value for name, value in values.items() if name in wanted}
    for name in wanted.keys() & mistakes.keys():
        log.warning("what the institution has set for %s isn't used: %s", scope, mistakes[name])
    switch = said.get(SWITCH)
    on = bool(switch["value"]) if fits(switch) else None
    names = {*values, *([] if on is None else [SWITCH])}
    return House(values, frozenset(name for name in names if said[name]["locked"]), on)


def fits(one: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a kept value is one of these."""
    return isinstance(one, Mapping) and "value" in one and isinstance(one.get("locked"), bool)


# --- what can be set ------------------------------------------------------------------


def settable(cls: Any) -> dict[str, Field]:
    """The settings of a room that the institution may set, in the order of the form.

    Not what only a room's owner decides, and not how long something is kept: retention has rules for that.
    """
    return {name: one for name, one in fields(cls).items() if _is_settable(one)}


def _is_settable(one: Field) -> bool:
    is_about_days = one.name.startswith("keep_") and one.name.endswith("_days")
    return one.kind not in NOT_SHOWN and not one.owner_only and not is_about_days


def is_scope(scope: str) -> bool:
    """Whether this is about the settings of rooms."""
    return scope.startswith(PREFIX)


def owner_of(scope: str) -> str:
    """``core`` or a plugin's name."""
    return scope.removeprefix(PREFIX)


def class_of(owner: str) -> Any:
    """The class of the settings in a room; None for a plugin that isn't loaded or can't be switched."""
    if owner == CORE:
        from core.rooms.settings import RoomSettings

        return RoomSettings
    loaded = plugins.loaded.get(owner)
    return loaded.manifest.room_settings if loaded else None


def known(owner: str) -> dict[str, Field]:
    """What can be set for an owner: a plugin's switch first."""
    cls = class_of(owner)
    if cls is None:
        return {}
    return {**_switch(owner), **settable(cls)}


def _switch(owner: str) -> dict[str, Field]:
    if owner == CORE:
        return {}
    default = cast(Any, plugins.loaded[owner]).manifest.on_by_default
    return {SWITCH: Field(SWITCH, "switch", label=_l("Switched on"), default=default)}


def said(owner: str, name: str, value: Any, locked: bool) -> dict[str, Any] | None:
    """How it is kept: None for what is said of nothing, the default that hosts may change."""
    field_ = known(owner)[name]
    if not locked and plain(value) == plain(field_.default):
        return None
    made = {"value": plain(value), "locked": locked}
    if name == SWITCH:
        # It outlives the plugin's being enabled.
        made["guard"] = plugins.loaded[owner].manifest.guard
    return made


# --- refusing -------------------------------------------------------------------------


def refuse(label: Any) -> Refusal:
    """What a host is told who would change something that is locked."""
    detail = _("Your institution has set this: %(setting)s.", setting=str(label))
    return Refusal(403, detail, code="locked")


def refuse_locked(house: House, cls: Any, given: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse values, read already, that differ from those that are locked."""
    for name in names:
        if name in house.locked and plain(given[name]) != plain(house.values[name]):
            raise refuse(fields(cls)[name].label)
