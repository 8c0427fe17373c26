"""What was done and what went wrong, to be read in a browser."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import audit as record_of
from core.admin.menu import done, show
from core.config import config
from core.db import db, now
from core.engine.plugins import plugins
from core.health import checks
from core.http.callers import me
from core.http.forms import Form
from core.http.views import limited
from core.lists import address, given
from core.logs import audit, system
from core.people.sessions import admin_required

bp = Blueprint("admin_logs", __name__)
PAGE, SYSTEM = "/admin/logs", "/admin/logs/system"
LONGEST = 200
DEEDS = ("who", "action", "room", "text", "since", "until")
ERRORS = ("plugin", "text", "request_id")


@bp.get(PAGE)
@admin_required
def page() -> ResponseReturnValue:
    """The audit log: who did what to whom."""
    form, wanted = _read()
    found = audit.page(wanted) if form.ok else audit.Page([], "")
    older = address(PAGE, form.values, before=found.older)
    about = {"form": form, "page": found, "older": older, "actions": audit.actions()}
    return show("audit", 200 if form.ok else form.status, **about, table=address(f"{PAGE}.csv", form.values))


@bp.get(f"{PAGE}.csv")
@admin_required
def table() -> ResponseReturnValue:
    """The same as a table to take along."""
    form, wanted = _read()
    if not form.ok:
        return redirect(address(PAGE, form.values))
    take_table()
    response = Response(stream_with_context(audit.as_csv(wanted)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="audit-{now():%Y-%m-%d}.csv"'
    return response


take_table = limited(table, "20/minute")


def _read() -> tuple[Form, audit.Wanted]:
    form = Form(given(DEEDS, LONGEST))
    since, until = form.days(_("Please choose a day."), _("This day is before the first one."))
    words = {name: form.value(name).strip() for name in ("who", "action", "room", "text")}
    return form, audit.Wanted(
        **words, since=since, until=until, before=request.args.get("before", "")[:LONGEST]
    )


# --- what went wrong ----------------------------------------------------------------------


@bp.get(SYSTEM)
@admin_required
def errors() -> ResponseReturnValue:
    """The system log: errors of all programs, each kind once."""
    form = Form({name: said.strip() for name, said in given(ERRORS, LONGEST).items()})
    before = request.args.get("before", "")[:LONGEST]
    plugin, text, number = (form.value(name) for name in ERRORS)
    found = system.page(system.Wanted(plugin=plugin, text=text, request_id=number, before=before))
    names = ["core", *sorted(plugins.loaded)]
    return show(
        "errors", form=form, page=found, names=names, older=address(SYSTEM, form.values, before=found.older)
    )


@bp.post(f"{SYSTEM}/clear")
@admin_required
def clear() -> ResponseReturnValue:
    """Forget one kind of error, or all; what happens again comes back."""
    chosen = request.form.get("id", "")
    ids = [int(chosen)] if chosen.isascii() and chosen.isdecimal() and len(chosen) < 19 else None
    if chosen and ids is None:
        ids = []
    gone = system.clear(ids)
    if gone:
        record_of.record("system_log.clear", actor=me(), entries=gone)
    db.session.commit()
    return done(SYSTEM, _("Removed. What happens again comes back."))


# --- how it is ----------------------------------------------------------------------------


@bp.get("/admin/health")
@admin_required
def health() -> ResponseReturnValue:
    """What `/readyz` looks at, with its words."""
    seen = checks.look()
    ready, address = checks.is_ready(seen), f"{config().public_url}/readyz"
    return show("health", seen=seen, ready=ready, address=address, gated=config().gated)
