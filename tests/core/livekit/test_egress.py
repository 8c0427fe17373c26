"""LiveKit's egress API, its tokens and its webhooks, against a stand-in that speaks its protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from livekit.protocol import egress as messages

from core import events
from core.contracts import Bucket, EgressChanged, EgressState, EgressStatus
from core.db import db, now
from core.errors import EgressBusy, LiveKitDown, LiveKitError, StorageDown
from core.files import stored as files
from core.files.local import LocalStorage
from core.lectures.models import Lecture
from core.livekit import egress as ours
from core.livekit import webhooks
from core.livekit.client import livekit
from core.livekit.tokens import BadToken, read_recorder_token
from core.models import WebhookEvent
from tests.fixtures.egress import FULL, NO_REDIS, NOBODY, EgressServer, Job, egress_server

BUCKET = Bucket(
    "lectures", "eu-central-1", "the-key", "the-secret", "https://s3.uni.example", True, "audimax/"
)


class Shared(LocalStorage):
    """A folder that says that it is a bucket."""

    bucket = BUCKET


@pytest.fixture
def server(settings: dict[str, Any]) -> Iterator[EgressServer]:
    with egress_server(settings["livekit_key"], settings["livekit_secret"]) as made:
        yield made


@pytest.fixture
def app(make_app: Callable[..., Flask], server: EgressServer) -> Flask:
    made = make_app(livekit_api_url=server.url)

    def deliver(body: bytes, token: str) -> None:
        headers = {"Origin": None, "Content-Type": "application/webhook+json", "Authorization": token}
        assert made.test_client().post("/api/livekit/webhook", data=body, headers=headers).status_code == 200

    server.deliver = deliver
    return made


@pytest.fixture
def lecture(app: Flask, make_user: Any, make_room: Any, context: None) -> Lecture:
    made = Lecture(room_id=make_room(make_user())[0], title="Sorting", started_at=now() - timedelta(hours=1))
    db.session.add(made)
    db.session.commit()
    return made


@pytest.fixture
def start(app: Flask, lecture: Lecture, server: EgressServer) -> Callable[[], Job]:
    """``start()`` asks for an egress of the lecture; what LiveKit has of it."""
    known = app.extensions["audimax_offers"]["storages"]
    known["local"] = Shared(known["local"].folder)

    def ask() -> Job:
        stored = files.expect(lecture, "recording", name="piece.mp4", mime="video/mp4")
        db.session.commit()
        seen = ours.start(lecture, "https://audimax.uni.example/page?run=1", stored, (854, 480))
        assert seen == EgressState(server.last.id, EgressStatus.STARTING, file=f"audimax/{stored.key}")
        return server.last

    return ask


def test_a_request_says_what_is_recorded_how_and_where_to(start: Callable[[], Job], lecture: Lecture) -> None:
    request = start().request
    assert (request.room_name, request.custom_base_url) == (
        lecture.public_id,
        "https://audimax.uni.example/page?run=1",
    )
    (output,) = request.file_outputs
    assert output.filepath.startswith("audimax/kept/") and output.filepath.endswith(".mp4")
    assert (output.file_type, output.disable_manifest) == (messages.EncodedFileType.MP4, True)
    place = output.s3
    assert (place.endpoint, place.region, place.bucket) == (
        "https://s3.uni.example",
        "eu-central-1",
        "lectures",
    )
    assert (place.access_key, place.secret, place.force_path_style) == ("the-key", "the-secret", True)
    assert (request.advanced.width, request.advanced.height, request.advanced.framerate) == (854, 480, 25)


def test_the_keys_of_a_bucket_are_in_no_words_about_it() -> None:
    assert "the-secret" not in repr(BUCKET) and "the-key" not in repr(BUCKET)


def test_all_egresses_of_a_room_are_listed_however_many(
    start: Callable[[], Job], server: EgressServer, lecture: Lecture
) -> None:
    made = [start() for _ in range(5)]
    made[0].request.room_name = "another"
    assert [one.id for one in ours.all_of(lecture)] == [job.id for job in made[1:]]
    assert server.asked.count("ListEgress") == 2


def test_stopping_what_is_gone_or_over_is_done_already(
    start: Callable[[], Job], server: EgressServer
) -> None:
    job = start()
    assert ours.stop(job.id) is True
    server.fail(job)
    assert ours.stop(job.id) is False
    assert ours.stop("EG_nobody") is False


@pytest.mark.parametrize("how", [FULL, NOBODY])
def test_a_busy_egress_is_told_apart(start: Callable[[], Job], server: EgressServer, how: Any) -> None:
    server.refuse = how
    with pytest.raises(EgressBusy):
        start()


@pytest.mark.parametrize(
    ("how", "error"), [(NO_REDIS, LiveKitDown), ((404, "not_found", "no such room"), LiveKitError)]
)
def test_other_refusals_are_what_they_are(
    start: Callable[[], Job], server: EgressServer, how: Any, error: type[Exception]
) -> None:
    server.refuse = how
    with pytest.raises(error):
        start()


def test_a_request_whose_answer_is_lost_is_not_sent_twice(
    start: Callable[[], Job], server: EgressServer
) -> None:
    # A kept-alive connection that breaks off is where other calls are repeated.
    start()
    server.drops = True
    with pytest.raises(LiveKitDown):
        start()
    assert len(server.jobs) == 2


def test_a_storage_without_a_bucket_is_refused(app: Flask, lecture: Lecture, server: EgressServer) -> None:
    stored = files.expect(lecture, "recording", name="piece.mp4", mime="video/mp4")
    with pytest.raises(StorageDown, match="no bucket"):
        ours.start(lecture, "https://audimax.uni.example/page", stored, (854, 480))
    assert server.jobs == [] and not files.takes_from_others()


def test_a_token_that_cannot_record_is_refused(app: Flask, server: EgressServer, context: None) -> None:
    server.secret = "another" * 10
    with pytest.raises(LiveKitError, match="unauthenticated"):
        livekit().list_egress("room")


# --- tokens -----------------------------------------------------------------------------


def test_the_token_of_an_egress_names_it(
    start: Callable[[], Job], server: EgressServer, lecture: Lecture
) -> None:
    job = start()
    assert ours.reader_of(lecture, server.token(job)) == job.id
    claim = read_recorder_token(server.token(job))
    assert (claim.identity, claim.lecture_public_id) == (job.id, lecture.public_id)


@pytest.mark.parametrize(
    "changed", [{"kind": "standard"}, {"video": {"recorder": False}}, {"secret": "x" * 40}, {"exp": 1}]
)
def test_other_tokens_name_nobody(
    start: Callable[[], Job], server: EgressServer, changed: dict[str, Any]
) -> None:
    with pytest.raises(BadToken):
        read_recorder_token(server.token(start(), **changed))


# --- webhooks ---------------------------------------------------------------------------


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[EgressChanged]:
    said: list[Any] = []
    monkeypatch.setattr(events, "publish", said.append)
    return said


def work() -> None:
    for event in db.session.query(WebhookEvent).order_by(WebhookEvent.received_at).all():
        webhooks.work(event.id)


def test_plugins_hear_what_livekit_says_of_an_egress(
    start: Callable[[], Job], server: EgressServer, lecture: Lecture, published: list[EgressChanged]
) -> None:
    job = start()
    server.begin(job, ago=10)
    server.fail(job, "upload failed")
    work()
    work()
    assert [one.status for one in published] == ["starting", "active", "failed"]
    last = published[-1]
    assert (last.room_id, last.lecture_id, last.egress_id) == (lecture.room_id, lecture.id, job.id)
    assert (last.error, last.file) == ("upload failed", job.path)
    assert last.started_at == pytest.approx(job.begun, abs=0.001) and last.ended_at is not None
    assert last.state.is_over and last.state.status is EgressStatus.FAILED


def test_no_key_is_kept_of_what_livekit_says(start: Callable[[], Job], server: EgressServer) -> None:
    job = start()
    # An older LiveKit that doesn't take it out.
    job.info.room_composite.file_outputs[0].s3.secret = "the-secret"
    server.begin(job)
    assert "the-secret" not in str([one.payload for one in db.session.query(WebhookEvent)])


def test_nobody_hears_of_a_room_that_is_no_lecture(
    start: Callable[[], Job], server: EgressServer, published: list[EgressChanged]
) -> None:
    job = start()
    job.info.room_name = "nowhere"
    server.begin(job)
    work()
    assert [one.status for one in published] == ["starting"]


def test_an_event_goes_to_plugins_and_back_as_json(start: Callable[[], Job], server: EgressServer) -> None:
    start()
    work()
    told = EgressChanged(1, 2, "EG_1", "complete", "", "kept/x.mp4", 7, 1.5, None)
    assert events.TYPES["EgressChanged"] is EgressChanged
    assert told.state == EgressState("EG_1", EgressStatus.COMPLETE, "", "kept/x.mp4", 7, 1.5, None)
