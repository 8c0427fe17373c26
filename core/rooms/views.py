"""The pages of rooms: dashboard and landing, one room, its form, its hosts, its end."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from flask import Blueprint, Flask, flash, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, to_user_timezone
from flask_babel import gettext as _
from flask_login import login_required

from core import order
from core.config import config
from core.db import db, now
from core.errors import Refusal
from core.http import sockets
from core.http.callers import is_host, me, signed_in
from core.http.forms import Form
from core.http.problems import no_room
from core.http.views import find_room
from core.lectures import listing
from core.lectures.lectures import live_in
from core.rooms import calendar, codes, dashboard, forms, hosts, invitations, rooms
from core.rooms.forms import RoomForm, languages
from core.rooms.models import Room

bp = Blueprint("rooms", __name__)
LONGEST_SEARCH = 100
HIGHEST_PAGE = 10_000
RECENT_LECTURES = 5


def init_app(app: Flask) -> None:
    """The dashboard's socket belongs to its page."""
    sockets.init_app(app)
    dashboard.init_app(app)
    app.register_blueprint(dashboard.bp)
    app.jinja_env.globals.update(page_address=page_address, room_link=invitations.link)


# --- the first page -------------------------------------------------------------------


@bp.get("/")
def home() -> ResponseReturnValue:
    """The dashboard of somebody who is signed in, a door for everybody else."""
    user = signed_in()
    if user is None:
        return render_template("rooms/landing.html", form=Form())
    search, archived = (
        request.args.get("q", "").replace("\0", "")[:LONGEST_SEARCH],
        "archived" in request.args,
    )
    found = rooms.cards(user.id, search=search.strip(), archived=archived, page=page_number())
    return render_template(
        "dashboard.html",
        page=found,
        search=search,
        archived=archived,
        live=[card for card in found.items if card.is_live],
        has_archived=not found.total and rooms.has_archived(user.id),
        recent=listing.recent(user, RECENT_LECTURES),
        part_of_day=part_of_day(),
        now=now(),
    )


def page_number() -> int:
    """The page of a list that was asked for; the first for anything that is no number."""
    asked = request.args.get("page", "1")
    return min(max(int(asked), 1), HIGHEST_PAGE) if asked.isdecimal() and len(asked) < 7 else 1


def page_address(number: int) -> str:
    """This list's address at another page, its filters kept."""
    return f"{request.path}?{urlencode({**request.args.to_dict(), 'page': number})}"


def part_of_day() -> str:
    """Morning, afternoon or evening where the institution is."""
    hour = to_user_timezone(now()).hour
    return "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"


@bp.get("/r")
@bp.get("/r/")
def go() -> ResponseReturnValue:
    """From the box for a code to the room's own address."""
    typed = request.args.get("code", "").replace("\0", "")
    code = codes.read(typed)
    if code is not None:
        return redirect(f"/r/{code}")
    form = Form({"code": typed[:60]})
    form.fail(
        "code", _("A code looks like kxf-pmua-wz: nine letters. Check it, or open the link you were sent.")
    )
    return make_response(render_template("rooms/landing.html", form=form), 422)


# --- one room -------------------------------------------------------------------------


@bp.get("/rooms")
def all_rooms() -> ResponseReturnValue:
    """The list of rooms is the dashboard."""
    return redirect("/")


@bp.get("/rooms/new")
@login_required
def new_page() -> ResponseReturnValue:
    """An empty room form."""
    return _form_page(RoomForm(None, language=str(get_locale() or "en")), None)


@bp.post("/rooms/new")
@login_required
def create() -> ResponseReturnValue:
    """Make the room, or show what is wrong."""
    return _save(None)


@bp.get("/rooms/<room_id>")
@login_required
def room(room_id: str) -> ResponseReturnValue:
    """One room: how to invite, its hosts, its lectures."""
    return _room_page(_hosts_room(room_id, admins=True), Form())


@bp.get("/rooms/<room_id>/settings")
@login_required
def settings_page(room_id: str) -> ResponseReturnValue:
    """The room form with what the room has now."""
    found = _hosts_room(room_id)
    return _form_page(RoomForm(found), found)


@bp.post("/rooms/<room_id>/settings")
@login_required
def save_settings(room_id: str) -> ResponseReturnValue:
    """Change the room, or show what is wrong."""
    return _save(_hosts_room(room_id))


def _save(found: Room | None) -> ResponseReturnValue:
    form = RoomForm(found, request.form)
    try:
        saved = form.save(found, me())
    except Refusal as refusal:
        db.session.rollback()
        form.refuse(refusal)
        saved = None
    if saved is None:
        db.session.rollback()
        return _form_page(form, found)
    order.settle(saved)
    flash(_("Saved.") if found else _("The room is ready. Send its link to your participants."), "ok")
    return redirect(f"/rooms/{saved.public_id}", 303)


def _form_page(form: RoomForm, found: Room | None) -> ResponseReturnValue:
    made = render_template("rooms/form.html", form=form, room=found, languages=languages())
    return make_response(made, 200 if form.ok else form.status)


def _room_page(found: Room, form: Form, when: Form | None = None) -> ResponseReturnValue:
    user = me()
    when = when or Form(calendar.suggested())
    made = render_template(
        "rooms/room.html",
        room=found,
        form=form,
        when=when,
        time_zone=config().time_zone,
        link=invitations.link(found),
        qr=invitations.qr_code(found),
        mail=invitations.mail(found),
        mailto=_mailto(found),
        live=live_in(found),
        hosts=hosts.co_hosts(found),
        lectures=listing.of_room(found, RECENT_LECTURES),
        is_owner=found.owner_id == user.id,
        is_host=is_host(found, user),
        shut=invitations.shut_because(found),
        contents=rooms.contents(found),
        pages=[] if found.archived_at else forms.room_pages(found),
    )
    return make_response(made, 200 if form.ok and when.ok else 422)


def _mailto(found: Room) -> str:
    text = invitations.mail(found)
    return f"mailto:?subject={quote(text.subject)}&body={quote(text.body)}"


@bp.get("/rooms/<room_id>/invitation.ics")
@login_required
def calendar_file(room_id: str) -> ResponseReturnValue:
    """An entry for calendars, as the host chose it; without a choice, one from the next full hour."""
    found = _hosts_room(room_id)
    when = Form({**calendar.suggested(), **request.args.to_dict()})
    appointment = calendar.read(when)
    if appointment is None:
        return _room_page(found, Form(), when)
    made = make_response(calendar.calendar(found, appointment))
    made.headers["Content-Type"] = "text/calendar; charset=utf-8; method=PUBLISH"
    made.headers["Content-Disposition"] = f'attachment; filename="invitation-{found.code}.ics"'
    made.headers["Cache-Control"] = "no-store"
    return made


# --- its link, its hosts --------------------------------------------------------------


@bp.post("/rooms/<room_id>/code")
@login_required
def rotate_code(room_id: str) -> ResponseReturnValue:
    """Give the room a new link."""
    found = _hosts_room(room_id)
    rooms.rotate_code(found, me())
    return _done(found, _("The room has a new link. The old one leads nowhere now."))


@bp.post("/rooms/<room_id>/hosts")
@login_required
def add_host(room_id: str) -> ResponseReturnValue:
    """Name a co-host."""
    found = _owners_room(room_id)
    form = Form(request.form)
    try:
        added = hosts.add_host(found, form.value("email"), me())
    except Refusal as refusal:
        db.session.rollback()
        form.fail("email", refusal.detail)
        return _room_page(found, form)
    order.settle(found)
    return _done(found, _("%(name)s is a co-host now.", name=added.name))


@bp.post("/rooms/<room_id>/hosts/<user_id>/remove")
@login_required
def remove_host(room_id: str, user_id: str) -> ResponseReturnValue:
    """Take a co-host's rights, or give up one's own."""
    found = _hosts_room(room_id)
    leaves = user_id == me().public_id
    if not leaves:
        found = _owners_room(room_id)
    removed = hosts.remove_host(found, user_id, me())
    order.settle(found)
    if leaves:
        flash(_("You are no co-host of “%(title)s” any more.", title=found.title), "ok")
        return redirect("/", 303)
    return _done(found, _("%(name)s is no co-host any more.", name=removed.name))


# --- its end --------------------------------------------------------------------------


@bp.post("/rooms/<room_id>/archive")
@login_required
def archive(room_id: str) -> ResponseReturnValue:
    """Close the room for a while."""
    found = _owners_room(room_id, admins=True)
    rooms.archive(found, me())
    return _done(found, _("The room is archived: nobody can enter it until you open it again."))


@bp.post("/rooms/<room_id>/unarchive")
@login_required
def unarchive(room_id: str) -> ResponseReturnValue:
    """Open it again."""
    found = _owners_room(room_id, admins=True)
    rooms.unarchive(found, me())
    return _done(found, _("The room is open again, with the same link."))


@bp.get("/rooms/<room_id>/delete")
@login_required
def delete_page(room_id: str) -> ResponseReturnValue:
    """Ask once, with what goes."""
    found = _owners_room(room_id, admins=True)
    return render_template("rooms/delete.html", room=found, contents=rooms.contents(found))


@bp.post("/rooms/<room_id>/delete")
@login_required
def delete(room_id: str) -> ResponseReturnValue:
    """Remove the room with its lectures."""
    found = _owners_room(room_id, admins=True)
    rooms.delete(found, me())
    db.session.commit()
    flash(_("“%(title)s” and its lectures are deleted.", title=found.title), "ok")
    return redirect("/", 303)


def _done(found: Room, words: str) -> ResponseReturnValue:
    db.session.commit()
    flash(words, "ok")
    return redirect(f"/rooms/{found.public_id}", 303)


# --- who may --------------------------------------------------------------------------


def _hosts_room(room_id: str, *, admins: bool = False) -> Room:
    """The room, for its hosts; to others it doesn't exist."""
    found = find_room(room_id)
    if is_host(found, me()) or (admins and me().is_admin):
        return found
    raise no_room()


def _owners_room(room_id: str, *, admins: bool = False) -> Room:
    """The room, for its owner; a co-host is told who can do this."""
    found = _hosts_room(room_id, admins=admins)
    if found.owner_id == me().id or (admins and me().is_admin):
        return found
    raise Refusal(403, _("Only the room's owner, %(name)s, can do this.", name=found.owner.name))
