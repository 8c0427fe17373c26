"""Writes the plan of what a machine carries, from what was measured: `python -m docs.capacity`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from bench import figures
from core.config import Config
from core.engine.settings import fields

PAGE = Path(__file__).with_name("capacity.md")

# What is asked of it. Nobody has measured these: change them to what your house does.
LECTURES, PEOPLE = 1000, 100
ARRIVE_MINUTES = 10
LINE_EVERY = 10.0
SENTENCE_EVERY = 3.6
REPORT_EVERY = 2.5
EXPORTED = 0.2
CAMERA_MBIT, VOICE_KBIT = 1.7, 40
MACHINE = 16
# A second, while everybody comes.
JOINS = LECTURES * PEOPLE / ARRIVE_MINUTES / 60
LINES = LECTURES / LINE_EVERY


class Plan:
    """Figures by name, and what follows from them. Every number that is shown names its figure."""

    def __init__(self, measured: dict[str, Any]) -> None:
        self._rows = {row["name"]: row for row in measured["figures"]}
        self.machine = measured["machine"]

    def of(self, name: str) -> float:
        return float(self._rows[name]["value"])

    def __getitem__(self, name: str) -> str:
        return self.told(name)

    def told(self, name: str) -> str:
        """The figure as it was measured."""
        row = self._rows[name]
        return f"{_number(row['value'])} {row['unit']} (`{name}`)".replace("  ", " ")

    # --- what one core carries --------------------------------------------------------

    @property
    def one_core(self) -> list[tuple[str, str, str]]:
        pin = (self.of("pin_300_cpu_s") - self.of("joins_300_cpu_s")) / 300 * 1000
        join, line = self.of("join_cpu_ms"), self.of("chat_500_cpu_ms_per_line")
        return [
            ("joins", f"{1000 / join:.0f} a second", self.told("join_cpu_ms")),
            (
                "joins with a PIN",
                f"{1000 / (join + pin):.0f} a second",
                f"{self.told('pin_300_cpu_s')} less {self.told('joins_300_cpu_s')} for 300, and the join",
            ),
            (
                "people who wait",
                f"what memory holds: {2**20 / self.of('waiting_kb_per_guest'):,.0f} in a gigabyte; "
                f"{self.streams} on a worker by default",
                f"{self.told('waiting_kb_per_guest')}, {self.told('requests_per_waiting_guest_minute')}",
            ),
            ("lines of chat", f"{1000 / line:.0f} a second", self.told("chat_500_cpu_ms_per_line")),
            (
                "lectures with captions, at the web",
                f"{1000 / self._captions_ms:.0f}",
                f"{self.told('report_segment_cpu_ms')} a report: one with each sentence, and one every "
                f"{REPORT_EVERY:g} s without",
            ),
            (
                "lectures with captions, at the assistant",
                f"{1 / self.of('agent_1_speaking_cpu'):.1f} with our own model",
                self.told("agent_1_speaking_cpu"),
            ),
            (
                "recordings",
                f"{1 / self.of('recording_cpu_cores'):.1f}",
                self.told("recording_cpu_cores"),
            ),
            ("exports as PDF", f"{60 / self.of('pdf_90min_s'):.0f} a minute", self.told("pdf_90min_s")),
        ]

    @property
    def streams(self) -> int:
        return int(str(fields(Config)["streams_per_worker"].default))

    @property
    def _captions_ms(self) -> float:
        """Of web and database, in each second of a lecture in which somebody speaks: at the most."""
        return self.of("report_segment_cpu_ms") * (1 / REPORT_EVERY + 1 / SENTENCE_EVERY)

    # --- what many lectures need ------------------------------------------------------

    @property
    def many(self) -> list[tuple[str, str, str]]:
        people = LECTURES * PEOPLE
        captions = LECTURES * self._captions_ms / 1000
        waiting = people * self.of("waiting_kb_per_guest") / 2**20
        exports = LECTURES * EXPORTED * self.of("pdf_90min_s") / 60
        return [
            ("everybody comes", f"{JOINS:.0f} joins a second", self._cores(JOINS * self.of("join_cpu_ms"))),
            (
                "everybody waits for the host",
                f"{people:,} streams: {waiting:.1f} GB",
                f"{self.waiting_workers} workers",
            ),
            ("chat", f"{LINES:.0f} lines a second", self._cores(LINES * self.of("chat_500_cpu_ms_per_line"))),
            ("captions, at web and database", f"{LECTURES:,} speak", f"{captions:.1f} cores"),
            (
                "captions, at the assistant",
                f"our own model; {self._gb('agent_1_speaking_mb')} at most",
                f"{LECTURES * self.of('agent_1_speaking_cpu'):,.0f} cores",
            ),
            (
                "recordings of all",
                f"{self._gb('recording_mb')} at most",
                f"{LECTURES * self.of('recording_cpu_cores'):,.0f} cores",
            ),
            (
                "exports of a fifth, within an hour",
                f"{LECTURES * EXPORTED:.0f} PDFs",
                f"{exports / 60:.2f} cores",
            ),
        ]

    def _cores(self, milliseconds_a_second: float) -> str:
        return f"{milliseconds_a_second / 1000:.1f} cores"

    def _gb(self, name: str) -> str:
        return f"{LECTURES * self.of(name) / 1024:,.0f} GB"

    @property
    def both_cores(self) -> float:
        """Of web and database, for everything at the same moment."""
        joins, lines = JOINS * self.of("join_cpu_ms"), LINES * self.of("chat_500_cpu_ms_per_line")
        return (joins + lines + LECTURES * self._captions_ms) / 1000

    @property
    def database_cores(self) -> float:
        """PostgreSQL's part of it, which is one machine's, if it is everywhere what it is of a join."""
        return self.both_cores * (1 - self.of("join_web_cpu_ms") / self.of("join_cpu_ms"))

    @property
    def workers(self) -> int:
        """Of the web: everybody can wait at once, and each has its core for half of the time."""
        return max(self.waiting_workers, math.ceil((self.both_cores - self.database_cores) * 2))

    @property
    def waiting_workers(self) -> int:
        return math.ceil(LECTURES * PEOPLE / self.streams)

    @property
    def media_gbit(self) -> float:
        each = CAMERA_MBIT + VOICE_KBIT / 1000
        return LECTURES * (PEOPLE - 1) * each / 1000


def page(plan: Plan) -> str:
    """The whole page."""
    database = plan.database_cores
    web = plan.both_cores - database
    return PROSE.format(
        cores=plan.machine["cores"],
        system=plan.machine["system"],
        one_core=_table(("of", "one core carries", "from"), plan.one_core),
        many=_table(("while", "that is", "and needs"), plan.many),
        lectures=f"{LECTURES:,}",
        people=PEOPLE,
        arrive=ARRIVE_MINUTES,
        line_every=f"{LINE_EVERY:g}",
        sentence_every=f"{SENTENCE_EVERY:g}",
        web=f"{web:.1f}",
        database=f"{database:.1f}",
        machine=MACHINE,
        machines=math.ceil(web / (MACHINE / 2)) + 1,
        most=f"{LECTURES * MACHINE / database:,.0f}",
        media=f"{plan.media_gbit:,.0f}",
        camera=f"{CAMERA_MBIT:g}",
        voice=VOICE_KBIT,
        own=f"{LECTURES * plan.of('agent_1_speaking_cpu'):,.0f}",
        told=plan,
        workers=plan.workers,
        streams=f"{plan.streams:,}",
    )


PROSE = """\
# What a machine carries

<!-- Written by `python -m docs.capacity` from bench/results/latest.json; measure anew, don't change this
page. -->

A plan from figures of our own benches ([bench/README.md](../bench/README.md)) on {cores} cores ({system}).
Each number that was measured names its figure; what isn't measured says so. Your processors, disks and people
are others: run `make bench` there, and `python -m docs.capacity` writes this page anew.

## One core

Of web and database together, where nothing else is said, busy all the time. Plan with half of it: people come
at the full hour, all at once.

{one_core}

One web worker (a process, one core) answers joins at {told[requests_per_s]}. Of a thousand who wait
everybody is told in {told[start_wakes_1000_p99_ms]} that it begins, and has a token after
{told[start_tokens_1000_s]}. Two workers on this machine, beside their own load client, held
{told[waiting_held]} who waited.

## {lectures} lectures of {people} people

We assume: everybody comes within {arrive} minutes; each lecture has a line of chat every {line_every}
seconds, and somebody who speaks all the time, a sentence every {sentence_every} seconds; a fifth is
exported within an hour afterwards. Captions and recordings are needed for those lectures only that have
them: divide as your house does.

{many}

A line of chat is taken at what it costs in a hall of 500; in a lecture of {people} it is cheaper.

All of that at the same moment, without the assistant and recordings, is {web} cores of the web and
{database} of PostgreSQL, if the database's share is everywhere what it is of a join
({told[join_web_cpu_ms]} of {told[join_cpu_ms]} are the web's). As machines of {machine} cores that are
planned at half their power:

- {machines} for the web, one of which may fail, with {workers} workers in all, each of which takes
  {streams} streams by default (`streams_per_worker`);
- one for PostgreSQL with another one that follows it, behind pgbouncer. Each worker of the web and of jobs
  holds one connection past pgbouncer, so `max_connections` must be above {workers}, and up to 30 through
  it;
- two small ones for jobs, Redis, and S3;
- the assistant's and the recorder's, as many as the table says; LiveKit's, as below.

## Where the walls are

In the order in which they come:

1. **Media.** Not measured by us, reckoned: a lecturer's camera of {camera} Mbit/s and a voice of {voice}
   kbit/s, sent to everybody else, is {media} Gbit/s for all lectures. LiveKit spreads lectures over nodes
   (with Redis); one lecture lives on one node. Take LiveKit's own benchmarks for its machines, and plan
   their network first.
2. **Captions and recordings.** {own} cores with our own model, if every lecture has captions; what is left
   of that with a provider was not measured. They are programs without state on machines of their own: this
   wall is one of money.
3. **PostgreSQL.** All lectures write into one: {database} of its cores at the worst moment, as reckoned
   above. With {machine} cores its processors would be full at some {most} such lectures. That is the next
   wall of the software itself, for this load can't be spread over machines. What helps before: captions for
   fewer lectures, then a second installation with a database of its own. How fast its disk confirms commits
   was not measured.
4. **The web** has no wall that we know: workers and machines are added, nothing is sticky. What one lecture
   costs grows with its people. A hall of 500 was measured: a line is answered within
   {told[chat_500_answer_p95_ms]}, a panic call has silenced everybody after {told[panic_500_s]}. More than
   500 in one lecture was not.

What happens when a part dies `make drill` measures (into `bench/results/drill.md`), and whether all
stays as it is over hours `make soak`.
"""


def _table(head: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> str:
    return "\n".join(
        [f"| {' | '.join(head)} |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    )


def _number(value: float) -> str:
    return f"{value:,g}" if abs(value) >= 1000 else f"{value:g}"


def read() -> Plan:
    """The plan from what was measured last."""
    return Plan(json.loads(figures.LATEST.read_text("utf-8")))


def write() -> None:
    PAGE.write_text(page(read()), "utf-8")


if __name__ == "__main__":
    write()
