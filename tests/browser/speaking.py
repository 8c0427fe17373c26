"""People who speak in a browser, and what others read of it."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, Playwright

from tests.browser.hall import Host, Room
from tests.fixtures.browser import Person, launch, small_camera, until
from tests.plugins.ai_assistant.agent.voices import RATE, silence, spoken

# Words that the small model knows through a browser's noise suppression as well.
SENTENCES = (
    "Good morning everybody, and welcome to the lecture.",
    "Today we want to talk about the light of the stars.",
    "A wave carries energy from one place to another place.",
    "The speed of light is always the same.",
    "When a star moves away from us, its light becomes red.",
    "With this light we can measure how fast the stars are moving.",
    "Next week we will talk about the history of the universe.",
    "Please read the first chapter of the book before then.",
)
TALK = " ".join(SENTENCES)
QUESTION = "Excuse me, I have a question. What happens with the tree when we delete a key?"
# Until the first word the agent has time to come.
LEAD = 8.0
SPOKEN = 120.0
SAID = "[...document.querySelectorAll('.transcript-text')].map(p => p.innerText).join(' ')"


def record(folder: Path, name: str, text: str, voice: str, lead: float) -> Path:
    """A file that a browser plays as its microphone."""
    sound = np.concatenate([silence(lead), spoken(text, voice), silence(3.0)])
    path = folder / f"{name}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.tobytes())
    return path


def browser_that_says(
    playwright: Playwright,
    folder: Path,
    name: str,
    text: str,
    voice: str = "en-us+f2",
    lead: float = LEAD,
    once: bool = True,
) -> Browser:
    """A browser whose microphone says that, once or again and again."""
    sound = record(folder, name, text, voice, lead)
    extra = f"--use-file-for-fake-audio-capture={sound}{'%noloop' if once else ''}"
    return launch(playwright, small_camera(), extra)


def room_with_captions(host: Host, title: str, **settings: Any) -> Room:
    room = host.make_room(title)
    wanted = {"captions": "on", "keep": "on", "readers": "everyone", **settings}
    plugins = {"ai_assistant": {"enabled": True, "settings": wanted}}
    habits = {"microphone_on_entry": True, "camera_on_entry": False, "participants_read": True}
    answer = host.ask("PATCH", f"/api/rooms/{room.id}", plugins=plugins, settings=habits)
    assert answer.ok, answer.text()
    return room


def uses_original_sound(page: Page) -> bool:
    """Whether it is on, in the menu where people look for it."""
    page.get_by_role("button", name="Choose microphone and speaker").click()
    on = page.get_by_role("checkbox", name="Original sound").is_checked()
    page.keyboard.press("Escape")
    return on


def chose_original_sound(person: Person) -> Person:
    """As somebody who chose it last time: also their first word is as it was said."""
    person.context.add_init_script(
        "localStorage.setItem('audimax:devices', "
        "JSON.stringify({microphone: true, camera: false, originalSound: true}))"
    )
    return person


def open_transcript(page: Page) -> None:
    page.get_by_role("button", name="Captions and transcript").click()
    page.locator(".transcript").wait_for()


def until_said(page: Page, words: str, deadline: float = SPOKEN) -> None:
    """Until a line with these words stands in the panel for good."""
    script = f"[...document.querySelectorAll('.transcript-text [data-final=true]')].some(s => /{words}/i.test(s.innerText))"
    try:
        until(page, script, f"{words!r} was written", deadline)
    except AssertionError as error:
        raise AssertionError(
            f"{error}; the panel says: {page.locator('.transcript').inner_text()}"
        ) from error


def agent_is_there(page: Page) -> None:
    until(page, "[...window.audimax.room.remoteParticipants.values()].some(p => p.isAgent)", "the agent", 60)
