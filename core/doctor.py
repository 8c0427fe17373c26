"""`audimax doctor`: looks at everything that can be wrong, and says how to mend it."""

from __future__ import annotations

import os
import resource
import secrets
import shutil
import socket
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import psycopg2
import sqlalchemy as sa
from flask import Flask

from core.backup import age
from core.config import Config, load
from core.contracts import HealthCheck
from core.engine import isolation
from core.errors import AudimaxError, LiveKitDown, LiveKitError, ScannerDown
from core.files import scanning

WEBHOOK_SECONDS = 8.0
LEAST_SPACE = 1_000_000_000
SIGNS = {"good": "✓", "warning": "!", "bad": "✗"}


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was seen, and the remedy."""

    check: str
    state: str
    said: str
    remedy: str = ""

    @property
    def is_bad(self) -> bool:
        return self.state == "bad"

    def text(self) -> str:
        line = f"{SIGNS[self.state]} {self.check}: {self.said}"
        return f"{line}\n    → {self.remedy}" if self.remedy else line

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def good(check: str, said: str) -> Finding:
    return Finding(check, "good", said)


def bad(check: str, said: str, remedy: str) -> Finding:
    return Finding(check, "bad", said, remedy)


def warning(check: str, said: str, remedy: str) -> Finding:
    return Finding(check, "warning", said, remedy)


def examine() -> list[Finding]:
    """Every finding; later checks are left out where an earlier one makes them senseless."""
    try:
        config = load()
    except AudimaxError as error:
        return [bad("settings", str(error), "change audimax.toml or the AUDIMAX_… variable that is named")]
    found = [good("settings", f"can be read; mode {config.mode}"), *_machine(config)]
    database = list(_database(config))
    found += database
    app = None if any(f.is_bad for f in database) else _app(found)
    if app is not None:
        found += _of_the_app(app)
    found += _livekit(config, app)
    found += _gate(config)
    found += _scanner(config)
    return found


def _app(found: list[Finding]) -> Flask | None:
    from core import create_app

    try:
        return create_app()
    except AudimaxError as error:
        found.append(bad("start", str(error), "the web can't start before that is mended"))
        return None


# --- this machine ---------------------------------------------------------------------


def _machine(config: Config) -> Iterator[Finding]:
    yield _folder(config.instance)
    yield _space(config.instance)
    yield _open_files(config)
    if config.mode == "production":
        yield from _production(config)


def _folder(folder: Path) -> Finding:
    if not folder.is_dir():
        return bad(
            "instance",
            f"{folder} doesn't exist",
            f"make it, for the user that runs Audimax: mkdir -m 700 {folder}",
        )
    if not os.access(folder, os.W_OK):
        return bad("instance", f"{folder} can't be written to", "give it to the user that runs Audimax")
    wide = [str(p) for p in _private_files(folder) if p.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    if wide:
        return bad("instance", f"others can read {', '.join(wide)}", f"chmod go= {' '.join(wide)}")
    return good("instance", f"{folder}, for us alone")


def _private_files(folder: Path) -> list[Path]:
    lan = ("lan/authority.pem", "lan/server.pem")
    names = ("secrets.json", "environment.json", "postgres.password", "livekit/livekit.yaml", *lan)
    return [folder, *(p for name in names if (p := folder / name).exists())]


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
    said = f"{free / 1e9:.1f} GB free at {folder}"
    if free < LEAST_SPACE:
        return bad("disk", said, "make room: PostgreSQL stops when the disk is full")
    return good("disk", said)


def _open_files(config: Config) -> Finding:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = config.streams_per_worker * 2 + 1000
    if limit not in (resource.RLIM_INFINITY,) and limit < needed:
        remedy = f"raise the hard limit of open files to {needed} (LimitNOFILE), or lower streams_per_worker"
        return warning("open files", f"at most {limit} for each process", remedy)
    return good("open files", "as many as streams_per_worker needs")


def _production(config: Config) -> Iterator[Finding]:
    workers = int(os.environ.get("AUDIMAX_WEB_WORKERS") or 1)
    if workers > 1 and config.rate_limit_storage.startswith("memory"):
        yield warning(
            "limits", f"{workers} workers count apart from each other", "set rate_limit_storage to redis://…"
        )
    if not config.mail_url:
        yield warning("mail", "mails are written into a folder, nobody gets them", "set mail_url to smtp://…")
    if config.backup_days:
        yield _backups(config)


def _backups(config: Config) -> Finding:
    last, often = age.last(config.instance), "let `audimax backup` run every night (docs/operations.md)"
    if not last.whole_at:
        said = "the first one broke off" if last.begun_at else "none was made by `audimax backup` from here"
        return warning("backup", said, f"{often}, or set backup_days = 0 where backups are made otherwise")
    days, said = last.age_in_days(), f"the last whole one is {last.age_in_days():.1f} days old ({last.where})"
    if last.broke_off:
        return warning("backup", f"the last one broke off; {said}", "go on with `audimax backup --resume`")
    if days > config.backup_days:
        return warning("backup", said, often)
    return good("backup", said)


# --- database -------------------------------------------------------------------------


def _database(config: Config) -> Iterator[Finding]:
    yield _connects("database", config.database_url, "database_url")
    if config.database_direct_url and config.database_direct_url != config.database_url:
        yield _connects("direct database", config.listen_url, "database_direct_url")


def _connects(check: str, url: str, setting: str) -> Finding:
    try:
        engine = sa.create_engine(url, connect_args={"connect_timeout": 5})
        with engine.connect() as connection:
            version = connection.scalar(sa.text("SHOW server_version"))
        engine.dispose()
    except (sa.exc.SQLAlchemyError, psycopg2.Error) as error:
        said = str(getattr(error, "orig", error)).strip().splitlines()[0]
        return bad(check, said, f"start PostgreSQL (or `audimax run`), or correct {setting}")
    return good(check, f"PostgreSQL {version} answers")


def _of_the_app(app: Flask) -> Iterator[Finding]:
    yield from _migrations(app)
    with app.app_context():
        yield _worker()
        yield from of_plugins()


def _migrations(app: Flask) -> Iterator[Finding]:
    from core.engine import schema

    behind = [state for state in schema.states(app) if not state.is_current]
    for state in behind:
        yield bad("migrations", f"{state.name}: {state.problem}", state.remedy)
    if not behind:
        yield good("migrations", "the tables are what this version expects")


def _worker() -> Finding:
    from core import jobs
    from core.db import db

    try:
        is_worked_on = jobs.is_worked_on(db.session)
    except sa.exc.SQLAlchemyError:
        return bad("jobs", "the tables of jobs are missing", "run `audimax db upgrade`")
    if not is_worked_on:
        return bad("jobs", "no worker is at work: mails and lectures' ends wait", "start one: `audimax jobs`")
    return good("jobs", "a worker is at work")


def of_plugins() -> Iterator[Finding]:
    """What the enabled plugins find, one after the other; inside an app context."""
    from core.engine import offers

    for name, check in offers.health_checks().items():
        yield of_plugin(name, check)


def of_plugin(name: str, check: HealthCheck) -> Finding:
    """What one check finds."""
    try:
        with isolation.time_limit(check.timeout):
            check.run()
    except Exception as error:
        return bad(name, str(error) or type(error).__name__, "")
    return good(name, "works")


# --- LiveKit --------------------------------------------------------------------------


def _livekit(config: Config, app: Flask | None) -> Iterator[Finding]:
    from core.livekit.client import LiveKit

    client = LiveKit(config)
    reached = _reached(config, client)
    yield reached
    if reached.is_bad:
        return
    yield _opens_no_rooms(config)
    yield from _media_ports(config)
    if app is not None:
        with app.app_context():
            yield _webhooks(client, config.gated)


def _reached(config: Config, client: Any) -> Finding:
    try:
        client.list_rooms(["-"])
    except LiveKitDown as error:
        return bad(
            "LiveKit", str(error), "start livekit-server (or `audimax run`), or correct livekit_api_url"
        )
    except LiveKitError as error:
        remedy = "livekit_key and livekit_secret must be a pair below `keys:` in LiveKit's configuration"
        return bad("LiveKit", f"{config.livekit_api_url} refuses our key ({error.code})", remedy)
    return good("LiveKit", f"{config.livekit_api_url} answers and takes our key")


def _opens_no_rooms(config: Config) -> Finding:
    token = join_token(config, f"doctor-{secrets.token_hex(8)}")
    status, said = _asked(_http(config.livekit_api_url) + "/rtc/validate", token)
    if status == 404:
        return good("rooms", "LiveKit opens none by itself")
    if status == 200:
        said = "LiveKit opens a room for anyone with a token"
        remedy = "set `room.auto_create: false` in LiveKit's configuration"
        if config.gated:
            return bad("rooms", said, f"{remedy}; until then old tokens open rooms")
        closed = "one that is open after its lecture's end is closed within seconds"
        return warning("rooms", f"{said}: {closed}", f"where you can, {remedy}")
    return warning("rooms", f"LiveKit answered {status} {said}", "look at LiveKit's log")


def _media_ports(config: Config) -> Iterator[Finding]:
    """Only the ports of `audimax run` are known here; others are named in LiveKit's configuration."""
    port = os.environ.get("AUDIMAX_LIVEKIT_TCP_PORT", "7881")
    if config.mode != "embedded" or urlsplit(config.livekit_api_url).hostname != "127.0.0.1":
        return
    try:
        socket.create_connection(("127.0.0.1", int(port)), 2).close()
    except OSError as error:
        yield bad(
            "media",
            f"port {port} (TCP) doesn't answer: {error}",
            "set AUDIMAX_LIVEKIT_TCP_PORT to a free one",
        )
        return
    yield good("media", f"port {port} (TCP) answers")


def _webhooks(client: Any, gated: bool) -> Finding:
    from core.db import db
    from core.models import WebhookEvent

    name = f"doctor-{secrets.token_hex(8)}"
    ours = WebhookEvent.lecture_public_id == name
    client.create_room(name)
    client.delete_room(name)
    arrived = _until(lambda: _seen(db.session, ours), WEBHOOK_SECONDS)
    db.session.execute(sa.delete(WebhookEvent).where(ours))
    db.session.commit()
    if arrived:
        return good("webhooks", "arrive and are believed")
    remedy = (
        "LiveKit's configuration needs `webhook.urls` with <this web>/api/livekit/webhook and "
        "`webhook.api_key` with livekit_key, and LiveKit must reach that address"
    )
    said = f"none came within {WEBHOOK_SECONDS:.0f} s"
    if gated:
        return bad("webhooks", said, remedy)
    slower = "who comes and goes is seen by looking, within seconds; the end of a recording within a minute"
    return warning("webhooks", f"{said}: {slower}", f"to be told at once: {remedy}")


def _seen(session: Any, ours: Any) -> bool:
    session.rollback()
    from core.models import WebhookEvent

    return bool(session.scalar(sa.select(sa.func.count()).select_from(WebhookEvent).where(ours)))


# --- the virus scanner ----------------------------------------------------------------


def _scanner(config: Config) -> Iterator[Finding]:
    if not config.virus_scanner:
        return
    size = config.largest_file_mb
    try:
        version = scanning.ping(config.virus_scanner)
        sees_all = scanning.sees_all(config.virus_scanner, size * 1024 * 1024)
    except ScannerDown as error:
        yield bad("virus scanner", error.problem, error.remedy)
        return
    if sees_all:
        yield good("virus scanner", f"{version} finds the test virus in a file of {size} MB")
        return
    remedy = f"{scanning.REMEDY} to {size}M or more, or lower largest_file_mb; set `AlertExceedsMax yes`"
    yield bad("virus scanner", f"{version} doesn't find the test virus in a file of {size} MB", remedy)


# --- the gate -------------------------------------------------------------------------


def _gate(config: Config) -> Iterator[Finding]:
    if not config.gated:
        yield warning("gate", "switched off: a removed person is out within seconds, not at once", "")
        yield from _direct(config)
        return
    url = _http(config.livekit_url)
    status, said = _asked(url + "/rtc/validate", join_token(config, "doctor-no-lecture"))
    if status == 0:
        yield bad(
            "gate",
            f"{url} doesn't answer ({said})",
            "start it: `python -m core.livekit.gateway`, or correct livekit_url",
        )
    elif status in (401, 403, 404):
        yield good("gate", f"{url} answers, and refuses who isn't admitted")
        yield _hides_the_rest(url)
    elif status == 200:
        yield bad(
            "gate",
            f"{url} lets everybody through",
            "livekit_url must lead to the gate, not to LiveKit itself",
        )
    else:
        yield bad(
            "gate", f"{url} answers {status} {said}", "the gate can't ask the web: look at AUDIMAX_GATE_ASKS"
        )


def _direct(config: Config) -> Iterator[Finding]:
    """Whether browsers could reach LiveKit itself at the address that they are told."""
    url = _http(config.livekit_url)
    if config.is_https and not url.startswith("https"):
        remedy = "set livekit_url to its wss:// address: browsers refuse another one from a page with HTTPS"
        yield bad("media address", f"{config.livekit_url} isn't encrypted", remedy)
        return
    status, said = _asked(url + "/rtc/validate", join_token(config, "doctor-no-lecture"))
    if status in (200, 404):
        yield good("media address", f"{config.livekit_url} answers and takes our key")
    else:
        remedy = "livekit_url must be LiveKit's own address where `gated` is off"
        yield bad("media address", f"{config.livekit_url} answers {status or 'nothing'} ({said})", remedy)


def _hides_the_rest(url: str) -> Finding:
    status, _said = _asked(url + "/twirp/livekit.RoomService/ListRooms", "")
    if status in (401, 403, 404):
        return good("gate paths", "LiveKit's server API isn't to be reached from outside")
    remedy = "route only /rtc, /rtc/v1 and their /validate to LiveKit"
    return bad("gate paths", f"{url}/twirp answers {status}", remedy)


def join_token(config: Config, room: str) -> str:
    """A token as LiveKit would take it, for a room that core never opened."""
    now = int(time.time())
    video = {
        "roomJoin": True,
        "room": room,
        "canPublish": False,
        "canSubscribe": False,
        "canPublishData": False,
    }
    claims = {"iss": config.livekit_key, "sub": "doctor", "nbf": now - 10, "exp": now + 60, "video": video}
    return jwt.encode(claims, config.livekit_secret, algorithm="HS256")


def _asked(url: str, token: str) -> tuple[int, str]:
    request = urllib.request.Request(f"{url}?access_token={token}" if token else url)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.read(200).decode("utf-8", "replace").strip()
    except OSError as error:
        return 0, str(error)


def _http(url: str) -> str:
    return url.replace("ws", "http", 1).rstrip("/") if url.startswith("ws") else url.rstrip("/")


def _until(is_so: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
