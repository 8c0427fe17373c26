"""The contract as `audimax plugins check` runs it: for a plugin whose own tests aren't at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.testing import FOR_PEOPLE, PluginContract

if TYPE_CHECKING:
    from flask import Flask

    from core.testing import Place

TESTS = "name its own tests with --tests"
NO_ROWS = f"its routes take ids of rows that only its own tests can make; {TESTS}"


class TestChecked(PluginContract):
    """``name`` and ``settings`` are set by whoever starts the run."""

    def rows(self, app: Flask, place: Place) -> dict[str, str]:
        """Ids that nothing has, for every route that wants one."""
        return dict.fromkeys(self._wanted(app), "nowhere")

    def test_ids_of_another_room_open_nothing(self, app: Flask, places: tuple[Place, Place]) -> None:
        self._skip_without_rows(app)
        super().test_ids_of_another_room_open_nothing(app, places)

    def test_its_own_ids_are_found(self, app: Flask, places: tuple[Place, Place]) -> None:
        self._skip_without_rows(app)
        super().test_its_own_ids_are_found(app, places)

    def test_its_exporters_give_a_named_file_or_a_link(self, app: Flask) -> None:
        try:
            super().test_its_exporters_give_a_named_file_or_a_link(app)
        except ValueError as words:
            pytest.skip(f"the sample lecture has nothing for it, it says “{words}”; {TESTS}")

    def _skip_without_rows(self, app: Flask) -> None:
        if self._wanted(app):
            pytest.skip(NO_ROWS)

    def _wanted(self, app: Flask) -> set[str]:
        return {part for rule, _method in self._routes(app) for part in rule.arguments - FOR_PEOPLE}
