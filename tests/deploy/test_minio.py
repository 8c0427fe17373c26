"""The script that makes the bucket and its key, with a stand-in for MinIO's client that says what it was asked."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.composed import DEPLOY

SCRIPT = DEPLOY / "minio" / "bucket.sh"
POLICY = json.loads((DEPLOY / "minio" / "policy.json").read_text("utf-8"))
ROOT_PASSWORD, SECRET_KEY = "the-root's password", "the key's secret $HOME"
# MinIO's client ends with 1 when the policy is attached already.
CLIENT = """#!/bin/sh
for word in "$@"; do printf '%s\\t' "$word"; done >> "$ASKED"
echo >> "$ASKED"
case "$*" in $FAILS) exit 1;; esac
case "$*" in
  "admin policy attach"*) [ ! -e "$ASKED.attached" ] || exit 1; : > "$ASKED.attached";;
  *"policy entities"*)
    [ -e "$ASKED.attached" ] && found='"userMappings": [{"user": "audimax", "policies": ["audimax"]}]'
    printf '{"status": "success", "result": {%s}}' "$found";;
esac
"""
Run = Callable[..., tuple[int, list[list[str]]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """``run()``: how the script ended, and what it asked the client for; again with what was there."""
    client = tmp_path / "mc"
    client.write_text(CLIENT)
    client.chmod(0o755)

    def start(fails: str = "nothing", **environment: str) -> tuple[int, list[list[str]]]:
        asked = tmp_path / "asked"
        asked.unlink(missing_ok=True)
        given = {"MINIO_ROOT_PASSWORD": ROOT_PASSWORD, "SECRET_KEY": SECRET_KEY, **environment}
        done = subprocess.run(
            ["sh", SCRIPT],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "ASKED": str(asked), "FAILS": fails, **given},
            capture_output=True,
            timeout=60,
        )
        lines = asked.read_text("utf-8").splitlines() if asked.exists() else []
        return done.returncode, [line.split("\t")[:-1] for line in lines]

    return start


def test_the_script_is_one_that_a_shell_reads() -> None:
    subprocess.run(["sh", "-n", SCRIPT], check=True, timeout=60)


def test_the_bucket_and_a_key_that_may_do_nothing_beside_it_are_made(run: Run) -> None:
    status, asked = run()
    assert status == 0
    assert asked == [
        ["alias", "set", "-q", "here", "http://minio:9000", "root", ROOT_PASSWORD],
        ["mb", "-q", "--ignore-existing", "here/audimax"],
        ["admin", "policy", "create", "here", "audimax", "/etc/audimax/policy.json"],
        ["admin", "user", "add", "here", "audimax", SECRET_KEY],
        ["admin", "policy", "attach", "here", "audimax", "--user", "audimax"],
        ["--json", "admin", "policy", "entities", "here", "--user", "audimax"],
    ]
    meant = {"arn:aws:s3:::audimax", "arn:aws:s3:::audimax/*"}
    assert {one for rule in POLICY["Statement"] for one in rule["Resource"]} == meant


def test_run_again_it_is_content_with_what_is_there(run: Run) -> None:
    first, again = run(), run()
    assert (first[0], again[0]) == (0, 0)
    assert again[1] == first[1]


@pytest.mark.parametrize(
    ("fails", "asked"),
    [
        ("alias*", 1),
        ("mb*", 2),
        ("admin policy create*", 3),
        ("admin user*", 4),
        ("admin policy attach*", 6),
        ("--json*", 6),
    ],
)
def test_it_stops_where_something_fails_and_says_so(run: Run, fails: str, asked: int) -> None:
    status, words = run(fails)
    assert status != 0 and len(words) == asked


def test_an_empty_environment_makes_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", SCRIPT], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, timeout=60
    )
    assert done.returncode != 0 and b"MINIO_ROOT_PASSWORD" in done.stderr
    assert not (tmp_path / "asked").exists()
