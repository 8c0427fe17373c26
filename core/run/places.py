"""Folders outside the checkout: what is kept between starts, and what another user must reach."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

SHARED_STATE = Path("/var/lib/audimax")


def cache() -> Path:
    """Where downloads and builds are kept; works without a home folder."""
    for base in (os.environ.get("XDG_CACHE_HOME", ""), _below_home(".cache")):
        if base and (made := _writable(Path(base) / "audimax")):
            return made
    return own_folder(Path(tempfile.gettempdir()) / f"audimax-cache-{os.getuid()}")


def shared_state() -> Path:
    """A folder that every user can walk through; only used as root."""
    made = _writable(SHARED_STATE)
    if made is None:
        made = own_folder(Path(tempfile.gettempdir()) / "audimax-root")
    made.chmod(0o755)
    return made


def own_folder(path: Path) -> Path:
    """Make the folder; refuse one that somebody else has put there first."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to somebody else: remove it, or set XDG_CACHE_HOME")
    return path


def is_open_to_others(path: Path) -> bool:
    """Whether another user can walk to ``path`` and read it."""
    path = path.resolve()
    steps = all(step.stat().st_mode & stat.S_IXOTH for step in path.parents if step.exists())
    return steps and (not path.exists() or bool(path.stat().st_mode & stat.S_IROTH))


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, from its first byte on; on a full disk the old one stays."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(_private(half), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException as error:
        half.unlink(missing_ok=True)
        # Who reads it looks for the file that they know.
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def _private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)


def service_user() -> str:
    """As whom to run what refuses to run as root; empty when we aren't root."""
    if os.geteuid() != 0:
        return ""
    for name in ("audimax", "postgres"):
        if _exists(name):
            return name
    return _made_user("audimax") or "nobody"


def _made_user(name: str) -> str:
    program = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not program:
        return ""
    argv = [program, "--system", "--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", name]
    subprocess.run(argv, capture_output=True, check=False)
    return name if _exists(name) else ""


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _below_home(name: str) -> str:
    home = os.environ.get("HOME", "")
    return str(Path(home) / name) if home and Path(home).is_dir() else ""


def _writable(path: Path) -> Path | None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path if os.access(path, os.W_OK | os.X_OK) else None
