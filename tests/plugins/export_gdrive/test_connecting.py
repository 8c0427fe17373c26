"""To Google and back: who is let back in with what, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from core.contracts import Person
from core.db import db, now
from core.engine import offers
from plugins.export_gdrive import connections, oauth
from plugins.export_gdrive.jobs import sweep
from plugins.export_gdrive.models import Connection, Consent, Item
from tests.conftest import ORIGIN
from tests.fixtures.google import SCOPE, Fault, Google
from tests.plugins.export_gdrive.conftest import CALLBACK, PAGE, Lectern, new_key


def rows(lectern: Lectern, table: Any) -> list[Any]:
    with lectern.hall.app.app_context():
        found = list(db.session.scalars(db.select(table)))
        db.session.expunge_all()
        return found


def test_a_host_connects_and_comes_back_to_the_export(lectern: Lectern) -> None:
    page = lectern.host.get(lectern.hall.page).text
    link = f"{PAGE}?lecture={lectern.hall.id}"
    assert f'href="{link}"' in page and "Connect Google Drive" in page
    assert f'name="lecture" value="{lectern.hall.id}"' in lectern.host.get(link).text
    answer = lectern.connect(lecture=lectern.hall.id)
    assert (answer.status_code, answer.location) == (303, lectern.hall.page)
    page = lectern.host.get(lectern.hall.page).text
    assert "Your Google Drive is connected." in page and link not in page


def test_google_is_asked_for_the_least_with_a_state_and_a_hidden_verifier(lectern: Lectern) -> None:
    address = urlsplit(lectern.leave())
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{lectern.google.url}/o/oauth2/v2/auth"
    assert asked["scope"] == SCOPE and asked["redirect_uri"] == CALLBACK
    assert (asked["access_type"], asked["prompt"], asked["code_challenge_method"]) == (
        "offline",
        "consent",
        "S256",
    )
    [kept] = rows(lectern, Consent)
    assert asked["state"] not in (kept.state, kept.verifier) and asked["code_challenge"] not in kept.verifier


def test_the_token_is_locked_in_the_database(connected: Lectern) -> None:
    [kept], [grant] = rows(connected, Connection), connected.google.grants
    assert grant.refresh_token and grant.refresh_token not in kept.token
    with connected.hall.app.app_context():
        assert connections.token_of(kept) == grant.refresh_token


def test_a_locked_token_put_into_another_ones_row_opens_nothing(connected: Lectern, make_user: Any) -> None:
    from plugins.export_gdrive import vault

    [mine] = rows(connected, Connection)
    mallory = make_user("mallory@uni.example")
    with connected.hall.app.app_context(), pytest.raises(vault.Unreadable):
        connections.token_of(Connection(user_id=mallory, token=mine.token))


# --- what may go wrong ------------------------------------------------------------------


def test_who_says_no_is_told_that_nothing_was_connected(lectern: Lectern) -> None:
    answer = lectern.connect(lecture=lectern.hall.id, allow=False)
    assert answer.location == f"{PAGE}?lecture={lectern.hall.id}"
    assert "You didn’t allow it, so nothing was connected." in lectern.says()
    assert rows(lectern, Connection) == []


@pytest.mark.parametrize("state", ["", "forged", "x" * 5000, "%27%20or%201=1"])
def test_a_state_that_isnt_ours_is_refused(lectern: Lectern, state: str) -> None:
    lectern.leave()
    answer = lectern.host.get(f"{PAGE}callback?state={state}&code=4/0A")
    assert answer.status_code == 303
    assert "came too late, or isn’t yours" in lectern.says()
    assert lectern.google.asked("POST", "/token") == 0


def test_an_answer_is_taken_once(lectern: Lectern) -> None:
    back = lectern.google.decide(lectern.leave())
    lectern.come_back(back)
    [kept] = rows(lectern, Connection)
    lectern.come_back(back)
    assert "came too late, or isn’t yours" in lectern.says()
    assert rows(lectern, Connection)[0].token == kept.token
    assert lectern.google.asked("POST", "/token") == 1


def test_an_answer_of_another_account_connects_nobody(lectern: Lectern, make_user: Any, sign_in: Any) -> None:
    mallory = sign_in(make_user("mallory@uni.example"))
    forged = lectern.google.decide(lectern.leave(mallory))
    lectern.come_back(forged)
    assert "came too late, or isn’t yours" in lectern.says() and rows(lectern, Connection) == []
    assert lectern.google.asked("POST", "/token") == 0
    assert lectern.come_back(forged, mallory).status_code == 303
    assert "Your Drive is connected" in lectern.says(mallory), "it was not used up by somebody else"


def test_who_takes_too_long_begins_again(lectern: Lectern) -> None:
    back = lectern.google.decide(lectern.leave())
    with lectern.hall.app.app_context():
        db.session.query(Consent).update({Consent.expires_at: now() - timedelta(seconds=1)})
        db.session.commit()
    lectern.come_back(back)
    assert "came too late, or isn’t yours" in lectern.says() and rows(lectern, Connection) == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "Google’s answer was incomplete."),
        ("&code=4/0Aforged", "Google took too long, or its answer was used before."),
        ("&code=" + "x" * 9000, "Google took too long, or its answer was used before."),
        ("&error=server_error", "Google refused (server_error)."),
        ("&error=<b>BOLD</b>", "Google refused (bb)."),
    ],
)
def test_answers_that_lead_nowhere_are_said_in_words(lectern: Lectern, query: str, words: str) -> None:
    state = parse_qs(urlsplit(lectern.leave()).query)["state"][0]
    lectern.host.get(f"{PAGE}callback?state={state}{query}")
    assert words in lectern.says() and rows(lectern, Connection) == []


def test_a_code_with_another_verifier_is_worth_nothing(lectern: Lectern) -> None:
    stolen = parse_qs(urlsplit(lectern.google.decide(lectern.leave())).query)["code"][0]
    state = parse_qs(urlsplit(lectern.leave()).query)["state"][0]
    lectern.host.get(f"{PAGE}callback", query_string={"state": state, "code": stolen})
    assert "Google took too long, or its answer was used before." in lectern.says()


def test_who_unticks_the_right_isnt_connected_and_the_rest_is_given_back(lectern: Lectern) -> None:
    lectern.connect(scopes=("openid",))
    assert "You didn’t allow us to put files into your Drive." in lectern.says()
    assert rows(lectern, Connection) == [] and lectern.google.grants[0].is_revoked


def test_more_rights_than_were_asked_for_do_no_harm(lectern: Lectern) -> None:
    lectern.connect(scopes=("openid", SCOPE))
    assert "Your Drive is connected" in lectern.says()


def test_no_lasting_permission_is_none(lectern: Lectern) -> None:
    lectern.google.lasting = False
    lectern.connect()
    assert "Google gave no lasting permission." in lectern.says() and rows(lectern, Connection) == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/token", status=503),
        Fault("POST", "/token", lost=True),
        Fault("POST", "/token", silent=True),
    ],
)
def test_a_google_that_doesnt_answer_is_said_so(
    lectern: Lectern, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "SECONDS", 0.5)
    lectern.google.faults.append(fault)
    lectern.connect()
    assert "Google can’t be reached right now." in lectern.says()
    assert rows(lectern, Connection) == []


def test_a_client_that_google_doesnt_know_is_the_administrators_matter(
    make_app: Callable[..., Flask], lectern: Lectern, gdrive: dict[str, Any]
) -> None:
    back = lectern.google.decide(lectern.leave())
    other = make_app("export_gdrive", plugins={"export_gdrive": {**gdrive, "client_secret": "wrong"}})
    with lectern.host.session_transaction(base_url=ORIGIN) as mine:
        session = dict(mine)
    client = other.test_client()
    with client.session_transaction(base_url=ORIGIN) as theirs:
        theirs.update(session)
    client.get(back.removeprefix(ORIGIN))
    assert "Google doesn’t know this installation." in client.get(PAGE).text


def test_strangers_and_guests_are_led_to_sign_in(lectern: Lectern) -> None:
    for somebody in (lectern.hall.app.test_client(), lectern.hall.guest()):
        for method, path in (
            ("GET", ""),
            ("POST", "start"),
            ("GET", "callback?code=1"),
            ("POST", "disconnect"),
        ):
            answer = somebody.open(PAGE + path, method=method)
            assert answer.status_code == 302 and "/sign-in" in answer.location, path
    assert rows(lectern, Consent) == []


def test_no_other_page_can_begin_or_end_it(connected: Lectern) -> None:
    for path in ("start", "disconnect"):
        answer = connected.host.post(PAGE + path, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403
    assert len(rows(connected, Connection)) == 1


def test_nobody_fills_the_table_by_beginning(lectern: Lectern) -> None:
    for _time in range(8):
        lectern.leave()
    assert len(rows(lectern, Consent)) == connections.MOST_CONSENTS


def test_the_lecture_to_come_back_to_is_one_of_ours(lectern: Lectern) -> None:
    answer = lectern.connect(lecture="//evil.example")
    assert answer.location == PAGE


# --- its end ----------------------------------------------------------------------------


def test_disconnecting_takes_the_right_back_at_google(connected: Lectern) -> None:
    connected.export()
    assert connected.host.post(f"{PAGE}disconnect").status_code == 303
    assert "What was put there stays." in connected.says()
    assert connected.google.grants[0].is_revoked
    assert rows(connected, Connection) == rows(connected, Item) == []
    connected.host.post(f"{PAGE}disconnect")


def test_disconnecting_works_while_google_is_down(
    connected: Lectern, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "SECONDS", 0.3)
    connected.google.faults.append(Fault("POST", "/revoke", silent=True))
    connected.host.post(f"{PAGE}disconnect")
    assert "Google couldn’t be told" in connected.says()
    assert rows(connected, Connection) == []


def test_erasing_somebody_takes_the_right_back_and_all_rows(connected: Lectern, ada: int) -> None:
    connected.export()
    engine = connected.hall.app.extensions["audimax_plugins"]
    with connected.hall.app.app_context():
        for _again in range(2):
            engine.ask_one("export_gdrive", "erase", person=Person(ada))
            db.session.commit()
    assert connected.google.grants[0].is_revoked
    assert rows(connected, Connection) == rows(connected, Item) == rows(connected, Consent) == []


def test_what_is_kept_of_somebody_is_served_without_the_token(connected: Lectern, ada: int) -> None:
    from core.engine import personal_columns

    connected.export()
    with connected.hall.app.app_context():
        [kept] = rows(connected, Connection)
        served = str(personal_columns.collect(Person(ada))["export_gdrive"])
        assert "connected_at" in served and "drive_id" in served and kept.token not in served
        personal_columns.erase(Person(ada))
        db.session.commit()
    assert rows(connected, Connection) == rows(connected, Item) == []


# --- keys -------------------------------------------------------------------------------


def test_a_new_key_takes_over_and_the_old_one_can_go(
    make_app: Callable[..., Flask], connected: Lectern, gdrive: dict[str, Any]
) -> None:
    new = new_key()
    both = make_app("export_gdrive", plugins={"export_gdrive": {**gdrive, "key": f"{new},{gdrive['key']}"}})
    only = make_app("export_gdrive", plugins={"export_gdrive": {**gdrive, "key": new}})
    token = connected.google.grants[0].refresh_token
    [before] = rows(connected, Connection)
    with both.app_context():
        assert connections.token_of(before) == token
        sweep(0)
    [after] = rows(connected, Connection)
    with only.app_context():
        assert connections.token_of(after) == token
    with both.app_context():
        sweep(0)
    assert rows(connected, Connection)[0].token == after.token, (
        "what is locked with the newest stays as it is"
    )


def test_a_lost_key_breaks_the_connection_and_the_page_asks_again(
    make_app: Callable[..., Flask], connected: Lectern, gdrive: dict[str, Any]
) -> None:
    other = make_app("export_gdrive", plugins={"export_gdrive": {**gdrive, "key": new_key()}})
    with other.app_context():
        sweep(0)
    assert "The connection is broken" in connected.says()
    connected.connect()
    assert "Your Drive is connected" in connected.says()


def test_who_never_came_back_is_forgotten(lectern: Lectern) -> None:
    lectern.leave()
    with lectern.hall.app.app_context():
        db.session.query(Consent).update({Consent.expires_at: now() - timedelta(seconds=1)})
        db.session.commit()
        sweep(0)
    assert rows(lectern, Consent) == []


# --- set up -----------------------------------------------------------------------------


def test_half_set_up_nobody_is_offered_it(make_app: Callable[..., Flask], lectern: Lectern, ada: int) -> None:
    bare = make_app("export_gdrive")
    with lectern.host.session_transaction(base_url=ORIGIN) as mine:
        session = dict(mine)
    client = bare.test_client()
    with client.session_transaction(base_url=ORIGIN) as theirs:
        theirs.update(session)
    assert "Not set up here" in client.get(PAGE).text
    assert client.post(f"{PAGE}start").status_code == 303
    with bare.app_context():
        assert "gdrive" not in offers.exporters()
        with pytest.raises(
            Exception, match=r"client_id, plugins.export_gdrive.client_secret.*redirect URI " + CALLBACK
        ):
            offers.health_checks()["export_gdrive.settings"].run()
        offers.health_checks()["export_gdrive.google"].run()


def test_the_doctor_asks_google_whether_it_knows_us(
    make_app: Callable[..., Flask], app: Flask, google: Google, gdrive: dict[str, Any]
) -> None:
    with app.app_context():
        offers.health_checks()["export_gdrive.settings"].run()
        offers.health_checks()["export_gdrive.google"].run()
    wrong = make_app("export_gdrive", plugins={"export_gdrive": {**gdrive, "client_secret": "wrong"}})
    with wrong.app_context(), pytest.raises(Exception, match=r"doesn't take our client \(invalid_client\)"):
        offers.health_checks()["export_gdrive.google"].run()
    google.stop()
    with app.app_context(), pytest.raises(Exception, match="Google can't be reached"):
        offers.health_checks()["export_gdrive.google"].run()
