"""Presence and decisions about the same lecture never wait for each other."""

from __future__ import annotations

import threading

import sqlalchemy as sa
from flask import Flask

from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.livekit import presence
from tests.fixtures.livekit import until

WAITS = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def test_a_line_of_chat_and_a_webhook_about_its_author_dont_block_each_other(
    app: Flask, make_user, make_room, monkeypatch
):
    said = presence.Said(presence.JOINED, "sid", now(), now())
    monkeypatch.setattr(presence, "_said", lambda *_who: [said])
    with app.app_context():
        lecture = Lecture(room_id=make_room(make_user())[0], title="Locks")
        db.session.add(lecture)
        db.session.flush()
        author = Participant(lecture_id=lecture.id, name="Ada")
        db.session.add(author)
        db.session.commit()
        lecture_id, lecture_name, author_id, identity = (
            lecture.id,
            lecture.public_id,
            author.id,
            author.identity,
        )

    def webhook() -> None:
        with app.app_context():
            presence.settle(lecture_name, identity)
            db.session.commit()

    told = threading.Thread(target=webhook)
    with app.app_context():
        # As chat does it: the lecture first, then a row that refers to the author.
        db.session.execute(sa.select(Lecture.id).where(Lecture.id == lecture_id).with_for_update(read=True))
        told.start()
        until(lambda: db.session.scalar(WAITS) == 1, what="the webhook waits")
        refers = sa.select(Participant.id).where(Participant.id == author_id)
        db.session.execute(refers.with_for_update(read=True, key_share=True))
        db.session.commit()
    told.join(30)
    assert not told.is_alive()
