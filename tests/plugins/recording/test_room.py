"""What hosts decide in the room, and everybody for themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core.admin import monitor
from core.db import db, now
from core.models import AuditEntry
from plugins.recording.models import LectureRecording, Span
from tests.hostile.test_races import at_once, copies
from tests.plugins.recording.conftest import Packets, Recorder, Somebody


def test_nothing_is_recorded_until_a_host_says_so(host: Somebody, come: Any, dispatched: Any) -> None:
    bob = come()
    assert (host.state["status"], host.state["may"], host.state["notice"]) == ("off", True, "")
    assert (bob.state["status"], bob.state["may"], bob.state["is_host"]) == ("off", False, False)
    assert dispatched == []


def test_a_recording_is_announced_before_it_begins(
    host: Somebody, come: Any, dispatched: Any, sent: Packets, recorder: Recorder
) -> None:
    bob = come()
    started = host.press("start", queue=False)
    assert started["status"] == "starting" and started["begins_at"] > started["now"] + 2
    assert "recorded" in started["notice"]
    ((lecture, errand),) = dispatched
    assert errand["key"] == recorder.key and lecture == recorder.lecture
    packet, to = sent[-1]
    assert (packet["status"], packet["begins_at"], to) == ("starting", started["begins_at"], [])
    assert bob.state["notice"] and bob.state["status"] == "starting"


def test_a_second_press_finds_it_begun(host: Somebody, dispatched: Any) -> None:
    first = host.press("start", queue=False)
    assert host.press("start", queue=False)["begins_at"] == first["begins_at"]
    assert len(dispatched) == 1


def test_from_start_to_stop(host: Somebody, recorder: Recorder, sent: Packets) -> None:
    host.press("start", queue=False)
    assert recorder.report("starting")["record"] == "on"
    assert host.state["status"] == "starting"
    recorder.report(seconds=3.5)
    state = host.state
    assert (state["status"], state["seconds"], sent[-1][0]["status"]) == ("recording", 3.5, "recording")
    assert host.press("pause")["status"] == "paused"
    assert sent[-1][0]["wish"] == "paused"
    assert recorder.report("paused")["record"] == "paused"
    host.press("resume")
    assert recorder.report()["record"] == "on"
    assert host.press("stop")["status"] == "stopping"
    assert recorder.report()["leave"]
    recorder.report("over")
    assert host.state["status"] == "off"


def test_administrators_see_how_it_stands_in_running_lectures(
    app: Any, host: Somebody, recorder: Recorder
) -> None:
    def seen() -> list[tuple[str, bool]]:
        with app.app_context():
            (running,) = monitor.running()
            return [(sign.words, sign.is_trouble) for sign in running.signs]

    assert seen() == []
    host.press("start", queue=False)
    recorder.report("starting")
    assert seen() == [("Recording starting", False)]
    recorder.report(seconds=3.5)
    assert seen() == [("Recording", False)]
    host.press("pause")
    assert seen() == [("Recording paused", False)]
    host.press("resume")
    recorder.report("failed", code="storage")
    assert seen() == [("Recording failed", True)]


def test_hosts_who_press_record_at_once_begin_one_recording(
    app: Any, host: Somebody, recorder: Recorder, dispatched: list[Any]
) -> None:
    address = f"/api/rooms/{host.room}/recording/start"
    presses = [
        lambda one=one: one.post(address, json={"queue": False}) for one in copies(app, host.client, 4)
    ]
    answers = at_once(*presses)
    assert {answer.status_code for answer in answers} == {200}
    with app.app_context():
        assert db.session.query(Span).count() == 1
        said = [one.action for one in db.session.query(AuditEntry)]
    assert said.count("recording.start") == 1
    assert [lecture for lecture, told in dispatched if told is not None] == [recorder.lecture]


def test_pressing_record_again_adds_to_it(host: Somebody, recorder: Recorder, watch: Any) -> None:
    host.press("start", queue=False)
    recorder.report()
    host.press("stop")
    recorder.report("over", seconds=7)
    host.press("start", queue=False)
    second = recorder.again("run-number-two")
    assert not second.report("starting")["leave"]
    second.report(seconds=2)
    assert host.state["seconds"] == 9, "those of the first run count"
    assert recorder.report()["leave"], "the first run is over for good"


@pytest.mark.parametrize("button", ["pause", "resume", "stop"])
def test_what_is_not_on_cannot_be_changed(host: Somebody, button: str) -> None:
    assert host.press(button)["status"] == "off"


@pytest.mark.parametrize("button", ["start", "pause", "resume", "stop"])
def test_guests_press_nothing(host: Somebody, come: Any, button: str) -> None:
    assert come().ask("POST", f"/{button}", {}).status_code == 403


def test_what_hosts_did_is_in_the_audit_log(app: Any, host: Somebody, recorder: Recorder) -> None:
    host.press("start", queue=False)
    recorder.report()
    host.press("start", queue=False)
    for button in ("pause", "resume", "stop", "stop"):
        host.press(button)
    with app.app_context():
        said = [one.action for one in db.session.query(AuditEntry).order_by(AuditEntry.id)]
    assert [one for one in said if one.startswith("recording.")] == [
        f"recording.{what}" for what in ("start", "pause", "resume", "stop")
    ]


# --- who may ------------------------------------------------------------------------------


def test_a_room_can_forbid_it_also_while_it_runs(
    host: Somebody, recorder: Recorder, watch: Any, late: Any
) -> None:
    host.press("start", queue=False)
    recorder.report()
    host.set(start="never")
    assert recorder.report()["leave"]
    recorder.report("over")
    watch()
    state = host.state
    assert (state["status"], state["may"]) == ("off", False)
    assert "never recorded" in state["why"]
    assert host.refused("start", queue=False) == (403, "may_not_record")


class TestWithoutAnEngine:
    @pytest.fixture
    def recording_settings(self) -> dict[str, Any]:
        return {"engine": "off"}

    def test_nobody_records(self, host: Somebody) -> None:
        assert host.refused("start", queue=False) == (403, "may_not_record")
        assert "institution" in host.state["why"]


class TestOwnersOnly:
    @pytest.fixture
    def recording_settings(self) -> dict[str, Any]:
        return {"who": "owner"}

    def test_a_co_host_may_not(
        self, app: Any, host: Somebody, make_user: Any, sign_in: Any, sent: Packets
    ) -> None:
        from core.rooms.models import Room, RoomHost

        other = make_user()
        with app.app_context():
            room = db.session.query(Room).filter_by(public_id=host.room).one()
            db.session.add(RoomHost(room_id=room.id, user_id=other))
            db.session.commit()
        noether = Somebody(sign_in(other), host.room).join("Noether")
        assert noether.state["is_host"] and not noether.state["may"]
        assert noether.refused("start", queue=False) == (403, "may_not_record")
        host.press("start", queue=False)
        assert noether.refused("stop") == (403, "may_not_record")


# --- none free ----------------------------------------------------------------------------


class TestOneAtATime:
    @pytest.fixture
    def recording_settings(self) -> dict[str, Any]:
        return {"recordings_at_once": 1, "notice_seconds": 0}

    def test_the_second_is_told_at_once_and_can_wait(
        self, new_host: Callable[..., Somebody], recorder_of: Any, watch: Any, dispatched: Any
    ) -> None:
        first, second, third = new_host(), new_host(), new_host()
        first.press("start", queue=False)
        assert second.refused("start", queue=False) == (409, "recorder_busy")
        assert second.state["status"] == "off"
        waits = second.press("start", queue=True)
        assert waits["status"] == "queued" and "busy" in waits["why"]
        third.press("start", queue=True)
        watch()
        assert (second.state["status"], third.state["status"]) == ("queued", "queued")
        assert second.refused("pause") == (409, "not_recording")
        assert len(dispatched) == 1
        first.press("stop")
        watch()
        assert (second.state["status"], third.state["status"]) == ("starting", "queued")
        assert len([one for one in dispatched if one[1]]) == 2
        second.press("stop")
        third.press("stop")
        assert third.state["status"] == "off"


# --- by itself ----------------------------------------------------------------------------


def test_a_room_records_by_itself_and_says_so_before(
    app: Any, host: Somebody, lecture_of: Any, dispatched: Any
) -> None:
    from plugins.recording import consent, jobs

    host.set(start="by_itself")
    with app.app_context():
        lecture = lecture_of(host)
        assert "recorded" in consent.notice(lecture.room, None)
        jobs.come(lecture.id)
        jobs.come(lecture.id)
    assert host.state["status"] == "starting" and len(dispatched) == 1


# --- everybody for themselves -------------------------------------------------------------


def test_everybody_is_in_it_but_no_guests_camera(host: Somebody, come: Any, recorder: Recorder) -> None:
    bob = come()
    host.press("start", queue=False)
    places = recorder.report()["places"]
    assert places[host.identity] == {"host": True, "voice": True, "camera": True, "screen": True}
    assert places[bob.identity] == {"host": False, "voice": True, "camera": False, "screen": True}


def test_who_opts_out_is_in_no_part_of_it(
    host: Somebody, come: Any, recorder: Recorder, sent: Packets
) -> None:
    bob = come()
    host.press("start", queue=False)
    before = recorder.report()["policy"]
    packets = len(sent)
    assert bob.press("me", recorded=False)["me"] == {"recorded": False, "camera": False}
    assert len(sent) == packets + 1 and bob.identity not in str(sent[-1])
    orders = recorder.report(policy=before)
    assert orders["policy"] != before
    assert not any(orders["places"][bob.identity].values())
    # Nothing new, nothing said again.
    assert "places" not in recorder.report(policy=orders["policy"])
    bob.press("me", recorded=False)
    assert len(sent) == packets + 1
    assert bob.press("me", recorded=True)["me"]["recorded"]


def test_who_opted_out_stays_so_under_a_new_identity(
    host: Somebody, come: Any, recorder: Recorder, change: Any
) -> None:
    bob = come()
    bob.press("me", recorded=False)
    change(bob, left_at=now(), removed_at=now())
    first = bob.identity
    bob.join("Bob")
    host.press("start", queue=False)
    places = recorder.report()["places"]
    assert bob.identity != first and first not in places
    assert not places[bob.identity]["voice"]


def test_cameras_of_guests_need_both_to_agree(host: Somebody, come: Any) -> None:
    bob = come()
    assert not bob.state["camera_allowed"]
    assert bob.refused("me", camera=True) == (409, "no_cameras")


class TestCameras:
    @pytest.fixture
    def recording_settings(self) -> dict[str, Any]:
        return {"guests_cameras": True}

    def test_are_in_it_after_their_word_only(self, host: Somebody, come: Any, recorder: Recorder) -> None:
        bob, eve = come("Bob"), come("Eve")
        host.press("start", queue=False)
        assert bob.press("me", camera=True)["me"] == {"recorded": True, "camera": True}
        places = recorder.report()["places"]
        assert places[bob.identity]["camera"] and not places[eve.identity]["camera"]
        host.set(guests_cameras=False)
        assert not recorder.report()["places"][bob.identity]["camera"]


# --- nobody answers -----------------------------------------------------------------------


def test_a_recorder_is_asked_for_again_until_one_comes(
    host: Somebody, recorder: Recorder, dispatched: Any, watch: Any, late: Any
) -> None:
    host.press("start", queue=False)
    watch()
    assert len(dispatched) == 1, "it has just been asked"
    late(asked_at=now() - timedelta(seconds=8))
    watch()
    assert len(dispatched) == 2
    late(begins_at=now() - timedelta(seconds=20))
    assert "No recorder has answered" in host.state["why"]
    recorder.report()
    late(asked_at=now() - timedelta(seconds=8))
    watch()
    assert len(dispatched) == 2
    late(heard_at=now() - timedelta(seconds=8))
    watch()
    assert len(dispatched) == 3 and host.state["status"] == "starting"


def test_a_worker_that_comes_is_asked_at_once_where_nobody_is(
    host: Somebody, recorder: Recorder, dispatched: Any, watch: Any, late: Any
) -> None:
    assert recorder.say_worker_is_here() == 204 and dispatched == [], "nobody wants it recorded"
    host.press("start", queue=False)
    assert recorder.say_worker_is_here() == 204
    assert len(dispatched) == 1, "it was asked this very second"
    late(asked_at=now() - timedelta(seconds=2))
    watch()
    assert len(dispatched) == 1, "it may be on its way"
    assert recorder.say_worker_is_here(key="0" * 64) == 401
    assert recorder.say_worker_is_here() == 204
    assert len(dispatched) == 2
    recorder.report()
    late(asked_at=now() - timedelta(seconds=2))
    assert recorder.say_worker_is_here() == 204
    assert len(dispatched) == 2, "there is one"


def test_what_is_wrong_is_for_hosts_in_words(host: Somebody, come: Any, recorder: Recorder) -> None:
    bob = come()
    host.press("start", queue=False)
    recorder.report(code="storage")
    assert "storage" in host.state["why"]
    assert bob.state["why"] == ""


def test_rows_of_a_lecture_go_with_it(app: Any, host: Somebody, lecture_of: Any) -> None:
    host.press("start", queue=False)
    host.press("me", recorded=False)
    with app.app_context():
        db.session.delete(lecture_of(host))
        db.session.commit()
        assert db.session.query(LectureRecording).count() == 0
