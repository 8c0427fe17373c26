"""Files that another program writes into the storage: expected, come, or never come."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask

from core import jobs
from core.db import db, now
from core.errors import StorageDown
from core.files import care, storages
from core.files import stored as files
from core.files.jobs import EXPECTED_FOR, sweep
from core.files.local import LocalStorage
from core.files.models import State, StoredFile
from core.lectures.models import Lecture
from tests.core.files.conftest import Hall


@pytest.fixture
def expected(app: Flask, hall: Hall, context: None) -> StoredFile:
    """A film that another program is to write."""
    lecture = db.session.get_one(Lecture, hall.lecture)
    made = files.expect(lecture, "recording", name="piece.mp4", mime="video/mp4")
    db.session.commit()
    return made


def write(stored: StoredFile, body: bytes = b"a film") -> None:
    """What the other program does."""
    storages.named(stored.storage).save(stored.key, BytesIO(body), "video/mp4")


def test_it_is_nobodys_until_it_has_come(app: Flask, hall: Hall, expected: StoredFile) -> None:
    assert expected.key.startswith("kept/") and expected.key.endswith(".mp4")
    assert hall.host.get(f"/files/{expected.public_id}").status_code == 409
    assert files.has_come(expected) is False
    write(expected)
    assert files.has_come(expected) is True and files.has_come(expected) is True
    assert (expected.state, expected.size, expected.mime) == ("ready", 6, "video/mp4")
    answer = hall.host.get(f"/files/{expected.public_id}")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"a film", "video/mp4")


def test_a_storage_that_is_down_is_asked_again(expected: StoredFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_down(self: LocalStorage, key: str) -> None:
        raise StorageDown("not now")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "stat", is_down)
        with pytest.raises(StorageDown):
            files.has_come(expected)
    assert expected.state == State.EXPECTED


def test_what_is_deleted_meanwhile_does_not_come(expected: StoredFile) -> None:
    write(expected)
    files.delete(expected)
    assert files.has_come(expected) is False


def test_a_check_finds_neither_too_much_nor_too_little(expected: StoredFile) -> None:
    assert care.check().is_fine
    write(expected)
    assert care.check(delete_unowned=True).is_fine
    assert files.has_come(expected)
    assert care.check().is_fine


def test_a_move_says_that_it_is_under_way(expected: StoredFile) -> None:
    assert care.move("local", lambda _made: None, lambda: False).left == 0
    expected.storage = "elsewhere"
    db.session.commit()
    assert care.move("local", lambda _made: None, lambda: False).left == 1
    expected.storage = "local"
    db.session.commit()


def test_what_never_comes_is_given_up_and_its_bytes_with_it(
    app: Flask, hall: Hall, expected: StoredFile
) -> None:
    sweep()
    db.session.refresh(expected)
    assert expected.state == State.EXPECTED
    write(expected)
    expected.touched_at = now() - EXPECTED_FOR - timedelta(minutes=1)
    db.session.commit()
    sweep()
    db.session.refresh(expected)
    assert expected.state == State.GONE
    jobs.run_worker(app, wait=False)
    assert hall.keys() == []


def test_it_goes_with_its_lecture(app: Flask, hall: Hall, expected: StoredFile) -> None:
    write(expected)
    db.session.delete(db.session.get_one(Lecture, hall.lecture))
    db.session.commit()
    sweep()
    assert hall.keys() == []
