"""One HTTP request as a browser or LiveKit would send it: answered, or with the reason why not."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

import urllib3

SECONDS = 10.0
LARGEST_ANSWER = 1_000_000


@dataclass(frozen=True)
class Answer:
    """``status`` is 0 where nobody answered; ``problem`` says why."""

    status: int
    headers: urllib3.HTTPHeaderDict = field(default_factory=urllib3.HTTPHeaderDict)
    body: bytes = b""
    problem: str = ""

    @property
    def words(self) -> str:
        """What it answered, short enough for one line."""
        said = " ".join(self.body[:200].decode("utf-8", "replace").split())
        return self.problem or f"{self.status} {'' if said.startswith('<') else said}".strip()

    @property
    def date(self) -> datetime | None:
        """What time it is there."""
        try:
            return parsedate_to_datetime(self.headers.get("Date", ""))
        except ValueError:
            return None


def ask(
    url: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    seconds: float = SECONDS,
) -> Answer:
    """Ask once, follow nothing, and take no proxy from the environment."""
    with pool(seconds) as connections:
        try:
            response = connections.request(
                method,
                url,
                headers=dict(headers or {}),
                body=body,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            with response:
                return Answer(response.status, response.headers, response.read(LARGEST_ANSWER))
        except urllib3.exceptions.HTTPError as error:
            return Answer(0, problem=why(error, seconds))


def pool(seconds: float = SECONDS) -> urllib3.PoolManager:
    """Connections of one look, with its time."""
    return urllib3.PoolManager(timeout=urllib3.Timeout(seconds), ssl_context=ssl.create_default_context())


def http(url: str) -> str:
    """The same place for plain requests: ``wss://`` is ``https://``."""
    return f"http{url[2:]}".rstrip("/") if url.startswith("ws") else url.rstrip("/")


def why(error: BaseException, seconds: float = SECONDS) -> str:
    """Why nobody answered, in words."""
    cause = _innermost(error)
    if isinstance(error, urllib3.exceptions.NameResolutionError) or type(cause).__name__ == "gaierror":
        return "its name isn't known here"
    if isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted: {cause.verify_message}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__


def _innermost(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__ or _reason(error)) is not None:
        error = cause
    return error


def _reason(error: BaseException) -> BaseException | None:
    found = getattr(error, "reason", None)
    return found if isinstance(found, BaseException) else None
