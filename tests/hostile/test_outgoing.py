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
HELD = "asyncio.timeout"
# What begins a call to the outside, and how its time-outs are named: with a dot where they are an argument's
# own; ``HELD`` where only what stands around the call can limit it. A name with a star has anything before it.
CALLS: dict[str, tuple[str, ...]] = dict.fromkeys(REQUESTS, ("timeout",)) | {
    "urllib3.PoolManager": ("timeout",),
    "urllib.request.urlopen": ("timeout",),
    "urlopen": ("timeout",),
    "socket.create_connection": ("timeout",),
    "smtplib.SMTP": ("timeout",),
    "smtplib.SMTP_SSL": ("timeout",),
    "httplib2.Http": ("timeout",),
    "aiohttp.ClientSession": ("timeout",),
    "*.ws_connect": (HELD,),
    "openai.OpenAI": ("timeout",),
    "openai.AsyncOpenAI": ("timeout",),
    "APIConnectOptions": ("timeout",),
    "self._stt.recognize": ("conn_options",),
    "maker.stream": ("conn_options",),
    "*.fetch_token": ("timeout",),
    "psycopg2.connect": ("connect_timeout",),
    "psycopg.connect": ("connect_timeout",),
    "psycopg.AsyncConnection.connect": ("connect_timeout",),
    "procrastinate.PsycopgConnector": ("timeout",),
    "sa.create_engine": ("connect_args.connect_timeout",),
    "redis.Redis.from_url": ("socket_timeout", "socket_connect_timeout"),
    "redis.Redis": ("socket_timeout", "socket_connect_timeout"),
    "session.client": ("config.connect_timeout", "config.read_timeout"),
}
ELSEWHERE = {
    # Each connect and each look of the gate has its own; what passes through stays open as long as the call.
    ("core/livekit/gateway.py", "aiohttp.ClientSession"),
    # The address itself has them, for the worker's pool too: see `test_jobs`.
    ("core/jobs.py", "psycopg.AsyncConnection.connect"),
}
# Where it may also stand without its name.
PLACES = {"socket.create_connection": 1, "urllib.request.urlopen": 2, "urlopen": 2}


def outgoing(source: str) -> Iterator[tuple[int, str, bool]]:
    """Line, name, and whether it has its time-outs."""
    tree = ast.parse(source)
    held = set(_held(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (rule := _rule(ast.unparse(node.func))):
            in_order = len(node.args) > PLACES.get(rule, len(node.args))
            given = {HELD} if node in held else set()
            given |= set(_given(node))
            has_all = in_order or given.issuperset(CALLS[rule])
            yield node.lineno, ast.unparse(node.func), has_all or ("**" in given and HELD not in CALLS[rule])


def _rule(name: str) -> str | None:
    return next((one for one in (name, f"*.{name.rpartition('.')[2]}") if one in CALLS), None)


def _held(tree: ast.AST) -> Iterator[ast.AST]:
    """All that stands in a block with a limit of time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncWith) and f"{HELD}(" in "".join(map(ast.unparse, node.items)):
            yield from ast.walk(node)


def _given(call: ast.Call) -> Iterator[str]:
    """The names of its arguments, and with a dot those of calls and keys of dictionaries among them."""
    for one in call.keywords:
        yield one.arg or "**"
        if isinstance(one.value, ast.Call):
            yield from (f"{one.arg}.{inner}" for inner in _given(one.value))
        if isinstance(one.value, ast.Dict):
            keys = [key.value for key in one.value.keys if isinstance(key, ast.Constant)]
            yield from (f"{one.arg}.{key}" for key in keys)


@pytest.mark.parametrize(
    ("source", "has_one"),
    [
        ("requests.get('x')", False),
        ("requests.get('x', timeout=3)", True),
        ("psycopg2.connect(dsn, timeout=3)", False),
        ("socket.create_connection(('host', 1), 2)", True),
        ("socket.create_connection(('host', 1))", False),
        ("smtplib.SMTP('host', 25, **more)", True),
        ("sa.create_engine(url)", False),
        ("sa.create_engine(url, connect_args={'connect_timeout': 3, **more})", True),
        ("psycopg.connect(url, autocommit=True)", False),
        ("redis.Redis.from_url(url, socket_timeout=3)", False),
        ("redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3)", True),
        ("session.client('s3', config=Config(connect_timeout=3))", False),
        ("session.client('s3', config=Config(connect_timeout=3, read_timeout=3))", True),
        ("self.line.ws_connect(url, **more)", False),
        ("async def f():\n async with asyncio.timeout(3), s.ws_connect(url) as line: pass", True),
        ("async def f():\n async with asyncio.timeout(3):\n  return await s.ws_connect(url)", True),
    ],
)
def test_a_call_without_one_is_seen(source: str, has_one: bool) -> None:
    assert [one[2] for one in outgoing(source)] == [has_one]


def test_every_call_to_the_outside_has_a_time_out() -> None:
    found = [
        (str(path.relative_to(ROOT)), *one) for path in CODE for one in outgoing(path.read_text("utf-8"))
    ]
    used = {_rule(name) for _path, _line, name, _has_one in found}
    assert used >= {"*.ws_connect", "sa.create_engine", "redis.Redis.from_url", "session.client"}, "it looks"
    without = {(path, name) for path, _line, name, has_one in found if not has_one}
    assert without == ELSEWHERE
