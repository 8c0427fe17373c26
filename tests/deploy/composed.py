"""`deploy/compose.yaml` as Compose would read it, with the `.env` that `audimax setup` writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from core.run import setting_up
from core.run.setting_up import Plan, Profile
from tests.fixtures.product import ROOT

DEPLOY = ROOT / "deploy"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<kind>:\?|:-)?(?P<rest>[^}]*)\}")
PLANS: dict[str, Plan] = {
    "production": Plan("hall.uni.example", "it@uni.example", "production", "203.0.113.7"),
    "local": setting_up.plan("", "it@uni.example", "local"),
}


def dotenv(text: str) -> dict[str, str]:
    """What a file of single-quoted values says."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [re.fullmatch(r"(\w+)='([^']*)'", line) for line in lines]
    assert all(found), lines
    return {match[1]: match[2] for match in found if match}


def interpolated(value: Any, given: dict[str, str]) -> Any:
    """The same with variables in place; what must be set and isn't fails."""
    if isinstance(value, dict):
        return {name: interpolated(part, given) for name, part in value.items()}
    if isinstance(value, list):
        return [interpolated(part, given) for part in value]
    return VARIABLE.sub(lambda match: _value(match, given), value) if isinstance(value, str) else value


def _value(match: re.Match[str], given: dict[str, str]) -> str:
    found = given.get(match["name"], "")
    assert found or match["kind"] != ":?", f"{match['name']} is needed"
    assert match["name"] in given or match["kind"], f"nothing sets {match['name']}"
    return found or (match["rest"] if match["kind"] == ":-" else "")


@dataclass(frozen=True)
class Composed:
    """One profile: its variables, and the services that it starts."""

    profile: Profile
    given: dict[str, str]
    whole: dict[str, Any]

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        every: dict[str, dict[str, Any]] = self.whole["services"]
        return {
            name: one for name, one in every.items() if self.profile in one.get("profiles", [self.profile])
        }

    def environment(self, service: str) -> dict[str, str]:
        found: dict[str, str] = self.services[service].get("environment", {})
        return found

    @property
    def ours(self) -> list[str]:
        return [name for name, one in self.services.items() if one["image"].startswith("audimax-")]


def composed(profile: str) -> Composed:
    """The file with fresh secrets."""
    return with_variables(dotenv(setting_up.text(PLANS[profile])))


def with_variables(given: dict[str, str]) -> Composed:
    """The file with these in place of its variables."""
    profile: Profile = "local" if given["COMPOSE_PROFILES"] == "local" else "production"
    return Composed(profile, given, interpolated(_file(), given))


@cache
def _file() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
