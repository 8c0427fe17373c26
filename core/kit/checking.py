"""Looks at one installed plugin: whether it would start and keeps its promises, in plain words."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import raw_settings
from core.deprecation import PluginDeprecation
from core.engine import plugins as loader
from core.engine.settings import SettingsError, fill
from core.errors import AudimaxError, PluginError
from core.kit.promises import REMEDIES, words

if TYPE_CHECKING:
    import pytest

LONGEST_PROBLEM = 600
# How problems begin that say what a plugin does.
VERBS = ("is ", "has ", "calls ", "doesn't ", "needs ", "adds ", "mounts ", "marks ", "asks ")
# Where tests find a database, or the programs of one.
FOR_TESTS = ("AUDIMAX_TEST_DATABASE_URL", "AUDIMAX_POSTGRES_BIN")


class NotChecked(AudimaxError):
    """The plugin couldn't be looked at, and what is missing for it."""


@dataclass(frozen=True)
class Finding:
    """A promise that isn't kept: which, what was seen, and what to do."""

    promise: str
    problem: str
    remedy: str

    def text(self) -> str:
        """As a terminal shows it."""
        lines = [f"✗ {self.promise}", *(f"    {line}" for line in self.problem.splitlines())]
        return "\n".join([*lines, f"  → {self.remedy}"] if self.remedy else lines)


@dataclass
class Checked:
    """What there is to say of a plugin."""

    name: str
    package: str = ""
    version: str = ""
    kept: int = 0
    findings: list[Finding] = field(default_factory=list)
    not_tried: list[str] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)

    @property
    def is_fine(self) -> bool:
        return not self.findings

    def text(self) -> str:
        """As a terminal shows it."""
        parts = [finding.text() for finding in self.findings]
        parts += [f"– Not tried: {one}" for one in self.not_tried]
        parts += [f"! {one}" for one in self.leaving]
        return "\n\n".join([*parts, self._sum()])

    def _sum(self) -> str:
        what = f"{self.name} {self.version} ({self.package})" if self.package else self.name
        if self.is_fine:
            return f"{what} keeps all {self.kept} promises that were tried."
        broken = "1 thing needs" if len(self.findings) == 1 else f"{len(self.findings)} things need"
        return f"{what}: {broken} mending, {self.kept} are fine."


def check(name: str, tests: Path | None = None) -> Checked:
    """Look at that plugin; ``tests`` is a file of its own with a ``PluginContract``."""
    checked = Checked(name)
    try:
        checked.package = loader.package_of(name, loader.installed())
    except PluginError as error:
        checked.findings.append(_of_start(error))
        return checked
    checked.version = loader.installed()[name][0].version
    with _deprecations() as heard:
        checked.findings += map(_of_start, loader.mistakes(name, checked.package))
    checked.leaving += heard
    if checked.is_fine:
        settings = _settings(checked)
        if checked.is_fine:
            _try_promises(checked, settings, tests)
    return checked


def _of_start(error: PluginError) -> Finding:
    is_verb = error.problem.startswith(VERBS)
    problem = f"It {error.problem}" if is_verb else error.problem
    return Finding("Audimax starts with it", problem, _sentence(error.remedy))


def _sentence(text: str) -> str:
    # The name of a function keeps its small letter.
    begins = text[:1].upper() if text.partition(" ")[0].isalpha() else text[:1]
    return f"{begins}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}" if text else ""


@contextlib.contextmanager
def _deprecations() -> Iterator[list[str]]:
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PluginDeprecation)
        yield said
    found = (str(one.message) for one in caught if issubclass(one.category, PluginDeprecation))
    said += dict.fromkeys(found)


def _settings(checked: Checked) -> Mapping[str, Any]:
    """What the installation has set for it; a finding when that isn't enough."""
    given = raw_settings(os.environ).get("plugins", {}).get(checked.name, {})
    try:
        fill(import_module(checked.package).plugin.settings, given)
    except SettingsError as error:
        remedy = (
            f"Write them below [plugins.{checked.name}] in audimax.toml, or as variables "
            f"AUDIMAX_PLUGINS__{checked.name.upper()}__…; then check again. A default spares people that."
        )
        checked.findings.append(Finding("It has the settings that it needs", str(error), remedy))
    return dict(given)


# --- the contract ---------------------------------------------------------------------


def _try_promises(checked: Checked, settings: Mapping[str, Any], tests: Path | None) -> None:
    if find_spec("pytest") is None:
        raise NotChecked("The promises are checked by pytest, which isn't installed here: pip install pytest")
    import pytest

    import core.testing
    from core.kit import checked as contract

    contract.TestChecked.name, contract.TestChecked.settings = checked.name, settings
    folder = Path(str(import_module(checked.package).__file__)).parent
    recorder = _Recorder(checked, folder)
    file = tests if tests is not None else Path(contract.__file__)
    with tempfile.TemporaryDirectory() as empty, _undisturbed(Path(empty)):
        options = ["-c", f"{empty}/pytest.ini", "--rootdir", empty, "-p", "no:cacheprovider", "--tb=no"]
        status = pytest.main([*options, str(file)], plugins=[core.testing, recorder])
    if not recorder.ran:
        raise NotChecked(
            f"pytest found nothing to run in {file} (it ended with {int(status)}).{recorder.why}"
        )


@contextlib.contextmanager
def _undisturbed(empty: Path) -> Iterator[None]:
    """No settings of this installation, no plugin of pytest but ours; nobody reads pytest's own report."""
    (empty / "pytest.ini").write_text("[pytest]\n")
    (empty / "audimax.toml").write_text("")
    before = dict(os.environ)
    for name in before:
        if name.startswith("AUDIMAX_") and name not in FOR_TESTS:
            del os.environ[name]
    os.environ.update(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", AUDIMAX_CONFIG=str(empty / "audimax.toml"))
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class _Recorder:
    """Hears of every test, and writes down in words what it means."""

    def __init__(self, checked: Checked, folder: Path) -> None:
        self.checked, self.folder = checked, folder
        self.ran, self.why = False, ""
        self.told: set[str] = set()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.why += f"\n{str(report.longrepr)[-LONGEST_PROBLEM:]}"

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        self.ran = True
        if call.excinfo is None:
            self.checked.kept += call.when == "call"
        elif call.excinfo.typename == "Skipped":
            self._skip(getattr(item, "originalname", item.name), call.excinfo)
        else:
            self._fail(getattr(item, "originalname", item.name), call.excinfo)

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        said = str(warning_message.message)
        if issubclass(warning_message.category, PluginDeprecation) and said not in self.checked.leaving:
            self.checked.leaving.append(said)

    def _skip(self, test: str, info: Any) -> None:
        self.checked.not_tried.append(f"{words(test)}: {info.value}.")

    def _fail(self, test: str, info: pytest.ExceptionInfo[BaseException]) -> None:
        finding = self._finding(test, info)
        # What stops the start stops every promise: it is told once.
        if finding.problem not in self.told:
            self.told.add(finding.problem)
            self.checked.findings.append(finding)

    def _finding(self, test: str, info: pytest.ExceptionInfo[BaseException]) -> Finding:
        error = info.value
        if isinstance(error, PluginError):
            return _of_start(error)
        if isinstance(error, AssertionError):
            said = str(error).partition("\nassert ")[0] or f"not so: {info.traceback[-1].statement}"
        elif isinstance(error, AudimaxError):
            said = str(error)
        else:
            said = f"{type(error).__name__}: {error}{self._place(info)}"
        return Finding(words(test), said[:LONGEST_PROBLEM], REMEDIES.get(test, ""))

    def _place(self, info: pytest.ExceptionInfo[BaseException]) -> str:
        """Where in the plugin's own code it happened."""
        for entry in reversed(info.traceback):
            path = Path(str(entry.path))
            if path.is_relative_to(self.folder):
                place = f"{path.relative_to(self.folder)}, line {entry.lineno + 1}"
                return f"\nin {place}: {str(entry.statement).strip()}"
        return ""
