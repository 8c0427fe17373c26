"""What the lecture's page fetches later: the rest of a timeline, what has changed, a table as CSV."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from core.captions import web_vtt
from core.contracts import EVERYONE, Film, Section, Table, Timeline
from core.errors import Refusal
from core.files.downloads import attachment
from core.http.views import here, page
from core.lectures import films
from core.lectures.access import reader_of
from core.lectures.parts import LINES_AT_ONCE, digest, page_of, rows_of, total_of
from core.lectures.sections import section_for, sections_for
from core.lectures.tables import to_csv
from core.text import file_name_of

bp = Blueprint("lecture_page", __name__)
MOST_DIGESTS = 200


@bp.get("/lectures/<lecture_id>/parts")
@page(roles=EVERYONE)
def parts() -> ResponseReturnValue:
    """The head and the sections as they are now; of those that ``have`` names by digest the place only."""
    lecture = here.lecture
    known = request.args.get("have", "").split(".", MOST_DIGESTS)
    made = page_of(lecture, reader_of(lecture), known=frozenset(known))
    return render_template("lectures/_parts.html", lecture=lecture, page=made)


@bp.get("/lectures/<lecture_id>/sections/<section_id>")
@page(roles=EVERYONE)
def lines(section_id: str) -> ResponseReturnValue:
    """Lines of a timeline, ``from`` that number on."""
    start = _start()
    section = _section(section_id, start + LINES_AT_ONCE)
    if not isinstance(section, Timeline):
        raise _no_section()
    mark = digest(section)
    response = Response(mimetype="text/html")
    response.set_etag(f"{mark}-{start}-{get_locale()}")
    # Kept by the browser, and never shown without having asked us whether it still may be.
    response.headers["Cache-Control"] = "private, no-cache"
    if response.make_conditional(request).status_code != 304:
        within = section.id if "in" in request.args else ""
        rows = rows_of(section, start, LINES_AT_ONCE)
        response.set_data(
            render_template(
                "lectures/_lines.html", total=total_of(section), digest=mark, rows=rows, within=within
            )
        )
    return response


@bp.get("/lectures/<lecture_id>/sections/<section_id>.csv")
@page(roles=EVERYONE)
def as_csv(section_id: str) -> ResponseReturnValue:
    """A table as spreadsheets read it."""
    section = _section(section_id)
    if not isinstance(section, Table):
        raise _no_section()
    name = file_name_of(f"{here.lecture.title} – {section.title}", ".csv")
    headers = {"Content-Disposition": attachment(name), "Cache-Control": "no-store"}
    return Response(to_csv(section), mimetype="text/csv", headers=headers)


@bp.get("/lectures/<lecture_id>/sections/<section_id>.vtt")
@page(roles=EVERYONE)
def captions(section_id: str) -> ResponseReturnValue:
    """Captions of a film, of what was spoken as it stands corrected now."""
    lecture = here.lecture
    sections = sections_for(lecture, reader_of(lecture))
    film = next((one for one in sections if isinstance(one, Film) and one.id == section_id), None)
    said = films.spoken(sections)
    if film is None or said is None:
        raise _no_section()
    text = web_vtt(films.cues(film, said))
    return Response(text, mimetype="text/vtt", headers={"Cache-Control": "no-store"})


def _section(section_id: str, lines: int | None = None) -> Section:
    lecture = here.lecture
    found = section_for(lecture, reader_of(lecture), section_id, lines)
    if found is None:
        raise _no_section()
    return found


def _no_section() -> Refusal:
    words = _("The lecture has no such part, or you may not see it. Reload its page.")
    return Refusal(404, words, code="no_section")


def _start() -> int:
    said = request.args.get("from", "0")
    if not (said.isascii() and said.isdecimal() and len(said) <= 6):
        raise Refusal(422, _("“from” must be the number of a line, 0 for the first."), code="invalid")
    return int(said)
