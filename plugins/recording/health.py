"""What `audimax doctor` looks at."""

from __future__ import annotations

import importlib.util

from core.api import HealthCheck, PluginError, settings
from plugins.recording.egress import needs
from plugins.recording.settings import Settings

NEEDED = {"av": "PyAV", "livekit.agents": "livekit-agents"}
# The pieces of an egress are joined by us.
NEEDED_BY_EGRESS = {"av": "PyAV"}


def checks() -> list[HealthCheck]:
    """Whether the recorder can work at all."""
    checks = [HealthCheck("recorder", _recorder)]
    if settings(Settings).engine == "egress":
        checks.append(HealthCheck("egress", needs.look))
    return checks


def _recorder() -> None:
    engine = settings(Settings).engine
    if engine == "off":
        return
    for module, name in (NEEDED_BY_EGRESS if engine == "egress" else NEEDED).items():
        if not _is_there(module):
            remedy = "install the extra: pip install 'audimax[recording]', or set engine to off"
            raise PluginError("recording", f"{name} isn't installed", remedy)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
