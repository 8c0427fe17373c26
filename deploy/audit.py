"""Whether faults of our dependencies are known: ``make audit`` asks PyPI and the npm registry.

Ends with 1 where there are some, with 2 where not everything could be asked: that is no clean bill.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
# In an environment of its own: what it needs itself is none of our dependencies.
TOOL, HOME = "pip-audit==2.10.1", ROOT / "build" / "audit"
SECONDS = 600


class Found(NamedTuple):
    """``faults``: what is known, in words; ``missing``: why something couldn't be asked, empty if all was."""

    faults: Sequence[str]
    missing: str = ""


def main() -> int:
    """Ask for each list of pinned packages; print what is known."""
    status = 0
    for name, found in _all():
        for fault in found.faults:
            print(f"{name}: {fault}")
        if found.missing:
            print(f"{name}: NOT ASKED: {found.missing}")
        if not found.faults and not found.missing:
            print(f"{name}: nothing is known against it")
        status = 1 if found.faults or status == 1 else 2 if found.missing or status == 2 else 0
    return status


def _all() -> Iterator[tuple[str, Found]]:
    program = _pip_audit()
    for lock in sorted(ROOT.glob("requirements*.lock")):
        argv = [str(program), "-r", str(lock), "--disable-pip", "--no-deps", "-f", "json"]
        yield lock.name, read_python(_said(argv)) if program else Found([], f"{TOOL} can't be installed")
    yield "package-lock.json", read_npm(_said(["npm", "audit", "--json"]))


def read_python(said: str) -> Found:
    """From pip-audit's JSON."""
    try:
        packages = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Found([], "the service of PyPI doesn't answer")
    faults = [_fault(one, fault) for one in packages for fault in one.get("vulns", ())]
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    return Found(faults, f"PyPI says nothing of {_some(skipped)}" if skipped else "")


def read_npm(said: str) -> Found:
    """From the JSON of ``npm audit``."""
    try:
        packages: dict[str, Any] = json.loads(said)["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        return Found([], "the service of the npm registry doesn't answer")
    named = [f"{name} {one.get('range', '')}: {one.get('severity', '')}" for name, one in packages.items()]
    return Found(named)


def _fault(package: dict[str, Any], fault: dict[str, Any]) -> str:
    mended = ", ".join(fault["fix_versions"]) or "none yet"
    return f"{package['name']} {package['version']}: {fault['id']}, mended in {mended}"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _pip_audit() -> Path | None:
    program = HOME / "bin" / "pip-audit"
    steps: Iterable[list[str]] = () if program.exists() else (
        [sys.executable, "-m", "venv", str(HOME)],
        [str(HOME / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q", TOOL],
    )  # fmt: skip
    for step in steps:
        if subprocess.run(step, check=False, timeout=SECONDS).returncode != 0:
            return None
    return program


def _said(argv: Sequence[str]) -> str:
    try:
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
