"""Lines of programs, alike for web, jobs, gate and agents.

JSON for machines on the standard output, where what collects logs looks for it (12factor.net/logs); text
for people on the error output, which a terminal shows at once.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import IO, Any

from core.config import raw_settings
from core.errors import ConfigError
from core.logs import request_ids, traces
from core.logs.masking import masked, words_of

OURS = ("core", "plugins")
# What else is worth reading while all is well; of other libraries, what goes wrong.
TALKS = {"procrastinate": logging.INFO}
# Of procrastinate's words: arguments of a job end where nobody can tell, results and errors are anything.
FROM_HERE_ON = re.compile(r"(?s)(?<=\d\])\(.*| - Result: .*| with exception: .*")
# What a line may carry beside its words; whoever logs answers for it.
FIELDS = ("plugin", "hook", "method", "path", "status", "ms", "client")


class Line(logging.Formatter):
    """One line for a record: no words of people, no secret, and nothing that begins another line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secret for secret in secrets if secret)

    def said(self, record: logging.LogRecord) -> str:
        return masked(message_of(record), self._secrets)

    def request_id(self, record: logging.LogRecord) -> str:
        return str(getattr(record, "request_id", "") or request_ids.current())


class Text(Line):
    """For people; where an error came from follows in lines that are set in."""

    def format(self, record: logging.LogRecord) -> str:
        number = self.request_id(record)
        line = f"{_moment(record)} {record.levelname} {record.name}: {self.said(record)}"
        if number:
            line += f" [{number}]"
        return "\n".join([line, *_set_in(_error(record))])


class Json(Line):
    """For machines: one object on a line."""

    def format(self, record: logging.LogRecord) -> str:
        made: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": self.said(record),
        }
        if number := self.request_id(record):
            made["request_id"] = number
        made |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        if errors := _error(record):
            made["exception"] = [{"error": words, "at": at} for words, at in errors]
        return json.dumps(made, default=str)


class Words(Line):
    """For a process whose lines another one writes, and which sends no errors, only words."""

    def format(self, record: logging.LogRecord) -> str:
        errors = [f"{words} at {at[-1] if at else 'an unknown place'}" for words, at in _error(record)]
        return "; ".join([self.said(record), *errors])


def start(
    environ: Mapping[str, str] | None = None, *, secrets: Iterable[str] = (), stream: IO[str] | None = None
) -> None:
    """Log from now on, as the settings say; what was set up before is replaced."""
    environ = os.environ if environ is None else environ
    line = formatter(environ, secrets)
    handler = logging.StreamHandler(stream or output_of(line))
    handler.setFormatter(line)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name, level in {**TALKS, **dict.fromkeys(OURS, level_of(environ))}.items():
        logging.getLogger(name).setLevel(level)


def start_for_commands() -> None:
    """For programs that people run and wait for: what goes wrong, in words."""
    if not logging.getLogger().handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Text())
        logging.basicConfig(level=logging.WARNING, handlers=[handler])


def start_in_child() -> None:
    """In a process that hands its records on: they are words already when they leave it."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(Words())


def formatter(environ: Mapping[str, str], secrets: Iterable[str] = ()) -> Line:
    """Text or JSON: ``log_format``, and where that leaves it open, text beside `audimax run`."""
    try:
        given = raw_settings(environ)
    except ConfigError:
        # Whoever reads the settings next says what is wrong with them.
        given = {}
    chosen = given.get("log_format") or "auto"
    if chosen == "auto":
        chosen = "text" if given.get("mode") == "embedded" else "json"
    return Text(secrets) if chosen == "text" else Json(secrets)


def output_of(line: Line) -> IO[str]:
    """Where such lines go."""
    return sys.stdout if isinstance(line, Json) else sys.stderr


def level_of(environ: Mapping[str, str]) -> int:
    """What `AUDIMAX_LOG_LEVEL` asks for of our own loggers; info for what is no level."""
    known = logging.getLevelNamesMapping()
    return known.get((environ.get("AUDIMAX_LOG_LEVEL") or "info").upper(), logging.INFO)


def message_of(record: logging.LogRecord) -> str:
    """The words of a record; errors that are named in them say only what they may."""
    if record.name.partition(".")[0] == "procrastinate":
        return _of_a_job(record)
    if record.name == "asyncio":
        # Below its first line it shows objects with all that is in them.
        return record.getMessage().partition("\n")[0]
    try:
        return _filled_in(record)
    except Exception:
        # A line that can't be filled in is no reason to print what it was to be filled with.
        return str(record.msg)


def _filled_in(record: logging.LogRecord) -> str:
    if isinstance(record.msg, BaseException):
        return words_of(record.msg)
    if isinstance(record.args, tuple) and record.args:
        return str(record.msg) % tuple(map(_shown, record.args))
    return record.getMessage()


class _Words:
    def __init__(self, words: str) -> None:
        self._words = words

    def __str__(self) -> str:
        return self._words

    __repr__ = __str__


def _shown(argument: Any) -> Any:
    return _Words(words_of(argument)) if isinstance(argument, BaseException) else argument


def _of_a_job(record: logging.LogRecord) -> str:
    """Its arguments can be anything: an address, a link. Its name and number do."""
    said, job = record.getMessage(), getattr(record, "job", None)
    if isinstance(job, dict):
        said = said.replace(str(job.get("call_string")), f"{job.get('task_name')}[{job.get('id')}]")
    return FROM_HERE_ON.sub("", said)


def _error(record: logging.LogRecord) -> list[tuple[str, list[str]]]:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return []
    return [(words_of(one), traces.places(one)) for one in traces.chain(error)]


def _set_in(errors: list[tuple[str, list[str]]]) -> list[str]:
    lines: list[str] = []
    for number, (words, at) in enumerate(errors):
        lines.append(f"    {'because of ' if number else ''}{words}")
        lines += [f"      {place}" for place in at]
    return lines


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
