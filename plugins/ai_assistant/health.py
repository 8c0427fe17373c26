"""What `audimax doctor` looks at."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from core.api import HealthCheck, PluginError, settings
from plugins.ai_assistant.settings import Settings


def checks() -> list[HealthCheck]:
    """Whether the chosen provider can work at all."""
    return [HealthCheck("provider", _provider)]


def _provider() -> None:
    house = settings(Settings)
    problem, remedy = _problem(house)
    if problem:
        raise PluginError("ai_assistant", problem, remedy)


def _problem(house: Settings) -> tuple[str, str]:
    if house.provider == "off":
        return "", ""
    if importlib.util.find_spec("livekit.agents") is None:
        return "livekit-agents isn't installed", "install the extra: pip install 'audimax[ai]'"
    if house.provider != "offline":
        return "", ""
    if house.whisper_folder:
        if not (Path(house.whisper_folder) / "model.bin").is_file():
            return f"{house.whisper_folder} has no model of faster-whisper", "put its files there"
        if importlib.util.find_spec("faster_whisper") is None:
            return "faster-whisper isn't installed", "pip install faster-whisper"
    elif importlib.util.find_spec("moonshine_voice") is None:
        return (
            "no offline model fits this machine: captions stay off",
            "set provider to deepgram or openai, or whisper_folder, or switch it off",
        )
    return "", ""
