"""LiveKit is made to obey the rows, with jobs stopped and webhooks lost."""

from __future__ import annotations

import pytest
from livekit import api

from core.db import db, now
from core.lectures.models import Lecture
from core.livekit import enforcement
from core.livekit.enforcement import Enforced
from tests.fixtures.livekit import Attendee, Hall, held_for, until


def enforce(hall: Hall, lecture: str) -> Enforced:
    with hall.app.app_context():
        return enforcement.enforce(hall._lecture(lecture))


def past_the_gate(hall: Hall, lecture: str, identity: str, **grants: bool) -> Attendee:
    """Somebody with a token of the server's own key, connected without being asked."""
    made = hall.app.extensions["audimax_config"]
    grant = api.VideoGrants(room_join=True, room=lecture, **grants)
    token = (
        api.AccessToken(made.livekit_key, made.livekit_secret)
        .with_identity(identity)
        .with_grants(grant)
        .to_jwt()
    )
    person = Attendee(hall.livekit.url.replace("http", "ws"), token)
    hall.people.append(person)
    return person.connect()


def test_who_is_admitted_stays_as_they_are(hall: Hall) -> None:
    lecture = hall.start()
    _, person = hall.enter(lecture)
    assert enforce(hall, lecture) == Enforced()
    assert held_for(lambda: person.is_in, 0.5)


def test_who_was_removed_or_never_admitted_is_put_out(hall: Hall) -> None:
    lecture = hall.start()
    identity, removed = hall.enter(lecture)
    stranger = past_the_gate(hall, lecture, "stranger")
    clone = past_the_gate(hall, lecture, f"{identity}#x")
    _, stays = hall.enter(lecture, "Ada")
    hall.change(identity, removed_at=now())
    assert enforce(hall, lecture) == Enforced(removed=3)
    for person in (removed, stranger, clone):
        until(lambda person=person: not person.is_in)
    assert stays.is_in


def test_rights_follow_the_rows(hall: Hall) -> None:
    lecture = hall.start()
    speaker, voice = hall.enter(lecture)
    _, listener = hall.enter(lecture, "Ada")
    voice.speak()
    listener.hears(speaker)
    hall.change(speaker, microphone=False)
    assert enforce(hall, lecture) == Enforced(changed=1)
    until(lambda: "track_unpublished" in listener.happened)
    assert enforce(hall, lecture) == Enforced()
    with pytest.raises(Exception, match=r".*"):
        voice.speak()
    heard = listener.heard[speaker]
    assert held_for(lambda: listener.heard[speaker] == heard, 1)
    hall.change(speaker, microphone=True)
    assert enforce(hall, lecture) == Enforced(changed=1)
    voice.speak()
    listener.hears(speaker)


def test_rights_that_somebody_got_elsewhere_are_taken(hall: Hall) -> None:
    lecture = hall.start()
    identity, _ = hall.admit(lecture, microphone=False, camera=False, screen=False)
    past_the_gate(hall, lecture, identity, can_update_own_metadata=True)
    assert enforce(hall, lecture) == Enforced(changed=1)
    permission = hall.api.get_participant(lecture, identity).permission
    assert (permission.can_publish, permission.can_publish_data, permission.can_update_metadata) == (
        False,
        False,
        False,
    )


def test_our_agent_is_not_removed(hall: Hall) -> None:
    lecture = hall.start()
    made = hall.app.extensions["audimax_config"]
    grant = api.VideoGrants(room_join=True, room=lecture, agent=True)
    token = api.AccessToken(made.livekit_key, made.livekit_secret).with_identity("agent").with_kind("agent")
    agent = Attendee(hall.livekit.url.replace("http", "ws"), token.with_grants(grant).to_jwt())
    hall.people.append(agent)
    agent.connect()
    assert enforce(hall, lecture) == Enforced()
    assert [p.identity for p in hall.api.list_participants(lecture)] == ["agent"]


def test_who_slips_in_while_the_host_decides_is_put_out_soon_after(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enforcement, "AGAIN_AFTER", (0.3, 1.0))
    lecture = hall.start()
    with hall.app.app_context():
        enforcement.later(hall._lecture(lecture))
    late = past_the_gate(hall, lecture, "late")
    until(lambda: not late.is_in)


def test_livekit_down_is_reported_and_nothing_raises(hall: Hall) -> None:
    lecture = hall.start()
    hall.livekit.kill()
    assert enforce(hall, lecture) == Enforced(failed=1)


def test_an_ended_lecture_is_left_alone_later(hall: Hall) -> None:
    lecture = hall.start()
    hall.end(lecture)
    with hall.app.app_context():
        key = db.session.scalar(db.select(Lecture.id).where(Lecture.public_id == lecture))
    enforcement._enforce_in(hall.app, key)
    enforcement._enforce_in(hall.app, 10**9)
