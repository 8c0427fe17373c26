"""One exporter for all that can go wrong."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

from core.api import (
    Contents,
    Delivery,
    Destination,
    DestinationDown,
    Exporter,
    File,
    Lecture,
    LecturePackage,
    Link,
    Viewer,
    hookimpl,
    setting,
    settings,
)
from tests.core.exports.rogue.settings import Settings


@dataclass(frozen=True)
class Options:
    """``does``: what it does instead of exporting. ``about``: with what."""

    does: str = setting("fine", label="What it does")
    about: str = setting("", label="With what")
    loud: bool = setting(False, label="Loud")


class Rogue:
    """Does what its options say."""

    id = "rogue"
    title = "Rogue"
    options = Options

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File | Link:
        made = getattr(self, f"it_{options['does']}")(options["about"], package)
        return made if isinstance(made, File | Link) or options["does"] == "wrong" else text(made)

    def it_fine(self, about: str, package: LecturePackage) -> Any:
        sys.stdout.write("something else\n")
        os.write(1, b"and something else\n")
        return {"title": package.title, "sections": [one.id for one in package.sections]}

    def it_raises(self, about: str, package: LecturePackage) -> Any:
        raise RuntimeError("out of order")

    def it_refuses(self, about: str, package: LecturePackage) -> Any:
        raise ValueError("There is nothing to export here.")

    def it_waits(self, about: str, package: LecturePackage) -> Any:
        threading.Event().wait()

    def it_loops(self, about: str, package: LecturePackage) -> Any:
        while True:
            pass

    def it_eats(self, about: str, package: LecturePackage) -> Any:
        eaten = []
        while True:
            eaten.append(b"x" * 50_000_000)

    def it_wrong(self, about: str, package: LecturePackage) -> Any:
        return 5

    def it_huge(self, about: str, package: LecturePackage) -> Any:
        return File("huge.bin", "application/octet-stream", BytesIO(b"x" * 3_000_000))

    def it_named(self, about: str, package: LecturePackage) -> Any:
        return File("../../etc/pass\nwd", "nonsense", BytesIO(b"x"))

    def it_unnamed(self, about: str, package: LecturePackage) -> Any:
        return File(None, None, None)  # type: ignore[arg-type]

    def it_links(self, about: str, package: LecturePackage) -> Any:
        return Link(about, "There")

    def it_dies(self, about: str, package: LecturePackage) -> Any:
        os.kill(os.getpid(), 9)
        os.abort()

    def it_reads(self, about: str, package: LecturePackage) -> Any:
        return Path(about).read_text("utf-8", "replace")[:100]

    def it_connects(self, about: str, package: LecturePackage) -> Any:
        socket.create_connection(("127.0.0.1", int(about)), 2)
        return "connected"

    def it_starts(self, about: str, package: LecturePackage) -> Any:
        return subprocess.run(["/bin/true"], check=True).returncode

    def it_forks(self, about: str, package: LecturePackage) -> Any:
        return os.fork()

    def it_kills(self, about: str, package: LecturePackage) -> Any:
        os.kill(os.getppid(), 0)
        return "could"

    def it_knows(self, about: str, package: LecturePackage) -> Any:
        mine = settings(Settings)
        return {"key": mine.key, "greeting": mine.greeting, "environment": sorted(os.environ)}


def text(value: Any) -> File:
    return File("said.json", "application/json", BytesIO(json.dumps(value).encode()))


@dataclass(frozen=True)
class Where:
    """``does``: what happens on the way. ``brings``: the exporters to bring, ``-`` for none. ``files``: those too."""

    does: str = setting("fine", label="What it does")
    brings: str = setting("rogue", label="What it brings")
    files: bool = setting(False, label="Files too")


class Elsewhere:
    """A place that does what its options say; ``came`` has what has come, ``tried`` how often it was asked."""

    id = "elsewhere"
    title = "Elsewhere"
    options = Where
    needs_account = True
    page = "/plugins/rogue/"
    came: ClassVar[dict[str, bytes]] = {}
    tried: ClassVar[list[str]] = []
    link: ClassVar[Any] = None
    stopped = threading.Event()

    def contents(self, options: Mapping[str, Any]) -> Contents:
        if options["brings"] == "-":
            raise ValueError("Choose what to bring.")
        if options["brings"] == "!":
            raise RuntimeError("out of order")
        return Contents(tuple(options["brings"].split()), files=options["files"])

    def ready(self, viewer: Viewer, lecture: Lecture) -> Link | None:
        if isinstance(self.link, Exception):
            raise self.link
        return self.link

    def deliver(self, delivery: Delivery) -> Link:
        self.tried.append(delivery.room_id)
        made: Any = getattr(self, f"it_{delivery.options['does']}")(delivery)
        return made

    def it_fine(self, delivery: Delivery) -> Link:
        for parcel in delivery.parcels:
            assert parcel.path.stat().st_size == parcel.size
            self.came[f"{parcel.key} {parcel.name}"] = parcel.path.read_bytes()
        return Link("https://elsewhere.example/1", "Look there")

    def it_raises(self, delivery: Delivery) -> Any:
        raise RuntimeError("out of order")

    def it_refuses(self, delivery: Delivery) -> Any:
        raise ValueError("There is no room there.")

    def it_wrong(self, delivery: Delivery) -> Any:
        return "https://elsewhere.example/1"

    def it_passes(self, delivery: Delivery) -> Any:
        if len(self.tried) < 3:
            raise DestinationDown("It takes nothing now.")
        return self.it_fine(delivery)

    def it_never(self, delivery: Delivery) -> Any:
        raise DestinationDown("It takes nothing now.")

    def it_waits(self, delivery: Delivery) -> Any:
        while delivery.is_wanted(0.02):
            pass
        self.stopped.set()
        return None

    def it_hangs(self, delivery: Delivery) -> Any:
        self.stopped.wait(20)


@hookimpl
def exporters() -> list[Exporter | Destination]:
    return [Rogue(), Elsewhere()]
