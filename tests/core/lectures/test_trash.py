"""Deleted lectures: gone for everybody at once, back for a day, then gone for good; proven by a scan."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.contracts import Prose
from core.db import db, now
from core.errors import StorageDown
from core.exports.models import Export
from core.files import jobs as file_jobs
from core.files import stored as files
from core.files.local import LocalStorage
from core.files.models import StoredFile
from core.jobs import run_worker
from core.lectures import trash
from core.lectures.models import Lecture, LectureShare
from core.models import AuditEntry
from core.people.models import User
from core.rooms.models import Room, RoomHost

READABLE = {"participants_read": True}


@pytest.fixture
def settings(settings, tmp_path):
    return {**settings, "instance_dir": str(tmp_path)}


@pytest.fixture
def lecture(app, ada, make_room, make_lecture, take_part, guest_client, add_guard):
    """One with a guest, a file, a link and somebody's wish to export it."""
    room, room_id, _code = make_room(ada, settings=READABLE)
    key, public_id = make_lecture(room, title="Sorting")
    guest, session = guest_client("Bob")
    take_part(key, "Bob", guest=session)
    add_guard("notes", lecture_sections=lambda lecture, viewer: [Prose("all", "All", paragraphs=("Words.",))])
    with app.app_context():
        made = files.keep(
            db.session.get(Lecture, key), "files", name="Slides.txt", body=b"abc", mime="text/plain"
        )
        share = LectureShare(lecture_id=key, expires_at=now() + timedelta(days=1))
        wish = Export(lecture_id=key, user_id=ada, exporter="none")
        db.session.add_all([share, wish])
        db.session.commit()
        return {
            "room": room, "room id": room_id, "key": key, "id": public_id, "page": f"/lectures/{public_id}",
            "file": f"/files/{made.public_id}", "link": f"/shared/{share.token}", "guest": guest,
            "export": wish.public_id,
        }  # fmt: skip


def throw_away(host, lecture):
    answer = host.post(f"{lecture['page']}/delete")
    assert answer.location == "/lectures/deleted"
    return answer


def long_ago(app, lecture, hours=25):
    with app.app_context():
        db.session.execute(
            sa.update(Lecture)
            .where(Lecture.id == lecture["key"])
            .values(deleted_at=now() - timedelta(hours=hours))
        )
        db.session.commit()


def empty(app):
    with app.app_context():
        return trash.empty()


def is_there(app, lecture):
    with app.app_context():
        return db.session.get(Lecture, lecture["key"]) is not None


def work(app):
    # What the first round's jobs ask for may come after the worker's last look.
    for _ in range(2):
        run_worker(app, wait=False)


def bytes_kept(tmp_path):
    return sorted(path.name for path in (tmp_path / "files").rglob("*") if path.is_file())


# --- at once --------------------------------------------------------------------------


def test_the_question_says_what_goes(host, lecture):
    page = host.get(f"{lecture['page']}/delete").text
    for words in ("1 participation", "1 file", "1 export", "1 link", "within 24 hours"):
        assert words in page, words
    assert host.get(lecture["page"]).status_code == 200


def test_from_then_on_it_is_gone_for_everybody(app, host, lecture, make_user, sign_in, queries):
    from core.engine.agent_keys import agent_key

    by_link, root = app.test_client(), sign_in(make_user(is_admin=True))
    assert by_link.get(lecture["link"]).status_code == 302
    page, stream = lecture["page"], f"/api/lectures/{lecture['id']}/stream"
    everybody = {
        "guest": lecture["guest"],
        "by link": by_link,
        "host": host,
        "admin": root,
        "nobody": app.test_client(),
    }
    for who in (lecture["guest"], by_link, host, root):
        assert who.get(page).status_code == who.get(lecture["file"]).status_code == 200
    throw_away(host, lecture)
    for name, who in everybody.items():
        assert who.get(lecture["file"]).status_code == 404, name
        assert who.get(lecture["file"] + "/preview").status_code == 404, name
        assert who.get(stream).status_code == 404, name
        for below in ("/exports", f"/exports/{lecture['export']}/file", "/exports/x/file"):
            assert who.get(page + below).status_code == 404, (name, below)
        assert who.get(lecture["link"]).status_code == 404, name
        answer = who.get(page)
        if name in ("host", "admin"):
            assert (answer.status_code, answer.location) == (302, "/lectures/deleted")
        else:
            assert answer.status_code == 404 and "Sorting" not in answer.text
    for below in ("rename", "share", "delete"):
        assert host.get(f"{page}/{below}").status_code == 404
    for shown in ("/lectures", f"/rooms/{lecture['room id']}", f"/lectures?room={lecture['room id']}"):
        text = host.get(shown).text.replace("“Sorting” is deleted", "")
        assert "Sorting" not in text, shown
    with app.app_context():
        key = agent_key(db.session.get(Lecture, lecture["key"]))
    agent = app.test_client().post(
        f"/api/internal/lectures/{lecture['id']}/nothing", headers={"Authorization": f"Bearer {key}"}
    )
    assert agent.status_code in (401, 404)


def test_a_running_lecture_is_not_deleted(app, host, ada, make_room, make_lecture):
    key, public_id = make_lecture(make_room(ada)[0], minutes=None)
    page = f"/lectures/{public_id}"
    assert "End it first" in host.get(f"{page}/delete").text
    assert f"{page}/delete" not in host.get(page).text
    answer = host.post(f"{page}/delete")
    assert answer.status_code == 409 and "The lecture is still running. End it first" in answer.text
    with app.app_context(), pytest.raises(sa.exc.IntegrityError, match="live_is_not_deleted"):
        db.session.execute(sa.update(Lecture).where(Lecture.id == key).values(deleted_at=now()))


def test_hosts_see_until_when_and_bring_it_back(app, host, ada, lecture, make_user, sign_in):
    throw_away(host, lecture)
    page = host.get("/lectures/deleted").text
    assert "Sorting" in page and "Deleted, undo until" in page and f"{lecture['page']}/restore" in page
    assert "Recently deleted" in host.get("/lectures").text
    stranger = sign_in(make_user())
    assert "Sorting" not in stranger.get("/lectures/deleted").text
    assert "Nothing was deleted lately" in stranger.get("/lectures/deleted").text
    assert stranger.post(f"{lecture['page']}/restore").status_code == 404
    assert lecture["guest"].post(f"{lecture['page']}/restore").status_code == 302
    assert host.post(f"{lecture['page']}/restore").location == lecture["page"]
    for who in (host, lecture["guest"]):
        assert who.get(lecture["page"]).status_code == who.get(lecture["file"]).status_code == 200
    assert app.test_client().get(lecture["link"]).status_code == 302
    assert "Recently deleted" not in host.get("/lectures").text
    with app.app_context():
        told = db.session.query(AuditEntry).order_by(AuditEntry.id).all()
        assert [(one.action, one.actor_id, one.target) for one in told] == [
            ("lecture.delete", ada, "Sorting"), ("lecture.restore", ada, "Sorting"),
        ]  # fmt: skip


def test_two_hosts_who_do_the_same_at_once_are_told_the_same(app, host, lecture, make_user, sign_in):
    grace = make_user("grace@uni.example")
    with app.app_context():
        db.session.add(RoomHost(room_id=lecture["room"], user_id=grace))
        db.session.commit()
    both = [host, sign_in(grace)]
    assert at_once(both, f"{lecture['page']}/delete") == {"/lectures/deleted"}
    assert at_once(both, f"{lecture['page']}/restore") == {lecture["page"]}
    with app.app_context():
        told = [one.action for one in db.session.query(AuditEntry).order_by(AuditEntry.id)]
        assert told == ["lecture.delete", "lecture.restore"]


def at_once(people, address):
    """Where they are led who do the same at the same moment, twice each."""
    answers = []
    ask = lambda who: answers.append(who.post(address).location)  # noqa: E731
    threads = [threading.Thread(target=ask, args=(who,)) for who in people * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return set(answers)


def test_what_is_being_exported_is_called_off_and_can_be_made_again(app, host, lecture):
    throw_away(host, lecture)
    with app.app_context():
        assert db.session.query(Export).one().state == "cancelled"
    host.post(f"{lecture['page']}/restore")
    with app.app_context():
        assert db.session.query(Export).one().state == "cancelled"


# --- for good -------------------------------------------------------------------------


def test_after_a_day_it_is_gone_for_good_with_its_bytes(app, host, lecture, tmp_path):
    assert len(bytes_kept(tmp_path)) == 1
    throw_away(host, lecture)
    assert empty(app) == 0 and is_there(app, lecture)
    long_ago(app, lecture)
    assert host.post(f"{lecture['page']}/restore").status_code == 404
    assert "Sorting" not in host.get("/lectures/deleted").text
    assert (empty(app), empty(app)) == (1, 0)
    assert not is_there(app, lecture)
    work(app)
    assert bytes_kept(tmp_path) == []
    with app.app_context():
        assert db.session.query(Export).count() == db.session.query(LectureShare).count() == 0
        assert all(one.name == one.uploader_name == "" for one in db.session.query(StoredFile))
    assert host.get(lecture["page"]).status_code == host.post(f"{lecture['page']}/restore").status_code == 404


def test_the_days_length_is_a_setting(app, host, lecture):
    from tests.core.lectures.test_sharing import forbid

    forbid(app, lecture_trash_hours=48)
    throw_away(host, lecture)
    assert (
        "within 48 hours" in host.get("/lectures/deleted").text
        or "undo until" in host.get("/lectures/deleted").text
    )
    long_ago(app, lecture, hours=47)
    assert empty(app) == 0
    assert host.post(f"{lecture['page']}/restore").status_code == 303


def test_what_was_brought_back_stays(app, host, lecture):
    throw_away(host, lecture)
    host.post(f"{lecture['page']}/restore")
    assert empty(app) == 0 and is_there(app, lecture)


def test_while_the_storage_is_down_nobody_gets_the_file_and_it_goes_later(
    app, host, lecture, tmp_path, monkeypatch
):
    def down(*_args):
        raise StorageDown("away")

    throw_away(host, lecture)
    long_ago(app, lecture)
    monkeypatch.setattr(LocalStorage, "delete", down)
    assert empty(app) == 1
    work(app)
    with app.app_context():
        file_jobs.sweep()
        (left,) = db.session.query(StoredFile)
        assert (left.state, left.name, left.lecture_id) == ("gone", "", None)
    assert len(bytes_kept(tmp_path)) == 1 and host.get(lecture["file"]).status_code == 404
    monkeypatch.undo()
    with app.app_context():
        file_jobs.sweep()
    assert bytes_kept(tmp_path) == []


def test_a_job_that_is_at_work_is_waited_for_and_the_others_go(app, host, lecture):
    throw_away(host, lecture)
    long_ago(app, lecture)
    with app.app_context():
        export = db.session.query(Export).one().id
        for args in (
            {"lecture_id": lecture["key"]},
            {"facts": {"lecture_id": lecture["key"]}},
            {"export_id": export},
        ):
            put_job(args, "doing")
            db.session.commit()
            assert trash.empty() == 0
            db.session.execute(sa.text("UPDATE procrastinate_jobs SET status = 'failed'"))
            db.session.commit()
        put_job({"lecture_id": lecture["key"]}, "todo")
        put_job({"lecture_id": lecture["key"] + 1}, "todo")
        db.session.commit()
    assert empty(app) == 1
    with app.app_context():
        left = (
            db.session.execute(sa.text("SELECT args FROM procrastinate_jobs WHERE args <> '{}'"))
            .scalars()
            .all()
        )
        assert left == [{"lecture_id": lecture["key"] + 1}]


def put_job(args, status):
    import json

    db.session.execute(
        sa.text(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status) "
            "VALUES ('default', 'core:none', CAST(:args AS jsonb), CAST(:status AS procrastinate_job_status))"
        ),
        {"args": json.dumps(args), "status": status},
    )


def test_jobs_that_failed_for_a_lecture_that_is_gone_are_forgotten(app, lecture):
    with app.app_context():
        there, gone = lecture["key"], lecture["key"] + 1000
        for status in ("failed", "todo"):
            for key in (there, gone):
                put_job({"lecture_id": key}, status)
                put_job({"facts": {"lecture_id": key}}, status)
        put_job({"export_id": 10**9}, "failed")
        put_job({"other": 1}, "failed")
        db.session.commit()
        trash.empty()
        left = db.session.execute(sa.text("SELECT status::text, args::text FROM procrastinate_jobs")).all()
        failed = sorted(args for status, args in left if status == "failed")
        assert failed == sorted(
            [f'{{"facts": {{"lecture_id": {there}}}}}', f'{{"lecture_id": {there}}}', '{"other": 1}']
        )
        assert len(left) == len(failed) + 4


def test_one_that_cannot_be_removed_does_not_keep_the_others(
    app, host, ada, lecture, make_room, make_lecture
):
    second = make_lecture(make_room(ada)[0])[1]
    throw_away(host, lecture)
    host.post(f"/lectures/{second}/delete")
    with app.app_context():
        db.session.execute(sa.update(Lecture).values(deleted_at=now() - timedelta(days=2)))
        put_job({"lecture_id": lecture["key"]}, "doing")
        db.session.commit()
        assert trash.empty() == 1
        assert db.session.query(Lecture).one().id == lecture["key"]


def test_two_workers_remove_it_once(app, host, lecture):
    throw_away(host, lecture)
    long_ago(app, lecture)
    done = []
    threads = [threading.Thread(target=lambda: done.append(empty(app))) for _worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 1 and not is_there(app, lecture)


def test_a_room_that_is_deleted_leaves_as_little(app, host, ada, lecture, tmp_path):
    throw_away(host, lecture)
    with app.app_context():
        put_job({"lecture_id": lecture["key"]}, "failed")
        db.session.add(
            AuditEntry(action="lecture.rename", lecture_id=lecture["key"], target="Sorting", details={"a": 1})
        )
        db.session.commit()
    assert host.post(f"/rooms/{lecture['room id']}/delete").status_code == 303
    with app.app_context():
        assert db.session.query(Lecture).count() == db.session.query(Room).count() == 0
        assert {one.name for one in db.session.query(StoredFile)} == {""}
        assert (
            db.session.scalar(sa.text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'")) == 0
        )
        renamed = db.session.query(AuditEntry).filter_by(action="lecture.rename").one()
        assert (renamed.target, renamed.details, renamed.lecture_id) == ("", {}, None)
    work(app)
    assert bytes_kept(tmp_path) == []


def test_somebody_whose_account_is_gone_has_deleted_it_all_the_same(app, host, lecture, make_user, sign_in):
    root = make_user("root@uni.example", is_admin=True)
    sign_in(root).post(f"{lecture['page']}/delete")
    with app.app_context():
        assert db.session.get(Lecture, lecture["key"]).deleted_by_id == root
        db.session.execute(sa.delete(User).where(User.id == root))
        db.session.commit()
    assert host.post(f"{lecture['page']}/restore").status_code == 303
