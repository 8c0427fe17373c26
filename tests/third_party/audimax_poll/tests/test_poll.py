"""Every promise of a plugin, and that every vote counts once."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from audimax_poll import polls
from audimax_poll.hooks import lecture_sections, on_event
from audimax_poll.models import Poll, Vote

from core.api import Lecture, LectureEnded, Participant, Role, Viewer, db, now
from core.testing import Caller, Place, PluginContract, add_guest, add_host

ASKED = {"question": "Is zero a natural number?", "options": ["Yes", "No", "Both"]}


class TestPoll(PluginContract):
    name = "poll"
    bodies = {"poll.ask": ASKED}  # noqa: RUF012

    def make_rows(self, place: Place) -> Mapping[str, str]:
        poll = polls.ask(db.session.get_one(Lecture, place.lecture_id), "Clear?", ["Yes", "No"], False)
        db.session.commit()
        return {"poll_id": poll.public_id}

    # --- asking ---

    def test_a_question_needs_two_different_answers(self, app, place):
        for options in (["Yes"], ["Yes", " "], ["Yes", " Yes "], ["x"] * 11, ["x" * 81, "y"]):
            assert ask(place, options=options).status_code == 422, options
        assert ask(place, question=" ").status_code == 422
        assert ask(place, question="x" * 201).status_code == 422

    def test_guests_cannot_ask_close_or_remove(self, app, place):
        poll = asked(place)
        assert ask(place, by=place.guest).status_code == 403
        assert to(place, poll, "close", by=place.guest).status_code == 403
        assert place.guest.ask("DELETE", path(place, poll["id"])).status_code == 403

    def test_one_poll_is_open_at_a_time(self, app, place):
        first = asked(place)
        again = ask(place)
        assert (again.status_code, again.json["detail"]) == (409, "Close the poll that is open first.")
        to(place, first, "close")
        assert ask(place).status_code == 201

    def test_two_hosts_who_ask_at_once_make_one_poll(self, app, place):
        other = add_host(app, place)
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda host: ask(place, by=host).status_code, [place.host, other]))
        assert sorted(answers) == [201, 409]
        assert len(seen(place)) == 1

    def test_a_lecture_has_so_many_polls_at_most(self, app, place):
        with app.app_context():
            lecture = db.session.get_one(Lecture, place.lecture_id)
            for number in range(polls.MOST_POLLS):
                polls.close(polls.ask(lecture, f"Question {number}", ["a", "b"], False))
            db.session.commit()
        assert ask(place).json["code"] == "too_many"

    # --- voting ---

    def test_who_votes_again_changes_their_vote_and_counts_once(self, app, place):
        poll = asked(place)
        vote(place, poll, 0)
        answer = vote(place, poll, 2)
        assert (answer.json["counts"], answer.json["mine"], answer.json["votes"]) == ([0, 0, 1], 2, 1)

    def test_a_double_click_counts_once(self, app, place):
        poll = asked(place)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda choice: vote(place, poll, choice), [1, 1]))
        assert only(place)["counts"] == [0, 1, 0]

    def test_there_is_no_other_option_than_those(self, app, place):
        poll = asked(place)
        for choice in (-1, 3, 10, "Yes", None, 1.5):
            assert vote(place, poll, choice).status_code == 422, choice
        assert only(place)["votes"] == 0

    def test_after_the_end_nobody_votes(self, app, place):
        poll = asked(place)
        vote(place, poll, 1)
        to(place, poll, "close")
        answer = vote(place, poll, 0)
        assert (answer.status_code, answer.json["detail"]) == (409, "This poll is closed.")
        assert only(place)["counts"] == [0, 1, 0]

    def test_who_is_outside_has_no_vote(self, app, places):
        place, elsewhere = places
        poll = asked(place)
        assert vote(place, poll, 0, by=elsewhere.guest).status_code == 403
        assert vote(place, poll, 0, by=elsewhere.host).status_code == 403
        assert vote(place, poll, 0, by=Caller(app.test_client())).status_code == 403
        assert vote(place, poll, 0, by=place.host).json["code"] == "not_inside", (
            "a host who isn't in the call"
        )
        assert vote(elsewhere, poll, 0).status_code == 404, "a poll of another room"
        assert only(place)["votes"] == 0

    def test_who_was_removed_has_no_vote_any_more(self, app, place):
        poll = asked(place)
        vote(place, poll, 0)
        with app.app_context():
            db.session.get_one(Participant, place.participant_id).removed_at = now()
            db.session.commit()
        assert vote(place, poll, 1).status_code == 403
        assert only(place)["votes"] == 0

    def test_a_poll_of_an_earlier_lecture_is_not_there(self, app, place):
        poll = asked(place)
        with app.app_context():
            lecture = db.session.get_one(Lecture, place.lecture_id)
            lecture.ended_at = now()
            db.session.flush()
            db.session.add(Lecture(room_id=lecture.room_id, title="Next", started_by_id=place.owner_id))
            db.session.commit()
        assert to(place, poll, "close").status_code == 404
        assert seen(place) == []

    def test_five_hundred_votes_all_count(self, app, place):
        poll = asked(place)
        guests = [add_guest(app, place, f"Guest {number}") for number in range(500)]

        def choose(number: int) -> int:
            return vote(place, poll, number % 3, by=guests[number]).status_code

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(choose, range(500))) == {200}
        to(place, poll, "close")
        assert only(place)["counts"] == [167, 167, 166]

    # --- the end ---

    def test_two_hosts_who_close_at_once_get_the_same_result(self, app, place):
        poll, other = asked(place), add_host(app, place)
        vote(place, poll, 0)
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda host: to(place, poll, "close", by=host), [place.host, other]))
        assert [answer.status_code for answer in answers] == [200, 200]
        assert [answer.json["counts"] for answer in answers] == [[1, 0, 0]] * 2

    def test_votes_that_come_with_the_end_count_or_are_told_so(self, app, place):
        poll = asked(place)
        guests = [add_guest(app, place, f"Guest {number}") for number in range(30)]

        def work(number: int) -> int:
            if number == 15:
                return to(place, poll, "close").status_code
            return vote(place, poll, 0, by=guests[number]).status_code

        with ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(work, range(30)))
        assert set(statuses) <= {200, 409}
        assert only(place)["votes"] == statuses.count(200) - 1, "the one of the host who closed isn't a vote"

    def test_nobody_can_look_up_afterwards_who_voted_for_what(self, app, place):
        poll = asked(place)
        vote(place, poll, 0)
        to(place, poll, "close")
        with app.app_context():
            assert db.session.scalar(sa.select(sa.func.count()).select_from(Vote).join(Poll).where(
                Poll.public_id == poll["id"])) == 0  # fmt: skip

    def test_removing_takes_all_of_it_away_and_may_be_repeated(self, app, place):
        poll = asked(place)
        vote(place, poll, 0)
        assert place.host.ask("DELETE", path(place, poll["id"])).status_code == 204
        assert place.host.ask("DELETE", path(place, poll["id"])).status_code == 404
        assert vote(place, poll, 0).status_code == 404
        assert seen(place) == []

    # --- what people see ---

    def test_hidden_results_are_for_hosts_until_the_end(self, app, place):
        poll = asked(place, hidden=True)
        answer = vote(place, poll, 0)
        assert "counts" not in answer.json
        assert (answer.json["votes"], answer.json["mine"]) == (1, 0)
        assert "counts" not in only(place, place.guest)
        assert only(place, place.host)["counts"] == [1, 0, 0]
        to(place, poll, "close")
        assert only(place, place.guest)["counts"] == [1, 0, 0]

    def test_packets_tell_nobody_what_is_hidden_or_who_voted(self, app, place, sent):
        poll = asked(place, hidden=True)
        vote(place, poll, 0)
        to(place, poll, "close")
        assert [packet["poll"]["counts"] for packet in sent] == [None, None, [1, 0, 0]]
        assert "mine" not in str(sent)

    def test_the_largest_poll_fits_into_a_packet(self, app, place, sent):
        largest = {"question": "🎓" * 200, "options": [f"{number}{'🎓' * 79}" for number in range(10)]}
        assert ask(place, **largest).status_code == 201
        assert sent[0]["poll"]["question"] == "🎓" * 200

    def test_results_become_a_table(self, app, place):
        poll = asked(place)
        assert self.sections(app, place) == [], "not while people vote"
        vote(place, poll, 0)
        vote(place, poll, 1, by=add_guest(app, place))
        to(place, poll, "close")
        (table,) = self.sections(app, place)
        assert (table.title, table.note) == ("Poll: Is zero a natural number?", "2 votes")
        assert table.rows == (("Yes", "1", "50%"), ("No", "1", "50%"), ("Both", "0", "0%"))

    def test_a_poll_that_nobody_closed_ends_with_the_lecture(self, app, place):
        poll = asked(place)
        vote(place, poll, 2)
        with app.app_context():
            lecture = db.session.get_one(Lecture, place.lecture_id)
            lecture.ended_at = now()
            db.session.commit()
            ended = LectureEnded(lecture.room_id, lecture.id)
            before = self.sections(app, place)
            for _twice in range(2):
                on_event(ended)
                db.session.commit()
            assert self.sections(app, place) == before
            assert db.session.scalar(sa.select(Poll.counts).where(Poll.public_id == poll["id"])) == [0, 0, 1]

    def test_a_poll_without_votes_is_a_table_too(self, app, place):
        to(place, asked(place), "close")
        assert self.sections(app, place)[0].rows[0] == ("Yes", "0", "0%")

    # --- what the tests use ---

    @pytest.fixture
    def place(self, places) -> Place:
        return places[0]

    @pytest.fixture
    def sent(self, place, monkeypatch) -> list[Any]:
        """The packets that pages of this lecture would get."""
        packets: list[Any] = []

        def tell(lecture: Lecture, topic: str, packet: Any) -> None:
            # What another test left to be told a second later may come now.
            if lecture.id == place.lecture_id:
                packets.append(packet)

        monkeypatch.setattr("core.api.order.tell", tell)
        return packets

    def sections(self, app, place) -> list[Any]:
        with app.app_context():
            lecture = db.session.get_one(Lecture, place.lecture_id)
            return lecture_sections(lecture, Viewer(Role.PARTICIPANT))


def path(place: Place, poll_id: str, action: str = "") -> str:
    return f"/api/rooms/{place.room}/poll/polls/{poll_id}{action and f'/{action}'}"


def ask(place: Place, by: Caller | None = None, **changed: Any) -> Any:
    return (by or place.host).ask("POST", f"/api/rooms/{place.room}/poll/polls", {**ASKED, **changed})


def asked(place: Place, **changed: Any) -> Any:
    answer = ask(place, **changed)
    assert answer.status_code == 201, answer.text
    return answer.json


def to(place: Place, poll: Any, action: str, by: Caller | None = None) -> Any:
    return (by or place.host).ask("POST", path(place, poll["id"], action))


def vote(place: Place, poll: Any, choice: Any, by: Caller | None = None) -> Any:
    return (by or place.guest).ask("POST", path(place, poll["id"], "vote"), {"choice": choice})


def seen(place: Place, by: Caller | None = None) -> Any:
    return (by or place.host).ask("GET", f"/api/rooms/{place.room}/poll/polls").json["polls"]


def only(place: Place, by: Caller | None = None) -> Any:
    (poll,) = seen(place, by)
    return poll
