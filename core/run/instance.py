"""The instance folder: secrets, database, files and logs of one installation."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import AudimaxError
from core.run import places

SECRETS = {
    "secret_key": lambda: secrets.token_urlsafe(48),
    "livekit_key": lambda: f"API{secrets.token_hex(6)}",
    "livekit_secret": lambda: secrets.token_urlsafe(48),
}


class InstanceBusy(AudimaxError):
    """Another `audimax run` works in this folder."""


@dataclass(frozen=True)
class Instance:
    """One folder, readable by us alone."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Instance:
        """Make what is missing; rights that were widened are narrowed again."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        made = cls(folder.resolve())
        made.logs.mkdir(mode=0o700, exist_ok=True)
        return made

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def environment_file(self) -> Path:
        return self.folder / "environment.json"

    def secrets(self) -> dict[str, str]:
        """The generated secrets; made once, then kept."""
        path = self.folder / "secrets.json"
        kept = _read(path)
        made = {name: kept.get(name) or make() for name, make in SECRETS.items()}
        if made != kept:
            places.write_private(path, json.dumps(made, indent=2) + "\n")
        path.chmod(0o600)
        return made

    def remember(self, environment: Mapping[str, str]) -> None:
        """Keep the settings of this run, for `audimax doctor` and the like in another terminal."""
        places.write_private(self.environment_file, json.dumps(dict(environment), indent=2) + "\n")

    def remembered(self) -> dict[str, str]:
        return _read(self.environment_file)

    def knows(self, state: str) -> bool:
        """Whether the database was already brought to this state."""
        path = self.folder / "schema-state"
        return path.exists() and path.read_text("utf-8") == state

    def know(self, state: str) -> None:
        places.write_private(self.folder / "schema-state", state)

    def lock(self) -> int:
        """Hold the folder for as long as this process lives."""
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        os.set_inheritable(handle, False)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
            raise InstanceBusy(
                f"Audimax already runs in {self.folder} (process {holder or '?'}). Stop that one first, "
                "or set AUDIMAX_INSTANCE_DIR to another folder for a second installation"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        return handle


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise AudimaxError(
            f"{path} can't be read ({error}): restore it from a backup, or remove it"
        ) from error
    return {str(k): str(v) for k, v in found.items()}
