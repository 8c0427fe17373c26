"""`make soak MINUTES=60`: mixed load on a whole deployment; memory, files, connections stay as they are."""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psutil
import requests

from bench import figures
from bench.drill.deployment import Deployment, deployment
from bench.drill.lecture import Lecture
from bench.drill.people import Visitor, Waiter, pace
from bench.speech import deepgram

COMMAND = "make soak MINUTES={minutes:g}"
FOLDER = figures.HERE / "results"
# Seconds between two of each.
JOIN, WAIT, EXPORT, MEETING, LOOK = 0.5, 2.0, 10.0, 30.0, 5.0
AT_THE_DOOR = 20
SAMPLES = 120
SHORTEST_PAUSE = 1.0
# Of a shorter one the figures aren't kept: it says whether everything works, and little of what grows.
WHOLE = 60.0
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
LEFT_OUT = ("front", "follower")
HEAD = """\
# Soak

{minutes:g} minutes of mixed load on two webs (three workers), jobs, captions, pgbouncer, PostgreSQL, Redis,
S3 and LiveKit on one machine: {load}.

Medians of the second quarter of the time and of the last; memory is what belongs to the part's processes
alone. Of PostgreSQL's open files those that several backends have count once: each keeps open what it has
read. `make soak` writes this file.

| part | memory, MB | | open files | | threads | |
|---|---|---|---|---|---|---|
"""


@dataclass
class Sample:
    """What one part takes at one moment."""

    mb: float
    files: int
    threads: int


@dataclass
class Watch:
    """Samples of every part, at equal distances."""

    at: Deployment
    parts: dict[str, list[Sample]] = field(default_factory=dict)
    connections: list[int] = field(default_factory=list)

    def look(self) -> None:
        for name in self.at.children:
            if name not in LEFT_OUT:
                look = _sample_of_backends if name == "postgres" else _sample
                self.parts.setdefault(name, []).append(look(self.at.processes(name)))
        self.connections.append(int(str(self.at.database.ask(CONNECTIONS)[0][0])))

    def grown(self, kind: str) -> dict[str, tuple[float, float]]:
        """By part: the median of the second quarter, and that of the last."""
        return {name: _quarters([getattr(one, kind) for one in found]) for name, found in self.parts.items()}


def _sample(found: Iterable[psutil.Process]) -> Sample:
    made = Sample(0.0, 0, 0)
    for one in found:
        with suppress(psutil.Error):
            mb, files, threads = one.memory_full_info().uss / 2**20, one.num_fds(), one.num_threads()
            made = Sample(made.mb + mb, made.files + files, made.threads + threads)
    return made


def _sample_of_backends(found: Iterable[psutil.Process]) -> Sample:
    """PostgreSQL's: a file that several processes have open counts once.

    A backend keeps open what it has read, for the next time (`max_files_per_process`, 1,000): sooner or later
    each has nearly every table, and their sum grows for as long as backends live. More files than there are
    tables, indexes and segments of the log would be a leak.
    """
    processes = list(found)
    made, names = _sample(processes), set[str]()
    for one in processes:
        with suppress(psutil.Error):
            held = [file.path for file in one.open_files()]
            made.files -= len(held)
            names.update(held)
    made.files += len(names)
    return made


def _quarters(found: list[float]) -> tuple[float, float]:
    quarter = max(1, len(found) // 4)
    return statistics.median(found[quarter : 2 * quarter] or found), statistics.median(found[-quarter:])


class Load:
    """What people do all the time, beside the lecture itself; ``done`` counts it."""

    def __init__(self, lecture: Lecture) -> None:
        self.lecture, self.at, self.host = lecture, lecture.at, lecture.host
        self.done, self.failed = Counter[str](), Counter[str]()
        self._over = threading.Event()
        self._waiting: list[Waiter] = []
        self._hall = self.host.new_room()
        self.host.post(f"/api/rooms/{self._hall}/start")
        works = (
            (self._join, JOIN),
            (self._wait, WAIT),
            (self._export, EXPORT),
            (self._meet, MEETING),
            (self._look, LOOK),
        )
        self._paces = [pace(seconds, self._counted(work), self._over) for work, seconds in works]

    def stop(self) -> None:
        self._over.set()
        for one in self._paces:
            one.join(60)

    def _counted(self, work: Callable[[], bool]) -> Callable[[int], None]:
        name = work.__name__.strip("_")

        def do(_number: int) -> None:
            try:
                (self.done if work() else self.failed)[name] += 1
            except (requests.RequestException, AssertionError) as error:
                self.failed[f"{name} {type(error).__name__}"] += 1

        return do

    def _join(self) -> bool:
        """Somebody new comes in, looks at the lecture's chat, and goes."""
        visitor = Visitor(self.at.url, self._hall, self.lecture.numbers())
        given = visitor.join()
        visitor.http.close()
        return given is not None and given["status"] == "admitted"

    def _wait(self) -> bool:
        """Somebody comes to the door; who has stood there longest is let in."""
        self._waiting.append(self.lecture.waiter())
        if len(self._waiting) > AT_THE_DOOR:
            first = self._waiting.pop(0)
            self.lecture.let_in(first)
            return self.lecture.until_in(first)
        return True

    def _export(self) -> bool:
        return self.lecture.export(0.0) and self.lecture.forget_exports()

    def _meet(self) -> bool:
        """A whole lecture, from its start to its end."""
        room = self.host.new_room()
        self.host.post(f"/api/rooms/{room}/start")
        came = [Visitor(self.at.url, room, self.lecture.numbers()).join() for _ in range(3)]
        self.host.post(f"/api/rooms/{room}/end")
        return all(came)

    def _look(self) -> bool:
        """A host's pages."""
        pages = ("/", f"/lectures/{self.lecture.past}", f"/api/rooms/{self.lecture.door}/lobby/state")
        return all(self.host.http.get(self.at.url + path, timeout=30).ok for path in pages)


@dataclass
class Told:
    """What is told of a soak."""

    minutes: float
    watch: Watch
    done: Counter[str]
    failed: Counter[str]
    lost: dict[str, list[str]]

    @property
    def figures(self) -> dict[str, float]:
        before, after = _quarters([float(one) for one in self.watch.connections])
        return {
            "soak_minutes": self.minutes,
            "soak_growth_mb": _most(self.watch.grown("mb")),
            "soak_open_files": _most(self.watch.grown("files")),
            "soak_connections": after - before,
        }

    @property
    def failures(self) -> list[str]:
        found = [f"{name} is {value:g}" for name, value in self.figures.items() if not _is_met(name, value)]
        found += [f"{kind}: {len(lost)} lost" for kind, lost in self.lost.items() if lost]
        return found + [f"{count} × {what} failed" for what, count in self.failed.items()]

    @property
    def markdown(self) -> str:
        kinds = [self.watch.grown(kind) for kind in ("mb", "files", "threads")]
        rows = [
            f"| {name} | " + " | ".join(f"{n:.0f}" for kind in kinds for n in kind[name]) + " |"
            for name in self.watch.parts
        ]
        before, after = _quarters([float(one) for one in self.watch.connections])
        ends = [f"Connections to PostgreSQL: {before:.0f}, then {after:.0f}."]
        ends += [f"- missed: {words}" for words in self.failures]
        load = ", ".join(f"{count} × {what}" for what, count in sorted(self.done.items()))
        return HEAD.format(minutes=self.minutes, load=load) + "\n".join([*rows, "", *ends]) + "\n"

    @property
    def data(self) -> dict[str, Any]:
        series = {
            name: {
                kind: [round(getattr(one, kind), 1) for one in found] for kind in ("mb", "files", "threads")
            }
            for name, found in self.watch.parts.items()
        }
        return {
            "machine": figures.machine(),
            "figures": self.figures,
            "done": self.done,
            "failed": self.failed,
            "connections": self.watch.connections,
            "parts": series,
        }

    def write(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        name = "soak" if self.minutes >= WHOLE else "soak-part"
        (FOLDER / f"{name}.md").write_text(self.markdown, "utf-8")
        (FOLDER / f"{name}.json").write_text(json.dumps(self.data) + "\n", "utf-8")


def _most(grown: dict[str, tuple[float, float]]) -> float:
    return max(after - before for before, after in grown.values())


def _is_met(name: str, value: float) -> bool:
    goal = figures.FIGURES[name].goal
    return not goal or value <= float(goal.removeprefix("<= "))


def soak(minutes: float) -> Told:
    """Load for so long, watched; then everything that was sent must be there."""
    with deepgram() as (_stand_in, speech), deployment(**speech) as at:
        return soak_at(at, minutes)


def soak_at(at: Deployment, minutes: float) -> Told:
    """The same on a deployment that is there."""
    lecture = Lecture(at)
    load, watch = Load(lecture), Watch(at)
    ended = len(at.ended)
    end = time.monotonic() + minutes * 60
    pause = max(SHORTEST_PAUSE, minutes * 60 / SAMPLES)
    while time.monotonic() < end:
        watch.look()
        time.sleep(pause)
    load.stop()
    lecture.stop()
    failed = load.failed + Counter({f"{how}, started again": 1 for how in at.ended[ended:]})
    done = load.done + Counter({"line": len(lecture.lines.sent), "file": len(lecture.files.sent)})
    told = Told(minutes, watch, done, failed, lecture.lost())
    lecture.leave()
    return told


def main(minutes: float = WHOLE) -> int:
    told = soak(minutes)
    told.write()
    if minutes >= WHOLE:
        figures.write(told.figures, COMMAND.format(minutes=minutes))
    print(told.markdown)
    return 1 if told.failures else 0


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
