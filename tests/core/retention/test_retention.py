"""Rules of retention: what is due goes, at its time and no more of it; reports, dry runs, pages."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from core.contracts import RetentionKind
from core.db import db, now
from core.exports.models import Export
from core.files.models import StoredFile
from core.lectures.models import Lecture, Participant
from core.models import AuditEntry, SystemEntry, WebhookEvent
from core.people.models import User
from core.retention import jobs, kinds, runs, stock
from core.retention.models import RetentionResult, RetentionRun
from core.rooms.models import Room
from tests.core.lectures.test_trash import bytes_kept, put_job, work

FILE = {"lectures": 1, "items": 1, "files": 1, "bytes": 6}


# --- what is due ----------------------------------------------------------------------


def test_nothing_vanishes_unasked(notes, old, run, is_kept):
    lecture = old(days=10_000)
    assert run() == {} and is_kept(lecture)


def test_after_its_days_it_goes_with_its_bytes_and_before_it_stays(
    app, notes, old, run, is_kept, rules, tmp_path
):
    rules(chat=90)
    due, young = old(days=91), old(days=89)
    assert run() == {"chat": FILE}
    assert not is_kept(due) and is_kept(young)
    work(app)
    assert len(bytes_kept(tmp_path)) == 1
    with app.app_context():
        gone = db.session.scalars(sa.select(StoredFile).where(StoredFile.lecture_id == due.key)).one()
        assert (gone.state, gone.name, gone.uploader_name) == ("gone", "", "")


def test_a_run_that_finds_nothing_any_more_does_no_harm(notes, old, run, rules):
    rules(chat=90)
    old()
    assert run() == {"chat": FILE}
    assert run() == {}


@pytest.mark.parametrize(
    ("house", "room", "held"),
    [
        (90, 30, 30),
        (90, 200, 90),
        (0, 30, 30),
        (90, 0, 90),
        (0, 0, 0),
        (90, "x", 90),
        (90, -3, 90),
        (90, 1.5, 90),
    ],
)
def test_a_room_shortens_the_institutions_days_and_never_lengthens_them(
    app, notes, old, run, is_kept, rules, house, room, held
):
    rules(chat=house)
    around = [old(days=days, keep_chat_days=room) for days in ((held - 0.5, held + 0.5) if held else (9999,))]
    run()
    assert [is_kept(one) for one in around] == ([True, False] if held else [True])
    if isinstance(room, int):
        with app.app_context():
            found = db.session.get(Room, around[0].room)
            says = kinds.days_in(found, RetentionKind.CHAT)
            assert says == (held, bool(room > 0 and held == room))


def test_one_kind_leaves_the_others(kept, old, run, is_kept, rules):
    kept("notes", RetentionKind.CHAT)
    kept("films", RetentionKind.RECORDINGS)
    lecture = old(plugins=("notes", "films"))
    rules(recordings=30, chat=365)
    assert list(run()) == ["recordings"]
    assert is_kept(lecture, "notes") and not is_kept(lecture, "films")


def test_a_lecture_that_runs_is_left_alone(app, notes, ada, make_room, old, run, is_kept, rules):
    rules(chat=1, lectures=1, participants=1)
    lecture = old(days=50)
    with app.app_context():
        db.session.get(Lecture, lecture.key).ended_at = None
        db.session.commit()
    assert run() == {} and is_kept(lecture)


@pytest.mark.parametrize("status", ["todo", "doing"])
@pytest.mark.parametrize("args", [{"lecture_id": 0}, {"facts": {"lecture_id": 0}}])
def test_while_something_is_being_made_of_it_it_waits(app, notes, old, run, is_kept, rules, status, args):
    rules(chat=90)
    lecture, other = old(), old()
    with app.app_context():
        put_job(json.loads(json.dumps(args).replace("0", str(lecture.key))), status)
        db.session.commit()
    assert run()["chat"]["waiting"] == 1
    assert is_kept(lecture) and not is_kept(other)
    with app.app_context():
        db.session.execute(sa.text("DELETE FROM procrastinate_jobs"))
        db.session.commit()
    assert run() == {"chat": FILE}


def test_while_a_file_is_on_its_way_it_waits(app, notes, old, run, is_kept, rules):
    rules(chat=90)
    lecture = old()
    with app.app_context():
        db.session.scalars(sa.select(StoredFile)).one().state = "expected"
        db.session.commit()
    assert run()["chat"] == {"waiting": 1}
    assert is_kept(lecture)


def test_one_in_the_trash_is_no_exception(app, notes, old, run, is_kept, rules):
    rules(chat=90)
    lecture = old()
    with app.app_context():
        db.session.get(Lecture, lecture.key).deleted_at = now()
        db.session.commit()
    assert run() == {"chat": FILE} and not is_kept(lecture)


# --- all of it, names, logs -----------------------------------------------------------


def test_whole_lectures_go_without_a_way_back(app, host, notes, old, run, rules, tmp_path):
    rules(lectures=90, chat=30)
    lecture = old()
    assert run() == {"lectures": FILE}
    work(app)
    assert bytes_kept(tmp_path) == [] and host.get(lecture.page).status_code == 404
    with app.app_context():
        assert db.session.get(Lecture, lecture.key) is None
        assert {one.name for one in db.session.query(StoredFile)} == {""}


def test_names_go_from_everything_that_core_keeps(app, old, run, rules, take_part, guest_client, host, ada):
    rules(participants=90)
    lecture = old()
    _guest, session = guest_client("Quagga")
    take_part(lecture.key, "Quagga", guest=session, fingerprint_key="q")
    take_part(lecture.key, "Ada", user=ada, role="host")
    with app.app_context():
        about = {"lecture_id": lecture.key, "action": "moderation.mute"}
        db.session.add_all(
            [
                AuditEntry(
                    **about, target="Quagga", details={"who": 1}, actor_id=ada, actor_name="Ada Teacher"
                ),
                AuditEntry(**about, target="Sorting", details={"people": ["Quagga"]}),
                AuditEntry(**about, target="Sorting", details={"kept": True}),
                WebhookEvent(
                    id="1", kind="x", lecture_public_id=lecture.id, happened_at=now(), payload={"n": "Quagga"}
                ),
            ]
        )
        file = db.session.scalars(sa.select(StoredFile)).one()
        file.uploader_name, file.user_id = "Quagga", ada
        db.session.commit()
    assert run()["participants"]["items"] == 2
    with app.app_context():
        rows = db.session.query(Participant).all()
        assert {(one.name, one.user_id, one.guest_session_id) for one in rows} == {
            ("Former participant", None, None)
        }
        assert {one.fingerprint_key for one in rows} == {""} and db.session.query(WebhookEvent).count() == 0
        told = [
            (one.target, one.details, one.actor_name)
            for one in db.session.scalars(
                sa.select(AuditEntry).where(AuditEntry.lecture_id == lecture.key).order_by(AuditEntry.id)
            )
        ]
        assert told == [
            ("Former participant", {}, "Ada Teacher"),
            ("Sorting", {}, ""),
            ("Sorting", {"kept": True}, ""),
        ]
        file = db.session.scalars(sa.select(StoredFile)).one()
        assert (file.uploader_name, file.user_id) == ("Former participant", None)
    page = host.get(lecture.page).text
    assert "Quagga" not in page and "Deleted after its time" in page and "2 people" in page
    assert run() == {}


def test_names_stay_until_every_plugin_has_forgotten_them(
    app, old, run, rules, take_part, guest_client, kept, is_kept
):
    def fail(_lecture):
        raise OSError("Quagga")

    rules(participants=90)
    kept("notes", RetentionKind.PARTICIPANTS, fail)
    lecture = old()
    take_part(lecture.key, "Quagga", guest=guest_client("Quagga")[1])
    assert run()["participants"] == {"failed": 1}
    with app.app_context():
        assert db.session.query(Participant).one().name == "Quagga"
        assert db.session.query(RetentionResult).one().problem == "notes: OSError"
        assert db.session.get(Lecture, lecture.key).expired == {}
    kept("notes", RetentionKind.PARTICIPANTS)
    assert run()["participants"]["items"] == 2


def test_logs_go_by_their_age(app, run, rules, ada):
    moment = now() - timedelta(days=100)
    with app.app_context():
        for at, word in ((moment, "old"), (now(), "new")):
            db.session.add_all(
                [
                    AuditEntry(action="x", at=at, target=word),
                    SystemEntry(fingerprint=word, logger=word, last_at=at),
                    RetentionRun(asked_by=word, asked_at=at, over_at=at),
                ]
            )
        db.session.commit()
    assert run() == {}
    rules(logs=90)
    assert run() == {"logs": {"items": 3}}
    with app.app_context():
        assert {one.target for one in db.session.query(AuditEntry).filter_by(action="x")} == {"new"}
        assert [one.fingerprint for one in db.session.query(SystemEntry)] == ["new"]
        assert "old" not in {one.asked_by for one in db.session.query(RetentionRun)}


# --- what fails, and several at once --------------------------------------------------


def test_a_plugin_that_raises_keeps_nobody_else_and_is_tried_again(
    app, kept, notes, old, run, is_kept, rules
):
    def half(lecture):
        db.session.execute(sa.text("UPDATE lecture SET title = 'half done'"))
        raise RuntimeError("Secret words that people wrote")

    kept("bad", RetentionKind.CHAT, half)
    rules(chat=90)
    first, second = old(plugins=("notes", "bad")), old()
    assert run() == {"chat": {"lectures": 2, "items": 2, "files": 2, "bytes": 12, "failed": 1}}
    assert is_kept(first, "bad") and not is_kept(first) and not is_kept(second)
    with app.app_context():
        assert db.session.get(Lecture, first.key).title == "Algorithms II"
        failed = db.session.scalars(sa.select(RetentionResult).where(RetentionResult.failed > 0)).one()
        assert failed.problem == "bad: RuntimeError"
        assert app.extensions["audimax_plugins"].failures[-1].plugin == "bad"
    kept("bad", RetentionKind.CHAT)
    assert run() == {"chat": FILE} and not is_kept(first, "bad")


def test_of_several_at_once_each_thing_is_removed_and_told_once(app, notes, old, rules):
    rules(chat=90)
    lectures = [old() for _ in range(6)]
    done = []

    def carry_out():
        with app.app_context():
            run_id = runs.begin().id
            db.session.commit()
            runs.work_off(run_id)
            done.append(runs.numbers_of(run_id))

    threads = [threading.Thread(target=carry_out) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4
    assert sum(one.get("chat", {}).get("files", 0) for one in done) == len(lectures)
    assert sum(one.get("chat", {}).get("lectures", 0) for one in done) == len(lectures)


def test_a_run_that_was_broken_off_goes_on_and_one_that_is_over_stays(app, notes, old, rules, monkeypatch):
    rules(chat=90)
    old(), old()
    with app.app_context():
        run_id = runs.begin().id
        db.session.commit()
        work_off = runs._removed
        calls = []

        def dies(*about):
            if calls:
                raise KeyboardInterrupt
            calls.append(work_off(*about))
            return calls[0]

        monkeypatch.setattr(runs, "_removed", dies)
        with pytest.raises(KeyboardInterrupt):
            runs.work_off(run_id)
        db.session.rollback()
        monkeypatch.undo()
        assert runs.waiting().id == run_id and runs.numbers_of(run_id)["chat"]["lectures"] == 1
        runs.work_off(run_id)
        assert runs.numbers_of(run_id)["chat"] == {name: 2 * count for name, count in FILE.items()}
        old()
        assert runs.work_off(run_id) is False
        assert runs.numbers_of(run_id)["chat"]["lectures"] == 2


def test_many_are_removed_run_by_run(app, notes, old, rules, is_kept, monkeypatch):
    rules(chat=90)
    monkeypatch.setattr(runs, "MOST", 2)
    lectures = [old() for _ in range(5)]
    with app.app_context():
        jobs.every_night(0)
    for _round in range(2):
        work(app)
    assert not any(map(is_kept, lectures))
    with app.app_context():
        assert db.session.query(RetentionRun).count() == 3
        assert runs.waiting() is None


def test_every_night_something_begins_only_where_something_is_due(app, notes, old, rules):
    with app.app_context():
        jobs.every_night(0)
        assert db.session.query(RetentionRun).count() == 0
    rules(chat=90)
    old()
    with app.app_context():
        jobs.every_night(0)
        jobs.every_night(0)
        assert db.session.query(RetentionRun).count() == 1
    work(app)
    with app.app_context():
        entry = db.session.query(AuditEntry).filter_by(action="retention.run").one()
        assert (entry.actor_id, entry.actor_name, entry.details) == (None, "Audimax", {"did": {"chat": FILE}})


# --- what was made of it, and what readers see ----------------------------------------


def test_exports_and_search_lose_it_too(app, ada, notes, old, run, rules):
    rules(chat=90)
    lecture = old()
    with app.app_context():
        db.session.add(Export(lecture_id=lecture.key, user_id=ada, exporter="none", state="done"))
        for statement in (
            "INSERT INTO search_entry (lecture_id, position, audience, section, title, speaker, text, words) "
            "VALUES (:key, 0, 'everyone', 's', 't', '', 'quagga', to_tsvector('quagga'))",
            "INSERT INTO search_lecture (lecture_id, config, changed_at, built_with, everyone) "
            "VALUES (:key, 'simple', now(), '', to_tsvector('quagga'))",
        ):
            db.session.execute(sa.text(statement), {"key": lecture.key})
        db.session.commit()
    run()
    with app.app_context():
        assert db.session.query(Export).count() == 0
        for table in ("search_entry", "search_lecture"):
            rows = db.session.execute(sa.text(f"SELECT one::text FROM {table} AS one")).scalars().all()
            assert "quagga" not in str(rows)


def test_the_page_says_what_is_gone_when_and_by_whose_rule(app, host, notes, old, run, rules):
    rules(chat=90)
    by_house, by_room, untouched = old(), old(keep_chat_days=30), old(days=3)
    run()
    said = host.get(by_house.page).text
    assert "Deleted after its time" in said and "because this institution keeps them for 90 days" in said
    assert "because this room keeps them for 30 days" in host.get(by_room.page).text
    assert "Deleted after its time" not in host.get(untouched.page).text


def test_hosts_see_in_advance_when_it_goes_and_guests_do_not(
    host, notes, old, rules, take_part, guest_client
):
    lecture = old(days=3, participants_read=True)
    guest, session = guest_client("Bob")
    take_part(lecture.key, "Bob", guest=session)
    assert "content of this lecture is deleted" not in host.get(lecture.page).text
    rules(chat=90, recordings=10)
    page = host.get(lecture.page).text
    assert "content of this lecture is deleted" in page and "<dt>Chat</dt>" in page
    assert "<dt>Recordings</dt>" not in page, "there are none"
    assert "content of this lecture is deleted" not in guest.get(lecture.page).text


def test_the_rooms_form_says_what_the_institution_does(host, ada, make_room, rules):
    _key, room, _code = make_room(ada)
    assert "It keeps everything without limit now." in host.get(f"/rooms/{room}/settings").text
    rules(chat=90)
    page = host.get(f"/rooms/{room}/settings").text
    assert "Chat: 90" in page and 'name="core.keep_chat_days"' in page


# --- for administrators ---------------------------------------------------------------


@pytest.fixture
def boss(make_user, sign_in):
    return sign_in(make_user("boss@uni.example", name="Boss", is_admin=True))


def test_a_look_deletes_nothing_and_asks_little(app, boss, notes, old, rules, is_kept, queries):
    rules(chat=90, logs=400)
    lectures = [old(days=days) for days in (100, 200, 300)]
    boss.get("/admin/retention")
    with queries(at_most=10):
        page = boss.get("/admin/retention").text
    assert "Nothing is due" not in page and "Delete now" in page and "There was no run yet" in page
    assert all(map(is_kept, lectures))
    with app.app_context():
        (chat,) = (one for one in stock.preview().sums if one.kind == "chat")
        assert (chat.lectures, chat.items, chat.rooms, chat.house) == (3, 3, 3, 90)
        assert (now() - chat.oldest).days == 300


def test_an_administrator_deletes_now_and_reads_the_report(app, boss, notes, old, rules, is_kept):
    rules(chat=90)
    lecture = old()
    assert "Delete for good" in boss.get("/admin/retention/run").text and is_kept(lecture)
    answer = boss.post("/admin/retention/run")
    assert answer.status_code == 303
    assert "It is under way" in boss.get(answer.location).text
    assert boss.post("/admin/retention/run").location == answer.location, "not a second one"
    work(app)
    assert not is_kept(lecture)
    report = boss.get(answer.location).text
    assert "1 lecture, 1 entry, 1 file" in " ".join(report.split()) and "Algorithms II" in report
    page = boss.get("/admin/retention").text
    assert "Boss" in page and "Nothing is due." in page and "Delete now" not in page
    assert "Nothing is due." in boss.get("/admin/retention/run").text
    with app.app_context():
        entry = db.session.query(AuditEntry).filter_by(action="retention.run").one()
        boss_id = db.session.scalar(sa.select(User.id).where(User.name == "Boss"))
        assert entry.actor_id == boss_id


def test_reports_have_pages_and_unknown_ones_are_said_to_be(app, boss):
    with app.app_context():
        for number in range(25):
            db.session.add(RetentionRun(asked_by=f"Run {number:02}", over_at=now()))
            db.session.flush()
        db.session.commit()
    first = boss.get("/admin/retention").text
    assert "Run 24" in first and "Run 04" not in first and "after=" in first
    assert boss.get("/admin/retention/runs/nothing").status_code == 404


def test_only_administrators_see_and_run_it(app, host, old, rules):
    for client in (host, app.test_client()):
        for address in ("", "/run", "/runs/x"):
            assert client.get(f"/admin/retention{address}").status_code in (302, 303, 403, 404)
        assert client.post("/admin/retention/run").status_code in (302, 303, 401, 403)
    with app.app_context():
        assert db.session.query(RetentionRun).count() == 0


def test_the_command_says_it_and_does_it(app, notes, old, rules, is_kept, monkeypatch):
    from core import cli

    monkeypatch.setattr(cli, "_app", lambda: app)
    rules(chat=90)
    lecture = old()
    said = CliRunner().invoke(cli.main, ["retention", "--dry-run"])
    assert said.exit_code == 0 and "kept 90 days" in said.output and "Nothing was deleted." in said.output
    assert is_kept(lecture)
    done = CliRunner().invoke(cli.main, ["retention"])
    assert done.exit_code == 0 and "1 lectures, 1 items, 1 files, 6 bytes" in done.output
    assert not is_kept(lecture)
    assert "Nothing is due." in CliRunner().invoke(cli.main, ["retention"]).output
