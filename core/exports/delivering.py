"""Brings a lecture elsewhere: what is wanted there is made behind walls, and the plugin takes it there."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _

from core.config import config
from core.contracts import Contents, Delivery, Destination, Exporter, LecturePackage, Link, Parcel, Viewer
from core.db import db
from core.engine import isolation, offers
from core.engine.plugins import plugins
from core.engine.settings import fill
from core.errors import DestinationDown, Refusal, StorageDown
from core.exports import fetching, running
from core.exports.child import LONGEST_WORDS
from core.files.kinds import UNKNOWN
from core.files.stored import MIME
from core.lectures.models import Lecture
from core.text import clean_file_name

SECONDS_TO_SAY = 5.0
# How often it is asked whether the person still wants it, and how long a plugin has to stop.
LOOK_SECONDS, STOP_SECONDS = 0.5, 10.0


# --- before -----------------------------------------------------------------------------


def missing(destination: Destination, viewer: Viewer, lecture: Lecture) -> Link | None:
    """Where the viewer makes it ready; None when it is. A ``Refusal`` when its plugin fails."""
    with isolation.reading(db.session) as shelter:
        try:
            with isolation.time_limit(SECONDS_TO_SAY):
                link = destination.ready(viewer, lecture)
            if link is not None and not (isinstance(link, Link) and link.url.startswith("/")):
                raise TypeError("ready() must give None or a Link to a page of ours")
            shelter.refuse_writes()
        except Exception as error:
            shelter.recover()
            _note(destination, error)
            words = _("“%(title)s” doesn’t work right now. Your administrator can see why.",
                      title=destination.title)  # fmt: skip
            raise Refusal(503, words, code="not_ready") from error
    return link


def is_for(exporter: Exporter | Destination, viewer: Viewer) -> bool:
    """Whether the viewer is offered it at all."""
    return viewer.user_id is not None or not getattr(exporter, "needs_account", False)


def refuse_unready(
    destination: Destination, options: Mapping[str, Any], lecture: Lecture, viewer: Viewer
) -> None:
    """A ``Refusal`` unless this person can have it brought there now."""
    if not is_for(destination, viewer):
        raise Refusal(403, _("For that you need an account. Sign in first."), code="sign_in")
    if link := missing(destination, viewer, lecture):
        raise Refusal(409, _("Do this first: %(what)s.", what=link.title), code="not_ready")
    try:
        _contents(destination, options)
    except running.Failed as failed:
        if failed.problem:
            _note(destination, failed)
        raise Refusal(422, failed.words, code="invalid") from failed


def _contents(destination: Destination, options: Mapping[str, Any]) -> Contents:
    """What is to come along; ``Failed`` where somebody's choice can't be met."""
    try:
        wanted = destination.contents(options)
        if not isinstance(wanted, Contents):
            raise TypeError(f"contents() gave {type(wanted).__name__}")
    except ValueError as error:
        raise running.Failed(str(error)[:LONGEST_WORDS]) from error
    except Exception as error:
        plugin = offers.plugin_of_exporter(destination.id)
        raise running.fault(plugin, f"{type(error).__name__}: {error}") from error
    known = offers.exporters()
    for one in wanted.exporters:
        if not isinstance(known.get(one), Exporter):
            words = _("The format “%(id)s” is switched off here. Choose without it.", id=one[:80])
            raise running.Failed(words)
    return wanted


def _note(destination: Destination, error: Exception) -> None:
    plugins.note(offers.plugin_of_exporter(destination.id), f"destination {destination.id}", error)


# --- in the job -------------------------------------------------------------------------


@dataclass(frozen=True)
class Errand:
    """What is to be brought, where to, and for whom."""

    plugin: str
    destination: Destination
    package: LecturePackage
    options: Mapping[str, Any]
    viewer: Viewer
    room_id: str


def delivered(errand: Errand, folder: Path, is_wanted: Callable[[], bool]) -> Link:
    """Where it is now; ``Failed``, ``Stopped``, or what passes: ``DestinationDown``, ``StorageDown``."""
    wanted = _contents(errand.destination, errand.options)
    made = [_made(errand, one, folder, is_wanted) for one in wanted.exporters]
    stop = threading.Event()
    delivery = Delivery(
        package=errand.package,
        options=errand.options,
        owner=errand.viewer,
        room_id=errand.room_id,
        parcels=_parcels(errand, made, wanted.files, folder),
        is_wanted=lambda seconds: not stop.wait(seconds),
    )
    courier = Courier(errand.destination, delivery)
    courier.start()
    _wait(courier, stop, is_wanted)
    return _link(errand.plugin, courier)


def _made(errand: Errand, exporter_id: str, folder: Path, is_wanted: Callable[[], bool]) -> Parcel:
    exporter: Any = offers.exporters()[exporter_id]
    own, target = folder / exporter_id, folder / f"{exporter_id}.made"
    own.mkdir()
    package = errand.package
    if getattr(exporter, "wants_files", False):
        package = fetching.with_files(package, errand.viewer, own)
    plugin = offers.plugin_of_exporter(exporter_id)
    with running.exported(plugin, exporter, package, _defaults(exporter), own, is_wanted) as made:
        if isinstance(made, Link):
            words = _("The format “%(id)s” makes no file. Choose without it.", id=exporter_id)
            raise running.Failed(words)
        with target.open("wb") as file:
            shutil.copyfileobj(made.body, file, fetching.CHUNK)
    shutil.rmtree(own)
    mime = made.mime if MIME.match(made.mime) else UNKNOWN
    return Parcel(exporter_id, clean_file_name(made.name), mime, made.size, target)


def _defaults(exporter: Exporter) -> dict[str, Any]:
    cls = getattr(exporter, "options", None)
    return asdict(fill(cls, {})) if cls else {}


def _parcels(errand: Errand, made: list[Parcel], files: bool, folder: Path) -> Iterator[Parcel]:
    yield from made
    if files:
        yield from fetching.each_file(errand.package, errand.viewer, folder)


class Courier(threading.Thread):
    """Runs the plugin's part: a thread of its own, for one that never comes back must not hold up the job."""

    def __init__(self, destination: Destination, delivery: Delivery) -> None:
        super().__init__(name=f"to {destination.id}", daemon=True)
        self._app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        self._locale = str(get_locale())
        self._destination, self._delivery = destination, delivery
        self.link: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with self._app.app_context(), force_locale(self._locale):
                self.link = self._destination.deliver(self._delivery)
        except BaseException as error:
            self.error = error


def _wait(courier: Courier, stop: threading.Event, is_wanted: Callable[[], bool]) -> None:
    """Until it is back; told to stop when nobody wants it any more, or its time is over."""
    until = _deadline()
    try:
        while courier.is_alive():
            courier.join(LOOK_SECONDS)
            if not is_wanted():
                raise running.Stopped
            if time.monotonic() > until and courier.is_alive():
                words = _("It took too long and was stopped. Try again, or choose fewer files.")
                problem = f"stopped after {config().delivery_minutes} minutes"
                raise running.Failed(words, problem=problem)
    finally:
        stop.set()
        courier.join(STOP_SECONDS)


def _deadline() -> float:
    return time.monotonic() + config().delivery_minutes * 60


def _link(plugin: str, courier: Courier) -> Link:
    error = courier.error
    if isinstance(error, DestinationDown | StorageDown | running.Failed | running.Stopped):
        raise error
    if isinstance(error, ValueError):
        raise running.Failed(str(error)[:LONGEST_WORDS]) from error
    if error is None and isinstance(courier.link, Link):
        return courier.link
    wrong = f"deliver() gave {type(courier.link).__name__}"
    raise running.fault(plugin, f"{type(error).__name__}: {error}" if error else wrong) from error
