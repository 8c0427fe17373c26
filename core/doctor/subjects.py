"""Everything that is looked at, in the order in which one thing needs the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from flask import Flask

from core.config import load, raw_settings
from core.doctor import (
    browsers,
    clock,
    counting,
    database,
    gate,
    livekit,
    machine,
    mail,
    media,
    plugins,
    scanner,
    storage,
)
from core.doctor.findings import Finding, bad, good, secrets_in
from core.doctor.looking import Patient, Subject
from core.errors import AudimaxError

SETTINGS = Subject(
    "Settings",
    {
        "settings": "can be read: every mistake of `audimax.toml` and of variables, with “did you mean”",
        "start": "the app can be made of them: plugins are there and fit",
    },
    lambda _patient: (),
    None,
)
WITHOUT_APP = (
    Subject("This machine", machine.CHECKS, machine.look, 20),
    Subject("PostgreSQL", database.CHECKS, database.look, 40),
)
SUBJECTS = (
    Subject("Tables and jobs", database.CHECKS_OF_TABLES, database.look_at_tables, 20, needs_app=True),
    Subject("Limits", counting.CHECKS, counting.look, 10),
    Subject("Clocks", clock.CHECKS, clock.look, 30),
    Subject("LiveKit", livekit.CHECKS, livekit.look, 40),
    Subject("Media and TURN", media.CHECKS, media.look, 60),
    Subject("Gate", gate.CHECKS, gate.look, 20),
    Subject("Browsers and proxy", browsers.CHECKS, browsers.look, 180),
    Subject("Storages", storage.CHECKS, storage.look, 90, needs_app=True),
    Subject("Mail", mail.CHECKS, mail.look, 90),
    Subject("Virus scanner", scanner.CHECKS, scanner.look, 180),
    Subject("Plugins", plugins.CHECKS, plugins.look, None, needs_app=True),
)
ALL = (SETTINGS, *WITHOUT_APP, *SUBJECTS)
Tell = Callable[[str], None]


def examine(mail_to: str = "", tell: Tell = lambda _title: None) -> list[Finding]:
    """Every finding; later looks are left out where an earlier one makes them senseless.

    ``mail_to``: also send a mail there. ``tell`` hears what is looked at now.
    """
    secrets = _secrets(os.environ)
    return [one.without(secrets) for one in _found(mail_to, tell)]


def _found(mail_to: str, tell: Tell) -> Iterator[Finding]:
    try:
        config = load()
    except AudimaxError as error:
        remedy = "change audimax.toml or the AUDIMAX_… variable that is named"
        yield _of_settings(bad("settings", str(error), remedy))
        return
    yield _of_settings(good("settings", f"can be read; mode {config.mode}"))
    patient, is_ill = Patient(config, mail_to=mail_to), False
    for subject in WITHOUT_APP:
        tell(subject.title)
        found = subject.looked_at(patient)
        is_ill = is_ill or any(one.is_bad for one in found if one.check in NEEDED_BY_THE_APP)
        yield from found
    app = None if is_ill else _app()
    if isinstance(app, Finding):
        yield _of_settings(app)
        app = None
    patient = replace(patient, app=app)
    for subject in SUBJECTS:
        tell(subject.title)
        yield from subject.looked_at(patient)


NEEDED_BY_THE_APP = frozenset({"database", "direct database"})


def _app() -> Flask | Finding:
    from core import create_app

    try:
        return create_app()
    except AudimaxError as error:
        return bad("start", str(error), "the web can't start before that is mended")


def _of_settings(finding: Finding) -> Finding:
    return replace(finding, subject=SETTINGS.title)


def _secrets(environ: Mapping[str, str]) -> set[str]:
    try:
        return secrets_in(raw_settings(environ))
    except AudimaxError:
        return secrets_in(dict(environ))
