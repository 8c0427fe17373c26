"""Somebody with a client of their own against what hosts decided, on the real livekit-server and through the gate."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import websocket
from flask import Flask
from livekit.protocol import rtc

from core.db import db
from core.errors import LiveKitDown
from core.livekit import enforcement, reconciler
from core.livekit.client import LiveKit
from core.rooms.models import Room
from tests.fixtures.livekit import PATIENCE, Attendee, Hall, MediaServer, held_for, until


@pytest.fixture
def app(livekit_server: MediaServer, make_app: Callable[..., Flask]) -> Flask:
    return make_app("moderation")


@dataclass
class Guest:
    """Somebody who came through the door: their cookies, their identity, their token."""

    name: str
    client: Any
    identity: str
    token: str
    person: Attendee | None = None

    @property
    def there(self) -> Attendee:
        """Their client, connected."""
        assert self.person is not None
        return self.person


class Lecture:
    """A running lecture with its host; no job is worked off, nobody looks after it but the requests."""

    def __init__(self, hall: Hall, host: Any) -> None:
        self.hall, self.client = hall, host
        self.id = hall.start()
        with hall.app.app_context():
            self.room = db.session.get_one(Room, hall.room_id).public_id

    def act(self, action: str, **body: Any) -> None:
        answer = self.client.post(f"/api/rooms/{self.room}/moderation/{action}", json=body)
        assert answer.status_code < 300, answer.text

    def join(self, name: str, client: Any = None) -> Guest:
        client = client or self.hall.app.test_client()
        answer = client.post(f"/api/rooms/{self.room}/join", json={"name": name}).json
        assert answer["status"] == "admitted", answer
        return Guest(name, client, answer["identity"], answer["token"])

    def enter(self, name: str, **options: Any) -> Guest:
        guest = self.join(name)
        guest.person = self.hall.attendee(guest.token).connect(**options)
        return guest

    def inside(self) -> set[str]:
        return {person.identity for person in self.hall.api.list_participants(self.id)}

    def signal(self, token: str, more: str = "") -> websocket.WebSocket:
        """A client that only signals."""
        address = f"{self.hall.gate.url}/rtc?access_token={token}&protocol=16{more}"
        return websocket.create_connection(address, timeout=PATIENCE)

    def refused(self, token: str, more: str = "") -> int:
        """The status with which the gate refuses, before a word about anybody is said."""
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            self.signal(token, more)
        return int(caught.value.status_code)


@pytest.fixture
def lecture(hall: Hall, sign_in: Callable[[int], Any]) -> Lecture:
    return Lecture(hall, sign_in(hall.owner_id))


def refreshed(lecture: Lecture, guest: Guest) -> str:
    """The token that LiveKit hands to whoever signals."""
    socket = lecture.signal(guest.token)
    try:
        while True:
            answer = rtc.SignalResponse.FromString(socket.recv())
            if answer.refresh_token:
                return str(answer.refresh_token)
    finally:
        socket.close()


def livekits_log(hall: Hall) -> str:
    return (hall.livekit.server.folder / "livekit.log").read_text("utf-8")


# --- coming back ----------------------------------------------------------------------


@pytest.mark.parametrize("action", ["ban", "remove"])
def test_who_was_put_out_reconnects_in_a_loop_with_every_token_and_meets_a_403_each_time(
    lecture: Lecture, caplog: pytest.LogCaptureFixture, action: str
) -> None:
    ann, mallory = lecture.enter("Ann"), lecture.join("Mallory")
    fresh = refreshed(lecture, mallory)
    mallory.person = lecture.hall.attendee(mallory.token).connect()
    mallory.there.speak()
    ann.there.hears(mallory.identity)
    lecture.act(f"people/{mallory.identity}/{action}", reason="Noise")
    assert lecture.inside() == {ann.identity}
    heard = ann.there.heard[mallory.identity]
    with caplog.at_level(logging.INFO, "core.livekit.gate"):
        statuses = [lecture.refused(token) for token in [mallory.token, fresh] * 10]
    assert statuses == [403] * 20
    attempts = [
        r
        for r in caplog.records
        if "stays shut (403)" in r.getMessage() and mallory.identity in r.getMessage()
    ]
    assert len(attempts) == 20, "each attempt is logged"
    for token in (mallory.token, fresh):
        assert lecture.hall.attendee(token).refused()
    assert lecture.inside() == {ann.identity}
    assert ann.there.heard[mallory.identity] == heard and ann.there.is_in


def test_a_client_that_only_signals_is_put_out_and_sees_nobody_afterwards(lecture: Lecture) -> None:
    ann, mallory = lecture.enter("Ann"), lecture.join("Mallory")
    socket = lecture.signal(mallory.token)
    until(lambda: mallory.identity in lecture.inside(), what="LiveKit lists who only signals")
    lecture.act(f"people/{mallory.identity}/ban", reason="")
    with pytest.raises((websocket.WebSocketException, OSError)):  # noqa: PT012
        while True:
            opcode, _ = socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise websocket.WebSocketConnectionClosedException
    assert lecture.refused(mallory.token) == 403
    assert lecture.inside() == {ann.identity}


def test_a_banned_session_gets_no_second_identity(lecture: Lecture) -> None:
    mallory = lecture.enter("Mallory")
    lecture.act(f"people/{mallory.identity}/ban", reason="")
    for name in ("Mallory", "Somebody Else"):
        again = mallory.client.post(f"/api/rooms/{lecture.room}/join", json={"name": name})
        assert again.status_code == 403 and "token" not in again.json
    assert lecture.inside() == set()


# --- a voice by other means -----------------------------------------------------------


def test_a_muted_voice_comes_under_no_other_source(lecture: Lecture) -> None:
    ann, mallory = lecture.enter("Ann"), lecture.enter("Mallory")
    lecture.act(f"people/{mallory.identity}/take", microphone=False, reason="")
    until(lambda: "participant_permissions_changed" in mallory.there.happened)
    before = livekits_log(lecture.hall).count("no permission to publish track")
    for source in ("MICROPHONE", "SCREENSHARE_AUDIO", "UNKNOWN"):
        with pytest.raises(Exception, match=r".*"):
            mallory.there.speak(source)
    assert held_for(lambda: ann.there.heard[mallory.identity] == 0, 1)
    assert livekits_log(lecture.hall).count("no permission to publish track") >= before + 3, "logged"


@pytest.mark.parametrize("source", ["CAMERA", "SCREENSHARE"])
def test_whose_sound_calls_itself_a_picture_is_put_out_at_the_next_look(
    lecture: Lecture, caplog: pytest.LogCaptureFixture, source: str
) -> None:
    ann, mallory = lecture.enter("Ann"), lecture.enter("Mallory")
    lecture.act(f"people/{mallory.identity}/take", microphone=False, reason="")
    until(lambda: "participant_permissions_changed" in mallory.there.happened)
    mallory.there.speak(source)
    # LiveKit's list names the track a moment after its sender knows of it.
    until(lambda: any(person.tracks for person in lecture.hall.api.list_participants(lecture.id)))
    with lecture.hall.app.app_context():
        reconciler.reconcile()
    assert lecture.inside() == {ann.identity}
    assert lecture.refused(mallory.token) == 403
    assert f"{mallory.identity}'] sent sound or pictures under another name" in caplog.text


def test_in_a_panic_nothing_is_published_under_any_source_by_any_way_in(lecture: Lecture) -> None:
    ann, mallory = lecture.enter("Ann"), lecture.enter("Mallory")
    mallory.there.speak()
    ann.there.hears(mallory.identity)
    lecture.act("panic", on=True, chat=True)
    heard = ann.there.heard[mallory.identity]
    for more in ("&publish=x", "&publish=", "&%70ublish=mic"):
        assert lecture.refused(mallory.token, more) == 400, "no second identity beside one's own"
    attributes = base64.urlsafe_b64encode(json.dumps({"role": "host"}).encode()).decode()
    assert lecture.refused(mallory.token, f"&attributes={quote(attributes)}") == 401, (
        "nobody makes themselves a host"
    )
    again = lecture.join("Mallory", mallory.client)
    assert again.identity == mallory.identity, "the same cookie is the same person"
    other = lecture.enter("Mallory's second browser")
    for person in (mallory.there, lecture.hall.attendee(again.token).connect(), other.there):
        assert person.cannot_speak("MICROPHONE", "CAMERA", "SCREENSHARE_AUDIO", "UNKNOWN")
    assert held_for(lambda: ann.there.heard[mallory.identity] == heard, 1)
    assert all(not person.tracks for person in lecture.hall.api.list_participants(lecture.id))


# --- as somebody else -----------------------------------------------------------------


def test_packets_on_our_topics_reach_nobody_and_a_new_name_is_not_taken(lecture: Lecture) -> None:
    ann, mallory = lecture.enter("Ann"), lecture.enter("Mallory")
    for topic in ("moderation", "webinar", "chat", "transcription", "lobby"):
        mallory.there.send(topic, b'{"banned": true}')
    before = livekits_log(lecture.hall).count("could not update metadata")
    with contextlib.suppress(Exception):
        mallory.there.rename("Ada Lovelace")
    refused = lambda: livekits_log(lecture.hall).count("could not update metadata") == before + 1  # noqa: E731
    until(refused, what="LiveKit logs the attempt")
    lecture.act("lock", on=True)
    until(lambda: ann.there.data)
    assert [(topic, sender) for topic, _, sender in ann.there.data] == [("moderation", None)]
    seen = lecture.hall.api.get_participant(lecture.id, mallory.identity)
    assert (seen.name, dict(seen.attributes)) == ("Mallory", {"role": "guest"})


def host_routes(app: Flask) -> list[tuple[str, str]]:
    """Every route of moderation that isn't for those inside."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("moderation.") and not rule.rule.endswith("/state"):
            found += [(method, rule.rule) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return found


def test_the_hosts_calls_are_refused_to_guests_and_to_hosts_of_other_rooms_and_written_down(
    lecture: Lecture, caplog: pytest.LogCaptureFixture, make_user: Any, make_room: Any, sign_in: Any
) -> None:
    ann, mallory = lecture.join("Ann"), lecture.join("Mallory")
    stranger = make_user(name="Other Host")
    make_room(stranger)
    callers = [mallory.client, sign_in(stranger), lecture.hall.app.test_client()]
    body = {"reason": "", "on": True}
    attempts = 0
    with caplog.at_level(logging.INFO, "core.http.views"):
        for client in callers:
            for method, rule in host_routes(lecture.hall.app):
                path = (
                    rule.replace("<room_id>", lecture.room)
                    .replace("<identity>", ann.identity)
                    .replace("<ban_id>", "x")
                )
                assert client.open(path, method=method, json=body).status_code in (401, 403), path
                attempts += 1
    assert attempts >= 3 * 14
    assert (
        sum("refused to a" in r.getMessage() and "/moderation/" in r.getMessage() for r in caplog.records)
        == attempts
    )
    row = lecture.hall.row(ann.identity)
    assert row.removed_at is None and row.microphone


# --- noise around it ------------------------------------------------------------------


def test_decisions_hold_while_jobs_are_stopped_and_webhooks_are_flooded(lecture: Lecture) -> None:
    ann, mallory, bob = lecture.enter("Ann"), lecture.enter("Mallory"), lecture.enter("Bob")
    crowd = [lecture.join(f"Crowd {number}") for number in range(6)]
    stop = threading.Event()

    def come_and_go(guest: Guest) -> None:
        while not stop.is_set():
            try:
                lecture.signal(guest.token).close()
            except (websocket.WebSocketException, OSError):
                stop.wait(0.1)
            # LiveKit makes ears for each of them, and somebody else comes in meanwhile.
            stop.wait(0.2)

    def send_rubbish(_number: int) -> None:
        while not stop.is_set():
            answer = lecture.hall.app.test_client().post("/api/livekit/webhook", data=b"{}")
            assert answer.status_code == 401
            # Those who come in share this process: they need a turn too.
            stop.wait(0.01)

    mallory.there.speak()
    bob.there.speak()
    ann.there.hears(mallory.identity)
    ann.there.hears(bob.identity)
    with ThreadPoolExecutor(16) as pool:
        noise = [
            *(pool.submit(come_and_go, guest) for guest in crowd),
            *(pool.submit(send_rubbish, n) for n in range(2)),
        ]
        try:
            lecture.act(f"people/{mallory.identity}/ban", reason="Noise")
            assert mallory.identity not in lecture.inside()
            assert lecture.refused(mallory.token) == 403
            lecture.act("panic", on=True)
            assert not lecture.hall.api.get_participant(lecture.id, bob.identity).tracks
            late = lecture.enter("Late")
            with pytest.raises(Exception, match=r".*"):
                late.there.speak()
        finally:
            # Else the pool would wait for ever for those who make noise.
            stop.set()
    for one in noise:
        one.result()
    assert ann.there.is_in


def test_a_panic_that_breaks_off_halfway_ends_muted(
    lecture: Lecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = lecture.enter("Ann")
    # Only one of them listens: sixteen streams more in this process cost it a whole core.
    voices = [lecture.enter(f"Voice {number}", auto_subscribe=False) for number in range(4)]
    for voice in voices:
        voice.there.speak()
        ann.there.hears(voice.identity)
    real, calls = LiveKit.update_participant, []

    def fails_after_two(self: LiveKit, *args: Any) -> bool:
        calls.append(args)
        if len(calls) > 2:
            raise LiveKitDown("broken off")
        return real(self, *args)

    monkeypatch.setattr(enforcement, "AGAIN_AFTER", ())
    monkeypatch.setattr(LiveKit, "update_participant", fails_after_two)
    lecture.act("panic", on=True)
    assert any(person.tracks for person in lecture.hall.api.list_participants(lecture.id)), "it broke off"
    # The rows say so already: whoever comes through the gate now is silent.
    late = lecture.enter("Late", auto_subscribe=False)
    with pytest.raises(Exception, match=r".*"):
        late.there.speak()
    monkeypatch.setattr(LiveKit, "update_participant", real)
    with lecture.hall.app.app_context():
        reconciler.reconcile()
    people = lecture.hall.api.list_participants(lecture.id)
    assert len(people) == 6 and not any(person.tracks or person.permission.can_publish for person in people)


def test_who_was_silenced_after_a_crash_is_told_so_again_by_the_same_worker(
    lecture: Lecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = lecture.enter("Voice")
    voice.there.speak()
    real = LiveKit.update_participant
    monkeypatch.setattr(enforcement, "AGAIN_AFTER", (0.3,))
    monkeypatch.setattr(LiveKit, "update_participant", _once_down(real))
    lecture.act(f"people/{voice.identity}/take", microphone=False, reason="")
    until(lambda: not lecture.hall.api.get_participant(lecture.id, voice.identity).tracks)


def _once_down(real: Callable[..., bool]) -> Callable[..., bool]:
    seen: list[int] = []

    def update(self: LiveKit, *args: Any) -> bool:
        seen.append(1)
        if len(seen) == 1:
            raise LiveKitDown("away for a moment")
        return real(self, *args)

    return update
