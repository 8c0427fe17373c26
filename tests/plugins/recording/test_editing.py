"""Hosts cut passages out of a recording, take that back, set chapters; readers download what they may."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest
import sqlalchemy as sa
from flask import Flask

from core.contracts import Audience
from core.db import db, now
from core.errors import StorageDown
from core.files.local import LocalStorage
from core.files.models import State, StoredFile
from core.lectures.cuts import passages_of
from core.lectures.models import Lecture
from core.models import AuditEntry
from core.retention import runs
from plugins.recording import jobs, joining, models
from plugins.recording.made import Made
from plugins.recording.models import LectureRecording
from plugins.recording.passages import Kept
from plugins.recording.recorder.finishing import Piece, finish
from plugins.recording.recutting import moved
from tests.core.lectures.test_sharing import forbid
from tests.fixtures.working import work_off
from tests.plugins.recording.conftest import Recorder, Somebody
from tests.plugins.recording.recorder import lectures

LENGTH = 22.0
# Of a film that begins an hour minus fifty minutes after its lecture: see `bodies`.
BEGINS = 600.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A recording of 22 seconds, which begins ten minutes after the lecture."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lectures, "WALL", time.time() - 3000)
        made = lectures.Lecture()
        made.run(LENGTH, lectures.Speaker())
        pieces = [Piece("0", number, one.body) for number, one in enumerate(made.end())]
    path = tmp_path_factory.mktemp("film") / "film.webm"
    facts = finish(pieces, path).as_json()
    return Made(path, json.loads(json.dumps(facts)), "video/webm")


class Desk:
    """The page on which hosts edit, as it asks the server."""

    def __init__(self, app: Flask, host: Somebody, lecture: str) -> None:
        self.app, self.host, self.lecture = app, host, lecture

    def ask(self, method: str, path: str, body: Any = None, who: Any = None) -> Any:
        address = f"/api/lectures/{self.lecture}/recording{path}"
        return (who or self.host.client).open(address, method=method, json=body)

    @property
    def state(self) -> Any:
        answer = self.ask("GET", "/edit")
        assert answer.status_code == 200, answer.text
        return answer.json

    def cut(self, *passages: tuple[float, float], version: int | None = None) -> Any:
        chosen = self.state["version"] if version is None else version
        return self.ask("PUT", "/cuts", {"version": chosen, "cuts": passages})

    def set(self, chapters: list[tuple[float, str]] | None) -> Any:
        return self.ask("PUT", "/chapters", {"version": self.state["version"], "chapters": chapters})

    def work(self) -> None:
        """What the job does that was asked for."""
        with self.app.app_context():
            context = SimpleNamespace(job=SimpleNamespace(attempts=0))
            jobs.cut(context, db.session.query(Lecture).one().id)

    def run(self) -> None:
        """The same through the queue."""
        work_off(self.app)

    def hurry(self) -> None:
        """What waits for another try is tried at once."""
        with self.app.app_context():
            db.session.execute(
                sa.text("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")
            )
            db.session.commit()

    def page(self, client: Any = None) -> str:
        answer = (client or self.host.client).get(f"/lectures/{self.lecture}")
        assert answer.status_code == 200
        return str(answer.text)

    @property
    def row(self) -> dict[str, Any]:
        with self.app.app_context():
            found = db.session.query(LectureRecording).one()
            return {c.name: getattr(found, c.name) for c in LectureRecording.__table__.columns}

    def file(self, key: int) -> StoredFile:
        with self.app.app_context():
            found = db.session.get_one(StoredFile, key)
            db.session.refresh(found)
            db.session.expunge(found)
            return found

    @property
    def passages(self) -> Any:
        with self.app.app_context():
            return passages_of(db.session.query(Lecture).one())


@pytest.fixture
def desk(app: Flask, host: Somebody, film: Made, lecture_of: Any) -> Desk:
    """A lecture that is over, and its finished recording."""
    with app.app_context():
        lecture = lecture_of(host)
        lecture.ended_at = now()
        recording = models.locked(lecture)
        recording.outcome, recording.facts = models.Outcome.DONE.value, film.facts
        recording.video_id = joining.keep_video(lecture, film, Audience.EVERYONE).id
        joining.note(recording, joining.keep_what_belongs(lecture, film, Audience.EVERYONE))
        db.session.commit()
        return Desk(app, host, lecture.public_id)


def length_of(body: bytes) -> float:
    with av.open(BytesIO(body)) as file:
        return (file.duration or 0) / 1_000_000


# --- cutting ----------------------------------------------------------------------------


def test_what_is_cut_is_gone_from_the_film_and_the_lecture(desk: Desk, come: Any) -> None:
    before = desk.row
    address = f"/files/{desk.file(before['video_id']).public_id}"
    found = desk.state
    assert (found["state"], found["cuts"], "undo_until" in found) == ("ready", [], False)
    assert found["length"] == pytest.approx(LENGTH, abs=0.1) and found["url"] == address
    answer = desk.cut((3, 6))
    assert (answer.status_code, answer.json["state"]) == (200, "cutting")
    # Nobody sees it meanwhile, whatever address they know.
    assert "The recording is being cut" in desk.page() and "film-stage" not in desk.page()
    assert desk.host.client.get(address).status_code == 404
    ((since, until),) = desk.passages
    assert since == pytest.approx(BEGINS + 3, abs=300) and until - since == pytest.approx(3)
    desk.work()
    after = desk.row
    assert (after["edit"], after["original_id"], after["cuts"]) == ("", before["video_id"], [[3, 6]])
    # It goes on at a key frame, one every five seconds.
    assert 22 - 3 - 5.2 < after["facts"]["duration"] < 22 - 2.9
    assert len(after["facts"]["spans"]) == 2
    assert desk.page().count("film-stage") == 1
    video = desk.file(after["video_id"])
    body = desk.host.client.get(f"/files/{video.public_id}").data
    assert length_of(body) == pytest.approx(after["facts"]["duration"], abs=0.1)


def test_the_uncut_film_is_for_hosts_only_while_it_is_kept(app: Flask, desk: Desk, come: Any) -> None:
    desk.cut((3, 6))
    desk.work()
    original = desk.file(desk.row["original_id"])
    guest = app.test_client()
    assert (original.audience, desk.state["url"]) == ("hosts", f"/files/{original.public_id}")
    assert desk.host.client.get(f"/files/{original.public_id}").status_code == 200
    assert guest.get(f"/files/{original.public_id}").status_code == 404
    assert original.public_id not in desk.page()


def test_a_cut_is_changed_and_taken_back(desk: Desk) -> None:
    first = desk.row["video_id"]
    audience = desk.file(first).audience
    desk.cut((3, 6))
    desk.work()
    second = desk.row["video_id"]
    desk.cut((0, 4), (15, LENGTH))
    desk.work()
    third = desk.row
    assert third["original_id"] == first and third["video_id"] not in (first, second)
    assert desk.file(second).state == State.GONE
    assert third["facts"]["duration"] == pytest.approx(10, abs=0.2)
    assert desk.state["undo_until"] is not None
    desk.cut()
    assert desk.passages == ()
    desk.work()
    last = desk.row
    assert (last["video_id"], last["original_id"], last["cuts"], last["edit"]) == (first, None, [], "")
    assert last["facts"]["duration"] == pytest.approx(LENGTH, abs=0.1)
    assert desk.file(first).audience == audience and desk.file(third["video_id"]).state == State.GONE
    assert "undo_until" not in desk.state


def test_times_of_the_film_still_fit_those_of_the_lecture(desk: Desk) -> None:
    began = desk.row["facts"]["spans"][0]["began_at"]
    desk.cut((3, 6))
    desk.work()
    head, tail = desk.row["facts"]["spans"]
    assert (head["start"], head["began_at"]) == (0, began) and head["end"] == pytest.approx(3, abs=0.01)
    # Ten seconds of the old film is what it was.
    assert tail["start"] == head["end"] and tail["began_at"] - began in desk.state["keys"]
    assert tail["began_at"] - began + tail["end"] - tail["start"] == pytest.approx(LENGTH, abs=0.1)


def test_what_is_missing_at_the_end_stays_there_unless_the_end_is_cut() -> None:
    facts = {"spans": [], "gaps": [{"at": 20.0, "seconds": 60.0}]}
    parts = [Kept(0.0, 5.0, 0.0), Kept(8.0, 20.0, 5.0)]
    assert moved(facts, parts)["gaps"] == [{"at": 17.0, "seconds": 60.0}]
    assert moved(facts, [Kept(0.0, 15.0, 0.0)])["gaps"] == []


def test_saying_the_same_again_changes_nothing(desk: Desk) -> None:
    desk.cut((3, 6))
    desk.work()
    before = desk.row
    assert desk.cut((3, 6)).status_code == 200
    assert desk.row == before


def test_the_uncut_film_goes_when_the_rule_says_so(app: Flask, desk: Desk, late: Any) -> None:
    first = desk.row["video_id"]
    desk.cut((3, 6))
    desk.work()
    late(cut_at=now() - timedelta(days=29, hours=23))
    with app.app_context():
        jobs.forget_originals(0)
    assert desk.row["original_id"] == first
    late(cut_at=now() - timedelta(days=30, minutes=1))
    with app.app_context():
        jobs.forget_originals(0)
    desk.work()
    after = desk.row
    assert (after["original_id"], after["original_facts"], after["cuts"], after["cut_at"]) == (
        None,
        None,
        [],
        None,
    )
    assert desk.file(first).state == State.GONE
    assert [two for _since, _until, two in _cuts(app)] == [1]
    # From now on it is cut as it is.
    state = desk.state
    assert "undo_until" not in state and state["length"] == after["facts"]["duration"]
    desk.cut((0, 1))
    desk.work()
    assert len(desk.passages) == 2


def test_when_a_films_time_is_over_what_was_cut_stays_out_of_the_lecture(app: Flask, desk: Desk) -> None:
    desk.cut((3, 6))
    desk.run()
    before, passages, long_ago = desk.row, desk.passages, timedelta(days=91)
    with app.app_context():
        lecture = db.session.query(Lecture).one()
        lecture.started_at, lecture.ended_at = lecture.started_at - long_ago, now() - long_ago
        db.session.commit()
        assert not runs.is_there_work()
    forbid(app, keep_recordings_days=90)
    with app.app_context():
        run = runs.begin().id
        db.session.commit()
        runs.work_off(run)
        found = runs.numbers_of(run)["recordings"]
        assert found["lectures"] == 1 and found["files"] >= 2
        assert db.session.query(LectureRecording).count() == 0
    desk.run()
    assert {desk.file(before[name]).state for name in ("video_id", "original_id")} == {State.GONE}
    assert [final for _since, _until, final in _cuts(app)] == [1]
    assert desk.passages == passages
    assert "film-stage" not in desk.page()


def _cuts(app: Flask) -> list[list[int]]:
    with app.app_context():
        return db.session.query(Lecture).one().cuts


class TestAtOnce:
    @pytest.fixture
    def recording_settings(self) -> dict[str, Any]:
        return {"keep_original_days": 0}

    def test_an_institution_may_keep_nothing(self, app: Flask, desk: Desk) -> None:
        first = desk.row["video_id"]
        desk.cut((3, 6))
        desk.work()
        assert desk.row["original_id"] is None and desk.file(first).state == State.GONE
        assert [good for _since, _until, good in _cuts(app)] == [1]


@pytest.mark.parametrize(
    ("passages", "code", "words"),
    [
        ([(0, LENGTH)], "nothing_left", "Nothing of the recording would remain"),
        ([(5, 8), (7, 9)], "order", "Passage 2 begins (0:07) before the one above it ends"),
        ([(12, 15), (1, 2)], "order", "Passage 2 begins (0:01)"),
        ([(9, 3)], "backwards", "Passage 1 ends before it begins: 0:09 to 0:03"),
        ([(4, 4)], "backwards", "Passage 1 ends before it begins"),
        ([(1, 2), (20, 60)], "after", "Passage 2 goes on to 1:00, after the end"),
    ],
)
def test_cuts_that_make_no_sense_are_refused_in_words(
    desk: Desk, passages: Any, code: str, words: str
) -> None:
    before = desk.row
    answer = desk.cut(*passages)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert words in answer.json["detail"] and answer.json["errors"][0]["field"].startswith("cuts.")
    assert desk.row == before and desk.passages == ()


@pytest.mark.parametrize("cuts", [[[-1, 3]], [[1]], [["a", 3]], [[1, 1e9]], "1-3", [[1, 2]] * 101])
def test_what_is_no_list_of_passages_is_refused(desk: Desk, cuts: Any) -> None:
    body = {"version": desk.state["version"], "cuts": cuts}
    assert desk.ask("PUT", "/cuts", body).status_code == 422


def test_who_has_an_older_version_before_them_is_told(desk: Desk) -> None:
    version = desk.state["version"]
    assert desk.cut((1, 2), version=version).status_code == 200
    answer = desk.cut((3, 4), version=version)
    assert (answer.status_code, answer.json["code"]) == (409, "changed")


def test_a_wish_that_changes_while_the_film_is_made_counts(desk: Desk) -> None:
    desk.cut((3, 6))
    desk.cut((10, 12))
    desk.run()
    assert desk.row["cuts"] == [[10, 12]] and desk.row["facts"]["spans"][0]["end"] == pytest.approx(
        10, abs=0.01
    )


def test_only_hosts_edit(app: Flask, desk: Desk, make_user: Any, sign_in: Any) -> None:
    guest = app.test_client()
    other = sign_in(make_user("other@uni.example"))
    page = f"/plugins/recording/rooms/{desk.host.room}/lectures/{desk.lecture}"
    for who in (guest, other):
        for method, path, body in (
            ("GET", "/edit", None), ("PUT", "/cuts", {"version": 1, "cuts": []}), ("POST", "/cuts/again", {}),
            ("PUT", "/chapters", {"version": 1, "chapters": None}),
        ):  # fmt: skip
            assert desk.ask(method, path, body, who).status_code in (401, 403, 404)
        assert who.get(page).status_code in (302, 303, 401, 403, 404)
    assert "Edit the recording" in desk.host.client.get(page).text
    assert page in desk.page()


def test_there_is_nothing_to_edit_without_a_film(app: Flask, host: Somebody, recorder: Recorder) -> None:
    desk = Desk(app, host, recorder.lecture)
    assert desk.state["state"] == "none"
    answer = desk.cut((1, 2))
    assert (answer.status_code, answer.json["code"]) == (409, "no_recording")
    assert desk.set(None).json["code"] == "no_recording"
    assert desk.ask("POST", "/cuts/again", {}).json["code"] == "no_recording"


def test_a_storage_that_is_down_is_tried_again_and_at_last_said(
    app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plugins.recording import recutting

    desk.cut((3, 6))
    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "save", lambda *about: (_ for _ in ()).throw(StorageDown("not now")))
        desk.run()
    assert desk.row["edit"] == "waiting"
    with app.app_context():
        recutting.give_up(db.session.query(Lecture).one())
    assert "could not be cut" in desk.page() and "film-stage" not in desk.page()
    assert desk.state["state"] == "failed"
    assert desk.ask("POST", "/cuts/again", {}).json["state"] == "cutting"
    desk.hurry()
    desk.run()
    assert desk.row["edit"] == "" and "film-stage" in desk.page()


def test_a_lecture_in_the_trash_is_cut_when_it_was_brought_back(app: Flask, desk: Desk) -> None:
    desk.cut((3, 6))
    with app.app_context():
        db.session.query(Lecture).update({"deleted_at": now()})
        db.session.commit()
    desk.run()
    assert desk.row["edit"] == "waiting"
    with app.app_context():
        db.session.query(Lecture).update({"deleted_at": None})
        db.session.commit()
    desk.hurry()
    desk.run()
    assert desk.row["edit"] == ""


def test_what_hosts_did_is_written_down(app: Flask, desk: Desk) -> None:
    desk.cut((3, 6))
    desk.set([(1, "One")])
    with app.app_context():
        noted = [one.action for one in db.session.query(AuditEntry).order_by(AuditEntry.id)]
    assert noted[-2:] == ["recording.cut", "recording.chapters"]


# --- chapters ---------------------------------------------------------------------------


def test_chapters_by_hand_stay_at_their_moment_when_the_film_is_cut(desk: Desk) -> None:
    answer = desk.set([(12, " Rings\n"), (0, "Groups")])
    assert answer.json["chapters"] == [[0, "Groups"], [12, "Rings"]]
    desk.cut((3, 6))
    desk.work()
    assert [title for _at, title in desk.state["chapters"]] == ["Groups", "Rings"]
    assert desk.state["chapters"][1][0] == pytest.approx(12, abs=0.01)
    lost = desk.row["facts"]["spans"][1]["began_at"] - desk.row["facts"]["spans"][0]["began_at"] - 3
    html = desk.page().replace("&#34;", '"')
    assert f"[{12 - lost:.3f}".rstrip("0") in html or str(round(12 - lost, 3)) in html
    desk.set(None)
    assert "chapters" not in desk.state


@pytest.mark.parametrize(
    ("chapters", "words"),
    [
        ([(1, " ")], "Chapter 1 needs a title"),
        ([(1, "a"), (30, "b")], "Chapter 2 begins at 0:30, after the end"),
        ([(1, "a"), (1, "b")], "Two chapters begin at 0:01"),
    ],
)
def test_chapters_that_make_no_sense_are_refused_in_words(desk: Desk, chapters: Any, words: str) -> None:
    answer = desk.set(chapters)
    assert answer.status_code == 422 and words in answer.json["detail"]
    assert "chapters" not in desk.state


# --- downloads --------------------------------------------------------------------------


@pytest.mark.parametrize(("allowed", "offered"), [("none", []), ("sound", ["ogg"]), ("all", ["webm", "ogg"])])
def test_readers_download_what_the_room_allows(
    app: Flask, desk: Desk, allowed: str, offered: list[str], lecture_of: Any
) -> None:
    from core.contracts import Film, Role, Viewer
    from core.lectures.sections import sections_for

    desk.host.set(downloads=allowed)
    with app.test_request_context():
        lecture = db.session.query(Lecture).one()

        def endings(role: Role) -> list[str]:
            film = next(one for one in sections_for(lecture, Viewer(role)) if isinstance(one, Film))
            assert film.played is not None
            return [file.name.rpartition(".")[2] for file in film.files]

        assert endings(Role.PARTICIPANT) == offered
        assert endings(Role.HOST) == ["webm", "ogg"]


def test_the_sound_alone_is_as_long_as_the_film(desk: Desk, tmp_path: Path) -> None:
    for cut in ((), ((3.0, 6.0),)):
        if cut:
            desk.cut(*cut)
            desk.work()
        sound = desk.file(desk.row["sound_id"])
        assert sound.mime == "audio/ogg"
        body = desk.host.client.get(f"/files/{sound.public_id}").data
        assert length_of(body) == pytest.approx(desk.row["facts"]["duration"], abs=0.2)


def test_files_of_earlier_films_are_not_left_behind(app: Flask, desk: Desk) -> None:
    kept: Callable[[], int] = lambda: (  # noqa: E731  (a question of this test alone)
        db.session.query(StoredFile).filter_by(state=State.READY.value).count()
    )
    with app.app_context():
        assert kept() == 3
    for passages in (((3, 6),), ((4, 7),), ((5, 8),)):
        desk.cut(*passages)
        desk.work()
    with app.app_context():
        assert kept() == 4
    desk.cut()
    desk.work()
    with app.app_context():
        assert kept() == 3
