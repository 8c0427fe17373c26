"""After the end: the files of all egresses become a film on the lecture's page, and nothing else is left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.db import db, now
from core.files import care
from core.files.models import State, StoredFile
from plugins.recording import engines
from plugins.recording.models import Piece, Span
from plugins.recording.settings import Settings
from tests.fixtures.egress import EgressServer
from tests.plugins.recording.conftest import Somebody


def page(host: Somebody, recorder: Any) -> str:
    answer = host.client.get(f"/lectures/{recorder.lecture}")
    assert answer.status_code == 200
    return str(answer.text)


def test_two_egresses_become_one_film(
    app: Any,
    host: Somebody,
    recorder: Any,
    record: Any,
    egress: EgressServer,
    end: Any,
    work: Any,
    recording: Any,
) -> None:
    first = record(5.0)
    host.press("pause")
    egress.finish(first, seconds=2)
    host.press("resume")
    second = record.under_way(2.0)
    end()
    assert recording()["outcome"] == "waiting", "the second is still being written"
    assert "The recording is being made" in page(host, recorder)
    egress.finish(second, seconds=2)
    end()
    made = recording()
    assert (made["outcome"], made["wish"]) == ("done", "off")
    facts = made["facts"]
    assert facts["duration"] == pytest.approx(4, abs=0.2) and len(facts["spans"]) == 2
    assert facts["spans"][0]["began_at"] == pytest.approx(first.begun, abs=0.01)
    assert facts["spans"][1]["began_at"] == pytest.approx(second.begun, abs=0.01)
    assert made["thumbnails"]["count"] == 1
    with app.app_context():
        assert db.session.query(Piece).count() == 0
        live = db.session.query(StoredFile).filter_by(state=State.READY.value).order_by(StoredFile.id).all()
        assert [(one.mime, one.extension) for one in live] == [
            ("video/mp4", "mp4"), ("image/webp", "webp"), ("audio/mp4", "m4a"),
        ]  # fmt: skip
        address = f"/files/{live[0].public_id}"
        found = care.check()
        assert found.is_fine, found.text()
    html = page(host, recorder)
    assert address in html and 'data-mime="video/mp4"' in html and "About the recording" in html
    assert "320 × 180" in html
    answer = host.client.get(address)
    assert (
        answer.status_code == 302
        and ".mp4" in answer.location
        and "video/mp4" in answer.location.replace("%2F", "/")
    )


def test_an_egress_that_died_is_a_gap(
    app: Any,
    host: Somebody,
    recorder: Any,
    record: Any,
    egress: EgressServer,
    end: Any,
    work: Any,
    pass_by: Any,
    recording: Any,
) -> None:
    first = record(40.0)
    since = now() - timedelta(seconds=40)
    with app.app_context():
        db.session.query(Span).update({"since": since})
        db.session.commit()
    pass_by(8)
    egress.fail(first)
    work()
    second = record.under_way(3.0)
    egress.finish(second, seconds=2)
    end()
    (gap,) = recording()["facts"]["gaps"]
    # All but the three seconds that were kept; a busy machine needs some for what is between.
    longest = (now() - since).total_seconds() - 3 + 1
    assert gap["at"] == 0.0 and 36 <= gap["seconds"] <= longest
    assert "Gaps" in page(host, recorder)


def test_without_a_file_there_is_no_film(
    app: Any, host: Somebody, recorder: Any, record: Any, egress: EgressServer, end: Any, recording: Any
) -> None:
    job = record(40.0)
    with app.app_context():
        db.session.query(Span).update({"since": now() - timedelta(seconds=40)})
        db.session.commit()
    egress.fail(job)
    end()
    assert recording()["outcome"] == "none"
    html = page(host, recorder)
    assert "recording-film" not in html and "Nothing was recorded" in html


def test_an_egress_that_nobody_hears_of_is_not_waited_for_for_ever(
    host: Somebody, record: Any, egress: EgressServer, end: Any, recording: Any
) -> None:
    from tests.fixtures.egress import NO_REDIS

    record()
    egress.list_refuses = NO_REDIS
    end(ago=60)
    assert recording()["outcome"] == "waiting"


def test_after_two_hours_it_is_given_up(
    host: Somebody, record: Any, egress: EgressServer, end: Any, recording: Any, pass_by: Any
) -> None:
    from tests.fixtures.egress import NO_REDIS

    record()
    egress.list_refuses = NO_REDIS
    pass_by(60)
    end(ago=3 * 3600)
    end()
    assert recording()["outcome"] == "none"


def test_what_cannot_be_read_is_said_and_kept(
    app: Any, host: Somebody, recorder: Any, record: Any, egress: EgressServer, end: Any, recording: Any
) -> None:
    egress.film = lambda _seconds: b"nothing that plays"
    job = record()
    egress.finish(job)
    end()
    assert recording()["outcome"] == "failed"
    assert "could not be put together" in page(host, recorder)
    with app.app_context():
        assert db.session.query(Piece).count() == 1


def test_the_engine_that_began_ends_it(
    app: Any, host: Somebody, record: Any, egress: EgressServer, end: Any, recording: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    job = record()
    monkeypatch.setattr(engines, "settings", lambda _cls: Settings(engine="recorder"))
    with app.app_context():
        assert engines.engine_of(None) == "recorder"
    egress.finish(job)
    end()
    assert recording()["outcome"] == "done"
