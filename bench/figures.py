"""What is measured, in which unit, and what we want to reach. Names are those of the issues."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LATEST = HERE / "results" / "latest.json"
README = HERE / "README.md"
MARK = "<!-- figures -->"


@dataclass(frozen=True)
class Figure:
    """A thing to measure. ``goal`` is written like ``<= 0.8``; empty where there is none."""

    name: str
    unit: str
    goal: str
    what: str


FIGURES = {
    figure.name: figure
    for figure in (
        Figure("join_cpu_ms", "ms", "<= 0.8", "CPU of web and database for one join that ends with a token"),
        Figure("join_web_cpu_ms", "ms", "", "the web worker's part of it"),
        Figure("requests_per_s", "1/s", "", "joins per second that one web worker answers"),
        Figure("waiting_kb_per_guest", "KB", "<= 30", "memory of the web worker for one of 5,000 who wait"),
        Figure(
            "waiting_lost",
            "people",
            "<= 0",
            "of 5,000 who wait: not woken, or without a token, after the start",
        ),
        Figure(
            "start_wakes_1000_p99_ms",
            "ms",
            "<= 50",
            "start click → 1,000 guests are told that it is time, p99",
        ),
        Figure("start_tokens_1000_s", "s", "<= 2", "start click → the last of 1,000 guests holds a token"),
        Figure(
            "pin_300_cpu_s",
            "s",
            "",
            "CPU of two web workers for 300 students behind one address, asked for the PIN and right",
        ),
        Figure("joins_300_cpu_s", "s", "", "the same for 300 joins where no PIN is set"),
        Figure(
            "room_script_gz_kb",
            "KB",
            "<= 240",
            "gzipped scripts and styles that the room page loads before the call",
        ),
        Figure("prejoin_s", "s", "<= 1.5", "link clicked → prejoin can be used, at 9 Mbit/s and 40 ms"),
        Figure(
            "panic_500_s",
            "s",
            "<= 1",
            "host's panic call → none of 500 (40 of them speaking) may publish; LiveKit's API by protocol",
        ),
        Figure("panic_500_voices_s", "s", "", "… → the last open microphone is taken"),
        Figure("panic_500_answer_s", "s", "", "… → the call's answer"),
        Figure("panic_500_cpu_s", "s", "", "… CPU of the web worker for it"),
        Figure("panic_500_calls", "calls", "", "… calls of LiveKit's API, from one call of the browser"),
        Figure(
            "panic_real_s", "s", "<= 1", "the same with 120 clients (5 speaking) on the real livekit-server"
        ),
        Figure("panic_real_told_s", "s", "", "… → the last client knows"),
        Figure(
            "approve_p99_ms",
            "ms",
            "<= 50",
            "1,000 wait on two workers, one is let in: click → that guest holds the token, p99",
        ),
        Figure("admit_300_s", "s", "<= 1", "300 are let in at once, until the last holds the token"),
        Figure("waiting_held", "people", ">= 10000", "of 10,000 who wait in five rooms: let in, none lost"),
        Figure(
            "requests_per_waiting_guest_minute",
            "1/min",
            "<= 0.1",
            "requests that a guest makes while nothing happens",
        ),
        Figure(
            "upload_1gb_worker_mb",
            "MB",
            "<= 20",
            "memory of a web worker while 1 GB streams through it into the local folder, over idle",
        ),
        Figure(
            "chat_history_page_ms",
            "ms",
            "<= 20",
            "a guest reads 50 lines back in a lecture of 10,000, a tenth private: request, median",
        ),
        Figure(
            "chat_500_cpu_ms_per_line",
            "ms",
            "",
            "500 inside, 40 write 20 lines/s: CPU of web and database for each; LiveKit by protocol",
        ),
        Figure("chat_500_web_cpu_ms_per_line", "ms", "", "… the web worker's part of it"),
        Figure("chat_500_answer_p95_ms", "ms", "", "… → the writer's answer, p95"),
        Figure(
            "chat_500_packets_per_s", "1/s", "", "… packets that LiveKit is asked to send, each to all 500"
        ),
        Figure("chat_p95_ms", "ms", "<= 150", "Enter pressed → the line is drawn in another browser, p95"),
        Figure(
            "caption_publish_p50_ms",
            "ms",
            "",
            "result of the speech provider (by Deepgram's protocol) → drawn in another browser, median",
        ),
        Figure("caption_publish_p95_ms", "ms", "<= 150", "… p95"),
        Figure(
            "caption_offline_median_s",
            "s",
            "<= 1.5",
            "end of a spoken phrase → its last words drawn in another browser; model in the agent",
        ),
        Figure("caption_offline_max_s", "s", "", "… the slowest of twelve"),
        Figure("agent_idle_cpu", "cores", "", "the agent's processes in a lecture where nobody speaks"),
        Figure("agent_idle_mb", "MB", "", "… private memory, with two processes that wait for a lecture"),
        Figure("agent_100_muted_cpu", "cores", "", "… with 100 muted students"),
        Figure("agent_100_muted_mb", "MB", "", "… private memory"),
        Figure("agent_1_speaking_cpu", "cores", "", "… one speaks without a pause, model in the agent"),
        Figure("agent_1_speaking_mb", "MB", "", "… private memory"),
        Figure("agent_4_speaking_cpu", "cores", "", "… four speak at once without a pause"),
        Figure("agent_4_speaking_mb", "MB", "", "… private memory"),
        Figure("agent_cloud_speaking_cpu", "cores", "", "… one speaks, Deepgram (by its protocol) writes"),
        Figure("agent_cloud_speaking_mb", "MB", "", "… private memory"),
        Figure(
            "agent_takeover_s",
            "s",
            "<= 15",
            "the captions' worker is killed with all its processes → another one that waited listens",
        ),
        Figure("agent_restart_s", "s", "", "… → the only worker was started again, and listens"),
        Figure(
            "transcript_ready_s",
            "s",
            "<= 5",
            "end of 90 minutes → their transcript with its files on the lecture's page",
        ),
        Figure("draft_ready_s", "s", "<= 15", "… → the draft of a summary, too"),
        Figure(
            "report_segment_cpu_ms", "ms", "", "CPU of web and database for a report of the agent with a line"
        ),
        Figure("report_segment_web_cpu_ms", "ms", "", "… the web worker's part of it"),
        Figure("report_segment_p95_ms", "ms", "", "… its answer, p95"),
        Figure("report_quiet_cpu_ms", "ms", "", "CPU of web and database for a report without a line"),
        Figure(
            "lecture_page_ttfb_ms",
            "ms",
            "<= 60",
            "page of three hours (2,000 lines, 1,000 of chat, 120 people), for its host: first byte, p95",
        ),
        Figure("lecture_page_queries", "queries", "<= 10", "… questions to the database for it"),
        Figure(
            "lecture_scroll_frame_ms",
            "ms",
            "<= 34",
            "… scrolled on a phone four times slower: time between two pictures (p95)",
        ),
        Figure("lecture_page_kb", "KB", "<= 300", "… with scripts, styles, icons and font, before the rest"),
        Figure("pdf_90min_s", "s", "<= 3", "PDF of 90 minutes: 1,500 lines, 12,000 words, contents"),
        Figure("pdf_3h_s", "s", "<= 8", "PDF of three hours: 2,000 lines and 1,000 of chat, 24,000 words"),
        Figure("pdf_3h_mb", "MB", "<= 400", "… the most memory that its process had"),
        Figure(
            "join_under_exports_ratio",
            "",
            "<= 1.2",
            "p95 of joins while 20 PDFs of 90 minutes are made, over p95 without them",
        ),
        Figure("join_alone_p95_ms", "ms", "", "… without them"),
        Figure("join_under_exports_p95_ms", "ms", "", "… with them"),
        Figure(
            "search_500_lectures_ms",
            "ms",
            "<= 50",
            "search in 500 lectures of 1,500 lines: words, phrases, speakers typed wrong → whole page, p95",
        ),
        Figure("search_500_median_ms", "ms", "", "… the median"),
        Figure("search_500_deep_ms", "ms", "<= 50", "… 45 pages further back, the slowest"),
        Figure(
            "admin_list_ms",
            "ms",
            "<= 100",
            "5,000 people, 2,000 rooms, 200 live lectures: list or search of an admin page, slowest median",
        ),
        Figure("admin_list_median_ms", "ms", "", "… of the list in the middle"),
        Figure("admin_list_queries", "queries", "<= 10", "… the most questions to the database"),
        Figure(
            "recording_cpu_cores",
            "cores",
            "<= 0.4",
            "the recorder's processes in a lecture of 720p, ten moving pictures a second, one voice",
        ),
        Figure("recording_mb", "MB", "", "… private memory, with the process that waits for a lecture"),
        Figure(
            "recording_hour_growth_mb",
            "MB",
            "<= 10",
            "memory of a take after an hour, over that after five minutes (720p, in a clock of its own)",
        ),
        Figure("recording_hour_cpu_s", "s", "", "… CPU for all of it"),
        Figure(
            "recording_ready_s", "s", "<= 10", "end of 90 minutes that are handed over → film on the page"
        ),
        Figure(
            "recording_seek_ms",
            "ms",
            "<= 300",
            "… another second chosen → its picture is there, from the local folder, p95",
        ),
        Figure("recording_seek_median_ms", "ms", "", "… the median"),
        Figure(
            "recording_av_offset_ms",
            "ms",
            "<= 80",
            "three minutes at a real livekit-server: beep after flash, median of the first or last 30 s",
        ),
        Figure("second_start_s", "s", "<= 5", "`make run` on an existing instance → first page"),
        Figure(
            "drill_recovery_max_s",
            "s",
            "<= 5",
            "each part of a large installation killed in a lecture: answers again → all goes on, the slowest",
        ),
        Figure("drill_media_s", "s", "<= 10", "… LiveKit answers again → sound, chat and captions are there"),
        Figure("drill_lost", "", "<= 0", "… lines, captions, files and decisions lost"),
        Figure("drill_lines", "", "", "… lines of chat that were sent"),
        Figure(
            "soak_minutes", "min", "", "joins, waiting, chat, captions, files, lectures, exports for so long"
        ),
        Figure(
            "soak_growth_mb",
            "MB",
            "<= 20",
            "… memory of the part that grew most, from the second quarter to the last (medians)",
        ),
        Figure(
            "soak_open_files",
            "",
            "<= 10",
            "… the same of open files; PostgreSQL's tables once, however many backends have them",
        ),
        Figure("soak_connections", "", "<= 3", "… the same of connections to the database"),
    )
}


def write(values: dict[str, float], command: str) -> None:
    """Put measured values into ``latest.json`` and the table of ``README.md``."""
    known = {row["name"]: row for row in _read()["figures"]}
    for name, value in values.items():
        figure = FIGURES[name]
        known[name] = {
            "name": name,
            "value": round(value, 3),
            "unit": figure.unit,
            "goal": figure.goal,
            "command": command,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    rows = [known[name] for name in FIGURES if name in known]
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps({"machine": machine(), "figures": rows}, indent=1) + "\n", "utf-8")
    _write_table(rows)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }


def _read() -> dict[str, Any]:
    if not LATEST.exists():
        return {"figures": []}
    found: dict[str, Any] = json.loads(LATEST.read_text("utf-8"))
    return found


def _write_table(rows: list[dict[str, Any]]) -> None:
    head = README.read_text("utf-8").split(MARK)[0].rstrip() if README.exists() else "# Figures"
    lines = ["| figure | measured | goal | what |", "|---|---|---|---|"]
    for row in rows:
        figure = FIGURES[row["name"]]
        lines.append(
            f"| `{figure.name}` | {row['value']:g} {figure.unit} | {figure.goal or '–'} | {figure.what} |"
        )
    README.write_text(f"{head}\n\n{MARK}\n" + "\n".join(lines) + "\n", "utf-8")
