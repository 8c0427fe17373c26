"""What a file is, by its bytes; its name only says what it should be."""

from __future__ import annotations

import codecs
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO, cast

import puremagic
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

# So much of the beginning is read.
HEAD = 64 * 1024
UNKNOWN = "application/octet-stream"
# What a browser would run, or read as a page: handed out as bytes.
ACTIVE = frozenset({"text/html", "image/svg+xml", "text/javascript", "application/xml", "text/css"})
# An office document has some dozens of parts; a listing that is longer isn't read.
MOST_PARTS, LONGEST_LISTING = 20_000, 4_000_000
_END_OF_ZIP = struct.Struct("<4s4H2LH")
# Without these a text has no bytes below the space.
_CONTROLS = bytes(sorted(set(range(32)) - set(b"\t\n\v\f\r\x1b")))

Open = Callable[[int, int | None], BinaryIO]


class Unfit(Exception):
    """The content isn't what the name says; the text is shown to people."""


@dataclass(frozen=True)
class Content:
    """The bytes of a file: their beginning, how many there are, and a way to read any part of them."""

    head: bytes
    size: int
    open: Open

    @classmethod
    def of(cls, size: int, open: Open) -> Content:
        with open(0, HEAD) as body:
            return cls(body.read(), size, open)

    @property
    def is_whole(self) -> bool:
        return len(self.head) >= self.size


def found(content: Content, extension: str) -> str:
    """The media type of content that fits the extension; ``Unfit``, in words, if it doesn't."""
    kind = KINDS.get(extension)
    if kind is None:
        return _of_another_kind(content)
    if not kind.fits(content):
        raise Unfit(
            _(
                "The name says %(said)s, the content is %(found)s. "
                "Give the file its right name, then send it again.",
                said=extension.upper(),
                found=words_for(content),
            )
        )
    return kind.mime


def handed_out_as(mime: str) -> str:
    """The media type that is told to browsers."""
    return UNKNOWN if mime in ACTIVE else mime


def words_for(content: Content) -> str:
    """What the content is, as the object of a sentence."""
    for extension in seen(content.head):
        if extension in NAMES:
            return str(NAMES[extension])
    return _("text") if is_text(content) else _("something else")


# --- how each kind shows ----------------------------------------------------------------


def seen(head: bytes) -> list[str]:
    """The extensions whose signature this beginning has, the surest first."""
    with suppress(puremagic.PureError, ValueError):
        return [match.extension.lstrip(".").lower() for match in puremagic.magic_string(head)]
    return []


def is_text(content: Content) -> bool:
    """Whether it can be read as text: UTF-8, UTF-16 with its mark, or one of the 8-bit encodings."""
    head = content.head
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decodes(head, "utf-16", content.is_whole)
    if head.translate(None, _CONTROLS) != head:
        return False
    return _decodes(head, "utf-8", content.is_whole) or _decodes(head, "cp1252", content.is_whole)


def _decodes(head: bytes, encoding: str, final: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(head, final)
    except UnicodeDecodeError:
        return False
    return True


def _of_another_kind(content: Content) -> str:
    """An extension that we don't know may hold what we don't know either, but no disguise."""
    for extension in seen(content.head):
        if extension in NAMES:
            raise Unfit(_("The content is %(found)s. Give the file its right name, then send it again.",
                          found=NAMES[extension]))  # fmt: skip
    return UNKNOWN


def _signature(*extensions: str) -> Callable[[Content], bool]:
    return lambda content: not set(extensions).isdisjoint(seen(content.head))


def _mp3(content: Content) -> bool:
    # Without tags it begins with a frame: eleven bits that are set, and a layer.
    frame = content.head[:2].ljust(2, b"\0")
    begins_so = frame[0] == 0xFF and frame[1] & 0xE0 == 0xE0 and frame[1] & 0x06 != 0
    return begins_so or _signature("mp3", "mpga")(content)


def _pdf(content: Content) -> bool:
    return content.head[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-")


def _picture(*brands: bytes) -> Callable[[Content], bool]:
    return lambda content: content.head[4:8] == b"ftyp" and content.head[8:12] in brands


def _film(content: Content) -> bool:
    return content.head[4:8] == b"ftyp" and content.head[8:12] not in (*_HEIC, *_AVIF)


def _quicktime(content: Content) -> bool:
    return content.head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free")


def _matroska(content: Content) -> bool:
    return content.head.startswith(b"\x1aE\xdf\xa3")


def _ole(content: Content) -> bool:
    return content.head.startswith(bytes.fromhex("d0cf11e0a1b11ae1"))


def _declared(mime: bytes) -> Callable[[Content], bool]:
    """A ZIP archive whose first entry says what it is, as OpenDocument and EPUB have it."""
    return lambda content: (
        content.head.startswith(b"PK\3\4") and content.head[30:].startswith(b"mimetype" + mime)
    )


def _office(folder: str) -> Callable[[Content], bool]:
    """A ZIP archive with the parts of an Office document."""

    def fits(content: Content) -> bool:
        names = listing(content) if content.head.startswith(b"PK\3\4") else ()
        return "[Content_Types].xml" in names and any(name.startswith(folder) for name in names)

    return fits


def listing(content: Content) -> frozenset[str]:
    """The names in a ZIP archive, none where its listing is too long to be read. Nothing is unpacked."""
    if not _has_short_listing(content):
        return frozenset()
    try:
        with _Seekable.of(content) as file:
            return frozenset(zipfile.ZipFile(file).namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error):
        return frozenset()


def _has_short_listing(content: Content) -> bool:
    start = max(0, content.size - 65_535 - _END_OF_ZIP.size)
    with content.open(start, None) as body:
        tail = body.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END_OF_ZIP.size:
        return False
    *_before, entries, length, _offset, _comment = _END_OF_ZIP.unpack_from(tail, at)
    # ZIP64 has other numbers in another place: no office document needs it.
    return entries <= MOST_PARTS and length <= LONGEST_LISTING and b"PK\6\7" not in tail[max(0, at - 20) : at]


class _Seekable(RawIOBase):
    """A stored file in which one can go to and fro."""

    def __init__(self, content: Content) -> None:
        self._content, self._at = content, 0

    @classmethod
    def of(cls, content: Content) -> BinaryIO:
        return cast(BinaryIO, BufferedReader(cls(content), HEAD))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._content.size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        with self._content.open(self._at, len(buffer)) as body:
            piece = body.read(len(buffer))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


# --- what we know -----------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A media type, and how to tell whether content is of it."""

    mime: str
    fits: Callable[[Content], bool]


TEXTS = {
    "text/plain": "txt md rst bib tex log srt yaml yml toml ini sql py java c h cpp hpp ts r m",
    "text/csv": "csv tsv",
    "text/calendar": "ics",
    "text/vtt": "vtt",
    "text/css": "css",
    "text/html": "html htm",
    "text/javascript": "js mjs",
    "application/xml": "xml",
    "image/svg+xml": "svg",
    "application/json": "json ipynb",
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_HEIC, _AVIF = (b"heic", b"heix", b"hevc", b"mif1", b"msf1"), (b"avif", b"avis")
_ODF = "application/vnd.oasis.opendocument."
_JPEG = Kind("image/jpeg", _signature("jpg", "jpeg"))
_TIFF = Kind("image/tiff", _signature("tif", "tiff"))
_GZIP = Kind("application/gzip", _signature("gz"))
_OGG = _signature("ogg", "oga", "ogv", "opus")
KINDS: dict[str, Kind] = {
    "png": Kind("image/png", _signature("png")),
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "gif": Kind("image/gif", _signature("gif")),
    "webp": Kind("image/webp", _signature("webp")),
    "bmp": Kind("image/bmp", _signature("bmp")),
    "tif": _TIFF,
    "tiff": _TIFF,
    "heic": Kind("image/heic", _picture(*_HEIC)),
    "avif": Kind("image/avif", _picture(*_AVIF, b"mif1")),
    "pdf": Kind("application/pdf", _pdf),
    "rtf": Kind("application/rtf", _signature("rtf")),
    "doc": Kind("application/msword", _ole),
    "xls": Kind("application/vnd.ms-excel", _ole),
    "ppt": Kind("application/vnd.ms-powerpoint", _ole),
    "docx": Kind(f"{_OFFICE}wordprocessingml.document", _office("word/")),
    "xlsx": Kind(f"{_OFFICE}spreadsheetml.sheet", _office("xl/")),
    "pptx": Kind(f"{_OFFICE}presentationml.presentation", _office("ppt/")),
    **{
        extension: Kind(_ODF + name, _declared((_ODF + name).encode()))
        for extension, name in (("odt", "text"), ("ods", "spreadsheet"), ("odp", "presentation"))
    },
    "epub": Kind("application/epub+zip", _declared(b"application/epub+zip")),
    "zip": Kind("application/zip", _signature("zip", "docx")),
    "7z": Kind("application/x-7z-compressed", _signature("7z")),
    "gz": _GZIP,
    "tgz": _GZIP,
    "tar": Kind("application/x-tar", _signature("tar")),
    "mp3": Kind("audio/mpeg", _mp3),
    "m4a": Kind("audio/mp4", _film),
    "wav": Kind("audio/wav", _signature("wav")),
    "ogg": Kind("audio/ogg", _OGG),
    "opus": Kind("audio/ogg", _OGG),
    "flac": Kind("audio/flac", _signature("flac")),
    "mp4": Kind("video/mp4", _film),
    "mov": Kind("video/quicktime", _quicktime),
    "webm": Kind("video/webm", _matroska),
    "mkv": Kind("video/x-matroska", _matroska),
    **{one: Kind(mime, is_text) for mime, extensions in TEXTS.items() for one in extensions.split()},
}
_ARCHIVE, _PROGRAM = _l("a ZIP archive"), _l("a program")
# What may be said of content that was found under a wrong name.
NAMES: dict[str, Any] = {
    "png": _l("a PNG picture"),
    "jpg": _l("a JPEG picture"),
    "jpeg": _l("a JPEG picture"),
    "gif": _l("a GIF picture"),
    "webp": _l("a WebP picture"),
    "tiff": _l("a TIFF picture"),
    "pdf": _l("a PDF document"),
    "rtf": _l("an RTF document"),
    "doc": _l("an Office document"),
    "docx": _ARCHIVE,
    "zip": _ARCHIVE,
    "7z": _l("a 7z archive"),
    "rar": _l("a RAR archive"),
    "gz": _l("a gzip archive"),
    "tar": _l("a tar archive"),
    "mp3": _l("an MP3 recording"),
    "wav": _l("a WAV recording"),
    "ogg": _l("an Ogg recording"),
    "flac": _l("a FLAC recording"),
    "mp4": _l("an MP4 film"),
    "mov": _l("a QuickTime film"),
    "webm": _l("a WebM film"),
    "mkv": _l("a Matroska film"),
    "exe": _PROGRAM,
    "dll": _PROGRAM,
    "class": _PROGRAM,
}
