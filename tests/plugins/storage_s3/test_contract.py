"""The plugin keeps every promise of a plugin, and its storage every promise of a storage."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from core.run.processes import spawn, stop, wait_for
from core.testing import DirectUploadsContract, PluginContract
from plugins.storage_s3.settings import Settings
from plugins.storage_s3.storage import S3Storage
from tests.fixtures.product import free_ports
from tests.fixtures.s3 import S3Server


class TestStorageS3(PluginContract):
    name = "storage_s3"

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _on_the_server(cls, s3_server: S3Server) -> None:
        cls.settings = s3_server.settings


class S3ContractTest(DirectUploadsContract):
    """What every S3 server has to make good; a subclass gives ``storage``."""

    largest: ClassVar[int] = 40 * 1024 * 1024


class TestVersitygw(S3ContractTest):
    @pytest.fixture
    def storage(self, s3_server: S3Server) -> S3Storage:
        return S3Storage(Settings(**s3_server.settings))


class TestVersitygwBelowAPrefix(S3ContractTest):
    @pytest.fixture
    def storage(self, s3_server: S3Server) -> S3Storage:
        return S3Storage(Settings(**s3_server.settings, prefix="audimax/files"))


@pytest.mark.optional
class TestMinio(S3ContractTest):
    @pytest.fixture(scope="class")
    @classmethod
    def minio(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
        """Settings for a MinIO on PATH."""
        binary = shutil.which("minio")
        if binary is None:
            pytest.skip("no minio on PATH")
        folder, port = tmp_path_factory.mktemp("minio"), free_ports(1)[0]
        (folder / "lectures").mkdir()
        process = _start_minio(binary, folder, port)
        yield {
            "endpoint": f"http://127.0.0.1:{port}",
            "bucket": "lectures",
            "access_key": "minioadmin",
            "secret_key": "minioadmin",
        }
        stop(process, grace=1)

    @pytest.fixture
    def storage(self, minio: dict[str, str]) -> S3Storage:
        return S3Storage(Settings(**minio))


def _start_minio(binary: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
    process = spawn([binary, "server", "--address", f"127.0.0.1:{port}", folder], output=subprocess.DEVNULL)
    assert wait_for(lambda: _answers(port), 30), "minio doesn't start"
    return process


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
