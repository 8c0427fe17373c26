"""The live monitor: what administrators see of running lectures, and what they can do about them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import websocket
from flask import Flask
from flask.testing import FlaskClient
from livekit.protocol import models

from core.admin import monitor
from core.contracts import LiveSign
from core.db import db, now
from core.engine.plugins import Plugins
from core.errors import LiveKitDown
from core.lectures import lectures
from core.lectures.models import Lecture, Participant
from core.livekit import presence
from core.livekit.client import LiveKit
from core.models import AuditEntry, WebhookEvent
from core.people import accounts
from core.people.models import GuestSession, User
from core.rooms.hosts import tell_hosts
from core.rooms.models import Room

LIVE = "/admin/live"
ORIGIN = "http://localhost:8000"
SECONDS = 30
Info = models.ParticipantInfo


@pytest.fixture
def room(ada: int, make_room: Any) -> int:
    return int(make_room(ada)[0])


@pytest.fixture
def lecture(app: Flask, room: int, ada: int) -> tuple[int, str]:
    """Ada's running lecture: she, Bob, and Carl who has left."""
    with app.app_context():
        made = Lecture(room_id=room, title="Algorithms II", started_by_id=ada)
        db.session.add(made)
        db.session.flush()
        here = {"lecture_id": made.id, "present_since": now()}
        db.session.add_all(
            [
                Participant(name="Ada Lovelace", role="host", user_id=ada, identity="ada", **here),
                Participant(name="Bob", identity="bob", **here),
                Participant(name="Carl", identity="carl", lecture_id=made.id, left_at=now()),
            ]
        )
        db.session.commit()
        return made.id, made.public_id


class Media:
    """What LiveKit knows and is told, without LiveKit."""

    def __init__(self) -> None:
        self.people: list[Info] = []
        self.said: list[tuple[str, dict[str, Any], tuple[str, ...]]] = []
        self.deleted: list[str] = []
        self.is_down = False

    def add(self, identity: str, *sources: str, **more: Any) -> None:
        tracks = [models.TrackInfo(source=getattr(models.TrackSource, source)) for source in sources]
        about = {"state": Info.State.ACTIVE, "sid": f"PA_{identity}", **more}
        self.people.append(Info(identity=identity, tracks=tracks, **about))

    def list(self, _room: str) -> list[Info]:
        self._answer()
        return self.people

    def send(self, room: str, topic: str, payload: bytes, to: Any = ()) -> bool:
        self._answer()
        self.said.append((topic, json.loads(payload), tuple(to)))
        return True

    def delete(self, room: str) -> bool:
        self._answer()
        self.deleted.append(room)
        return False

    def _answer(self) -> None:
        if self.is_down:
            raise LiveKitDown("LiveKit can't be reached")


@pytest.fixture
def media(monkeypatch: pytest.MonkeyPatch) -> Media:
    made = Media()
    monkeypatch.setattr(LiveKit, "list_participants", lambda _self, room: made.list(room))
    monkeypatch.setattr(LiveKit, "send_data", lambda _self, *said: made.send(*said))
    monkeypatch.setattr(LiveKit, "delete_room", lambda _self, room: made.delete(room))
    monkeypatch.setattr("core.order.enforcement.later", lambda lecture: None)
    return made


def participant(app: Flask, name: str) -> Participant:
    with app.app_context():
        return db.session.scalars(sa.select(Participant).where(Participant.name == name)).one()


def many(app: Flask, ada: int, lectures: int = 200, people: int = 30) -> None:
    """Rooms in which lectures run, by SQL."""
    values = {"owner": ada, "lectures": lectures, "people": people}
    with app.app_context():
        for statement in (
            "INSERT INTO room (public_id, code, title, owner_id, description, language, settings, created_at)"
            " SELECT 'r' || n, 'c' || n, 'Einführung in die Übung ' || n, :owner, '', 'en', '{}', now()"
            " FROM generate_series(1, :lectures) n",
            "INSERT INTO lecture (public_id, room_id, title, language, started_at, ended_reason)"
            " SELECT 'lecture-with-a-long-id-' || id, id, title, 'en', now(), '' FROM room",
            "INSERT INTO participant (public_id, lecture_id, identity, name, role, microphone, camera, screen,"
            " chat, admitted_at, present_since, seconds_present, livekit_sid, connects)"
            " SELECT l.id || '-' || n, l.id, 'i' || l.id || '-' || n, 'Person', 'guest', true, true, true, true,"
            " now(), now(), 0, '', 0 FROM lecture l, generate_series(1, :people) n",
        ):
            db.session.execute(sa.text(statement), values)
        db.session.commit()


def agent_said(app: Flask, lecture: str, kind: str, sid: str = "PA_agent") -> None:
    with app.app_context():
        who = Info(identity="agent-1", sid=sid, kind=Info.Kind.AGENT)
        presence.note(f"{sid}-{kind}", kind, lecture, now(), who)
        db.session.commit()


# --- the list ---------------------------------------------------------------------------


def test_the_list_tells_of_every_running_lecture(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], room: int
) -> None:
    with app.app_context():
        guest = GuestSession(token_hash="a" * 64, name="Dora")
        db.session.add(guest)
        db.session.flush()
        about = {"room": room, "guest": guest.id}
        db.session.execute(
            sa.text(
                "INSERT INTO waiting (room_id, guest_session_id, name, fingerprint, address, cause, since, seen_at)"
                " VALUES (:room, :guest, 'Dora', '', '', 'lobby', now(), now())"
            ),
            about,
        )
        db.session.commit()
        (found,) = monitor.running()
    assert (found.id, found.title, found.host) == (lecture[1], "Algorithms II", "Ada Lovelace")
    assert (found.people, found.waiting, found.has_agent) == (2, 1, False)
    text = boss.get(LIVE).text
    assert f'href="/admin/live/{lecture[1]}"' in text and "1 lecture · 2 people" in text


def test_weak_connections_are_counted_while_they_last(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], media: Media
) -> None:
    media.add("bob", "MICROPHONE")
    media.add("ada", "CAMERA")
    with app.app_context():
        db.session.execute(sa.update(Participant).values(quality="weak"))
        db.session.commit()
        # Carl has left.
        assert monitor.running()[0].weak == 2
    assert "2 weak connections" in boss.get(LIVE).text
    assert boss.get(f"{LIVE}/{lecture[1]}").text.count("Weak connection") == 2
    with app.app_context():
        bob = db.session.scalars(sa.select(Participant).where(Participant.name == "Bob")).one()
        presence.note("bob-again", presence.JOINED, lecture[1], now(), Info(identity="bob", sid="PA_b2"))
        presence.settle(lecture[1], "bob")
        db.session.commit()
        db.session.refresh(bob)
        assert bob.quality == "", "a new connection is taken for a good one"


def test_the_node_stands_in_a_look_and_in_the_list_where_there_are_several(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], make_room: Any, ada: int
) -> None:
    other, _id, _code = make_room(ada, title="Biology")

    def runs_on(*nodes: str) -> set[str]:
        with app.app_context():
            for one, node in zip(
                db.session.scalars(sa.select(Lecture).order_by(Lecture.id)), nodes, strict=True
            ):
                one.node = node
            db.session.commit()
            return {one.node for one in monitor.running()}

    with app.app_context():
        db.session.add(Lecture(room_id=other, title="Biology", started_by_id=ada))
        db.session.commit()
    assert runs_on("ND_one", "ND_one") == {""}
    assert runs_on("ND_one", "") == {""}
    assert runs_on("ND_one", "ND_two") == {"ND_one", "ND_two"}
    assert "data-node>ND_two</code>" in boss.get(LIVE).text
    assert "<code>ND_one</code>" in boss.get(f"{LIVE}/{lecture[1]}").text


def test_what_plugins_say_of_a_lecture_stands_in_the_list_trouble_first(
    boss: FlaskClient, lecture: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [
        ("a", {lecture[0]: LiveSign("Captions")}),
        ("b", {lecture[0]: LiveSign("Recording <failed>", True)}),
    ]
    monkeypatch.setattr(Plugins, "ask", lambda _self, _hook, **_question: said)
    text = boss.get(LIVE).text
    failed, captions = text.index("Recording &lt;failed&gt;"), text.index(">Captions<")
    assert failed < captions and 'class="badge badge-warn">Recording' in text


def test_nothing_runs_and_the_page_says_so(boss: FlaskClient) -> None:
    text = boss.get(LIVE).text
    assert "No lecture is running" in text and "0 lectures · 0 people" in text


def test_admin_leads_to_the_first_page(boss: FlaskClient) -> None:
    assert boss.get("/admin").location == LIVE


def test_two_hundred_lectures_cost_few_queries_and_a_small_message(
    app: Flask, boss: FlaskClient, ada: int, queries: Any
) -> None:
    many(app, ada)
    with queries(at_most=5):
        text = boss.get(LIVE).text
    assert text.count("data-lecture=") == 200 + 1 and "200 lectures · 6000 people" in text
    with app.test_request_context():
        with queries(at_most=3):
            rows = monitor.shown(monitor.running())
        assert len(json.dumps(rows, separators=(",", ":"))) < 60_000


def test_an_agent_is_inside_until_its_last_connection_has_ended(app: Flask, lecture: tuple[int, str]) -> None:
    def has_agent() -> bool:
        with app.app_context():
            return monitor.running()[0].has_agent

    agent_said(app, lecture[1], presence.JOINED, "PA_1")
    assert has_agent()
    agent_said(app, lecture[1], presence.JOINED, "PA_2")
    agent_said(app, lecture[1], presence.LEFT, "PA_1")
    assert has_agent()
    agent_said(app, lecture[1], presence.LEFT, "PA_2")
    assert not has_agent()


def test_lost_words_about_an_agent_are_made_good_by_livekits_list(
    app: Flask, lecture: tuple[int, str]
) -> None:
    with app.app_context():
        db.session.execute(sa.delete(Participant))
        db.session.commit()
    agent = Info(identity="agent-1", sid="PA_1", kind=Info.Kind.AGENT, state=Info.State.ACTIVE)

    def repaired(*people: Info) -> bool:
        with app.app_context():
            presence.repair(db.session.get_one(Lecture, lecture[0]), people, now())
            db.session.commit()
            return monitor.running()[0].has_agent

    assert repaired(agent)
    assert not repaired()
    assert repaired(agent)
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(WebhookEvent)) == 1


# --- who may ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/{lecture}"])
def test_hosts_and_strangers_see_nothing(
    client: FlaskClient, sign_in: Any, ada: int, lecture: tuple[int, str], path: str
) -> None:
    address = LIVE + path.format(lecture=lecture[1])
    assert sign_in(ada).get(address).status_code == 403
    assert client.get(address).location.startswith("/sign-in")


@pytest.mark.parametrize("act", ["close", "message", "people/{bob}/remove"])
def test_the_rooms_own_host_can_do_nothing_here(
    app: Flask, sign_in: Any, ada: int, lecture: tuple[int, str], act: str, audited: Any
) -> None:
    act = act.format(bob=participant(app, "Bob").public_id)
    answer = sign_in(ada).post(f"{LIVE}/{lecture[1]}/{act}", data={"text": "Hello"})
    assert answer.status_code == 403 and audited() == []
    assert participant(app, "Bob").removed_at is None


# --- as it happens ----------------------------------------------------------------------


@pytest.fixture
def watch(app: Flask, serve: Any, sign_in: Any) -> Iterator[Callable[[int], websocket.WebSocket]]:
    """``watch(user)`` is that user's open monitor."""
    made = []

    def watch_one(user: int) -> websocket.WebSocket:
        cookie = sign_in(user).get_cookie("audimax", domain="localhost")
        socket = websocket.create_connection(
            serve().url.replace("http", "ws") + "/ws/live",
            timeout=SECONDS,
            origin=ORIGIN,
            host="localhost:8000",
            cookie=f"audimax={cookie.value}",
        )
        made.append(socket)
        return socket

    yield watch_one
    for socket in made:
        socket.close()
    with app.app_context():
        app.extensions["audimax_sockets"].close()


def heard(socket: websocket.WebSocket) -> Any:
    """The next message that says something."""
    while not ((news := json.loads(socket.recv()))["all"] or news["rows"] or news["gone"]):
        pass
    return news


def test_only_what_has_changed_is_sent(
    app: Flask, admin: int, room: int, lecture: tuple[int, str], kay_room: int, watch: Any
) -> None:
    socket = watch(admin)
    first = heard(socket)
    assert first["all"] and [row["id"] for row in first["rows"]] == [lecture[1]]
    with app.app_context():
        made = Lecture(room_id=kay_room, title="Biology")
        db.session.add(made)
        tell_hosts(kay_room)
        db.session.commit()
        other = made.public_id
    news = heard(socket)
    assert not news["all"] and [(row["id"], row["people"]) for row in news["rows"]] == [(other, "0")]
    with app.app_context():
        db.session.get_one(Participant, participant(app, "Carl").id).present_since = now()
        tell_hosts(room)
        db.session.commit()
    assert [(row["id"], row["people"]) for row in heard(socket)["rows"]] == [(lecture[1], "3")]
    with app.app_context():
        db.session.get_one(Lecture, lecture[0]).ended_at = now()
        tell_hosts(room)
        db.session.commit()
    assert heard(socket)["gone"] == [lecture[1]]


@pytest.fixture
def kay_room(make_user: Any, make_room: Any) -> int:
    return int(make_room(make_user("kay@uni.example", name="Kay"), title="Biology")[0])


def test_who_waits_is_seen_as_it_happens(
    app: Flask, admin: int, lecture: tuple[int, str], room: int, watch: Any
) -> None:
    from core.bus import waiting_changed

    socket = watch(admin)
    heard(socket)
    with app.app_context():
        guest = GuestSession(token_hash="b" * 64, name="Dora")
        db.session.add(guest)
        db.session.flush()
        db.session.execute(
            sa.text(
                "INSERT INTO waiting (room_id, guest_session_id, name, fingerprint, address, cause, since, seen_at)"
                " VALUES (:room, :guest, 'Dora', '', '', 'lobby', now(), now())"
            ),
            {"room": room, "guest": guest.id},
        )
        waiting_changed(room)
        db.session.commit()
    assert [row["waiting"] for row in heard(socket)["rows"]] == ["1"]


def closing_code(socket: websocket.WebSocket) -> int:
    while True:
        kind, data = socket.recv_data(control_frame=True)
        if kind == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")


def test_who_is_no_administrator_any_more_hears_nothing_more(
    app: Flask, admin: int, make_user: Any, lecture: tuple[int, str], watch: Any
) -> None:
    other = make_user("dean@uni.example", is_admin=True)
    socket = watch(admin)
    heard(socket)
    with app.test_request_context():
        accounts.set_admin(db.session.get_one(User, admin), False, by=db.session.get_one(User, other))
        db.session.commit()
    assert closing_code(socket) == 4401


def test_a_host_gets_no_socket(ada: int, lecture: tuple[int, str], watch: Any) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        watch(ada)


# --- a look into one --------------------------------------------------------------------


def test_a_look_tells_who_is_inside_and_what_they_send(
    boss: FlaskClient, lecture: tuple[int, str], media: Media, queries: Any
) -> None:
    media.add("ada", "MICROPHONE", "SCREEN_SHARE", region="eu")
    media.add("bob")
    media.add("agent-1", kind=Info.Kind.AGENT)
    with queries(at_most=8):
        text = boss.get(f"{LIVE}/{lecture[1]}").text
    rows = re.findall(r"<tr>\s*<td><strong>([^<]+)</strong>(.*?)</tr>", text, re.DOTALL)
    about = dict(rows)
    assert [name for name, _more in rows] == ["Ada Lovelace", "Bob", "Carl"]
    assert "Microphone" in about["Ada Lovelace"] and "Screen" in about["Ada Lovelace"]
    assert "Camera" not in about["Ada Lovelace"] and "eu" in about["Ada Lovelace"]
    assert "nothing" in about["Bob"] and "not connected" in about["Carl"]
    assert "<dt>Assistant</dt><dd>inside</dd>" in text


def test_a_look_while_livekit_is_down_tells_what_is_known(
    boss: FlaskClient, lecture: tuple[int, str], media: Media
) -> None:
    media.is_down = True
    answer = boss.get(f"{LIVE}/{lecture[1]}")
    assert answer.status_code == 200 and "Bob" in answer.text
    assert "The media server can’t be reached: who sends what isn’t known now." in answer.text


def test_a_look_into_an_ended_lecture_leads_back(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], media: Media
) -> None:
    finish(app, lecture)
    answer = boss.get(f"{LIVE}/{lecture[1]}", follow_redirects=True)
    assert answer.request.path == LIVE and "This lecture has ended." in answer.text
    assert boss.get(f"{LIVE}/nobody").status_code == 404


def finish(app: Flask, lecture: tuple[int, str]) -> None:
    with app.test_request_context():
        lectures.end(db.session.get_one(Lecture, lecture[0]), reason="host")


# --- what can be done -------------------------------------------------------------------


def test_somebody_is_removed(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], media: Media, audited: Any
) -> None:
    place = f"{LIVE}/{lecture[1]}/people/{participant(app, 'Bob').public_id}/remove"
    assert "Bob was removed." in boss.post(place, follow_redirects=True).text
    assert participant(app, "Bob").removed_at is not None
    assert participant(app, "Carl").removed_at is None
    assert audited() == [("lecture.remove_person", "Bob")]
    again = boss.post(place, follow_redirects=True).text
    assert "This person isn’t in the lecture any more." in again and len(audited()) == 1


def test_who_is_removed_while_livekit_is_down_is_shut_out_and_the_page_says_what_lacks(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], media: Media
) -> None:
    media.is_down = True
    place = f"{LIVE}/{lecture[1]}/people/{participant(app, 'Bob').public_id}/remove"
    text = boss.post(place, follow_redirects=True).text
    assert "they are put out as soon as it is back" in text
    assert participant(app, "Bob").removed_at is not None


def test_nobody_is_removed_from_a_lecture_by_the_address_of_another(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], kay_room: int, media: Media, audited: Any
) -> None:
    with app.app_context():
        made = Lecture(room_id=kay_room, title="Biology")
        db.session.add(made)
        db.session.commit()
        other = made.public_id
    place = f"{LIVE}/{other}/people/{participant(app, 'Bob').public_id}/remove"
    assert "isn’t in the lecture any more" in boss.post(place, follow_redirects=True).text
    assert participant(app, "Bob").removed_at is None and audited() == []


def test_a_lecture_is_closed(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], media: Media, admin: int
) -> None:
    text = boss.post(f"{LIVE}/{lecture[1]}/close", follow_redirects=True).text
    assert "“Algorithms II” is closed." in text and "No lecture is running" in text
    assert media.deleted == [lecture[1]]
    with app.app_context():
        entry = db.session.scalars(sa.select(AuditEntry)).one()
        assert (entry.action, entry.actor_id, entry.details) == ("lecture.end", admin, {"reason": "admin"})


def test_a_lecture_is_over_also_while_livekit_is_down(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], media: Media
) -> None:
    media.is_down = True
    text = boss.post(f"{LIVE}/{lecture[1]}/close", follow_redirects=True).text
    assert "“Algorithms II” is over, and nobody can come in any more." in text
    with app.app_context():
        assert not db.session.get_one(Lecture, lecture[0]).is_live


@pytest.mark.parametrize("act", ["close", "message", "people/nobody/remove"])
def test_after_the_end_there_is_nothing_left_to_do(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], media: Media, act: str
) -> None:
    finish(app, lecture)
    answer = boss.post(f"{LIVE}/{lecture[1]}/{act}", data={"text": "Hello"})
    assert answer.status_code == 409 and "This lecture has ended meanwhile." in answer.text
    assert media.said == []


def test_connected_hosts_and_nobody_else_get_the_message(
    app: Flask, boss: FlaskClient, lecture: tuple[int, str], media: Media, audited: Any
) -> None:
    media.add("ada")
    media.add("bob")
    data = {"text": " Please end at ten.\x07 "}
    text = boss.post(f"{LIVE}/{lecture[1]}/message", data=data, follow_redirects=True).text
    assert "1 host got the message." in text
    ((topic, payload, to),) = media.said
    assert (topic, payload["message"].strip(), to) == ("room", "Please end at ten.", ("ada",))
    assert audited() == [("lecture.message_hosts", "")]
    with app.app_context():
        entry = db.session.scalars(sa.select(AuditEntry)).one()
        assert entry.details == {"hosts": 1} and entry.lecture_id == lecture[0]


def test_a_message_goes_to_nobody_where_no_host_is_connected(
    boss: FlaskClient, lecture: tuple[int, str], media: Media, audited: Any
) -> None:
    media.add("bob")
    answer = boss.post(f"{LIVE}/{lecture[1]}/message", data={"text": "Are you there?"})
    assert answer.status_code == 409 and "No host is in the lecture at the moment" in answer.text
    assert "Are you there?</textarea>" in answer.text
    assert media.said == [] and audited() == []


def test_a_message_while_livekit_is_down_is_not_lost_on_the_page(
    boss: FlaskClient, lecture: tuple[int, str], media: Media, audited: Any
) -> None:
    media.is_down = True
    answer = boss.post(f"{LIVE}/{lecture[1]}/message", data={"text": "Are you there?"})
    assert answer.status_code == 503 and "nobody was told. Please try again" in answer.text
    assert "Are you there?</textarea>" in answer.text and audited() == []


@pytest.mark.parametrize("text", ["", " \n ", "x" * 501])
def test_a_message_is_neither_empty_nor_long(
    boss: FlaskClient, lecture: tuple[int, str], media: Media, text: str
) -> None:
    media.add("ada")
    answer = boss.post(f"{LIVE}/{lecture[1]}/message", data={"text": text})
    assert answer.status_code == 422 and 'aria-invalid="true"' in answer.text and media.said == []


def test_messages_have_a_limit(boss: FlaskClient, lecture: tuple[int, str], media: Media) -> None:
    media.add("ada")
    for _number in range(30):
        assert boss.post(f"{LIVE}/{lecture[1]}/message", data={"text": "Hello"}).status_code == 303
    answer = boss.post(f"{LIVE}/{lecture[1]}/message", data={"text": "Hello"})
    assert answer.status_code == 429 and "Too many tries." in answer.text and len(media.said) == 30


def test_a_room_is_called_what_it_is_called_now(app: Flask, room: int, lecture: tuple[int, str]) -> None:
    with app.app_context():
        db.session.get_one(Room, room).title = "Algorithms III"
        db.session.commit()
        assert monitor.running()[0].title == "Algorithms III"
