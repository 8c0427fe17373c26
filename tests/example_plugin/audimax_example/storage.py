"""A storage that keeps files in a folder."""

import hashlib
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from core.api import ContentChanged, Stat


@dataclass(frozen=True)
class FolderStorage:
    folder: Path
    id: str = "example_folder"

    def save(self, key: str, body: BinaryIO, mime: str) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        half = self.folder / f".{secrets.token_hex(8)}"
        try:
            with half.open("wb") as file:
                shutil.copyfileobj(body, file)
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        file = (self.folder / key).open("rb")
        file.seek(start)
        return file if length is None else BytesIO(file.read(length))

    def stat(self, key: str) -> Stat | None:
        try:
            with self.open(key) as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
                return Stat(file.tell(), content)
        except FileNotFoundError:
            return None

    def copy(self, source: str, target: str, etag: str) -> None:
        with self.open(source) as file:
            seen = self.stat(source)
            if seen is None or seen.etag != etag:
                raise ContentChanged(source)
            self.save(target, file, "")

    def delete(self, key: str) -> None:
        (self.folder / key).unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterable[str]:
        found = (str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        return sorted(key for key in found if key.startswith(prefix))

    def url(self, key: str, name: str, mime: str, seconds: int) -> str | None:
        return None
