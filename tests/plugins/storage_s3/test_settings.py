"""Settings that can't work stop the start, with what to write instead."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core.engine import offers
from core.errors import PluginError

GOOD = {"bucket": "lectures", "access_key": "key", "secret_key": "topsecret"}


@pytest.fixture
def start(make_app: Callable[..., Flask]) -> Callable[..., Flask]:
    """``start(endpoint="…")``: an app whose S3 has these settings."""

    def start(core: dict[str, Any] | None = None, **changed: Any) -> Flask:
        settings = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
        return make_app("storage_s3", plugins={"storage_s3": settings}, **(core or {}))

    return start


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"bucket": None}, "'bucket' is required"),
        ({"access_key": None, "secret_key": None}, "'access_key' is required; 'secret_key' is required"),
        ({"secret_key": ""}, "'secret_key' must be 1 characters or more"),
        ({"bucket": "My Files"}, "'bucket' must be 3 to 63 small letters"),
        ({"bucket": "uni.files"}, "set path_style"),
        ({"region": "Frankfurt!"}, "'region' must be"),
        ({"endpoint": "s3.uni.example"}, "'endpoint' must be like https://s3.uni.example"),
        ({"endpoint": "https://s3.uni.example/lectures"}, "without path, bucket, user or password"),
        ({"public_endpoint": "https://me:topsecret@s3.uni.example"}, "'public_endpoint' must be like"),
        ({"endpoint": "https://s3.uni.example:port"}, "'endpoint' must be like"),
        ({"prefix": "/files"}, "'prefix' must be"),
        ({"prefix": "../files"}, "'prefix' must be"),
        ({"encryption": "aes"}, "'encryption' must be one of"),
        ({"kms_key": "key"}, 'encryption = "aws:kms"'),
        ({"encription": "AES256"}, "did you mean 'encryption'?"),
    ],
)
def test_a_mistake_is_named(start: Callable[..., Flask], wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(PluginError, match="storage_s3") as raised:
        start(**wrong)
    assert words in str(raised.value)
    assert "topsecret" not in str(raised.value)


def test_all_mistakes_are_told_at_once(start: Callable[..., Flask]) -> None:
    with pytest.raises(PluginError, match=r"'bucket' must.*'region' must.*'endpoint' must"):
        start(bucket="X", region="?", endpoint="ftp://x")


def test_pages_under_https_need_an_address_under_https(start: Callable[..., Flask]) -> None:
    https = {"public_url": "https://audimax.uni.example"}
    with pytest.raises(PluginError, match="set public_endpoint to an address with https"):
        start(https, endpoint="http://minio:9000")
    start(https, endpoint="http://minio:9000", public_endpoint="https://s3.uni.example")
    start(https)


def test_files_that_s3_cannot_copy_are_refused_where_they_would_go_to_it(start: Callable[..., Flask]) -> None:
    start({"largest_file_mb": 6000})
    start({"largest_file_mb": 5000, "file_storage": "s3"})
    with pytest.raises(PluginError, match="set largest_file_mb to 5000 or less"):
        start({"largest_file_mb": 5001, "file_storage": "s3"})


@pytest.mark.parametrize(
    ("s3", "origin"),
    [
        ({"region": "eu-central-1"}, "https://lectures.s3.eu-central-1.amazonaws.com"),
        ({"endpoint": "https://s3.uni.example"}, "https://s3.uni.example"),
        ({"endpoint": "https://s3.uni.example", "path_style": "false"}, "https://lectures.s3.uni.example"),
        (
            {"endpoint": "http://minio:9000", "public_endpoint": "https://files.uni.example"},
            "https://files.uni.example",
        ),
    ],
)
def test_starting_asks_no_server_and_names_where_browsers_go(
    start: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, s3: dict[str, str], origin: str
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection at the start")

    connect = socket.socket.connect
    monkeypatch.setattr(
        socket.socket, "connect", lambda s, to: connect(s, to) if s.family == socket.AF_UNIX else refuse()
    )
    app = start(**s3)
    with app.app_context():
        storage: Any = offers.storages()["s3"]
        assert storage.origins == (origin,)


def test_pages_may_send_to_the_storage(start: Callable[..., Flask]) -> None:
    app = start({"file_storage": "s3"}, endpoint="https://s3.uni.example")
    policy = app.test_client().get("/sign-in").headers["Content-Security-Policy"]
    assert "https://s3.uni.example" in policy.partition("connect-src")[2].partition(";")[0]
