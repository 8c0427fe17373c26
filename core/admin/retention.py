"""How long content is kept: the rules, what they would remove now, a run by hand, reports of all runs."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.admin.menu import show
from core.db import db
from core.errors import Refusal
from core.http.callers import me
from core.http.views import limited
from core.people.privacy.persons import plugins_that_are_off
from core.people.sessions import admin_required
from core.retention import jobs, kinds, runs, stock

bp = Blueprint("admin_retention", __name__)
PAGE = "/admin/retention"
MOST_ROOMS = 100
MOST_RESULTS = 500


@bp.get(PAGE)
@admin_required
def page() -> ResponseReturnValue:
    """What applies, what would be deleted now, and past runs."""
    part = runs.page(request.args)
    totals = runs.totals([run.id for (run,) in part.items])
    return show(
        "retention",
        preview=stock.preview(),
        part=part,
        totals={run.id: [row for row in totals if row.run_id == run.id] for (run,) in part.items},
        titles=kinds.TITLES,
        running=runs.waiting(),
        off=plugins_that_are_off(),
        most=MOST_ROOMS,
    )


@bp.get(f"{PAGE}/run")
@admin_required
def ask() -> ResponseReturnValue:
    """Ask once, with what goes."""
    return show("retention_run", preview=stock.preview())


@bp.post(f"{PAGE}/run")
@admin_required
def run() -> ResponseReturnValue:
    """Carry out the rules now."""
    begin_run()
    made = jobs.ask(me())
    db.session.commit()
    return redirect(f"{PAGE}/runs/{made.public_id}", 303)


begin_run = limited(run, "10/minute")


@bp.get(f"{PAGE}/runs/<public_id>")
@admin_required
def report(public_id: str) -> ResponseReturnValue:
    """What one run has done, by kind and room."""
    found = runs.find(public_id)
    if found is None:
        raise Refusal(404, _("There is no such report. It may have been deleted."), code="not_found")
    return show(
        "retention_report",
        run=found,
        titles=kinds.TITLES,
        totals=runs.totals([found.id]),
        results=runs.results(found, MOST_RESULTS),
    )
