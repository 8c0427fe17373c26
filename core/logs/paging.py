"""Where a page of a log ended, as text for an address."""

from __future__ import annotations

from datetime import datetime


def place(at: datetime, key: int) -> str:
    """Behind this entry the next page begins."""
    return f"{at.isoformat()}_{key}"


def read_place(given: str) -> tuple[datetime, int] | None:
    """None for what is no place: then the list begins at its beginning."""
    at, _mark, key = given.rpartition("_")
    try:
        moment, number = datetime.fromisoformat(at), int(key)
    except ValueError:
        return None
    return (moment, number) if moment.tzinfo is not None and 0 < number < 2**63 else None
