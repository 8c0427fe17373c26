"""What the documentation shows to plugin authors is code that runs: quoted from packages that are tested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from core.cli import main
from tests.docs.documents import ROOT

FOLDER = ROOT / "docs" / "plugins"
# Made from code, each with a test of its own that it is up to date.
GENERATED = {"hooks.md", "contracts.md", "events.md", "settings.md", "promises.md", "room-ui.md"}
WRITTEN = sorted(path for path in FOLDER.glob("*.md") if path.name not in GENERATED)
FENCE = re.compile(r"(?:<!-- (?P<file>\S+) -->\n)?^```(?P<kind>\w*)\n(?P<code>.*?)^```$", re.M | re.S)
CODE = ("python", "js", "html", "css", "toml")
# Where quotations come from: what is there is run by tests.
TESTED = ("tests/third_party/", "tests/example_plugin/", "core/kit/skeleton/")


class Block(NamedTuple):
    page: str
    file: str
    kind: str
    code: str


def blocks() -> Iterator[Block]:
    for page in WRITTEN:
        for found in FENCE.finditer(page.read_text("utf-8")):
            yield Block(page.name, found["file"] or "", found["kind"], found["code"])


CODE_BLOCKS = [block for block in blocks() if block.kind in CODE]


def test_every_way_to_begin_has_its_page() -> None:
    names = {page.name for page in WRITTEN}
    ways = {"first-export.md", "guard.md", "section.md", "storage.md", "panel.md", "admin-page.md"}
    assert names >= {"README.md", "stability.md", *ways}
    index = (FOLDER / "README.md").read_text("utf-8")
    for page in (names | GENERATED) - {"README.md"}:
        assert f"({page})" in index, f"the index doesn't lead to {page}"


def test_there_is_code_to_look_at() -> None:
    assert len(CODE_BLOCKS) > 30


@pytest.mark.parametrize(
    "block", CODE_BLOCKS, ids=lambda block: f"{block.page} {block.file.rpartition('/')[2]}"
)
def test_code_is_quoted_from_a_package_that_is_tested(block: Block) -> None:
    assert block.file, f"{block.page}: say above it where it is from:\n{block.code}"
    assert block.file.startswith(TESTED), block.file
    source = (ROOT / block.file).read_text("utf-8")
    assert block.code in source, f"{block.page}: this isn't in {block.file}:\n{block.code}"
    assert source.startswith(block.code) or f"\n{block.code}" in source, "whole lines"


def test_nothing_hides_from_this_test() -> None:
    kinds = {block.kind for block in blocks()}
    assert kinds <= {*CODE, "sh", ""}, "a new kind of block: where is it tested?"
    for page in WRITTEN:
        assert page.read_text("utf-8").count("```") == 2 * sum(block.page == page.name for block in blocks())


def test_commands_exist_with_their_options() -> None:
    lines = [line for block in blocks() if block.kind == "sh" for line in block.code.splitlines()]
    told = [line.split()[1:] for line in lines if line.startswith("audimax ")]
    assert len(told) > 5
    for words in told:
        command: click.Command = main
        while isinstance(command, click.Group) and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        assert not isinstance(command, click.Group), words
        command.make_context("audimax", [word if "/" not in word else __file__ for word in words])


def test_the_tutorial_is_its_package(tmp_path: Path) -> None:
    """Whoever follows it ends with the package: each of its lines is shown, or is the skeleton's."""
    from core.kit import package

    made = package.make("links", "export", tmp_path)
    shown = {
        line for block in CODE_BLOCKS if block.page == "first-export.md" for line in block.code.split("\n")
    }
    theirs = ROOT / "tests/third_party/audimax_links"
    for file in sorted((theirs / "audimax_links").glob("*.py")):
        known = shown | set((made / file.relative_to(theirs)).read_text("utf-8").split("\n"))
        lines = file.read_text("utf-8").split("\n")[1:]
        assert [line for line in lines if line not in known] == [], f"{file.name} isn't the tutorial's"


def test_every_file_that_the_tutorial_names_is_made_by_the_command(tmp_path: Path) -> None:
    from core.kit import package

    made = package.make("links", "export", tmp_path)
    tree = next(block.code for block in blocks() if block.page == "first-export.md" and block.kind == "")
    named = set(re.findall(r"^ +(?:tests/)?([\w.]+\.(?:py|toml))", tree, re.M))
    assert named and named <= {path.name for path in made.rglob("*")}
    theirs = {path.name for path in (ROOT / "tests/third_party/audimax_links").rglob("*.py")}
    assert {path.name for path in made.rglob("*.py")} == theirs
