"""`gunicorn wsgi:app` with settings that must not work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.product import ROOT

SETTINGS = {
    "AUDIMAX_SECRET_KEY": "k" * 40,
    "AUDIMAX_LIVEKIT_KEY": "key",
    "AUDIMAX_LIVEKIT_SECRET": "s" * 40,
    "AUDIMAX_DATABASE_URL": "postgresql+psycopg2://a:b@127.0.0.1:9/c",
}


def start(tmp_path: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AUDIMAX_")}
    environ = {**kept, **SETTINGS, "AUDIMAX_CONFIG": "", "AUDIMAX_INSTANCE_DIR": str(tmp_path), **changed}
    argv = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "wsgi:app"]
    return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        ({"AUDIMAX_SECRET_KEY": ""}, "secret_key"),
        ({"AUDIMAX_SECRET_KEY": "short"}, "secret_key"),
        ({"AUDIMAX_LIVEKIT_SECRET": "secretsecretsecretsecretsecretsecret"}, "livekit_secret"),
        ({"AUDIMAX_LIVEKIT_KEY": ""}, "livekit_key"),
        ({"AUDIMAX_DATABASE_URL": ""}, "database_url"),
        ({"AUDIMAX_PUBLIC_URL": "http://uni.example"}, "public_url"),
        ({"AUDIMAX_SECRET_KEYY": "x"}, "secret_key"),
    ],
)
def test_an_unsafe_setting_stops_the_start_and_is_named(
    tmp_path: Path, changed: dict[str, str], setting: str
) -> None:
    said = start(tmp_path, **changed)
    assert said.returncode != 0
    assert f"{setting}" in said.stderr
    assert "Audimax can't start" in said.stderr
    assert "Traceback" not in said.stderr
    assert "k" * 40 not in said.stderr


def test_without_gevent_the_start_says_how_to_do_it() -> None:
    said = subprocess.run([sys.executable, "-c", "import wsgi"], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 1
    assert "gunicorn wsgi:app" in said.stderr
