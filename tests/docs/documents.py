"""What the tests of the documentation read."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OF_PROSE = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md")))


@lru_cache
def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


@lru_cache
def defined_tests() -> frozenset[str]:
    """The names of all Python tests of core and plugins."""
    files = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("plugins/*/tests/**/*.py")]
    found = (re.findall(r"^\s*def (test_\w+)", file.read_text("utf-8"), re.M) for file in files)
    return frozenset(name for names in found for name in names)


def without_code(markdown: str) -> str:
    """The prose alone, so that code isn't taken for links or tables."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"```.*?```", "", markdown, flags=re.S))
