"""Settings: where they come from, and what stops the start."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from core.cli import main
from core.config import load, program_settings, raw_settings
from core.engine.settings import setting
from core.errors import ConfigError

GOOD = {
    "AUDIMAX_SECRET_KEY": "s" * 40,
    "AUDIMAX_LIVEKIT_KEY": "key",
    "AUDIMAX_LIVEKIT_SECRET": "l" * 40,
    "AUDIMAX_DATABASE_URL": "postgresql+psycopg2://audimax@db/audimax",
    "AUDIMAX_PUBLIC_URL": "https://hall.uni.example",
    "AUDIMAX_LIVEKIT_URL": "wss://media.uni.example",
}


def test_the_environment_alone_is_enough() -> None:
    made = load(environ=GOOD)
    assert made.mode == "production" and made.origin == "https://hall.uni.example" and made.is_https


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    file = tmp_path / "audimax.toml"
    file.write_text('institution = "Uni A"\nabsence_minutes = 3\n[plugins.lobby]\nx = 1\n')
    made = load(environ={**GOOD, "AUDIMAX_CONFIG": str(file), "AUDIMAX_INSTITUTION": "Uni B"})
    assert (made.institution, made.absence_minutes, made.plugins) == ("Uni B", 3, {"lobby": {"x": 1}})


def test_a_plugins_settings_come_from_the_environment_too() -> None:
    made = load(environ={**GOOD, "AUDIMAX_PLUGINS__PIN__TRIES": "5"})
    assert made.plugins == {"pin": {"tries": "5"}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"AUDIMAX_SECRET_KEY": ""}, "secret_key is not set: make one with"),
        ({"AUDIMAX_SECRET_KEY": "short"}, "secret_key is shorter than 32 characters"),
        ({"AUDIMAX_LIVEKIT_SECRET": "secretsecretsecretsecretsecretsecret"}, "livekit_secret is an example"),
        ({"AUDIMAX_LIVEKIT_KEY": ""}, "livekit_key is not set"),
        ({"AUDIMAX_DATABASE_URL": ""}, "database_url is not set"),
        ({"AUDIMAX_DATABASE_URL": "postgresql://db/x"}, "must start with postgresql+psycopg2://"),
        ({"AUDIMAX_DATABASE_URL": "sqlite://"}, "must start with postgresql+psycopg2://"),
        ({"AUDIMAX_PUBLIC_URL": "hall.uni.example"}, "public_url must be an address that starts with"),
        ({"AUDIMAX_PUBLIC_URL": "http://hall.uni.example"}, "public_url must be https://"),
        ({"AUDIMAX_INSTITUTON": "x"}, "unknown setting 'instituton', did you mean 'institution'?"),
        ({"AUDIMAX_ABSENCE_MINUTES": "soon"}, "'absence_minutes' must be a whole number"),
        ({"AUDIMAX_SIGN_UP": "maybe"}, "'sign_up' must be one of open, domains, invitation, closed"),
        ({"AUDIMAX_TRUSTED_PROXIES": "10.0.0.1,proxy"}, "trusted_proxies has 'proxy': write addresses"),
        ({"AUDIMAX_CONFIG": "/nowhere.toml"}, "which doesn't exist"),
        ({"AUDIMAX_PLUGINS__PIN": "5"}, "AUDIMAX_PLUGINS__<PLUGIN>__<SETTING>"),
    ],
)
def test_what_can_not_work_stops_the_start_and_says_what_to_do(change: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(environ={**GOOD, **change})
    assert words in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        load(environ={})
    assert all(
        name in str(error.value) for name in ("secret_key", "livekit_key", "livekit_secret", "database_url")
    )


def test_invalid_toml_is_named_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "audimax.toml"
    file.write_text("institution = \n")
    with pytest.raises(ConfigError, match=r"can't be read.*line 1"):
        load(environ={**GOOD, "AUDIMAX_CONFIG": str(file)})


def test_no_secret_is_in_a_message() -> None:
    with pytest.raises(ConfigError) as error:
        load(environ={**GOOD, "AUDIMAX_SECRET_KEY": "hunter2", "AUDIMAX_LIVEKIT_SECRET": "tiny"})
    assert "hunter2" not in str(error.value) and "tiny" not in str(error.value)


def test_overrides_beat_everything() -> None:
    overrides: dict[str, Any] = {"mode": "test"}
    assert load(overrides, environ=GOOD).mode == "test"


@dataclass(frozen=True)
class _Own:
    tries: int = setting(3, minimum=1)


PROGRAM = {"AUDIMAX_LIVEKIT_KEY": "key", "AUDIMAX_LIVEKIT_SECRET": "l" * 40}


def test_a_plugins_program_needs_nothing_but_livekit() -> None:
    made, own = program_settings("pin", _Own, {**PROGRAM, "AUDIMAX_PLUGINS__PIN__TRIES": "5"})
    assert (made.livekit_key, own.tries) == ("key", 5)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"AUDIMAX_LIVEKIT_SECRET": ""}, "livekit_secret is not set"),
        ({"AUDIMAX_LIVEKIT_API_URL": "localhost"}, "livekit_api_url must be an address"),
        ({"AUDIMAX_PLUGINS__PIN__TRIES": "0"}, "plugin 'pin': 'tries' must be 1 or more"),
        ({"AUDIMAX_ABSENCE_MINUTES": "soon"}, "'absence_minutes' must be a whole number"),
    ],
)
def test_a_plugins_program_is_told_what_is_wrong(changed: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        program_settings("pin", _Own, {**PROGRAM, **changed})


def test_a_variable_of_a_plugin_replaces_one_setting_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "audimax.toml"
    file.write_text("[plugins.pin]\nlength = 8\ntries = 3\n[plugins.lobby]\nopen = true\n", "utf-8")
    found = raw_settings({"AUDIMAX_CONFIG": str(file), "AUDIMAX_PLUGINS__PIN__TRIES": "5"})
    assert found["plugins"] == {"pin": {"length": 8, "tries": "5"}, "lobby": {"open": True}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'institution = "x\n', "at line 1, column 17.; compare that line with audimax.example.toml"),
        (b"\xff\xfe", "it isn't UTF-8; save it as UTF-8"),
        (b"plugins = 3\n", r"'plugins' must be a table: write \[plugins.<name>\]"),
        (b"[plugins]\nlobby = 3\n", r"'lobby' must be a table: write them below \[plugins.lobby\]"),
    ],
)
def test_a_file_that_is_none_of_ours_is_told_with_its_remedy(
    tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / "audimax.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        load(environ={**GOOD, "AUDIMAX_CONFIG": str(file), "AUDIMAX_PLUGINS__LOBBY__X": "1"})


def test_a_file_that_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory; let the user that runs Audimax read it"):
        load(environ={**GOOD, "AUDIMAX_CONFIG": str(tmp_path)})


def test_doctor_tells_of_a_file_that_it_cannot_read_as_of_everything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "audimax.toml"
    file.write_text("plugins = 3")
    monkeypatch.setenv("AUDIMAX_CONFIG", str(file))
    said = CliRunner().invoke(main, ["doctor", "--json"])
    [finding] = json.loads(said.stdout)
    assert said.exit_code == 1
    assert (finding["check"], finding["state"]) == ("settings", "bad") and finding["remedy"]


@pytest.mark.parametrize(
    ("api_url", "told"),
    [
        ("https://uni.livekit.cloud", "wss://uni.livekit.cloud"),
        ("wss://uni.livekit.cloud", "wss://uni.livekit.cloud"),
        ("http://127.0.0.1:7880", "ws://127.0.0.1:7880"),
    ],
)
def test_without_the_gate_livekits_address_is_enough(api_url: str, told: str) -> None:
    environ = {key: value for key, value in GOOD.items() if key != "AUDIMAX_LIVEKIT_URL"}
    direct = load(environ={**environ, "AUDIMAX_LIVEKIT_API_URL": api_url, "AUDIMAX_GATED": "no"})
    assert (direct.gated, direct.livekit_url) == (False, told)
    named = load(environ={**GOOD, "AUDIMAX_LIVEKIT_API_URL": api_url, "AUDIMAX_GATED": "no"})
    assert named.livekit_url == "wss://media.uni.example"


def test_links_for_others_can_have_another_address() -> None:
    assert load(environ=GOOD).address == "https://hall.uni.example"
    assert (
        load(environ={**GOOD, "AUDIMAX_LINKS_URL": "https://10.0.0.7:8443/"}).address
        == "https://10.0.0.7:8443"
    )
    with pytest.raises(ConfigError, match="links_url must be an address"):
        load(environ={**GOOD, "AUDIMAX_LINKS_URL": "10.0.0.7"})
