"""What can't be backed up or restored, in words for an admin."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import AudimaxError


class BackupError(AudimaxError):
    """A backup can't be made or restored; the text says why and what to do."""


@contextmanager
def on_disk(where: Path | str) -> Iterator[None]:
    """What the disk says, in words."""
    try:
        yield
    except BrokenPipeError as error:
        raise BackupError(
            "nobody takes the backup any more: the program behind the pipe has ended; look at what it said"
        ) from error
    except OSError as error:
        remedy = "let the user that runs audimax read and write there"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "make room there, or name another place"
        raise BackupError(f"{where}: {error.strerror or error}; {remedy}") from error


def gigabytes(size: int) -> str:
    """For people."""
    return f"{size / 1e9:.2f} GB" if size >= 1e7 else f"{size / 1e6:.2f} MB"
