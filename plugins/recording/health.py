"""What `audimax doctor` looks at."""

from __future__ import annotations

import importlib.util

from core.api import HealthCheck, PluginError, settings
from plugins.recording.settings import Settings

NEEDED = {"av": "PyAV", "livekit.agents": "livekit-agents"}


def checks() -> list[HealthCheck]:
    """Whether the recorder can work at all."""
    return [HealthCheck("recorder", _recorder)]


def _recorder() -> None:
    if settings(Settings).engine == "off":
        return
    for module, name in NEEDED.items():
        if not _is_there(module):
            remedy = "install the extra: pip install 'audimax[recording]', or set engine to off"
            raise PluginError("recording", f"{name} isn't installed", remedy)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
