"""Doors before everything that the web serves: a plugin's say on a request before anybody looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from flask import Flask, Response, current_app, request
from flask_babel import gettext as _

from core.contracts import FrontDoor, MountPoint
from core.engine import isolation
from core.engine.plugins import plugins
from core.errors import PluginError, Refusal
from core.http import probes

SECONDS = 5.0
# Asked by programs without a browser: probes say little to strangers, LiveKit and the doctor sign.
OPEN = probes.PATHS | probes.FOR_DOCTOR | {"/api/livekit/webhook"}
# Not routed from outside. Agents prove themselves by their lecture's key. The gate before LiveKit asks here
# for people with a participant's token, and only who came in by this door has become a participant.
INTERNAL = "/api/internal/"


@dataclass(frozen=True)
class Door:
    """A front door, and whose it is."""

    plugin: str
    door: FrontDoor


def stand(app: Flask, doors: Sequence[Door]) -> None:
    """Put them before every request, even before its host and origin are looked at; without any, nothing."""
    for one in doors:
        if not callable(one.door.keeps_out):
            remedy = "give FrontDoor a function that answers None, or what is sent instead"
            raise PluginError(one.plugin, "its front door has nobody to ask", remedy)
    if doors:
        app.before_request_funcs.setdefault(None, []).insert(0, partial(_answer_for_those_outside, doors))


def _answer_for_those_outside(doors: Sequence[Door]) -> Response | None:
    if _is_open():
        return None
    answers = (_answer(one) for one in doors if not _belongs_to(one.plugin))
    return next((answer for answer in answers if answer is not None), None)


def _is_open() -> bool:
    # The rule that was found is what will run, however the address was spelled.
    rule = request.url_rule.rule if request.url_rule else ""
    return rule in OPEN or rule.startswith(INTERNAL)


def _belongs_to(plugin: str) -> bool:
    """Whether it asks for a page or a file of the plugin that keeps the door: there one is let in."""
    mounted = current_app.extensions["audimax_mounts"].get(request.endpoint)
    if mounted is None:
        return request.endpoint == f"{plugin}__files.static"
    return bool(mounted.plugin == plugin and mounted.at is MountPoint.SITE)


def _answer(one: Door) -> Response | None:
    try:
        with isolation.time_limit(SECONDS):
            answer = one.door.keeps_out()
        if answer is None or isinstance(answer, Response):
            return answer
        raise TypeError(f"a front door answers None or a Response, not {type(answer).__name__}")
    except Refusal:
        raise
    except Exception as error:
        plugins.note(one.plugin, "blueprints", error)
        detail = _("Nobody can be let in right now. Please tell whoever runs this installation.")
        raise Refusal(503, detail, code="door_fails", retry_after=30) from error
