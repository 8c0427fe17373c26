"""The recorder's reports and pieces: what is taken, from whom, and how often."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest

from core.db import db, now
from core.errors import StorageDown
from core.files.local import LocalStorage
from core.files.models import StoredFile
from plugins.recording import internal
from plugins.recording.models import LectureRecording, Piece
from tests.plugins.recording.conftest import Recorder, Somebody

WEBM = internal.EBML + b"and so on"


@pytest.fixture
def begun(host: Somebody, recorder: Recorder) -> Recorder:
    """A recorder that records."""
    host.press("start", queue=False)
    recorder.report()
    return recorder


def kept(app: Any) -> list[tuple[str, int, int]]:
    with app.app_context():
        rows = db.session.query(Piece).order_by(Piece.run, Piece.number)
        return [(one.run, one.number, one.stored.size) for one in rows]


# --- who reports ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["wrong", "Bearer", "x" * 64])
def test_a_wrong_key_is_refused(begun: Recorder, key: str) -> None:
    assert begun.try_to_report(key=key).status_code == 401
    assert begun.put(0, WEBM, key=key).status_code == 401


def test_the_key_of_another_lecture_is_refused(begun: Recorder, new_host: Any, recorder_of: Any) -> None:
    other = recorder_of(new_host())
    assert begun.try_to_report(key=other.key).status_code == 401
    assert begun.put(0, WEBM, key=other.key).status_code == 401


def test_people_cannot_report(host: Somebody, begun: Recorder) -> None:
    address = f"/api/internal/lectures/{begun.lecture}/recording/report"
    body = {"run": begun.run, "state": "recording"}
    assert host.client.post(address, json=body).status_code == 401


@pytest.mark.parametrize(
    "more",
    [
        {"state": "dancing"},
        {"run": "short"},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"code": "unknown"},
        {"unheard": [[1, 2, 3]]},
        {"unheard": [[1, 9e99]]},
        {"unheard": [[1, 2]] * (internal.MOST_TURNS + 1)},
        {"waited": -1},
        {"policy": "x" * 41},
        {"more": 1},
    ],
)
def test_reports_that_make_no_sense_are_refused(begun: Recorder, more: dict[str, Any]) -> None:
    assert begun.try_to_report(**more).status_code == 422


def test_one_recorder_counts_and_another_takes_over_when_it_is_silent(
    app: Any, begun: Recorder, late: Any
) -> None:
    second = begun.again("run-number-two")
    assert second.report("starting")["wait"], "the first may only have been cut off from us"
    assert second.report("starting", waited=3)["leave"], "the first has just reported"
    assert not begun.report()["leave"]
    late(heard_at=now() - timedelta(seconds=8))
    assert second.report("starting")["wait"]
    orders = second.report("starting", waited=3)
    assert not (orders["leave"] or orders["wait"])
    assert begun.report()["leave"], "who was replaced doesn't come back"
    with app.app_context():
        assert db.session.query(LectureRecording).one().runs == [begun.run, second.run]


def test_turns_of_all_runs_are_kept(app: Any, begun: Recorder, late: Any) -> None:
    begun.report(unheard=[[10, 12]])
    begun.report(unheard=[[10, 12], [20, 21], [30, 30]])
    late(heard_at=now() - timedelta(seconds=8))
    begun.again("run-number-two").report(waited=3, unheard=[[40, 41]])
    with app.app_context():
        assert db.session.query(LectureRecording).one().unheard == [[0, 10, 12], [0, 20, 21], [1, 40, 41]]


def test_a_recorder_that_nobody_wants_leaves(host: Somebody, recorder: Recorder) -> None:
    assert recorder.report("starting")["leave"]
    host.press("start", queue=False)
    recorder.report()
    host.press("stop")
    assert recorder.report()["leave"]


# --- pieces ---------------------------------------------------------------------------------


def test_a_piece_is_kept_once_however_often_it_comes(app: Any, begun: Recorder) -> None:
    for _ in range(3):
        assert begun.put(0, WEBM).status_code == 204
    assert begun.put(1, WEBM + b"more").status_code == 204
    assert kept(app) == [(begun.run, 0, len(WEBM)), (begun.run, 1, len(WEBM) + 4)]
    with app.app_context():
        assert db.session.query(StoredFile).count() == 2


def test_pieces_are_no_files_for_people(app: Any, host: Somebody, come: Any, begun: Recorder) -> None:
    begun.put(0, WEBM)
    with app.app_context():
        public_id = db.session.query(StoredFile).one().public_id
    assert come().client.get(f"/files/{public_id}").status_code == 404


@pytest.mark.parametrize(
    ("number", "body", "status"),
    [
        (0, b"", 422),
        (0, b"<html>", 422),
        (internal.MOST_PIECES, WEBM, 422),
        (0, WEBM + bytes(internal.LARGEST_PIECE), 413),
    ],
)
def test_what_is_no_piece_is_refused(
    app: Any, begun: Recorder, number: int, body: bytes, status: int
) -> None:
    assert begun.put(number, body).status_code == status
    assert kept(app) == []


def test_a_run_that_nobody_knows_hands_nothing_over(begun: Recorder) -> None:
    assert begun.again("run-of-a-stranger").put(0, WEBM).status_code == 404


def test_pieces_come_also_after_the_stop(app: Any, host: Somebody, begun: Recorder) -> None:
    host.press("stop")
    assert begun.put(0, WEBM).status_code == 204


def test_a_finished_recording_takes_no_more(begun: Recorder, late: Any) -> None:
    late(outcome="done")
    assert begun.put(0, WEBM).status_code == 410


def test_a_full_storage_keeps_nothing_and_is_asked_again(
    app: Any, begun: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(self: LocalStorage, key: str, body: BytesIO, mime: str) -> None:
        raise StorageDown("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "save", is_full)
        assert begun.put(0, WEBM).status_code == 503
    assert kept(app) == []
    assert begun.put(0, WEBM).status_code == 204


def test_a_deleted_lecture_takes_nothing(app: Any, host: Somebody, begun: Recorder, lecture_of: Any) -> None:
    with app.app_context():
        lecture = lecture_of(host)
        lecture.ended_at = lecture.deleted_at = now()
        db.session.commit()
    assert begun.put(0, WEBM).status_code == 401
    assert begun.try_to_report().status_code == 401
