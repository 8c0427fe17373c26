"""The calendar file of a room, read back by a parser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

TITLE = "Einführung, Teil 2; „Größen“ \\ und so"
DESCRIPTION = "Dienstags um neun, großer Hörsaal.\nPapier mitbringen; bitte, auch Stifte."


@pytest.fixture
def room(host):
    return host.post("/api/rooms", json={"title": TITLE, "description": DESCRIPTION}).json


@pytest.fixture
def entry(host, room):
    """``entry(start=…)`` downloads the file and gives the event in it."""

    def read(**chosen):
        answer = host.get(f"/rooms/{room['id']}/invitation.ics", query_string=chosen)
        assert answer.status_code == 200 and answer.mimetype == "text/calendar"
        (event,) = Calendar.from_ical(answer.data).walk("VEVENT")
        return event

    return read


def test_it_says_what_when_and_where(entry, room):
    event = entry(start="2026-12-01T09:15", minutes="105")
    assert (str(event["summary"]), str(event["location"]), str(event["url"])) == (
        TITLE,
        room["url"],
        room["url"],
    )
    assert event["dtstart"].dt == datetime(2026, 12, 1, 9, 15, tzinfo=UTC)
    assert event["duration"].dt == timedelta(minutes=105)
    assert DESCRIPTION in str(event["description"]) and room["code"] in str(event["description"])
    assert "rrule" not in event and "dtstamp" in event


def test_lines_are_folded_and_end_as_the_standard_says(host, room):
    answer = host.get(f"/rooms/{room['id']}/invitation.ics")
    lines = answer.data.split(b"\r\n")
    assert lines[0] == b"BEGIN:VCALENDAR" and lines[-2] == b"END:VCALENDAR"
    assert max(map(len, lines)) <= 75
    assert answer.headers["Content-Disposition"] == f'attachment; filename="invitation-{room["code"]}.ics"'


def test_a_weekly_lecture_stays_at_nine_when_the_clocks_change(app, entry, monkeypatch):
    monkeypatch.setattr("core.rooms.calendar._zone", lambda: ZoneInfo("Europe/Berlin"))
    event = entry(start="2027-03-25T09:00", weeks="14")
    assert event["rrule"] == {"FREQ": ["WEEKLY"], "COUNT": [14]}
    assert event["dtstart"].params["TZID"] == "Europe/Berlin"


def test_the_file_brings_the_rules_of_its_time_zone(host, room, monkeypatch):
    monkeypatch.setattr("core.rooms.calendar._zone", lambda: ZoneInfo("Europe/Berlin"))
    made = Calendar.from_ical(host.get(f"/rooms/{room['id']}/invitation.ics").data)
    assert [str(zone["tzid"]) for zone in made.walk("VTIMEZONE")] == ["Europe/Berlin"]


def test_the_same_choice_is_the_same_entry_and_another_is_another(entry):
    first, again = entry(start="2026-12-01T09:00"), entry(start="2026-12-01T09:00", minutes="60")
    other = entry(start="2026-12-02T09:00")
    assert first["uid"] == again["uid"] != other["uid"]
    assert str(first["uid"]).endswith("@localhost")


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"start": ""}, "Please choose a day and a time."),
        ({"start": "tomorrow"}, "Please choose a day and a time."),
        ({"start": "0026-12-01T09:00"}, "Please choose a day and a time."),
        ({"start": "2026-12-01T09:00+02:00"}, "Please choose a day and a time."),
        ({"minutes": "0"}, "Please type a number from 5 to 1440."),
        ({"minutes": "9" * 4000}, "Please type a number from 5 to 1440."),
        ({"weeks": "²"}, "Please type a number from 1 to 52."),
        ({"weeks": "-1"}, "Please type a number from 1 to 52."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(host, room, chosen, words):
    answer = host.get(f"/rooms/{room['id']}/invitation.ics", query_string=chosen)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and words in page
    (name,) = chosen
    assert f'aria-describedby="d-{name}" autofocus' in page


def test_only_hosts_get_it(client, room, make_user, sign_in):
    address = f"/rooms/{room['id']}/invitation.ics"
    assert client.get(address).status_code == 302
    assert sign_in(make_user("mallory@uni.example")).get(address).status_code == 404
