"""What `audimax doctor` asks: whether the door is shut to a stranger."""

from __future__ import annotations

from flask import current_app

from core.api import config

# Of the networks that are for examples only: nobody has it.
STRANGER = "192.0.2.1"
SHUT = 403


class NotShut(Exception):
    """What was seen, and what to do."""


def check() -> None:
    """Ask for the start page as a stranger does."""
    asked = current_app.test_client().get(
        "/", base_url=config().public_url, environ_overrides={"REMOTE_ADDR": STRANGER}
    )
    if asked.status_code != SHUT:
        raise NotShut(
            f"the start page answers {asked.status_code} to a stranger at {STRANGER}, not {SHUT}: "
            "look at the log, and at allowed_ips in [plugins.dev_gate]"
        )
