"""Kill each part in turn, and write what people noticed of it: bench/results/drill.md and drill.json."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bench import figures
from bench.drill import report
from bench.drill.deployment import Deployment, deployment
from bench.drill.lecture import Lecture, Probe
from bench.speech import deepgram

COMMAND = "make drill"


@dataclass(frozen=True)
class Fault:
    """A part that is killed, and how long it stays away; ``spares``: what goes on meanwhile."""

    name: str
    part: str
    what: str
    away: float = 3.0
    spares: tuple[str, ...] = ()


FAULTS = (
    Fault("worker", "web-a", "one process of a web with several", 0.0),
    Fault("web", "web-a", "one of two webs, master and workers", 8.0, ("chat", "door", "sign-in")),
    Fault("jobs", "jobs", "the only job worker", 8.0, ("chat", "door", "sign-in", "media")),
    Fault(
        "agent", "agent", "the only captions' worker with all its processes", 3.0, ("chat", "door", "media")
    ),
    # Clients give everything up as soon as they can't renew the signalling: media comes back with the gate.
    Fault("gate", "gate", "the gate before LiveKit's signalling", 3.0, ("chat", "door")),
    Fault("Redis", "redis", "counts of tries", 12.0, ("chat", "door", "sign-in", "media", "export")),
    Fault("pgbouncer", "pgbouncer", "the pool before the database", 12.0, ("media",)),
    Fault("PostgreSQL", "postgres", "the database, started again", 12.0, ("media",)),
    Fault("LiveKit", "livekit", "the only media server", 5.0),
    Fault(
        "failover", "postgres", "the database for good; another takes over at a new address", 12.0, ("media",)
    ),
)


@dataclass
class Outcome:
    """Seconds since the drill's begin, and after the return until each thing went on; -1: it never did.

    ``before``: how long the same takes when nothing is wrong.
    """

    fault: Fault
    killed: float = 0.0
    back: float = 0.0
    before: dict[str, float] = field(default_factory=dict)
    meanwhile: dict[str, float] = field(default_factory=dict)
    recovered: dict[str, float] = field(default_factory=dict)

    def worst(self, *kinds: str) -> float:
        """The slowest of these (all, when none is named)."""
        found = [seconds for kind, seconds in self.recovered.items() if not kinds or kind in kinds]
        return float("inf") if -1 in found else max(found, default=0.0)


class Drill:
    """One lecture, and one fault after the other."""

    def __init__(self, at: Deployment, lecture: Lecture) -> None:
        self.at, self.lecture = at, lecture
        self.begun = time.monotonic()
        self.probes: dict[str, Probe] = {
            "chat": lecture.chat,
            "captions": lecture.captions_go_on,
            "media": lecture.media,
            "door": lecture.door_opens,
            "sign-in": lecture.sign_in,
            "export": lecture.export,
        }

    def suffer(self, fault: Fault) -> Outcome:
        """Kill, wait, start again, and see how soon everything goes on."""
        made = Outcome(fault)
        made.before = self._look(tuple(self.probes), time.monotonic())
        waiter = self.lecture.waiter()
        made.killed = self._now()
        self._kill(fault)
        deciding = threading.Thread(target=self.lecture.let_in, args=(waiter,))
        deciding.start()
        away_until = time.monotonic() + fault.away
        made.meanwhile = self._look(fault.spares, time.monotonic())
        time.sleep(max(0.0, away_until - time.monotonic()))
        self._bring_back(fault)
        back = time.monotonic()
        made.back = self._now()

        def decided(since: float) -> bool:
            deciding.join()
            return self.lecture.until_in(waiter)

        made.recovered = self._look(tuple(self.probes), back, {"decision": decided})
        return made

    def _now(self) -> float:
        return time.monotonic() - self.begun

    def _kill(self, fault: Fault) -> None:
        if fault.name == "worker":
            self.at.kill_one_worker(fault.part)
        else:
            self.at.kill(fault.part)

    def _bring_back(self, fault: Fault) -> None:
        if fault.name == "failover":
            self.at.fail_over()
        elif fault.name != "worker":
            self.at.start(fault.part)
            self.at.until_back(fault.part)

    def _look(
        self, kinds: tuple[str, ...], since: float, more: dict[str, Probe] | None = None
    ) -> dict[str, float]:
        """Seconds from that moment until each of these was seen to go on."""
        wanted = {kind: self.probes[kind] for kind in kinds} | (more or {})
        with ThreadPoolExecutor(len(wanted) or 1) as pool:
            running = {kind: pool.submit(_timed, probe, since) for kind, probe in wanted.items()}
            return {kind: one.result() for kind, one in running.items()}


def _timed(probe: Probe, since: float) -> float:
    return time.monotonic() - since if probe(since) else -1.0


def drill(faults: tuple[Fault, ...]) -> report.Told:
    """Everything, from the start of the deployment to its end."""
    with deepgram() as (_stand_in, speech), deployment(**speech) as at:
        return drill_at(at, faults)


def drill_at(at: Deployment, faults: tuple[Fault, ...]) -> report.Told:
    """A lecture, one fault after the other, and what became of it."""
    lecture = Lecture(at)
    course = Drill(at, lecture)
    outcomes = []
    for fault in faults:
        outcomes.append(course.suffer(fault))
        print(report.line(outcomes[-1]), flush=True)
    lecture.stop()
    told = report.Told(outcomes, lecture, at.ended)
    lecture.leave()
    return told


def main(names: list[str]) -> int:
    wanted = tuple(fault for fault in FAULTS if not names or fault.name in names)
    told = drill(wanted)
    told.write(whole=wanted == FAULTS)
    if wanted == FAULTS:
        figures.write(told.figures, COMMAND)
    print(told.summary)
    return 1 if told.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
