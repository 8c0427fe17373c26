"""What probes and Prometheus are answered, and who else isn't."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.contracts import HealthCheck
from core.db import db
from core.health import checks
from core.health.checks import Check, NotWell
from core.livekit import client as livekit_client

TOKEN = "a-token-that-only-prometheus-has-0123456789"
FAR = {"environ_overrides": {"REMOTE_ADDR": "203.0.113.9"}}


@pytest.fixture
def well(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app whose parts all work."""
    monkeypatch.setattr(livekit_client.LiveKit, "list_rooms", lambda self, names: [])
    with app.app_context():
        db.session.execute(sa.text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
        db.session.commit()
    return app


def add(
    app: Flask, name: str, run: Callable[[], None], seconds: float = 5.0, remembered: float = 0.0
) -> None:
    app.extensions["audimax_checks"].append(Check(name, run, seconds, remembered))


def by_name(answer: Any) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in answer.json["checks"]}


def fails() -> None:
    raise NotWell("the cellar is flooded: pump")


def test_a_living_process_says_so_without_the_database(make_app: Callable[..., Flask]) -> None:
    app = make_app(database_url="postgresql+psycopg2://nobody@127.0.0.1:9/none")
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_a_probe_may_name_any_host_and_gets_no_cookie(well: Flask, path: str) -> None:
    answer = well.test_client().get(
        path, headers={"Host": "10.42.0.7:8000", "Cookie": "audimax=forged; x=\0"}
    )
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers and answer.headers["Cache-Control"] == "no-store"


def test_other_paths_still_need_our_host(well: Flask) -> None:
    for path in ("/", "/healthz/", "/readyz/x", "/sign-in"):
        assert well.test_client().get(path, headers={"Host": "10.42.0.7:8000"}).status_code == 400


def test_a_forged_cookie_makes_no_admin_of_a_probe(well: Flask, make_user: Any, sign_in: Any) -> None:
    admin = sign_in(make_user(is_admin=True))
    assert admin.get("/metrics", **FAR).status_code == 404


def test_when_everything_works_people_may_be_sent_here(well: Flask) -> None:
    answer = well.test_client().get("/readyz")
    assert answer.status_code == 200 and answer.json["ready"] is True
    assert {name: one["state"] for name, one in by_name(answer).items()} == {
        "database": "good", "livekit": "good", "storage": "good", "jobs": "good",
    }  # fmt: skip
    assert all(isinstance(one["ms"], int) for one in answer.json["checks"])


def test_without_livekit_and_jobs_they_may_not(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503 and answer.json["ready"] is False
    seen = by_name(answer)
    assert (seen["livekit"]["state"], seen["jobs"]["state"]) == ("bad", "bad")
    assert "audimax jobs" in seen["jobs"]["said"]


def test_without_the_database_they_may_not(make_app: Callable[..., Flask]) -> None:
    app = make_app(database_url="postgresql+psycopg2://nobody:s3cret@127.0.0.1:9/none")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503 and by_name(answer)["database"]["state"] == "bad"
    assert "database_url" in by_name(answer)["database"]["said"] and "s3cret" not in answer.text


def test_a_worker_that_stops_is_not_ready(well: Flask) -> None:
    well.extensions["audimax_stopping"] = True
    assert well.test_client().get("/readyz").status_code == 503
    assert well.test_client().get("/healthz").status_code == 200


def test_what_is_needed_is_a_setting(make_app: Callable[..., Flask], migrated: None) -> None:
    app = make_app(ready_needs=["database"])
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200 and by_name(answer)["livekit"]["state"] == "bad"


def test_a_plugins_check_is_told_and_counts_where_it_is_needed(
    well: Flask, make_app: Callable[..., Flask]
) -> None:
    add(well, "x.cellar", fails)
    answer = well.test_client().get("/readyz")
    assert answer.status_code == 200 and by_name(answer)["x.cellar"]["state"] == "bad"
    needing = make_app(ready_needs=["x.cellar"])
    add(needing, "x.cellar", fails)
    assert needing.test_client().get("/readyz").status_code == 503


def test_a_plugins_own_checks_are_among_them(well: Flask) -> None:
    made = HealthCheck("disk", lambda: None, timeout=2.5)
    well.extensions["audimax_offers"]["health_checks"] = {"x.disk": made}
    checks.init_app(well)
    found = {check.name: check for check in well.extensions["audimax_checks"]}
    assert found["x.disk"].seconds == 2.5
    assert "x.disk" in by_name(well.test_client().get("/readyz"))


def test_a_check_that_hangs_is_left_behind_and_not_asked_again_meanwhile(well: Flask) -> None:
    begun, go_on = [], threading.Event()

    def hangs() -> None:
        begun.append(1)
        go_on.wait(60)

    add(well, "x.slow", hangs, seconds=0.2)
    client = well.test_client()
    for _again in range(3):
        assert by_name(client.get("/readyz"))["x.slow"]["state"] == "timed out"
    assert len(begun) == 1
    go_on.set()


def test_checks_are_looked_at_side_by_side(well: Flask) -> None:
    meeting = threading.Barrier(3, timeout=60)
    for name in ("x.a", "x.b", "x.c"):
        add(well, name, meeting.wait, seconds=60)  # type: ignore[arg-type]
    seen = by_name(well.test_client().get("/readyz"))
    assert {seen[name]["state"] for name in ("x.a", "x.b", "x.c")} == {"good"}


def test_many_who_ask_at_once_cost_one_look(well: Flask) -> None:
    asked: list[int] = []
    add(well, "x.counted", lambda: asked.append(1), remembered=3600)
    clients = [well.test_client() for _ in range(8)]
    threads = [threading.Thread(target=client.get, args=("/readyz",)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(asked) == 1


def test_words_of_errors_are_for_those_who_may_know(well: Flask) -> None:
    add(well, "x.cellar", fails)
    near, far = well.test_client().get("/readyz"), well.test_client().get("/readyz", **FAR)
    assert "pump" in near.text and "pump" not in far.text
    assert by_name(far)["x.cellar"]["state"] == "bad"


def test_a_stranger_who_hammers_is_refused_but_no_probe_of_ours(well: Flask) -> None:
    client = well.test_client()
    answers = [client.get("/readyz", **FAR).status_code for _ in range(130)]
    assert answers[0] == 200 and answers[-1] == 429
    assert {client.get("/readyz").status_code for _ in range(130)} == {200}


# --- who may read the figures ---------------------------------------------------------


def test_figures_are_for_this_machine(well: Flask) -> None:
    client = well.test_client()
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", **FAR).status_code == 404
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": "::1"}).status_code == 200


def test_a_proxy_that_nobody_told_us_of_makes_no_neighbours(well: Flask) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert well.test_client().get("/metrics", headers={header: "127.0.0.1"}).status_code == 404


def test_networks_that_may_read_them_are_a_setting(make_app: Callable[..., Flask], migrated: None) -> None:
    client = make_app(metrics_allow=["203.0.113.0/24"], trusted_proxies=["127.0.0.1"]).test_client()
    assert client.get("/metrics", **FAR).status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.114.9"}).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1, 203.0.114.9"}).status_code == 404


def test_with_the_token_they_may_be_read_from_anywhere(
    make_app: Callable[..., Flask], migrated: None
) -> None:
    client = make_app(metrics_token=TOKEN).test_client()
    for given, status in ((f"Bearer {TOKEN}", 200), (f"Bearer {TOKEN}x", 404), ("Bearer ", 404), ("", 404),
                          (f"Basic {TOKEN}", 404), (f"Bearer {TOKEN[:-1]}é", 404)):  # fmt: skip
        headers = {"Authorization": given.encode("utf-8").decode("latin-1")}
        assert client.get("/metrics", headers=headers, **FAR).status_code == status


def test_without_a_token_none_is_right(well: Flask) -> None:
    assert well.test_client().get("/metrics", headers={"Authorization": "Bearer "}, **FAR).status_code == 404


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"metrics_token": "short"}, "metrics_token is shorter"),
        ({"metrics_allow": ["everywhere"]}, "metrics_allow has 'everywhere'"),
        ({"trusted_proxies": ["10.0.0.0/99"]}, "trusted_proxies has '10.0.0.0/99'"),
        ({"log_format": "xml"}, "log_format"),
    ],
)
def test_wrong_settings_are_named(make_app: Callable[..., Flask], changed: Any, words: str) -> None:
    from core.errors import ConfigError

    with pytest.raises(ConfigError, match=words):
        make_app(**changed)
