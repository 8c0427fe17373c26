"""The second chance that a test against real servers has."""

from __future__ import annotations

import re

import pytest

from tests.fixtures.product import ROOT

pytest_plugins = ["pytester"]
SETUP = """
    [pytest]
    markers = browser
"""
# Fails at first, and never again.
UNSTEADY = """
    from pathlib import Path
    import pytest
    MARKS
    def test_one():
        before, seen = Path("seen").exists(), Path("seen").touch()
        assert before
"""
RUN = "import sys; from pathlib import Path; from tests import again; again.FAILED = Path(sys.argv[1]); "
ASK = RUN + "import json; sys.exit(again.main(list(json.loads(again.FAILED.read_text()))))"


def ask_again(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, test: str) -> pytest.RunResult:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini(SETUP)
    pytester.makepyfile(test)
    assert pytester.runpytest_subprocess().ret == 1
    failed = pytester.path / ".pytest_cache/v/cache/lastfailed"
    return pytester.runpython_c(f"import sys; sys.argv.append({str(failed)!r}); {ASK}")


def test_what_passes_alone_passes_and_is_named(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = ask_again(pytester, monkeypatch, UNSTEADY.replace("MARKS", "@pytest.mark.browser"))
    assert ran.ret == 0
    assert re.search(r"UNSTEADY.*\n.*::test_one", ran.stdout.str())


def test_what_fails_alone_too_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    always = "import pytest\n@pytest.mark.browser\ndef test_one():\n    assert False"
    ran = ask_again(pytester, monkeypatch, always)
    assert ran.ret == 1
    assert "UNSTEADY" not in ran.stdout.str()


def test_without_a_server_there_is_no_second_chance(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = ask_again(pytester, monkeypatch, UNSTEADY.replace("MARKS", ""))
    assert ran.ret == 1
    assert "test_one" in ran.stdout.str() + ran.stderr.str()


def test_many_have_no_second_chance(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    four = "import pytest\n@pytest.mark.browser\n@pytest.mark.parametrize('n', range(4))\ndef test_one(n): assert n < 0"
    ran = ask_again(pytester, monkeypatch, four)
    assert ran.ret == 1
    assert "4 tests failed" in ran.stdout.str()
