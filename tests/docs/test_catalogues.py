"""Every text is there in every language, and says the same with the same values."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from tests.docs.documents import ROOT, text

FILES = sorted(ROOT.glob("core/translations/*/LC_MESSAGES/messages.po"))
# What gettext and the room page fill in.
PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
FOLDERS = ("core", "plugins", "templates", "ui")
FAMILIAR = re.compile(r"\b(du|dir|dich|dein\w*|euch|euer|eure\w*)\b", re.I)


@lru_cache
def said() -> dict[str | tuple[str, ...], set[str]]:
    """Every text of the code, with the files that say it; taken as `make messages` takes them."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = {**DEFAULT_KEYWORDS, **parse_keywords(re.findall(r"-k (\S+)", text("Makefile")))}
    found: dict[str | tuple[str, ...], set[str]] = {}
    for name, _line, message, _comments, _context in extract_from_dir(
        ROOT, methods, options, keywords, directory_filter=_speaks
    ):
        if message:
            found.setdefault(message, set()).add(name)
    return found


def _speaks(folder: str | os.PathLike[str]) -> bool:
    """Whether people see what is said in this folder."""
    inside = Path(folder).resolve().relative_to(ROOT).parts
    return not inside or (inside[0] in FOLDERS and not {"dist", "__pycache__"} & set(inside))


@pytest.fixture(params=FILES, ids=lambda path: path.parents[1].name)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    path: Path = request.param
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name)


def entries(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def forms(text: Any) -> list[str]:
    """One text, or one for each number."""
    return [text] if isinstance(text, str) else list(text)


def test_there_are_languages_beside_english() -> None:
    assert [path.parents[1].name for path in FILES] == ["de"]


def test_every_text_is_in_the_catalogue(catalogue: Catalog) -> None:
    known = {message.id for message in entries(catalogue)}
    assert len(said()) > 300
    missing = {message: sorted(where) for message, where in said().items() if message not in known}
    assert not missing, "run `make messages`, then translate these"


def test_nothing_is_in_the_catalogue_that_nobody_says(catalogue: Catalog) -> None:
    assert not [message.id for message in entries(catalogue) if message.id not in said()], (
        "run `make messages`"
    )
    assert not catalogue.obsolete


def test_nothing_is_left_untranslated_or_unsure(catalogue: Catalog) -> None:
    for message in entries(catalogue):
        assert not message.fuzzy, message.id
        assert all(forms(message.string)), message.id
        if not isinstance(message.id, str):
            assert len(forms(message.string)) == catalogue.num_plurals, message.id


def test_translations_have_the_same_places_for_values(catalogue: Catalog) -> None:
    for message in entries(catalogue):
        wanted = set(PLACE.findall(forms(message.id)[-1]))
        given = [set(PLACE.findall(form)) for form in forms(message.string)]
        assert given[-1] == wanted, message.id
        # The form for one may do without the number.
        assert all(one <= wanted and wanted - one <= {"%(num)s", "{count}"} for one in given), message.id
        assert not list(message.check(catalogue)), message.id


def test_translations_keep_the_blanks_at_their_ends_and_their_lines(catalogue: Catalog) -> None:
    for message in entries(catalogue):
        for form in forms(message.string):
            source = forms(message.id)[0]
            assert (form[:1] == " ", form[-1:] == " ") == (source[:1] == " ", source[-1:] == " "), source
            assert form.count("\n") == source.count("\n"), source


def test_german_says_sie_and_quotes_as_german_does() -> None:
    with FILES[0].open("rb") as file:
        german = read_po(file, locale="de")
    for message in entries(german):
        for form in forms(message.string):
            assert not FAMILIAR.search(form), form
            assert "”" not in form, form
            assert form.count("„") == form.count("“"), form
            assert not re.search(r"\w…", form), form
            assert not re.search(r"\bTeilnehmer(n|s|in|innen)?\b", form), form


# --- on the pages ---------------------------------------------------------------------


def test_pages_mails_and_dates_are_german_for_who_asks_for_it(
    client: FlaskClient, make_user: Any, sign_in: Any
) -> None:
    german = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
    page = client.get("/sign-in", headers=german).text
    assert '<html lang="de"' in page
    assert "Passwort vergessen?" in page
    dashboard = sign_in(make_user("ada@uni.example", name="Ada Lovelace")).get("/", headers=german).text
    assert re.search(r"<p class=\"muted\">\w+, \d+\. \w+</p>", dashboard)


def test_the_room_page_gets_every_text_that_it_says(
    client: FlaskClient, make_user: Any, make_room: Any
) -> None:
    _key, _public_id, code = make_room(make_user("ada@uni.example"), "Graphs")
    page = client.get(f"/r/{code}", headers={"Accept-Language": "de"}).text
    given = json.loads(re.search(r'id="room-config">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    wanted = {
        forms(m)[0] for m, where in said().items() if any(file.startswith("ui/room/") for file in where)
    }
    assert len(wanted) > 100
    assert given["locale"] == "de"
    assert wanted <= set(given["messages"])
    assert given["messages"]["{count} person"] == ["{count} Person", "{count} Personen"]
