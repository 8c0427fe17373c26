from __future__ import annotations

import pytest

from core.search.finding import HITS
from tests.core.search.conftest import spoken, written


@pytest.fixture
def page(host, archive):
    def get(query="", status=200):
        answer = host.get(f"/search{query}")
        assert answer.status_code == status
        return answer.get_data(as_text=True)

    return get


def test_who_is_not_signed_in_is_led_to_the_door(client):
    answer = client.get("/search?q=waves")
    assert answer.status_code == 302 and "/sign-in" in answer.location


def test_an_empty_form_finds_nothing_and_says_nothing_is_missing(page):
    body = page()
    assert "Who said what when" in body and "Nothing was found" not in body


def test_what_was_found_is_shown_as_text_with_its_place(page, archive):
    key = archive.lecture(archive.room("Optics"), spoken((65, "Ada", "<script>waves</script>")))
    body = page("?q=wave")
    assert "&lt;script&gt;<mark>waves</mark>&lt;/script&gt;" in body and "<script>waves" not in body
    assert "#t=1:05&amp;in=talk-transcript" in body and "Optics" in body and "1 place" in body
    assert key


def test_only_the_best_lines_are_shown_and_all_are_counted(page, archive):
    lines = [(n, "Ada", f"wave number {n}") for n in range(30)]
    archive.lecture(archive.room(), spoken(*lines))
    body = page("?q=wave")
    assert body.count('class="hit"') == HITS and "30 places" in body


def test_nothing_found_says_so(page, archive):
    archive.lecture(archive.room(), spoken((1, "Ada", "waves")))
    assert "Nothing was found" in page("?q=particles")
    assert "Nothing was found" in page("?speaker=Nobody+at+all")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?q=" + "x" * 10_000, "at most 200 characters"),
        ("?q=%22%22", "a word to look for"),
        ("?q=a&room=nowhere", "no such room"),
        ("?q=a&since=yesterday", "choose a day"),
        ("?q=a&until=9999-12-31", "choose a day"),
        ("?q=a&since=2026-02-02&until=2026-02-01", "before the first one"),
        ("?q=a&speaker=" + "y" * 101, "at most 100 characters"),
    ],
)
def test_wrong_input_is_named_and_kept(page, query, said):
    body = page(query, 422)
    assert said in body and 'aria-invalid="true"' in body


def test_a_wrong_place_in_the_list_begins_at_the_beginning(page, archive):
    archive.lecture(archive.room(), spoken((1, "Ada", "waves")))
    assert "<mark>waves</mark>" in page("?q=waves&before=nonsense")


def test_filters_stay_in_the_address_of_the_next_page(page, archive):
    room = archive.room()
    for _ in range(11):
        archive.lecture(room, spoken((1, "Ada", "waves")))
    body = page("?q=waves&speaker=Ada")
    assert "/search?q=waves&amp;speaker=Ada&amp;before=" in body


def test_the_answer_takes_few_queries(host, archive, queries):
    room = archive.room()
    for _ in range(12):
        archive.lecture(room, spoken((1, "Ada", "waves"), (2, "Bob", "waves")))
    with queries() as asked:
        host.get("/search?q=waves&speaker=ada")
    assert len(asked) <= 10


def test_a_renamed_lecture_is_found_by_its_new_name(host, archive, app):
    from core.db import db
    from core.lectures.models import Lecture

    key = archive.lecture(archive.room(), spoken((1, "Ada", "waves")))
    with app.app_context():
        public_id = db.session.get(Lecture, key).public_id
    assert host.post(f"/lectures/{public_id}/rename", data={"title": "Eclipses"}).status_code == 303
    archive.work()
    assert archive.ids("eclipse") == [key]


def test_the_last_day_is_no_addressee_in_german(host, archive):
    for page in ("/search", "/lectures?text=waves"):
        body = host.get(page, headers={"Accept-Language": "de"}).text
        assert '<label for="f-until">Bis</label>' in body


def test_sections_are_called_as_the_reader_calls_them(host, archive):
    archive.lecture(archive.room(), written("Waves carry energy."))
    assert "Summary</span>" in host.get("/search?q=energy").text
    assert "Zusammenfassung</span>" in host.get("/search?q=energy", headers={"Accept-Language": "de"}).text
