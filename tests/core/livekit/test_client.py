"""Every method of the client, against the real server."""

from __future__ import annotations

import os
import socket
import threading
import time
from functools import partial
from typing import Any

import pytest
from flask import Flask

from core.errors import LiveKitDown, LiveKitError, Refusal
from core.livekit.client import Failed, LiveKit, livekit
from core.livekit.tokens import permission_of
from tests.fixtures.livekit import Hall, MediaServer, until


def test_a_room_is_opened_once_however_often_it_is_asked_for(server: LiveKit) -> None:
    first = server.create_room("hall")
    assert server.create_room("hall").sid == first.sid
    assert [room.name for room in server.list_rooms()] == ["hall"]


def test_rooms_are_listed_by_name(server: LiveKit) -> None:
    server.create_room("one")
    server.create_room("two")
    assert [room.name for room in server.list_rooms(["two", "three"])] == ["two"]


def test_deleting_a_room_that_is_gone_is_done_already(server: LiveKit) -> None:
    server.create_room("hall")
    assert server.delete_room("hall") is True
    assert server.delete_room("hall") is False
    assert server.list_rooms() == []


def test_a_room_that_is_not_there_has_nobody_in_it(server: LiveKit) -> None:
    assert server.list_participants("nowhere") == []
    assert server.get_participant("nowhere", "nobody") is None
    assert server.remove_participant("nowhere", "nobody") is False
    assert server.mute_track("nowhere", "nobody", "TR_none") is False
    assert server.send_data("nowhere", "chat", b"hello") is False


def test_somebody_is_listed_found_and_removed(hall: Hall) -> None:
    lecture = hall.start()
    identity, person = hall.enter(lecture)
    assert [p.identity for p in hall.api.list_participants(lecture)] == [identity]
    assert hall.api.get_participant(lecture, identity).name == "Grace"
    assert hall.api.remove_participant(lecture, identity) is True
    until(lambda: not person.is_in)
    assert hall.api.get_participant(lecture, identity) is None


def test_taking_the_right_to_publish_unpublishes_at_once(hall: Hall) -> None:
    lecture = hall.start()
    speaker, voice = hall.enter(lecture)
    _, listener = hall.enter(lecture, "Ada")
    voice.speak()
    listener.hears(speaker)
    hall.change(speaker, microphone=False, camera=False, screen=False)
    assert hall.api.update_participant(lecture, speaker, permission_of(hall.row(speaker))) is True
    until(lambda: "track_unpublished" in listener.happened)
    permission = hall.api.get_participant(lecture, speaker).permission
    assert (permission.can_publish, permission.can_subscribe, permission.can_publish_data) == (
        False,
        True,
        False,
    )


def test_a_track_is_muted(hall: Hall) -> None:
    lecture = hall.start()
    identity, person = hall.enter(lecture)
    track = person.speak()
    assert hall.api.mute_track(lecture, identity, track) is True
    assert until(lambda: hall.api.get_participant(lecture, identity).tracks)[0].muted


def test_a_packet_of_the_server_comes_without_a_sender_and_only_to_whom_it_is_sent(hall: Hall) -> None:
    lecture = hall.start()
    one, first = hall.enter(lecture)
    _, second = hall.enter(lecture, "Ada")

    def both_are_reached() -> bool:
        hall.api.send_data(lecture, "knock", b"")
        return bool(first.data and second.data)

    # Whoever has just come may not hear yet.
    until(both_are_reached)
    assert hall.api.send_data(lecture, "chat", b"for one", to=[one])
    assert hall.api.send_data(lecture, "chat", b"for all")
    until(lambda: len(chat_of(first)) == 2)
    until(lambda: chat_of(second))
    assert chat_of(second) == [("chat", b"for all", None)]
    assert ("chat", b"for one", None) in chat_of(first)


def chat_of(person: Any) -> list[Any]:
    return [packet for packet in person.data if packet[0] == "chat"]


def test_an_agent_is_dispatched_listed_and_called_off(server: LiveKit) -> None:
    server.create_room("hall")
    made = server.create_dispatch("hall", "captions", metadata="{}")
    assert [d.agent_name for d in server.list_dispatch("hall")] == ["captions"]
    assert server.delete_dispatch("hall", made.id) is True
    assert server.list_dispatch("hall") == []


def test_many_calls_answer_in_their_places_and_failures_are_named(server: LiveKit) -> None:
    def refused() -> None:
        raise LiveKitError("permission_denied", "no")

    answers = server.many([partial(server.create_room, "a"), refused, partial(server.delete_room, "never")])
    assert answers[0].name == "a"
    assert isinstance(answers[1], Failed)
    assert answers[2] is False


def test_a_server_that_is_down_is_told_apart_from_one_that_refuses(make_app: object, app: Flask) -> None:
    with app.app_context(), pytest.raises(LiveKitDown):
        livekit().list_rooms()


def test_a_wrong_secret_is_a_refusal(livekit_server: MediaServer, make_app: object) -> None:
    app = make_app(livekit_secret="another-secret-of-more-than-32-letters")  # type: ignore[operator]
    with app.app_context(), pytest.raises(LiveKitError) as caught:
        livekit().list_rooms()
    assert caught.value.code == "unauthenticated"


def test_joining_is_refused_in_words_while_livekit_is_down(livekit_server: MediaServer, app: Flask) -> None:
    with app.test_request_context():
        livekit().must_be_reachable()
        livekit_server.kill()
        livekit()._looked_at = 0.0
        with pytest.raises(Refusal) as caught:
            livekit().must_be_reachable()
        assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, "livekit_down", 3)
        livekit_server.start()
        until(lambda: livekit()._reachable())


def test_a_connection_that_the_server_has_closed_is_opened_again(
    server: LiveKit, livekit_server: MediaServer
) -> None:
    server.create_room("hall")
    livekit_server.kill()
    livekit_server.start()
    assert server.list_rooms() == []


def test_a_server_that_never_answers_costs_seconds_not_minutes(make_app: object) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        app = make_app(livekit_api_url=f"http://127.0.0.1:{deaf.getsockname()[1]}")  # type: ignore[operator]
        with app.app_context():
            begun = time.monotonic()
            with pytest.raises(LiveKitDown):
                livekit().list_rooms()
            assert time.monotonic() - begun < 8


def test_a_forked_worker_has_connections_of_its_own(server: LiveKit) -> None:
    server.create_room("hall")
    pid = os.fork()
    if pid == 0:
        os._exit(0 if [r.name for r in server.list_rooms()] == ["hall"] else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert [r.name for r in server.list_rooms()] == ["hall"]


def test_threads_share_the_client(server: LiveKit) -> None:
    rooms = [f"hall{n}" for n in range(20)]
    threads = [threading.Thread(target=server.create_room, args=(name,)) for name in rooms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(room.name for room in server.list_rooms()) == sorted(rooms)
