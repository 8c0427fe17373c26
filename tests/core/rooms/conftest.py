from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from core.contracts import Plugin
from core.engine.plugins import Hook, Loaded
from core.engine.settings import setting


@pytest.fixture
def start_lecture(app):
    """``start_lecture(room_public_id)`` puts a live lecture there, without LiveKit; its public id."""
    from core.db import db
    from core.http.views import find_room
    from core.lectures.models import Lecture

    def start(room_id: str, **more):
        with app.test_request_context():
            room = find_room(room_id)
            lecture = Lecture(room_id=room.id, title=room.title, started_by_id=room.owner_id, **more)
            db.session.add(lecture)
            db.session.commit()
            return lecture.public_id

    return start


@dataclass(frozen=True)
class DoorSettings:
    """A setting of every kind that a form can show, and one it can't."""

    who: Literal["everyone", "strangers"] = setting("everyone", label="Who has to wait")
    most: int = setting(20, label="How many may wait", minimum=1, maximum=500)
    greeting: str = setting("", label="Greeting", help="Shown to those who wait.", maximum=80)
    sound: bool = setting(True, label="A sound for new arrivals")
    days: list[Literal["monday", "friday"]] = setting(factory=list, label="Days")
    names: list[str] = setting(factory=list, label="Class list", help="One per line.")
    key: str = setting("", secret=True)


@pytest.fixture
def add_plugin(app):
    """``add_plugin("door", room_ui=…)``: a plugin with these hooks that every room may switch."""
    engine = app.extensions["audimax_plugins"]

    def add(name="door", *, order=100, title="Waiting room", **hooks):
        manifest = Plugin(
            name=name,
            title=title,
            order=order,
            description="Guests wait until a host lets them in.",
            requires_core=">=0",
            room_settings=DoorSettings,
            guard=True,
            on_by_default=False,
        )
        folder = Path(app.root_path)
        engine.loaded[name] = Loaded(manifest, None, folder, name, "1", tuple(hooks))
        engine.by_settings[DoorSettings] = name
        for hook, function in hooks.items():
            arguments = tuple(inspect.signature(function).parameters)
            engine.hooks.setdefault(hook, []).append(Hook(name, function, arguments))

    return add
