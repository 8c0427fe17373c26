"""Forms of server-rendered pages: what was typed, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.config import config
from core.errors import Refusal

LONGEST_VALUE = 20_000
EARLIEST, LATEST = date(1970, 1, 1), date(9000, 1, 1)


class Form:
    """Wrong input loses nothing: the page is shown again with the values and words beside each field.

    ``problem`` is about the form as a whole. Fields fail in the order of the page, so that
    ``first_error`` is where the focus goes.
    """

    def __init__(self, values: Mapping[str, str] | None = None, **defaults: str) -> None:
        given = {k: v.replace("\0", "")[:LONGEST_VALUE] for k, v in (values or {}).items()}
        self.values: dict[str, str] = {**defaults, **given}
        self.errors: dict[str, str] = {}
        self.problem = ""
        self.status = 422
        self.retry_after: int | None = None

    def value(self, name: str) -> str:
        return self.values.get(name, "")

    def has(self, name: str) -> bool:
        """Whether a box is ticked."""
        return bool(self.values.get(name))

    def fail(self, name: str, words: str) -> None:
        """Note what is wrong with a field; the first word on it stays."""
        self.errors.setdefault(name, words)

    def clean(self, name: str, cleaner: Callable[[str], str]) -> str:
        """The cleaned value; a cleaner's ``ValueError`` becomes the field's error."""
        try:
            return cleaner(self.value(name))
        except ValueError as error:
            self.fail(name, str(error))
            return ""

    def day(self, name: str, wrong: str, *, days: int = 0) -> datetime | None:
        """When a day begins where the institution is, or so many days later; None for none or a wrong one."""
        typed = self.value(name).strip()
        if not typed:
            return None
        try:
            day = date.fromisoformat(typed)
            if not EARLIEST <= day <= LATEST:
                raise ValueError(day)
        except ValueError:
            self.fail(name, wrong)
            return None
        return datetime.combine(day + timedelta(days=days), time.min, ZoneInfo(config().time_zone))

    def days(self, wrong: str, turned: str) -> tuple[datetime | None, datetime | None]:
        """From when (``since``) to when (``until``, whose day is in it); ``turned`` says that they are."""
        since, until = self.day("since", wrong), self.day("until", wrong, days=1)
        if since and until and since >= until:
            self.fail("until", turned)
        return since, until

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal (too many tries, too busy) above the form instead of on a page of its own."""
        self.problem, self.status, self.retry_after = refusal.detail, refusal.status, refusal.retry_after

    @property
    def ok(self) -> bool:
        return not self.errors and not self.problem

    @property
    def first_error(self) -> str:
        return next(iter(self.errors), "")
