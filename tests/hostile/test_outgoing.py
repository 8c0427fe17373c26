"""Whoever is asked and never answers holds nobody up: every call to the outside has a time-out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = sorted(
    path
    for folder in ("core", "plugins", "deploy")
    for path in (ROOT / folder).rglob("*.py")
    if "skeleton" not in path.parts
)
REQUESTS = {f"requests.{verb}" for verb in ("get", "post", "put", "patch", "delete", "head", "request")}
# What begins a call to the outside, and how its time-out is named.
CALLS = dict.fromkeys(REQUESTS, "timeout") | {
    "urllib3.PoolManager": "timeout",
    "urllib.request.urlopen": "timeout",
    "urlopen": "timeout",
    "socket.create_connection": "timeout",
    "smtplib.SMTP": "timeout",
    "smtplib.SMTP_SSL": "timeout",
    "httplib2.Http": "timeout",
    "aiohttp.ClientSession": "timeout",
    "openai.OpenAI": "timeout",
    "openai.AsyncOpenAI": "timeout",
    "psycopg2.connect": "connect_timeout",
}
# Each connect and each look of the gate has its own; what passes through stays open as long as the call.
ELSEWHERE = {("core/livekit/gateway.py", "aiohttp.ClientSession")}
# Where it may also stand without its name.
PLACES = {"socket.create_connection": 1, "urllib.request.urlopen": 2, "urlopen": 2}


def outgoing(source: str) -> Iterator[tuple[int, str, bool]]:
    """Line, name, and whether it has a time-out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in CALLS:
            given = {one.arg for one in node.keywords}
            in_order = len(node.args) > PLACES.get(name, len(node.args))
            yield node.lineno, name, CALLS[name] in given or None in given or in_order


@pytest.mark.parametrize(
    ("source", "has_one"),
    [
        ("requests.get('x')", False),
        ("requests.get('x', timeout=3)", True),
        ("psycopg2.connect(dsn, timeout=3)", False),
        ("socket.create_connection(('host', 1), 2)", True),
        ("socket.create_connection(('host', 1))", False),
        ("smtplib.SMTP('host', 25, **more)", True),
    ],
)
def test_a_call_without_one_is_seen(source: str, has_one: bool) -> None:
    assert [one[2] for one in outgoing(source)] == [has_one]


def test_every_call_to_the_outside_has_a_time_out() -> None:
    found = [
        (str(path.relative_to(ROOT)), *one) for path in CODE for one in outgoing(path.read_text("utf-8"))
    ]
    assert len(found) > 8
    without = {(path, name) for path, _line, name, has_one in found if not has_one}
    assert without == ELSEWHERE
