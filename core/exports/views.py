"""The page on which somebody takes a lecture out, and what has become of earlier wishes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.contracts import EVERYONE, Destination, Exporter, Link, Viewer
from core.db import db
from core.engine import offers
from core.engine.plugins import plugins
from core.engine.settings import fields
from core.errors import Refusal
from core.exports import delivering, exports
from core.exports.models import Export, State
from core.files import downloads
from core.files.models import StoredFile
from core.http.forms import Form
from core.http.views import here, page
from core.lectures.access import is_granted, reader_of
from core.lectures.models import Lecture
from core.lectures.sections import sections_for
from core.rooms.forms import Box

bp = Blueprint("exports", __name__)


@dataclass(frozen=True)
class Way:
    """An exporter or a destination as the form shows it; ``link``: what its viewer has to do first."""

    id: str
    title: str
    description: str
    boxes: tuple[Box, ...]
    link: Link | None = None
    page: str = ""


@bp.get("/lectures/<lecture_id>/exports")
@page(roles=EVERYONE)
def ways_out() -> ResponseReturnValue:
    """How a lecture can be taken out, and the viewer's exports of it."""
    viewer = _taker(here.lecture)
    if "HX-Request" in request.headers:
        return render_template("lectures/_exports.html", **_list(here.lecture, viewer))
    return _form(here.lecture, viewer, _fresh_form(ways(here.lecture, viewer)))


@bp.post("/lectures/<lecture_id>/exports")
@page(roles=EVERYONE, limit="60/minute")
def begin() -> ResponseReturnValue:
    """A new export; wrong input shows the form again with what was typed."""
    lecture, viewer = here.lecture, _taker(here.lecture)
    form = Form(request.form.to_dict())
    chosen = request.form.getlist("section")
    if not chosen:
        form.problem = _("Choose at least one section.")
        return _form(lecture, viewer, form, chosen), 422
    try:
        exports.ask(lecture, viewer, form.value("exporter"), _options(form), chosen)
    except Refusal as refusal:
        db.session.rollback()
        form.refuse(refusal)
        return _form(lecture, viewer, form, chosen), refusal.status
    db.session.commit()
    return _back(lecture)


@bp.post("/lectures/<lecture_id>/exports/<export_id>/cancel", defaults={"what": "cancel"})
@bp.post("/lectures/<lecture_id>/exports/<export_id>/again", defaults={"what": "again"})
@bp.post("/lectures/<lecture_id>/exports/<export_id>/remove", defaults={"what": "remove"})
@page(roles=EVERYONE, limit="120/minute")
def change(export_id: str, what: str) -> ResponseReturnValue:
    """Call an export off, make it again, or forget it."""
    lecture = here.lecture
    found = exports.find(lecture, _taker(lecture), export_id, lock=True)
    {"cancel": exports.call_off, "again": exports.again, "remove": exports.remove}[what](found)
    db.session.commit()
    return _back(lecture)


@bp.get("/lectures/<lecture_id>/exports/<export_id>/file")
@page(roles=EVERYONE)
def file(export_id: str) -> ResponseReturnValue:
    """What was made, for its owner, while they may read what is in it."""
    lecture = here.lecture
    return downloads.send(lambda: _made(lecture, export_id))


def _taker(lecture: Lecture) -> Viewer:
    """The caller, who may take the lecture out. An export has an owner, and a link to read by makes none."""
    viewer = reader_of(lecture)
    if not is_granted(lecture, viewer):
        words = _("You read this lecture by a link. Only people who took part, and its hosts, can export it.")
        raise Refusal(403, words, code="by_link")
    return viewer


def _made(lecture: Lecture, export_id: str) -> StoredFile:
    viewer = _taker(lecture)
    found = exports.find(lecture, viewer, export_id)
    if found.for_hosts and not viewer.sees_hosts_part:
        words = _("This was made when you were a host here. Make it again.")
        raise Refusal(403, words, code="not_allowed")
    if found.state != State.DONE or found.file is None or not found.file.is_handed_out:
        raise Refusal(404, _("There is no such file. It may have been removed."), code="no_file")
    return found.file


def _form(lecture: Lecture, viewer: Viewer, form: Form, chosen: list[str] | None = None) -> str:
    sections = sections_for(lecture, viewer)
    return render_template(
        "lectures/exports.html",
        form=form,
        ways=ways(lecture, viewer),
        sections=sections,
        chosen=[one.id for one in sections] if chosen is None else chosen,
        **_list(lecture, viewer),
    )


def _list(lecture: Lecture, viewer: Viewer) -> dict[str, Any]:
    titles = {one.id: str(one.title) for one in offers.exporters().values()}
    found = exports.own(lecture, viewer)
    failed = {one.exporter for one in found if one.state == State.FAILED}
    remedies = {one.id: one.link for one in ways(lecture, viewer, failed) if one.link}
    return {
        "lecture": lecture,
        "exports": found,
        "titles": titles,
        "words_of": words_of,
        "remedies": remedies,
    }


def ways(lecture: Lecture, viewer: Viewer, only: Collection[str] | None = None) -> list[Way]:
    """Every way that is there for the viewer (or those of them), with its options."""
    offered = sorted(offers.exporters().values(), key=_order)
    chosen = [one for one in offered if (only is None or one.id in only) and delivering.is_for(one, viewer)]
    return [way for one in chosen if (way := _way(one, lecture, viewer)) is not None]


def _way(exporter: Exporter | Destination, lecture: Lecture, viewer: Viewer) -> Way | None:
    """None where its plugin fails: it is noted, and the others are there."""
    link = None
    if isinstance(exporter, Destination):
        try:
            link = delivering.missing(exporter, viewer, lecture)
        except Refusal:
            return None
    description, page = (str(getattr(exporter, name, "")) for name in ("description", "page"))
    return Way(exporter.id, str(exporter.title), description, tuple(_boxes(exporter)), link, page)


def _order(exporter: Exporter | Destination) -> int:
    return plugins.loaded[offers.plugin_of_exporter(exporter.id)].manifest.order


def _boxes(exporter: Any) -> list[Box]:
    cls = exports.options_of(exporter)
    return [Box(f"{exporter.id}.{name}", one) for name, one in fields(cls).items()] if cls else []


def _fresh_form(found: list[Way]) -> Form:
    """The first format, and every option as it is by default."""
    values = {"exporter": next((way.id for way in found if way.link is None), "")}
    for box in (box for way in found for box in way.boxes):
        default = box.field.default
        values[box.name] = ("on" if default else "") if isinstance(default, bool) else str(default or "")
    return Form(values)


def _options(form: Form) -> dict[str, Any]:
    """What was chosen for the exporter that was chosen; a switch that isn't there is off."""
    exporter = offers.exporters().get(form.value("exporter"))
    found: dict[str, Any] = {}
    for box in _boxes(exporter) if exporter else ():
        found[box.field.name] = form.value(box.name) if box.field.kind != "switch" else form.has(box.name)
    return found


def _back(lecture: Lecture) -> ResponseReturnValue:
    return redirect(f"/lectures/{lecture.public_id}/exports#exports", 303)


def words_of(export: Export) -> str:
    """How it stands, in words."""
    return {
        State.WAITING: _("It waits for its turn."),
        State.WORKING: _("It is being made …"),
        State.CANCELLED: _("Called off."),
    }.get(State(export.state), export.why)
