"""Places elsewhere: who may have a lecture brought there, what comes along, and every way in which it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest

from core.contracts import Audience, FileEntry, Files, Link
from core.db import db
from core.exports import delivering
from core.exports.models import Export
from core.files import stored
from core.lectures.models import Lecture
from tests.core.exports.conftest import Hall
from tests.core.exports.rogue.hooks import Elsewhere

PATIENCE = 30.0


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Time is not what is looked at here."""
    return {**settings, "export_seconds": 60}


@pytest.fixture(autouse=True)
def _nothing_came() -> Iterator[None]:
    Elsewhere.stopped.clear()
    yield
    Elsewhere.came.clear()
    Elsewhere.tried.clear()
    Elsewhere.link = None
    Elsewhere.stopped.set()


def ask(hall: Hall, client: Any, does: str = "fine", **more: Any) -> Any:
    form = {"exporter": "elsewhere", "elsewhere.does": does, "elsewhere.brings": "rogue"}
    return client.post(hall.page, data={**form, "section": hall.ids(client), **more})


def brought(hall: Hall, does: str = "fine", **more: Any) -> Export:
    assert ask(hall, hall.host, does, **more).status_code == 303
    hall.work()
    return hall.last()


def share(hall: Hall, name: str, content: bytes, audience: Audience = Audience.EVERYONE) -> None:
    """A file of the lecture, in a section of its own."""
    with hall.app.app_context():
        lecture = db.session.get_one(Lecture, hall.lecture)
        made = stored.keep(
            lecture,
            "notes",
            name=name,
            body=BytesIO(content),
            size=len(content),
            mime="text/plain",
            audience=audience,
        )
        db.session.commit()
        entry = FileEntry(name, "text/plain", len(content), f"/files/{made.public_id}")
    hall.sections.append(Files(f"f{len(hall.sections)}", name, files=(entry,)))  # type: ignore[arg-type]


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        threading.Event().wait(0.02)


def wait_for_jobs(hall: Hall) -> None:
    """Jobs that wait for a better moment have it now."""
    with hall.app.app_context():
        db.session.execute(db.text("UPDATE procrastinate_jobs SET scheduled_at = now()"))
        db.session.commit()
    hall.work()


def test_what_others_have_made_behind_walls_and_the_files_are_brought(hall: Hall) -> None:
    share(hall, "notes.txt", b"all of them")
    export = brought(hall, **{"elsewhere.files": "on"})
    assert (export.state, export.link) == ("done", "https://elsewhere.example/1"), export.why
    names = {key.partition(":")[0]: content for key, content in Elsewhere.came.items()}
    assert b'"title": "Today"' in names["rogue said.json"] and names["file"] == b"all of them"
    page = hall.host.get(hall.page).text
    assert 'href="https://elsewhere.example/1"' in page and "Look there" in page


@pytest.mark.usefixtures("without_walls")
def test_only_what_was_chosen_is_brought(hall: Hall) -> None:
    share(hall, "notes.txt", b"all of them")
    brought(hall, section=["notes-all"], **{"elsewhere.files": "on"})
    [(key, content)] = Elsewhere.came.items()
    assert key == "rogue said.json" and b'["notes-all"]' in content
    Elsewhere.came.clear()
    brought(hall, **{"elsewhere.brings": "", "elsewhere.files": "on"})
    assert [key.split()[1] for key in Elsewhere.came] == ["notes.txt"]


def test_its_page_and_options_are_offered_and_guests_are_not(hall: Hall) -> None:
    page = hall.host.get(hall.page).text
    assert 'value="elsewhere"' in page and 'href="/plugins/rogue/"' in page
    grace = hall.guest()
    assert 'value="elsewhere"' not in grace.get(hall.page).text
    refused = ask(hall, grace)
    assert refused.status_code == 403 and "need an account" in refused.text


@pytest.mark.usefixtures("without_walls")
def test_who_isnt_ready_is_told_where_to_go(hall: Hall) -> None:
    Elsewhere.link = Link("/plugins/rogue/", "Connect Elsewhere")
    page = hall.host.get(hall.page).text
    assert 'href="/plugins/rogue/">Connect Elsewhere' in page
    refused = ask(hall, hall.host)
    assert refused.status_code == 409 and "Do this first: Connect Elsewhere." in refused.text
    Elsewhere.link = None
    failed = brought(hall, "refuses")
    assert (failed.state, failed.why) == ("failed", "There is no room there.")
    Elsewhere.link = Link("/plugins/rogue/", "Connect Elsewhere")
    assert (
        "btn-primary" in hall.host.get(hall.page).text.partition("no room there")[2].partition("Connect")[0]
    )


@pytest.mark.parametrize(
    "link",
    [RuntimeError("out of order"), "nowhere", Link("https://evil.example/"), Link("javascript:alert(1)")],
)
def test_one_that_cannot_say_whether_it_is_ready_is_left_out(hall: Hall, link: Any) -> None:
    Elsewhere.link = link
    page = hall.host.get(hall.page)
    assert page.status_code == 200 and 'value="rogue"' in page.text and 'value="elsewhere"' not in page.text
    refused = ask(hall, hall.host)
    assert refused.status_code == 503 and "“Elsewhere” doesn’t work right now" in refused.text
    failures = hall.app.extensions["audimax_plugins"].failures
    assert (failures[-1].plugin, failures[-1].hook) == ("rogue", "destination elsewhere")


@pytest.mark.parametrize(
    ("brings", "words"),
    [
        ("-", "Choose what to bring."),
        ("nothing", "The format “nothing” is switched off here."),
        ("elsewhere", "The format “elsewhere” is switched off here."),
        ("!", "The plugin “rogue” failed."),
    ],
)
def test_a_choice_that_cannot_be_met_is_refused_at_once(hall: Hall, brings: str, words: str) -> None:
    refused = ask(hall, hall.host, **{"elsewhere.brings": brings})
    assert refused.status_code == 422 and words in refused.text
    with hall.app.app_context():
        assert db.session.query(Export).count() == 0


@pytest.mark.usefixtures("without_walls")
@pytest.mark.parametrize(
    ("does", "words", "problem"),
    [
        ("raises", "The plugin “rogue” failed.", "RuntimeError: out of order"),
        ("wrong", "The plugin “rogue” failed.", "deliver() gave str"),
        ("refuses", "There is no room there.", ""),
    ],
)
def test_what_goes_wrong_is_said_and_ends_there(hall: Hall, does: str, words: str, problem: str) -> None:
    failed = brought(hall, does)
    assert failed.state == "failed" and words in failed.why
    failures = [one.problem for one in hall.app.extensions["audimax_plugins"].failures]
    assert [problem in one for one in failures] == [True] * bool(problem)
    assert brought(hall).state == "done", "the worker goes on"


def test_an_exporter_that_fails_behind_its_walls_fails_the_delivery(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        delivering, "_defaults", lambda exporter: {"does": "raises", "about": "", "loud": False}
    )
    failed = brought(hall)
    assert failed.state == "failed" and "The plugin “rogue” failed." in failed.why
    assert Elsewhere.tried == [], "nothing was begun"


@pytest.mark.usefixtures("without_walls")
def test_what_passes_is_tried_again(hall: Hall) -> None:
    assert brought(hall, "passes").state == "working"
    wait_for_jobs(hall)
    wait_for_jobs(hall)
    assert hall.last().state == "done" and len(Elsewhere.tried) == 3


@pytest.mark.usefixtures("without_walls")
def test_what_doesnt_pass_is_given_up_in_its_words(hall: Hall) -> None:
    brought(hall, "never")
    for _try in range(4):
        wait_for_jobs(hall)
    assert (hall.last().state, hall.last().why) == ("failed", "It takes nothing now.")
    assert len(Elsewhere.tried) == 5


@pytest.mark.usefixtures("without_walls")
def test_called_off_on_the_way_it_stops(hall: Hall) -> None:
    assert ask(hall, hall.host, "waits").status_code == 303
    worker = threading.Thread(target=hall.work)
    worker.start()
    until(lambda: bool(Elsewhere.tried))
    hall.host.post(f"{hall.page}/{hall.last().public_id}/cancel")
    worker.join(PATIENCE)
    assert Elsewhere.stopped.is_set() and hall.last().state == "cancelled"


@pytest.mark.usefixtures("without_walls")
def test_it_stops_when_the_lecture_is_deleted(hall: Hall) -> None:
    assert ask(hall, hall.host, "waits").status_code == 303
    worker = threading.Thread(target=hall.work)
    worker.start()
    until(lambda: bool(Elsewhere.tried))
    with hall.app.app_context():
        db.session.delete(db.session.get_one(Lecture, hall.lecture))
        db.session.commit()
    worker.join(PATIENCE)
    assert Elsewhere.stopped.is_set()


@pytest.mark.usefixtures("without_walls")
@pytest.mark.parametrize("does", ["waits", "hangs"])
def test_one_that_takes_too_long_holds_nobody_up(
    hall: Hall, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(delivering, "_deadline", lambda: time.monotonic() + 0.5)
    failed = brought(hall, does)
    assert failed.state == "failed" and "It took too long and was stopped." in failed.why
    assert brought(hall).state == "done", "the worker goes on"


@pytest.mark.usefixtures("without_walls")
def test_who_may_not_read_any_more_has_nothing_brought(hall: Hall, make_user: Any, sign_in: Any) -> None:
    from core.rooms.models import RoomHost

    emmy = make_user("emmy@uni.example")
    with hall.app.app_context():
        db.session.add(RoomHost(room_id=hall.room, user_id=emmy))
        db.session.commit()
    assert ask(hall, sign_in(emmy)).status_code == 303
    with hall.app.app_context():
        db.session.query(RoomHost).filter_by(user_id=emmy).delete()
        db.session.commit()
    hall.work()
    assert hall.last().why == "You may not read this lecture any more." and Elsewhere.tried == []


@pytest.mark.usefixtures("without_walls")
def test_a_participant_brings_no_file_meant_for_hosts(hall: Hall, make_user: Any, sign_in: Any) -> None:
    from core.lectures.models import Participant

    share(hall, "open.txt", b"for all")
    share(hall, "answers.txt", b"for hosts", Audience.HOSTS)
    kay = make_user("kay@uni.example")
    with hall.app.app_context():
        db.session.add(Participant(lecture_id=hall.lecture, user_id=kay, name="Kay"))
        db.session.commit()
    client = sign_in(kay)
    assert ask(hall, client, **{"elsewhere.brings": "", "elsewhere.files": "on"}).status_code == 303
    hall.work()
    assert list(Elsewhere.came.values()) == [b"for all"]


@pytest.mark.usefixtures("without_walls")
def test_a_storage_that_is_down_is_waited_for(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.errors import StorageDown
    from core.files.local import LocalStorage

    def down(*_args: Any) -> None:
        raise StorageDown("the disk is away")

    share(hall, "notes.txt", b"all of them")
    monkeypatch.setattr(LocalStorage, "open", down)
    assert brought(hall, **{"elsewhere.files": "on"}).state == "working"
    monkeypatch.undo()
    wait_for_jobs(hall)
    assert hall.last().state == "done" and b"all of them" in Elsewhere.came.values()
