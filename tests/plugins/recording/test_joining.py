"""After the end: the pieces become a film on the lecture's page, and nothing else is left of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.db import db, now
from core.errors import StorageDown
from core.files.local import LocalStorage
from core.files.models import State, StoredFile
from core.jobs import run_worker
from plugins.recording.models import LectureRecording, Outcome, Piece, Span
from tests.fixtures.working import work_off
from tests.plugins.recording.conftest import Recorder, Somebody
from tests.plugins.recording.recorder import lectures

Finish = Callable[..., None]
# When what is in the pieces was said.
WALL = time.time() - 3000


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    """Three pieces of a recording of 22 seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lectures, "WALL", WALL)
        made = lectures.Lecture()
        made.run(22, lectures.Speaker())
        return [piece.body for piece in made.end()]


@pytest.fixture
def recorded(host: Somebody, recorder: Recorder, bodies: list[bytes]) -> Recorder:
    """A lecture whose recorder has handed everything over."""
    host.press("start", queue=False)
    recorder.report(unheard=[[1_700_000_003.0, 1_700_000_005.0]])
    for number, body in enumerate(bodies):
        assert recorder.put(number, body).status_code == 204
    return recorder


@pytest.fixture
def end(app: Any, host: Somebody, lecture_of: Any) -> Finish:
    """``end()``: the lecture is over, as is the work that follows."""
    from plugins.recording import jobs

    def finish(ago: float = 0) -> None:
        with app.app_context():
            lecture = lecture_of(host)
            lecture.ended_at = lecture.ended_at or now() - timedelta(seconds=ago)
            db.session.commit()
            key = lecture.id
            jobs.finish(key)
        # The film, and then what belongs to it.
        work_off(app)

    return finish


def recording(app: Any) -> dict[str, Any]:
    with app.app_context():
        row = db.session.query(LectureRecording).one()
        return {c.name: getattr(row, c.name) for c in LectureRecording.__table__.columns}


def wanted_since(app: Any, moment: datetime) -> None:
    """The host's only press of the button was then."""
    with app.app_context():
        db.session.query(Span).one().since = moment
        db.session.commit()


def page(host: Somebody, recorder: Recorder) -> str:
    answer = host.client.get(f"/lectures/{recorder.lecture}")
    assert answer.status_code == 200
    return str(answer.text)


def test_pieces_become_a_film_with_small_pictures(
    app: Any, host: Somebody, recorded: Recorder, end: Finish
) -> None:
    recorded.report("over")
    end(ago=100)
    made = recording(app)
    assert (made["outcome"], made["wish"]) == ("done", "off")
    assert made["facts"]["duration"] == pytest.approx(22, abs=0.1) and made["facts"]["gaps"] == []
    assert made["thumbnails"]["count"] == 3
    with app.app_context():
        assert db.session.query(Piece).count() == 0
        live = db.session.query(StoredFile).filter_by(state=State.READY.value).order_by(StoredFile.id).all()
        assert [one.mime for one in live] == ["video/webm", "image/webp", "audio/ogg"]
        address = f"/files/{live[0].public_id}"
        size = live[0].size
    html = page(host, recorded)
    assert address in html and "About the recording" in html and "0:22" in html
    part = host.client.get(address, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.headers["Content-Range"]) == (206, f"bytes 0-3/{size}")


def test_it_waits_for_the_recorder_but_not_for_ever(
    app: Any, host: Somebody, recorded: Recorder, end: Finish, late: Any
) -> None:
    end()
    assert recording(app)["outcome"] == "waiting"
    assert "The recording is being made" in page(host, recorded)
    late(heard_at=now() - timedelta(seconds=8))
    end()
    assert recording(app)["outcome"] == "done"


def test_without_a_piece_there_is_no_film(app: Any, host: Somebody, recorder: Recorder, end: Finish) -> None:
    host.press("start", queue=False)
    end(ago=100)
    assert recording(app)["outcome"] == "none"
    assert "recording-film" not in page(host, recorder)


def test_hosts_read_that_nothing_came_of_their_wish(
    app: Any, host: Somebody, come: Any, recorder: Recorder, end: Finish
) -> None:
    bob = come()
    host.patch(settings={"participants_read": True})
    host.press("start", queue=False)
    wanted_since(app, now() - timedelta(minutes=5))
    end(ago=100)
    assert recording(app)["outcome"] == "none"
    assert "Nothing was recorded, although it was wanted" in page(host, recorder)
    assert "Nothing was recorded" not in bob.client.get(f"/lectures/{recorder.lecture}").text


def test_a_recording_that_was_stopped_at_once_says_nothing_of_it(
    app: Any, host: Somebody, recorder: Recorder, end: Finish
) -> None:
    host.press("start", queue=False)
    wanted_since(app, now() - timedelta(seconds=104))
    end(ago=100)
    assert "Nothing was recorded" not in page(host, recorder)


def test_what_is_missing_at_the_end_is_a_gap(
    app: Any, host: Somebody, recorded: Recorder, end: Finish
) -> None:
    recorded.report("over")
    began = datetime.fromtimestamp(WALL, UTC)
    wanted_since(app, began)
    end(ago=(now() - began).total_seconds() - 82)
    (gap,) = recording(app)["facts"]["gaps"]
    assert (gap["at"], gap["seconds"]) == (pytest.approx(22, abs=0.1), pytest.approx(60, abs=0.5))
    assert "Gaps" in page(host, recorded)


def test_recorders_whose_clocks_differ_leave_the_film_on_the_page(
    app: Any, host: Somebody, recorded: Recorder, end: Finish
) -> None:
    recorded.report("over")
    end(ago=100)
    with app.app_context():
        row = db.session.query(LectureRecording).one()
        span = row.facts["spans"][0]
        first = {**span, "end": 10.0}
        late = {**span, "start": 10.0, "began_at": span["began_at"] - 5}
        row.facts = {**row.facts, "spans": [first, late]}
        db.session.commit()
    assert "film-stage" in page(host, recorded)


def test_a_lecture_that_nobody_recorded_says_nothing_of_it(
    host: Somebody, recorder: Recorder, end: Finish
) -> None:
    end()
    assert "Recording" not in page(host, recorder)


def test_it_is_joined_once_however_often_it_is_asked_for(
    app: Any, host: Somebody, recorded: Recorder, end: Finish
) -> None:
    recorded.report("over")
    end()
    first = recording(app)
    end()
    assert recording(app) == first


def test_a_storage_that_is_down_is_tried_again(
    app: Any,
    recorded: Recorder,
    end: Finish,
    lecture_of: Any,
    host: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from plugins.recording import joining

    def is_down(self: LocalStorage, *about: Any) -> Any:
        raise StorageDown("not now")

    recorded.report("over")
    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "save", is_down)
        end()
    assert recording(app)["outcome"] == "joining"
    with app.app_context():
        assert db.session.query(Piece).count() == 3
        joining.join(lecture_of(host))
    assert recording(app)["outcome"] == "done"


def test_what_cannot_be_read_is_said_and_kept(
    app: Any, host: Somebody, recorder: Recorder, end: Finish
) -> None:
    from plugins.recording.internal import EBML

    host.press("start", queue=False)
    recorder.report()
    recorder.put(0, EBML + b"nothing that plays")
    recorder.report("over")
    end()
    assert recording(app)["outcome"] == Outcome.FAILED
    assert "could not be put together" in page(host, recorder)
    with app.app_context():
        assert db.session.query(Piece).count() == 1


def test_a_recording_for_hosts_is_for_hosts(
    app: Any, host: Somebody, come: Any, recorded: Recorder, end: Finish
) -> None:
    bob = come()
    host.patch(settings={"participants_read": True})
    host.set(viewers="hosts")
    recorded.report("over")
    end()
    with app.app_context():
        video = db.session.query(StoredFile).filter_by(mime="video/webm", state="ready").one().public_id
    assert host.client.get(f"/files/{video}").status_code == 200
    assert bob.client.get(f"/files/{video}").status_code == 404
    assert "About the recording" not in bob.client.get(f"/lectures/{recorded.lecture}").text


def test_a_deleted_lecture_takes_every_byte_along(
    app: Any, host: Somebody, recorded: Recorder, end: Finish, lecture_of: Any, tmp_path: Path
) -> None:
    from core.files.jobs import sweep

    recorded.report("over")
    end()
    with app.app_context():
        db.session.delete(lecture_of(host))
        db.session.commit()
        sweep()
    for _ in range(2):
        run_worker(app, wait=False)
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


def test_what_is_finished_stays_for_whom_it_was(
    app: Any, host: Somebody, come: Any, recorded: Recorder, end: Finish
) -> None:
    bob = come()
    host.patch(settings={"participants_read": True})
    recorded.report("over")
    end()
    host.set(viewers="hosts")
    assert "About the recording" in bob.client.get(f"/lectures/{recorded.lecture}").text


def test_a_piece_that_comes_while_the_others_are_joined_is_in_the_film_too(
    app: Any, host: Somebody, recorder: Recorder, bodies: list[bytes], lecture_of: Any, late: Any
) -> None:
    from plugins.recording import joining
    from plugins.recording.recorder import finishing

    host.press("start", queue=False)
    recorder.report()
    for number in (0, 1):
        recorder.put(number, bodies[number])
    late(outcome="joining")
    real = finishing.finish

    def and_one_more(*about: Any) -> Any:
        done = real(*about)
        assert recorder.put(2, bodies[2]).status_code == 204
        return done

    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "finish", and_one_more)
        assert not joining.join(lecture_of(host))
        assert joining.join(lecture_of(host))
    assert recording(app)["facts"]["duration"] == pytest.approx(22, abs=0.1)


def test_a_film_is_shown_before_what_belongs_to_it_is_made(
    app: Any, host: Somebody, recorded: Recorder, end: Finish, lecture_of: Any
) -> None:
    from plugins.recording import joining
    from plugins.recording.recorder import thumbnails

    def breaks(*about: Any, **more: Any) -> Any:
        raise RuntimeError("no picture today")

    recorded.report("over")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thumbnails, "thumbnails", breaks)
        end()
    shown = recording(app)
    assert (shown["outcome"], shown["sprite_id"], shown["sound_id"]) == ("done", None, None)
    assert "About the recording" in page(host, recorded)
    with app.app_context():
        assert joining.accompany(lecture_of(host))
    made = recording(app)
    assert made["video_id"] == shown["video_id"] and made["thumbnails"]["count"] == 3 and made["sound_id"]


def test_what_belongs_to_a_film_is_made_once_and_never_for_another(
    app: Any, host: Somebody, recorded: Recorder, end: Finish, lecture_of: Any
) -> None:
    from plugins.recording import joining

    recorded.report("over")
    end()
    first = recording(app)
    with app.app_context():
        assert joining.accompany(lecture_of(host))
        count = db.session.query(StoredFile).filter_by(state=State.READY.value).count()
    assert recording(app) == first and count == 3
    with app.app_context():
        row = db.session.query(LectureRecording).one()
        row.sprite_id = row.sound_id = None
        db.session.commit()
        real = joining.keep_what_belongs

        def meanwhile(*about: Any) -> Any:
            done = real(*about)
            db.session.query(LectureRecording).one().video_id = done.sprite.id
            db.session.flush()
            return done

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(joining, "keep_what_belongs", meanwhile)
            assert not joining.accompany(lecture_of(host))
        assert recording(app)["sprite_id"] is None
