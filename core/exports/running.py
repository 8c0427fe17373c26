"""Starts the child that exports, waits for it, and reads what it left: for jobs only."""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import os
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from flask_babel import gettext as _

from core import ROOT, obstacles
from core.config import config
from core.contracts import Exporter, LecturePackage, Link, NoSettings
from core.engine.plugins import Loaded, plugins, settings_of
from core.engine.settings import fields
from core.exports import child, packing
from core.files.walls import BEGUN
from core.run.processes import end_group, give_way

log = logging.getLogger(__name__)
MB = 1024 * 1024
LONGEST_HEAD = 4000
NO_ROOM = "OSError: [Errno 28]"
# How often it is asked whether the person still wants it.
LOOK_SECONDS = 0.5
# What exporters may read beside code and libraries: fonts, and what libraries ask systems for.
FONTS = "/usr/share/fonts /usr/local/share/fonts /etc/fonts /System/Library/Fonts /Library/Fonts"
SYSTEM = (
    "/usr/lib /usr/lib64 /usr/local/lib /lib /lib64 /etc/ld.so.cache /etc/localtime /usr/share/zoneinfo "
    "/etc/mime.types /dev/urandom /dev/null /proc/self /proc/cpuinfo /proc/meminfo"
)


class Failed(Exception):
    """There is no export; ``words`` are for the person. ``plugin`` tells whether it is the plugin's fault."""

    def __init__(self, words: str, *, problem: str = "") -> None:
        super().__init__(problem or words)
        self.words, self.problem = words, problem


class Stopped(Exception):
    """The person has changed their mind."""


@dataclass(frozen=True)
class Made:
    """A file as the exporter named it; ``body`` is at its first byte."""

    name: str
    mime: str
    size: int
    body: BinaryIO


@contextmanager
def exported(
    plugin: str,
    exporter: Exporter,
    package: LecturePackage,
    options: Mapping[str, Any],
    folder: Path,
    is_wanted: Callable[[], bool],
) -> Iterator[Made | Link]:
    """What the exporter makes of the package, in a child behind walls; ``Failed`` or ``Stopped`` otherwise.

    ``folder`` is the child's own: what lies there it may read.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        asked = _asked(plugins.loaded[plugin], exporter, package, options, folder)
        given.write(json.dumps(asked).encode())
        given.seek(0)
        status = _ended(_started(given, out, said), is_wanted)
        yield _read(plugin, status, out, said)


def _asked(
    loaded: Loaded, exporter: Exporter, package: LecturePackage, options: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    house = config()
    return {
        "plugin": loaded.manifest.name,
        "module": loaded.package,
        "root": str(loaded.folder.parents[loaded.package.count(".")]),
        "exporter": exporter.id,
        "settings": public_settings(settings_of(loaded.manifest.name)),
        "config": {name: getattr(house, name) for name in child.PUBLIC},
        "options": dict(options),
        "package": packing.to_json(package),
        "folder": str(folder),
        "reads": [str(one) for one in _readable(loaded, exporter)],
        "limits": {
            "memory": house.export_memory_mb * MB,
            "output": house.largest_export_mb * MB,
            "seconds": house.export_seconds,
        },
    }


def public_settings(settings: Any) -> dict[str, Any]:
    """A plugin's settings without its secrets, which have their defaults then."""
    if settings is None or isinstance(settings, NoSettings):
        return {}
    cls: Any = type(settings)
    known = fields(cls)
    return {
        one.name: getattr(settings, one.name)
        for one in dataclasses.fields(settings)
        if not known[one.name].secret
    }


def _readable(loaded: Loaded, exporter: Exporter) -> Iterator[Path]:
    """Code, libraries, fonts and what the exporter names itself; never the folder of the instance."""
    yield from map(Path, {*site.getsitepackages(), *_libraries(), sys.prefix, sys.base_prefix})
    yield from (ROOT / "core", ROOT / "plugins", loaded.folder)
    yield from map(Path, f"{FONTS} {SYSTEM}".split())
    yield from map(Path, getattr(exporter, "reads", ()))


def _libraries() -> Iterator[str]:
    """Folders of installed packages that a ``.pth`` or the system has added; not what else we import from."""
    for folder in sys.path:
        if Path(folder).name in ("site-packages", "dist-packages"):
            yield folder


def _started(given: IO[bytes], out: IO[bytes], said: IO[bytes]) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-I", "-B", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
            "from core.exports.child import main; main()"]  # fmt: skip
    # Nothing of our environment goes along: it holds secrets.
    started = subprocess.Popen(
        argv, env={"LANG": "C.UTF-8"}, cwd="/", stdin=given, stdout=out, stderr=said, start_new_session=True
    )
    give_way(started.pid, config().export_nice)
    return started


def _ended(process: subprocess.Popen[bytes], is_wanted: Callable[[], bool]) -> int:
    """Its status; it is killed when nobody wants it any more, or when even its own alarm didn't end it."""
    looks = config().export_seconds * 2 + 30
    try:
        for _look in range(round(looks / LOOK_SECONDS)):
            try:
                return process.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if not is_wanted():
                    raise Stopped from None
        return -signal.SIGKILL
    finally:
        if process.returncode is None:
            end_group(process.pid)
            process.wait()


def _read(plugin: str, status: int, out: IO[bytes], said: IO[bytes]) -> Made | Link:
    said.seek(0)
    _note(said.readline(LONGEST_HEAD).decode("utf-8", "replace").strip())
    size = os.fstat(out.fileno()).st_size
    out.seek(0)
    head = out.readline(LONGEST_HEAD)
    outcome = _head(head)
    if status == 0 and "name" in outcome:
        return Made(outcome["name"], outcome["mime"], size - len(head), cast("BinaryIO", out))
    if status == 0 and "url" in outcome:
        return Link(outcome["url"], outcome["title"])
    if "words" in outcome:
        raise Failed(outcome["words"] or _("This lecture can't be exported that way."))
    raise _failure(plugin, status, outcome, said.read().decode("utf-8", "replace"))


def _failure(plugin: str, status: int, outcome: Mapping[str, Any], said: str) -> Failed:
    last = said.strip().rpartition("\n")[2][-300:]
    if status in (-signal.SIGXCPU, -signal.SIGALRM, -signal.SIGKILL):
        words = _("It took too long and was stopped. Choose fewer sections, or ask your administrator.")
        return Failed(words, problem=f"stopped after {config().export_seconds} s of computing")
    if last.startswith("OSError: [Errno 27]"):
        words = _("The file would be larger than %(size)s MB.", size=config().largest_export_mb)
        return Failed(words, problem="the file is too large")
    if NO_ROOM in last or NO_ROOM in str(outcome.get("problem", "")):
        return Failed(
            obstacles.no_room_left(), problem=f"no space left in {tempfile.gettempdir()}: make room there"
        )
    if outcome.get("code") == "memory" or "MemoryError" in last:
        words = _("It needed more memory than it may have. Choose fewer sections.")
        return Failed(words, problem="out of memory")
    return fault(plugin, outcome.get("problem") or f"status {status}: {last}")


def fault(plugin: str, problem: str) -> Failed:
    """What the person reads when a plugin has failed, and what its admin does."""
    words = _("The plugin “%(plugin)s” failed. Your administrator can see why.", plugin=plugin)
    return Failed(words, problem=problem[: child.LONGEST_WORDS])


def _head(line: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@functools.lru_cache(8)
def _note(first_line: str) -> None:
    """Say once in each process which walls this system doesn't have."""
    lacking = first_line.removeprefix(BEGUN)
    if first_line.startswith(BEGUN) and lacking:
        log.warning("exports run with fewer walls, this system has no %s", lacking[:200])
