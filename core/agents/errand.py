"""With what the web sends an agent into a lecture."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

LECTURE = re.compile(r"[\w-]{1,80}", re.ASCII)


@dataclass(frozen=True)
class Errand:
    """``lecture``: its public id; ``backend``: where our web is; ``key``: what proves that we were sent."""

    lecture: str
    backend: str
    key: str = field(repr=False)

    def url(self, plugin: str, path: str) -> str:
        """An address below the plugin's ``INTERNAL`` mount."""
        return f"{self.backend.rstrip('/')}/api/internal/lectures/{self.lecture}/{plugin}/{path}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def read_errand(metadata: str) -> Errand:
    """What the web sent along; raises ``ValueError`` when it wasn't the web."""
    try:
        said = json.loads(metadata)
        made = Errand(str(said["lecture"]), str(said["backend"]), str(said["key"]))
    except (KeyError, TypeError) as error:
        raise ValueError("the errand lacks something") from error
    if not LECTURE.fullmatch(made.lecture) or not made.backend.startswith(("http://", "https://")):
        raise ValueError("the errand is wrong")
    return made
