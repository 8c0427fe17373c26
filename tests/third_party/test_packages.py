"""Packages of strangers, written from the documentation: installed by pip, tested by themselves, at work together."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.environment import run_audimax, run_tests

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
PACKAGES = tuple(sorted(path for path in HERE.glob("audimax_*") if path.is_dir()))
NAMES = tuple(path.name.removeprefix("audimax_") for path in PACKAGES)


@pytest.fixture(scope="module")
def environment(environment_with: Callable[..., Path]) -> Path:
    return environment_with(*PACKAGES)


def test_all_of_them_are_here() -> None:
    assert set(NAMES) == {"anki", "links", "poll"}


@pytest.mark.parametrize("package", PACKAGES, ids=NAMES)
def test_its_own_tests_pass(environment: Path, base_settings: dict[str, str], package: Path) -> None:
    said = run_tests(environment, [package], base_settings["database_url"])
    assert re.search(r"\d+ passed", said), said
    for bad in (" failed", " skipped", " error", " warning"):
        assert bad not in said, said


@pytest.mark.parametrize("package", PACKAGES, ids=NAMES)
def test_it_keeps_its_promises_where_its_tests_arent_at_hand(
    environment: Path, base_settings: dict[str, str], tmp_path: Path, package: Path
) -> None:
    name = package.name.removeprefix("audimax_")
    url = base_settings["database_url"]
    done = run_audimax(environment, "plugins", "check", name, cwd=tmp_path, AUDIMAX_TEST_DATABASE_URL=url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{name} 1.0.0 (audimax_{name}) keeps all" in done.stdout


def test_they_are_switched_on_by_their_names_alone(
    environment: Path, base_settings: dict[str, str], tmp_path: Path
) -> None:
    given = {
        key: base_settings[key] for key in ("secret_key", "database_url", "livekit_key", "livekit_secret")
    }
    variables = {f"AUDIMAX_{key.upper()}": value for key, value in given.items()}
    done = run_audimax(
        environment, "plugins", cwd=tmp_path, AUDIMAX_ENABLED_PLUGINS=",".join(NAMES), **variables
    )
    assert done.returncode == 0, done.stderr
    for name in NAMES:
        assert re.search(rf"^{name} +1\.0\.0 +enabled  audimax-{name}$", done.stdout, re.M), done.stdout


@pytest.mark.parametrize("package", PACKAGES, ids=NAMES)
def test_it_imports_nothing_of_core_but_the_door(package: Path) -> None:
    for file in package.rglob("*.py"):
        found = set(re.findall(r"^\s*(?:from|import) (core[\w.]*)", file.read_text("utf-8"), re.M))
        assert found <= {"core.api", "core.testing"}, file
