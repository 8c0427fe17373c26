"""The files that describe the project agree with each other."""

from __future__ import annotations

import configparser
import re
import subprocess

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.example_settings import made
from tests.fixtures.product import ROOT


def locked() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    files = ("requirements.lock", "requirements-offline.lock")
    text = "\n".join((ROOT / name).read_text() for name in files)
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.M):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


def declared() -> list[Requirement]:
    described = configparser.ConfigParser()
    described.read(ROOT / "setup.cfg", "utf-8")
    lines = described["options"]["install_requires"].splitlines()
    lines += [line for extra in described["options.extras_require"].values() for line in extra.splitlines()]
    return [Requirement(line) for line in lines if line]


@pytest.mark.parametrize("wanted", declared(), ids=lambda wanted: wanted.name)
def test_the_lock_file_stays_within_the_declared_ranges(wanted: Requirement) -> None:
    versions = locked()[canonicalize_name(wanted.name)]
    assert all(wanted.specifier.contains(version) for version in versions)


def test_what_is_pinned_by_hand_is_what_is_locked() -> None:
    pinned = [
        Requirement(line) for line in (ROOT / "requirements.in").read_text().splitlines() if "==" in line
    ]
    found = locked()
    for one in pinned:
        assert all(one.specifier.contains(v) for v in found[canonicalize_name(one.name)]), one


def test_every_locked_package_has_hashes_and_none_names_a_host() -> None:
    for name in ("", "-dev", "-offline", "-fonts"):
        text = (ROOT / f"requirements{name}.lock").read_text()
        for entry in re.split(r"\n(?=\w)", text.strip()):
            assert "--hash=sha256:" in entry, entry[:60]
        assert "://" not in text


def test_the_example_settings_are_those_of_the_code() -> None:
    assert (ROOT / "audimax.example.toml").read_text("utf-8") == made(), "run `make example`"


def test_make_lists_its_targets() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "test-fast", "check", "bench", "drill", "soak", "demo", "licences"):
        assert re.search(rf"^{target}\s", said, re.M)
