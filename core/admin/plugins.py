"""What is installed and what is enabled, where its settings are, and whether it works."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, current_app, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from core.admin import changes
from core.admin.menu import show
from core.contracts import HealthCheck
from core.db import db
from core.doctor.plugins import of_plugin
from core.engine import offers
from core.engine.plugins import Description, describe, plugins
from core.errors import Refusal
from core.http.tries import Tries
from core.logs import system
from core.people.sessions import admin_required

bp = Blueprint("admin_plugins", __name__)
PAGE = "/admin/plugins"
# A check may take seconds and asks services of others.
CHECKS = Tries("admin-plugin-checks", "30 per minute")


@dataclass(frozen=True)
class Card:
    """A plugin as the page shows it; ``pages`` are titles and addresses of its admin pages.

    ``errors``: how many kinds of them the system log has.
    """

    about: Description
    text: str
    settings: str
    pages: list[tuple[str, str]]
    checks: int
    errors: int


@bp.get(PAGE)
@admin_required
def page() -> ResponseReturnValue:
    """Every installed plugin, the enabled ones first. Nothing is checked here."""
    return show("plugins", cards=_cards(), checked="", findings=[])


@bp.post(f"{PAGE}/<name>/check")
@admin_required
def check(name: str) -> ResponseReturnValue:
    """Ask one plugin whether all works; each check has the time that it says it needs."""
    mine = _checks_of(name)
    if not mine:
        raise Refusal(404, _("This plugin has nothing to check."), code="not_found")
    CHECKS.take(str(current_user.id))
    findings = [of_plugin(one.name, one) for one in mine]
    db.session.rollback()
    return show("plugins", cards=_cards(), checked=name, findings=findings)


def _cards() -> list[Card]:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    found = sorted(describe(app), key=lambda one: (not one.enabled, (one.title or one.name).lower()))
    errors = system.by_plugin()
    return [_card(one, errors.get(one.name, 0)) for one in found]


def _card(one: Description, errors: int) -> Card:
    loaded = plugins.loaded.get(one.name)
    return Card(
        about=one,
        text=str(loaded.manifest.description) if loaded else "",
        settings=f"{url_for('admin_settings.page')}#{one.name}" if changes.editable(one.name) else "",
        pages=_pages_of(one.name),
        checks=len(_checks_of(one.name)),
        errors=errors,
    )


def _checks_of(name: str) -> list[HealthCheck]:
    return [found for key, found in offers.health_checks().items() if key.startswith(f"{name}.")]


def _pages_of(name: str) -> list[tuple[str, str]]:
    """Admin pages that this plugin has added."""
    loaded = plugins.loaded.get(name)
    if loaded is None:
        return []
    views = current_app.view_functions
    mine = [one for one in offers.admin_pages().values()
            if f"{views[one.endpoint].__module__}.".startswith(f"{loaded.package}.")]  # fmt: skip
    return [(str(one.title), url_for(one.endpoint)) for one in mine]
