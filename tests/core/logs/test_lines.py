"""Lines of the log: one for each record, whatever is in it, and nothing in it that is nobody's business."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from gunicorn.config import Config

from core.errors import ConfigError, StorageDown
from core.logs import stream
from core.logs.gunicorn_log import GunicornLog
from core.logs.masking import path_of, words_of
from core.logs.stream import Json, Text, Words
from core.logs.system import Handler

Write = Callable[..., str]
NASTY = "a\nERROR b\r\nc\x1b[31m\x85d\u2028e\u202ef\0g"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlc2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root, names = logging.getLogger(), (*stream.OURS, *stream.TALKS)
    kept = list(root.handlers), root.level, {name: logging.getLogger(name).level for name in names}
    # Handlers of pytest would be closed.
    root.handlers = []
    yield
    root.handlers, root.level = kept[0], kept[1]
    for name, level in kept[2].items():
        logging.getLogger(name).setLevel(level)


def started(**variables: str) -> io.StringIO:
    output = io.StringIO()
    stream.start({"AUDIMAX_CONFIG": "", **variables}, stream=output)
    return output


def record(message: Any, *args: Any, error: Exception | None = None, **more: Any) -> logging.LogRecord:
    facts = None if error is None else (type(error), error, error.__traceback__)
    made = logging.LogRecord("core.x", logging.ERROR, "x.py", 1, message, args, facts)
    made.__dict__.update(more)
    return made


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


def test_production_writes_json_and_a_trial_writes_text() -> None:
    assert isinstance(stream.formatter({"AUDIMAX_CONFIG": ""}), Json)
    assert isinstance(stream.formatter({"AUDIMAX_MODE": "embedded"}), Text)


@pytest.mark.parametrize(("chosen", "made"), [("json", Json), ("text", Text)])
def test_the_setting_decides_in_every_mode(chosen: str, made: type) -> None:
    for mode in ("embedded", "production"):
        assert isinstance(stream.formatter({"AUDIMAX_MODE": mode, "AUDIMAX_LOG_FORMAT": chosen}), made)


def test_settings_that_cannot_be_read_still_leave_a_log() -> None:
    assert isinstance(stream.formatter({"AUDIMAX_CONFIG": "/nowhere/audimax.toml"}), Json)


def test_a_line_of_json_has_time_level_logger_message_and_number() -> None:
    output = started()
    logging.getLogger("core.x").warning("hello %s", "Ada", extra={"request_id": "abcdefgh"})
    line = json.loads(output.getvalue())
    assert line["time"].endswith("Z") and len(line["time"]) == len("2026-01-01T00:00:00.000Z")
    assert (line["level"], line["logger"], line["message"]) == ("WARNING", "core.x", "hello Ada")
    assert line["request_id"] == "abcdefgh"


def test_the_level_of_our_own_loggers_is_set_and_libraries_stay_quiet() -> None:
    output = started(AUDIMAX_LOG_LEVEL="debug")
    for name in ("core.x", "plugins.chat", "boto3", "httpx"):
        logging.getLogger(name).debug("a word of %s", name)
        logging.getLogger(name).info("another of %s", name)
    assert output.getvalue().count("a word") == 2 and output.getvalue().count("another") == 2


@pytest.mark.parametrize("formatter", [Text(), Json(), Words()])
def test_nothing_that_is_sent_begins_another_line(formatter: logging.Formatter) -> None:
    for said in (record("%s", NASTY), record(NASTY), record("x", error=raised(StorageDown(NASTY)))):
        line = formatter.format(said)
        # Where an error came from is set in.
        assert all(part.startswith("    ") for part in line.splitlines()[1:])
        assert not set(line) & set("\r\x1b\x85\u2028\u202e\0")


@pytest.mark.parametrize("formatter", [Text(), Json()])
@pytest.mark.parametrize(
    ("said", "secret"),
    [
        (f"token {TOKEN}.", TOKEN),
        ("/reset/Zq3xVt9", "Zq3xVt9"),
        ("GET http://x/invitation/Zq3xVt9?next=1 refused", "Zq3xVt9"),
        ("/account/email/Zq3xVt9", "Zq3xVt9"),
        ("/set-up/Zq3xVt9", "Zq3xVt9"),
        ("/shared/Zq3xVt9", "Zq3xVt9"),
        ("'/r/kxf-pmua-wz'", "kxf-pmua-wz"),
        ("/rtc?access_token=Zq3xVt9", "Zq3xVt9"),
        ("postgresql://audimax:Zq3xVt9@db/audimax", "Zq3xVt9"),
    ],
)
def test_secrets_in_addresses_are_hidden(formatter: logging.Formatter, said: str, secret: str) -> None:
    assert secret not in formatter.format(record("%s", said))
    assert secret not in formatter.format(record(said))


def test_known_secrets_are_hidden_wherever_they_stand() -> None:
    assert Text(["s3cr3t", ""]).said(record("a %s b", "xs3cr3ty")) == "a x…y b"


def test_a_line_is_bounded() -> None:
    assert len(Json().format(record("x" * 1_000_000))) < 6000


def test_of_errors_only_their_kind_and_place_are_told() -> None:
    for error in (ValueError("spoken words"), KeyError("spoken words"), RuntimeError("spoken words")):
        for said in (record("x", error=raised(error)), record("failed: %s", error), record("%r", error)):
            for formatter in (Text(), Json(), Words()):
                line = formatter.format(said)
                assert "spoken" not in line and type(error).__name__ in line
    line = json.loads(Json().format(record("x", error=raised(ValueError("spoken words")))))
    assert line["exception"][0]["at"][-1].startswith("tests/core/logs/test_lines.py:")
    assert line["exception"][0]["at"][-1].endswith(" in raised")


def test_errors_that_are_made_for_admins_keep_their_words() -> None:
    assert words_of(ConfigError("secret_key is not set")) == "ConfigError: secret_key is not set"
    assert words_of(FileNotFoundError(2, "No such file or directory", "/x")).endswith(
        "No such file or directory"
    )
    assert "no attribute" in words_of(AttributeError("'NoneType' object has no attribute 'x'"))


def test_what_an_error_came_of_is_told_too() -> None:
    def fails() -> None:
        try:
            int("spoken words")
        except ValueError as error:
            raise StorageDown("the disk is full") from error

    try:
        fails()
    except StorageDown as error:
        text = Text().format(record("x", error=error))
    assert "StorageDown: the disk is full" in text and "because of ValueError" in text
    assert "spoken" not in text


def test_errors_of_the_database_quote_no_values(app: Any, context: None) -> None:
    from core.db import db

    with pytest.raises(sa.exc.SQLAlchemyError) as caught:
        db.session.execute(sa.text("SELECT CAST(:said AS integer)"), {"said": "spoken words"})
    assert "spoken" not in str(caught.value.orig) or words_of(caught.value) == "DataError: 22P02"
    for formatter in (Text(), Json()):
        assert "spoken" not in formatter.format(record("x", error=caught.value))
    assert "[parameters" not in str(caught.value)


def test_a_record_that_cannot_be_filled_in_doesnt_show_what_with(capsys: Any) -> None:
    assert Text().said(record("%d people", "spoken words")) == "%d people"
    Handler(logging.ERROR).handle(record("%d people", "spoken words"))
    assert "spoken" not in capsys.readouterr().err


def test_jobs_are_named_without_what_they_were_given() -> None:
    job = {"task_name": "core:mail", "id": 7, "call_string": "core:mail[7](to='ada@uni.example')"}
    said = f"Job {job['call_string']} ended with status: Success, lasted 1.000 s - Result: ada@uni.example"
    made = record(said, job=job)
    made.name = "procrastinate.worker"
    assert Text().said(made) == "Job core:mail[7] ended with status: Success, lasted 1.000 s"
    for said, shown in (
        ("Waiting for job to finish: worker: core:mail[7](to='a)@b') (started 1 s ago)", "core:mail[7]"),
        ("Side task x failed with exception: ada@uni.example, stopping worker", "failed"),
    ):
        made = record(said)
        made.name = "procrastinate.worker.worker"
        assert Text().said(made).endswith(shown)


@pytest.mark.parametrize(
    ("rule", "path", "arguments", "shown"),
    [
        ("/rooms/<room_id>", "/rooms/abc", {"room_id": "abc"}, "/rooms/abc"),
        ("/reset/<token>", "/reset/s3cret", {"token": "s3cret"}, "/reset/…"),
        ("/api/rooms/by-code/<code>", "/api/rooms/by-code/kxf", {"code": "kxf"}, "/api/rooms/by-code/…"),
        ("/plugins/x/<ticket>/a", "/plugins/x/s3cret/a", {"ticket": "s3cret"}, "/plugins/x/…/a"),
        (None, "/reset/s3cret/", {}, "/reset/…"),
        (None, "/s3", {}, "/s3"),
    ],
)
def test_paths_are_shown_without_what_lets_people_in(
    rule: str | None, path: str, arguments: dict[str, str], shown: str
) -> None:
    assert path_of(rule, path, arguments) == shown


def test_a_child_process_sends_words_only() -> None:
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    stream.start_in_child()
    line = handler.format(record("the engine failed", error=raised(ValueError("spoken words"))))
    assert line.startswith("the engine failed; ValueError at tests/core/logs/test_lines.py:")


@pytest.mark.parametrize(("form", "goes_to"), [("json", "out"), ("text", "err")])
def test_json_goes_where_machines_look_and_text_where_people_do(
    capsys: pytest.CaptureFixture[str], form: str, goes_to: str
) -> None:
    stream.start({"AUDIMAX_LOG_FORMAT": form})
    logging.getLogger("core.x").warning("the gate is shut")
    said = capsys.readouterr()
    assert "the gate is shut" in getattr(said, goes_to)
    assert said.out == "" or said.err == ""
    assert (goes_to == "out") == (said.out.startswith("{") and json.loads(said.out)["level"] == "WARNING")


@pytest.mark.parametrize(("form", "goes_to"), [("json", "out"), ("text", "err")])
def test_gunicorns_own_lines_go_there_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str, goes_to: str
) -> None:
    monkeypatch.setenv("AUDIMAX_LOG_FORMAT", form)
    GunicornLog(Config()).warning("a worker was late")
    said = capsys.readouterr()
    assert "a worker was late" in getattr(said, goes_to)
    assert said.out == "" or said.err == ""
