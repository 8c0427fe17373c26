"""A storage that keeps files in a folder."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class FolderStorage:
    folder: Path
    id: str = "example_folder"

    def save(self, key: str, body: BinaryIO, mime: str) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(body, file)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        with (self.folder / key).open("rb") as file:
            file.seek(start)
            return BytesIO(file.read() if length is None else file.read(length))

    def delete(self, key: str) -> None:
        (self.folder / key).unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterable[str]:
        found = (str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        return sorted(key for key in found if key.startswith(prefix))

    def url(self, key: str, name: str, mime: str, seconds: int) -> str | None:
        return None
