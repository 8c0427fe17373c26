"""Before a plugin's view runs, core has found the place, the caller, and the switch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Blueprint, Flask

from core.contracts import ADMINS, AGENTS, EVERYONE, HOSTS, PEOPLE_INSIDE, Mount, MountPoint, RoomUi
from core.db import db, now
from core.engine import mounts, room_plugins
from core.engine.agent_keys import AFTER_THE_END, agent_key
from core.errors import PluginError
from core.http.views import here, page, view
from core.lectures.models import Lecture
from core.rooms.models import Room
from core.testing import Caller, Place, new_admin, new_place, signed_in


@dataclass(frozen=True)
class RoomSettings:
    word: str = ""


def routes() -> list[Mount]:
    site, room = Blueprint("x", __name__), Blueprint("x_room", __name__)
    lecture, internal = Blueprint("x_lecture", __name__), Blueprint("x_internal", __name__)

    @room.get("/who")
    @view(roles=PEOPLE_INSIDE)
    def who() -> Any:
        """Who asks where."""
        return {"room": here.room.public_id, "role": here.caller.role.value}

    @lecture.get("/which")
    @view(roles=EVERYONE)
    def which() -> Any:
        """Which lecture."""
        return {"lecture": here.lecture.public_id}

    @internal.post("/heard")
    @view(roles=AGENTS)
    def heard() -> Any:
        """What the agent sends."""
        return {"role": here.caller.role.value}

    @site.get("/admin")
    @page(roles=ADMINS)
    def admin() -> str:
        """For admins."""
        return "<p>Hello</p>"

    @site.get("/rooms/<room_id>")
    @page(roles=HOSTS)
    def about() -> str:
        """About one room."""
        return f"<p>{here.room.title}</p>"

    places = {MountPoint.SITE: site, MountPoint.ROOM: room, MountPoint.LECTURE: lecture}
    return [Mount(at, made) for at, made in {**places, MountPoint.INTERNAL: internal}.items()]


@pytest.fixture
def mounted(make_app, install) -> Flask:
    folder = install(
        "x",
        manifest={
            "room_settings": RoomSettings,
            "room_page": "x.about",
            "room_page_title": "All about it",
        },
        blueprints=routes,
        room_ui=lambda: [RoomUi(module="room.js")],
    )
    for path in ("static/room.js", "templates/x/page.html"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("export default 1")
    return make_app("x")


@pytest.fixture
def place(mounted: Flask) -> Place:
    return new_place(mounted, "x")


def test_a_room_view_knows_room_and_caller(mounted, place):
    assert place.guest.ask("GET", f"/api/rooms/{place.room}/x/who").json == {
        "room": place.room,
        "role": "participant",
    }
    assert place.host.ask("GET", f"/api/rooms/{place.room}/x/who").json["role"] == "host"


def test_who_has_no_such_role_is_refused(mounted, place):
    answer = Caller(mounted.test_client()).ask("GET", f"/api/rooms/{place.room}/x/who")
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")


def test_a_lecture_view_knows_its_lecture(mounted, place):
    answer = place.guest.ask("GET", f"/api/lectures/{place.lecture}/x/which")
    assert answer.json == {"lecture": place.lecture}


def test_where_the_plugin_is_off_nothing_is_found(mounted, place):
    with mounted.app_context():
        room_plugins.switch(db.session.get_one(Room, place.room_id), "x", False)
        db.session.commit()
    for path in (f"/api/rooms/{place.room}/x/who", f"/api/lectures/{place.lecture}/x/which"):
        answer = place.host.ask("GET", path)
        assert (answer.status_code, answer.json["code"]) == (404, "switched_off")


def test_a_page_leads_strangers_to_the_sign_in(mounted, place):
    answer = Caller(mounted.test_client()).ask("GET", "/plugins/x/admin")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=%2Fplugins%2Fx%2Fadmin")
    assert place.host.ask("GET", "/plugins/x/admin").status_code == 403
    assert new_admin(mounted).ask("GET", "/plugins/x/admin").text == "<p>Hello</p>"


# --- the agent ------------------------------------------------------------------------


def heard(mounted: Flask, place: Place, key: str, lecture: str = "") -> Any:
    agent = Caller(mounted.test_client())
    path = f"/api/internal/lectures/{lecture or place.lecture}/x/heard"
    return agent.client.post(
        path, headers={"Authorization": f"Bearer {key}"}, base_url="http://localhost:8000"
    )


def key_of(mounted: Flask, place: Place) -> str:
    with mounted.app_context():
        return agent_key(db.session.get_one(Lecture, place.lecture_id))


def test_the_agent_needs_the_key_of_exactly_this_lecture_and_no_origin(mounted, place):
    other = new_place(mounted, "x")
    assert heard(mounted, place, key_of(mounted, place)).json == {"role": "agent"}
    wrong = ["", "x", "ключ", key_of(mounted, other)]
    answers = [heard(mounted, place, key) for key in wrong]
    answers.append(heard(mounted, place, key_of(mounted, place), lecture="nowhere"))
    assert {(a.status_code, a.json["code"]) for a in answers} == {(401, "no_agent")}


def test_a_host_is_no_agent(mounted, place):
    answer = place.host.ask("POST", f"/api/internal/lectures/{place.lecture}/x/heard")
    assert answer.status_code == 401


@pytest.mark.parametrize(("over_since", "status"), [(AFTER_THE_END / 2, 200), (AFTER_THE_END * 2, 401)])
def test_the_agents_key_works_until_shortly_after_the_end(mounted, place, over_since, status):
    key = key_of(mounted, place)
    with mounted.app_context():
        db.session.get_one(Lecture, place.lecture_id).ended_at = now() - over_since
        db.session.commit()
    assert heard(mounted, place, key).status_code == status


def test_an_internal_view_for_people_stops_the_start(make_app, install):
    blueprint = Blueprint("x", __name__)
    blueprint.add_url_rule("/a", "a", view(roles=EVERYONE)(lambda: {}))
    install("x", blueprints=lambda: [Mount(MountPoint.INTERNAL, blueprint)])
    with pytest.raises(PluginError, match=r"its internal view 'x\.a' is open to people; use roles=AGENTS"):
        make_app("x")


def test_a_view_for_the_agent_elsewhere_stops_the_start(make_app, install):
    blueprint = Blueprint("x", __name__)
    blueprint.add_url_rule("/a", "a", view(roles=AGENTS | PEOPLE_INSIDE)(lambda: {}))
    install("x", blueprints=lambda: [Mount(MountPoint.ROOM, blueprint)])
    with pytest.raises(PluginError, match=r"its view 'x\.a' is for the agent"):
        make_app("x")


# --- files ----------------------------------------------------------------------------


def test_static_files_are_served_and_kept_until_they_change(mounted):
    with mounted.app_context():
        address = mounts.static_url("x", "room.js")
    assert address.startswith("/plugins/x/static/room.js?")
    answer = mounted.test_client().get(address, base_url="http://localhost:8000")
    assert (answer.status_code, answer.text) == (200, "export default 1")
    assert answer.cache_control.max_age == timedelta(days=365).total_seconds()
    plain = mounted.test_client().get("/plugins/x/static/room.js", base_url="http://localhost:8000")
    assert not plain.cache_control.max_age


def test_nothing_else_of_the_plugins_folder_is_served(mounted):
    for path in ("../hooks.py", "%2e%2e/hooks.py", "../templates/x/page.html"):
        answer = mounted.test_client().get(f"/plugins/x/static/{path}", base_url="http://localhost:8000")
        assert answer.status_code == 404


def test_the_room_page_gets_the_module(mounted, place):
    with mounted.app_context():
        code = db.session.get_one(Room, place.room_id).code
    answer = place.host.ask("GET", f"/r/{code}")
    assert "/plugins/x/static/room.js?" in answer.text


def test_openapi_describes_the_plugins_routes(mounted, place):
    paths = place.host.ask("GET", "/api/openapi.json").json["paths"]
    assert paths["/api/rooms/{room_id}/x/who"]["get"]["x-roles"] == ["host", "participant"]


def test_signed_in_elsewhere_is_a_stranger_here(mounted, place):
    other = new_place(mounted, "x")
    assert other.host.ask("GET", f"/api/rooms/{place.room}/x/who").status_code == 403
    assert signed_in(mounted, "nobody.1").ask("GET", f"/api/rooms/{place.room}/x/who").status_code == 403


def test_a_page_about_a_room_is_for_its_hosts_where_the_plugin_is_on(mounted, place):
    assert place.host.ask("GET", f"/plugins/x/rooms/{place.room}").status_code == 200
    assert place.guest.ask("GET", f"/plugins/x/rooms/{place.room}").status_code == 302
    assert place.host.ask("GET", "/plugins/x/rooms/nowhere").status_code == 404
    for page_of_core in (f"/rooms/{place.room}", f"/rooms/{place.room}/settings"):
        text = place.host.ask("GET", page_of_core).text
        assert f'href="/plugins/x/rooms/{place.room}"' in text and "All about it" in text
    with mounted.app_context():
        room_plugins.switch(db.session.get_one(Room, place.room_id), "x", False)
        db.session.commit()
    assert place.host.ask("GET", f"/plugins/x/rooms/{place.room}").status_code == 404
    assert "All about it" not in place.host.ask("GET", f"/rooms/{place.room}").text


def test_a_page_about_rooms_that_isnt_there_stops_the_start(make_app, install):
    install("x", manifest={"room_settings": RoomSettings, "room_page": "x.admin"}, blueprints=routes)
    with pytest.raises(PluginError, match="shows no room"):
        make_app("x")
