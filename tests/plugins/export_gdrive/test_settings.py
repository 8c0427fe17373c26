"""Settings that can't be right stop the start; those that are missing are said by the doctor."""

from __future__ import annotations

from typing import Any

import pytest

from core.engine.settings import SettingsError, fill
from plugins.export_gdrive.settings import Settings
from tests.plugins.export_gdrive.conftest import new_key

WRONG_KEYS = {
    "short": "short",
    "too much": "x" * 44,
    "no base64": "not base64 at all!",
    "cut": new_key()[:-4],
    "one of two": f"{new_key()},nonsense",
}


@pytest.mark.parametrize("key", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_a_key_that_is_none_is_refused_and_never_shown(key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        fill(Settings, {"key": key})
    assert "openssl rand -base64 32" in str(refused.value) and key not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://google.example",
        "ftp://127.0.0.1",
        "https://google.example/path",
        "https://u:p@google.example",
        "google",
    ],
)
def test_another_google_must_be_an_origin_and_speak_tls_unless_it_is_here(url: str) -> None:
    with pytest.raises(SettingsError, match="'google_url' must be like"):
        fill(Settings, {"google_url": url})


def test_several_keys_and_every_form_of_base64_are_read() -> None:
    import base64

    plain, safe = (
        base64.b64encode(b"\xfb\xff" * 16).decode(),
        base64.urlsafe_b64encode(b"\xfa\xff" * 16).decode(),
    )
    made = fill(Settings, {"key": f"{plain}, {safe}"})
    assert "+" in plain and "-" in safe
    assert [base64.urlsafe_b64decode(key) for key in made.keys] == [b"\xfb\xff" * 16, b"\xfa\xff" * 16]


def test_without_another_one_it_is_google() -> None:
    made: Any = fill(Settings, {})
    assert made.missing == ("client_id", "client_secret", "key")
    assert made.auth_url == "https://accounts.google.com/o/oauth2/v2/auth"
    assert made.token_url == "https://oauth2.googleapis.com/token"
    assert made.revoke_url == "https://oauth2.googleapis.com/revoke"
    assert made.api_url == "https://www.googleapis.com/"


def test_secrets_are_not_in_its_words() -> None:
    key = new_key()
    said = repr(fill(Settings, {"key": key, "client_secret": "GOCSPX-planted"}))
    assert key not in said and "planted" not in said
