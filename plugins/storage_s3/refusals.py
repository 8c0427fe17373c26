"""What S3 refuses, said in words for an admin; never with a secret in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, SSLError

from core.api import ContentChanged, StorageDown, StorageFull
from plugins.storage_s3.settings import Settings

MISSING = frozenset({"NoSuchKey", "NoSuchUpload"})
CHANGED = frozenset({"PreconditionFailed", "412"})
NO_BUCKET = frozenset({"NoSuchBucket"})
WRONG_KEY = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "XAdminUserNotFound"})
FORBIDDEN = frozenset({"AccessDenied", "AllAccessDisabled", "Forbidden", "403"})
FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "507"})
WRONG_REGION = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "301"}
)
WRONG_TIME = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
LONGEST_REASON = 200


class NoBucket(StorageDown):
    """The server is there, the bucket isn't."""


def code_of(error: ClientError) -> str:
    """What S3 calls the error; the status where it says no more (HEAD)."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status == 507:
        return "507"
    return str(error.response.get("Error", {}).get("Code") or status)


@contextmanager
def worded(settings: Settings, key: str = "") -> Iterator[None]:
    """Turn what boto3 raises into what a ``Storage`` may raise."""
    try:
        yield
    except ClientError as error:
        raise _refused(settings, key, error) from error
    except SSLError as error:
        raise StorageDown(
            f"{settings.place}: its certificate isn't trusted ({error}); for a certificate of your own "
            "authority set AWS_CA_BUNDLE to that authority's file"
        ) from error
    except BotoCoreError as error:
        raise StorageDown(
            f"{settings.place} can't be reached or went away ({type(error).__name__}): start it, or correct "
            "plugins.storage_s3.endpoint"
        ) from error


def _refused(settings: Settings, key: str, error: ClientError) -> Exception:
    code, place, bucket = code_of(error), settings.place, settings.bucket
    if code in MISSING:
        return FileNotFoundError(key)
    if code in CHANGED:
        return ContentChanged(f"{key} isn't what it was")
    if code in NO_BUCKET:
        return NoBucket(
            f"{place} has no bucket {bucket!r}: make it, or correct plugins.storage_s3.bucket, or set "
            "create_bucket and run `audimax doctor`"
        )
    if code in WRONG_KEY:
        return StorageDown(
            f"{place} doesn't take our key ({code}): correct plugins.storage_s3.access_key and secret_key"
        )
    if code in FORBIDDEN:
        return StorageDown(
            f"{place}: our key may not do {error.operation_name} in the bucket {bucket!r}, or is wrong: give "
            "it the rights that docs/operations.md lists, or correct plugins.storage_s3.access_key"
        )
    if code in FULL:
        return StorageFull(f"{place} is full ({code}): make room, or raise its quota")
    if code in WRONG_REGION:
        return StorageDown(f"{place} is of another region ({code}): correct plugins.storage_s3.region")
    if code in WRONG_TIME:
        return StorageDown(f"{place} says that our clock is wrong: let both servers keep time by NTP")
    reason = str(error.response.get("Error", {}).get("Message", ""))[:LONGEST_REASON]
    return StorageDown(f"{place} failed at {error.operation_name}: {code} {reason}; look at its log")
