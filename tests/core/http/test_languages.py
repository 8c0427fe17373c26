"""Languages: which one a page gets, and what the browser is told of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from flask_babel import force_locale, get_translations, gettext

from core.http import i18n

ROOT = Path(__file__).resolve().parents[3]
GERMAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Language: de\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#: templates/people/sign_in.html:2
msgid "Sign in"
msgstr "Anmelden"

#: ui/room/Prejoin.tsx:71
msgid "Join lecture"
msgstr "Vorlesung beitreten"

#: ui/room/call/Side.tsx:3 templates/x.html:1
msgid "{count} person"
msgid_plural "{count} people"
msgstr[0] "{count} Person"
msgstr[1] "{count} Leute"

#: plugins/chat/ui/room.tsx:9
msgid "Send"
msgstr "Senden"

#: ui/room/Prejoin.tsx:90
msgid "Not translated yet"
msgstr ""

#, fuzzy
#: ui/room/Prejoin.tsx:91
msgid "Unsure"
msgstr "Unsicher"
"""


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_app: Callable[..., Flask]) -> Flask:
    """The app with a catalogue of its own."""
    file = tmp_path / "de" / "LC_MESSAGES" / "messages.po"
    file.parent.mkdir(parents=True)
    file.write_text(GERMAN, "utf-8")
    monkeypatch.setattr(i18n, "_folders", lambda app: [tmp_path])
    return make_app()


def _sign_in_title(client: FlaskClient, **headers: str) -> str:
    page = client.get("/sign-in", headers=headers).text
    return page.partition("<title>")[2].partition(" ·")[0]


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("de", "Anmelden"),
        ("de-AT, en;q=0.5", "Anmelden"),
        ("en, de;q=0.8", "Sign in"),
        ("fr, de;q=0.5", "Anmelden"),
        ("tlh", "Sign in"),
        ("", "Sign in"),
        ("*", "Sign in"),
        ("\x80;;q=x, ,", "Sign in"),
    ],
)
def test_a_page_is_in_the_language_the_browser_asks_for(german: Flask, asked: str, title: str) -> None:
    assert _sign_in_title(german.test_client(), **{"Accept-Language": asked}) == title


def test_the_language_of_a_page_is_named(german: Flask) -> None:
    page = german.test_client().get("/sign-in", headers={"Accept-Language": "de"}).text
    assert '<html lang="de" dir="ltr">' in page


def test_a_chosen_language_wins(german: Flask, make_user: Any, sign_in: Any) -> None:
    from flask import session

    from core.db import db
    from core.people.models import User

    user = make_user(locale="de")
    with german.test_request_context(headers={"Accept-Language": "en"}):
        session["_user_id"] = db.session.get_one(User, user).get_id()
        assert i18n.choose_locale() == "de"


def test_a_request_finds_its_catalogue_once_and_another_while_a_language_is_forced(german: Flask) -> None:
    with german.test_request_context(headers={"Accept-Language": "de"}):
        found = get_translations()
        assert get_translations() is found and g._flask_babel.babel_translations is found
        with force_locale("en"):
            assert gettext("Sign in") == "Sign in"
            with force_locale("de"):
                assert gettext("Sign in") == "Anmelden"
            assert gettext("Sign in") == "Sign in"
        assert gettext("Sign in") == "Anmelden" and get_translations() is found


def test_values_in_texts_of_templates_are_escaped_and_the_texts_are_not(german: Flask) -> None:
    template = (
        "{{ _('<i>%(how)s</i>', how=name) }} {{ ngettext('%(num)s &', '%(num)s &&', 2) }} {{ _('100%%') }}"
    )
    with german.test_request_context():
        made = german.jinja_env.from_string(template).render(name="<b>")
        assert made == "<i>&lt;b&gt;</i> 2 && 100%"
        plain = german.jinja_env.from_string("{% autoescape false %}" + template + "{% endautoescape %}")
        assert plain.render(name="<b>") == "<i><b></i> 2 && 100%"


def test_the_browser_gets_what_its_scripts_say_and_nothing_else(german: Flask) -> None:
    with german.app_context():
        assert i18n.messages_for_browser("de") == {
            "Join lecture": "Vorlesung beitreten",
            "{count} person": ["{count} Person", "{count} Leute"],
        }
        assert i18n.messages_for_browser("de", under="plugins/chat/ui") == {"Send": "Senden"}
        assert i18n.messages_for_browser("en") == {}


def test_languages_are_offered_by_their_own_names(german: Flask) -> None:
    with german.app_context():
        assert i18n.locales() == {"en": "English", "de": "Deutsch"}


def test_a_changed_catalogue_is_compiled_anew(german: Flask, tmp_path: Path) -> None:
    import os

    source = tmp_path / "de" / "LC_MESSAGES" / "messages.po"
    compiled = source.with_suffix(".mo")
    before = compiled.read_bytes()
    source.write_text(GERMAN.replace("Anmelden", "Einloggen"), "utf-8")
    os.utime(compiled, (1, 1))
    i18n.compile_catalogues([tmp_path])
    assert compiled.read_bytes() != before


def test_every_kind_of_text_is_found_for_translation(tmp_path: Path) -> None:
    target = tmp_path / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg"]
    subprocess.run([*command, "-k", "t", "-k", "tn:1,2", "-o", str(target), "."], cwd=ROOT, check=True)
    found = target.read_text("utf-8")
    for text in ("The address or the password is wrong", "Stay signed in on this device", "Join lecture"):
        assert text in found
    assert "node_modules" not in found
