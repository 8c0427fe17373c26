"""The fonts of this machine, and which of them a document needs."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from plugins.export_pdf import coverage

PACKAGES = ("manimgx_fonts", "paperang_p2_fonts_cjk")
# Where set-up puts the bold one that it makes.
MADE = Path(sys.prefix) / "share" / "fonts" / "audimax"
SYSTEM = (
    "/usr/local/share/fonts",
    "/usr/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "~/Library/Fonts",
)
ENDINGS = frozenset((".ttf", ".ttc", ".otf"))
# Regular faces from the best, without -Regular and [wght]. The first that has Latin is that of the document.
KNOWN = (
    *("notosans", "notosansarabic", "notonaskharabic", "notosanshebrew", "notoemoji"),
    *("dejavusans", "liberationsans", "freesans", "arial"),
    *("wqy-microhei", "droidsansfallbackfull", "droidsansfallback", "arial unicode", "arialunicode"),
    *("nanumgothic", "applegothic", "ipagp", "ipag", "stheiti light", "vl-pgothic-regular"),
    *("symbola", "symbola_hint", "apple symbols", "unifont"),
)
OTHER_NOTO = re.compile(r"noto(sans|serif)[a-z0-9]+\Z")
VARIANT = re.compile(r"\[[^]]*\]|[-_ ]regular\Z", re.I)
NOT_REGULAR = re.compile(r"(bold|italic|oblique|black|light|thin|medium|condensed|mono)", re.I)
LATIN = frozenset(map(ord, "AZazÄéß“–0129"))
MOST_NAMES = 10
MARKS = "□▯\ufffd?"
REMEDY = (
    "run `make fonts`, or install fonts of the system (on Debian: fonts-noto-core fonts-dejavu "
    "fonts-wqy-microhei fonts-symbola), or name folders of fonts in plugins.export_pdf.font_folders"
)

# What the health check looks for, by the name under which an admin knows it.
SCRIPTS: Mapping[str, str] = {
    "Latin": "Aäßøł",
    "Greek": "Ωλ",
    "Cyrillic": "Жя",
    "Arabic": "عم",
    "Hebrew": "שב",
    "Chinese": "汉漢",
    "Japanese": "あア",
    "Korean": "한국",
    "Emoji": "🙂🎓",
}


@dataclass(frozen=True)
class Face:
    """A font file, the bold one that belongs to it (or none), and the characters that both draw."""

    path: Path
    bold: Path | None
    characters: frozenset[int]

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path, self.bold) if self.bold else (self.path,)


@dataclass(frozen=True)
class Choice:
    """The faces that a document needs, its main one first, and what no font of this machine draws.

    ``instead``: what is drawn in the place of characters, a plain form of them or the ``mark``.
    """

    faces: tuple[Face, ...]
    missing: frozenset[int]
    mark: str
    instead: Mapping[int, str]


def choose(wanted: frozenset[int], own: Sequence[str] = ()) -> Choice:
    """The fewest faces, from the best, that draw these characters. Raises ``ValueError`` without any font."""
    known = installed(tuple(own))
    main = next((face for face in known if face.characters >= LATIN), None)
    if main is None:
        raise ValueError("no TrueType font with Latin letters is installed: run `make setup` once more")
    mark = next((letter for letter in MARKS if any(ord(letter) in face.characters for face in known)), "?")
    left = (wanted | {ord(mark)}) - main.characters
    faces = [main]
    for face in known:
        if left & face.characters and face is not main:
            faces.append(face)
            left -= face.characters
    drawn = frozenset[int]().union(*(face.characters for face in faces))
    plain = {code: form for code in left if (form := _plain_form(code)) and set(map(ord, form)) <= drawn}
    return Choice(tuple(faces), left - plain.keys(), mark, dict.fromkeys(left, mark) | plain)


def _plain_form(code: int) -> str:
    """A letter of mathematics, or one in a circle, as a letter; empty where there is no such form."""
    form = unicodedata.normalize("NFKC", chr(code))
    return form if form != chr(code) and form.isalnum() else ""


def names_of(missing: Iterable[int]) -> str:
    """What these characters are, for the log: the first words of their names in Unicode."""
    known = (unicodedata.name(chr(code), f"U+{code:04X}") for code in sorted(missing))
    return ", ".join(sorted({name.split("-")[0].split(" ")[0].capitalize() for name in known})[:MOST_NAMES])


def lacking(own: Sequence[str] = ()) -> list[str]:
    """The scripts for which this machine has no font."""
    drawn = frozenset[int]().union(*(face.characters for face in installed(tuple(own))))
    return [name for name, sample in SCRIPTS.items() if not set(map(ord, sample)) <= drawn]


@lru_cache(maxsize=8)
def installed(own: tuple[str, ...]) -> tuple[Face, ...]:
    """Every face that can be used: the institution's, then the known ones from the best."""
    files = {_name(path): path for path in reversed([*_known_files(own)])}
    mine = [path for folder in own for path in _files(Path(folder)) if _is_regular(path)]
    ranked = sorted((path for name, path in files.items() if _rank(name) is not None), key=_order)
    faces = (_face(path, files) for path in dict.fromkeys([*mine, *ranked]))
    return tuple(face for face in faces if face.characters)


def packaged() -> Iterator[Path]:
    """The font files of pip packages, and what was made of them."""
    for name in PACKAGES:
        spec = find_spec(name)
        for folder in (spec and spec.submodule_search_locations) or ():
            yield from _files(Path(folder))
    yield from _files(MADE)


def _known_files(own: Sequence[str]) -> Iterator[Path]:
    for folder in own:
        yield from _files(Path(folder))
    yield from packaged()
    for folder in SYSTEM:
        yield from _files(Path(os.path.expanduser(folder)))


@lru_cache(maxsize=64)
def _files(folder: Path) -> tuple[Path, ...]:
    found = (Path(at) / name for at, _folders, names in os.walk(folder) for name in names)
    return tuple(sorted(path for path in found if path.suffix.lower() in ENDINGS))


def _name(path: Path) -> str:
    return VARIANT.sub("", path.stem).lower()


def _rank(name: str) -> int | None:
    if name in KNOWN:
        return KNOWN.index(name)
    # The other scripts of Noto, before fonts that have a little of everything.
    return KNOWN.index("notoemoji") if OTHER_NOTO.match(name) and not NOT_REGULAR.search(name) else None


def _order(path: Path) -> tuple[int, str]:
    name = _name(path)
    return _rank(name) or 0, name


def _is_regular(path: Path) -> bool:
    return not NOT_REGULAR.search(path.stem)


def _face(path: Path, files: Mapping[str, Path]) -> Face:
    drawn = coverage.characters(path)
    name = _name(path)
    bold = next((files[f"{name}{end}"] for end in ("-bold", " bold", "bd") if f"{name}{end}" in files), None)
    if bold and (both := drawn & coverage.characters(bold)) >= LATIN:
        return Face(path, bold, both)
    return Face(path, None, drawn)
