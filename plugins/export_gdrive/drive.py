"""Google Drive by Google's own client, without its waits: ours end as soon as nobody wants it any more."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import httplib2
from flask_babel import gettext as _
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.http import HttpRequest, MediaIoBaseUpload

from core.api import DestinationDown, settings
from plugins.export_gdrive.refusals import Missing, Passes, judged
from plugins.export_gdrive.settings import Settings

T = TypeVar("T")
SECONDS = 30.0
# A piece of an upload: a multiple of 256 KiB, as Google wants it.
PIECE = 4 * 1024 * 1024
TRIES = 6
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
FOLDER = "application/vnd.google-apps.folder"
FIELDS = "id,name,trashed,appProperties,webViewLink"


class NotWanted(Exception):
    """Nobody wants it any more."""


class Drive:
    """What we do in one person's Drive; whatever passes is tried again.

    Raises ``Missing``, ``Taken``, ``Trouble`` with words, and ``DestinationDown`` when it doesn't pass.
    ``is_wanted(seconds)`` waits.
    """

    def __init__(self, credentials: Credentials, is_wanted: Callable[[float], bool]) -> None:
        http = httplib2.Http(timeout=SECONDS)
        # Of an upload, 308 says how far it is; it leads nowhere.
        http.redirect_codes = http.redirect_codes - {308}
        self._http = AuthorizedHttp(credentials, http=http)
        self._files = build_from_document(_document(settings(Settings).api_url), http=self._http).files()
        self._is_wanted = is_wanted

    # --- looking ---

    def get(self, drive_id: str) -> Mapping[str, Any] | None:
        """A file or folder, maybe in the bin (``trashed``); None where there is none."""
        try:
            found: Mapping[str, Any] = self._tried(self._files.get(fileId=drive_id, fields=FIELDS).execute)
        except Missing:
            return None
        return found

    def find(self, properties: Mapping[str, str]) -> str:
        """The id of the oldest one with these properties of ours that isn't in the bin; empty for none."""
        wanted = [
            f"appProperties has {{ key='{key}' and value='{_quoted(value)}' }}"
            for key, value in properties.items()
        ]
        query = " and ".join([*wanted, "trashed = false"])
        asked = self._files.list(
            q=query, fields="files(id)", orderBy="createdTime", pageSize=1, spaces="drive"
        )
        found = self._tried(asked.execute).get("files", [])
        return str(found[0]["id"]) if found else ""

    def new_id(self) -> str:
        """An id that nothing has yet."""
        made = self._tried(self._files.generateIds(count=1, space="drive", type="files").execute)
        return str(made["ids"][0])

    # --- making ---

    def make_folder(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A new folder."""
        asked = self._files.create(body={**body, "mimeType": FOLDER}, fields=FIELDS)
        made: Mapping[str, Any] = self._tried(asked.execute)
        return made

    def upload(
        self,
        path: Path,
        mime: str,
        body: Mapping[str, Any],
        *,
        instead_of: str = "",
        session: str = "",
        note: Callable[[str], None],
    ) -> Mapping[str, Any]:
        """A file with these bytes: a new one, or new content of that one.

        ``session``: where an earlier try of the same has come to; ``note`` is told of a new one.
        """
        with path.open("rb") as opened:
            media = Pieces(opened, mimetype=mime, chunksize=PIECE, resumable=True)
            for kept in (session, "") if session else ("", ""):
                request = self._request(media, body, instead_of)
                try:
                    return self._sent(request, kept, note)
                except Missing:
                    if request.resumable_uri is None:
                        raise
                    # Sessions don't live for ever: from the beginning, once.
                    note("")
        raise DestinationDown(_unreachable())

    def _request(self, media: MediaIoBaseUpload, body: Mapping[str, Any], instead_of: str) -> HttpRequest:
        if instead_of:
            return self._files.update(fileId=instead_of, body=dict(body), media_body=media, fields=FIELDS)
        return self._files.create(body=dict(body), media_body=media, fields=FIELDS)

    def _sent(self, request: HttpRequest, session: str, note: Callable[[str], None]) -> Mapping[str, Any]:
        if session:
            request.resumable_uri = session
            if done := self._taken_up(request):
                return done
        known, stuck = session, 0
        while True:
            before = request.resumable_progress
            try:
                _progress, done = self._tried(request.next_chunk)
            finally:
                if request.resumable_uri and request.resumable_uri != known:
                    known = request.resumable_uri
                    note(known)
            if done is not None:
                made: Mapping[str, Any] = done
                return made
            stuck = stuck + 1 if request.resumable_progress <= before else 0
            if stuck >= TRIES:
                raise DestinationDown(_unreachable())

    def _taken_up(self, request: HttpRequest) -> Mapping[str, Any] | None:
        """Ask how far an earlier try has come; what it has made, if it came to its end."""
        size = request.resumable.size()
        headers = {"Content-Range": f"bytes */{size}", "Content-Length": "0"}

        def ask() -> Any:
            answer, content = self._http.request(request.resumable_uri, "PUT", headers=headers)
            # Public for this: it reads a file, a range, or an error out of an answer.
            return request._process_response(answer, content)

        done: Mapping[str, Any] | None = self._tried(ask)[1]
        return done

    # --- again and again ---

    def _tried(self, ask: Callable[[], T]) -> T:
        """What it gives; what passes is waited for."""
        for attempt in range(TRIES):
            if not self._is_wanted(0.0):
                raise NotWanted
            try:
                return ask()
            except Exception as error:
                meaning = judged(error)
                if meaning is error:
                    raise
                if not isinstance(meaning, Passes):
                    raise meaning from error
                if attempt == TRIES - 1 or meaning.after > LONGEST_PAUSE:
                    raise DestinationDown(_unreachable()) from meaning
                # What broke off has left its line in the middle of a message: no answer would come over it.
                self._http.close()
                self._pause(attempt, meaning.after)
        raise AssertionError

    def _pause(self, attempt: int, after: float) -> None:
        """Twice as long each time, and never the same for all who were sent away at once."""
        seconds = max(after, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)) * random.uniform(1.0, 1.5)  # noqa: S311
        if not self._is_wanted(seconds):
            raise NotWanted


class Pieces(MediaIoBaseUpload):
    """Gives pieces, not a stream: of those Google's client can't send one again after a fresh token."""

    def has_stream(self) -> bool:
        return False

    def getbytes(self, begin: int, length: int) -> Piece:
        return Piece(super().getbytes(begin, length))


class Piece(BytesIO):
    """Is sent once. httplib2 sends again by itself when a line was cut; we ask first what has come."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._size, self._is_over = len(content), False

    def __len__(self) -> int:
        return self._size

    def read(self, size: int | None = -1, /) -> bytes:
        if self._is_over:
            raise ConnectionError("the line was cut")
        got = super().read(size)
        self._is_over = not got
        return got

    def seek(self, offset: int, whence: int = 0, /) -> int:
        # With a fresh token it is sent again.
        self._is_over = False
        return super().seek(offset, whence)


def _unreachable() -> str:
    return str(_("Google Drive can’t be reached or takes nothing right now. Try again later."))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


@lru_cache(2)
def _document(api_url: str) -> str:
    """Google's description of Drive, from the client's package; uploads go where ``rootUrl`` says."""
    found = json.loads(get_static_doc("drive", "v3") or "{}")
    found.pop("mtlsRootUrl", None)
    return json.dumps({**found, "rootUrl": api_url, "baseUrl": f"{api_url}drive/v3/"})
