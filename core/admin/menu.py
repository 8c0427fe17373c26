"""The menu of the admin pages: core's own, then those of plugins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from core.engine import offers
from core.lists import address

ROOT = "/admin"


@dataclass(frozen=True)
class Entry:
    """A line of the menu. It is marked on its own page and on those below it."""

    title: Any
    address: str
    icon: str
    is_here: bool = False


@dataclass(frozen=True)
class CorePage:
    """An admin page of core: the endpoint of its first view, and what its address says more."""

    title: Any
    endpoint: str
    icon: str
    values: Mapping[str, str] = field(default_factory=dict)


# In the order of the menu; the first is what `/admin` leads to.
CORE_PAGES = (
    CorePage(_l("Live"), "admin_monitor.page", "monitor"),
    CorePage(_l("People"), "admin_people.page", "users"),
    CorePage(_l("Rooms"), "admin_rooms.page", "presentation"),
    CorePage(_l("Lectures"), "lectures.all_lectures", "graduation-cap", {"whose": "everyone"}),
    CorePage(_l("Settings"), "admin_settings.page", "settings"),
    CorePage(_l("Settings of rooms"), "admin_room_settings.page", "lock"),
    CorePage(_l("Retention"), "admin_retention.page", "history"),
    CorePage(_l("Plugins"), "admin_plugins.page", "puzzle"),
    CorePage(_l("Logs"), "admin_logs.page", "scroll-text"),
    CorePage(_l("Health"), "admin_logs.health", "zap"),
)


def init_app(app: Flask) -> None:
    """Every page among the admin pages has the menu, whoever made it."""
    app.context_processor(lambda: {"admin_menu": menu, "list_address": address})


def menu() -> list[Entry]:
    """What stands beside the page that is shown; nothing beside pages that aren't for admins."""
    if not getattr(current_user, "is_admin", False):
        return []
    entries = [*_of_core(), *_of_plugins()]
    return entries if request.path.startswith(f"{ROOT}/") or any(one.is_here for one in entries) else []


def first() -> str:
    """The address of the first page."""
    return url_for(CORE_PAGES[0].endpoint)


def _of_core() -> list[Entry]:
    return [_entry(page.title, page.endpoint, page.icon, page.values) for page in CORE_PAGES]


def _of_plugins() -> list[Entry]:
    return [_entry(page.title, page.endpoint, page.icon, {}) for page in offers.admin_pages().values()]


def _entry(title: Any, endpoint: str, icon: str, values: Mapping[str, str]) -> Entry:
    path = url_for(endpoint)
    is_here = request.path == path or (not values and request.path.startswith(f"{path}/"))
    is_asked = all(request.args.get(name) == value for name, value in values.items())
    return Entry(title, url_for(endpoint, **dict[str, Any](values)), icon, is_here and is_asked)


def done(address: str, words: str, kind: str = "ok") -> ResponseReturnValue:
    """Back to a page, which says what was done."""
    flash(words, kind)
    return redirect(address, 303)


def show(template: str, status: int = 200, **about: Any) -> tuple[str, int]:
    """A page below ``templates/admin``."""
    return render_template(f"admin/{template}.html", **about), status
