"""A lecture with everything that is nobody's business, at real programs that log all they can: none of it is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import requests
from flask import Flask

from core.db import db, now
from core.engine.agent_keys import agent_key
from core.http.views import find_lecture
from core.lectures.models import LectureShare
from core.people.guests import COOKIE
from core.people.passwords import hash_password
from tests.fixtures.livekit import MediaServer, until
from tests.fixtures.product import ROOT, free_ports
from tests.fixtures.workers import ORIGIN, SECONDS, Workers, environment

PLUGINS = ("ai_assistant", "chat", "pin")
PASSWORD, WRONG_PASSWORD, NEW_PASSWORD = (
    "Pelargonium-7-Zaunkoenig",
    "Falsches-Wort-9-Ulme",
    "Neues-Wort-3-Linde",
)
WRONG_PIN = "000917"
CHAT, SPOKEN = "Quittengelee schmeckt nach Herbst", "Drehimpulserhaltung im Kreisel"
MAIL = "hildegard.bingen@uni.example"
NAME = "Rosalind Feuerstein"
API_KEY = "deepgram-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
METRICS_TOKEN = "prometheus-0123456789-0123456789-0123456789"


class Programs:
    """Two web workers, the gate and, when it is called, the job worker; all that they write."""

    def __init__(self, settings: dict[str, Any], folder: Path, form: str) -> None:
        self.folder = folder
        (gate,) = free_ports(1)
        self.gate = f"http://127.0.0.1:{gate}"
        self.more = {
            "AUDIMAX_LOG_LEVEL": "debug",
            "AUDIMAX_LOG_FORMAT": form,
            "AUDIMAX_METRICS_TOKEN": METRICS_TOKEN,
            "AUDIMAX_PLUGINS__AI_ASSISTANT__DEEPGRAM_KEY": API_KEY,
            "AUDIMAX_GATE_PORT": str(gate),
        }
        self.settings = settings
        self.web = Workers(settings, folder, **self.more)
        self.gate_process = self._start("gate", "-m", "core.livekit.gateway")
        until(self._gate_answers, what="the gate answers")

    def work(self) -> None:
        """Do all jobs."""
        self._start("jobs", "-m", "core.cli", "jobs", "--until-empty").wait(SECONDS * 3)

    def stop(self) -> None:
        self.gate_process.terminate()
        self.gate_process.wait(SECONDS)
        self.web.stop()

    @property
    def written(self) -> dict[str, str]:
        return {path.stem: path.read_text("utf-8") for path in self.folder.glob("*.log")}

    def _start(self, name: str, *argv: str) -> subprocess.Popen[bytes]:
        asks = f"http://127.0.0.1:{self.web.port}/api/internal/livekit/connect"
        variables = {**environment(self.settings), **self.more, "AUDIMAX_GATE_ASKS": asks}
        with (self.folder / f"{name}.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, *argv], cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT
            )

    def _gate_answers(self) -> bool:
        assert self.gate_process.poll() is None, self.written["gate"]
        try:
            return requests.get(self.gate, timeout=SECONDS).status_code == 404
        except requests.ConnectionError:
            return False


class Person:
    """A browser at the workers."""

    def __init__(self, programs: Programs) -> None:
        self.programs = programs
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, *statuses: int, **more: Any) -> Any:
        made = self.programs.web.ask(method, path, cookies=self.cookies, allow_redirects=False, **more)
        self.cookies.update(made.cookies.get_dict())
        assert made.status_code in statuses, f"{method} {path}: {made.status_code} {made.text[:500]}"
        return made


@pytest.fixture(params=["json", "text"])
def programs(
    request: pytest.FixtureRequest, livekit_server: MediaServer, settings: dict[str, Any], tmp_path: Path
) -> Iterator[Programs]:
    settings |= {"instance_dir": str(tmp_path), "enabled_plugins": list(PLUGINS)}
    # The tables of the plugins are there before the programs are.
    request.getfixturevalue("app")
    made = Programs(settings, tmp_path, request.param)
    yield made
    made.stop()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(*PLUGINS)


@pytest.fixture
def room(app: Flask, make_user: Any, make_room: Any) -> tuple[str, str]:
    """The public id and the code of Hildegard's room."""
    owner = make_user(MAIL, name="Hildegard", password_hash=hash_password(PASSWORD))
    _key, public_id, code = make_room(owner)
    return public_id, code


def test_no_program_writes_down_what_is_nobodys_business(
    programs: Programs, app: Flask, room: tuple[str, str]
) -> None:
    secrets = {
        "password": PASSWORD,
        "a wrong password": WRONG_PASSWORD,
        "the next password": NEW_PASSWORD,
        "a wrong PIN": WRONG_PIN,
        "chat": CHAT,
        "spoken words": SPOKEN,
        "address": MAIL,
        "a guest's name": NAME,
        "key of a service": API_KEY,
        "token of figures": METRICS_TOKEN,
        "secret_key": programs.settings["secret_key"],
        "livekit_secret": programs.settings["livekit_secret"],
        "code": room[1],
    }
    _live(programs, app, room, secrets)
    _forget_the_password(programs, secrets)
    programs.work()
    written = programs.written
    assert set(written) == {"gunicorn", "gate", "jobs"}
    for program, text in written.items():
        for what, secret in secrets.items():
            # As it is, as addresses have it, and as JSON has it.
            for form in {secret, quote(secret), json.dumps(secret)[1:-1]}:
                assert form not in text, f"{program} wrote down: {what}"
    _is_a_log(programs, written["gunicorn"])
    assert "core:mail_reset_link" in written["jobs"]


def _live(programs: Programs, app: Flask, room: tuple[str, str], secrets: dict[str, str]) -> None:
    host, guest = Person(programs), Person(programs)
    public_id, code = room
    host.ask("POST", "/sign-in", 422, data={"email": MAIL, "password": WRONG_PASSWORD})
    host.ask("POST", "/sign-in", 303, data={"email": MAIL, "password": PASSWORD})
    secrets["a host's session"] = next(value for name, value in host.cookies.items() if name == "audimax")
    here = f"/api/rooms/{public_id}"
    host.ask("PATCH", here, 200, json={"plugins": {name: {"enabled": True} for name in PLUGINS}})
    secrets["PIN"] = pin = host.ask("POST", f"{here}/pin/make", 200, json={}).json()["pin"]
    lecture = host.ask("POST", f"{here}/start", 200, json={}).json()["lecture_id"]
    guest.ask("GET", f"/r/{code}", 200)
    guest.ask("GET", f"/api/rooms/by-code/{code}", 200)
    asked = guest.ask("POST", f"{here}/join", 200, json={"name": NAME, "code": code}).json()
    assert asked["status"] == "asked"

    def answered(given: str) -> dict[str, Any]:
        return {"name": NAME, "answer": {"field": asked["field"], "value": given}}

    guest.ask("POST", f"{here}/join", 200, 403, json=answered(WRONG_PIN))
    inside = guest.ask("POST", f"{here}/join", 200, json=answered(pin)).json()
    assert inside["status"] == "admitted", inside
    secrets["a guest's cookie"] = guest.cookies[COOKIE]
    secrets["LiveKit's token"] = inside["token"]
    _connect(programs, inside["token"])
    guest.ask("POST", f"{here}/chat/messages", 201, json={"client_id": str(uuid4()), "text": CHAT})
    guest.ask("POST", f"{here}/chat/messages", 422, json={"client_id": 7, "text": CHAT})
    _speak(host, app, lecture, inside["identity"], secrets)
    host.ask("GET", "/search", 200, params={"q": CHAT})
    host.ask("GET", "/metrics", 200, headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    host.ask("POST", f"{here}/end", 200, json={})
    _share(host, guest, app, lecture, secrets)


def _connect(programs: Programs, token: str) -> None:
    """The gate, with a token that is right, one that is wrong, and on a path that isn't there."""
    for path in ("/rtc/validate", "/rtc/v1/validate", "/nowhere"):
        for given in (token, f"{token}x"):
            headers = {"Origin": ORIGIN}
            requests.get(
                programs.gate + path, params={"access_token": given}, headers=headers, timeout=SECONDS
            )


def _speak(host: Person, app: Flask, lecture: str, identity: str, secrets: dict[str, str]) -> None:
    with app.app_context():
        secrets["the agent's key"] = key = agent_key(find_lecture(lecture))
        moment = now().timestamp()
    said = {"id": "run-number-one-0001", "identity": identity, "started_at": moment - 1, "ended_at": moment - 0.5,
            "text": SPOKEN}  # fmt: skip
    body = {"run": "run-number-one", "status": {"state": "listening"}, "segments": [said]}
    address = f"/api/internal/lectures/{lecture}/ai_assistant/report"
    for given, status in ((key, 200), (f"{key}x", 403)):
        headers = {"Authorization": f"Bearer {given}"}
        host.ask("POST", address, status, 401, json=body, headers=headers)
    wrong = {**body, "segments": [{**said, "started_at": SPOKEN}]}
    host.ask("POST", address, 422, json=wrong, headers={"Authorization": f"Bearer {key}"})


def _share(host: Person, guest: Person, app: Flask, lecture: str, secrets: dict[str, str]) -> None:
    host.ask("POST", f"/lectures/{lecture}/share", 303, data={"label": "Gruppe", "lasts": "month"})
    with app.app_context():
        secrets["a link that was shared"] = token = db.session.query(LectureShare).one().token
    guest.ask("GET", f"/shared/{token}", 302)
    # Misspelt it leads nowhere, and still is a secret.
    guest.ask("GET", f"/shared/{token}/", 404)
    guest.ask("GET", f"/share/{token}", 404)


def _forget_the_password(programs: Programs, secrets: dict[str, str]) -> None:
    person = Person(programs)
    person.ask("POST", "/reset", 200, 303, data={"email": MAIL})
    programs.work()
    mails = "".join(path.read_text("utf-8") for path in (programs.folder / "mail").glob("*"))
    found = re.search(r"/reset/([\w=\n-]+)", mails)
    assert found, mails
    secrets["a link of a mail"] = token = found[1].replace("=\n", "").split("\n")[0]
    person.ask("GET", f"/reset/{token}", 200)
    person.ask("GET", f"/reset/{token}/", 404)
    person.ask("GET", f"/reset/{token[:-3]}", 404, 410)
    person.ask("POST", f"/reset/{token}", 303, data={"password": NEW_PASSWORD})


def _is_a_log(programs: Programs, text: str) -> None:
    """Else nothing would be found in it either."""
    assert "/shared/…" in text or "/shared/\\u2026" in text
    for part in (
        "/chat/messages",
        "/ai_assistant/report",
        "/sign-in",
        "/api/internal/livekit/connect",
        "/search",
    ):
        assert part in text
    if programs.more["AUDIMAX_LOG_FORMAT"] == "json":
        lines = [json.loads(line) for line in text.splitlines()]
        assert all(line["time"] and line["level"] and line["message"] for line in lines)
        assert len({line["request_id"] for line in lines if "path" in line}) > 20
