"""From the button to the egress and back, with everything that LiveKit may say, late, twice, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from livekit.protocol import egress as messages

from core.db import db, now
from core.files.models import State, StoredFile
from core.models import WebhookEvent
from plugins.recording.egress import runs
from plugins.recording.models import Piece
from tests.fixtures.egress import FULL, NO_REDIS, NOBODY, EgressServer, Job, Status
from tests.fixtures.s3 import S3Server
from tests.plugins.recording.conftest import Packets, Somebody

Read = Callable[[], list[dict[str, Any]]]


def kept(app: Any) -> list[tuple[str, int]]:
    """State and size of every file."""
    with app.app_context():
        return [(one.state, one.size) for one in db.session.query(StoredFile).order_by(StoredFile.id)]


def pieces(app: Any) -> list[str]:
    with app.app_context():
        return [one.run for one in db.session.query(Piece).order_by(Piece.id)]


# --- the start --------------------------------------------------------------------------


def test_egress_is_asked_to_record_our_page_into_our_bucket(
    host: Somebody, egress: EgressServer, s3_server: S3Server, bucket: str, rows: Read, recorder: Any
) -> None:
    assert host.press("start", queue=False)["status"] == "starting"
    request = egress.last.request
    (run,) = rows()
    page = f"http://localhost:8000/plugins/recording/scene/{recorder.lecture}?run={run['run']}"
    assert (request.room_name, request.custom_base_url) == (recorder.lecture, page)
    (output,) = request.file_outputs
    assert output.file_type == messages.EncodedFileType.MP4 and output.disable_manifest
    assert output.filepath.startswith("kept/") and output.filepath.endswith(".mp4")
    place = output.s3
    assert (place.endpoint, place.bucket, place.force_path_style) == (s3_server.url, bucket, True)
    assert (place.access_key, place.secret) == (s3_server.key, s3_server.secret)
    assert (request.advanced.width, request.advanced.height) == (1280, 720)
    assert run["egress_id"] == egress.last.id


class TestWithAnAddressOfOurOwn:
    @pytest.fixture
    def recording_settings(self) -> dict[str, Any]:
        return {"engine": "egress", "web_url": "http://web:8000/", "height": "480", "notice_seconds": 0}

    def test_egress_opens_that_one(self, host: Somebody, egress: EgressServer) -> None:
        host.press("start", queue=False)
        assert egress.last.request.custom_base_url.startswith("http://web:8000/plugins/recording/scene/")
        assert egress.last.request.advanced.height == 480


def test_no_secret_of_the_bucket_is_kept_or_logged(
    app: Any, record: Any, egress: EgressServer, s3_server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    record()
    with app.app_context():
        said = [str(one.payload) for one in db.session.query(WebhookEvent)]
        bucket = app.extensions["audimax_offers"]["storages"]["s3"].bucket
    assert len(said) == 2 and not any(s3_server.secret in one for one in said)
    assert s3_server.secret not in caplog.text
    assert s3_server.secret not in repr(bucket) and s3_server.key not in repr(bucket)


def test_from_start_to_stop(
    app: Any, host: Somebody, record: Any, egress: EgressServer, page_of: Any, work: Any, sent: Packets
) -> None:
    job = record()
    state = host.state
    assert (state["status"], state["seconds"], sent[-1][0]["status"]) == ("recording", 5.0, "recording")
    assert host.press("stop")["status"] == "stopping"
    assert job.info.status == Status.EGRESS_ENDING
    assert page_of(job).report()["leave"]
    egress.finish(job)
    work()
    assert host.state["status"] == "off" and host.state["ready"]
    assert pieces(app) == [page_of(job).run]
    assert kept(app) == [("ready", len(egress.film(2)))], "as large as it is, not as Egress says"  # type: ignore[misc]


def test_a_second_press_finds_it_begun(host: Somebody, egress: EgressServer) -> None:
    first = host.press("start", queue=False)
    assert host.press("start", queue=False)["begins_at"] == first["begins_at"]
    assert len(egress.jobs) == 1


def test_who_presses_while_egress_is_asked_finds_it_begun(host: Somebody, egress: EgressServer) -> None:
    seen: list[Any] = []
    egress.on_start = lambda _job: seen.append(host.press("start", queue=False)["status"])
    host.press("start", queue=False)
    assert seen == ["queued"] and len(egress.jobs) == 1
    assert host.state["status"] == "starting"


def test_nobody_asks_twice_while_egress_thinks(
    host: Somebody, egress: EgressServer, watch: Any, pass_by: Any, page_of: Any
) -> None:
    def think(_job: Job) -> None:
        pass_by(8)
        watch()

    egress.on_start = think
    host.press("start", queue=False)
    assert len(egress.jobs) == 1 and page_of(egress.last).report("starting")["begin"]


def test_a_stop_while_egress_is_asked_stops_it(host: Somebody, egress: EgressServer, page_of: Any) -> None:
    egress.on_start = lambda _job: host.press("stop") and None
    assert host.press("start", queue=False)["status"] == "off"
    assert egress.last.info.status == Status.EGRESS_ENDING
    assert page_of(egress.last).report("starting")["leave"]


@pytest.mark.parametrize("how", [FULL, NOBODY])
def test_a_busy_egress_is_said_at_once_and_can_be_waited_for(
    app: Any, host: Somebody, egress: EgressServer, watch: Any, pass_by: Any, how: Any, rows: Read
) -> None:
    egress.refuse = how
    assert host.refused("start", queue=False) == (409, "recorder_busy")
    assert host.state["status"] == "off" and rows() == []
    assert {state for state, _size in kept(app)} == {"gone"}
    waits = host.press("start", queue=True)
    assert waits["status"] == "queued" and "busy" in waits["why"]
    watch()
    assert len([one for one in egress.asked if one.startswith("Start")]) == 2, "it has just been asked"
    pass_by(8)
    watch()
    assert host.state["status"] == "queued"
    egress.refuse = None
    pass_by(8)
    watch()
    assert host.state["status"] == "starting" and len(egress.jobs) == 1


class TestWithANotice:
    @pytest.fixture
    def recording_settings(self) -> dict[str, Any]:
        return {"engine": "egress", "notice_seconds": 10}

    def test_the_page_waits_with_its_sign_for_the_end_of_it(
        self, host: Somebody, egress: EgressServer, page_of: Any
    ) -> None:
        started = host.press("start", queue=False)
        orders = page_of(egress.last).report("starting")
        assert orders["begin"] and orders["begins_at"] == started["begins_at"] > orders["now"] + 5


class TestWithALongNotice:
    @pytest.fixture
    def recording_settings(self) -> dict[str, Any]:
        return {"engine": "egress", "notice_seconds": 60}

    def test_egress_is_asked_shortly_before_its_end(
        self, host: Somebody, egress: EgressServer, watch: Any, late: Any
    ) -> None:
        assert host.press("start", queue=False)["status"] == "starting"
        watch()
        assert egress.jobs == []
        late(begins_at=now() + timedelta(seconds=15))
        watch()
        assert len(egress.jobs) == 1


@pytest.mark.parametrize("how", [NO_REDIS, (404, "not_found", "requested room does not exist")])
def test_where_egress_cannot_be_asked_it_is_asked_again(
    host: Somebody, egress: EgressServer, watch: Any, pass_by: Any, late: Any, how: Any
) -> None:
    egress.refuse = how
    assert host.press("start", queue=False)["status"] == "starting"
    late(begins_at=now() - timedelta(seconds=20))
    assert "an admin has to look" in host.state["why"]
    egress.refuse = None
    pass_by(30)
    watch()
    assert len(egress.jobs) == 1


def test_an_egress_whose_answer_was_lost_is_found_and_stopped(
    app: Any,
    host: Somebody,
    egress: EgressServer,
    watch: Any,
    pass_by: Any,
    page_of: Any,
    rows: Read,
    work: Any,
) -> None:
    egress.drops = True
    host.press("start", queue=False)
    (lost,) = egress.jobs
    assert page_of(lost).report("starting")["leave"], "nobody may record whom we don't know"
    pass_by(8)
    watch()
    assert len(egress.jobs) == 2 and lost.info.status == Status.EGRESS_ENDING
    assert egress.last.info.status == Status.EGRESS_STARTING
    assert [one["egress_id"] for one in rows()] == [lost.id, egress.last.id]
    egress.finish(lost)
    work()
    assert [one["outcome"] for one in rows()] == ["lost", ""]


def test_a_request_that_came_twice_makes_no_second_recording(
    host: Somebody, record: Any, egress: EgressServer, work: Any
) -> None:
    job = record()
    egress.start(job.request.SerializeToString())
    work()
    assert egress.last is not job
    assert (egress.last.info.status, job.info.status) == (Status.EGRESS_ENDING, Status.EGRESS_ACTIVE)


# --- pauses -----------------------------------------------------------------------------


def test_a_pause_ends_the_egress_and_going_on_begins_another(
    app: Any, host: Somebody, record: Any, egress: EgressServer, page_of: Any, work: Any, watch: Any
) -> None:
    first = record()
    assert host.press("pause")["status"] == "paused"
    assert first.info.status == Status.EGRESS_ENDING
    assert page_of(first).report()["leave"]
    egress.finish(first)
    work()
    watch()
    assert host.state["status"] == "paused" and len(egress.jobs) == 1
    assert host.press("resume")["status"] == "starting"
    second = record.under_way(2.0)
    assert second is not first
    assert (host.state["status"], host.state["seconds"]) == ("recording", 7.0)
    host.press("stop")
    egress.finish(second)
    work()
    assert pieces(app) == [page_of(first).run, page_of(second).run]


def test_going_on_is_asked_for_once_whoever_is_faster(
    host: Somebody, record: Any, egress: EgressServer, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plugins.recording import state

    first = record()
    host.press("pause")
    egress.finish(first)
    real = state.tell

    def and_watch(lecture: Any) -> None:
        monkeypatch.setattr(state, "tell", real)
        watch()

    # The watch comes between the host's word and what follows from it.
    monkeypatch.setattr(state, "tell", and_watch)
    host.press("resume")
    assert len(egress.jobs) == 2 and egress.last.info.status == Status.EGRESS_STARTING
    record.under_way(1.0)
    assert host.state["status"] == "recording"


def test_going_on_while_egress_is_busy_says_so_and_goes_on_later(
    host: Somebody, record: Any, egress: EgressServer, watch: Any, pass_by: Any
) -> None:
    record()
    host.press("pause")
    egress.refuse = FULL
    state = host.press("resume")
    assert state["status"] == "starting" and "busy" in state["why"]
    egress.refuse = None
    pass_by(8)
    watch()
    assert len(egress.jobs) == 2 and host.state["why"] == ""


def test_a_pause_before_it_has_begun_keeps_nothing(
    app: Any, host: Somebody, egress: EgressServer, work: Any, rows: Read
) -> None:
    host.press("start", queue=False)
    assert host.press("pause")["status"] == "paused"
    egress.finish(egress.last)
    work()
    assert (rows()[0]["status"], rows()[0]["outcome"], pieces(app)) == ("aborted", "lost", [])


# --- what fails -------------------------------------------------------------------------


def test_an_egress_that_fails_is_replaced(
    app: Any,
    host: Somebody,
    record: Any,
    egress: EgressServer,
    work: Any,
    pass_by: Any,
    watch: Any,
    rows: Read,
) -> None:
    first = record()
    pass_by(8)
    egress.fail(first)
    work()
    assert len(egress.jobs) == 2 and host.state["status"] == "starting"
    record.under_way(1.0)
    assert (host.state["status"], host.state["seconds"]) == ("recording", 6.0)
    assert [one["outcome"] for one in rows()] == ["lost", ""]


def test_hosts_read_that_it_has_failed_until_another_goes_on(
    host: Somebody, record: Any, egress: EgressServer, work: Any, late: Any
) -> None:
    job = record()
    late(asked_at=now(), begins_at=now())
    egress.fail(job)
    work()
    assert len(egress.jobs) == 1, "it was asked a moment ago"
    assert host.state["status"] == "starting"


def test_one_that_fails_again_and_again_is_asked_for_more_and_more_rarely(
    app: Any, host: Somebody, egress: EgressServer, work: Any, pass_by: Any, watch: Any
) -> None:
    host.press("start", queue=False)
    for failed in range(1, 5):
        egress.fail(egress.last, "Start signal not received", Status.EGRESS_ABORTED)
        work()
        pass_by(8)
        watch()
        assert len(egress.jobs) == failed, f"after {failed} it is too early"
        pass_by(130)
        watch()
        assert len(egress.jobs) == failed + 1


def test_one_of_which_nothing_is_heard_and_that_nobody_knows_is_replaced(
    host: Somebody, record: Any, egress: EgressServer, pass_by: Any, watch: Any, settle: Any, rows: Read
) -> None:
    first = record()
    egress.vanish(first)
    pass_by(8)
    watch()
    assert len(egress.jobs) == 2
    record.under_way(1.0)
    pass_by(70)
    settle()
    pass_by(70)
    settle()
    assert [one["outcome"] for one in rows()] == ["lost", ""]


def test_one_that_livekit_knows_goes_on_while_its_page_cannot_reach_us(
    host: Somebody, record: Any, egress: EgressServer, pass_by: Any, watch: Any
) -> None:
    job = record()
    pass_by(30)
    assert host.state["status"] == "starting"
    watch()
    assert host.state["status"] == "recording" and egress.jobs == [job]


def test_one_whose_page_is_silent_for_long_is_replaced_although_it_is_listed(
    host: Somebody, record: Any, egress: EgressServer, pass_by: Any, watch: Any
) -> None:
    first = record()
    pass_by(70)
    watch()
    assert len(egress.jobs) == 2 and first.info.status == Status.EGRESS_ENDING


def test_while_livekit_is_away_nothing_is_replaced(
    host: Somebody, record: Any, egress: EgressServer, pass_by: Any, watch: Any
) -> None:
    job = record()
    egress.list_refuses = NO_REDIS
    pass_by(70)
    watch()
    assert egress.jobs == [job] and job.info.status == Status.EGRESS_ACTIVE


# --- what webhooks say, and don't ---------------------------------------------------------


@pytest.mark.parametrize("order", [list, lambda held: held[::-1], lambda held: [*held, *held]])
def test_webhooks_may_come_late_twice_and_in_any_order(
    app: Any, host: Somebody, egress: EgressServer, page_of: Any, work: Any, order: Any, rows: Read
) -> None:
    egress.holds = True
    host.press("start", queue=False)
    job = egress.last
    page_of(job).report("starting")
    egress.begin(job, 5)
    page_of(job).report(seconds=5)
    host.press("stop")
    egress.finish(job)
    egress.release(order)
    work()
    (run,) = rows()
    assert (run["status"], run["outcome"]) == ("complete", "kept")
    assert run["began_at"] == pytest.approx(job.begun, abs=0.01)
    assert pieces(app) == [run["run"]] and host.state["status"] == "off"


def test_without_any_webhook_the_list_tells(
    app: Any, host: Somebody, egress: EgressServer, page_of: Any, settle: Any, pass_by: Any, rows: Read
) -> None:
    egress.deliver = None
    host.press("start", queue=False)
    job = egress.last
    page_of(job).report("starting")
    egress.begin(job, 5)
    page_of(job).report(seconds=5)
    assert host.state["status"] == "recording"
    host.press("stop")
    settle()
    assert pieces(app) == []
    egress.finish(job)
    pass_by(6)
    settle()
    assert [one["outcome"] for one in rows()] == ["kept"] and len(pieces(app)) == 1


def test_what_livekit_says_of_others_changes_nothing(
    app: Any, host: Somebody, record: Any, egress: EgressServer, work: Any, rows: Read
) -> None:
    job = record()
    before = rows()
    request = messages.RoomCompositeEgressRequest()
    request.CopyFrom(job.request)
    request.file_outputs[0].filepath = "somebody/elses.mp4"
    egress.start(request.SerializeToString())
    other = egress.last
    egress.begin(other)
    egress.fail(other)
    work()
    assert rows() == before and host.state["status"] == "recording"


def test_one_that_cannot_be_stopped_now_is_stopped_later(
    host: Somebody,
    record: Any,
    egress: EgressServer,
    pass_by: Any,
    settle: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from core.errors import LiveKitDown
    from core.livekit.client import LiveKit

    def is_down(self: LiveKit, egress_id: str) -> bool:
        raise LiveKitDown("not now")

    job = record()
    with monkeypatch.context() as patch:
        patch.setattr(LiveKit, "stop_egress", is_down)
        host.press("stop")
    assert job.info.status == Status.EGRESS_ACTIVE
    pass_by(6)
    settle()
    assert job.info.status == Status.EGRESS_ENDING


# --- the file ---------------------------------------------------------------------------


def test_a_complete_egress_without_its_file_is_waited_for_and_then_lost(
    app: Any, host: Somebody, record: Any, egress: EgressServer, work: Any, settle: Any, pass_by: Any, rows: Read,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    job = record()
    monkeypatch.setattr(EgressServer, "_upload", lambda self, job, body: None)
    host.press("stop")
    egress.finish(job)
    work()
    assert rows()[0]["outcome"] == ""
    pass_by(60)
    settle()
    assert rows()[0]["outcome"] == ""
    pass_by(70)
    settle()
    assert rows()[0]["outcome"] == "lost"
    assert {state for state, _size in kept(app)} == {State.GONE}


def test_a_failed_egress_that_has_left_a_file_has_recorded_that(
    app: Any, host: Somebody, record: Any, egress: EgressServer, work: Any, rows: Read
) -> None:
    job = record()
    egress.finish(job, Status.EGRESS_LIMIT_REACHED)
    work()
    assert (rows()[0]["status"], rows()[0]["outcome"]) == ("limit", "kept")


def test_a_storage_that_is_down_is_asked_again(
    host: Somebody, record: Any, egress: EgressServer, work: Any, settle: Any, pass_by: Any, rows: Read,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from core.errors import StorageDown
    from plugins.storage_s3.storage import S3Storage

    def is_down(self: S3Storage, key: str) -> Any:
        raise StorageDown("not now")

    job = record()
    host.press("stop")
    with monkeypatch.context() as patch:
        patch.setattr(S3Storage, "stat", is_down)
        egress.finish(job)
        work()
    assert rows()[0]["outcome"] == ""
    pass_by(6)
    settle()
    assert rows()[0]["outcome"] == "kept"


def test_a_file_that_comes_after_the_film_is_made_is_nobodys(
    app: Any, host: Somebody, record: Any, egress: EgressServer, work: Any, late: Any, rows: Read
) -> None:
    job = record()
    host.press("stop")
    late(outcome="done")
    egress.finish(job)
    work()
    assert rows()[0]["outcome"] == "lost" and pieces(app) == []
    assert {state for state, _size in kept(app)} == {State.GONE}


# --- who may ----------------------------------------------------------------------------


def test_a_room_can_forbid_it_also_while_it_runs(
    host: Somebody, record: Any, egress: EgressServer, page_of: Any
) -> None:
    job = record()
    host.set(start="never")
    assert page_of(job).report()["leave"]
    assert job.info.status == Status.EGRESS_ENDING
    assert host.state["may"] is False


def test_the_watch_stops_what_has_come_to_be_forbidden(
    host: Somebody, record: Any, pass_by: Any, watch: Any
) -> None:
    job = record()
    host.set(start="never")
    pass_by(8)
    watch()
    assert job.info.status == Status.EGRESS_ENDING


class TestOneAtATime:
    @pytest.fixture
    def recording_settings(self) -> dict[str, Any]:
        return {"engine": "egress", "recordings_at_once": 1, "notice_seconds": 0}

    def test_the_second_waits_for_the_first(self, new_host: Any, egress: EgressServer, watch: Any) -> None:
        first, second = new_host(), new_host()
        first.press("start", queue=False)
        assert second.refused("start", queue=False) == (409, "recorder_busy")
        assert second.press("start", queue=True)["status"] == "queued"
        watch()
        assert len(egress.jobs) == 1
        first.press("stop")
        watch()
        assert second.state["status"] == "starting" and len(egress.jobs) == 2


def test_a_room_records_by_itself(app: Any, host: Somebody, lecture_of: Any, egress: EgressServer) -> None:
    from plugins.recording import jobs

    host.set(start="by_itself")
    with app.app_context():
        lecture = lecture_of(host)
        jobs.come(lecture.id)
        jobs.come(lecture.id)
    assert host.state["status"] == "starting" and len(egress.jobs) == 1


def test_no_recorder_is_asked_for(host: Somebody, record: Any, dispatched: Any, watch: Any) -> None:
    record()
    watch()
    host.press("stop")
    assert dispatched == []


def test_rows_of_a_lecture_go_with_it(
    app: Any, host: Somebody, record: Any, lecture_of: Any, rows: Read
) -> None:
    record()
    with app.app_context():
        db.session.delete(lecture_of(host))
        db.session.commit()
    assert rows() == []


def test_news_of_a_lecture_that_is_gone_are_nobodys(
    app: Any, host: Somebody, record: Any, lecture_of: Any, egress: EgressServer, work: Any
) -> None:
    job: Job = record()
    with app.app_context():
        db.session.delete(lecture_of(host))
        db.session.commit()
    egress.finish(job)
    work()
    assert runs.MOST_RUNS == 200
