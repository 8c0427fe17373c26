"""After the lecture: the transcript is closed, kept as files and summed up; hosts review it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.contracts import Audience, Person, Role, Timeline, Viewer
from core.db import db
from core.lectures.models import Lecture, Participant
from core.lectures.sections import sections_for
from plugins.ai_assistant import erasing, glossary, jobs
from plugins.ai_assistant.models import LectureArtifact, State
from tests.plugins.ai_assistant.conftest import Agent, Somebody

TALK = (
    "Welcome to the lecture about waves and the light of the stars.",
    "A wave carries energy from one place to another, but it carries no matter.",
    "The speed of a wave is its frequency times its wavelength.",
    "Light is a wave as well, and its speed in the vacuum is always the same.",
    "When a star moves away from us, the wavelength of its light becomes longer.",
    "That is the Doppler effect, and astronomers measure the speed of stars with it.",
)


@pytest.fixture
def spoken(host: Somebody, agent: Agent) -> Agent:
    """A short lecture has been given."""
    agent.report(segments=[agent.segment(host, text, at=60.0 * n) for n, text in enumerate(TALK)])
    return agent


@pytest.fixture
def over(spoken: Agent, end: Any, in_lecture: Any, work: Any) -> Agent:
    """It has ended, and all work is done."""
    end()
    spoken.report("over")
    work()
    return spoken


def review(host: Somebody, agent: Agent, method: str = "GET", path: str = "/review", body: Any = None) -> Any:
    address = f"/api/lectures/{agent.lecture}/ai_assistant{path}"
    return host.client.open(address, method=method, json=body)


def test_the_transcript_is_on_the_page_with_a_draft_and_as_files(host: Somebody, over: Agent) -> None:
    page = host.client.get(f"/lectures/{over.lecture}").text
    assert "Draft without a language model" in page and "Doppler effect" in page
    assert "transcript.vtt" in page and "transcript.jsonl" in page
    found = review(host, over).json
    assert (found["state"], found["is_draft"], found["lines"]) == ("done", True, len(TALK))
    cited = {number for sentence in found["summary"]["overview"] for number in sentence["cites"]}
    assert cited and cited <= set(range(1, len(TALK) + 1))


def test_the_files_have_what_was_said(host: Somebody, over: Agent, in_lecture: Any) -> None:
    def contents(lecture: Lecture) -> list[str]:
        from core.api import StoredFile

        artifact = db.session.get_one(LectureArtifact, lecture.id)
        keys = (artifact.lines_file_id, artifact.subtitles_file_id)
        return [db.session.get_one(StoredFile, key).public_id for key in keys]

    lines, subtitles = (host.client.get(f"/files/{one}").text for one in in_lecture(contents))
    assert [json.loads(line)["text"] for line in lines.splitlines()] == list(TALK)
    assert subtitles.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v Ada Lovelace>Welcome")


def test_a_lecture_in_which_nothing_was_said_has_no_summary(
    host: Somebody, agent: Agent, end: Any, work: Any
) -> None:
    agent.report()
    end()
    agent.report("over")
    work()
    assert review(host, agent).json["state"] == "none"
    assert review(host, agent, "POST", "/review/again", {"model": ""}).status_code == 409


def test_an_agent_that_died_is_not_waited_for_for_ever(
    host: Somebody, spoken: Agent, end: Any, in_lecture: Any, work: Any
) -> None:
    from datetime import timedelta

    from core.db import now

    def silent(lecture: Lecture) -> None:
        db.session.get_one(LectureArtifact, lecture.id).heard_at = now() - timedelta(minutes=1)
        db.session.commit()
        jobs.finish.func(lecture.id)

    end()
    in_lecture(silent)
    work()
    assert review(host, spoken).json["state"] == "done"


def test_the_agents_last_words_are_waited_for(
    host: Somebody, spoken: Agent, end: Any, in_lecture: Any
) -> None:
    end()
    in_lecture(lambda lecture: jobs.finish.func(lecture.id))
    assert review(host, spoken).json["state"] == "transcribing"
    page = host.client.get(f"/lectures/{spoken.lecture}").text
    assert "The last words are being written down." in page
    assert "The transcript is being written …" in page.partition("lecture-making")[2].partition("</div>")[0]


def test_lines_that_come_late_are_summed_up_too_and_an_empty_report_changes_nothing(
    host: Somebody, over: Agent, work: Any
) -> None:
    over.report("over", segments=[over.segment(host, "One more thing about tides.", at=500)])
    work()
    assert review(host, over).json["lines"] == len(TALK) + 1
    over.report("over")
    work()
    found = review(host, over).json
    assert (found["state"], found["lines"]) == ("done", len(TALK) + 1)


def its_time_has_come(_lecture: Lecture) -> None:
    """What waits for a later hour is due."""
    db.session.execute(db.text("UPDATE procrastinate_jobs SET scheduled_at = now()"))
    db.session.commit()


def test_a_deleted_lecture_is_not_summed_up_before_it_is_brought_back(
    host: Somebody, spoken: Agent, end: Any, in_lecture: Any, work: Any
) -> None:
    end()
    spoken.report("over")
    page = f"/lectures/{spoken.lecture}"
    assert host.client.post(f"{page}/delete").status_code == 303
    assert spoken.try_to_report("over").status_code == 401
    work()
    assert review(host, spoken).status_code == 404
    assert in_lecture(lambda lecture: db.session.get_one(LectureArtifact, lecture.id).summary) is None
    host.client.post(f"{page}/restore")
    assert review(host, spoken).json["state"] == "summarizing"
    in_lecture(its_time_has_come)
    work()
    assert review(host, spoken).json["state"] == "done"


# --- who sees the summary -------------------------------------------------------------


@pytest.mark.parametrize(
    ("readers", "approved", "hidden", "seen"),
    [
        ("hosts", True, False, False),
        ("approved", False, False, False),
        ("approved", True, False, True),
        ("approved", True, True, False),
        ("everyone", False, False, True),
        ("everyone", True, True, False),
    ],
)
def test_guests_see_the_summary_when_the_room_says_so(
    host: Somebody, over: Agent, in_lecture: Any, readers: str, approved: bool, hidden: bool, seen: bool
) -> None:
    host.set(readers=readers)
    review(host, over, "POST", "/review/approve", {"on": approved})
    review(host, over, "POST", "/review/hide", {"on": hidden})

    def shown(lecture: Lecture) -> bool:
        sections = sections_for(lecture, Viewer(Role.PARTICIPANT))
        assert all(section.audience is Audience.EVERYONE for section in sections)
        assert any(section.id == "ai_assistant-transcript" for section in sections)
        return any(section.id == "ai_assistant-summary" for section in sections)

    assert in_lecture(shown) is seen


def test_a_hosts_lines_are_marked_as_such(host: Somebody, come: Any, agent: Agent, in_lecture: Any) -> None:
    agent.say(host, "Welcome.", at=1)
    agent.say(come("Ada"), "A question.", at=9)

    def said(lecture: Lecture) -> list[tuple[str, bool]]:
        sections = sections_for(lecture, Viewer(Role.PARTICIPANT))
        (found,) = (one for one in sections if isinstance(one, Timeline))
        return [(line.text, line.by_host) for line in found.lines]

    assert in_lecture(said) == [("Welcome.", True), ("A question.", False)]


def test_guests_and_strangers_can_not_review(host: Somebody, come: Any, over: Agent, app: Any) -> None:
    stranger = Somebody(app.test_client(), host.room)
    for person in (stranger,):
        assert review(person, over).status_code in (403, 404)
        assert review(person, over, "POST", "/review/approve", {"on": True}).status_code in (403, 404)
        assert review(person, over, "GET", "/transcript").status_code in (403, 404)


# --- editing --------------------------------------------------------------------------


def test_an_edited_summary_stays_after_a_new_run_until_the_host_takes_the_new_one(
    host: Somebody, over: Agent, work: Any
) -> None:
    before = review(host, over).json
    mine = {"overview": [{"text": "It was about waves.", "cites": [2, 999]}], "is_draft": False}
    edited = review(host, over, "PUT", "/review", {"version": before["version"], "summary": mine}).json
    assert edited["edited"] is True and edited["summary"]["overview"][0]["cites"] == [2]
    assert review(host, over, "POST", "/review/again", {"model": ""}).json["state"] == "summarizing"
    work()
    after = review(host, over).json
    assert after["summary"]["overview"][0]["text"] == "It was about waves."
    assert after["generated"]["is_draft"] is True
    taken = review(host, over, "POST", "/review/take_new").json
    assert taken["edited"] is False and taken["summary"] == taken["generated"]


def test_two_hosts_who_edit_at_once_do_not_overwrite_each_other(host: Somebody, over: Agent) -> None:
    version = review(host, over).json["version"]
    summary = {"overview": [{"text": "First.", "cites": []}]}
    assert review(host, over, "PUT", "/review", {"version": version, "summary": summary}).status_code == 200
    answer = review(host, over, "PUT", "/review", {"version": version, "summary": summary})
    assert answer.status_code == 409 and "Somebody else" in answer.json["detail"]


def test_a_term_is_corrected_everywhere_after_a_preview(host: Somebody, over: Agent, work: Any) -> None:
    wish = {"from": "doppler effect", "to": "Doppler shift", "everywhere": True}
    preview = review(host, over, "POST", "/correct", {**wish, "preview": True}).json
    assert preview["lines"] == 1 and "Doppler shift" in preview["samples"][0]
    assert "Doppler effect" in review(host, over, "GET", "/transcript").text
    assert review(host, over, "POST", "/correct", wish).json["lines"] == 1
    work()
    page = host.client.get(f"/lectures/{over.lecture}").text
    assert "Doppler shift" in page and "Doppler effect" not in page


def test_a_correction_is_of_whole_words_and_never_a_pattern(host: Somebody, over: Agent) -> None:
    for wrong in ("wav", ".*", "(", "ight"):
        wish = {"from": wrong, "to": "X", "preview": True}
        assert review(host, over, "POST", "/correct", wish).json["lines"] == 0
    assert review(host, over, "POST", "/correct", {"from": "wave", "to": "wave"}).status_code == 422
    assert review(host, over, "POST", "/correct", {"from": " ", "to": "wave"}).status_code == 422


def test_one_line_is_corrected(host: Somebody, over: Agent) -> None:
    line = review(host, over, "GET", "/transcript").json["lines"][2]
    assert line["number"] == 3
    changed = review(host, over, "PATCH", f"/transcript/{line['id']}", {"text": "Speed is <b>not</b> force."})
    assert changed.json["text"] == "Speed is <b>not</b> force." and changed.json["number"] == 3
    assert "&lt;b&gt;not&lt;/b&gt;" in host.client.get(f"/lectures/{over.lecture}").text
    assert review(host, over, "PATCH", f"/transcript/{line['id']}", {"text": "\u202e"}).status_code == 422
    assert review(host, over, "PATCH", "/transcript/nothing-here", {"text": "x"}).status_code == 404


def test_the_transcript_comes_page_by_page_with_its_numbers(host: Somebody, over: Agent) -> None:
    first = review(host, over, "GET", "/transcript?limit=4").json
    second = review(host, over, "GET", f"/transcript?limit=4&after={first['next']}").json
    numbers = [line["number"] for line in [*first["lines"], *second["lines"]]]
    assert numbers == list(range(1, len(TALK) + 1)) and second.get("next") is None
    assert review(host, over, "GET", "/transcript?after=nonsense").status_code == 422


def test_a_model_that_nobody_has_named_is_refused(host: Somebody, over: Agent) -> None:
    assert review(host, over, "POST", "/review/again", {"model": "gpt-of-mine"}).status_code == 422


# --- people's data --------------------------------------------------------------------


def test_deleting_a_person_takes_their_name_from_the_transcript_and_the_summary(
    host: Somebody, over: Agent, in_lecture: Any, owner: int, work: Any
) -> None:
    version = review(host, over).json["version"]
    told = {"overview": [{"text": "Ada Lovelace spoke about waves.", "cites": [1]}]}
    review(host, over, "PUT", "/review", {"version": version, "summary": told})

    def forget(lecture: Lecture) -> None:
        erasing.erase(Person(user_id=owner))
        db.session.query(Participant).filter_by(lecture_id=lecture.id).update({"name": "Deleted person"})
        db.session.commit()

    in_lecture(forget)
    work()
    found = review(host, over).json
    assert found["summary"]["overview"][0]["text"] == "Deleted person spoke about waves."
    lines = review(host, over, "GET", "/transcript").json["lines"]
    assert {line["name"] for line in lines} == {"Deleted person"} and lines[0]["text"] == TALK[0]


class TestLinesGoToo:
    @pytest.fixture
    def assistant_settings(self) -> dict[str, Any]:
        return {"erase_lines": True}

    def test_where_the_institution_says_so_what_they_said_is_gone_from_files_too(
        self, host: Somebody, over: Agent, in_lecture: Any, owner: int, work: Any, tmp_path: Any
    ) -> None:
        def forget(lecture: Lecture) -> None:
            erasing.erase(Person(user_id=owner))
            artifact = db.session.get_one(LectureArtifact, lecture.id)
            artifact.summary = None
            db.session.commit()

        in_lecture(forget)
        work()
        assert all(line["text"] == "" for line in review(host, over, "GET", "/transcript").json["lines"])
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or b"wavelength" not in path.read_bytes()


# --- terms ----------------------------------------------------------------------------


def test_terms_come_from_the_room_first_then_from_what_was_shared() -> None:
    texts = ["The theorem of Kolmogorov and the SVD. Today we see Kolmogorov again.", "An eigenValue of H2O"]
    assert glossary.choose("  Audimax \n\nEmmy  Noether\n", texts) == [
        "Audimax",
        "Emmy Noether",
        "Kolmogorov",
        "H2O",
        "SVD",
        "eigenValue",
    ]


def test_the_agent_gets_the_rooms_terms(host: Somebody, agent: Agent, in_lecture: Any) -> None:
    host.set(glossary="Fourier\nKolmogorov")
    in_lecture(glossary.collect)
    assert agent.report()["speech"]["terms"] == ["Fourier", "Kolmogorov"]


def test_words_of_shared_slides_become_terms(host: Somebody, agent: Agent, in_lecture: Any) -> None:
    from core.api import files

    def share(lecture: Lecture) -> None:
        files.keep(lecture, "files", name="Hilbert_spaces.txt", mime="text/plain",
                   body=b"All about the Gram-Schmidt process and about Hilbert himself.")  # fmt: skip
        db.session.commit()
        glossary.collect(lecture)

    in_lecture(share)
    assert agent.report()["speech"]["terms"] == ["Gram-Schmidt", "Hilbert"]


def test_states_are_named_as_pages_know_them() -> None:
    assert [state.value for state in State] == [
        "waiting", "transcribing", "summarizing", "done", "failed", "none",
    ]  # fmt: skip


# --- passages that were cut out of the lecture --------------------------------------------


def _cut(lecture: Lecture, *passages: tuple[float, float]) -> None:
    from core.lectures.cutting import cut

    cut(lecture, passages)
    db.session.commit()


def test_what_was_cut_out_is_in_no_part_of_the_transcript(
    host: Somebody, over: Agent, in_lecture: Any, work: Any
) -> None:
    gone, stays = "carries energy", "frequency times its wavelength"
    in_lecture(lambda lecture: _cut(lecture, (58.0, 70.0)))
    work()
    page = host.client.get(f"/lectures/{over.lecture}").text
    assert gone not in page and stays in page
    rows = review(host, over, path="/transcript").json["lines"]
    assert [row["number"] for row in rows] == [1, 3, 4, 5, 6]
    assert all(gone not in row["text"] for row in rows)

    def contents(lecture: Lecture) -> list[str]:
        from core.api import StoredFile

        artifact = db.session.get_one(LectureArtifact, lecture.id)
        keys = (artifact.lines_file_id, artifact.subtitles_file_id)
        return [db.session.get_one(StoredFile, key).public_id for key in keys]

    for kept in in_lecture(contents):
        text = host.client.get(f"/files/{kept}").text
        assert gone not in text and stays in text
    corrected = review(host, over, "POST", "/correct", {"from": "energy", "to": "power", "preview": True})
    assert (corrected.json["lines"], corrected.json["samples"]) == (0, [])
    key = in_lecture(lambda lecture: _keys(lecture)[1])
    assert review(host, over, "PATCH", f"/transcript/{key}", {"text": "again"}).status_code == 404

    in_lecture(_cut)
    work()
    assert gone in host.client.get(f"/lectures/{over.lecture}").text
    assert [row["number"] for row in review(host, over, path="/transcript").json["lines"]] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]


def _keys(lecture: Lecture) -> list[str]:
    from plugins.ai_assistant import transcript

    return [row.key for row in db.session.execute(transcript.lines(lecture))]


def test_the_summary_says_nothing_that_rests_on_it(
    host: Somebody, over: Agent, in_lecture: Any, work: Any
) -> None:
    def summary(lecture: Lecture) -> None:
        artifact = db.session.get_one(LectureArtifact, lecture.id)
        artifact.summary = {
            "overview": [{"text": "Waves carry energy.", "cites": [2]}, {"text": "Stars move.", "cites": [5]}],
            "topics": [{"title": "Energy", "at": 60.0, "text": []},
                       {"title": "Stars", "at": 240.0, "text": [{"text": "Both.", "cites": [2, 5]}]}],
            "actions": [{"what": "Read on energy", "cites": [2]}],
            "questions": [{"question": "Why?", "answer": "So.", "cites": [6]}],
        }  # fmt: skip
        db.session.commit()

    in_lecture(summary)
    in_lecture(lambda lecture: _cut(lecture, (58.0, 70.0)))
    work()
    page = host.client.get(f"/lectures/{over.lecture}").text
    assert "Stars move." in page and "Why?" in page
    assert not [words for words in ("Waves carry energy.", "Read on energy", "Both.") if words in page]
    shown = review(host, over).json["summary"]
    assert [one["title"] for one in shown["topics"]] == ["Stars"] and shown["actions"] == []


def test_what_is_cut_for_good_is_deleted_and_numbers_stay(
    host: Somebody, over: Agent, in_lecture: Any, work: Any
) -> None:
    from core.lectures.cutting import make_cuts_final

    def for_good(lecture: Lecture) -> None:
        _cut(lecture, (58.0, 70.0))
        make_cuts_final(lecture)
        db.session.commit()

    in_lecture(for_good)
    work()

    def rows(lecture: Lecture) -> Any:
        from plugins.ai_assistant import transcript

        return [(row.text, row.name) for row in db.session.execute(transcript.lines(lecture))]

    found = in_lecture(rows)
    assert found[1] == ("", "") and found[0][0] == TALK[0] and len(found) == len(TALK)
    assert [row["number"] for row in review(host, over, path="/transcript").json["lines"]] == [1, 3, 4, 5, 6]
