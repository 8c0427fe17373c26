"""What browsers send by themselves, and what they can't do with the addresses they were given."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from core.api import ContentChanged
from core.run.processes import wait_for
from core.testing import send_signed
from plugins.storage_s3.settings import Settings
from plugins.storage_s3.storage import S3Storage
from tests.fixtures.s3 import S3Server
from tests.plugins.storage_s3.conftest import StandIn

MB = 1024 * 1024
Make = Callable[..., S3Storage]
ENCRYPTIONS = [
    ({"encryption": "AES256"}, {"x-amz-server-side-encryption": "AES256"}),
    (
        {"encryption": "aws:kms", "kms_key": "arn:aws:kms:eu:1:key/2"},
        {
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:eu:1:key/2",
        },
    ),
]


def test_another_type_than_the_signed_one_is_refused(storage: S3Storage) -> None:
    signed = storage.upload("incoming/type", 5, "text/plain", 60)
    assert send_signed(replace(signed, headers={"Content-Type": "text/html"}), b"hello") == 403
    assert storage.stat("incoming/type") is None


def test_an_address_to_send_is_none_to_read_or_delete(storage: S3Storage) -> None:
    signed = storage.upload("incoming/verbs", 5, "text/plain", 60)
    assert send_signed(signed, b"hello") == 200
    for method in ("GET", "DELETE", "HEAD"):
        assert (
            requests.request(method, signed.url, headers=dict(signed.headers), timeout=10).status_code == 403
        )
    assert storage.stat("incoming/verbs") is not None


def test_using_an_address_again_changes_nothing_that_is_served(storage: S3Storage) -> None:
    signed = storage.upload("incoming/again", 5, "text/plain", 60)
    assert send_signed(signed, b"first") == 200
    seen = storage.stat("incoming/again")
    assert seen is not None
    storage.copy("incoming/again", "files/again", seen.etag)
    assert send_signed(signed, b"other") == 200
    with storage.open("files/again") as served:
        assert served.read() == b"first"
    with pytest.raises(ContentChanged):
        storage.copy("incoming/again", "files/other", seen.etag)
    assert storage.stat("files/other") is None


def test_the_type_that_was_signed_is_kept_by_the_copy(storage: S3Storage) -> None:
    assert send_signed(storage.upload("incoming/pdf", 5, "application/pdf", 60), b"%PDF-") == 200
    seen = storage.stat("incoming/pdf")
    assert seen is not None
    storage.copy("incoming/pdf", "files/pdf", seen.etag)
    address = storage.url("files/pdf", "a.pdf", "application/octet-stream", 60)
    assert address is not None
    answer = requests.get(address, timeout=10)
    assert answer.headers["Content-Type"] == "application/octet-stream", "the signed type wins"


@pytest.mark.parametrize(
    "name", ['a"; filename=evil.html', "a\r\nX-Evil: 1.pdf", "\u202efdp.exe", "講堂 🎓.pdf"]
)
def test_a_name_cannot_leave_its_header(storage: S3Storage, name: str) -> None:
    storage.save("files/name", BytesIO(b"x"), "text/plain")
    answer = requests.get(storage.url("files/name", name, "text/plain", 60) or "", timeout=10)
    assert answer.status_code == 200
    shown = answer.headers["Content-Disposition"]
    assert shown.startswith("attachment; filename*=UTF-8''")
    assert not set(shown.partition("''")[2]) & set("\"; \r\n'")
    assert "X-Evil" not in answer.headers


def test_a_download_address_expires_and_is_for_one_file(storage: S3Storage) -> None:
    storage.save("files/one", BytesIO(b"x"), "text/plain")
    storage.save("files/two", BytesIO(b"secret"), "text/plain")
    address = storage.url("files/one", "one.txt", "text/plain", 60) or ""
    assert parse_qs(urlsplit(address).query)["X-Amz-Expires"] == ["60"]
    assert requests.get(address.replace("files/one", "files/two"), timeout=10).status_code == 403
    assert requests.get(address.replace("one.txt", "one.html"), timeout=10).status_code == 403


def test_a_download_address_opens_nothing_for_anybody_after_its_time(storage: S3Storage) -> None:
    storage.save("files/one", BytesIO(b"x"), "text/plain")
    address = storage.url("files/one", "one.txt", "text/plain", 1) or ""
    assert wait_for(lambda: requests.get(address, timeout=10).status_code == 403, 30)
    fresh = storage.url("files/one", "one.txt", "text/plain", 60) or ""
    assert requests.get(fresh, timeout=10).content == b"x"


def test_browsers_are_sent_to_the_public_address(make_storage: Make, s3_server: S3Server) -> None:
    public = s3_server.url.replace("127.0.0.1", "localhost")
    storage = make_storage(public_endpoint=public)
    assert storage.origins == (public,)
    signed = storage.upload("incoming/public", 5, "text/plain", 60)
    assert signed.url.startswith(public)
    assert send_signed(signed, b"hello") == 200
    upload = storage.begin_parts("incoming/parts", "text/plain")
    assert storage.part("incoming/parts", upload, 1, 5, 60).url.startswith(public)
    assert (storage.url("incoming/public", "a", "text/plain", 60) or "").startswith(public)
    storage.drop_parts("incoming/parts", upload)


def test_two_prefixes_know_nothing_of_each_other(make_storage: Make) -> None:
    ours, theirs = make_storage(prefix="ours"), make_storage(prefix="theirs/")
    ours.save("incoming/x", BytesIO(b"x"), "text/plain")
    begun = ours.begin_parts("incoming/y", "text/plain")
    assert theirs.stat("incoming/x") is None
    assert list(theirs.list("")) == [] and list(theirs.unfinished("")) == []
    theirs.delete("incoming/x")
    assert list(ours.list("")) == ["incoming/x"]
    assert list(ours.unfinished("")) == [("incoming/y", begun)]
    assert list(make_storage().list("ours/")) == ["ours/incoming/x"]
    ours.drop_parts("incoming/y", begun)


def test_a_list_has_all_pages(make_storage: Make, s3_server: S3Server) -> None:
    below = s3_server.make_bucket() / "many"
    below.mkdir()
    for number in range(2100):
        (below / f"{number:04}").touch()
    assert sum(1 for _ in make_storage(prefix="many").list("")) == 2100


def test_no_part_is_no_file(storage: S3Storage) -> None:
    upload = storage.begin_parts("incoming/none", "text/plain")
    with pytest.raises(FileNotFoundError):
        storage.finish_parts("incoming/none", upload)
    storage.drop_parts("incoming/none", upload)
    with pytest.raises(FileNotFoundError):
        storage.finish_parts("incoming/none", upload)


def _finish(settings: dict[str, Any], key: str, upload: str) -> int:
    storage = S3Storage(Settings(**settings))
    storage.finish_parts(key, upload)
    found = storage.stat(key)
    return found.size if found else -1


def test_several_processes_may_finish_one_upload(storage: S3Storage, s3_server: S3Server) -> None:
    upload = storage.begin_parts("incoming/race", "text/plain")
    for number, size in ((1, 5 * MB), (2, 10)):
        assert send_signed(storage.part("incoming/race", upload, number, size, 60), b"x" * size) == 200
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        tries = [pool.submit(_finish, s3_server.settings, "incoming/race", upload) for _ in range(4)]
        assert [one.result(60) for one in tries] == [5 * MB + 10] * 4
    assert list(storage.unfinished("incoming/race")) == []


# --- encryption -----------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "headers"), ENCRYPTIONS)
def test_encryption_is_asked_for_whatever_writes(
    stand_in: StandIn, on_stand_in: Make, settings: dict[str, str], headers: dict[str, str]
) -> None:
    storage = on_stand_in(**settings)
    storage.save("a", BytesIO(b"x"), "text/plain")
    assert headers.items() <= stand_in.last.items()
    stand_in.body = b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"
    storage.copy("a", "b", "etag")
    assert headers.items() <= stand_in.last.items()
    assert stand_in.last["x-amz-copy-source-if-match"] == "etag"
    stand_in.body = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
    assert storage.begin_parts("c", "text/plain") == "u"
    assert headers.items() <= stand_in.last.items()


@pytest.mark.parametrize(("settings", "headers"), ENCRYPTIONS)
def test_a_browser_cannot_leave_encryption_out(
    make_storage: Make, settings: dict[str, str], headers: dict[str, str]
) -> None:
    signed = make_storage(**settings).upload("incoming/kms", 5, "text/plain", 60)
    assert signed.headers == {"Content-Type": "text/plain", **headers}
    assert send_signed(replace(signed, headers={"Content-Type": "text/plain"}), b"hello") == 403
    assert send_signed(signed, b"hello") == 200


def test_without_encryption_the_bucket_decides(stand_in: StandIn, on_stand_in: Make) -> None:
    on_stand_in().save("a", BytesIO(b"x"), "text/plain")
    assert not [name for name in stand_in.last if "encryption" in name]
