"""A server that is away, slow, full or of another mind: told in words, and nothing half-kept is seen."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, RawIOBase
from typing import Any

import pytest

from core.api import StorageDown
from plugins.storage_s3 import storage as module
from plugins.storage_s3.refusals import NoBucket
from plugins.storage_s3.settings import Settings
from plugins.storage_s3.storage import PIECE, S3Storage
from tests.fixtures.s3 import S3Server
from tests.plugins.storage_s3.conftest import StandIn

Make = Callable[..., S3Storage]
OPERATIONS: dict[str, Callable[[S3Storage], Any]] = {
    "save": lambda s: s.save("x", BytesIO(b"x"), "text/plain"),
    "open": lambda s: s.open("x"),
    "stat": lambda s: s.stat("x"),
    "copy": lambda s: s.copy("x", "y", "etag"),
    "delete": lambda s: s.delete("x"),
    "list": lambda s: list(s.list("")),
    "begin_parts": lambda s: s.begin_parts("x", "text/plain"),
    "parts": lambda s: s.parts("x", "u"),
    "finish_parts": lambda s: s.finish_parts("x", "u"),
    "drop_parts": lambda s: s.drop_parts("x", "u"),
    "unfinished": lambda s: list(s.unfinished("")),
}


def words_of(operation: Callable[[S3Storage], Any], storage: S3Storage) -> str:
    with pytest.raises(StorageDown) as raised:
        operation(storage)
    return str(raised.value)


class Body(RawIOBase):
    """``size`` bytes; does something once, after half of them."""

    def __init__(self, size: int, then: Callable[[], None]) -> None:
        self.left, self.half, self.then = size, size // 2, then

    def read(self, size: int = -1) -> bytes:
        if self.left <= self.half:
            self.then()
            self.half = -1
        given = min(size, self.left)
        self.left -= given
        return b"x" * given


# --- away -----------------------------------------------------------------------------


def test_a_server_that_is_away_is_named_and_is_asked_again_later(own_s3_server: S3Server) -> None:
    storage = S3Storage(Settings(**own_s3_server.settings))
    storage.save("kept", BytesIO(b"kept"), "text/plain")
    own_s3_server.stop()
    with ThreadPoolExecutor(len(OPERATIONS)) as pool:
        said = list(pool.map(lambda operation: words_of(operation, storage), OPERATIONS.values()))
    for words in said:
        assert f"S3 at {own_s3_server.url} can't be reached" in words and "endpoint" in words
    own_s3_server.start()
    with storage.open("kept") as body:
        assert body.read() == b"kept"


def test_signing_needs_no_server() -> None:
    storage = S3Storage(Settings("lectures", "key", "topsecret", endpoint="http://127.0.0.1:9"))
    assert storage.upload("x", 5, "text/plain", 60).url.startswith("http://127.0.0.1:9/lectures/x?")
    assert storage.part("x", "u", 1, 5, 60).url
    assert storage.url("x", "x.txt", "text/plain", 60)
    assert storage.origins == ("http://127.0.0.1:9",)


def test_a_server_that_stops_during_a_save_has_kept_nothing(own_s3_server: S3Server) -> None:
    storage = S3Storage(Settings(**own_s3_server.settings))
    body = Body(4 * PIECE, own_s3_server.stop)
    assert "went away" in words_of(lambda s: s.save("half", body, "text/plain"), storage)
    own_s3_server.start()
    assert storage.stat("half") is None
    assert list(storage.list("")) == []
    left = list(storage.unfinished("half"))
    assert [key for key, _upload in left] == ["half"]
    storage.drop_parts(*left[0])
    storage.save("half", BytesIO(b"whole"), "text/plain")
    assert list(storage.unfinished("")) == []


def test_a_server_that_stops_during_a_download_is_no_end_of_the_file(own_s3_server: S3Server) -> None:
    storage = S3Storage(Settings(**own_s3_server.settings))
    storage.save("long", Body(8 * PIECE, lambda: None), "text/plain")
    with storage.open("long") as body:
        assert len(body.read(1000)) == 1000
        own_s3_server.stop()
        with pytest.raises(StorageDown, match="went away"):
            body.read()


def test_closing_before_the_end_lets_the_next_come(storage: S3Storage) -> None:
    storage.save("early", Body(2 * PIECE, lambda: None), "text/plain")
    for _again in range(2 * module.CONNECTIONS):
        with storage.open("early") as body:
            body.read(10)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def take() -> None:
        try:
            while True:
                taken.append(listener.accept()[0])
        except OSError:
            # Closed by the fixture.
            pass

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for one in taken:
        one.close()


def test_a_server_that_never_answers_is_given_up(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    storage = S3Storage(Settings("lectures", "key", "topsecret", endpoint=silent))
    assert "ReadTimeoutError" in words_of(OPERATIONS["stat"], storage)


# --- refusals -------------------------------------------------------------------------


def test_a_bucket_that_is_not_there_is_no_missing_file(make_storage: Make) -> None:
    storage = make_storage(bucket="nowhere")
    for name in ("save", "open", "stat", "list", "begin_parts"):
        with pytest.raises(NoBucket, match=r"no bucket 'nowhere'.*plugins.storage_s3.bucket"):
            OPERATIONS[name](storage)


@pytest.mark.parametrize("wrong", [{"secret_key": "wrong-secret"}, {"access_key": "nobody"}])
def test_a_wrong_key_is_named_and_not_told(
    make_storage: Make, caplog: pytest.LogCaptureFixture, wrong: dict[str, str]
) -> None:
    caplog.set_level(logging.INFO)
    storage = make_storage(**wrong)
    for name in ("save", "stat", "list", "copy"):
        words = words_of(OPERATIONS[name], storage)
        assert "doesn't take our key" in words and "access_key and secret_key" in words
        assert storage.settings.secret_key not in words + caplog.text


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "InvalidAccessKeyId", "doesn't take our key"),
        (403, "AccessDenied", "our key may not do PutObject in the bucket 'lectures'"),
        (404, "NoSuchBucket", "no bucket 'lectures'"),
        (507, "XMinioStorageFull", "is full"),
        (403, "QuotaExceeded", "is full"),
        (507, "Whatever", "is full"),
        (400, "AuthorizationHeaderMalformed", "another region"),
        (403, "RequestTimeTooSkewed", "our clock is wrong"),
        (400, "KMS.NotFoundException", "failed at PutObject: KMS.NotFoundException said so"),
        (500, "InternalError", "failed at PutObject: InternalError said so; look at its log"),
    ],
)
def test_each_refusal_says_what_to_do(
    stand_in: StandIn, on_stand_in: Make, status: int, code: str, words: str
) -> None:
    stand_in.refuses(status, code, "said so")
    said = words_of(OPERATIONS["save"], on_stand_in())
    assert words in said
    assert f"S3 at {stand_in.url}" in said
    assert "topsecret" not in said
    assert len(stand_in.asked) <= module.TRIES


def test_a_forbidden_look_at_a_file_is_no_missing_file(stand_in: StandIn, on_stand_in: Make) -> None:
    stand_in.refuses(403, "AccessDenied")
    assert "may not do ListObjectsV2" in words_of(OPERATIONS["stat"], on_stand_in())
    listing = b"<ListBucketResult></ListBucketResult>"
    stand_in.answers = {"list-type=2": (200, listing)}
    assert "may not do HeadObject" in words_of(OPERATIONS["stat"], on_stand_in())


def test_a_certificate_that_nobody_trusts_is_named() -> None:
    from botocore.exceptions import SSLError

    from plugins.storage_s3.refusals import worded

    settings = Settings("lectures", "key", "topsecret", endpoint="https://s3.uni.example")
    with pytest.raises(StorageDown, match=r"certificate isn't trusted.*AWS_CA_BUNDLE"), worded(settings):
        raise SSLError(endpoint_url=settings.endpoint, error="self-signed")


def test_neither_settings_nor_storage_show_the_secret() -> None:
    settings = Settings("lectures", "key", "topsecret")
    assert "topsecret" not in repr(settings) + repr(S3Storage(settings))
