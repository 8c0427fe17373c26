"""The lists of admin pages with 5,000 people, 2,000 rooms and 200 running lectures: time and questions."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from bench.asked import queries
from bench.guests import address_of
from bench.product import Host, running
from core.run import large_demo
from tests.fixtures import admin_lists
from tests.fixtures.product import Product

TURNS, WARM_UP, DEEP = 9, 2, 30
PLUGINS = ("ai_assistant", "chat", "files", "lobby")
# Nobody listens: it is the lists that are measured.
SETTINGS = {
    "AUDIMAX_ENABLED_PLUGINS": ",".join(PLUGINS),
    "AUDIMAX_PLUGINS__AI_ASSISTANT__PROVIDER": "off",
    # What would be deleted is looked at, too: half of all lectures.
    "AUDIMAX_KEEP_CHAT_DAYS": "30",
    "AUDIMAX_KEEP_LECTURES_DAYS": "365",
}
# Looks at services of others, each within its own time; not a list.
OUTWARD = "/admin/health"


def lists() -> dict[str, float]:
    """The slowest address by its median, and the one that asks most; the first pages and one far back."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "instance", **SETTINGS) as product,
        # Compared with LiveKit, lectures in which nobody is connected would lose their people.
        product.without("core.cli", "jobs"),
    ):
        host = Host(product)
        _fill(product)
        addresses = [one for one in admin_lists.every() if one != OUTWARD] + _far_back(host)
        took = {one: _median_ms(host, one) for one in addresses}
        asked = queries(product, host, addresses)
    for address in sorted(took, key=lambda one: took[one], reverse=True)[:12]:
        print(f"{took[address]:8.1f} ms {asked[address]:3} queries {address[:90]}")
    return {
        "admin_list_ms": max(took.values()),
        "admin_list_median_ms": statistics.median(took.values()),
        "admin_list_queries": max(asked.values()),
    }


def _fill(product: Product) -> None:
    engine = sa.create_engine(product.database.replace("postgresql://", "postgresql+psycopg2://"))
    begun = time.perf_counter()
    with engine.begin() as connection:
        large_demo.fill(connection, PLUGINS)
    print(f"the stock was made in {time.perf_counter() - begun:.1f} s")
    engine.dispose()


def _far_back(host: Host) -> list[str]:
    """The last of some pages of each list, as far as it has them."""

    def read(address: str) -> str:
        return str(host.http.get(host.url + address, timeout=60).text)

    pages = [list(admin_lists.pages_after(read, some[0], DEEP)) for some in admin_lists.LISTS.values()]
    return [found[-1] for found in pages if found]


def _median_ms(host: Host, address: str) -> float:
    """What the server takes, from the request to the last byte; other programs' noise is left out."""
    took: list[float] = []
    for number in range(WARM_UP + TURNS):
        headers = {"X-Forwarded-For": address_of(number)}
        begun = time.perf_counter()
        host.http.get(host.url + address, headers=headers, timeout=60).raise_for_status()
        took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took[WARM_UP:])
