"""Runs in the environment into which the example was installed: breaks it as told, says what happens.

Takes a list of orders as JSON on its command line, each with ``settings`` of the app, ``breaks`` (what
to break, by hook) and ``walk`` (where to try a join and some pages). Prints a list of answers.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

WHOLE: dict[str, Any] = {}


def main() -> None:
    orders = json.loads(sys.argv[1])
    # In a worker under gevent the limit works on whatever waits; so it is tried here too.
    if orders[0].get("gevent"):
        from gevent import monkey

        monkey.patch_all()
        from psycogreen.gevent import patch_psycopg

        patch_psycopg()
    print(json.dumps([run(order) for order in orders]))


def run(order: dict[str, Any]) -> dict[str, Any]:
    from core import create_app
    from core.engine import answers
    from core.engine.plugins import describe
    from core.errors import AudimaxError

    answers.SECONDS = dict.fromkeys(answers.SECONDS, 0.5)
    try:
        if order["settings"]["enabled_plugins"]:
            break_it(order.get("breaks", {}))
        app = create_app(order["settings"])
        if order.get("migrate"):
            from core.engine import schema

            schema.upgrade_all(app)
    except AudimaxError as error:
        return {"stopped": str(error)}
    said: dict[str, Any] = {"plugins": [vars(one) for one in describe(app)]}
    if order.get("walk"):
        said |= walk(app, order["walk"])
    return said


def break_it(breaks: dict[str, str]) -> None:
    import audimax_example
    from audimax_example import hooks

    from core.hookspecs import hookimpl

    if "requires_core" in breaks:
        from dataclasses import replace

        audimax_example.plugin = replace(audimax_example.plugin, requires_core=breaks.pop("requires_core"))
    for hook, whole in WHOLE.items():
        setattr(hooks, hook, whole)
    for hook, how in breaks.items():
        WHOLE.setdefault(hook, getattr(hooks, hook))
        setattr(hooks, hook, hookimpl(FAULTS[how](WHOLE[hook])))


def raising(_whole: Any) -> Any:
    def hook() -> Any:
        raise RuntimeError("broken on purpose")

    return hook


def wrong_type(_whole: Any) -> Any:
    return lambda: "nonsense"


def hanging(_whole: Any) -> Any:
    return lambda: time.sleep(3600)


def hanging_in_sql(_whole: Any) -> Any:
    import sqlalchemy as sa

    from core.db import db

    return lambda: db.session.execute(sa.text("SELECT 1, pg_sleep(3600)"))


def huge(whole: Any) -> Any:
    if whole.__name__ == "admit":
        from core.api import Verdict

        return lambda joins: {join.key: Verdict.wait("x" * 10_000_000) for join in joins}
    if whole.__name__ == "lecture_sections":
        from core.api import Prose

        return lambda: [Prose("a", "A", paragraphs=("x" * 20_000_000,))]
    return lambda: [None] * 1_000_000


def duplicate(whole: Any) -> Any:
    return lambda: [*whole(), *whole()]


FAULTS = {
    "raises": raising,
    "wrong type": wrong_type,
    "hangs": hanging,
    "hangs in SQL": hanging_in_sql,
    "huge": huge,
    "duplicate": duplicate,
}


def walk(app: Any, place: dict[str, str]) -> dict[str, Any]:
    from core.livekit.client import LiveKit
    from core.testing import Caller, signed_in

    # This is about our side of the door; LiveKit has tests of its own.
    LiveKit.must_be_reachable = lambda self: None  # type: ignore[method-assign]
    guest = Caller(app.test_client())
    host = signed_in(app, place["host"])
    joined = guest.ask("POST", f"/api/rooms/{place['room']}/join", {"name": "Ann"})
    pages = {
        "start": guest.ask("GET", "/").status_code,
        "room": guest.ask("GET", f"/r/{place['code']}").status_code,
        "dashboard": host.ask("GET", "/").status_code,
        "lecture": host.ask("GET", f"/lectures/{place['lecture']}").status_code,
    }
    return {"join": joined.status_code, "joined": joined.get_json(), "pages": pages}


if __name__ == "__main__":
    main()
