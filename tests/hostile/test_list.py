"""Every attack that the product promises to withstand, and the tests that try it. A promise without a test fails."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

TESTS = Path(__file__).resolve().parents[1]
PROMISES = {
    "wrong types and sizes on every JSON route": (
        "test_no_body_breaks_a_json_route",
        "test_nothing_that_is_sent_breaks_the_promises_of_the_document",
    ),
    "a foreign origin": (
        "test_no_foreign_page_changes_anything_on_any_route",
        "test_no_foreign_page_changes_anything_on_any_route_of_a_plugin",
        "test_another_pages_socket_is_refused",
    ),
    "a page on a sibling host": (
        "test_no_foreign_page_changes_anything_on_any_route",
        "test_a_sibling_hosts_socket_is_refused",
    ),
    "a stolen cookie of another room": (
        "test_another_rooms_people_get_nowhere_on_any_route_of_ours",
        "test_a_stolen_cookie_of_another_room_makes_nobody_a_participant_here",
    ),
    "another host's room": (
        "test_another_rooms_people_get_nowhere_on_any_route_of_ours",
        "test_another_rooms_host_enters_as_a_guest",
    ),
    "an id of another room's row on every route": (
        "test_ids_of_another_rooms_rows_lead_nowhere_in_ones_own",
    ),
    "an unknown code at speed": (
        "test_unknown_codes_at_speed_are_told_to_wait",
        "test_three_hundred_right_codes_from_one_address_are_no_guessing",
    ),
    "a name of 10,000 characters or only spaces": ("test_a_name_that_is_none_is_refused_beside_its_field",),
    "a forged Host": (
        "test_a_forged_host_gets_nothing_anywhere",
        "test_mails_and_links_never_name_the_host_that_was_asked",
    ),
    "a second sign-up through the set-up link": (
        "test_a_second_sign_up_through_the_set_up_link_is_refused",
        "test_two_who_open_the_set_up_link_at_once_make_one_admin",
    ),
    "every path of LiveKit through the gate": (
        "test_no_other_path_of_livekit_is_served",
        "test_livekits_other_paths_do_not_exist_before_the_gate",
    ),
    "publish=": ("test_a_second_identity_by_publish_is_refused",),
    "two tokens": ("test_exactly_one_token_is_taken",),
    "a token of the last lecture": ("test_a_token_of_the_last_lecture_opens_nothing",),
    "a removed participant's refreshed token": (
        "test_the_token_that_livekit_refreshed_lets_nobody_in_who_was_removed",
        "test_a_removed_participant_comes_back_with_no_token",
    ),
    "a webhook with a wrong hash": ("test_what_is_not_signed_by_livekit_is_a_401_and_leaves_nothing",),
    "LiveKit down at a join or a start": ("test_livekit_down_is_said_in_words_with_the_seconds_to_wait",),
    "rights in the client's own token": ("test_rights_in_the_clients_token_count_for_nothing",),
    "thirty-one connects a minute": ("test_the_thirty_first_connect_of_a_minute_waits",),
    "roles on every route": (
        "test_every_route_declares_who_may_call_it_or_says_why_anybody_may",
        "test_a_stranger_gets_nowhere_on_any_closed_route",
    ),
    "open streams after a change of role, session or account": (
        "test_a_disabled_account_loses_page_api_dashboard_and_gate",
        "test_a_demoted_co_host_loses_the_room_at_once",
        "test_signing_out_everywhere_closes_an_open_dashboard",
        "test_a_removed_participant_can_not_use_the_stream",
    ),
    "a guard that fails or is switched off": (
        "test_a_guard_that_fails_denies_and_the_other_is_still_heard",
        "test_switching_a_guard_off_for_the_institution_never_opens_a_door",
    ),
    "cookies without their flags": (
        "test_every_answer_is_sealed",
        "test_under_https_cookies_carry_the_host_prefix",
        "test_under_https_the_secret_carries_the_host_prefix",
    ),
    "session fixation": (
        "test_a_planted_session_is_not_the_one_that_signs_in",
        "test_signing_in_gives_the_same_guest_a_new_secret",
    ),
    "more fields than were asked for": (
        "test_nobody_becomes_more_by_sending_more_in_a_form",
        "test_a_json_body_with_more_than_is_asked_is_refused",
    ),
    "a server led elsewhere by settings": (
        "test_no_setting_of_core_that_is_set_in_a_browser_leads_a_server_anywhere",
        "test_no_setting_of_a_plugin_that_is_set_in_a_browser_leads_a_server_anywhere",
        "test_an_administrator_who_names_them_all_the_same_changes_nothing",
    ),
    "being led to another site": ("test_nobody_is_led_to_another_site",),
    "script in what people call things": ("test_what_people_call_things_is_never_code_on_a_page",),
    "lines of one's own in the log": ("test_nobody_writes_lines_of_their_own_into_the_log",),
    "who has an account": (
        "test_an_unknown_address_gets_the_same_answer",
        "test_an_unknown_address_takes_as_long_as_a_known_one",
        "test_who_has_an_account_is_not_found_out_by_naming_co_hosts",
    ),
}


@pytest.fixture(scope="module")
def names() -> set[str]:
    """All tests that there are."""
    return {
        node.name
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_has_its_tests(names: set[str], promise: str) -> None:
    assert set(PROMISES[promise]) <= names


def test_livekit_down_is_said_in_words_with_the_seconds_to_wait(
    app: Flask, make_user: Any, make_room: Any, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    owner = make_user()
    room, host = make_room(owner)[1], sign_in(owner)
    for client, path in ((host, "start"), (app.test_client(), "join"), (host, "join"), (host, "token")):
        answer = client.post(f"/api/rooms/{room}/{path}", json={"name": "Eve"})
        assert answer.status_code == 503, path
        assert (answer.json["code"], answer.headers["Retry-After"]) == ("livekit_down", "3")
        assert "try again in a moment" in answer.json["detail"].lower()
    assert app.test_client().get(f"/api/rooms/by-code/{make_room(owner)[2]}").status_code == 200
