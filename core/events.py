"""Tell plugins what was committed: one job for each plugin, deferred in the transaction that caused it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from core.contracts import EVENT_TYPES, Event
from core.db import db
from core.engine.plugins import plugins
from core.engine.room_plugins import is_enabled_in
from core.jobs import RETRY, defer, task
from core.rooms.models import Room

TYPES: Mapping[str, type[Event]] = {cls.__name__: cls for cls in EVENT_TYPES}


def publish(event: Event) -> None:
    """Defer the news of ``event`` to every plugin that listens; a rollback takes it back.

    A plugin may hear of an event twice, late, and after a later one.
    """
    if TYPES.get(type(event).__name__) is not type(event):
        raise TypeError(f"{type(event).__name__} is not one of EVENT_TYPES")
    for plugin in plugins.users_of("on_event"):
        defer("core:tell_plugin", plugin=plugin, event=type(event).__name__, facts=dataclasses.asdict(event))


@task(name="tell_plugin", retry=RETRY)
def tell_plugin(plugin: str, event: str, facts: dict[str, Any]) -> None:
    """Run one plugin's ``on_event`` alone; what it raises is tried again, with growing pauses."""
    happened = TYPES[event](**facts)
    if not _concerns(plugin, happened):
        return
    try:
        plugins.ask_one(plugin, "on_event", event=happened)
    except Exception as error:
        db.session.rollback()
        plugins.note(plugin, "on_event", error)
        raise
    db.session.commit()


def _concerns(plugin: str, event: Event) -> bool:
    """Whether it is still enabled, and on in the event's room; a deleted room is everybody's business."""
    if plugin not in plugins.users_of("on_event"):
        return False
    room = db.session.get(Room, event.room_id)
    return room is None or is_enabled_in(room, plugin)
