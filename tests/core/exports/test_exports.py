"""Taking a lecture out: who gets what, once; called off, made again, taken away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.db import db, now
from core.exports.jobs import sweep_exports
from core.exports.models import Export
from core.files.models import StoredFile
from core.lectures.models import Lecture
from tests.core.exports.conftest import Hall


def test_the_page_offers_ways_options_and_sections(hall: Hall) -> None:
    page = hall.host.get(hall.page).text
    assert 'name="exporter" value="rogue" checked' in page and 'name="rogue.about"' in page
    assert hall.ids(hall.host) == ["notes-all", "notes-ours", "participants"]
    assert f'href="{hall.page}"' in hall.host.get(f"/lectures/{hall.id}").text


def test_an_export_is_made_and_downloaded_by_its_owner(hall: Hall) -> None:
    said = hall.said(hall.host, "fine")
    assert said == {"title": "Today", "sections": ["notes-all", "notes-ours", "participants"]}
    page = hall.host.get(hall.page).text
    assert "said.json" in page and "/file" in page


def test_a_guest_gets_no_line_meant_for_hosts(hall: Hall) -> None:
    hall.made(hall.host)
    grace = hall.guest()
    assert hall.ids(grace) == ["notes-all"]
    assert hall.said(grace, "fine")["sections"] == ["notes-all"]
    refused = hall.ask(grace, section=["notes-all", "notes-ours"])
    assert refused.status_code == 422 and "There is no section" in refused.text


def test_only_what_was_chosen_is_in_it(hall: Hall) -> None:
    export = hall.made(hall.host, section=["notes-ours"])
    assert hall.download(hall.host, export).json["sections"] == ["notes-ours"]
    nothing = hall.ask(hall.host, section=[])
    assert nothing.status_code == 422 and "Choose at least one section" in nothing.text


def test_nobody_else_gets_it_not_even_by_its_address(hall: Hall) -> None:
    grace, alan = hall.guest(), hall.guest("Alan")
    export = hall.made(grace)
    for other in (alan, hall.host, hall.app.test_client()):
        assert hall.download(other, export).status_code == 404
        for what in ("cancel", "again", "remove"):
            assert other.post(f"{hall.page}/{export.public_id}/{what}").status_code == 404
    assert export.file is not None
    assert hall.host.get(f"/files/{export.file.public_id}").status_code == 404
    assert hall.download(grace, export).status_code == 200


def test_who_may_not_read_any_more_gets_nothing(hall: Hall) -> None:
    grace = hall.guest()
    export = hall.made(grace)
    hall.ask(grace, "fine", "later")
    hall.let_people_read(False)
    hall.work()
    assert hall.download(grace, export).status_code == 404
    assert (hall.last().state, hall.last().why) == ("failed", "You may not read this lecture any more.")


def test_who_was_a_host_and_is_none_any_more_loses_what_was_for_hosts(
    hall: Hall, make_user: Any, sign_in: Any
) -> None:
    from core.lectures.models import Participant
    from core.rooms.models import RoomHost

    emmy = make_user("emmy@uni.example")
    with hall.app.app_context():
        db.session.add(RoomHost(room_id=hall.room, user_id=emmy))
        db.session.add(Participant(lecture_id=hall.lecture, user_id=emmy, name="Emmy"))
        db.session.commit()
    client = sign_in(emmy)
    export = hall.made(client)
    assert export.for_hosts and hall.download(client, export).status_code == 200
    with hall.app.app_context():
        db.session.query(RoomHost).filter_by(user_id=emmy).delete()
        db.session.commit()
    assert hall.download(client, export).status_code == 403


def test_equal_exports_share_a_file_and_others_dont(hall: Hall) -> None:
    first, second = hall.made(hall.host), hall.made(hall.host)
    assert second.file_id == first.file_id is not None
    assert hall.made(hall.host, about="else").file_id != first.file_id
    hall.sections.pop()
    assert hall.made(hall.host).file_id != first.file_id
    hall.host.post(f"{hall.page}/{first.public_id}/remove")
    assert hall.download(hall.host, second).status_code == 200
    hall.host.post(f"{hall.page}/{second.public_id}/remove")
    with hall.app.app_context():
        assert db.session.get_one(StoredFile, first.file_id).state == "gone"


def test_what_was_called_off_is_never_made(hall: Hall) -> None:
    hall.ask(hall.host)
    waiting = hall.last()
    hall.host.post(f"{hall.page}/{waiting.public_id}/cancel")
    hall.work()
    assert hall.last().state == "cancelled" and hall.last().file_id is None
    hall.host.post(f"{hall.page}/{waiting.public_id}/again")
    hall.work()
    assert hall.last().state == "done"


def test_made_again_the_earlier_file_goes(hall: Hall) -> None:
    first = hall.made(hall.host)
    hall.sections.pop()
    hall.host.post(f"{hall.page}/{first.public_id}/again")
    hall.work()
    again = hall.last()
    assert (again.id, again.state) == (first.id, "done") and again.file_id != first.file_id
    with hall.app.app_context():
        assert db.session.get_one(StoredFile, first.file_id).state == "gone"


def test_the_job_may_run_twice_and_leaves_one_result(hall: Hall) -> None:
    from core.exports.jobs import export as job

    made = hall.made(hall.host)

    class Context:
        class job:
            attempts = 0

    with hall.app.app_context():
        job(Context, export_id=made.id, run=made.run)
        assert db.session.query(StoredFile).count() == 1


def test_an_export_goes_with_its_lecture(hall: Hall) -> None:
    hall.ask(hall.host)
    with hall.app.app_context():
        db.session.delete(db.session.get_one(Lecture, hall.lecture))
        db.session.commit()
    hall.work()
    assert hall.host.get(hall.page).status_code == 404
    with hall.app.app_context():
        assert db.session.query(Export).count() == 0


def test_a_storage_that_is_down_is_waited_for_and_then_said(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.errors import StorageDown
    from core.files.local import LocalStorage

    def full(*_args: Any) -> None:
        raise StorageDown("the disk is full")

    monkeypatch.setattr(LocalStorage, "save", full)
    hall.ask(hall.host)
    hall.work()
    assert hall.last().state == "working"
    monkeypatch.undo()
    with hall.app.app_context():
        db.session.execute(db.text("UPDATE procrastinate_jobs SET scheduled_at = now()"))
        db.session.commit()
    hall.work()
    assert hall.last().state == "done"


def test_old_exports_are_forgotten(hall: Hall) -> None:
    made = hall.made(hall.host)
    with hall.app.app_context():
        db.session.get_one(Export, made.id).asked_at = now() - timedelta(days=31)
        db.session.commit()
        sweep_exports(0)
        assert db.session.query(Export).count() == 0
        assert db.session.get_one(StoredFile, made.file_id).state == "gone"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"exporter": "nothing"}, "There is no such format"),
        ({"exporter": ""}, "There is no such format"),
        ({"section": ["x" * 5000]}, "There is no section"),
    ],
)
def test_wrong_input_is_said_in_words_and_keeps_what_was_typed(
    hall: Hall, form: dict[str, Any], words: str
) -> None:
    answer = hall.ask(hall.host, about="my words", **form)
    assert answer.status_code in (404, 422) and words in answer.text
    assert 'value="my words"' in answer.text
    with hall.app.app_context():
        assert db.session.query(Export).count() == 0


def test_nobody_can_ask_for_very_many_at_once(hall: Hall) -> None:
    for n in range(10):
        assert hall.ask(hall.host, about=str(n)).status_code == 303
    assert hall.ask(hall.host, about="11").status_code == 429
    assert hall.ask(hall.guest()).status_code == 303


def test_a_stranger_finds_no_page(hall: Hall) -> None:
    stranger = hall.app.test_client()
    assert stranger.get(hall.page).status_code == 404
    assert stranger.post(hall.page, data={"exporter": "rogue"}).status_code == 404
