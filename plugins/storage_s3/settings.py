"""Where the S3 server is, and how it lets us in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l

from core.api import setting

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
PREFIX = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9_.-]*/)*\Z")
LONGEST_PREFIX = 200


@dataclass(frozen=True)
class Settings:
    """For the whole installation; read once, at the start."""

    bucket: str = setting(label=_l("Bucket"), help=_l("Where the files go."))
    access_key: str = setting(minimum=1, label=_l("Access key"))
    secret_key: str = setting(minimum=1, secret=True, label=_l("Secret key"))
    endpoint: str = setting(
        "",
        label=_l("Address of the S3 server"),
        help=_l("As our servers reach it: https://s3.uni.example. Empty for AWS."),
    )
    public_endpoint: str = setting(
        "",
        label=_l("Address of the S3 server for browsers"),
        help=_l("The same as above if empty."),
    )
    region: str = setting("us-east-1", label=_l("Region"))
    prefix: str = setting(
        "", label=_l("Prefix"), help=_l("All keys begin with it, so that several may share a bucket.")
    )
    path_style: bool | None = setting(
        None,
        label=_l("Name the bucket in the path of addresses"),
        help=_l("Otherwise in the host name. If empty: in the path, except on AWS."),
    )
    encryption: Literal["", "AES256", "aws:kms"] = setting(
        "", label=_l("Encryption by the S3 server"), help=_l("Empty leaves it to the bucket.")
    )
    kms_key: str = setting("", label=_l("Key of aws:kms"), help=_l("The bucket's own key if empty."))
    create_bucket: bool = setting(
        False,
        label=_l("`audimax doctor` may make the bucket"),
        help=_l("And add the rule (CORS) that lets browsers send files to it."),
    )

    def __post_init__(self) -> None:
        if mistakes := list(self._mistakes()):
            raise ValueError("; ".join(mistakes))

    @property
    def key_prefix(self) -> str:
        """What stands before all keys: empty, or with a slash at its end."""
        return self.prefix and self.prefix.rstrip("/") + "/"

    @property
    def names_bucket_in_path(self) -> bool:
        return bool(self.endpoint) if self.path_style is None else self.path_style

    @property
    def place(self) -> str:
        """How messages call the server."""
        return f"S3 at {self.endpoint}" if self.endpoint else "S3 of AWS"

    def _mistakes(self) -> Iterator[str]:
        if not BUCKET.match(self.bucket):
            yield "'bucket' must be 3 to 63 small letters, digits, hyphens and dots"
        if not REGION.match(self.region):
            yield "'region' must be a region's name as your server calls it, like eu-central-1"
        for name in ("endpoint", "public_endpoint"):
            # Not shown: somebody may have put a password into it.
            if getattr(self, name) and not _is_origin(getattr(self, name)):
                yield f"{name!r} must be like https://s3.uni.example, without path, bucket, user or password"
        if not PREFIX.match(self.key_prefix) or len(self.prefix) > LONGEST_PREFIX:
            yield "'prefix' must be names of letters, digits, _ . and -, joined by slashes: audimax/files"
        if self.kms_key and self.encryption != "aws:kms":
            yield "'kms_key' counts only with encryption = \"aws:kms\": set that, or remove it"
        if "." in self.bucket and not self.names_bucket_in_path:
            yield "a bucket with dots in its name fits no certificate: set path_style, or take another bucket"


def _is_origin(address: str) -> bool:
    try:
        parts = urlsplit(address)
        plain = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and address == plain
