"""Whether an engine writes speech along, seen over all microphones of a lecture."""

from __future__ import annotations

from collections.abc import Callable

from plugins.ai_assistant.agent.speech import Trouble


class Health:
    """A trouble stays until an engine answers again, also when whoever had it has been muted since."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._troubles: dict[object, Trouble] = {}
        self._left: Trouble | None = None

    @property
    def trouble(self) -> Trouble | None:
        return next(iter(self._troubles.values()), self._left)

    def failed(self, who: object, trouble: Trouble) -> None:
        before = self.trouble
        self._troubles[who] = trouble
        self._tell(before)

    def worked(self, who: object) -> None:
        if not self._troubles and self._left is None:
            return
        before = self.trouble
        self._troubles.pop(who, None)
        self._left = None
        self._tell(before)

    def gone(self, who: object) -> None:
        """Somebody is muted or left."""
        self._left = self._troubles.pop(who, self._left)

    def _tell(self, before: Trouble | None) -> None:
        if (before and before.code) != (self.trouble and self.trouble.code):
            self._changed()
