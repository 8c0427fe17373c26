"""Beside reading it: hosts rename, share and delete a lecture, guests keep it, links open it."""

from __future__ import annotations

from typing import Any

from flask import (
    Blueprint,
    Response,
    after_this_request,
    flash,
    make_response,
    redirect,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import login_required

from core import audit
from core.contracts import Viewer
from core.db import db
from core.errors import Refusal
from core.http.callers import is_host, me, signed_in
from core.http.forms import Form
from core.http.problems import no_lecture
from core.http.security import client_address
from core.http.tries import Tries
from core.http.views import find_lecture
from core.lectures import keeping, sharing, trash
from core.lectures.access import is_granted, reader_of
from core.lectures.models import Lecture
from core.people.guests import current_guest
from core.people.views import offers_sign_up
from core.rooms.hosts import tell_hosts
from core.search.changes import lecture_changed
from core.text import clean_title, one_line

bp = Blueprint("lecture_changes", __name__)
# Of links that lead nowhere: a hall behind one address that opens a good one is never counted.
MISSES = Tries("shared_links", "60 per 10 minute")
DELETED = "/lectures/deleted"


def actions(lecture: Lecture, viewer: Viewer) -> dict[str, Any]:
    """What a lecture's page offers its viewer, for ``_actions.html`` and ``_offers.html``."""
    by_link = None if is_granted(lecture, viewer) else sharing.opened_link(lecture)
    return {
        "may_change": viewer.sees_hosts_part,
        "may_share": viewer.sees_hosts_part and not lecture.is_live and sharing.is_allowed_in(lecture.room),
        "by_link": by_link,
        "kept_name": "" if by_link else _offered_name(lecture, viewer),
        "offers_sign_up": offers_sign_up(),
    }


def _offered_name(lecture: Lecture, viewer: Viewer) -> str:
    if viewer.sees_hosts_part:
        return ""
    return keeping.offered_name(lecture, signed_in(), current_guest())


# --- its name -------------------------------------------------------------------------


@bp.get("/lectures/<lecture_id>/rename")
@login_required
def rename_page(lecture_id: str) -> ResponseReturnValue:
    """Ask for a title."""
    lecture = _hosts_lecture(lecture_id)
    return _rename_page(lecture, Form(title=lecture.title))


@bp.post("/lectures/<lecture_id>/rename")
@login_required
def rename(lecture_id: str) -> ResponseReturnValue:
    """Give it another title, or say what is wrong with that."""
    lecture = _hosts_lecture(lecture_id)
    form = Form(request.form)
    title = form.clean("title", clean_title)
    if not form.ok:
        return _rename_page(lecture, form)
    if title != lecture.title:
        audit.record(
            "lecture.rename",
            actor=me(),
            room_id=lecture.room_id,
            lecture_id=lecture.id,
            target=title,
            before=lecture.title,
        )
        lecture.title = title
        db.session.flush()
        lecture_changed(lecture.id)
        tell_hosts(lecture.room_id)
    return _done(f"/lectures/{lecture.public_id}", _("The lecture is called “%(title)s” now.", title=title))


def _rename_page(lecture: Lecture, form: Form) -> ResponseReturnValue:
    return _page("rename", form, lecture=lecture)


# --- its end --------------------------------------------------------------------------


@bp.get("/lectures/<lecture_id>/delete")
@login_required
def delete_page(lecture_id: str) -> ResponseReturnValue:
    """Ask once, with what goes."""
    lecture = _hosts_lecture(lecture_id)
    return render_template(
        "lectures/delete.html", lecture=lecture, contents=trash.contents(lecture), hours=trash.hours()
    )


@bp.post("/lectures/<lecture_id>/delete")
@login_required
def delete(lecture_id: str) -> ResponseReturnValue:
    """Put it into the trash; a second host who does so at the same moment is told the same."""
    lecture = _hosts_lecture(lecture_id, deleted=True)
    trash.delete(lecture, me())
    words = _("“%(title)s” is deleted. You can bring it back for a while.", title=lecture.title)
    return _done(DELETED, words)


@bp.post("/lectures/<lecture_id>/restore")
@login_required
def restore(lecture_id: str) -> ResponseReturnValue:
    """Bring it back."""
    lecture = _hosts_lecture(lecture_id, deleted=True)
    if not trash.restore(lecture, me()):
        raise no_lecture()
    return _done(f"/lectures/{lecture.public_id}", _("“%(title)s” is back.", title=lecture.title))


@bp.get(DELETED)
@login_required
def deleted() -> ResponseReturnValue:
    """What can still be brought back."""
    return render_template(
        "lectures/deleted.html", lectures=trash.of(me()), until=trash.until, hours=trash.hours()
    )


# --- its links ------------------------------------------------------------------------


@bp.get("/lectures/<lecture_id>/share")
@login_required
def share_page(lecture_id: str) -> ResponseReturnValue:
    """The lecture's links, and a form for a new one."""
    return _share_page(_hosts_lecture(lecture_id), Form(lasts="month"))


@bp.post("/lectures/<lecture_id>/share")
@login_required
def share(lecture_id: str) -> ResponseReturnValue:
    """Make a link."""
    lecture = _hosts_lecture(lecture_id)
    form = Form(request.form, lasts="month")
    label = one_line(form.value("label"))
    if len(label) > sharing.LONGEST_LABEL:
        form.fail("label", _("Please use at most %(limit)s characters.", limit=sharing.LONGEST_LABEL))
    if form.value("lasts") not in sharing.choices():
        form.fail("lasts", _("Please choose one of these."))
    if form.ok:
        try:
            sharing.make(lecture, me(), label, form.value("lasts"))
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
    if not form.ok:
        return _share_page(lecture, form)
    return _done(_share_address(lecture), _("The link is made. Copy it and send it to your readers."))


@bp.post("/lectures/<lecture_id>/share/<share_id>/revoke")
@login_required
def revoke(lecture_id: str, share_id: str) -> ResponseReturnValue:
    """End a link; pages that it has opened keep what they show, and get nothing more."""
    lecture = _hosts_lecture(lecture_id)
    sharing.revoke(lecture, share_id, me())
    return _done(_share_address(lecture), _("The link is revoked: it opens nothing any more."))


def _share_page(lecture: Lecture, form: Form) -> ResponseReturnValue:
    return _page(
        "share",
        form,
        lecture=lecture,
        shares=sharing.of(lecture),
        choices=sharing.choices(),
        address=sharing.address,
        is_allowed=sharing.is_allowed_in(lecture.room),
        longest=sharing.LONGEST_LABEL,
    )


def _share_address(lecture: Lecture) -> str:
    return f"/lectures/{lecture.public_id}/share"


@bp.get("/shared/<token>")
def shared(token: str) -> ResponseReturnValue:
    """Lead to the lecture that a link opens; the address with the token in it goes no further."""
    after_this_request(_unseen)
    lecture = sharing.open_link(token)
    if lecture is None:
        MISSES.take(client_address())
        words = _("This link leads nowhere: it has expired, was revoked, or isn’t complete. Ask who sent it.")
        raise Refusal(404, words, code="dead_link")
    return redirect(f"/lectures/{lecture.public_id}")


def _unseen(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


# --- in one's account -----------------------------------------------------------------


@bp.post("/lectures/<lecture_id>/keep")
@login_required
def keep(lecture_id: str) -> ResponseReturnValue:
    """Keep in one's account what one read as a guest."""
    lecture = find_lecture(lecture_id)
    viewer, guest = reader_of(lecture), current_guest()
    if not is_granted(lecture, viewer) or guest is None or not keeping.keep(lecture, me(), guest):
        db.session.rollback()
        words = _("There is nothing to keep: it is in your account already, or this browser took no part.")
        raise Refusal(409, words, code="nothing_to_keep")
    return _done(f"/lectures/{lecture.public_id}", _("This lecture is in your account now, on every device."))


# --- who may --------------------------------------------------------------------------


def _hosts_lecture(lecture_id: str, *, deleted: bool = False) -> Lecture:
    """The lecture, for its hosts and admins; to others it doesn't exist."""
    if deleted:
        found = trash.find(lecture_id, me())
        if found is None:
            raise no_lecture()
        return found
    lecture = find_lecture(lecture_id)
    if is_host(lecture.room, me()) or me().is_admin:
        return lecture
    raise no_lecture()


def _page(name: str, form: Form, **about: Any) -> ResponseReturnValue:
    made = make_response(render_template(f"lectures/{name}.html", form=form, **about))
    if not form.ok:
        made.status_code = form.status
    return made


def _done(address: str, words: str) -> ResponseReturnValue:
    db.session.commit()
    flash(words, "ok")
    return redirect(address, 303)
