from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]
TESTS = """
    import pytest
    @pytest.mark.optional
    def test_one(): pytest.skip("no key")
    def test_other(): pytest.skip("no browser")
"""
SETUP = """
    [pytest]
    markers = optional
"""


@pytest.mark.parametrize(("ci", "failed", "skipped"), [("true", 1, 1), ("", 0, 2)])
def test_in_ci_only_optional_tests_may_be_skipped(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, failed: int, skipped: int
) -> None:
    monkeypatch.setenv("CI", ci)
    pytester.makeini(SETUP)
    pytester.makepyfile(TESTS)
    ran = pytester.runpytest_inprocess("-p", "tests.setup.skips")
    ran.assert_outcomes(failed=failed, skipped=skipped)
    if ci:
        ran.stdout.fnmatch_lines(["*optional, not run here*", "*test_one*no key*"])


def test_a_whole_file_that_is_skipped_fails_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile("import pytest\npytest.skip('not here', allow_module_level=True)")
    ran = pytester.runpytest_inprocess("-p", "tests.setup.skips")
    assert ran.ret != 0
