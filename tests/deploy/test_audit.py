"""What is known of dependencies is told, and a silent service is no clean bill."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from deploy import audit
from deploy.audit import Found

CLEAN = {"name": "flask", "version": "3.1.3", "vulns": []}
FAULTY = {"name": "old", "version": "1.0", "vulns": [{"id": "CVE-2099-1", "fix_versions": ["1.1"]}]}
UNKNOWN = {"name": "own", "skip_reason": "Dependency not found on PyPI"}


def test_faults_of_python_packages_are_named_with_their_remedy() -> None:
    found = audit.read_python(json.dumps({"dependencies": [CLEAN, FAULTY]}))
    assert found == Found(["old 1.0: CVE-2099-1, mended in 1.1"], "")


def test_what_pypi_says_nothing_of_is_not_called_clean() -> None:
    assert (
        audit.read_python(json.dumps({"dependencies": [CLEAN, UNKNOWN]})).missing
        == "PyPI says nothing of own"
    )
    assert "and 2 more" in audit.read_python(json.dumps({"dependencies": [UNKNOWN] * 5})).missing


@pytest.mark.parametrize("said", ["", "[]", "null", "{}", '{"message": "405 Method Not Allowed"}', "<html>"])
def test_a_service_that_does_not_answer_is_said(said: str) -> None:
    assert "doesn't answer" in audit.read_python(said).missing
    assert "doesn't answer" in audit.read_npm(said).missing


def test_faults_of_npm_packages_are_named() -> None:
    said = json.dumps({"vulnerabilities": {"left": {"range": "<2", "severity": "high"}}})
    assert audit.read_npm(said) == Found(["left <2: high"])
    assert audit.read_npm('{"vulnerabilities": {}}') == Found([])


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([Found([])], 0),
        ([Found([]), Found([], "no answer")], 2),
        ([Found([], "no answer"), Found(["a fault"])], 1),
        ([Found(["a fault"]), Found([], "no answer")], 1),
    ],
)
def test_the_status_says_whether_all_was_asked(
    found: Sequence[Found], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "_all", lambda: [("a list", one) for one in found])
    assert audit.main() == status
    said = capsys.readouterr().out
    assert ("NOT ASKED" in said) == any(one.missing for one in found)
