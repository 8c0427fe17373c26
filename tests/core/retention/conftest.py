"""Lectures of long ago, with files in the place of what plugins keep."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from core.contracts import Retained, RetentionKind
from core.db import db, now
from core.files import stored as files
from core.lectures.models import Lecture
from core.retention import runs
from tests.core.lectures.conftest import guest_client, make_lecture, take_part  # noqa: F401  (fixtures)
from tests.core.lectures.test_sharing import forbid


@pytest.fixture
def settings(settings, tmp_path):
    return {**settings, "instance_dir": str(tmp_path)}


@pytest.fixture
def rules(app):
    """``rules(chat=90)``: the institution's days from now on."""
    return lambda **days: forbid(app, **{f"keep_{kind}_days": count for kind, count in days.items()})


@pytest.fixture
def kept(app):
    """``kept("notes", RetentionKind.CHAT)``: a plugin that keeps files, as messages of that kind."""

    def put(plugin, kind, remove=None):
        def delete(lecture):
            for one in files.of(lecture, plugin):
                files.delete(one)

        given = Retained(kind, lambda lectures: files.held(plugin, lectures), remove or delete)
        app.extensions["audimax_offers"]["retention"][f"{plugin}.{kind}"] = given

    return put


@pytest.fixture
def notes(kept):
    kept("notes", RetentionKind.CHAT)


@pytest.fixture
def old(app, ada, make_room, make_lecture):  # noqa: F811
    """``old(days=100)``: a lecture that ended so long ago, with a file of the plugin ``notes``."""

    def make(days=100, *, room=None, plugins=("notes",), **settings):
        room = room or make_room(ada, settings=settings)[0]
        start = now() - timedelta(days=days, minutes=90)
        key, public_id = make_lecture(room, start=start)
        with app.app_context():
            for plugin in plugins:
                lecture = db.session.get(Lecture, key)
                files.keep(lecture, plugin, name=f"{plugin}.txt", body=b"quagga", mime="text/plain")
            db.session.commit()
        return SimpleNamespace(key=key, id=public_id, page=f"/lectures/{public_id}", room=room)

    return make


@pytest.fixture
def run(app):
    """A run of the rules as the job does it; what it has done, by kind."""

    def carry_out():
        with app.app_context():
            run_id = runs.begin().id
            db.session.commit()
            runs.work_off(run_id)
            return runs.numbers_of(run_id)

    return carry_out


@pytest.fixture
def is_kept(app):
    """``is_kept(lecture, "notes")``: whether the plugin's file is still there."""

    def ask(lecture, plugin="notes"):
        with app.app_context():
            found = db.session.get(Lecture, lecture.key)
            return found is not None and bool(files.of(found, plugin))

    return ask
