"""How one subject after the other is looked at: each within its time, and none stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

from flask import Flask

from core.config import Config
from core.doctor.findings import Finding, bad
from core.engine import isolation
from core.errors import AudimaxError
from core.logs.masking import words_of


@dataclass(frozen=True)
class Patient:
    """What is examined: an installation by its settings, and the app where it can be made."""

    config: Config
    app: Flask | None = None
    mail_to: str = ""

    @property
    def is_in_earnest(self) -> bool:
        return self.config.mode == "production"


@dataclass(frozen=True)
class Subject:
    """One part of an installation.

    ``checks`` says what is looked at, by the names that findings have; ``seconds`` is for all of them
    together, None where each has a time of its own.
    """

    title: str
    checks: Mapping[str, str]
    look: Callable[[Patient], Iterable[Finding]]
    seconds: float | None
    needs_app: bool = False

    def looked_at(self, patient: Patient) -> list[Finding]:
        """All findings; what fails in an unforeseen way, or hangs, is one of them."""
        if self.needs_app and patient.app is None:
            return []
        found: list[Finding] = []
        try:
            with _in_time(self.seconds), patient.app.app_context() if patient.app else nullcontext():
                found.extend(self.look(patient))
        except isolation.TookTooLong:
            found.append(bad(self._where(found), f"no answer within {self.seconds:g} s", HANGS))
        except AudimaxError as error:
            found.append(bad(self._where(found), str(error), ""))
        except Exception as error:
            found.append(bad(self._where(found), f"can't be looked at: {words_of(error)}", UNFORESEEN))
        return [replace(one, subject=self.title) for one in found]

    def _where(self, found: list[Finding]) -> str:
        """The first check that has said nothing: there it was when it stopped."""
        said = {one.check for one in found}
        return next((name for name in self.checks if name not in said), self.title)


HANGS = "something takes connections and doesn't answer: look at it, and at firewalls on the way"
UNFORESEEN = "this is a fault of Audimax: please report it with these words"


@contextmanager
def _in_time(seconds: float | None) -> Iterator[None]:
    with isolation.time_limit(seconds) if seconds else nullcontext():
        yield
