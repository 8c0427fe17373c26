"""A storage, and whether it works."""

from collections.abc import Callable
from functools import partial

from core.api import HealthCheck, PluginError, Storage, config, hookimpl, settings
from plugins.storage_s3 import health
from plugins.storage_s3.settings import Settings
from plugins.storage_s3.storage import LARGEST_FILE_MB, S3Storage


@hookimpl
def storages() -> list[Storage]:
    wanted = settings(Settings)
    _refuse_what_browsers_block(wanted)
    _refuse_files_that_are_too_large()
    return [S3Storage(wanted)]


@hookimpl
def health_checks() -> list[HealthCheck]:
    return [HealthCheck(name, partial(_run, check), health.SECONDS) for name, check in health.CHECKS.items()]


def _run(check: Callable[[S3Storage], None]) -> None:
    check(S3Storage(settings(Settings)))


def _refuse_what_browsers_block(wanted: Settings) -> None:
    address = wanted.public_endpoint or wanted.endpoint
    if config().is_https and address.startswith("http:"):
        raise PluginError(
            "storage_s3",
            f"pages under https may not send files to {address}",
            "set public_endpoint to an address with https",
        )


def _refuse_files_that_are_too_large() -> None:
    largest = config().largest_file_mb
    if config().file_storage == S3Storage.id and largest > LARGEST_FILE_MB:
        raise PluginError(
            "storage_s3",
            f"files of {largest} MB are more than S3 can copy",
            f"set largest_file_mb to {LARGEST_FILE_MB} or less",
        )
