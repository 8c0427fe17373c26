"""A lecture in somebody's Drive: whole, once, whatever happens on the way."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from core.contracts import Prose
from core.db import db
from core.lectures.models import Lecture
from plugins.export_gdrive import drive
from plugins.export_gdrive.models import Connection, Item
from tests.fixtures.google import Fault
from tests.plugins.export_gdrive.conftest import PAGE, PATIENCE, Lectern, until

MB = 1024 * 1024
# Three pieces, the last a short one.
LARGE = bytes(range(256)) * (9 * MB // 256) + b"the end"
FULL = "Your Google Drive is full. Make room there, then try again."
AGAIN = "Google doesn’t let us into your Drive any more. Connect Google Drive again."


def test_a_room_has_a_folder_and_in_it_each_lecture_with_all_that_was_chosen(connected: Lectern) -> None:
    connected.share("übung 1.txt", b"Prove it.")
    connected.share("empty.txt", b"")
    export = connected.export()
    assert export.state == "done", export.why
    [(room, lectures)] = connected.google.tree().items()
    [(lecture, files)] = lectures.items()
    assert room == "Algorithms II" and lecture.endswith(" Today") and lecture[:2] == "20"
    texts = {name: content for name, content in files.items() if name.endswith(".md")}
    assert len(texts) == 1 and b"Words for hosts." in next(iter(texts.values()))
    assert files["übung 1.txt"] == b"Prove it." and files["empty.txt"] == b""
    folder = connected.google.entry(lecture)
    assert export.link == f"https://drive.google.com/drive/folders/{folder.id}"
    page = connected.host.get(connected.hall.page).text
    assert f'href="{export.link}"' in page and "Open in Google Drive" in page


def test_what_isnt_chosen_isnt_there(connected: Lectern) -> None:
    connected.share("a.txt", b"a")
    assert connected.export(**{"gdrive.text": ""}).state == "done"
    assert connected.folder == {"a.txt": b"a"}
    refused = connected.ask(**{"gdrive.text": "", "gdrive.files": ""})
    assert refused.status_code == 422 and "Choose what is to be put into your Drive" in refused.text
    refused = connected.ask(**{"gdrive.pdf": "on"})
    assert refused.status_code == 422 and "The format “pdf” is switched off here." in refused.text


def test_who_isnt_connected_or_has_no_account_gets_nothing_there(lectern: Lectern) -> None:
    assert lectern.ask().status_code == 409
    grace = lectern.hall.guest()
    assert "Google Drive" not in grace.get(lectern.hall.page).text
    assert lectern.ask(grace).status_code == 403
    assert lectern.google.log == []


def test_each_has_it_in_their_own_drive(connected: Lectern, make_user: Any, sign_in: Any) -> None:
    from core.lectures.models import Participant

    kay = make_user("kay@uni.example")
    with connected.hall.app.app_context():
        db.session.add(Participant(lecture_id=connected.hall.lecture, user_id=kay, name="Kay"))
        db.session.commit()
    client = sign_in(kay)
    assert "Connect Google Drive" in client.get(connected.hall.page).text
    connected.export()
    connected.google.account = "kay@gmail.example"
    connected.connect(client)
    assert connected.ask(client).status_code == 303
    connected.hall.work()
    assert connected.hall.last().state == "done"
    texts = {one.account: one.content for one in connected.google.files.values() if one.name.endswith(".md")}
    assert b"Words for hosts." in texts["emmy@gmail.example"]
    assert b"Words for hosts." not in texts["kay@gmail.example"]


# --- twice ------------------------------------------------------------------------------


def test_exported_again_nothing_is_sent_twice(connected: Lectern) -> None:
    connected.share("a.txt", b"a")
    first, folder = connected.export(), connected.folder
    pieces = connected.google.asked("PUT", "/upload/")
    second = connected.export()
    assert second.link == first.link and connected.folder == folder
    assert connected.google.asked("PUT", "/upload/") == pieces


def test_what_has_changed_is_new_content_of_the_same_file(connected: Lectern) -> None:
    connected.export()
    [name] = connected.folder
    before = connected.google.entry(name)
    before.name = "My own name.md"
    connected.hall.sections[0] = Prose("all", "For all", paragraphs=("Other words.",))
    connected.export()
    [(name, content)] = connected.folder.items()
    after = connected.google.entry(name)
    assert (name, after.id, after.versions) == ("My own name.md", before.id, 2) and b"Other words." in content


def test_what_a_person_wrote_into_a_file_stays_while_ours_is_the_same(connected: Lectern) -> None:
    connected.share("a.txt", b"a")
    connected.export()
    connected.google.entry("a.txt").content = b"with my notes"
    connected.export()
    assert connected.folder["a.txt"] == b"with my notes"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/drive/v3/files"), ("PUT", "/upload/"), ("POST", "/upload/")]
)
def test_an_answer_that_is_lost_leaves_no_second_one(connected: Lectern, method: str, path: str) -> None:
    connected.share("a.txt", b"a")
    connected.google.faults.append(Fault(method, path, lost=True, times=2))
    assert connected.export().state == "done"
    assert connected.folder["a.txt"] == b"a" and len(connected.folder) == 2


def test_connected_anew_the_same_folders_are_found(connected: Lectern) -> None:
    connected.share("a.txt", b"a")
    first = connected.export()
    connected.host.post(f"{PAGE}disconnect")
    connected.connect()
    second = connected.export()
    assert second.link == first.link and len(connected.folder) == 2


def test_two_at_once_make_one_folder(connected: Lectern) -> None:
    for number in range(3):
        connected.share(f"{number}.txt", b"x")
    assert {connected.ask().status_code for _time in range(2)} == {303}
    connected.hall.work()
    assert len(connected.folder) == 4
    with connected.hall.app.app_context():
        assert {one.is_made for one in db.session.scalars(db.select(Item))} == {True}


# --- faults on the way --------------------------------------------------------------------

FAULTS = {
    "too many requests": Fault(
        "PUT", "/upload/", status=429, reason="rateLimitExceeded", headers={"Retry-After": "0"}
    ),
    "too fast, in their older words": Fault("PUT", "/upload/", status=403, reason="userRateLimitExceeded"),
    "an error": Fault("PUT", "/upload/", status=500),
    "busy in the middle": Fault("PUT", "/upload/", status=503, times=2, skip=1),
    "busy before": Fault("GET", "/drive/v3/files", status=503, times=3),
    "busy at a folder": Fault("POST", "/drive/v3/files", status=502),
    "busy at a beginning": Fault("POST", "/upload/", status=503),
    "busy at the token": Fault("POST", "/token", status=503),
    "cut in the first piece": Fault("PUT", "/upload/", cut_after=1_000_000),
    "cut in the second piece": Fault("PUT", "/upload/", cut_after=3_000_000, skip=1),
    "cut before a byte": Fault("PUT", "/upload/", cut_after=0, skip=1),
    "the last answer lost": Fault("PUT", "/upload/", lost=True, skip=2),
    "a token that ends in the middle": Fault("PUT", "/upload/", status=401, reason="authError", skip=1),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_passes_is_waited_for_and_all_bytes_come(connected: Lectern, what: str) -> None:
    import copy

    connected.share("large.bin", LARGE)
    connected.google.faults.append(copy.copy(FAULTS[what]))
    export = connected.export(**{"gdrive.text": ""})
    assert export.state == "done", export.why
    assert connected.google.faults[0].times == 0, "it did happen"
    assert connected.folder == {"large.bin": LARGE}
    assert connected.google.entry("large.bin").versions == 1


def test_a_cut_upload_goes_on_where_google_has_it(connected: Lectern) -> None:
    connected.share("large.bin", LARGE)
    connected.google.faults.append(Fault("PUT", "/upload/", cut_after=3_000_000, skip=1))
    connected.export(**{"gdrive.text": ""})
    asked = f"bytes */{len(LARGE)}"
    assert asked in connected.google.ranges
    after = connected.google.ranges[connected.google.ranges.index(asked) + 1]
    # Of 3,000,000 bytes of the second piece Google keeps whole blocks of 256 KiB.
    assert after.startswith(f"bytes {4 * MB + 3_000_000 // 262_144 * 262_144}-")
    assert connected.google.asked("POST", "/upload/") == 1


def test_a_job_that_begins_again_goes_on_with_the_same_upload(connected: Lectern) -> None:
    connected.share("large.bin", LARGE)
    connected.google.faults.append(Fault("PUT", "/upload/", cut_after=0, skip=2, times=50))
    assert connected.export(**{"gdrive.text": ""}).state == "working"
    with connected.hall.app.app_context():
        [kept] = db.session.scalars(db.select(Item).where(Item.session != ""))
        assert "upload_id" not in kept.session
    connected.google.faults.clear()
    connected.google.ranges.clear()
    assert connected.work_later().state == "done"
    assert connected.folder == {"large.bin": LARGE}
    assert connected.google.asked("POST", "/upload/") == 1
    assert connected.google.ranges[0] == f"bytes */{len(LARGE)}"
    assert not any(one.startswith("bytes 0-") for one in connected.google.ranges)
    with connected.hall.app.app_context():
        assert {one.session for one in db.session.scalars(db.select(Item))} == {""}


def test_an_upload_that_google_has_forgotten_begins_anew(connected: Lectern) -> None:
    connected.share("large.bin", LARGE)
    connected.google.faults.append(Fault("PUT", "/upload/", cut_after=0, skip=2, times=50))
    assert connected.export(**{"gdrive.text": ""}).state == "working"
    connected.google.faults.clear()
    connected.google.uploads.clear()
    assert connected.work_later().state == "done"
    assert connected.folder == {"large.bin": LARGE}


def test_a_worker_that_is_killed_leaves_one_copy(connected: Lectern, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.exports import jobs

    connected.share("a.txt", b"a")
    kept = jobs._keep

    def killed(*_args: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(jobs, "_keep", killed)
    connected.ask()

    class Context:
        class job:
            attempts = 0

    with connected.hall.app.app_context(), pytest.raises(SystemExit):
        jobs.export(Context, export_id=connected.hall.last().id, run=1)
    assert connected.hall.last().state == "working" and len(connected.folder) == 2
    monkeypatch.setattr(jobs, "_keep", kept)
    connected.hall.work()
    assert connected.hall.last().state == "done" and len(connected.folder) == 2


def test_what_doesnt_pass_is_tried_by_the_job_and_given_up_in_words(
    connected: Lectern, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive, "TRIES", 2)
    connected.google.faults.append(Fault("POST", "/drive/v3/files", status=503, times=10_000))
    assert connected.export().state == "working"
    for _try in range(4):
        connected.work_later()
    failed = connected.hall.last()
    assert (
        failed.state == "failed" and "Google Drive can’t be reached or takes nothing right now." in failed.why
    )
    assert connected.google.asked("POST", "/drive/v3/files") == 10
    connected.google.faults.clear()
    connected.host.post(f"{connected.hall.page}/{failed.public_id}/again")
    connected.hall.work()
    assert connected.hall.last().state == "done"


def test_a_long_wait_that_google_asks_for_is_left_to_the_job(connected: Lectern) -> None:
    fault = Fault(
        "POST", "/drive/v3/files", status=429, reason="rateLimitExceeded", headers={"Retry-After": "3600"}
    )
    connected.google.faults.append(fault)
    assert connected.export().state == "working"
    assert connected.google.asked("POST", "/drive/v3/files") == 1
    assert connected.work_later().state == "done"


def test_a_google_that_is_silent_is_not_waited_for_for_ever(
    connected: Lectern, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive, "SECONDS", 0.5)
    connected.google.faults.append(Fault("PUT", "/upload/", silent=True))
    assert connected.export().state == "done"


# --- its clear ends -----------------------------------------------------------------------


def is_broken(lectern: Lectern) -> bool:
    with lectern.hall.app.app_context():
        found = db.session.scalars(db.select(Connection)).one()
        return bool(found.is_broken)


def test_a_consent_that_was_taken_back_is_asked_for_again(connected: Lectern) -> None:
    first = connected.export()
    connected.google.take_back()
    failed = connected.export()
    assert (failed.state, failed.why) == ("failed", AGAIN) and is_broken(connected)
    assert (
        connected.hall.app.extensions["audimax_plugins"].failures
        == type(connected.hall.app.extensions["audimax_plugins"].failures)()
    ), "it is nobody's fault"
    page = connected.host.get(connected.hall.page).text
    assert AGAIN in page and f'href="{PAGE}?lecture={connected.hall.id}">Connect Google Drive again' in page
    assert "The connection is broken" in connected.says()
    assert connected.ask().status_code == 409
    connected.connect()
    again = connected.export()
    assert again.state == "done" and again.link == first.link and len(connected.folder) == 1


def test_taken_back_in_the_middle_it_ends_at_the_next_piece(connected: Lectern) -> None:
    connected.share("large.bin", LARGE)
    connected.google.faults += [
        Fault("PUT", "/upload/", status=401, reason="authError", skip=1),
        Fault("POST", "/token", status=400, reason="invalid_grant", skip=1),
    ]
    failed = connected.export(**{"gdrive.text": ""})
    assert (failed.state, failed.why) == ("failed", AGAIN) and is_broken(connected)
    assert connected.folder == {}


def test_who_waits_in_line_while_it_is_disconnected_is_told(connected: Lectern) -> None:
    connected.ask()
    connected.host.post(f"{PAGE}disconnect")
    connected.hall.work()
    assert (connected.hall.last().state, connected.hall.last().why) == ("failed", AGAIN)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("accessNotConfigured", "The Drive API is switched off at Google."),
        ("domainPolicy", "Your organisation doesn’t let programs put files"),
        ("dailyLimitExceeded", "Google takes no more today."),
        ("teapot", "Google Drive refused it (teapot)."),
        ("insufficientPermissions", "Connect Google Drive again."),
    ],
)
def test_each_refusal_is_said_in_words(connected: Lectern, reason: str, words: str) -> None:
    connected.google.faults.append(Fault("POST", "/drive/v3/files", status=403, reason=reason, times=99))
    failed = connected.export()
    assert failed.state == "failed" and words in failed.why


def test_a_full_drive_is_said_and_goes_on_when_there_is_room(connected: Lectern) -> None:
    connected.share("large.bin", LARGE)
    connected.google.quota = 1 * MB
    failed = connected.export(**{"gdrive.text": ""})
    assert (failed.state, failed.why) == ("failed", FULL)
    connected.google.quota = None
    connected.host.post(f"{connected.hall.page}/{failed.public_id}/again")
    connected.hall.work()
    assert connected.folder == {"large.bin": LARGE}


@pytest.mark.parametrize("way", ["trash", "delete"])
@pytest.mark.parametrize("what", ["room", "lecture", "file"])
def test_what_was_thrown_away_is_made_anew(connected: Lectern, way: str, what: str) -> None:
    connected.share("a.txt", b"a")
    connected.export()
    [(room, lectures)] = connected.google.tree().items()
    name = {"room": room, "lecture": next(iter(lectures)), "file": "a.txt"}[what]
    getattr(connected.google, way)(name)
    export = connected.export()
    assert export.state == "done", export.why
    assert connected.folder["a.txt"] == b"a" and len(connected.folder) == 2


def test_a_folder_that_vanishes_on_the_way_is_made_anew_by_the_next_try(connected: Lectern) -> None:
    connected.google.faults.append(Fault("POST", "/upload/", status=404, reason="notFound"))
    assert connected.export().state == "working"
    assert connected.work_later().state == "done"


def test_a_question_that_google_doesnt_understand_is_the_plugins_fault(connected: Lectern) -> None:
    connected.google.faults.append(Fault("POST", "/drive/v3/files", status=400, reason="badRequest"))
    failed = connected.export()
    assert "The plugin “export_gdrive” failed." in failed.why
    problem = connected.hall.app.extensions["audimax_plugins"].failures[-1].problem
    assert "HttpError 400" in problem and "ya29" not in problem


# --- stopped ------------------------------------------------------------------------------


def begun(connected: Lectern, monkeypatch: pytest.MonkeyPatch) -> threading.Thread:
    """A large file on its way, held up after its first piece."""
    monkeypatch.setattr(drive, "FIRST_PAUSE", 20.0)
    connected.share("large.bin", LARGE)
    connected.google.faults.append(Fault("PUT", "/upload/", status=503, skip=1, times=99))
    assert connected.ask(**{"gdrive.text": ""}).status_code == 303
    worker = threading.Thread(target=connected.hall.work)
    worker.start()
    until(lambda: connected.google.asked("PUT", "/upload/") >= 2)
    return worker


def test_called_off_it_stops_at_once_and_leaves_no_half_file(
    connected: Lectern, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = begun(connected, monkeypatch)
    connected.host.post(f"{connected.hall.page}/{connected.hall.last().public_id}/cancel")
    worker.join(PATIENCE)
    assert not worker.is_alive() and connected.hall.last().state == "cancelled"
    assert connected.folder == {} and connected.google.asked("PUT", "/upload/") == 2


def test_a_lecture_that_is_deleted_stops_it(connected: Lectern, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = begun(connected, monkeypatch)
    with connected.hall.app.app_context():
        db.session.delete(db.session.get_one(Lecture, connected.hall.lecture))
        db.session.commit()
    worker.join(PATIENCE)
    assert not worker.is_alive() and connected.google.asked("PUT", "/upload/") == 2
    with connected.hall.app.app_context():
        left = db.session.scalars(db.select(Item.key)).all()
        assert [key.partition("/")[0] for key in left] == ["room"], "of the lecture nothing is left"


def test_who_may_not_read_any_more_gets_nothing(connected: Lectern, make_user: Any, sign_in: Any) -> None:
    from core.rooms.models import RoomHost

    emmy = make_user("emmy@uni.example")
    with connected.hall.app.app_context():
        db.session.add(RoomHost(room_id=connected.hall.room, user_id=emmy))
        db.session.commit()
    client = sign_in(emmy)
    connected.connect(client)
    assert connected.ask(client).status_code == 303
    with connected.hall.app.app_context():
        db.session.query(RoomHost).filter_by(user_id=emmy).delete()
        db.session.commit()
    connected.hall.work()
    assert connected.hall.last().why == "You may not read this lecture any more."
    assert connected.google.tree() == {}
