"""`audimax run`: everything on one machine, started in order, kept alive, stopped without a trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from core import obstacles
from core.config import raw_settings
from core.errors import AudimaxError
from core.run.children import Child
from core.run.instance import Instance
from core.run.lan import asks_for_network
from core.run.ports import refuse_taken
from core.run.processes import end_group, raise_open_files, spawn
from core.run.topology import ROOT, Topology

START_SECONDS = 90.0
TRIM_EVERY = 60.0
# It would end lectures in which nobody is connected.
NO_COMPARISON = ("--without", "core:reconcile")
MADE_UP = "200 lectures are made up: nobody is connected, and nothing is compared with LiveKit here"


class Stopped(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


class Supervisor:
    """Starts the programs of a topology and stays until it is told to stop."""

    def __init__(self, topology: Topology, *, demo: str = "") -> None:
        self.topology = topology
        self.demo = demo
        self.accounts: list[tuple[str, str]] = []
        self.children: list[Child] = []
        self.set_up_link = ""
        # What of the certificates for the local network was made anew.
        self.certificate = ""
        self._has_moved = False
        self._leash: subprocess.Popen[bytes] | None = None
        self._asked_to_stop = 0

    def run(self) -> None:
        """Start, report, watch; returns when all is stopped again."""
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(which, self._on_signal)
        try:
            self._start()
            self._report()
            self._watch()
        except Stopped:
            say("stopping …")
        finally:
            self._asked_to_stop = max(self._asked_to_stop, 1)
            self._stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # Only a note: an exception from here could lose a program that was just being started.
        self._asked_to_stop += 1

    def _pause(self, seconds: float) -> None:
        if self._asked_to_stop:
            raise Stopped
        time.sleep(seconds)

    def _start(self) -> None:
        self._leash = _start_leash()
        if self.topology.postgres:
            self.topology.postgres.prepare()
        if self.topology.lan:
            self.certificate = self.topology.lan.prepare()
        self.topology.use_database()
        self._add(self.topology.postgres_child(), self.topology.livekit_child())
        self._await(self.children[:1] if self.topology.postgres else [])
        if self.topology.postgres:
            self.topology.postgres.create_database(self.topology.postgres.database)
        self._prepare()
        self._await(self.children)

    def _prepare(self) -> None:
        state = self.topology.schema_state()
        # Loading the app takes as long as starting it: where nothing has changed, both at once.
        early = self.topology.instance.knows(state)
        if early:
            self._add(self.topology.web_child())
        prepared = self._prepared()
        self.topology.instance.know(state)
        self.topology.remember(prepared["variables"])
        self.set_up_link = prepared["set_up_link"] or ""
        self.accounts = prepared["accounts"]
        if not early:
            self._add(self.topology.web_child())
        more = NO_COMPARISON if self.demo == "large" else ()
        self._add(*self.topology.lan_children(), self.topology.gate_child(), self.topology.jobs_child(*more))
        for wanted in prepared["processes"]:
            self._add(self.topology.plugin_child(wanted["name"], wanted["argv"], wanted["env"]))

    def _prepared(self) -> dict[str, Any]:
        with tempfile.TemporaryFile() as output:
            argv = [sys.executable, "-m", "core.run.prepare", *(["--demo", self.demo] if self.demo else [])]
            process = spawn(argv, env=self.topology.environ, output=output, cwd=ROOT)
            try:
                while process.poll() is None:
                    self._pause(0.02)
            finally:
                end_group(process.pid)
            output.seek(0)
            said = output.read().decode("utf-8", "replace").strip()
        if process.returncode:
            raise AudimaxError(said or "the database could not be prepared")
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return found

    def _add(self, *children: Child | None) -> None:
        for child in filter(None, children):
            self.children.append(child)
            self._launch(child)

    def _launch(self, child: Child) -> None:
        child.launch()
        self._tell_leash("+", child)

    def _await(self, children: list[Child]) -> None:
        """Until each has answered once; a start that fails says what the program said."""
        waiting = list(children)
        deadline = time.monotonic() + START_SECONDS
        while waiting:
            for child in list(waiting):
                if not child.is_running:
                    raise AudimaxError(f"{child.name} doesn't start; it said:\n{child.last_words(12)}")
                if child.answers():
                    waiting.remove(child)
            if waiting and time.monotonic() > deadline:
                names = ", ".join(child.name for child in waiting)
                raise AudimaxError(f"no answer after {START_SECONDS:.0f} s from {names}; see {self._logs}")
            self._pause(0.02)

    @property
    def _logs(self) -> Path:
        return self.topology.instance.logs

    def _watch(self) -> None:
        trim_at = time.monotonic() + TRIM_EVERY
        while True:
            self._pause(0.1)
            for child in self.children:
                self._look_after(child)
            if time.monotonic() > trim_at:
                trim_at = time.monotonic() + TRIM_EVERY
                for child in self.children:
                    child.trim_log()
                self._look_at_network()

    def _look_at_network(self) -> None:
        """Laptops wander, and certificates end, while the product runs."""
        lan = self.topology.lan
        if lan is None:
            return
        had_moved, self._has_moved = self._has_moved, lan.has_moved
        if self._has_moved and not had_moved:
            say(f"this machine isn't {lan.address} any more: stop, and start again for its new address")
        if lan.prepare():
            say("the certificate for the local network is a new one")
            for child in self.children:
                if child.name == "lan":
                    # gunicorn starts its worker again, which reads the file.
                    child.send_signal(signal.SIGHUP)

    def _look_after(self, child: Child) -> None:
        for line in child.complaints():
            tell(f"{child.name} │ {line}")
        group = child.group
        if said := child.died():
            self._tell_leash("-", group=group)
            say(f"{child.name} {said}")
        elif child.is_due:
            self._launch_again(child)

    def _launch_again(self, child: Child) -> None:
        """On a full disk a program may have no place for its log: the others go on, it is tried again."""
        try:
            self._launch(child)
        except OSError as error:
            child.postpone()
            say(f"{child.name} can't be started: {obstacles.worded(error) or error}")
        else:
            say(f"{child.name} was started again")

    def _report(self) -> None:
        instance, postgres = self.topology.instance, self.topology.postgres
        data = str(instance.folder)
        if postgres and postgres.data_dir.parent != instance.folder:
            data += f", database in {postgres.data_dir}"
        rows = [("Audimax", self.topology.public_url), *self._network()]
        if self.set_up_link:
            rows.append(("first admin", f"{self.set_up_link} (works once, for 24 hours)"))
        rows += [("sign in as", f"{email}   password {password}") for email, password in self.accounts]
        rows += [("live", MADE_UP)] if self.demo == "large" else []
        rows += [("data", data), ("logs", str(instance.logs)), ("stop", "Ctrl-C")]
        print("\n" + "\n".join(f"  {name:<12} {what}" for name, what in rows) + "\n", flush=True)
        if self.topology.lan:
            print(self.topology.lan.qr_code(), flush=True)

    def _network(self) -> list[tuple[str, str]]:
        """What to click for those in the same network."""
        lan = self.topology.lan
        if lan is None:
            asked = asks_for_network(self.topology.environ)
            return [("network", "none is here: this machine only")] if asked else []
        again = {"authority": " (a new one: also devices that had an old one)"}.get(self.certificate, "")
        return [
            ("network", f"{lan.url} for phones and colleagues"),
            ("first there", f"{lan.page_url} says how a device learns to trust this address{again}"),
            ("fingerprint", lan.authority.fingerprint()),
        ]

    def _stop(self) -> None:
        # The database goes last: the others end their work with it.
        late = [child for child in self.children if child.name == "postgres"]
        self._stop_these([child for child in self.children if child not in late])
        self._stop_these(late)
        if self._leash and self._leash.stdin:
            self._leash.stdin.close()
            self._leash.wait()
        say("stopped")

    def _stop_these(self, children: list[Child]) -> None:
        began = time.monotonic()
        for child in children:
            child.ask_to_stop()
        while any(child.is_running for child in children) and self._asked_to_stop < 2:
            for child in children:
                if child.is_running and time.monotonic() - began > child.grace:
                    child.make_stop()
            time.sleep(0.02)
        for child in children:
            group = child.group
            child.make_stop()
            self._tell_leash("-", group=group)

    def _tell_leash(self, sign: str, child: Child | None = None, group: int = 0) -> None:
        group = child.group if child else group
        if group and self._leash and self._leash.stdin:
            self._leash.stdin.write(f"{sign}{group}\n".encode())
            self._leash.stdin.flush()


def run(environ: Mapping[str, str], *, demo: str = "") -> None:
    """Run the product in the instance folder that the settings name; ``demo``: ``small`` or ``large``."""
    os.umask(0o077)
    raise_open_files()
    instance = Instance.make(Path(raw_settings(environ).get("instance_dir") or "instance"))
    handle = instance.lock()
    try:
        topology = Topology.plan(instance, environ)
        refuse_taken(topology.ports)
        Supervisor(topology, demo=demo).run()
    finally:
        os.close(handle)


def say(text: str) -> None:
    tell(f"audimax │ {text}")


def tell(line: str) -> None:
    """Print a line; where it has no room, or nobody reads any more, the programs go on all the same."""
    with suppress(OSError):
        print(line, flush=True)


def _start_leash() -> subprocess.Popen[bytes]:
    program = Path(__file__).with_name("leash.py")
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(program)], stdin=subprocess.PIPE, start_new_session=True, bufsize=0
    )
