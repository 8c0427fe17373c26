"""What `audimax doctor` tries on the server, as we and as a browser would; and what it may mend."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from io import BytesIO

from core.api import SignedRequest, StorageDown, config, new_public_id
from plugins.storage_s3.refusals import NoBucket
from plugins.storage_s3.storage import S3Storage

SECONDS = 60.0
HTTP_SECONDS = 10.0
# AWS takes a moment until a new rule counts.
SECONDS_TO_COUNT = 15.0
LIFETIME = 60
CONTENT = b"0123456789"
MIME = "text/plain"
NAME = "Übung 1.txt"


class NotWell(Exception):
    """What was seen, and what to do."""


def check_bucket(storage: S3Storage) -> None:
    """We can write, read, copy and delete."""
    try:
        storage.look()
    except NoBucket:
        if not storage.settings.create_bucket:
            raise
        storage.make_bucket()
    with _test_file(storage) as key:
        storage.save(key, BytesIO(CONTENT), MIME)
        with storage.open(key, 2, 3) as part:
            _demand(part.read() == CONTENT[2:5], storage, "gives other bytes than it was given")
        kept = storage.stat(key)
        _demand(kept is not None and kept.size == len(CONTENT), storage, "keeps another size")
        storage.copy(key, f"{key}-copy", kept.etag if kept else "")
        storage.drop_parts(key, storage.begin_parts(key, MIME))
    _demand(storage.stat(key) is None, storage, "says that it deletes, and doesn't")


def check_browsers(storage: S3Storage) -> None:
    """Browsers of our pages may send what was signed, no more, and fetch it again."""
    with _test_file(storage) as key:
        signed = storage.upload(key, len(CONTENT), MIME, LIFETIME)
        _allow(storage, signed)
        sent = _as_browser(signed.method, signed.url, signed.headers, CONTENT)
        _demand_success(storage, "PUT", sent)
        _demand_readable(storage, sent)
        longer = _as_browser(signed.method, signed.url, signed.headers, CONTENT + b"!")
        _demand(longer.status >= 400, storage, "takes more bytes than were signed: update it")
        fetched = _as_browser("GET", storage.url(key, NAME, MIME, LIFETIME) or "", {})
        _demand_success(storage, "GET", fetched)
        shown = fetched.headers.get("Content-Disposition", "")
        _demand(shown.startswith("attachment"), storage, "ignores the content disposition that was signed")


def check_deleting(storage: S3Storage) -> None:
    """What is deleted is gone."""
    if storage.keeps_what_is_deleted():
        raise NotWell(
            f"the bucket {storage.settings.bucket!r} keeps old versions, so deleted files stay for ever: "
            "suspend its versioning, or add a lifecycle rule with NoncurrentVersionExpiration"
        )


CHECKS: Mapping[str, Callable[[S3Storage], None]] = {
    "bucket": check_bucket,
    "browsers": check_browsers,
    "deleting": check_deleting,
}


# --- cross-origin requests ------------------------------------------------------------


def cors_rule(origin: str) -> dict[str, object]:
    """What a bucket needs to know of our pages."""
    return {
        "ID": f"audimax {origin}",
        "AllowedOrigins": [origin],
        "AllowedMethods": ["PUT"],
        "AllowedHeaders": ["Content-Type", "x-amz-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3600,
    }


def _allow(storage: S3Storage, signed: SignedRequest) -> None:
    problem = _preflight_problem(signed)
    if problem and storage.settings.create_bucket:
        try:
            storage.add_cors_rule(cors_rule(config().origin))
            problem = _problem_that_stays(signed)
        except StorageDown as error:
            problem += f", and we can't add the rule: {error}"
    if problem:
        raise NotWell(f"{problem}. {_remedy(storage)}")


def _problem_that_stays(signed: SignedRequest) -> str:
    deadline = time.monotonic() + SECONDS_TO_COUNT
    while (problem := _preflight_problem(signed)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return problem


def _preflight_problem(signed: SignedRequest) -> str:
    """Why a browser would not send this; empty if it would."""
    wanted = sorted(name.lower() for name in signed.headers)
    asked = {
        "Access-Control-Request-Method": signed.method,
        "Access-Control-Request-Headers": ",".join(wanted),
    }
    answer = _as_browser("OPTIONS", signed.url, asked)
    if not answer.names_us or answer.status >= 300:
        return f"browsers may not send files to {answer.host} from {config().origin} (CORS)"
    if not answer.allows("Methods", [signed.method]):
        return f"{answer.host} lets browsers send nothing by {signed.method} (CORS)"
    if not answer.allows("Headers", wanted):
        return f"{answer.host} doesn't take the headers {', '.join(wanted)} from browsers (CORS)"
    return ""


def _demand_readable(storage: S3Storage, sent: Answer) -> None:
    if not sent.names_us or not sent.allows("Expose-Headers", ["etag"], of=""):
        raise NotWell(f"{sent.host} hides the ETag from browsers (CORS). {_remedy(storage)}")


def _remedy(storage: S3Storage) -> str:
    settings = storage.settings
    rules = json.dumps({"CORSRules": [cors_rule(config().origin)]})
    or_else = "Let" if settings.create_bucket else "Set create_bucket and run this again, or let"
    where = f" --endpoint-url {settings.endpoint}" if settings.endpoint else ""
    return (
        f"{or_else} an administrator of the S3 server run:\n"
        f"    aws s3api put-bucket-cors{where} --bucket {settings.bucket} --cors-configuration '{rules}'"
    )


# --- requests -------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What a browser gets to see."""

    host: str
    status: int
    headers: Message

    @property
    def names_us(self) -> bool:
        return self.headers.get("Access-Control-Allow-Origin") in (config().origin, "*")

    def allows(self, what: str, wanted: list[str], of: str = "Allow-") -> bool:
        """Whether a list of the answer has all of these."""
        said = ",".join(self.headers.get_all(f"Access-Control-{of}{what}", []))
        listed = {word.strip().lower() for word in said.split(",")}
        return "*" in listed or {word.lower() for word in wanted} <= listed


def _as_browser(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    sent = {**headers, "Origin": config().origin}
    request = urllib.request.Request(url, data=body, method=method, headers=sent)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=HTTP_SECONDS) as answer:  # noqa: S310
            return Answer(request.host, answer.status, answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return Answer(request.host, error.code, error.headers)
    except OSError as error:
        raise NotWell(
            f"{request.host}, where browsers are sent, can't be reached from here ({error}): correct "
            "plugins.storage_s3.public_endpoint, or let this machine reach it too"
        ) from error


@contextmanager
def _test_file(storage: S3Storage) -> Iterator[str]:
    key = f"doctor/{new_public_id()}"
    try:
        yield key
    finally:
        for name in (key, f"{key}-copy"):
            with suppress(StorageDown):
                storage.delete(name)


def _demand(is_so: bool, storage: S3Storage, otherwise: str) -> None:
    if not is_so:
        raise NotWell(f"{storage.settings.place} {otherwise}")


def _demand_success(storage: S3Storage, method: str, answer: Answer) -> None:
    if answer.status >= 300:
        raise NotWell(
            f"a signed {method} at {answer.host} gets {answer.status}: a proxy before it must keep "
            "Host, path and query as they are; plugins.storage_s3.public_endpoint and path_style must fit"
        )
