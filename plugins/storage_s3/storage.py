"""Files in a bucket. Nothing here talks to the server before it is asked to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from io import BufferedReader, BytesIO, RawIOBase
from itertools import chain
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlsplit

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError

from core.api import Bucket, SignedRequest, Stat, StorageDown
from plugins.storage_s3.refusals import code_of, worded
from plugins.storage_s3.settings import Settings

MB = 1024 * 1024
# What one save() holds in memory. S3 takes parts of 5 MB and more, 10,000 of them: 80 GB.
PIECE = 8 * MB
BUFFER = 64 * 1024
CONNECT_SECONDS = 5
READ_SECONDS = 20
# A server that copies or joins gigabytes says nothing until it is done.
PATIENT_SECONDS = 300
TRIES = 3
CONNECTIONS = 32
# S3 copies 5 GB at most at once, and takes no more in one request.
LARGEST_FILE_MB = 5000


class S3Storage:
    """A ``Storage`` with ``DirectUploads``, which is a ``SharedBucket`` too."""

    id = "s3"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._bucket, self._prefix = settings.bucket, settings.key_prefix
        session = Session()
        self._client = _client(session, settings, settings.endpoint, READ_SECONDS)
        self._patient = _client(session, settings, settings.endpoint, PATIENT_SECONDS)
        # Only signs; the addresses are for browsers.
        self._signer = _client(session, settings, settings.public_endpoint or settings.endpoint, READ_SECONDS)

    # --- Storage ----------------------------------------------------------------------

    def save(self, key: str, body: BinaryIO, mime: str) -> None:
        first = _piece(body)
        if len(first) == PIECE:
            self._save_in_parts(key, first, body, mime)
            return
        with worded(self.settings, key):
            self._client.put_object(**self._at(key), Body=first, ContentType=mime, **self._encryption)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        if length == 0:
            return self._nothing(key)
        part = {} if not start and length is None else {"Range": _range(start, length)}
        with worded(self.settings, key):
            try:
                body = self._client.get_object(**self._at(key), **part)["Body"]
            except ClientError as error:
                if code_of(error) in ("InvalidRange", "416"):
                    return BytesIO()
                raise
        return BufferedReader(_Download(body, self.settings), BUFFER)

    def stat(self, key: str) -> Stat | None:
        with worded(self.settings, key):
            try:
                found = self._client.head_object(**self._at(key))
            except ClientError as error:
                if self._is_missing(key, error):
                    return None
                raise
        return Stat(found["ContentLength"], found["ETag"])

    def copy(self, source: str, target: str, etag: str) -> None:
        origin = {"Bucket": self._bucket, "Key": self._prefix + source}
        with worded(self.settings, source):
            self._patient.copy_object(
                **self._at(target), CopySource=origin, CopySourceIfMatch=etag, **self._encryption
            )

    def delete(self, key: str) -> None:
        with suppress(FileNotFoundError), worded(self.settings, key):
            self._client.delete_object(**self._at(key))

    def list(self, prefix: str) -> Iterable[str]:
        for page in self._pages("list_objects_v2", Prefix=self._prefix + prefix):
            for entry in page.get("Contents", ()):
                yield entry["Key"].removeprefix(self._prefix)

    def url(self, key: str, name: str, mime: str, seconds: int) -> str | None:
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        answered = {"ResponseContentDisposition": disposition, "ResponseContentType": mime}
        return self._signed("get_object", seconds, **self._at(key), **answered)

    # --- DirectUploads ----------------------------------------------------------------

    @property
    def origins(self) -> tuple[str, ...]:
        parts = urlsplit(self._signed("put_object", 1, **self._at("x")))
        return (f"{parts.scheme}://{parts.netloc}",)

    def upload(self, key: str, size: int, mime: str, seconds: int) -> SignedRequest:
        asked = {"ContentLength": size, "ContentType": mime, **self._encryption}
        headers = {"Content-Type": mime, **self._encryption_headers}
        return SignedRequest("PUT", self._signed("put_object", seconds, **self._at(key), **asked), headers)

    def begin_parts(self, key: str, mime: str) -> str:
        with worded(self.settings, key):
            begun = self._client.create_multipart_upload(
                **self._at(key), ContentType=mime, **self._encryption
            )
        return str(begun["UploadId"])

    def part(self, key: str, upload: str, number: int, size: int, seconds: int) -> SignedRequest:
        asked = {"UploadId": upload, "PartNumber": number, "ContentLength": size}
        return SignedRequest("PUT", self._signed("upload_part", seconds, **self._at(key), **asked))

    def parts(self, key: str, upload: str) -> Mapping[int, Stat]:
        pages = self._pages("list_parts", key, Key=self._prefix + key, UploadId=upload)
        come = chain.from_iterable(page.get("Parts", ()) for page in pages)
        return {part["PartNumber"]: Stat(part["Size"], part["ETag"]) for part in come}

    def finish_parts(self, key: str, upload: str) -> None:
        try:
            self._join(key, upload, self.parts(key, upload))
        except FileNotFoundError:
            # Over: another process, or a try whose answer was lost, may have joined them.
            if self.stat(key) is None:
                raise

    def drop_parts(self, key: str, upload: str) -> None:
        with suppress(FileNotFoundError), worded(self.settings, key):
            self._client.abort_multipart_upload(**self._at(key), UploadId=upload)

    def unfinished(self, prefix: str) -> Iterable[tuple[str, str]]:
        for page in self._pages("list_multipart_uploads", Prefix=self._prefix + prefix):
            for entry in page.get("Uploads", ()):
                yield entry["Key"].removeprefix(self._prefix), entry["UploadId"]

    # --- SharedBucket -----------------------------------------------------------------

    @property
    def bucket(self) -> Bucket:
        made = self.settings
        return Bucket(
            name=made.bucket,
            region=made.region,
            access_key=made.access_key,
            secret_key=made.secret_key,
            endpoint=made.endpoint,
            path_style=made.names_bucket_in_path,
            prefix=made.key_prefix,
        )

    # --- for the doctor ---------------------------------------------------------------

    def look(self, prefix: str = "") -> None:
        """Ask for one key: raises, in words, unless the bucket is there and we may see into it."""
        with worded(self.settings, prefix):
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix + prefix, MaxKeys=1)

    def make_bucket(self) -> None:
        # Only AWS has places to choose from; other servers take none but their own.
        elsewhere = not self.settings.endpoint and self.settings.region != "us-east-1"
        place = {"CreateBucketConfiguration": {"LocationConstraint": self.settings.region}}
        with worded(self.settings):
            self._client.create_bucket(Bucket=self._bucket, **(place if elsewhere else {}))

    def add_cors_rule(self, rule: Mapping[str, Any]) -> None:
        """Add a rule to those that the bucket has, in place of one with the same ID."""
        with worded(self.settings):
            rules = [old for old in self._cors_rules() if old.get("ID") != rule["ID"]]
            self._client.put_bucket_cors(
                Bucket=self._bucket, CORSConfiguration={"CORSRules": [*rules, dict(rule)]}
            )

    def keeps_what_is_deleted(self) -> bool:
        """Whether old versions stay for ever; False where the server doesn't tell."""
        with worded(self.settings):
            try:
                versioning = self._client.get_bucket_versioning(Bucket=self._bucket).get("Status")
                return versioning == "Enabled" and not self._forgets_old_versions()
            except ClientError:
                return False

    def _cors_rules(self) -> Iterable[Mapping[str, Any]]:
        try:
            return cast(
                "Iterable[Mapping[str, Any]]", self._client.get_bucket_cors(Bucket=self._bucket)["CORSRules"]
            )
        except ClientError as error:
            if code_of(error) == "NoSuchCORSConfiguration":
                return ()
            raise

    def _forgets_old_versions(self) -> bool:
        try:
            kept = self._client.get_bucket_lifecycle_configuration(Bucket=self._bucket)
        except ClientError as error:
            if code_of(error) == "NoSuchLifecycleConfiguration":
                return False
            raise
        return any("NoncurrentVersionExpiration" in rule for rule in kept["Rules"])

    # --- how --------------------------------------------------------------------------

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    @property
    def _encryption(self) -> dict[str, str]:
        wanted = {"ServerSideEncryption": self.settings.encryption, "SSEKMSKeyId": self.settings.kms_key}
        return {name: value for name, value in wanted.items() if value}

    @property
    def _encryption_headers(self) -> dict[str, str]:
        names = {
            "ServerSideEncryption": "x-amz-server-side-encryption",
            "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
        }
        return {names[name]: value for name, value in self._encryption.items()}

    def _signed(self, operation: str, seconds: int, **asked: Any) -> str:
        with worded(self.settings):
            return str(self._signer.generate_presigned_url(operation, asked, ExpiresIn=seconds))

    def _pages(self, operation: str, key: str = "", **asked: Any) -> Iterator[Mapping[str, Any]]:
        pages = iter(self._client.get_paginator(operation).paginate(Bucket=self._bucket, **asked))
        while True:
            with worded(self.settings, key):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _save_in_parts(self, key: str, first: bytes, body: BinaryIO, mime: str) -> None:
        upload = self.begin_parts(key, mime)
        try:
            pieces = chain([first], iter(lambda: _piece(body), b""))
            for number, piece in enumerate(pieces, 1):
                with worded(self.settings, key):
                    self._client.upload_part(**self._at(key), UploadId=upload, PartNumber=number, Body=piece)
            self.finish_parts(key, upload)
        except BaseException:
            # What can't be dropped now is found by unfinished() later.
            with suppress(StorageDown):
                self.drop_parts(key, upload)
            raise

    def _join(self, key: str, upload: str, come: Mapping[int, Stat]) -> None:
        if not come:
            raise FileNotFoundError(f"{key}: no part has come")
        parts = [{"PartNumber": number, "ETag": come[number].etag} for number in sorted(come)]
        with worded(self.settings, key):
            try:
                self._patient.complete_multipart_upload(
                    **self._at(key), UploadId=upload, MultipartUpload={"Parts": parts}
                )
            except ClientError as error:
                # Some servers say so of an upload that another process has joined meanwhile.
                if code_of(error) == "InvalidPart":
                    raise FileNotFoundError(key) from error
                raise

    def _is_missing(self, key: str, error: ClientError) -> bool:
        """Whether it is the key that is missing: HEAD tells no more than a status, listing says why."""
        if code_of(error) in ("403", "404"):
            self.look(key)
        return code_of(error) == "404"

    def _nothing(self, key: str) -> BinaryIO:
        if self.stat(key) is None:
            raise FileNotFoundError(key)
        return BytesIO()


class _Download(RawIOBase):
    """The body of an answer, read as it comes."""

    def __init__(self, body: Any, settings: Settings) -> None:
        self._body, self._settings = body, settings

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with worded(self._settings):
            piece = self._body.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._body.close()
        super().close()


def _client(session: Session, settings: Settings, endpoint: str, read_seconds: int) -> Any:
    style = "path" if settings.names_bucket_in_path else "virtual"
    return session.client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": style},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": TRIES},
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
            # A server may know none of the newer checksums; the signature covers the content already.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=True,
        ),
    )


def _piece(body: BinaryIO) -> bytes:
    """The next bytes, as many as there are up to ``PIECE``; a body may give fewer than it is asked for."""
    got = bytearray()
    while len(got) < PIECE and (more := body.read(PIECE - len(got))):
        got += more
    return bytes(got)


def _range(start: int, length: int | None) -> str:
    return f"bytes={start}-" + ("" if length is None else str(start + length - 1))
