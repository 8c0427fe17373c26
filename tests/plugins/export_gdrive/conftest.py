"""A lecture that is over, its host, and a Google that is theirs."""

from __future__ import annotations

import base64
import html
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from core.contracts import FileEntry, Files
from core.db import db
from core.exports.models import Export
from core.files import stored
from core.lectures.models import Lecture
from plugins.export_gdrive import drive
from tests.conftest import ORIGIN
from tests.core.conftest import ada  # noqa: F401
from tests.core.exports.conftest import (
    Hall,
    without_walls,  # noqa: F401
)
from tests.core.exports.conftest import hall as hall_with_notes  # noqa: F401
from tests.fixtures.google import CLIENT_ID, CLIENT_SECRET, Google, running

CALLBACK = f"{ORIGIN}/plugins/export_gdrive/callback"
PAGE = "/plugins/export_gdrive/"
PATIENCE = 30.0


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """A Google on this machine; oauthlib speaks without TLS only when it is told to."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(drive, "FIRST_PAUSE", 0.01)
    with running() as made:
        made.redirect_uris.add(CALLBACK)
        yield made


@pytest.fixture
def gdrive(google: Google) -> dict[str, Any]:
    """Settings of the plugin; change them before asking for ``app``."""
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "key": new_key(),
        "google_url": google.url,
    }


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {**settings, "instance_dir": str(tmp_path)}


@pytest.fixture
def app(make_app: Callable[..., Flask], gdrive: dict[str, Any]) -> Flask:
    return make_app("export_gdrive", "export_markdown", plugins={"export_gdrive": gdrive})


class Lectern:
    """What a host does with their Drive, through the pages."""

    def __init__(self, hall: Hall, google: Google) -> None:
        self.hall, self.google, self.host = hall, google, hall.host

    def leave(self, client: Any = None, lecture: str = "") -> str:
        """Press Connect; where the page leads to."""
        answer = (client or self.host).post(f"{PAGE}start", data={"lecture": lecture})
        assert answer.status_code == 200, answer.text
        found = re.search(r'content="0; url=([^"]+)"', answer.text)
        assert found, answer.text
        return html.unescape(found[1])

    def come_back(self, address: str, client: Any = None) -> Any:
        assert address.startswith(CALLBACK), address
        return (client or self.host).get(address.removeprefix(ORIGIN))

    def connect(self, client: Any = None, lecture: str = "", **decision: Any) -> Any:
        """To Google and back."""
        return self.come_back(self.google.decide(self.leave(client, lecture), **decision), client)

    def says(self, client: Any = None) -> str:
        """Their page, with what was flashed."""
        return html.unescape((client or self.host).get(PAGE).text)

    def ask(self, client: Any = None, **more: Any) -> Any:
        """Export the text and the files."""
        form = {"exporter": "gdrive", "gdrive.text": "on", "gdrive.files": "on"}
        client = client or self.host
        return client.post(self.hall.page, data={**form, "section": self.hall.ids(client), **more})

    def export(self, **more: Any) -> Export:
        assert self.ask(**more).status_code == 303
        self.hall.work()
        return self.hall.last()

    def work_later(self) -> Export:
        """Jobs that wait for a better moment have it now."""
        with self.hall.app.app_context():
            db.session.execute(db.text("UPDATE procrastinate_jobs SET scheduled_at = now()"))
            db.session.commit()
        self.hall.work()
        return self.hall.last()

    def share(self, name: str, content: bytes) -> None:
        """A file of the lecture, in a section of its own."""
        with self.hall.app.app_context():
            lecture = db.session.get_one(Lecture, self.hall.lecture)
            made = stored.keep(
                lecture, "notes", name=name, body=BytesIO(content), size=len(content), mime="text/plain"
            )
            db.session.commit()
            entry = FileEntry(name, "text/plain", len(content), f"/files/{made.public_id}")
        section: Any = Files(f"f{len(self.hall.sections)}", name, files=(entry,))
        self.hall.sections.append(section)

    @property
    def folder(self) -> dict[str, Any]:
        """What lies in the lecture's folder at Google; fails where there are two of anything."""
        [room] = self.google.tree().values()
        [lecture] = room.values()
        return dict(lecture)


@pytest.fixture
def hall(hall_with_notes: Hall, without_walls: None) -> Hall:  # noqa: F811
    return hall_with_notes


@pytest.fixture
def lectern(hall: Hall, google: Google) -> Lectern:
    return Lectern(hall, google)


@pytest.fixture
def connected(lectern: Lectern) -> Lectern:
    """The host's Drive is connected."""
    assert lectern.connect().status_code == 303
    assert "Your Drive is connected" in lectern.says()
    return lectern


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        threading.Event().wait(0.02)
