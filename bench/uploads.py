"""Memory of a web worker while a large file streams through it."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import psutil

from bench.product import Host, private_kb, running, web_workers
from tests.fixtures.product import Product

MB = 1024 * 1024
SIZE = 1024 * MB
PART = 16 * MB
BYTES = "application/offset+octet-stream"


def upload_1gb() -> dict[str, float]:
    """The most that one worker takes above idle; the file is a PDF as far as its beginning tells."""
    settings = {"AUDIMAX_LARGEST_FILE_MB": "1024"}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance", **settings) as product:
        host = Host(product)
        lecture = host.post(f"/api/rooms/{host.new_room()}/start")["lecture_id"]
        # What is loaded with the first upload stays, and isn't the file's.
        _send(host, _begin(product, lecture, PART), PART)
        upload = _begin(product, lecture, SIZE)
        (worker,) = web_workers(product)
        idle = private_kb(worker)
        with _watched(worker) as seen:
            _send(host, upload, SIZE)
        return {"upload_1gb_worker_mb": (max(seen) - idle) / 1024}


def _begin(product: Product, lecture: str, size: int) -> str:
    """What the route of a plugin does, in a process of our own on the same instance."""
    from core import create_app
    from core.db import db
    from core.files import stored as files
    from core.lectures.models import Lecture
    from core.run.instance import Instance

    settings = {**product.environment, **Instance(product.instance).remembered()}
    with patch.dict(os.environ, settings, clear=True):
        app = create_app()
    with app.app_context():
        found = db.session.scalars(db.select(Lecture).filter_by(public_id=lecture)).one()
        made = files.begin(found, "bench", name="film.pdf", size=size, mime="x/y", user=found.started_by)
        db.session.commit()
        upload = made.public_id
        db.engine.dispose()
    return upload


def _send(host: Host, upload: str, size: int) -> None:
    for offset in range(0, size, PART):
        body = b"%PDF-1.7\n".ljust(PART, b"\0")
        headers = {"Upload-Offset": str(offset), "Content-Type": BYTES}
        url = f"{host.url}/api/uploads/{upload}"
        host.http.patch(url, data=body, headers=headers, timeout=120).raise_for_status()
    host.post(f"/api/uploads/{upload}/complete")


@contextmanager
def _watched(worker: psutil.Process) -> Iterator[list[float]]:
    """What the worker takes, every tenth of a second."""
    seen, over = [private_kb(worker)], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            seen.append(private_kb(worker))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
