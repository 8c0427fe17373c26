"""How many questions pages ask of the database: in a process of its own, which answers as the web does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bench import figures
from bench.product import Host
from tests.fixtures.product import Product
from tests.fixtures.queries import NO_QUESTION


def queries(product: Product, host: Host, addresses: Sequence[str]) -> dict[str, int]:
    """Of each address, opened a second time by that host, from the product's database."""
    given = json.dumps({"cookies": host.http.cookies.get_dict(), "addresses": addresses})
    done = subprocess.run(
        [sys.executable, "-m", "bench.asked", product.url],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        cwd=figures.HERE.parent,
        env=product.variables,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(url: str, cookies: dict[str, str], addresses: list[str]) -> None:
    """The child."""
    from core import create_app
    from core.db import db

    app = create_app()
    client, asked = app.test_client(), list[str]()
    for name, value in cookies.items():
        client.set_cookie(name, value, domain="localhost")
    with app.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    print(json.dumps({one: _asked(client, url, one, asked) for one in addresses}), flush=True)
    # Its listeners to the database needn't be waited for.
    os._exit(0)


def _asked(client: Any, url: str, address: str, asked: list[str]) -> int:
    for _ in range(2):
        asked.clear()
        answer = client.get(address, base_url=url)
        # A page may come in two parts: all of it counts.
        assert answer.status_code == 200 and "</html>" in answer.text, f"{address}: {answer.status}"
    return sum(not statement.startswith(NO_QUESTION) for statement in asked)


if __name__ == "__main__":
    main(sys.argv[1], **json.load(sys.stdin))
