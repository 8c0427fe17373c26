"""Several workers, one page of figures: each writes its own into files of a folder that they share."""

from __future__ import annotations

import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

# prometheus_client reads it when it is imported.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def share(instance: Path, port: str) -> None:
    """Choose the folder; call it before anything counts. An instance may be shared by machines and ports."""
    if VARIABLE in os.environ:
        return
    folder = instance / "metrics" / f"{socket.gethostname()}-{port}"
    try:
        if not instance.is_dir():
            raise FileNotFoundError(instance)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="audimax-metrics-"))
    os.environ[VARIABLE] = str(folder)


def forget_all() -> None:
    """What the workers of an earlier run counted."""
    for path in Path(os.environ[VARIABLE]).glob("*.db"):
        with suppress(FileNotFoundError):
            path.unlink()


def forget(pid: int) -> None:
    """A worker has ended: what it counted stays, what it held doesn't."""
    from prometheus_client import multiprocess

    with suppress(OSError):
        multiprocess.mark_process_dead(pid)
