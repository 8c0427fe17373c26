"""What this engine needs is said in words, at the start and by the doctor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core.engine import offers
from core.errors import PluginError
from tests.fixtures.egress import NO_REDIS, EgressServer


def test_files_in_a_folder_stop_the_start(make_app: Callable[..., Flask]) -> None:
    with pytest.raises(PluginError, match="storage_s3 and file_storage"):
        make_app("recording", plugins={"recording": {"engine": "egress"}})


def test_no_recorder_is_started(app: Flask) -> None:
    with app.app_context():
        assert offers.processes() == {}


def test_the_doctor_is_content(app: Flask) -> None:
    with app.app_context():
        checks = offers.health_checks()
        checks["recording.recorder"].run()
        checks["recording.egress"].run()


def test_the_doctor_says_that_livekit_has_no_redis(app: Flask, egress: EgressServer) -> None:
    egress.list_refuses = NO_REDIS
    with app.app_context(), pytest.raises(PluginError, match="same Redis"):
        offers.health_checks()["recording.egress"].run()


def test_the_doctor_says_that_a_storage_has_no_bucket(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.files.local import LocalStorage

    with app.app_context():
        known: Any = app.extensions["audimax_offers"]["storages"]
        monkeypatch.setitem(known, "s3", LocalStorage(app.extensions["audimax_config"].instance))
        with pytest.raises(PluginError, match="no bucket"):
            offers.health_checks()["recording.egress"].run()


class TestTheOtherEngines:
    @pytest.fixture
    def recording_settings(self) -> dict[str, Any]:
        return {"engine": "recorder"}

    def test_are_not_asked_about_egress(self, app: Flask) -> None:
        with app.app_context():
            assert "recording.egress" not in offers.health_checks()
            assert "recording.recorder" in offers.processes()
