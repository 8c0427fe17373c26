"""The documentation says what the code does, and leads nowhere that isn't there."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest
from packaging.requirements import Requirement

from core.cli import main
from core.contracts import Plugin
from core.engine.settings import fields
from core.people.links import LIFETIMES, Purpose
from core.rooms.settings import RoomSettings
from core.version import VERSION
from docs import doctor
from docs.settings import manifests, of_plugins, with_table
from tests.docs.documents import OF_PROSE, ROOT, defined_tests, text, without_code

LARGEST_PICTURE = 300_000
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MACHINE_PATH = re.compile(r"(^|[\s`(])/(home|tmp|root|Users)/", re.I)


@pytest.fixture(params=OF_PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def anchors(path: Path) -> set[str]:
    """The places within a document, as the headings name them."""
    return {place(heading) for heading in re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.M)}


def place(heading: str) -> str:
    """How links name a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_link_leads_somewhere(document: Path) -> None:
    for link in LINK.findall(without_code(document.read_text("utf-8"))):
        if link.startswith(("http://", "https://")):
            continue
        target, _hash, within = link.partition("#")
        file = (document.parent / unquote(target)) if target else document
        assert file.exists(), f"{link} is not there"
        assert not within or within in anchors(file), f"{link}: no such heading"


def test_nothing_tells_of_the_machine_that_it_was_written_on(document: Path) -> None:
    assert not MACHINE_PATH.findall(document.read_text("utf-8"))


def test_pictures_are_small_and_shown() -> None:
    shown = " ".join(path.read_text("utf-8") for path in OF_PROSE)
    for picture in (ROOT / "docs/images").iterdir():
        assert picture.stat().st_size < LARGEST_PICTURE, f"{picture.name} is too large"
        assert f"images/{picture.name})" in shown, f"nothing shows {picture.name}"


def named(document: str, title: str) -> set[str]:
    """The first column of the table below a title."""
    table = re.search(rf"{re.escape(title)}.*?\n\n((?:\|[^\n]*\n)+)", text(document), re.S)
    assert table, f"no table below {title}"
    rows = table[1].splitlines()[2:]
    return {row.split("|")[1].strip().strip("`") for row in rows}


@pytest.mark.parametrize("file", ["requirements.in", "requirements-dev.in"])
def test_every_python_package_is_in_the_readme_with_its_reason(file: str) -> None:
    wanted = [line for line in text(file).splitlines() if line and not line.startswith(("#", "-"))]
    assert named("README.md", f"(`{file}`)") == {Requirement(line).name for line in wanted}


@pytest.mark.parametrize(
    ("kind", "title"),
    [("dependencies", "**In the browser**"), ("devDependencies", "**To build and check")],
)
def test_every_npm_package_is_in_the_readme_with_its_reason(kind: str, title: str) -> None:
    assert named("README.md", title) == set(json.loads(text("package.json"))[kind])


def test_no_reason_is_empty() -> None:
    rows = re.findall(r"^\| (?!-)([^|]+) \|([^|]*)\|$", text("README.md"), re.M)
    assert all(reason.strip() for _name, reason in rows)


def test_the_table_of_settings_is_that_of_the_code() -> None:
    guide = text("docs/admin-guide.md")
    assert guide == with_table(guide), "run `python -m docs.settings`"


def test_the_table_of_the_doctors_checks_is_that_of_the_code() -> None:
    guide = text("docs/operations.md")
    assert guide == doctor.with_table(guide), "run `python -m docs.doctor`"


def test_the_settings_of_plugins_are_those_of_the_code() -> None:
    assert text("docs/plugin-settings.md") == of_plugins(), "run `python -m docs.settings`"


@pytest.mark.parametrize("plugin", manifests(), ids=lambda plugin: plugin.name)
def test_every_setting_of_a_plugin_is_there_and_means_something(plugin: Plugin) -> None:
    page = text("docs/plugin-settings.md")
    for cls in (plugin.settings, plugin.room_settings):
        for name in fields(cls) if cls else ():
            assert re.search(rf"^\| `{name}` \| \S", page, re.M), f"{plugin.name}: {name}"


def test_every_setting_of_a_room_is_in_the_hosts_guide() -> None:
    labels = {str(field.label) for field in fields(RoomSettings).values()}
    assert labels <= named("docs/host-guide.md", "In the form you decide:")


def test_the_shortcuts_are_those_of_the_page() -> None:
    source = text("ui/room/call/shortcuts.ts")
    of_the_page = {
        key.upper(): words for key, words in re.findall(r"key: '(.)', words: t\('([^']+)'\)", source)
    }
    in_the_guide = dict(re.findall(r"^\| <kbd>(.+?)</kbd> \| (.+?) \|$", text("docs/host-guide.md"), re.M))
    assert len(of_the_page) > 5
    also = {"Space": "Talk while you hold it down", "Esc": "Close a panel or a dialog"}
    assert in_the_guide == {**of_the_page, **also}


def test_links_live_as_long_as_the_guide_says() -> None:
    guide = text("docs/admin-guide.md")
    hours = [LIFETIMES[p].total_seconds() / 3600 for p in (Purpose.SET_UP, Purpose.SIGN_UP, Purpose.EMAIL)]
    assert f"| set-up, sign-up, a changed address | {max(hours):.0f} hours |" in guide
    assert min(hours) == max(hours)
    assert f"| invitation | {LIFETIMES[Purpose.INVITATION].days} days |" in guide
    assert f"| reset of a password | {LIFETIMES[Purpose.RESET].seconds // 60} minutes |" in guide


def test_commands_that_are_told_exist() -> None:
    prose = " ".join(path.read_text("utf-8") for path in OF_PROSE)
    told = set(
        re.findall(r"audimax ([a-z]+(?:-[a-z]+)*)(?=[\s`)])", "".join(re.findall(r"`[^`\n]+`", prose)))
    )
    assert told <= set(main.commands), told
    targets = set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", prose, re.M))
    assert targets <= set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))


def test_actions_that_are_written_down_are_named() -> None:
    """Who looks for an action in the audit log finds it in the guide's list or its neighbour."""
    sources = [file.read_text("utf-8") for file in ROOT.glob("core/**/*.py")]
    kinds = {k for s in sources for k in re.findall(r"audit\.record\(\s*\"(\w+)\.", s)}
    words = {
        "room": "room",
        "lecture": "lecture",
        "invitation": "invited",
        "user": "administrator",
        "setting": "setting",
        "retention": "retention",
    }
    assert kinds - {"plugin"} <= set(words), "a new kind of action: name it in docs/admin-guide.md"
    row = next(line for line in text("docs/admin-guide.md").splitlines() if "`audit_log`" in line)
    assert all(words[kind] in row for kind in kinds - {"plugin"})


def test_this_version_is_in_the_change_log() -> None:
    assert f"\n## {VERSION}\n" in text("CHANGELOG.md")


# --- claims of security ---------------------------------------------------------------


def claims() -> list[tuple[str, str]]:
    """The rows of all tables: what is claimed, and by what it is proven."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", text("docs/security.md"), re.M)
    return [(claim, proof) for claim, proof in rows if claim != "claim"]


def test_every_claim_of_security_names_a_test() -> None:
    assert len(claims()) > 30
    for claim, proof in claims():
        assert re.fullmatch(r"(`[^`]+`(, )?)+", proof), claim


def by_the_standard() -> dict[str, tuple[str, str]]:
    """What the OWASP's standard asks, by section: the verdict, and what is said for it."""
    part = text("docs/security.md").partition("## By the OWASP ASVS")[2].partition("\n## ")[0]
    said = re.findall(r"^- \*\*(.+?)\*\* \(.+?\)\. \*\*(Yes|No|In part)\.\*\* (.+)$", part, re.M)
    assert len(said) == len(re.findall(r"^- ", part, re.M)), "a line has another form"
    return {section: (verdict, proof) for section, verdict, proof in said}


def with_claims() -> set[str]:
    """The places of this page that have a table of claims."""
    parts = re.split(r"^## ", text("docs/security.md"), flags=re.M)
    titles = [part.partition("\n")[0] for part in parts if "\n| claim | proven by |" in part]
    return {place(title) for title in titles}


def proofs_of(said: str) -> list[str]:
    """What a line names that somebody can look up or run: rules of ruff, places with claims, tests, commands."""
    checked = tomllib.loads(text("ruff.toml"))["lint"]
    rules = re.findall(r"`([A-Z]+\d{3})`", said)
    for rule in rules:
        assert rule.rstrip("0123456789") in checked["select"] and rule not in checked["ignore"], rule
    places = [one for one in re.findall(r"\]\(#([^)]+)\)", said) if one in with_claims()]
    return [*rules, *places, *re.findall(r"`(test_\w+|make [a-z-]+)`", said)]


def test_what_the_standard_asks_and_is_so_names_its_proof() -> None:
    """That these tests, places and commands exist is asked of all of the documentation."""
    told = by_the_standard()
    assert len(told) > 25
    assert not [name for name, (verdict, said) in told.items() if verdict == "Yes" and not proofs_of(said)]
    # A sentence, or a word that happens to be a heading, is no proof.
    assert proofs_of("By reading. Accounts, `pickle`, [Faults](#reporting-a-fault)") == []
    assert proofs_of("ruff `S301`, [The web](#the-web), `make audit`") == ["S301", "the-web", "make audit"]


def test_every_test_that_a_claim_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", text("docs/security.md")))
    missing = sorted(named - defined_tests())
    for _claim, proof in claims():
        for name in re.findall(r"`([^`]+)`", proof):
            file, _colon, sentence = name.partition(": ")
            there = f"'{sentence}'" in text(file) if sentence else name in defined_tests()
            missing += [] if there else [name]
    assert not missing
