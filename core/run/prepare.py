"""Bring the database up to date and say what the plugins want started; a process of its own.

Prints one line of JSON, so that the supervisor need not load the whole app.
"""

from __future__ import annotations

import json
import sys

from core import obstacles
from core.errors import AudimaxError


def main() -> None:
    """Migrate, then answer the supervisor."""
    try:
        print(json.dumps(_prepared()))
    except AudimaxError as error:
        sys.exit(str(error))
    except Exception as error:
        if not (words := obstacles.worded(error)):
            raise
        sys.exit(words)


def _prepared() -> dict[str, object]:
    from core import create_app
    from core.engine import offers, schema
    from core.engine.plugins import plugins
    from core.people.accounts import create_set_up_link

    app = create_app()
    schema.upgrade_all(app)
    with app.app_context():
        accounts = _demo(sys.argv[-1]) if "--demo" in sys.argv else []
        wanted = [
            {"name": name, "argv": list(p.argv), "env": dict(p.env)} for name, p in offers.processes().items()
        ]
        return {
            "processes": wanted,
            "set_up_link": create_set_up_link(),
            "accounts": accounts,
            "variables": plugins.variables(),
        }


def _demo(size: str) -> list[tuple[str, str]]:
    from core.db import db
    from core.engine.plugins import plugins
    from core.run import demo, large_demo

    accounts = demo.fill()
    if size == "large":
        large_demo.fill(db.session.connection(), list(plugins.loaded))
        db.session.commit()
    return accounts


if __name__ == "__main__":
    main()
