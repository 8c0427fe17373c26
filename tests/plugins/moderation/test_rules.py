"""Who gets in and what is left to whom, on a real database; LiveKit is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core.db import db
from core.lectures.models import Lecture, Participant
from core.livekit.client import LiveKit
from core.models import AuditEntry, Waiting
from core.rooms.models import Room, RoomHost
from plugins.moderation.models import Standing


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("moderation")


@pytest.fixture
def host(
    app: Flask, make_user: Any, make_room: Any, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """``host("lock", on=True)`` calls one action in the room ``host.room``, where a lecture runs."""
    monkeypatch.setattr(LiveKit, "must_be_reachable", lambda self: None)
    owner = make_user()
    key, room, code = make_room(owner)
    with app.app_context():
        db.session.add(Lecture(room_id=key, title="Today", started_by_id=owner))
        db.session.commit()
    client = sign_in(owner)

    def call(action: str, **body: Any) -> Any:
        answer = client.post(f"/api/rooms/{room}/moderation/{action}", json=body)
        assert answer.status_code < 300, answer.text
        return answer

    def undo(what: str) -> None:
        assert client.delete(f"/api/rooms/{room}/moderation/{what}").status_code == 204

    call.client, call.owner, call.key = client, owner, key  # type: ignore[attr-defined]
    call.room, call.code, call.undo = room, code, undo  # type: ignore[attr-defined]
    call.get = lambda what: client.get(f"/api/rooms/{room}/moderation/{what}").json  # type: ignore[attr-defined]
    call.patch = lambda **body: client.patch(f"/api/rooms/{room}", json=body)  # type: ignore[attr-defined]
    return call


def join(client: Any, host: Any, **body: Any) -> Any:
    return client.post(f"/api/rooms/{host.room}/join", json={"name": "Bob", **body})


def ask(client: Any, host: Any, action: str, **body: Any) -> Any:
    """One action by somebody else, whatever is answered."""
    return client.post(f"/api/rooms/{host.room}/moderation/{action}", json=body)


def code_of(app: Flask, host: Any) -> str:
    with app.app_context():
        return str(db.session.query(Room).filter_by(public_id=host.room).one().code)


def row_of(app: Flask, identity: str) -> Any:
    with app.app_context():
        return db.session.query(Participant).filter_by(identity=identity).one()


def test_a_banned_person_is_denied_also_by_a_new_link_until_unbanned(app: Flask, host: Any) -> None:
    bob = app.test_client()
    identity = join(bob, host).json["identity"]
    ban = host(f"people/{identity}/ban", reason="Noise").json["id"]
    assert host(f"people/{identity}/ban", reason="Noise").json["id"] == ban
    host("change-locks", reason="")
    assert row_of(app, identity).removed_at is not None
    words = join(bob, host).json["detail"]
    assert "banned" in words and "Noise" in words and "Ada Lovelace" in words, "why, and whom to ask"
    host.undo(f"bans/{ban}")
    host.undo(f"bans/{ban}")
    assert join(bob, host, code=code_of(app, host)).status_code == 200


def test_equal_browsers_alone_are_not_banned(app: Flask, host: Any) -> None:
    identity = join(app.test_client(), host, fingerprint="a" * 64).json["identity"]
    host(f"people/{identity}/ban", reason="Noise")
    assert join(app.test_client(), host, fingerprint="a" * 64).status_code == 200


def test_who_was_removed_may_come_back_unless_the_room_is_locked(app: Flask, host: Any) -> None:
    bob, ann = app.test_client(), app.test_client()
    first = join(bob, host).json["identity"]
    join(ann, host)
    host(f"people/{first}/remove", reason="")
    assert join(bob, host).json["identity"] != first
    host("lock", on=True)
    assert join(ann, host).status_code == 200
    assert "locked" in join(app.test_client(), host).json["detail"]


def test_after_the_locks_were_changed_newcomers_need_the_new_link(app: Flask, host: Any) -> None:
    inside = app.test_client()
    join(inside, host)
    host("change-locks", reason="")
    assert join(inside, host).status_code == 200
    assert join(app.test_client(), host, code=host.code).status_code == 403


def test_a_panic_holds_for_those_who_come_later_until_it_ends(app: Flask, host: Any) -> None:
    first = join(app.test_client(), host).json["identity"]
    host("panic", on=True, chat=True)
    late = join(app.test_client(), host).json["identity"]
    assert not any(vars(row_of(app, late).grants).values())
    host(f"people/{first}/floor", on=True)
    assert row_of(app, first).microphone and not row_of(app, late).microphone
    host("panic", on=False)
    assert row_of(app, late).microphone


def test_a_mute_survives_a_reload(app: Flask, host: Any) -> None:
    bob = app.test_client()
    identity = join(bob, host).json["identity"]
    host("mute-all", reason="")
    assert join(bob, host).json["identity"] == identity
    assert not row_of(app, identity).microphone
    host(f"people/{identity}/take", microphone=True, reason="")
    assert row_of(app, identity).microphone


@pytest.mark.parametrize(
    ("action", "left"), [("mute-all", (False, True, True)), ("hide-all", (False, False, False))]
)
def test_what_is_taken_from_all_stays_taken_and_can_be_given_back(
    app: Flask, host: Any, action: str, left: tuple[bool, ...]
) -> None:
    people = [join(app.test_client(), host).json["identity"] for _ in range(3)]
    host(action, reason="")
    host(action, reason="")
    for identity in people:
        row = row_of(app, identity)
        assert (row.microphone, row.camera, row.screen) == left
    host("give-all", reason="")
    assert all(row_of(app, identity).microphone for identity in people)


@pytest.mark.parametrize("source", ["microphone", "camera", "screen"])
def test_one_source_of_one_person_is_stopped(app: Flask, host: Any, source: str) -> None:
    bob = app.test_client()
    identity = join(bob, host).json["identity"]
    host(f"people/{identity}/take", reason="", **{source: False})
    join(bob, host)
    row = row_of(app, identity)
    assert {name: getattr(row, name) for name in ("microphone", "camera", "screen")} == {
        name: name != source for name in ("microphone", "camera", "screen")
    }


def test_a_newcomer_from_a_banned_network_waits_where_the_owner_wants_it(app: Flask, host: Any) -> None:
    host.patch(plugins={"moderation": {"enabled": True, "settings": {"network_waits": True}}})
    stays = app.test_client()
    join(stays, host, name="Ann")
    identity = join(app.test_client(), host).json["identity"]
    host(f"people/{identity}/ban", reason="Noise")
    newcomer = app.test_client()
    assert join(newcomer, host, name="Eve").json["status"] == "waiting"
    assert join(stays, host, name="Ann").json["status"] == "admitted", "who was inside isn't a newcomer"
    (waits,) = host.get("newcomers")["newcomers"]
    assert waits["name"] == "Eve"
    host("let-in", id=waits["id"])
    assert join(newcomer, host, name="Eve").json["status"] == "admitted"
    assert host.get("newcomers") == {"newcomers": []}


def test_a_ban_by_an_earlier_identity_puts_out_who_came_back(app: Flask, host: Any) -> None:
    bob = app.test_client()
    first = join(bob, host).json["identity"]
    host(f"people/{first}/remove", reason="")
    second = join(bob, host).json["identity"]
    host(f"people/{first}/ban", reason="Noise")
    assert row_of(app, second).removed_at is not None


# --- hosts ----------------------------------------------------------------------------


@pytest.fixture
def co_host(app: Flask, host: Any, make_user: Any, sign_in: Any) -> Callable[[str], tuple[Any, str]]:
    """``co_host("Emmy")``: her client and her identity inside."""

    def come(name: str) -> tuple[Any, str]:
        user = make_user(name=name)
        with app.app_context():
            db.session.add(RoomHost(room_id=host.key, user_id=user))
            db.session.commit()
        client = sign_in(user)
        return client, client.post(f"/api/rooms/{host.room}/token", json={}).json["identity"]

    return come


def allow_co_hosts(host: Any, on: bool = True) -> None:
    answer = host.patch(plugins={"moderation": {"enabled": True, "settings": {"cohosts_moderated": on}}})
    assert answer.status_code == 200, answer.text


def test_the_owner_mutes_a_co_host_and_gives_it_back(app: Flask, host: Any, co_host: Any) -> None:
    emmy, identity = co_host("Emmy")
    assert host.get("state")["co_hosts"] == [identity]
    host(f"people/{identity}/take", microphone=False, reason="Echo")
    assert not row_of(app, identity).microphone and row_of(app, identity).camera
    assert emmy.post(f"/api/rooms/{host.room}/token", json={}).json["identity"] == identity
    assert not row_of(app, identity).microphone, "coming back changes nothing"
    assert ask(emmy, host, f"people/{identity}/take", microphone=True, reason="").status_code == 403
    host(f"people/{identity}/take", microphone=True, reason="")
    assert row_of(app, identity).microphone


def test_co_hosts_mute_each_other_only_where_the_owner_says_so(app: Flask, host: Any, co_host: Any) -> None:
    emmy, _ = co_host("Emmy")
    _, other = co_host("Alan")
    mute = {"microphone": False, "reason": ""}
    refused = ask(emmy, host, f"people/{other}/take", **mute)
    assert refused.status_code == 403 and "Only the owner" in refused.json["detail"]
    assert ask(emmy, host, "state").status_code == 405
    allow_co_hosts(host)
    assert emmy.get(f"/api/rooms/{host.room}/moderation/state").json["co_hosts"] == [other]
    assert ask(emmy, host, f"people/{other}/take", **mute).status_code == 204
    assert not row_of(app, other).microphone


def test_nobody_mutes_the_owner(app: Flask, host: Any, co_host: Any) -> None:
    owner = host.client.post(f"/api/rooms/{host.room}/token", json={}).json["identity"]
    emmy, _ = co_host("Emmy")
    allow_co_hosts(host)
    for client in (emmy, host.client):
        answer = ask(client, host, f"people/{owner}/take", microphone=False, reason="")
        assert answer.status_code == 403 and "owner" in answer.json["detail"]
    assert row_of(app, owner).microphone


def test_only_the_owner_decides_whether_co_hosts_mute_each_other(host: Any, co_host: Any) -> None:
    emmy, _ = co_host("Emmy")
    settings = {"plugins": {"moderation": {"settings": {"cohosts_moderated": True}}}}
    refused = emmy.patch(f"/api/rooms/{host.room}", json=settings)
    assert refused.status_code == 403 and "owner" in refused.json["detail"]
    harmless = {"plugins": {"moderation": {"settings": {"network_waits": True, "cohosts_moderated": False}}}}
    assert emmy.patch(f"/api/rooms/{host.room}", json=harmless).status_code == 200
    form = f"/rooms/{host.room}/settings"
    assert "Co-hosts may mute each other" in host.client.get(form).text
    assert "Co-hosts may mute each other" not in emmy.get(form).text


def test_a_co_host_who_saves_the_form_leaves_the_owners_decision_alone(host: Any, co_host: Any) -> None:
    emmy, _identity = co_host("Emmy")
    allow_co_hosts(host)
    form = {"title": "Algorithms", "description": "", "language": "en", "core.screen_share": "everyone", "core.participants_read_days": "0",
            "on:moderation": "on"}  # fmt: skip
    saved = emmy.post(f"/rooms/{host.room}/settings", data=form)
    assert saved.status_code in (302, 303), saved.text
    state = host.client.get(f"/api/rooms/{host.room}").json["plugins"]["moderation"]
    assert state["enabled"] and state["settings"]["cohosts_moderated"] is True


@pytest.mark.parametrize("action", ["remove", "ban", "floor"])
def test_hosts_are_not_put_out_nor_silenced_with_all(
    app: Flask, host: Any, co_host: Any, action: str
) -> None:
    _, identity = co_host("Emmy")
    allow_co_hosts(host)
    body = {"on": True} if action == "floor" else {"reason": ""}
    assert ask(host.client, host, f"people/{identity}/{action}", **body).status_code == 403
    host("panic", on=True)
    host("mute-all", reason="")
    host("hide-all", reason="")
    assert all(vars(row_of(app, identity).grants).values())


def test_a_demoted_co_host_loses_the_buttons_and_is_silenced_like_everybody(
    app: Flask, host: Any, co_host: Any
) -> None:
    emmy, identity = co_host("Emmy")
    victim = join(app.test_client(), host).json["identity"]
    host("panic", on=True)
    (named,) = host.client.get(f"/api/rooms/{host.room}").json["hosts"]
    assert host.client.delete(f"/api/rooms/{host.room}/hosts/{named['id']}").status_code == 204
    assert not row_of(app, identity).microphone
    for action, body in ((f"people/{victim}/remove", {"reason": ""}), ("panic", {"on": False})):
        assert ask(emmy, host, action, **body).status_code == 403
    assert not row_of(app, victim).microphone


# --- one standing per person ----------------------------------------------------------


def test_a_person_has_one_standing_however_often_and_in_parallel_it_is_set(app: Flask, host: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    bob = app.test_client()
    identity = join(bob, host).json["identity"]
    sources = ["microphone", "camera", "screen"] * 4
    with ThreadPoolExecutor(6) as pool:
        body = {"reason": ""}
        list(pool.map(lambda s: host(f"people/{identity}/take", **body, **{s: False}), sources))
    with app.app_context():
        (row,) = db.session.query(Standing).all()
        assert (row.microphone, row.camera, row.screen) == (False, False, False)


def test_the_database_holds_no_second_standing_of_a_person(app: Flask, host: Any) -> None:
    import sqlalchemy as sa

    identity = join(app.test_client(), host).json["identity"]
    row = row_of(app, identity)
    with app.app_context():
        for _ in range(2):
            db.session.add(Standing(lecture_id=row.lecture_id, guest_session_id=row.guest_session_id))
        with pytest.raises(sa.exc.IntegrityError, match="one_standing_per_guest"):
            db.session.commit()


def test_of_two_standings_from_before_one_stays_with_all_that_was_taken(app: Flask, host: Any) -> None:
    import runpy

    import sqlalchemy as sa

    row = row_of(app, join(app.test_client(), host).json["identity"])
    step = runpy.run_path("plugins/moderation/migrations/0002_one_standing.py")
    index = "moderation__one_standing_per_guest"
    column, where = step["INDEXES"][index]
    with app.app_context():
        db.session.execute(sa.text(f"DROP INDEX {index}"))
        mine = {"lecture_id": row.lecture_id, "guest_session_id": row.guest_session_id}
        db.session.add_all([Standing(**mine, microphone=False), Standing(**mine, camera=False)])
        db.session.flush()
        for statement in (step["MERGE"], step["DROP"]):
            db.session.execute(sa.text(statement.format(column=column, where=where)))
        db.session.expire_all()
        (left,) = db.session.query(Standing).all()
        assert (left.microphone, left.camera, left.screen) == (False, False, True)
        db.session.rollback()


def test_a_mute_by_an_earlier_identity_reaches_who_came_back(app: Flask, host: Any) -> None:
    bob = app.test_client()
    first = join(bob, host).json["identity"]
    host(f"people/{first}/remove", reason="")
    second = join(bob, host).json["identity"]
    host(f"people/{first}/take", microphone=False, reason="")
    assert not row_of(app, second).microphone


# --- what a ban goes by ---------------------------------------------------------------


def test_what_a_ban_goes_by_is_shown_before_and_after(
    app: Flask, host: Any, make_user: Any, sign_in: Any
) -> None:
    browser = {"fingerprint": "a" * 64}
    identity = join(app.test_client(), host, **browser).json["identity"]
    join(app.test_client(), host, name="Twin", **browser)
    join(app.test_client(), host, name="Neighbour")
    before = host.get(f"people/{identity}/match")
    assert before == {"session": True, "account": False, "same_browser": ["Twin"],
                      "same_network": ["Twin", "Neighbour"]}  # fmt: skip
    after = host(f"people/{identity}/ban", reason="Noise").json
    (listed,) = host.get("bans")["bans"]
    assert listed == after
    assert {name: after[name] for name in before} == before
    assert (after["name"], after["reason"], after["by"]) == ("Bob", "Noise", "Ada Lovelace")
    admin = sign_in(make_user(is_admin=True))
    assert admin.get(f"/api/rooms/{host.room}/moderation/bans").json["bans"] == [listed]
    assert admin.delete(f"/api/rooms/{host.room}/moderation/bans/{listed['id']}").status_code == 403
    assert app.test_client().get(f"/api/rooms/{host.room}/moderation/bans").status_code == 403


def test_an_account_is_banned_in_every_browser(app: Flask, host: Any, make_user: Any, sign_in: Any) -> None:
    user = make_user(name="Student")
    identity = join(sign_in(user), host).json["identity"]
    shown = host(f"people/{identity}/ban", reason="").json
    assert (shown["account"], shown["session"]) == (True, True)
    assert join(sign_in(user), host).status_code == 403
    assert join(app.test_client(), host).status_code == 200


@pytest.mark.parametrize(
    "wrong", ["x", "A" * 64, "a" * 63, "a" * 65, "g" * 64, "\u0000" * 64, None, 7, ["a"]]
)
def test_a_malformed_fingerprint_is_named_and_nobody_comes_in_by_it(
    app: Flask, host: Any, wrong: Any
) -> None:
    answer = join(app.test_client(), host, fingerprint=wrong)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "fingerprint"


def test_without_a_fingerprint_people_come_in_and_bans_go_by_the_session(app: Flask, host: Any) -> None:
    bob = app.test_client()
    identity = join(bob, host).json["identity"]
    assert host.get(f"people/{identity}/match")["same_browser"] == []
    host(f"people/{identity}/ban", reason="")
    assert join(bob, host).status_code == 403
    assert join(bob, host, fingerprint="b" * 64).status_code == 403, "another browser, the same session"
    assert join(app.test_client(), host).status_code == 200


# --- change the locks -----------------------------------------------------------------


def test_who_waits_is_told_that_the_locks_were_changed(
    app: Flask, host: Any, serve: Callable[[], Any]
) -> None:
    host.patch(plugins={"moderation": {"enabled": True, "settings": {"network_waits": True}}})
    identity = join(app.test_client(), host).json["identity"]
    host(f"people/{identity}/ban", reason="Noise")
    eve = serve()
    waits = eve.post(f"/api/rooms/{host.room}/join", {"name": "Eve", "code": host.code}).json()
    assert waits["status"] == "waiting"
    stream = eve.listen(waits["stream_url"])
    stream.until("WAITING")
    host("change-locks", reason="The link leaked")
    assert "no longer valid" in stream.until("REJECTED")["reason"]
    with app.app_context():
        assert db.session.query(Waiting).count() == 0
    with_new = {"name": "Eve", "code": code_of(app, host)}
    assert eve.post(f"/api/rooms/{host.room}/join", with_new).json()["status"] == "waiting"


# --- the log --------------------------------------------------------------------------


WHY = "Because of the noise"
ON_PEOPLE = {
    "remove": {"reason": WHY},
    "ban": {"reason": WHY},
    "take": {"microphone": False, "reason": WHY},
    "floor": {"on": True, "reason": WHY},
}
ON_ALL = {
    "mute-all": {"reason": WHY},
    "hide-all": {"reason": WHY},
    "give-all": {"reason": WHY},
    "change-locks": {"reason": WHY},
    "lock": {"on": True, "reason": WHY},
    "panic": {"on": True, "chat": True, "reason": WHY},
}


def logged(app: Flask) -> Any:
    with app.app_context():
        mine = AuditEntry.action.startswith("moderation.")
        return db.session.query(AuditEntry).filter(mine).order_by(AuditEntry.id).all()[-1]


@pytest.mark.parametrize("action", [*ON_PEOPLE, *ON_ALL])
def test_every_action_is_in_the_audit_log_with_who_whom_and_why(app: Flask, host: Any, action: str) -> None:
    identity = join(app.test_client(), host).json["identity"]
    if action in ON_PEOPLE:
        host(f"people/{identity}/{action}", **ON_PEOPLE[action])
    else:
        host(action, **ON_ALL[action])
    entry = logged(app)
    assert (entry.actor_id, entry.actor_name, entry.room_id) == (host.owner, "Ada Lovelace", host.key)
    assert entry.details["reason"] == WHY and entry.lecture_id
    if action in ON_PEOPLE:
        assert (entry.target, entry.details["identity"]) == ("Bob", identity)


def test_lifting_a_ban_and_letting_in_are_in_the_audit_log(app: Flask, host: Any) -> None:
    host.patch(plugins={"moderation": {"enabled": True, "settings": {"network_waits": True}}})
    identity = join(app.test_client(), host).json["identity"]
    ban = host(f"people/{identity}/ban", reason=WHY).json["id"]
    join(app.test_client(), host, name="Eve")
    (waits,) = host.get("newcomers")["newcomers"]
    host("let-in", id=waits["id"])
    assert (logged(app).action, logged(app).target) == ("moderation.let_in", "Eve")
    host.undo(f"bans/{ban}")
    assert (logged(app).action, logged(app).target, logged(app).details["reason"]) == (
        "moderation.unban", "Bob", WHY)  # fmt: skip


# --- wrong input ----------------------------------------------------------------------


@pytest.mark.parametrize("action", [*(f"people/who/{name}" for name in ON_PEOPLE), *ON_ALL])
def test_a_reason_of_four_thousand_characters_is_refused_by_its_name(host: Any, action: str) -> None:
    body = {**(ON_PEOPLE | ON_ALL)[action.rpartition("/")[2]], "reason": "x" * 4000}
    answer = ask(host.client, host, action, **body)
    assert answer.status_code == 422 and answer.json["errors"][0]["field"] == "reason"


@pytest.mark.parametrize("action", list(ON_PEOPLE))
def test_who_isnt_in_this_lecture_cant_be_acted_on(
    app: Flask, host: Any, make_user: Any, make_room: Any, action: str
) -> None:
    key, room, _ = make_room(make_user())
    with app.app_context():
        db.session.add(Lecture(room_id=key, title="Elsewhere"))
        db.session.commit()
    stranger = app.test_client().post(f"/api/rooms/{room}/join", json={"name": "Elsewhere"}).json["identity"]
    for identity in (stranger, "nobody", "x" * 3000, "%00", "' OR 1=1"):
        answer = ask(host.client, host, f"people/{identity}/{action}", **ON_PEOPLE[action])
        assert answer.status_code in (400, 404) and answer.json["detail"]
    assert row_of(app, stranger).removed_at is None and row_of(app, stranger).microphone


@pytest.mark.parametrize(
    "action", [*(f"people/who/{name}" for name in ON_PEOPLE), "mute-all", "lock", "panic"]
)
def test_after_the_end_of_the_lecture_an_action_is_refused_in_words(
    app: Flask, host: Any, action: str
) -> None:
    assert host.client.post(f"/api/rooms/{host.room}/end", json={}).status_code == 200
    answer = ask(host.client, host, action, **(ON_PEOPLE | ON_ALL)[action.rpartition("/")[2]])
    assert (answer.status_code, answer.json["code"]) == (409, "not_live")
    assert answer.json["detail"] == "No lecture is running in this room."


def test_nothing_to_take_is_said(app: Flask, host: Any) -> None:
    identity = join(app.test_client(), host).json["identity"]
    assert ask(host.client, host, f"people/{identity}/take", reason="").status_code == 422


# --- a crash halfway ------------------------------------------------------------------


def test_a_panic_whose_web_worker_dies_halfway_has_silenced_everybody(
    app: Flask, host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core import order

    people = [join(app.test_client(), host).json["identity"] for _ in range(3)]

    def die(_lecture: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(order, "keep", die)
    with pytest.raises(KeyboardInterrupt):
        host("panic", on=True)
    people.append(join(app.test_client(), host).json["identity"])
    assert not any(row_of(app, identity).microphone for identity in people)
