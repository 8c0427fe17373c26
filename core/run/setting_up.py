"""`audimax setup`: the one file of secrets that `deploy/compose.yaml` needs."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from core.errors import AudimaxError
from core.run.topology import first_party_plugins

Profile = Literal["local", "production"]
PROFILES: tuple[Profile, ...] = ("local", "production")
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
LONGEST_DOMAIN = 240
# Would end the quotes in which a value stands.
UNQUOTABLE = frozenset("'\n\r\\ ")
LOCAL = "localhost"
EDGE = "172.30.80"
# Those in hex stand in addresses and in commands, where one that begins with a hyphen would be an option.
# S3 takes 40 letters at most.
SECRETS: Mapping[str, Callable[[], str]] = {
    "AUDIMAX_SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "AUDIMAX_LIVEKIT_KEY": lambda: f"API{secrets.token_hex(16)}",
    "AUDIMAX_LIVEKIT_SECRET": lambda: secrets.token_urlsafe(48),
    "AUDIMAX_METRICS_TOKEN": lambda: secrets.token_urlsafe(32),
    "AUDIMAX_PLUGINS__STORAGE_S3__SECRET_KEY": lambda: secrets.token_hex(20),
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(20),
    "REDIS_PASSWORD": lambda: secrets.token_hex(20),
    "MINIO_ROOT_PASSWORD": lambda: secrets.token_hex(20),
}
HEAD = """\
# Made by `audimax setup` for deploy/compose.yaml. Keep it secret and keep a copy: without it sessions and
# people's tokens are void, and nobody knows the database's password.
"""


class SetUpRefused(AudimaxError):
    """Something that was given can't be used, or is there already."""


@dataclass(frozen=True)
class Plan:
    """What an installation is called, and where it is."""

    domain: str
    email: str
    profile: Profile = "production"
    node_ip: str = ""
    mail_url: str = ""

    def values(self) -> dict[str, str]:
        """What `.env` says, the secrets aside."""
        return {
            "COMPOSE_PROFILES": self.profile,
            "DOMAIN": self.domain,
            "EMAIL": self.email,
            "NODE_IP": self.node_ip,
            "EDGE": EDGE,
            **(self._local() if self.profile == "local" else self._production()),
            "AUDIMAX_ENABLED_PLUGINS": ",".join([*first_party_plugins(), "storage_s3"]),
            "AUDIMAX_WEB_WORKERS": str(max(2, min(8, os.cpu_count() or 2))),
            "AUDIMAX_MAIL_URL": self.mail_url,
            "AUDIMAX_MAIL_FROM": f"Audimax <{self.email}>",
        }

    def _production(self) -> dict[str, str]:
        return {
            "TURN_DOMAIN": f"turn.{self.domain}",
            "FILES_DOMAIN": f"files.{self.domain}",
            "FILES_URL": f"https://files.{self.domain}",
            # The machine itself, as containers reach it.
            "LIVEKIT_HOST": f"{EDGE}.1",
            "AUDIMAX_PUBLIC_URL": f"https://{self.domain}",
            "AUDIMAX_LIVEKIT_URL": f"wss://{self.domain}",
        }

    def _local(self) -> dict[str, str]:
        return {
            "TURN_DOMAIN": "",
            "FILES_DOMAIN": f"files.{LOCAL}",
            "FILES_URL": f"http://files.{LOCAL}:8000",
            "LIVEKIT_HOST": "livekit-local",
            "AUDIMAX_PUBLIC_URL": f"http://{LOCAL}:8000",
            "AUDIMAX_LIVEKIT_URL": f"ws://{LOCAL}:8000",
        }


def plan(domain: str, email: str, profile: Profile, node_ip: str = "", mail_url: str = "") -> Plan:
    """Look at what was given; raises ``SetUpRefused`` that says what to write instead."""
    email, mail_url = checked_email(email), _checked_mail_url(mail_url)
    if profile == "local":
        return Plan(LOCAL, email, profile, node_ip or "127.0.0.1", mail_url)
    domain = checked_domain(domain)
    return Plan(domain, email, profile, _checked_ip(node_ip or _looked_up(domain)), mail_url)


def checked_domain(given: str) -> str:
    """The host name as browsers send it: small letters, ASCII."""
    try:
        name = given.strip().rstrip(".").lower().encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    labels = name.split(".")
    fits = len(name) <= LONGEST_DOMAIN and len(labels) > 1 and all(LABEL.match(label) for label in labels)
    if not fits or labels[-1].isdigit():
        raise SetUpRefused(
            f"{given!r} is no domain: write the host name alone, like audimax.uni.example, without https://"
        )
    return name


def checked_email(given: str) -> str:
    """The address, if mail could reach it."""
    try:
        return validate_email(given.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise SetUpRefused(f"{given!r} is no mail address: {error}") from error


def write(made: Plan, folder: Path) -> Path:
    """Write `.env` with fresh secrets, for its owner alone; one that is there stays as it is."""
    path = folder / ".env"
    if not (folder / "compose.yaml").is_file():
        raise SetUpRefused(f"there is no compose.yaml in {folder}: name the folder deploy with --into")
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SetUpRefused(
            f"{path} is there already, and its secrets are in use: change single lines in it, or move it "
            "away if nothing of this installation is to be kept"
        ) from None
    except OSError as error:
        raise SetUpRefused(
            f"{path} can't be written: {error.strerror}; name another folder with --into"
        ) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text(made))
    return path


def text(made: Plan) -> str:
    """The whole file, with secrets that are new each time."""
    fresh = {name: make() for name, make in SECRETS.items()}
    # Single quotes keep Compose from reading `$` as a variable.
    return HEAD + "".join(f"{name}='{value}'\n" for name, value in {**made.values(), **fresh}.items())


def next_steps(made: Plan, path: Path) -> str:
    """What is left to do, in its order."""
    steps = [] if made.profile == "local" else _before_the_start(made)
    up = f"docker compose -f {path.parent / 'compose.yaml'}"
    steps += [
        f"start it:  {up} up -d --build",
        f"make the first admin with the link of:  {up} exec web-a audimax set-up-link",
        f"see whether everything works:  {up} exec web-a audimax doctor",
    ]
    if not made.mail_url:
        steps.append("mails go nowhere yet: set AUDIMAX_MAIL_URL='smtp://…' in that file")
    return f"{path} is written, for you alone. Next:\n" + "".join(
        f"  {number}. {step}\n" for number, step in enumerate(steps, 1)
    )


def _before_the_start(made: Plan) -> list[str]:
    names = f"{made.domain}, turn.{made.domain} and files.{made.domain}"
    return [
        f"let {names} lead to {made.node_ip} (DNS)",
        "open to everybody: TCP ports 80, 443 and 7881, UDP ports 3478 and 7882",
        f"let this machine's containers ({EDGE}.0/24) reach its TCP ports 7880 and 5349; nobody else",
    ]


def _checked_mail_url(given: str) -> str:
    parts = urlsplit(given)
    fits = parts.scheme in ("smtp", "smtps") and parts.hostname and not UNQUOTABLE & set(given)
    if given and not fits:
        raise SetUpRefused(
            "the mail server must be like smtp://user:password@host:587?starttls=1, with special letters of "
            "the password as %27"
        )
    return given


def _checked_ip(given: str) -> str:
    try:
        return str(IPv4Address(given))
    except ValueError as error:
        raise SetUpRefused(f"{given!r} is no IPv4 address: write it like 203.0.113.7") from error


def _looked_up(domain: str) -> str:
    try:
        found = socket.getaddrinfo(domain, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise SetUpRefused(
            f"no address is known for {domain} yet: enter it in DNS, or name this machine's public address "
            "with --node-ip"
        ) from error
    return str(found[0][4][0])
