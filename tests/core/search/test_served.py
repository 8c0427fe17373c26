"""Search behind the server that really runs: what is far too long is refused on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.core.files.test_workers import Web


@pytest.fixture
def web(settings: dict[str, Any], tmp_path: Path) -> Iterator[Web]:
    made = Web(settings, tmp_path)
    yield made
    made.stop()


def test_ten_thousand_characters_are_refused_in_words(web: Web, make_user: Any, sign_in: Any) -> None:
    cookie = sign_in(make_user("ada@uni.example")).get_cookie("audimax", domain="localhost")
    headers = {"Cookie": f"audimax={cookie.value}"}
    for letter in ("x", "ü", "語", "🎓"):
        path = f"/search?q={quote(letter * 10_000)}"
        page = web.http(None, "GET", path, headers=headers)
        assert page.status_code == 422 and "Please use at most 200 characters." in page.text
        # Whoever isn't signed in is led to where they can, and not back to what is too long.
        asked = web.http(None, "GET", path)
        assert asked.status_code == 200 and 'name="password"' in asked.text
