"""What the drill has found, in words and figures."""

from __future__ import annotations

import json
import math
import statistics
from typing import TYPE_CHECKING, Any

from bench import figures

if TYPE_CHECKING:
    from bench.drill.__main__ import Outcome
    from bench.drill.lecture import Lecture

FOLDER = figures.HERE / "results"
MOST_RECOVERY, MOST_MEDIA = 5.0, 10.0
# Without LiveKit nobody is in a call: what is seen there comes back with the connections.
THROUGH_LIVEKIT = ("chat", "captions", "media")
KINDS = ("chat", "captions", "media", "door", "decision", "sign-in", "export")
HEAD = """\
# Fault drill

A lecture with two people who speak and write, captions, files and a guarded door, on two webs (three
workers) without sticky sessions, pgbouncer, PostgreSQL with a follower, Redis, S3 and LiveKit, all on one
machine. Each part in turn is killed with `kill -9`, stays away for a while, and is started again. The table
has the seconds from the moment when it answers again until people notice nothing any more. `make drill`
writes this.

- chat: a line that is written then is acknowledged and seen by another
- captions: a line of what is said then is seen
- media: both hear each other
- door: somebody comes, is let in by a host, and learns of it
- decision: somebody has waited since before; a host let them in while the part was away
- sign-in, export: a host signs in; a past lecture is exported by a job

"""


def line(outcome: Outcome) -> str:
    """One outcome on a line of the terminal."""
    took = ", ".join(f"{kind} {_seconds(s)}" for kind, s in outcome.recovered.items())
    without = ", ".join(f"{kind} {_seconds(s)}" for kind, s in outcome.meanwhile.items())
    return f"{outcome.fault.name}: {took}" + (f" (without it: {without})" if without else "")


def _seconds(found: float) -> str:
    return "never" if found < 0 else f"{found:.1f}"


class Told:
    """Everything that is told of a drill; made while the lecture still runs."""

    def __init__(self, outcomes: list[Outcome], lecture: Lecture, ended: list[str]) -> None:
        self.outcomes, self.ended = outcomes, ended
        self.lost = lecture.lost()
        self.doubled = lecture.doubled()
        journals = {
            "chat": lecture.lines,
            "captions": lecture.captions,
            "files": lecture.files,
            "decisions": lecture.decisions,
        }
        self.counts = {kind: self._counted(kind, journal) for kind, journal in journals.items()}
        people = {"Ada": lecture.ada, "Kay": lecture.kay, "who shares": lecture.sharer}
        self.refused = {name: _counts(one.refused) for name, one in people.items()}

    def _counted(self, kind: str, journal: Any) -> dict[str, int]:
        told = journal.acknowledged or journal.seen
        sent = journal.sent or journal.seen
        return {"sent": len(sent), "acknowledged": len(told), "found": len(told) - len(self.lost[kind])}

    # --- figures ----------------------------------------------------------------------

    @property
    def figures(self) -> dict[str, float]:
        return {
            "drill_recovery_max_s": max(map(_recovery, self.outcomes), default=0.0),
            "drill_media_s": max((o.worst(*THROUGH_LIVEKIT) for o in self._livekit), default=0.0),
            "drill_lost": sum(map(len, self.lost.values())),
            "drill_lines": self.counts["chat"]["sent"],
        }

    @property
    def _livekit(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.fault.name == "LiveKit"]

    @property
    def failures(self) -> list[str]:
        """What misses its goal, in words."""
        found = [f"{kind}: {len(lost)} lost, as {lost[0]}" for kind, lost in self.lost.items() if lost]
        found += [f"the line {text!r} stands there twice" for text in self.doubled]
        for one in self.outcomes:
            if _recovery(one) > MOST_RECOVERY:
                found.append(f"{one.fault.name}: {line(one)}")
            if one in self._livekit and one.worst(*THROUGH_LIVEKIT) > MOST_MEDIA:
                found.append(f"{one.fault.name}: {line(one)}")
            missed = [kind for kind, seconds in one.meanwhile.items() if seconds < 0]
            found += [f"{one.fault.name}: {kind} doesn't go on without it" for kind in missed]
        return found

    # --- words ------------------------------------------------------------------------

    @property
    def summary(self) -> str:
        rows = [f"{kind}: {c['sent']} sent, {c['acknowledged']} acknowledged, {c['found']} found"
                for kind, c in self.counts.items()]  # fmt: skip
        rows += [f"missed: {words}" for words in self.failures] or ["every goal is met"]
        return "\n".join([*rows, *self._restarted])

    @property
    def _restarted(self) -> list[str]:
        return [f"ended by itself, and was started again: {words}" for words in self.ended]

    @property
    def markdown(self) -> str:
        rows = ["| killed | at | back | " + " | ".join(KINDS) + " | went on without it |"]
        rows.append("|" + "---|" * (len(KINDS) + 4))
        rows += [self._usual(), *(self._row(one) for one in self.outcomes)]
        rows += ["", "| of | sent | acknowledged | found |", "|---|---|---|---|"]
        rows += [
            f"| {k} | {c['sent']} | {c['acknowledged']} | {c['found']} |" for k, c in self.counts.items()
        ]
        rows += ["", *(f"- missed: {words}" for words in self.failures), *(f"- {w}" for w in self._restarted)]
        return HEAD + "\n".join(rows).rstrip() + "\n"

    def _usual(self) -> str:
        """What the same takes when nothing is wrong: medians."""
        found = {kind: [o.before[kind] for o in self.outcomes if kind in o.before] for kind in KINDS}
        took = [_seconds(statistics.median(found[kind])) if found[kind] else "" for kind in KINDS]
        return "| nothing | | | " + " | ".join(took) + " | |"

    def _row(self, one: Outcome) -> str:
        took = [_seconds(one.recovered[kind]) if kind in one.recovered else "" for kind in KINDS]
        without = ", ".join(f"{kind} ({_seconds(s)} s)" for kind, s in one.meanwhile.items()) or "–"
        name = f"**{one.fault.name}**, {one.fault.what}"
        return f"| {name} | {one.killed:.0f} s | {one.back:.0f} s | " + " | ".join(took) + f" | {without} |"

    @property
    def data(self) -> dict[str, Any]:
        return {
            "machine": figures.machine(),
            "figures": {name: _finite(value) for name, value in self.figures.items()},
            "counts": self.counts,
            "lost": self.lost,
            "doubled": self.doubled,
            "ended_by_themselves": self.ended,
            "refused": self.refused,
            "faults": [
                {
                    "killed": one.fault.name,
                    "at": round(one.killed, 1),
                    "back": round(one.back, 1),
                    "without_it": {k: round(v, 2) for k, v in one.meanwhile.items()},
                    "before": {k: round(v, 2) for k, v in one.before.items()},
                    "recovered": {k: round(v, 2) for k, v in one.recovered.items()},
                }
                for one in self.outcomes
            ],
        }

    def write(self, whole: bool) -> None:
        """The report, and its figures; those of a part of the drill have names of their own."""
        name = "drill" if whole else "drill-part"
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.md").write_text(self.markdown, "utf-8")
        (FOLDER / f"{name}.json").write_text(json.dumps(self.data, indent=1) + "\n", "utf-8")


def _recovery(one: Outcome) -> float:
    """The slowest of what must go on within five seconds."""
    if one.fault.name == "LiveKit":
        return one.worst(*(kind for kind in KINDS if kind not in THROUGH_LIVEKIT))
    return one.worst()


def _finite(value: float) -> float:
    return -1.0 if math.isinf(value) else round(value, 3)


def _counts(words: list[str]) -> dict[str, int]:
    return {one: words.count(one) for one in sorted(set(words))}
