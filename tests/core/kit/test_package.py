"""`audimax plugin new` makes a package that works, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from core import cli
from core.engine.plugins import RESERVED
from core.kit import package
from core.kit.package import KINDS, NotMade
from core.version import VERSION
from tests.fixtures.environment import install, run_audimax, run_tests


def new(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, ["plugin", "new", *words])
    return done.exit_code, done.output


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_it_is_called_like_the_skeleton(tmp_path: Path, kind: str) -> None:
    made = package.make("reading_list", kind, tmp_path)
    assert made == tmp_path / "audimax-reading-list"
    files = left(made)
    assert {"README.md", "pyproject.toml", "tests/test_reading_list.py"} <= set(files)
    assert {f"audimax_reading_list/{part}.py" for part in ("__init__", "hooks", "settings")} <= set(files)
    for file in files:
        text = (made / file).read_text("utf-8")
        assert not re.search("hello", text + file, re.I), file
        if file.endswith(".py"):
            compile(text, file, "exec")


def test_the_names_fit_where_they_stand(tmp_path: Path) -> None:
    made = package.make("reading_list", "export", tmp_path)
    project = (made / "pyproject.toml").read_text()
    assert 'name = "audimax-reading-list"' in project
    assert 'reading_list = "audimax_reading_list"' in project
    assert "class TestReadingList(PluginContract):" in (made / "tests/test_reading_list.py").read_text()
    assert 'title="Reading list"' in (made / "audimax_reading_list/__init__.py").read_text()


def test_it_is_for_this_version_and_the_next_minor_one() -> None:
    wanted = SpecifierSet(package.requires())
    this = Version(VERSION)
    assert wanted.contains(VERSION)
    assert wanted.contains(f"{this.major}.{this.minor + 1}.5")
    assert not wanted.contains(f"{this.major}.{this.minor + 2}.0")


def test_it_says_how_to_go_on(tmp_path: Path) -> None:
    status, said = new("bell", "--kind", "panel", "--into", str(tmp_path))
    assert status == 0
    assert f"pip install -e {tmp_path}/audimax-bell" in said
    assert "audimax plugins check bell" in said
    (line,) = re.findall(r"enabled_plugins = \[(.*)\]", said)
    assert line.endswith('"bell"') and '"chat"' in line


def test_those_who_have_switched_plugins_keep_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIMAX_ENABLED_PLUGINS", "chat, pin")
    assert 'enabled_plugins = ["chat", "pin", "bell"]' in new("bell", "--into", str(tmp_path))[1]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("My-Plugin", "Take 'my_plugin', for example."),
        ("2fast", "it begins with a letter"),
        ("two__bars", "single underscores"),
        ("x" * 31, "30 at most"),
        ("../up", "can't be the name of a plugin"),
        ("", "can't be the name of a plugin"),
        ("naïve", "small letters"),
        ("class", "Python keeps it for itself"),
        ("chat", "'chat' is taken by an installed plugin, plugins.chat"),
        *[(name, "core uses it in addresses") for name in sorted(RESERVED)],
    ],
)
def test_a_name_that_cannot_be_is_refused_in_words(tmp_path: Path, name: str, words: str) -> None:
    status, said = new("--into", str(tmp_path), "--", name)
    assert status == 1
    assert words in said and "Traceback" not in said
    assert left(tmp_path) == []


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "audimax-bell").mkdir()
    (tmp_path / "audimax-bell" / "mine.txt").write_text("kept")
    status, said = new("bell", "--into", str(tmp_path))
    assert (status, left(tmp_path)) == (1, ["audimax-bell/mine.txt"])
    assert "is there already: take another name, or move it away" in said


def test_a_module_of_that_name_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "audimax_bell").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NotMade, match="A Python package 'audimax_bell' is installed already"):
        package.make("bell", "export", tmp_path / "new")


def test_a_disk_that_fails_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def write(path: Path, text: str) -> None:
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    monkeypatch.setattr(package, "_write", write)
    with pytest.raises(NotMade, match="can't be written: No space left on device"):
        package.make("bell", "export", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotMade, match="can't be written"):
        package.make("bell", "export", tmp_path / "file" / "below")


# --- the real thing -------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("made")
    return {kind: package.make(f"my_{kind}", kind, folder) for kind in KINDS}


@pytest.fixture(scope="module")
def environment(environment_with: Callable[..., Path], made: dict[str, Path]) -> Path:
    """All kinds, installed by pip."""
    found = environment_with()
    for source in made.values():
        install(found, source)
    return found


@pytest.mark.slow
def test_each_kind_passes_its_own_tests(
    environment: Path, made: dict[str, Path], base_settings: dict[str, str]
) -> None:
    said = run_tests(environment, list(made.values()), base_settings["database_url"])
    assert " passed" in said and all(f"test_my_{kind}.py" in said for kind in KINDS)
    for bad in (" failed", " skipped", " error", " warning"):
        assert bad not in said, said


@pytest.mark.slow
def test_it_shows_up_with_nothing_more_than_its_name(
    environment: Path, base_settings: dict[str, str], tmp_path: Path
) -> None:
    names = [f"my_{kind}" for kind in KINDS]
    given = {
        key: base_settings[key] for key in ("secret_key", "database_url", "livekit_key", "livekit_secret")
    }
    variables = {f"AUDIMAX_{key.upper()}": value for key, value in given.items()}
    off = run_audimax(environment, "plugins", cwd=tmp_path, **variables)
    on = run_audimax(
        environment, "plugins", cwd=tmp_path, **variables, AUDIMAX_ENABLED_PLUGINS=",".join(names)
    )
    assert on.returncode == off.returncode == 0, on.stderr + off.stderr
    for name in names:
        assert re.search(rf"^{name} +0\.1\.0 +disabled audimax-{name.replace('_', '-')}$", off.stdout, re.M)
        assert re.search(rf"^{name} +0\.1\.0 +enabled  audimax-", on.stdout, re.M), on.stdout
    assert "hooks into exporters" in on.stdout and "hooks into blueprints, room_ui" in on.stdout
