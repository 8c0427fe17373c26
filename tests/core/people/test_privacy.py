"""All data of one person: as a ZIP for them, and removed for good."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from core import cli
from core.db import db, now
from core.files import care, storages
from core.files.models import StoredFile
from core.lectures.models import Lecture, Participant
from core.models import AuditEntry, Waiting
from core.people.models import GuestSession, PersonErasure, PersonExport, User
from core.people.privacy import erasing, exporting, jobs, persons
from core.rooms.models import Room, RoomHost
from tests.core.admin.conftest import PASSWORD, ada, admin, audited, boss, no_tries_yet, quick_hashes, user
from tests.fixtures.working import work_off

__all__ = ["ada", "admin", "audited", "boss", "no_tries_yet", "quick_hashes", "user"]
PEOPLE = "/admin/people"
ADDRESS = "ada@uni.example"


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A file storage of its own."""
    return {**settings, "instance_dir": str(tmp_path)}


@pytest.fixture
def place(ada: int, user: Any) -> str:
    """The page about Ada."""
    return f"{PEOPLE}/{user(ada).public_id}"


@pytest.fixture
def work(app: Flask) -> Callable[[], None]:
    return lambda: work_off(app)


@pytest.fixture
def lecture(app: Flask, ada: int, make_user: Any, make_room: Any) -> int:
    """Somebody else's lecture that is over; Ada took part, and sent a file of ten bytes."""
    room, _id, _code = make_room(make_user("kay@uni.example", name="Kay"))
    with app.app_context():
        held = Lecture(room_id=room, title="Today", ended_at=now())
        browser = GuestSession(token_hash="their-secret", name="Ada Lovelace", user_id=ada)
        db.session.add_all([held, browser])
        db.session.flush()
        theirs = Participant(
            lecture_id=held.id, user_id=ada, name="Ada Lovelace", guest_session_id=browser.id, address_key="x"
        )
        other = Participant(lecture_id=held.id, name="Bob")
        db.session.add_all([theirs, other])
        db.session.flush()
        sent = StoredFile(
            plugin="files",
            storage="local",
            name="notes.txt",
            extension="txt",
            mime="text/plain",
            size=10,
            state="ready",
            in_use=True,
            lecture_id=held.id,
            room_id=room,
            participant_id=theirs.id,
            user_id=ada,
            uploader_name="Ada Lovelace",
        )
        db.session.add(sent)
        db.session.flush()
        storages.local().save(sent.key, io.BytesIO(b"0123456789"), "text/plain")
        waits = Waiting(room_id=room, guest_session_id=browser.id, name="Ada Lovelace", cause="host_absent")
        db.session.add_all([waits, RoomHost(room_id=room, user_id=ada)])
        db.session.add(AuditEntry(action="x.told", lecture_id=held.id, target="Ada Lovelace"))
        db.session.add(AuditEntry(action="x.did", actor_id=ada, actor_name="Ada Lovelace", target="Bob"))
        db.session.commit()
        return held.id


def unpacked(answer: Any) -> zipfile.ZipFile:
    assert answer.status_code == 200, answer.text
    return zipfile.ZipFile(io.BytesIO(answer.data))


def copies(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        query = sa.select(PersonExport.public_id, PersonExport.state).order_by(PersonExport.id)
        return [tuple(row) for row in db.session.execute(query)]


def erased(who: FlaskClient, place: str, **more: str) -> Any:
    return who.post(f"{place}/erase", data={"confirm": ADDRESS, "password": PASSWORD, **more})


# --- a copy ---------------------------------------------------------------------------


def test_an_administrator_has_a_copy_made_of_all_that_is_stored(
    app: Flask, boss: FlaskClient, place: str, lecture: int, work: Any, audited: Any
) -> None:
    assert boss.post(f"{place}/exports").status_code == 303
    assert "It is being made" in boss.get(place).text
    work()
    ((copy, state),) = copies(app)
    assert state == "done" and copy in boss.get(place).text
    archive = unpacked(boss.get(f"{place}/exports/{copy}"))
    read = {name: archive.read(name) for name in archive.namelist()}
    (account,) = json.loads(read["core/account.json"])
    assert account["email"] == ADDRESS and "password_hash" not in account
    assert [one["lecture"] for one in json.loads(read["core/lectures.json"])] == ["Today"]
    assert {one["action"] for one in json.loads(read["core/log.json"])} == {"x.told", "x.did", "user.export"}
    assert {"core/waiting.json", "core/co_hosted.json", "core/browsers.json"} <= set(read)
    (sent,) = json.loads(read["files.json"])
    assert read[sent["in"]] == b"0123456789"
    page = read["index.html"].decode()
    assert "What is stored about you" in page and all(name in page for name in read if "json" in name)
    assert b"their-secret" not in b"".join(read.values())
    assert ("user.export", ADDRESS) in audited()


def test_nobody_but_who_asked_for_a_copy_gets_it(
    app: Flask, boss: FlaskClient, place: str, ada: int, make_user: Any, sign_in: Any, work: Any
) -> None:
    boss.post(f"{place}/exports")
    work()
    ((copy, _state),) = copies(app)
    other = sign_in(make_user(is_admin=True))
    assert other.get(f"{place}/exports/{copy}").status_code == 404
    assert copy not in other.get(place).text
    assert sign_in(ada).get(f"/account/data/{copy}").status_code == 404
    assert sign_in(ada).get(f"{place}/exports/{copy}").status_code == 403


def test_people_have_a_copy_made_by_their_password(
    app: Flask, ada: int, lecture: int, sign_in: Any, work: Any
) -> None:
    mine = sign_in(ada)
    assert mine.post("/account/data", data={"data_password": "guessed"}).status_code == 422
    assert copies(app) == []
    assert mine.post("/account/data", data={"data_password": PASSWORD}).status_code == 303
    work()
    ((copy, _state),) = copies(app)
    assert copy in mine.get("/account").text
    assert "core/account.json" in unpacked(mine.get(f"/account/data/{copy}")).namelist()


def test_what_is_too_large_together_is_named(
    app: Flask, boss: FlaskClient, place: str, lecture: int, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_FILE_BYTES", 9)
    boss.post(f"{place}/exports")
    work()
    archive = unpacked(boss.get(f"{place}/exports/{copies(app)[0][0]}"))
    (sent,) = json.loads(archive.read("files.json"))
    assert sent["name"] == "notes.txt" and "too large" in sent["left_out"]
    assert not [name for name in archive.namelist() if name.startswith("files/")]


def test_missing_bytes_are_named_too(
    app: Flask, boss: FlaskClient, place: str, lecture: int, work: Any
) -> None:
    with app.app_context():
        storages.local().delete(db.session.query(StoredFile).one().key)
    boss.post(f"{place}/exports")
    work()
    archive = unpacked(boss.get(f"{place}/exports/{copies(app)[0][0]}"))
    assert "missing" in json.loads(archive.read("files.json"))[0]["left_out"]


def test_a_copy_that_is_being_made_is_enough_and_a_new_one_replaces_the_old(
    app: Flask, boss: FlaskClient, place: str, work: Any
) -> None:
    boss.post(f"{place}/exports")
    boss.post(f"{place}/exports")
    assert len(copies(app)) == 1
    work()
    old = copies(app)
    boss.post(f"{place}/exports")
    work()
    assert len(copies(app)) == 1 and copies(app) != old
    with app.app_context():
        assert care.check().is_fine


def test_copies_are_kept_for_a_week_and_then_gone_with_their_bytes(
    app: Flask, boss: FlaskClient, place: str, work: Any
) -> None:
    boss.post(f"{place}/exports")
    work()
    with app.app_context():
        key = db.session.query(PersonExport).one().key
        assert care.check().is_fine and storages.local().stat(key)
        jobs.sweep()
        assert db.session.query(PersonExport).count() == 1
        db.session.execute(sa.update(PersonExport).values(asked_at=now() - timedelta(days=8)))
        jobs.sweep()
    work()
    assert copies(app) == []
    with app.app_context():
        assert storages.local().stat(key) is None and care.check().is_fine


def test_a_copy_without_its_bytes_is_found_by_the_check(
    app: Flask, boss: FlaskClient, place: str, work: Any
) -> None:
    boss.post(f"{place}/exports")
    work()
    with app.app_context():
        storages.local().delete(db.session.query(PersonExport).one().key)
        assert [one.id for one in care.check().missing] == [copies(app)[0][0]]
    assert boss.get(f"{place}/exports/{copies(app)[0][0]}").status_code == 404


def test_a_job_that_runs_twice_makes_one_copy(app: Flask, boss: FlaskClient, place: str, work: Any) -> None:
    boss.post(f"{place}/exports")
    work()
    with app.app_context():
        export = db.session.query(PersonExport).one()
        before = export.over_at
        exporting.make(export.id)
        assert db.session.get_one(PersonExport, export.id).over_at == before


def test_a_copy_that_fails_says_so(
    app: Flask, boss: FlaskClient, place: str, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "write", lambda *_said: 1 / 0)
    boss.post(f"{place}/exports")
    work()
    assert "It could not be made." in boss.get(place).text


def test_copies_are_not_asked_for_without_end(boss: FlaskClient, place: str, work: Any, app: Flask) -> None:
    for _n in range(10):
        boss.post(f"{place}/exports")
        with app.app_context():
            db.session.execute(sa.update(PersonExport).values(state="failed"))
            db.session.commit()
    assert boss.post(f"{place}/exports").status_code == 429


# --- the question ---------------------------------------------------------------------


def test_the_question_says_what_goes(
    boss: FlaskClient, place: str, lecture: int, ada: int, make_room: Any
) -> None:
    make_room(ada)
    text = boss.get(f"{place}/erase").text
    assert "1 room belongs to this person" in text and "1 file that the person sent" in text
    assert "The name in 1 lecture" in text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"confirm": "kay@uni.example"}, "Type the address of the account"),
        ({"password": "guessed"}, "This isn&#39;t your current password."),
    ],
)
def test_nobody_is_deleted_without_address_and_password(
    boss: FlaskClient, place: str, user: Any, ada: int, said: dict[str, str], words: str
) -> None:
    answer = erased(boss, place, **said)
    assert answer.status_code == 422 and words in answer.text
    assert user(ada).disabled_at is None


def test_nobody_deletes_themselves(boss: FlaskClient, admin: int, user: Any) -> None:
    me = user(admin)
    answer = erased(boss, f"{PEOPLE}/{me.public_id}", confirm=me.email)
    assert answer.status_code == 409 and "You can’t delete your own account." in answer.text


def test_the_last_administrator_is_not_deleted(app: Flask, admin: int) -> None:
    with app.app_context(), pytest.raises(erasing.Refusal, match="last administrator"):
        erasing.begin(db.session.get_one(User, admin), None)


def test_rooms_have_to_go_somewhere(
    app: Flask, boss: FlaskClient, place: str, ada: int, user: Any, make_room: Any, make_user: Any
) -> None:
    make_room(ada)
    make_user("gone@uni.example", disabled_at=now())
    for said in ({}, {"rooms": "elsewhere"}):
        answer = erased(boss, place, **said)
        assert answer.status_code == 409 and "This person owns rooms." in answer.text
    assert "Say who gets the rooms." in erased(boss, place, rooms="hand_over").text
    for heir in ("nobody@uni.example", ADDRESS, "gone@uni.example"):
        answer = erased(boss, place, rooms="hand_over", heir=heir)
        assert answer.status_code == 404 and "There is no other account" in answer.text
    assert user(ada).disabled_at is None


def test_rooms_are_not_deleted_while_a_lecture_runs(
    app: Flask, boss: FlaskClient, place: str, ada: int, user: Any, make_room: Any
) -> None:
    room, _id, _code = make_room(ada)
    with app.app_context():
        db.session.add(Lecture(room_id=room, title="Now"))
        db.session.commit()
    answer = erased(boss, place, rooms="delete")
    assert answer.status_code == 409 and "A lecture is running in" in answer.text
    assert user(ada).disabled_at is None


# --- the deletion ---------------------------------------------------------------------


def test_a_deleted_person_is_out_at_once_and_then_gone(
    app: Flask, boss: FlaskClient, place: str, ada: int, lecture: int, sign_in: Any, work: Any
) -> None:
    theirs = sign_in(ada)
    assert erased(boss, place).status_code == 303
    assert theirs.get("/account").status_code == 302
    page = boss.get(place).text
    assert "This account is being deleted" in page and "Let them sign in again" not in page
    assert boss.post(f"{place}/enable").status_code == 409
    assert boss.post(f"{place}/exports").status_code == 409
    work()
    assert boss.get(place).status_code == 404
    with app.app_context():
        rows = db.session.query(Participant).order_by(Participant.id).all()
        assert [row.name for row in rows] == ["Deleted person", "Bob"]
        assert (rows[0].user_id, rows[0].guest_session_id, rows[0].address_key) == (None, None, "")
        assert db.session.query(GuestSession).filter_by(token_hash="their-secret").count() == 0
        log = db.session.query(AuditEntry).order_by(AuditEntry.id).all()
        assert [(one.actor_name, one.target) for one in log[:2]] == [
            ("", "Deleted person"),
            ("Deleted person", "Bob"),
        ]
        assert [one.target for one in log if one.action == "user.erase"] == ["Deleted person"]
        assert db.session.query(StoredFile).one().state == "gone"
        assert care.check().unowned == [] and list(storages.local().list("kept/")) == []


def test_files_may_stay_without_the_name(
    app: Flask, boss: FlaskClient, place: str, lecture: int, work: Any
) -> None:
    erased(boss, place, keeps_files="1")
    work()
    with app.app_context():
        kept = db.session.query(StoredFile).one()
        assert (kept.state, kept.uploader_name, kept.user_id) == ("ready", "Deleted person", None)
        assert storages.local().stat(kept.key)


def test_rooms_are_handed_over(
    app: Flask, boss: FlaskClient, place: str, ada: int, user: Any, make_user: Any, make_room: Any, work: Any
) -> None:
    heir = make_user("kay@uni.example")
    rooms = [make_room(ada)[0] for _n in range(3)]
    assert erased(boss, place, rooms="hand_over", heir=" Kay@uni.example").status_code == 303
    work()
    with app.app_context():
        assert {db.session.get_one(Room, room).owner_id for room in rooms} == {heir}
        assert db.session.get(User, ada) is None
        assert ADDRESS not in str([(one.target, one.details) for one in db.session.query(AuditEntry)])


def test_an_heir_who_has_left_meanwhile_is_named(
    app: Flask, boss: FlaskClient, place: str, ada: int, make_user: Any, make_room: Any, work: Any
) -> None:
    heir = make_user("kay@uni.example")
    make_room(ada)
    erased(boss, place, rooms="hand_over", heir="kay@uni.example")
    with app.app_context():
        db.session.get_one(User, heir).disabled_at = now()
        db.session.commit()
    work()
    assert "Whoever should get the rooms can’t sign in any more" in boss.get(place).text
    with app.app_context():
        assert db.session.get(User, ada) is not None


def test_rooms_are_deleted_with_their_lectures(
    app: Flask, boss: FlaskClient, place: str, ada: int, make_room: Any, work: Any
) -> None:
    room, _id, _code = make_room(ada)
    with app.app_context():
        db.session.add(Lecture(room_id=room, title="Then", ended_at=now()))
        db.session.commit()
    erased(boss, place, rooms="delete")
    work()
    with app.app_context():
        assert db.session.query(Room).count() == db.session.query(Lecture).count() == 0
        assert db.session.get(User, ada) is None


def test_a_deletion_that_fails_is_shown_and_done_later(
    app: Flask, boss: FlaskClient, place: str, ada: int, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(erasing, "_forget_presence", lambda _person: 1 / 0)
        erased(boss, place)
        work()
        assert "It has failed 1 time" in boss.get(place).text
    with app.app_context():
        assert db.session.get_one(User, ada).disabled_at is not None
        db.session.execute(sa.update(PersonErasure).values(tried_at=now() - timedelta(hours=1)))
        db.session.commit()
        jobs.sweep()
    work()
    with app.app_context():
        assert db.session.get(User, ada) is None


def test_copies_of_a_deleted_person_are_gone_with_their_bytes(
    app: Flask, boss: FlaskClient, place: str, work: Any
) -> None:
    boss.post(f"{place}/exports")
    work()
    erased(boss, place)
    work()
    assert copies(app) == []
    with app.app_context():
        assert list(storages.local().list("kept/")) == []


def test_a_copy_that_comes_after_the_deletion_is_thrown_away(
    app: Flask, boss: FlaskClient, place: str, ada: int, monkeypatch: pytest.MonkeyPatch, work: Any
) -> None:
    write = exporting.write

    def slow(person: Any, body: Any) -> None:
        write(person, body)
        db.session.execute(sa.delete(PersonExport))
        db.session.commit()

    monkeypatch.setattr(exporting, "write", slow)
    boss.post(f"{place}/exports")
    work()
    with app.app_context():
        assert list(storages.local().list("kept/")) == []


# --- guests ---------------------------------------------------------------------------


def test_a_guest_is_found_by_where_they_took_part_and_deleted(app: Flask, lecture: int) -> None:
    with app.app_context():
        browser = GuestSession(token_hash="guests", name="Eve")
        db.session.add(browser)
        db.session.flush()
        db.session.add(Participant(lecture_id=lecture, guest_session_id=browser.id, name="Eve"))
        db.session.commit()
        eve = db.session.query(Participant).filter_by(name="Eve").one()
        key, person = eve.id, persons.person_of(eve)
        assert person is not None and person.user_id is None
        erasing.erase_guest(person)
        gone = db.session.get_one(Participant, key)
        assert gone.name == "Deleted person" and persons.person_of(gone) is None
        assert {one.name for one in db.session.query(Participant)} == {
            "Deleted person",
            "Ada Lovelace",
            "Bob",
        }


def test_a_browser_of_an_account_leads_to_the_account(app: Flask, lecture: int, ada: int) -> None:
    with app.app_context():
        theirs = db.session.query(Participant).filter_by(user_id=ada).one()
        theirs.user_id = None
        db.session.flush()
        person = persons.person_of(theirs)
        assert person is not None and person.user_id == ada and len(person.guest_session_ids) == 1


# --- from the command line ------------------------------------------------------------


@pytest.fixture
def audimax(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """``audimax("list", lecture)`` runs ``audimax person list …``."""
    monkeypatch.setattr(cli, "_app", lambda: app)
    return lambda *words: CliRunner().invoke(cli.main, ["person", *words])


def test_a_guest_is_served_and_deleted_from_the_command_line(
    app: Flask, lecture: int, audimax: Any, tmp_path: Path
) -> None:
    with app.app_context():
        browser = GuestSession(token_hash="guests", name="Eve")
        db.session.add(browser)
        db.session.flush()
        db.session.add(Participant(lecture_id=lecture, guest_session_id=browser.id, name="Eve"))
        db.session.commit()
        public_id = db.session.get_one(Lecture, lecture).public_id
    listed = audimax("list", public_id).output
    eve = next(line.split()[0] for line in listed.splitlines() if line.endswith("Eve"))
    target = tmp_path / "eve.zip"
    assert audimax("export", "--participant", eve, "--to", str(target)).exit_code == 0
    assert "Eve" in zipfile.ZipFile(target).read("core/lectures.json").decode()
    again = audimax("export", "--participant", eve, "--to", str(target))
    assert again.exit_code == 1 and "exists already" in again.output
    assert audimax("erase", "--participant", eve, "--yes").exit_code == 0
    assert "Eve" not in audimax("list", public_id).output
    gone = audimax("erase", "--participant", eve, "--yes")
    assert gone.exit_code == 1 and "nothing leads to anybody" in gone.output


def test_an_account_is_deleted_from_the_command_line(
    app: Flask, ada: int, admin: int, audimax: Any, make_room: Any
) -> None:
    make_room(ada)
    refused = audimax("erase", "--email", ADDRESS, "--yes")
    assert refused.exit_code == 1 and "This person owns rooms." in refused.output
    done = audimax("erase", "--email", ADDRESS, "--delete-rooms", "--yes")
    assert done.exit_code == 0, done.output
    with app.app_context():
        assert db.session.get(User, ada) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say who"),
        (("--email", "nobody@uni.example"), "no account"),
        (("--participant", "nobody"), "nobody took part"),
        (("--email", ADDRESS, "--rooms-to", "x@uni.example", "--delete-rooms"), "not both"),
    ],
)
def test_the_command_says_what_is_wrong(app: Flask, audimax: Any, words: tuple[str, ...], said: str) -> None:
    answer = audimax("erase", *words, "--yes")
    assert answer.exit_code != 0 and said in answer.output
