"""The assistant on the real server, with real voices: captions while people speak, the lecture page afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import hall
from tests.browser.conftest import arrive
from tests.browser.hall import Host
from tests.browser.speaking import (
    QUESTION,
    SAID,
    SENTENCES,
    TALK,
    agent_is_there,
    chose_original_sound,
    open_transcript,
    room_with_captions,
    until_said,
    uses_original_sound,
)
from tests.browser.test_looks import look
from tests.browser.test_search import look_until_found
from tests.fixtures.browser import Person, axe, until
from tests.fixtures.product import Product
from tests.plugins.ai_assistant.agent.voices import word_errors

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA = "Ada Lovelace"


def test_a_lecture_is_written_along_and_summed_up(
    product: Product, host: Host, host_cookies: Any, visitor: Callable[..., Person], voices: Any
) -> None:
    room = room_with_captions(host, "Binary search trees")
    lecture = host.start(room)
    ada = visitor()
    ada.page.goto(room.link)
    expect(ada.page.get_by_role("list", name="Good to know")).to_contain_text("a program writes along")
    look(ada.page, "captions-prejoin")
    hall.enter(ada.page, room.link, ADA, silent=True)
    expect(ada.page.get_by_role("button", name="Live captions, and the transcript is kept")).to_be_visible()
    agent_is_there(ada.page)

    emmy = Host(chose_original_sound(arrive(voices("emmy", TALK))), product)
    emmy.person.context.add_cookies(host_cookies)
    hall.enter(emmy.page, room.link)
    assert uses_original_sound(emmy.page)
    overlay = ada.page.locator(".captions-turn").last
    expect(overlay).to_contain_text(re.compile("welcome", re.I), timeout=60_000)
    expect(overlay).to_contain_text(hall.NAME)
    hall.shot(ada.page, "captions-live")

    open_transcript(ada.page)
    until_said(ada.page, "stars")
    look(ada.page, "captions-panel")
    until_said(ada.page, "chapter")
    late = visitor()
    hall.enter(late.page, room.link, "Kay Late", silent=True)
    open_transcript(late.page)
    until(
        late.page, "document.querySelectorAll('.transcript-text [data-final=true]').length > 4", "all lines"
    )
    errors = word_errors(TALK, late.page.evaluate(SAID))
    print(f"\nword errors {errors:.1%}")
    # One in forty on a quiet machine; a busy one loses sound on the way. What the model itself understands is
    # tested without a network, in test_segments.
    assert errors < 0.2, late.page.evaluate(SAID)

    emmy.end(room)
    ended = time.monotonic()
    page = host.page
    page.goto(f"{product.url}/lectures/{lecture}")
    expect(page.locator("#ai_assistant-transcript")).to_contain_text("universe")
    print(f"transcript on the page after {time.monotonic() - ended:.1f} s")
    # It comes by itself: nobody loads the page again.
    expect(page.get_by_role("heading", name="Draft without a language model")).to_be_visible()
    print(f"draft on the page after {time.monotonic() - ended:.1f} s")
    expect(page.locator("#ai_assistant-transcript-files")).to_contain_text("transcript.vtt")
    look(page, "captions-lecture-page")
    page.get_by_role("link", name="Review and edit").first.click()
    expect(page.get_by_role("heading", name="Summary and transcript")).to_be_visible()
    lines = page.get_by_role("region", name="Transcript").get_by_text(re.compile("universe"))
    expect(lines.first).to_be_visible()
    look(page, "captions-review")
    # What was said is found, in all lectures and on its page, and leads to its line.
    look_until_found(page, product.url, "universe")
    page.locator(".hit", has=page.locator(".timeline-at")).filter(has_text="universe").first.click()
    page.wait_for_url(re.compile(f"/lectures/{lecture}\\?find=universe.*#t="))
    expect(page.locator("#ai_assistant-transcript mark.is-current")).to_have_text("universe")
    expect(page.locator("#ai_assistant-transcript .is-here")).to_contain_text("universe")
    emmy.person.context.close()


def test_two_who_speak_at_once_keep_apart_and_mute_ends_the_listening(
    product: Product, host: Host, host_cookies: Any, visitor: Callable[..., Person], voices: Any
) -> None:
    room = room_with_captions(host, "Two voices")
    host.start(room)
    watcher = visitor()
    hall.enter(watcher.page, room.link, "Watcher", silent=True)
    agent_is_there(watcher.page)
    open_transcript(watcher.page)
    # Again and again: on a busy machine the first time may be over before they are in.
    words = " ".join(SENTENCES[1:5])
    emmy = chose_original_sound(arrive(voices("emmy2", words, lead=4, once=False)))
    emmy.context.add_cookies(host_cookies)
    ada = chose_original_sound(arrive(voices("ada", QUESTION, voice="en-us+m3", lead=2, once=False)))
    hall.enter(ada.page, room.link, ADA)
    hall.enter(emmy.page, room.link)
    until_said(watcher.page, "question")
    until_said(watcher.page, "another")
    by_name = watcher.page.evaluate(
        "Object.groupBy([...document.querySelectorAll('.transcript-turn')].map(t => "
        "[t.querySelector('b').innerText, t.querySelector('.transcript-text').innerText]), ([name]) => name)"
    )
    assert set(by_name) == {ADA, hall.NAME}
    assert not re.search("stars|energy", str(by_name[ADA]), re.I)
    assert not re.search("excuse|question", str(by_name[hall.NAME]), re.I)
    assert axe(watcher.page) == []
    for person in (emmy, ada):
        person.context.close()
