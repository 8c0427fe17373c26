"""The page that Egress opens: who may have it, what it may talk to, and whom it may show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugins.recording.egress.models import EgressRun
from tests.fixtures.egress import EgressServer, Job
from tests.plugins.recording.conftest import Somebody


@pytest.fixture
def job(host: Somebody, egress: EgressServer) -> Job:
    """An egress that has just been asked for."""
    host.press("start", queue=False)
    return egress.last


@pytest.fixture
def page(job: Job, page_of: Any) -> Any:
    return page_of(job)


# --- whose page it is -------------------------------------------------------------------

WRONG: dict[str, dict[str, Any]] = {
    "another secret": {"secret": "x" * 40},
    "another key": {"iss": "somebody"},
    "over": {"exp": 1_700_000_000, "nbf": 1_600_000_000},
    "another lecture": {"video": {"room": "another"}},
    "no recorder": {"video": {"recorder": False}},
    "a recorder by its own word": {"video": {"recorder": "yes"}},
    "no egress": {"kind": "standard"},
    "of no kind": {"kind": None},
    "not for joining": {"video": {"roomJoin": False}},
    "another egress": {"sub": "EG_another"},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG.keys())
def test_only_the_token_of_this_egress_opens_it(
    page: Any, egress: EgressServer, changed: dict[str, Any]
) -> None:
    token = egress.token(page.job, **changed)
    for answer in (page.get(token), page.try_to_report(token=token)):
        assert answer.status_code == 403, answer.text
    assert page.get().status_code == 200


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_what_is_no_token_opens_nothing(page: Any, token: str) -> None:
    assert page.get(token).status_code == 403
    assert page.try_to_report(token=token).status_code == 403


def test_nobody_who_is_inside_opens_it_with_their_own_token(host: Somebody, come: Any, page: Any) -> None:
    for person in (host, come()):
        assert page.get(person.token).status_code == 403
        assert page.try_to_report(token=person.token).status_code == 403


def test_the_run_must_be_one_of_this_lecture(
    page: Any, new_host: Callable[..., Somebody], egress: EgressServer, page_of: Any
) -> None:
    new_host().press("start", queue=False)
    other = page_of(egress.last)
    assert page.get(run=other.run).status_code == 403
    assert page.get(run="").status_code == 403
    assert other.get(page.egress.token(page.job)).status_code == 403


def test_a_lecture_that_is_not_there_or_where_it_is_off_has_none(host: Somebody, page: Any) -> None:
    page.job.request.room_name = "nowhere"
    assert page.get().status_code == 404
    assert page.try_to_report().status_code == 404


def test_where_recording_is_switched_off_there_is_none(host: Somebody, page: Any) -> None:
    host.patch(plugins={"recording": {"enabled": False}})
    assert page.get().status_code == 404
    assert page.try_to_report().status_code == 404


# --- what it is -------------------------------------------------------------------------


def test_it_may_talk_to_us_and_to_the_livekit_of_this_egress_and_hands_the_token_to_nobody(page: Any) -> None:
    answer = page.get(url="ws://10.0.0.7:7880")
    policy = answer.headers["Content-Security-Policy"]
    (connect,) = (one for one in policy.split("; ") if one.startswith("connect-src"))
    assert {"'self'", "ws://10.0.0.7:7880", "http://10.0.0.7:7880"} <= set(connect.split())
    assert "script-src 'self' 'nonce-" in policy and "unsafe" not in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert page.egress.token(page.job) not in answer.text


def test_other_pages_may_not_talk_there(host: Somebody, page: Any) -> None:
    page.get(url="ws://10.0.0.7:7880")
    assert "10.0.0.7" not in host.client.get("/").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "url",
    ["", "livekit", "ftp://livekit", "ws://", "ws://a b", "ws://a;script-src *", "ws://[::1", "ws://a:99999"],
)
def test_what_is_no_address_of_a_livekit_is_refused(page: Any, url: str) -> None:
    assert page.get(url=url).status_code == 422


def test_the_title_is_text(app: Any, host: Somebody, page: Any, lecture_of: Any) -> None:
    from core.db import db

    with app.app_context():
        lecture_of(host).title = "<b>Trees & more"
        db.session.commit()
    assert "<h1>&lt;b&gt;Trees &amp; more</h1>" in page.get().text


# --- what it asks -----------------------------------------------------------------------


def test_it_is_told_whom_it_may_show_once_and_again_after_each_change(
    host: Somebody, come: Any, page: Any
) -> None:
    bob = come()
    orders = page.report("starting")
    assert orders["begin"] and not orders["leave"]
    assert orders["places"][host.identity] == {"host": True, "voice": True, "camera": True, "screen": True}
    assert orders["places"][bob.identity] == {"host": False, "voice": True, "camera": False, "screen": True}
    assert "places" not in page.report(policy=orders["policy"])
    bob.press("me", recorded=False)
    changed = page.report(policy=orders["policy"])
    assert not any(changed["places"][bob.identity].values())


def test_who_has_left_or_was_never_admitted_is_not_named(
    host: Somebody, come: Any, page: Any, change: Any
) -> None:
    from core.db import now

    bob = come()
    change(bob, removed_at=now())
    assert set(page.report()["places"]) == {host.identity}


def test_nobody_is_named_to_an_egress_that_does_not_count(
    host: Somebody, page: Any, egress: EgressServer
) -> None:
    page.report()
    host.press("pause")
    orders = page.report()
    assert orders["leave"] and not orders["begin"] and orders["places"] == {}


def test_a_page_that_is_faster_than_livekits_answer_waits(
    host: Somebody, egress: EgressServer, page_of: Any
) -> None:
    said: list[Any] = []
    egress.on_start = lambda job: said.append(page_of(job).report("starting"))
    host.press("start", queue=False)
    (orders,) = said
    assert (orders["leave"], orders["begin"], orders["places"]) == (False, False, {})
    assert page_of(egress.last).report("starting")["begin"]


def test_turns_that_are_not_recorded_are_kept(app: Any, page: Any) -> None:
    from core.db import db
    from plugins.recording.models import LectureRecording

    page.report(unheard=[[10, 12], [20, 20]])
    with app.app_context():
        assert db.session.query(LectureRecording).one().unheard == [[0, 10, 12]]


@pytest.mark.parametrize("more", [{"state": "dancing"}, {"seconds": -1}, {"unheard": [[1]]}, {"more": 1}])
def test_reports_that_make_no_sense_are_refused(page: Any, more: dict[str, Any]) -> None:
    assert page.try_to_report(**more).status_code == 422


def test_the_end_of_the_lecture_ends_it(app: Any, host: Somebody, page: Any, lecture_of: Any) -> None:
    from core.db import db, now

    page.report()
    with app.app_context():
        lecture_of(host).ended_at = now()
        db.session.commit()
    assert page.report()["leave"]


def test_its_reports_are_signs_of_life(app: Any, page: Any) -> None:
    from core.db import db

    page.report("starting")
    with app.app_context():
        assert db.session.query(EgressRun).one().heard_at is not None
