"""Every process killed in turn while somebody speaks: each line that was shown is in the transcript, once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import hall
from tests.browser.conftest import arrive
from tests.browser.hall import Host
from tests.browser.speaking import (
    TALK,
    agent_is_there,
    chose_original_sound,
    open_transcript,
    room_with_captions,
)
from tests.fixtures.browser import until
from tests.fixtures.product import Product
from tests.fixtures.s3 import S3Server

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA, KAY = "Ada Lovelace", "Kay Long"
RECOVERED = 240.0
# Whoever read a line for good has read it: what goes away later counts too. `innerText` is empty for what the
# browser doesn't draw at the moment.
REMEMBER = """() => {
  window.shown = {};
  const look = () => {
    for (const one of document.querySelectorAll('.transcript-text [data-final=true]'))
      shown[one.id.replace('said-', '')] = one.textContent.trim();
  };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, attributes: true});
  look();
}"""
OPEN_AGAIN = """() => [...document.querySelectorAll('button[aria-expanded=false]')]
  .find(one => one.textContent.includes('Captions and transcript'))?.click()"""
KILLED = {
    "agent": ("plugins.ai_assistant.agent",),
    "web": ("gunicorn",),
    "postgres": ("postgres", "-D"),
    "livekit": ("livekit.yaml",),
}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, storage: S3Server) -> Iterator[Product]:
    """A product of this file's own: others shall not meet its dead."""
    folder = tmp_path_factory.mktemp("killed")
    lines = [f"{name} = {json.dumps(value)}" for name, value in storage.settings.items()]
    head = ['file_storage = "s3"', 'enabled_plugins = ["ai_assistant", "storage_s3"]', "[plugins.storage_s3]"]
    (folder / "audimax.toml").write_text("\n".join([*head, *lines]))
    made = Product(folder / "instance", AUDIMAX_CONFIG=str(folder / "audimax.toml")).start()
    yield made
    made.stop()


def shown(page: Page) -> dict[str, str]:
    return dict(page.evaluate("shown"))


def goes_on(page: Page, what: str) -> float:
    """Until two more lines were written; the seconds that it took."""
    begun, before = time.monotonic(), len(shown(page))
    until(
        page,
        # Whoever had to join anew has every panel closed.
        f"({OPEN_AGAIN})(), Object.keys(shown).length >= {before + 2}",
        f"lines after {what} was killed",
        RECOVERED,
    )
    return time.monotonic() - begun


def kept_lines(host: Host, lecture: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        address = f"/api/lectures/{lecture}/ai_assistant/transcript?after={after}&limit=500"
        page = host.ask("GET", address).json()
        lines, after = lines + page["lines"], page.get("next")
    return lines


def test_whatever_dies_each_line_that_was_shown_is_kept_once(
    product: Product, storage: S3Server, host: Host, chromium: Browser, voices: Any
) -> None:
    room = room_with_captions(host, "Nothing is lost")
    lecture = host.start(room)
    # Their consoles may complain: what they talk to is killed.
    kay = arrive(chromium).page
    hall.enter(kay, room.link, KAY, silent=True)
    agent_is_there(kay)
    open_transcript(kay)
    kay.evaluate(REMEMBER)
    ada = chose_original_sound(arrive(voices("ada", TALK, once=False, lead=0.5)))
    hall.enter(ada.page, room.link, ADA)
    goes_on(kay, "nobody")
    for name, words in KILLED.items():
        product.kill(*words, family=name == "agent")
        took = goes_on(kay, name)
        print(f"\n{name} killed: two more lines after {took:.1f} s")

    storage.stop()
    host.end(room)
    host.page.goto(f"{product.url}/lectures/{lecture}")
    expect(host.page.locator("#ai_assistant-transcript")).to_contain_text("stars")
    expect(host.page.get_by_role("heading", name="Draft without a language model")).to_be_visible()
    assert not host.page.get_by_text("transcript.vtt").count()
    storage.start()
    expect(host.page.locator("#ai_assistant-transcript-files")).to_contain_text(
        "transcript.vtt", timeout=RECOVERED * 1000
    )

    lines = kept_lines(host, lecture)
    said = {line["id"]: line["text"] for line in lines if not line["gap"]}
    gaps = [line for line in lines if line["gap"]]
    print(f"nobody listened at {[round(line['at']) for line in gaps]} s of the lecture")
    assert len(said) + len(gaps) == len(lines), "no line twice"
    assert {key: text for key, text in shown(kay).items() if said.get(key) != text} == {}
    in_order = [(line["at"], line["text"]) for line in lines if not line["gap"]]
    # A model that hears nothing much may say "you" twice; nobody says a whole sentence twice within seconds.
    doubled = [b for a, b in pairwise(in_order) if a[1] == b[1] and len(b[1]) > 20 and b[0] - a[0] < 5]
    assert doubled == []
    # While there was no agent nobody could listen.
    assert gaps
    ada.context.close()
