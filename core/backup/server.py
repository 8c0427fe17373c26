"""The embedded database for the time of a command, where `audimax run` isn't on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core.config import raw_settings
from core.run.instance import Instance, InstanceBusy
from core.run.topology import Topology

URLS = ("AUDIMAX_DATABASE_URL", "AUDIMAX_DATABASE_DIRECT_URL")


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
        _take(instance.remembered())
        yield
        return
    try:
        with _started(instance):
            yield
    finally:
        os.close(handle)


def _take(remembered: Mapping[str, str]) -> None:
    """The settings of the last run, where none are given now."""
    for name, value in remembered.items():
        os.environ.setdefault(name, value)


@contextmanager
def _started(instance: Instance) -> Iterator[None]:
    remembered = instance.remembered()
    if remembered and not (instance.folder / "postgres").exists():
        # That run had a database elsewhere.
        _take(remembered)
        yield
        return
    _take({name: value for name, value in remembered.items() if name not in URLS})
    topology = Topology.plan(instance, os.environ)
    assert topology.postgres is not None
    topology.postgres.start()
    try:
        os.environ.update({**topology.environ, **dict.fromkeys(URLS, topology.postgres.url)})
        yield
    finally:
        topology.postgres.stop()
