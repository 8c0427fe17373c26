"""The embedded database for the time of a command, where `audimax run` isn't on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.config import raw_settings
from core.run.instance import Instance, InstanceBusy
from core.run.topology import Topology


@contextmanager
def at_hand(*, alone: bool) -> Iterator[None]:
    """Let the settings name a database that answers.

    ``alone``: refuse while `audimax run` is on (``InstanceBusy``); else its database and settings are used.
    """
    given = raw_settings(os.environ)
    if given.get("database_url"):
        yield
        return
    instance = Instance.make(Path(given.get("instance_dir") or "instance"))
    try:
        handle = instance.lock()
    except InstanceBusy:
        if alone:
            raise
        for name, value in instance.remembered().items():
            os.environ.setdefault(name, value)
        yield
        return
    try:
        with _started(instance):
            yield
    finally:
        os.close(handle)


@contextmanager
def _started(instance: Instance) -> Iterator[None]:
    topology = Topology.plan(instance, os.environ)
    assert topology.postgres is not None
    topology.postgres.start()
    try:
        topology.use_database()
        os.environ.update(topology.environ)
        yield
    finally:
        topology.postgres.stop()
