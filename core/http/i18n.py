"""Languages: which one a request gets, and the catalogue for the browser's part of a page.

English is the source. A language is a folder with ``messages.po`` below ``core/translations`` or
below a plugin's ``translations``; it is offered as soon as core has it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, cast

from babel import Locale, UnknownLocaleError, negotiate_locale, support
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, current_app, g, has_request_context, request
from flask_babel import Babel, Domain, get_locale
from flask_login import current_user
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from core.config import Config, config

log = logging.getLogger(__name__)
SOURCE = "en"
SCRIPTS = (".ts", ".tsx", ".js")


def init_app(app: Flask) -> None:
    """Set up Flask-Babel over core's and the plugins' catalogues."""
    settings: Config = app.extensions["audimax_config"]
    folders = _folders(app)
    compile_catalogues(folders)
    app.extensions["audimax_locales"] = _locales(folders[0])
    app.extensions["audimax_translations"] = folders
    # One for each app: it keeps the catalogues that it has read.
    made = Babel()
    made.init_app(
        app,
        default_locale=settings.default_locale,
        default_timezone=settings.time_zone,
        default_translation_directories=";".join(map(str, folders)),
        locale_selector=choose_locale,
    )
    made.domain_instance = said = Catalogues()
    app.jinja_env.globals.update(_=said.in_template, gettext=said.in_template, ngettext=said.in_template_many)
    app.context_processor(_for_templates)


class Catalogues(Domain):
    """A page finds its reader's catalogue once, not at each of its hundred texts.

    The two names are the library's private ones; a test holds them.
    """

    def get_translations(self) -> support.NullTranslations:
        """The catalogue of this request's language, or of the one that is forced for a while."""
        kept = getattr(g._get_current_object(), "_flask_babel", None)
        found = getattr(kept, "babel_translations", None)
        if found is None:
            found = super().get_translations()
            if kept is not None:
                kept.babel_translations = found
        return cast(support.NullTranslations, found)

    @pass_eval_context
    def in_template(self, how: EvalContext, text: str, /, **values: Any) -> str:
        """What ``_()`` is in templates."""
        return _filled(self.get_translations().gettext(text), how, values)

    @pass_eval_context
    def in_template_many(self, how: EvalContext, one: str, many: str, num: int, /, **values: Any) -> str:
        """What ``ngettext()`` is in templates."""
        return _filled(self.get_translations().ngettext(one, many, num), how, {"num": num, **values})


def _filled(text: str, how: EvalContext, values: dict[str, Any]) -> str:
    # Ours is the text, theirs the values: those are escaped.
    text = Markup(text) if how.autoescape else text  # noqa: S704
    return text % values if values or "%" in text else text


def choose_locale() -> str:
    """The person's choice, else the best of what the browser asks for, else the institution's."""
    if not has_request_context():
        return config().default_locale
    chosen = current_user.locale if current_user and current_user.is_authenticated else ""
    if chosen in locales():
        return str(chosen)
    asked = [tag.replace("-", "_") for tag, quality in request.accept_languages if quality > 0]
    return negotiate_locale(asked, list(locales())) or config().default_locale


def locales() -> dict[str, str]:
    """The languages on offer, each with its own name for itself."""
    return cast(dict[str, str], current_app.extensions["audimax_locales"])


def messages_for_browser(locale: str, under: str = "ui") -> dict[str, Any]:
    """The translations of what scripts below the folder ``under`` say, by their English text.

    A message with a plural has a list of its forms. ``plugins/<name>/ui`` gives a plugin's.
    """
    folders = tuple(current_app.extensions["audimax_translations"])
    return _script_messages(folders, locale, under)


@lru_cache(maxsize=256)
def _script_messages(folders: tuple[Path, ...], locale: str, under: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for folder in folders:
        for message in _catalogue(folder, locale):
            usable = message.id and message.string and not message.fuzzy
            if usable and _said_by_scripts(message.locations, under):
                key = message.id if isinstance(message.id, str) else message.id[0]
                found[key] = message.string if isinstance(message.string, str) else list(message.string or ())
    return found


def _said_by_scripts(locations: Iterable[tuple[str, Any]], under: str) -> bool:
    return any(file.startswith(f"{under}/") and file.endswith(SCRIPTS) for file, _line in locations)


def _catalogue(folder: Path, locale: str) -> Catalog:
    path = folder / locale / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return Catalog()
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def compile_catalogues(folders: Iterable[Path]) -> None:
    """Write the compiled form of every catalogue that is newer than it."""
    for source in (path for folder in folders for path in folder.glob("*/LC_MESSAGES/messages.po")):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            _compile(source, target)


def _compile(source: Path, target: Path) -> None:
    try:
        with source.open("rb") as read:
            catalogue = read_po(read)
        # Under another name first: workers that start together must not read half a file.
        with NamedTemporaryFile(dir=target.parent, suffix=".mo", delete=False) as written:
            write_mo(written, catalogue)
        Path(written.name).chmod(0o644)
        Path(written.name).replace(target)
    except OSError as error:
        # An image is read-only and has it compiled already.
        log.warning("%s can't be compiled: %s", source, error)


def _folders(app: Flask) -> list[Path]:
    """Core's folder first, then those of the enabled plugins that have one."""
    core = Path(app.root_path) / "translations"
    engine = app.extensions.get("audimax_plugins")
    plugins = engine.loaded.values() if engine else ()
    return [core, *(plugin.folder / "translations" for plugin in plugins)]


def _locales(folder: Path) -> dict[str, str]:
    found = sorted(path.parent.parent.name for path in folder.glob("*/LC_MESSAGES/messages.po"))
    return {name: _own_name(name) for name in dict.fromkeys([SOURCE, *found])}


def _own_name(name: str) -> str:
    try:
        return Locale.parse(name).get_display_name(name) or name
    except (ValueError, UnknownLocaleError):
        log.warning("%s is no language: rename the folder of its translations", name)
        return name


def _for_templates() -> dict[str, Any]:
    locale = get_locale() or Locale.parse(SOURCE)
    return {
        "locale": str(locale).replace("_", "-"),
        "text_direction": locale.text_direction,
        "institution": config().institution,
    }
