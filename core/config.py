"""Core's settings: defaults, then ``audimax.toml``, then ``AUDIMAX_…`` variables."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import lazy_gettext as _l

from core.engine.settings import fill, setting, with_variables
from core.engine.standing import CORE, Standing
from core.errors import ConfigError
from core.files.scanning import FORM, is_address

T = TypeVar("T")
PREFIX = "AUDIMAX_"
SHORTEST_SECRET = 32
# Values that stand in examples and must never reach production.
KNOWN_SECRETS = frozenset({"secret", "changeme", "devkey", "secretsecretsecretsecretsecretsecret"})

# What is taught with: documents, pictures, sound, films, data and source texts; no programs.
FILE_TYPES = (
    "pdf doc docx odt rtf ppt pptx odp xls xlsx ods epub "
    "png jpg jpeg gif webp heic avif svg bmp tif tiff mp3 m4a wav ogg opus flac mp4 webm mov mkv "
    "txt md csv tsv json xml html css tex bib yaml toml sql log srt vtt ics "
    "py ipynb java c h cpp hpp js ts r m zip 7z gz tgz tar"
)
SignUp = Literal["open", "domains", "invitation", "closed"]
SIGN_UP = {
    "open": _l("Anybody with a mail address"),
    "domains": _l("Whoever can read mail at one of the domains below"),
    "invitation": _l("Whom an administrator invites"),
    "closed": _l("Nobody: those who have an account keep it"),
}
A_YEAR_OF_HOURS = 24 * 366
MOST_KEPT_DAYS = 36_500


def _days(label: Any, what: Any) -> Any:
    """For how many days after a lecture's end something is kept; nothing vanishes unasked."""
    return setting(0, label=label, help=what, minimum=0, maximum=MOST_KEPT_DAYS, editable=True)


@dataclass(frozen=True)
class Config:
    """Everything that can be set. The help texts are the comments of ``audimax.example.toml``.

    What is ``editable`` must be read where it is used, by ``config()``: nothing may keep it.
    """

    mode: Literal["production", "embedded", "test"] = setting(
        "production", help="embedded is what `audimax run` sets for its own processes"
    )
    instance_dir: str = setting("instance", help="where files, mails and the embedded database live")
    public_url: str = setting("http://localhost:8000", help="the address in people's browsers")
    links_url: str = setting(
        "", help="the address in links that are handed to others, where it isn't public_url"
    )
    trusted_hosts: list[str] = setting(
        factory=list, help="further host names that may be asked for; that of public_url always may"
    )
    trusted_proxies: list[str] = setting(
        factory=list, help="addresses or networks (CIDR) of reverse proxies whose headers count"
    )
    secret_key: str = setting(
        "", secret=True, help="signs cookies and links; make one with `openssl rand -base64 48`"
    )
    database_url: str = setting("", secret=True, help="postgresql+psycopg2://user:password@host/database")
    database_direct_url: str = setting(
        "", secret=True, help="past pgbouncer, for LISTEN and the job worker; the same when empty"
    )
    livekit_api_url: str = setting("http://127.0.0.1:7880", help="LiveKit as the server reaches it")
    livekit_url: str = setting(
        "ws://localhost:8001",
        help="what browsers connect to: the gate; LiveKit itself when `gated` is off (the same if left out)",
    )
    livekit_key: str = setting("", help="LiveKit's API key")
    livekit_secret: str = setting("", secret=True, help="LiveKit's API secret, 32 characters or more")
    gated: bool = setting(
        True,
        help="whether signalling passes the gate; off for LiveKit Cloud and others that people reach "
        "directly: who is removed is then out within seconds, not at once",
    )
    enabled_plugins: list[str] = setting(factory=list, help="in any order")
    mail_url: str = setting(
        "", secret=True, help="smtp://user:password@host:587?starttls=1; empty writes mails into a folder"
    )
    mail_from: str = setting("Audimax <audimax@localhost>", help="sender of mails")
    sign_up: SignUp = setting(
        "invitation",
        label=_l("Who may make an account"),
        help="who may make an account",
        words=SIGN_UP,
        editable=True,
    )
    sign_up_domains: list[str] = setting(
        factory=list,
        label=_l("Domains of addresses"),
        help="for sign_up = domains: uni.example",
        maximum=200,
        editable=True,
    )
    institution: str = setting(
        "Audimax",
        label=_l("Name of the institution"),
        help=_l("the name people see"),
        minimum=1,
        maximum=120,
        editable=True,
    )
    default_locale: str = setting(
        "en", label=_l("Language"), help=_l("language of pages for people who chose none"), editable=True
    )
    time_zone: str = setting("UTC", help="e.g. Europe/Berlin")
    rate_limit_storage: str = setting("memory://", help="redis://… with more than one web worker")
    absence_minutes: int = setting(
        10,
        minimum=1,
        maximum=60 * 24 * 7,
        label=_l("Minutes without anybody"),
        help=_l("a lecture ends after everyone was gone this long"),
        editable=True,
    )
    guest_session_hours: int = setting(
        12,
        minimum=1,
        maximum=A_YEAR_OF_HOURS,
        label=_l("Hours in which guests are known again"),
        help=_l("idle time after which a guest is a new guest"),
        editable=True,
    )
    streams_per_session: int = setting(3, minimum=1, help="open streams of one browser")
    streams_per_worker: int = setting(6000, minimum=10, help="open streams of one web worker")
    waiting_per_room: int = setting(
        2000,
        minimum=1,
        maximum=1_000_000,
        label=_l("Most people in one waiting room"),
        help=_l("people who may wait before one room"),
        editable=True,
    )
    file_storage: str = setting(
        "local", help="where new files are kept: local, or the id of a plugin's storage"
    )
    largest_file_mb: int = setting(500, minimum=1, help="of one file")
    files_per_lecture: int = setting(
        500,
        minimum=1,
        maximum=1_000_000,
        label=_l("Number of files"),
        help=_l("files of one lecture"),
        editable=True,
    )
    lecture_files_mb: int = setting(
        5000,
        minimum=1,
        maximum=1_000_000_000,
        label=_l("Megabytes of files"),
        help=_l("all files of one lecture together"),
        editable=True,
    )
    file_types: list[str] = setting(
        factory=FILE_TYPES.split,
        label=_l("Kinds of files"),
        help=_l("endings of names that may be sent"),
        maximum=1000,
        editable=True,
    )
    virus_scanner: str = setting(
        "", help="clamd: unix:/run/clamav/clamd.ctl or tcp://host:3310; nothing is scanned when empty"
    )
    unfinished_upload_hours: int = setting(
        24,
        minimum=1,
        maximum=A_YEAR_OF_HOURS,
        label=_l("Hours for which unfinished uploads are kept"),
        help=_l("after these, uploads that were never finished or used are removed"),
        editable=True,
    )
    exports_at_once: int = setting(
        2,
        minimum=1,
        maximum=1000,
        label=_l("Exports at the same time"),
        help=_l("of all lectures; further ones wait"),
        editable=True,
    )
    export_seconds: int = setting(
        120,
        minimum=5,
        maximum=24 * 3600,
        label=_l("Seconds of computing"),
        help=_l("of computing for one export"),
        editable=True,
    )
    export_memory_mb: int = setting(1500, minimum=256, help="for one export")
    export_nice: int = setting(
        19,
        minimum=0,
        maximum=19,
        help="how far exports stand back, as `nice` counts; 0: not at all",
    )
    largest_export_mb: int = setting(
        500,
        minimum=1,
        maximum=1_000_000,
        label=_l("Largest export in megabytes"),
        help=_l("of the file that an export makes"),
        editable=True,
    )
    delivery_minutes: int = setting(
        30,
        minimum=1,
        maximum=60 * 24,
        label=_l("Minutes of a delivery"),
        help=_l("for bringing one export to a place elsewhere"),
        editable=True,
    )
    export_days: int = setting(
        30,
        minimum=1,
        maximum=36_500,
        label=_l("Days for which exports are kept"),
        help=_l("after these, what exports have made is removed"),
        editable=True,
    )
    lecture_trash_hours: int = setting(
        24,
        minimum=1,
        maximum=24 * 365,
        label=_l("Hours for which deleted lectures are kept"),
        help=_l("in which hosts can bring back a lecture that was deleted"),
        editable=True,
    )
    share_links: bool = setting(
        True,
        label=_l("Links to lectures"),
        help=_l("whether hosts may make links by which others read a lecture"),
        editable=True,
    )
    share_links_forever: bool = setting(
        False,
        label=_l("Links without an end"),
        help=_l("whether such a link may have no end"),
        editable=True,
    )
    keep_transcripts_days: int = _days(
        _l("Transcripts and summaries"), _l("what was said, and what was made of it")
    )
    keep_chat_days: int = _days(_l("Chat"), _l("what was written in lectures, with its files"))
    keep_files_days: int = _days(_l("Files"), _l("what was shared in lectures, in the chat too"))
    keep_recordings_days: int = _days(_l("Recordings"), _l("films and their sound"))
    keep_participants_days: int = _days(
        _l("Names of participants"),
        _l("their names, everywhere in the lecture; they can’t read it any more then, and bans end"),
    )
    keep_lectures_days: int = _days(_l("Whole lectures"), _l("lectures with all that is left of them"))
    keep_logs_days: int = _days(_l("Logs"), _l("the audit log, and the list of errors"))
    log_format: Literal["auto", "json", "text"] = setting(
        "auto", help="of what programs log: auto is text beside `audimax run`, else JSON lines"
    )
    metrics_token: str = setting(
        "",
        secret=True,
        help="with it as bearer token /metrics and what /readyz found may be read from anywhere",
    )
    metrics_allow: list[str] = setting(
        factory=list, help="networks (CIDR) that may read both without the token; this machine always may"
    )
    ready_needs: list[str] = setting(
        factory=lambda: ["database", "livekit", "storage", "jobs"],
        help="what must work for /readyz to answer 200; checks of plugins are named plugin.check",
    )
    backup_days: int = setting(
        7,
        minimum=0,
        maximum=3650,
        help="`audimax doctor` warns when the last whole backup is older; 0 where others make them",
    )
    plugins: dict[str, Any] = setting(factory=dict, help="a table for each plugin")

    @property
    def is_https(self) -> bool:
        return urlsplit(self.public_url).scheme == "https"

    @property
    def origin(self) -> str:
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def address(self) -> str:
        """What links begin with that are handed to others."""
        return (self.links_url or self.public_url).rstrip("/")

    @property
    def hosts(self) -> list[str]:
        # On one machine LiveKit's webhooks and the gate's questions come over the loopback address.
        loopback = ["127.0.0.1"] if self.mode == "embedded" else []
        return [urlsplit(self.public_url).netloc, *self.trusted_hosts, *loopback]

    @property
    def listen_url(self) -> str:
        return self.database_direct_url or self.database_url

    @property
    def instance(self) -> Path:
        return Path(self.instance_dir).resolve()


def load(overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read all sources; raises ``ConfigError`` that names every mistake at once."""
    environ = os.environ if environ is None else environ
    raw = {**raw_settings(environ), **(overrides or {})}
    try:
        made = fill(Config, raw)
    except ConfigError as error:
        raise ConfigError(f"settings: {error}") from error
    if not made.gated and "livekit_url" not in raw:
        # Browsers connect to LiveKit itself: its address is enough.
        made = replace(made, livekit_url=as_socket(made.livekit_api_url))
    _refuse_unsafe(made)
    return made


def as_socket(url: str) -> str:
    """LiveKit's address as browsers and agents are told it: ``wss://…`` for ``https://…``."""
    return f"ws{url[4:]}" if url.startswith("http") else url


def program_settings(plugin: str, cls: type[T], environ: Mapping[str, str] | None = None) -> tuple[Config, T]:
    """Core's settings and a plugin's own, for a program of the plugin that runs without the app.

    Such a program has LiveKit, but neither database nor visitors: nothing else must be set for it.
    Raises ``ConfigError``.
    """
    environ = os.environ if environ is None else environ
    raw = raw_settings(environ)
    own = raw.get("plugins", {}).get(plugin, {})
    try:
        made = fill(Config, raw)
    except ConfigError as error:
        raise ConfigError(f"settings: {error}") from error
    problems = [problem for problem in _livekit_problems(made) if problem]
    if problems:
        raise ConfigError("settings: " + "; ".join(problems))
    try:
        return made, fill(cls, with_variables(cls, own, environ))
    except ConfigError as error:
        raise ConfigError(f"settings of plugin {plugin!r}: {error}") from error


def raw_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """What the file and the environment say, unread: for `audimax run`, which fills in the rest."""
    from_file, given = _from_file(environ), _from_environment(environ)
    tables = _tables(from_file)
    for plugin, table in given.get("plugins", {}).items():
        # One variable takes the place of one setting, not of the plugin's whole table.
        tables[plugin] = {**tables.get(plugin, {}), **table}
    return {**from_file, **given, **({"plugins": tables} if tables else {})}


def _tables(from_file: Mapping[str, Any]) -> dict[str, Any]:
    found = from_file.get("plugins", {})
    if not isinstance(found, dict):
        raise ConfigError("'plugins' must be a table: write [plugins.<name>] and the settings below it")
    for name, table in found.items():
        if not isinstance(table, dict):
            raise ConfigError(
                f"settings of plugin {name!r} must be a table: write them below [plugins.{name}]"
            )
    return dict(found)


def config() -> Config:
    """The running app's settings, as they are now."""
    start = cast(Config, current_app.extensions["audimax_config"])
    standing: Standing | None = current_app.extensions.get("audimax_standing")
    return start if standing is None else standing.of(CORE, start)


class Source(StrEnum):
    """Where the operator has given a setting. Such a one is theirs alone: admin pages can't change it."""

    FILE = "file"
    ENVIRONMENT = "environment"


def given(
    overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, dict[str, Source]]:
    """What the operator has given, by owner (``core`` or a plugin) and name, and where."""
    environ = os.environ if environ is None else environ
    found: dict[str, dict[str, Source]] = {CORE: {}}
    several = ((Source.FILE, _from_file(environ)), (Source.ENVIRONMENT, _from_environment(environ)),
               (Source.ENVIRONMENT, overrides or {}))  # fmt: skip
    for source, raw in several:
        found[CORE].update(dict.fromkeys(raw, source))
        for plugin, table in raw.get("plugins", {}).items():
            found.setdefault(plugin, {}).update(dict.fromkeys(table, source))
    return found


# Variables that start like settings but are read before the app exists.
OTHER_VARIABLES = frozenset(
    {
        "config",
        "port",
        "bind",
        "gate_port",
        "gate_bind",
        "gate_asks",
        "livekit_port",
        "livekit_tcp_port",
        "livekit_udp_port",
        "livekit_node_ip",
        "jobs_concurrency",
        "web_workers",
        "open_files",
        "test_database_url",
        "test_chromium",
        "test_versitygw",
        "livekit_server",
        "postgres_bin",
        "lan",
        "lan_port",
        "lan_page_port",
        "tls_file",
        "gate_behind",
        "log_level",
        "backup_passphrase",
    }
)


def _from_file(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get(f"{PREFIX}CONFIG", "")
    path = Path(named or "audimax.toml")
    if not path.exists():
        if named:
            raise ConfigError(f"AUDIMAX_CONFIG names {named}, which doesn't exist")
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        remedy = "let the user that runs Audimax read it"
        raise ConfigError(f"{path} can't be read: {error.strerror}; {remedy}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} can't be read: it isn't UTF-8; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        remedy = "compare that line with audimax.example.toml"
        raise ConfigError(f"{path} can't be read: {error}; {remedy}") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in environ.items():
        name = key.removeprefix(PREFIX).lower()
        if not key.startswith(PREFIX) or name in OTHER_VARIABLES:
            continue
        if name.startswith("plugins__"):
            _put_plugin_setting(found, name, value)
        else:
            found[name] = value
    return found


def _put_plugin_setting(found: dict[str, Any], name: str, value: str) -> None:
    parts = name.split("__", 2)
    if len(parts) != 3:
        raise ConfigError(f"{PREFIX}{name.upper()}: write {PREFIX}PLUGINS__<PLUGIN>__<SETTING>")
    found.setdefault("plugins", {}).setdefault(parts[1], {})[parts[2]] = value


def _refuse_unsafe(made: Config) -> None:
    problems = [p for p in _problems(made) if p]
    if problems:
        raise ConfigError("settings: " + "; ".join(problems))


def _problems(made: Config) -> list[str]:
    return [
        _bad_secret("secret_key", made.secret_key),
        *_livekit_problems(made),
        ""
        if made.database_url
        else "database_url is not set: postgresql+psycopg2://user:password@host/database",
        _bad_database(made.database_url),
        _bad_url("public_url", made.public_url, ("http", "https")),
        _bad_url("links_url", made.links_url, ("http", "https")) if made.links_url else "",
        _bad_url("livekit_url", made.livekit_url, ("ws", "wss", "http", "https")),
        _plain_http(made),
        _bad_scanner(made.virus_scanner),
        *(_bad_networks(name, getattr(made, name)) for name in ("trusted_proxies", "metrics_allow")),
        _bad_token(made.metrics_token),
    ]


def _livekit_problems(made: Config) -> list[str]:
    return [
        _bad_secret("livekit_secret", made.livekit_secret),
        ""
        if made.livekit_key
        else "livekit_key is not set: it is the name of the key in LiveKit's configuration",
        _bad_url("livekit_api_url", made.livekit_api_url, ("http", "https", "ws", "wss")),
    ]


def _bad_secret(name: str, value: str) -> str:
    remedy = "make one with `openssl rand -base64 48`"
    if not value:
        return f"{name} is not set: {remedy}"
    if value.lower() in KNOWN_SECRETS:
        return f"{name} is an example that everybody knows: {remedy}"
    if len(value) < SHORTEST_SECRET:
        return f"{name} is shorter than {SHORTEST_SECRET} characters: {remedy}"
    return ""


def _bad_database(url: str) -> str:
    if url.startswith("postgresql://"):
        return "database_url must start with postgresql+psycopg2:// (postgresql:// means another driver)"
    if url and not url.startswith("postgresql+psycopg2://"):
        return "database_url must start with postgresql+psycopg2://"
    return ""


def _bad_url(name: str, value: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(value)
    if parts.scheme in schemes and parts.netloc:
        return ""
    return (
        f"{name} must be an address that starts with {' or '.join(s + '://' for s in schemes)}, not {value!r}"
    )


def _plain_http(made: Config) -> str:
    host = urlsplit(made.public_url).hostname or ""
    if made.is_https or made.mode != "production" or host in ("localhost", "127.0.0.1", "::1"):
        return ""
    return "public_url must be https://: browsers give no camera or microphone to a page without it"


def _bad_networks(name: str, networks: list[str]) -> str:
    for network in networks:
        try:
            ip_network(network, strict=False)
        except ValueError:
            return f"{name} has {network!r}: write addresses or networks, like 10.0.0.2 or 10.0.0.0/24"
    return ""


def _bad_token(token: str) -> str:
    return _bad_secret("metrics_token", token) if token else ""


def _bad_scanner(address: str) -> str:
    if not address or is_address(address):
        return ""
    return f"virus_scanner must be {FORM}, not {address!r}"
