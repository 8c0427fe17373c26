"""Programs of others: found on this machine, else downloaded or built once and kept in the cache."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import AudimaxError
from core.run import places

MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "armv7"}
LARGEST_ARCHIVE = 100_000_000
CONNECT_SECONDS = 8
BUILD_SECONDS = 1800

Say = Callable[[str], None]


class ProgramMissing(AudimaxError):
    """A program could not be found or fetched; says what was tried."""


@dataclass(frozen=True)
class Release:
    """A published archive (tar.gz) and its SHA-256."""

    url: str
    digest: str


@dataclass(frozen=True)
class Program:
    """A program in one version. ``releases`` go by system and machine: ``linux_amd64``.

    ``variable`` names the environment variable that leads to one that is here already, ``otherwise``
    what else helps where the program can't be had.
    """

    name: str
    version: str
    module: str
    variable: str
    releases: Mapping[str, Release]
    otherwise: str = ""

    def find(self) -> Path | None:
        """The one that is here already: the configured one, PATH, our cache."""
        if configured := os.environ.get(self.variable, ""):
            return self._configured(configured)
        if on_path := shutil.which(self.name):
            return Path(on_path)
        return self.cached() if self.cached().exists() else None

    def fetch(self, say: Say = print) -> Path:
        """Find it, else download the release, else build it with Go; kept in the cache."""
        found = self.find()
        if found:
            return found
        tried: list[str] = []
        for way in (self.download, self.build):
            try:
                return way(say)
            except (OSError, ProgramMissing, subprocess.SubprocessError, tarfile.TarError) as error:
                tried.append(str(error))
                say(f"  {error}")
        raise ProgramMissing(
            f"{self.name} {self.version} could not be had: {'; '.join(tried)}. Put `{self.name}` on PATH"
            f"{', or' if not self.otherwise else ','} name it in {self.variable}{self.otherwise}"
        )

    def cached(self) -> Path:
        """Where the fetched program is kept."""
        return places.cache() / f"{self.name}-{self.version}"

    def download(self, say: Say) -> Path:
        """Take it from the published archive, if that is the one whose digest we know."""
        kind = f"{sys.platform}_{MACHINES.get(platform.machine().lower(), platform.machine())}"
        if kind not in self.releases:
            raise ProgramMissing(f"there is no release archive for {kind}")
        say(f"{self.name} {self.version}: downloading the release …")
        archive = fetched(self.releases[kind].url)
        if hashlib.sha256(archive).hexdigest() != self.releases[kind].digest:
            raise ProgramMissing("the downloaded archive isn't the published one (SHA-256 differs)")
        program = self._unpacked(archive)
        return self._kept(lambda target: target.write_bytes(program))

    def build(self, say: Say) -> Path:
        """Let Go fetch and compile it; Go checks the sources against its public checksums."""
        go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
        if not go:
            raise ProgramMissing("no Go to build it with")
        say(f"{self.name} {self.version}: building it with Go; takes a few minutes, once …")
        with tempfile.TemporaryDirectory(dir=places.cache()) as folder:
            self._run_go(go, Path(folder))
            built = Path(folder) / "bin" / Path(self.module).name
            return self._kept(lambda target: shutil.copyfile(built, target))

    def _configured(self, named: str) -> Path:
        path = Path(named)
        if not os.access(path, os.X_OK):
            raise ProgramMissing(f"{self.variable} names {named}, which is no program")
        return path

    def _unpacked(self, archive: bytes) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            for member in opened:
                if member.isfile() and Path(member.name).name == self.name:
                    file = opened.extractfile(member)
                    return file.read() if file else b""
        raise ProgramMissing(f"the release archive holds no {self.name}")

    def _run_go(self, go: str, folder: Path) -> None:
        # GOPATH and the build cache need a home folder, which services and CI may not have.
        env = {**os.environ, "GOBIN": str(folder / "bin"), "GOFLAGS": "-modcacherw"}
        if not Path(env.get("HOME") or "/nonexistent").is_dir():
            env |= {"GOPATH": str(folder / "go"), "GOCACHE": str(folder / "build")}
        argv = [go, "install", "-trimpath", f"{self.module}@v{self.version}"]
        made = subprocess.run(
            argv, env=env, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
        if made.returncode:
            raise ProgramMissing(f"`go install` failed: {' '.join(made.stderr.split()[-40:])}")

    def _kept(self, write: Callable[[Path], object]) -> Path:
        target = self.cached()
        work = target.with_name(f"{target.name}.{os.getpid()}")
        try:
            write(work)
            work.chmod(0o755)
            work.replace(target)
        finally:
            work.unlink(missing_ok=True)
        return target


def fetched(url: str) -> bytes:
    """What the address gives."""
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as answer:  # noqa: S310
            return bytes(answer.read(LARGEST_ARCHIVE))
    except OSError as error:
        raise ProgramMissing(f"download refused ({error})") from error
