"""Programs of Debian for tests: the system's, or unpacked into our cache, where nothing starts by itself."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.run import places

PACKAGE = re.compile(r"^'[^']+' ([a-z0-9.+-]+)_", re.M)
ANY_LIBRARY = ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*")


@dataclass(frozen=True)
class Packaged:
    """A program, the packages that it is in, and whether one that is installed has all that we need."""

    name: str
    packages: tuple[str, ...]
    suits: Callable[[Path], bool] = lambda _path: True

    @property
    def folder(self) -> Path:
        """Where it is unpacked to."""
        return places.cache() / f"{self.name}-of-debian-{platform.machine()}"

    def find(self) -> Path | None:
        """The system's, else ours."""
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
        found = shutil.which(self.name, path=path)
        if found and self.suits(Path(found)):
            return Path(found)
        return next(iter(self.folder.glob(f"usr/*bin/{self.name}")), None)

    @property
    def variables(self) -> Mapping[str, str]:
        """What its environment needs so that it finds its libraries."""
        found = [str(one) for pattern in ANY_LIBRARY for one in self.folder.glob(pattern)]
        ours = (self.find() or Path("/")).is_relative_to(self.folder)
        return {"LD_LIBRARY_PATH": ":".join(found)} if found and ours else {}

    def unpack(self) -> bool:
        """Fetch the packages, and those that they need and are missing here; whether it is there now."""
        print(f"setting up: {self.name} …", flush=True)
        for prepare in ([], [["apt-get", "update", "-qq"]]):
            if all(map(_runs, prepare)) and self._unpacked():
                return self.find() is not None
        return False

    def _unpacked(self) -> bool:
        with tempfile.TemporaryDirectory(dir=places.cache()) as made:
            work, root = Path(made), Path(made) / "root"
            if not _runs(["apt-get", "download", "-qq", *self._wanted()], work):
                return False
            if not all(_runs(["dpkg-deb", "-x", one, root]) for one in work.glob("*.deb")):
                return False
            shutil.rmtree(self.folder, ignore_errors=True)
            root.rename(self.folder)
            return True

    def _wanted(self) -> list[str]:
        ask = [
            "apt-get",
            "install",
            "-qq",
            "--print-uris",
            "--no-install-recommends",
            "-o",
            "Debug::NoLocking=1",
        ]
        said = subprocess.run([*ask, *self.packages], capture_output=True, text=True).stdout
        return sorted({*self.packages, *PACKAGE.findall(said)})


def _runs(argv: list[str | Path], cwd: Path | None = None) -> bool:
    return subprocess.run(argv, cwd=cwd, capture_output=True).returncode == 0


def stream_module(nginx: Path) -> Path | None:
    """nginx tells host names apart before TLS by a module that is a file of its own at Debian."""
    below = NGINX.folder if nginx.is_relative_to(NGINX.folder) else Path("/")
    return next(iter(below.glob("usr/lib*/nginx/modules/ngx_stream_module.so")), None)


def _knows_streams(nginx: Path) -> bool:
    said = subprocess.run([nginx, "-V"], capture_output=True, text=True).stderr
    return bool(re.search(r"--with-stream(?!=)\b", said)) or stream_module(nginx) is not None


NGINX = Packaged("nginx", ("nginx", "libnginx-mod-stream"), _knows_streams)
PGBOUNCER = Packaged("pgbouncer", ("pgbouncer",))
ALL = (NGINX, PGBOUNCER)


def main() -> None:
    """Have them. Not having them is no error: the tests that need them say so."""
    for one in ALL:
        if one.find():
            continue
        if sys.platform != "linux" or not shutil.which("apt-get") or not one.unpack():
            print(f"no {one.name}: the tests of the whole installation are skipped. Install {one.name}")


if __name__ == "__main__":
    main()
