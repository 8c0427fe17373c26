"""A lecture with chat, captions, files and a guarded door, and what shows that it goes on."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import requests

from bench.drill.deployment import Deployment
from bench.drill.people import Inside, Journal, Numbers, Sharer, Visitor, Waiter, pace
from bench.product import Host
from tests.fixtures.livekit import until

LINE_SECONDS, FILE_SECONDS = 1.0, 15.0
# Pieces of sound.
HEARD = 4
PATIENCE = 300.0
FOUND_SECONDS = 120.0
ADMITTED = "SELECT name FROM participant WHERE name LIKE 'Guest %'"
Probe = Callable[[float], bool]


def _host_of(at: Deployment) -> Host:
    """The one host there is: the link to set up serves once."""
    at.host = at.host or Host(at)
    return at.host


class Lecture:
    """Two people inside who speak and write, one who shares files, and whoever comes to the door."""

    def __init__(self, at: Deployment) -> None:
        self.at = at
        self.lines, self.captions, self.files, self.decisions = (Journal() for _ in range(4))
        self.numbers = Numbers(100)
        self.host = _host_of(at)
        self.past = self._past_lecture()
        self.room, self.door = self.host.new_room(), self.host.new_room()
        assistant = {"captions": "on", "keep": "on", "readers": "everyone"}
        sharing = {"who_shares": "everyone"}
        self._set(self.room, ai_assistant=assistant, files=sharing)
        self._set(self.door, lobby={"who_waits": "everyone"})
        for room in (self.room, self.door):
            self.host.post(f"/api/rooms/{room}/start")
        self.ada = Inside(at.url, self.room, 1, self.lines, Journal(), self.captions)
        self.kay = Inside(at.url, self.room, 2, Journal(), self.lines, self.captions)
        self.sharer = Sharer(at.url, self.room, 3, self.files)
        self._over = threading.Event()
        self._paces = [
            pace(LINE_SECONDS, self._write, self._over),
            pace(FILE_SECONDS, lambda n: self.sharer.share(f"notes-{n}.txt"), self._over),
        ]

    def _write(self, number: int) -> None:
        """People don't go on writing while a line of theirs is still on its way."""
        if not self.ada.is_behind:
            self.ada.write(f"line {number} of the lecture")

    def _set(self, room: str, **plugins: dict[str, Any]) -> None:
        wanted = {name: {"enabled": True, "settings": values} for name, values in plugins.items()}
        self.host.patch(f"/api/rooms/{room}", {"plugins": wanted})

    def _past_lecture(self) -> str:
        """One that is over, to be exported."""
        room = self.host.new_room()
        lecture = str(self.host.post(f"/api/rooms/{room}/start")["lecture_id"])
        assert Visitor(self.at.url, room, self.numbers()).join(), "somebody took part"
        self.host.post(f"/api/rooms/{room}/end")
        return lecture

    # --- what shows that it goes on ---------------------------------------------------

    def chat(self, since: float) -> bool:
        """A line that is written now is acknowledged, and seen by another."""
        text = f"probe {self.numbers()}"
        self.ada.write(text)
        return _until(lambda: self.lines.is_through(text))

    def captions_go_on(self, since: float) -> bool:
        """A line of the captions is seen that stands for good."""
        return _until(lambda: self.captions.seen_since(since))

    def media(self, since: float) -> bool:
        """Both hear each other."""
        before = [one.heard() for one in (self.ada, self.kay)]
        return _until(
            lambda: all(one.heard() >= n + HEARD for one, n in zip((self.ada, self.kay), before, strict=True))
        )

    def door_opens(self, since: float) -> bool:
        """Somebody comes to the door, is let in, and learns of it."""
        waiter = self.waiter()
        self.let_in(waiter)
        return self.until_in(waiter)

    def sign_in(self, since: float) -> bool:
        """A host signs in anew."""
        visitor = Visitor(self.at.url, self.room, self.numbers())
        form = {"email": self.host.email, "password": self.host.password}
        return _until(lambda: visitor.try_to("POST", f"{self.at.url}/sign-in", data=form) is not None, 1.0)

    def export(self, since: float) -> bool:
        """A job is worked off: a past lecture is exported."""
        page = f"{self.at.url}/lectures/{self.past}/exports"
        form = {"exporter": "json", "section": ["participants"]}
        before = self._exports(page)
        asked = _until(lambda: self._asked(page, form), 1.0)
        return asked and _until(lambda: self._exports(page) > before, 0.1)

    def forget_exports(self) -> bool:
        """Remove every export that is over."""
        page = f"{self.at.url}/lectures/{self.past}/exports"
        for address in re.findall(r'action="(\S+/remove)"', self.host.http.get(page, timeout=15).text):
            self.host.http.post(self.at.url + address, timeout=15).raise_for_status()
        return True

    def _asked(self, page: str, form: dict[str, Any]) -> bool:
        try:
            return self.host.http.post(page, data=form, timeout=15).ok
        except requests.RequestException:
            return False

    def _exports(self, page: str) -> int:
        try:
            return self.host.http.get(page, headers={"HX-Request": "true"}, timeout=15).text.count('/file"')
        except requests.RequestException:
            return 0

    # --- the door ---------------------------------------------------------------------

    def waiter(self) -> Waiter:
        """Somebody who has come to the door and waits."""
        made = Waiter(self.at.url, self.door, self.numbers())
        assert _until(made.wait, 1.0), f"{made.name} waits"
        return made

    def let_in(self, waiter: Waiter) -> None:
        """The host decides, again until it is acknowledged."""
        Journal.note(self.decisions.sent, waiter.name)
        assert _until(lambda: self._decided(waiter), 1.0), f"{waiter.name} is let in"
        Journal.note(self.decisions.acknowledged, waiter.name)

    def until_in(self, waiter: Waiter) -> bool:
        """Whether the guest has learnt of it."""
        if came := _until(lambda: waiter.is_in):
            Journal.note(self.decisions.seen, waiter.name)
        return came

    def _decided(self, waiter: Waiter) -> bool:
        try:
            people = self.host.get(f"/api/rooms/{self.door}/lobby/state")["people"]
            ids = [one["id"] for one in people if one["name"] == waiter.name]
            if ids:
                self.host.post(f"/api/rooms/{self.door}/lobby/decide", {"ids": ids, "verdict": "admit"})
            # Whose decision came through, though its answer didn't, stands in line no more.
            return True
        except requests.RequestException:
            return False

    # --- what is left of it -----------------------------------------------------------

    def stop(self) -> None:
        """Nobody writes or shares any more; what is on its way comes through."""
        self._over.set()
        for one in self._paces:
            one.join(PATIENCE)
        until(lambda: set(self.lines.sent) == set(self.lines.acknowledged), PATIENCE, "every line is through")

    def leave(self) -> None:
        for one in (self.ada, self.kay):
            one.leave()

    def lost(self) -> dict[str, list[str]]:
        """By kind: what was acknowledged, or shown as captions, and can't be found."""
        return {
            "chat": _missing(self.lines.acknowledged, self._lines_found),
            "captions": _missing(self.captions.seen, self._captions_found),
            "files": _missing(self.files.acknowledged, self._files_found),
            "decisions": _missing(self.decisions.acknowledged, self._decisions_found),
        }

    def doubled(self) -> list[str]:
        """Lines that stand there twice."""
        found = list(self._texts())
        return sorted({text for text in found if found.count(text) > 1})

    def _lines_found(self) -> set[str]:
        return set(self._texts())

    def _texts(self) -> list[str]:
        found: list[str] = []
        after = 1
        while after:
            page = self.kay.insist("GET", f"/chat/messages?after={after}&limit=200").json()
            found += [one["text"] for one in page["messages"]]
            after = page["messages"][-1]["at"] if page["more"] else 0
        return found

    def _captions_found(self) -> set[str]:
        found: set[str] = set()
        before: str | None = ""
        while before is not None:
            page = self.kay.insist("GET", f"/ai_assistant/lines?limit=200&before={before}").json()
            found |= {one["id"] for one in page["lines"]}
            before = page.get("next")
        return found

    def _files_found(self) -> set[str]:
        shares = self.kay.insist("GET", "/files/shares").json()["shares"]
        return {one["file"]["name"] for one in shares if one.get("url") and self._is_whole(one)}

    def _is_whole(self, share: dict[str, Any]) -> bool:
        url = share["url"] if share["url"].startswith("http") else self.at.url + share["url"]
        answer = self.kay.try_to("GET", url)
        return answer is not None and answer.content == self.sharer.bytes[share["file"]["name"]]

    def _decisions_found(self) -> set[str]:
        return {str(name) for (name,) in self.at.database.ask(ADMITTED)}


def _until(is_so: Callable[[], bool], pause: float = 0.02) -> bool:
    """Whether it has become true within the patience that people have."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def _missing(wanted: dict[str, float], found: Callable[[], set[str]]) -> list[str]:
    """What isn't found; what is handed over afterwards has a while for it."""
    end = time.monotonic() + FOUND_SECONDS
    while missing := set(wanted) - found():
        if time.monotonic() > end:
            break
        time.sleep(1)
    return sorted(missing)
