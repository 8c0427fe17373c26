"""Makes a package to begin a plugin with: a copy of one that works, under another name."""

from __future__ import annotations

import importlib.util
import keyword
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.engine.plugins import LONGEST_NAME, NAME, RESERVED, installed
from core.errors import AudimaxError
from core.hookspecs import PROJECT
from core.version import VERSION

SKELETON = Path(__file__).with_name("skeleton")
KINDS = ("export", "section", "guard", "panel")
# What the plugins of the skeleton are called, and which versions of core they are for.
HELLO, TITLE, TEST = "hello", "Hello", "TestHello"
REQUIRES = re.compile(r'requires_core="[^"]*"')


class NotMade(AudimaxError):
    """No package was made, and why."""


def make(name: str, kind: str, folder: Path) -> Path:
    """A package for a plugin of that name below ``folder``; nothing is left where it can't be made."""
    _check_name(name)
    target = folder / distribution(name)
    if target.exists():
        raise NotMade(f"{target} is there already: take another name, or move it away.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".audimax-plugin-", dir=folder) as half:
            made = Path(half) / target.name
            for source, path in _files(kind):
                _write(made / _renamed(str(path), name), _renamed(source.read_text("utf-8"), name))
            made.rename(target)
    except OSError as error:
        raise NotMade(f"{target} can't be written: {error.strerror or error}.") from error
    return target


def distribution(name: str) -> str:
    """What pip calls the package of that plugin; its folder has the same name."""
    return f"{PROJECT}-{name.replace('_', '-')}"


def module(name: str) -> str:
    """What Python calls it."""
    return f"{PROJECT}_{name}"


def requires() -> str:
    """The versions that a plugin made now is good for: what goes away warns for one release before."""
    major, minor = VERSION.split(".")[:2]
    return f">={major}.{minor},<{major}.{int(minor) + 2}"


def _files(kind: str) -> Iterator[tuple[Path, Path]]:
    for part in ("common", kind):
        for source in sorted((SKELETON / part).rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                yield source, source.relative_to(SKELETON / part)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _renamed(text: str, name: str) -> str:
    words = name.split("_")
    camel = "".join(word.capitalize() for word in words)
    replaced = text.replace(TEST, f"Test{camel}").replace(distribution(HELLO), distribution(name))
    replaced = replaced.replace(HELLO, name).replace(TITLE, " ".join(words).capitalize())
    return REQUIRES.sub(f'requires_core="{requires()}"', replaced)


def _check_name(name: str) -> None:
    if not NAME.match(name) or len(name) > LONGEST_NAME:
        near = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:LONGEST_NAME].strip("_")
        hint = f" Take {near!r}, for example." if near and NAME.match(near) else ""
        raise NotMade(
            f"{name!r} can't be the name of a plugin: it begins with a letter and has small letters, "
            f"digits and single underscores, {LONGEST_NAME} at most.{hint}"
        )
    if name in RESERVED or keyword.iskeyword(name):
        whose = "core uses it in addresses" if name in RESERVED else "Python keeps it for itself"
        raise NotMade(f"{name!r} can't be the name of a plugin: {whose}. Take another one.")
    for one in installed().get(name, ()):
        raise NotMade(f"{name!r} is taken by an installed plugin, {one.package}. Take another name.")
    if importlib.util.find_spec(module(name)) is not None:
        raise NotMade(f"A Python package {module(name)!r} is installed already. Take another name.")


def next_steps(name: str, target: Path, enabled: list[str]) -> str:
    """What to do with a package that was made."""
    both = ", ".join(f'"{one}"' for one in [*enabled, name])
    return "\n".join(
        [
            f"{target} is a plugin that works. Go on like this:",
            "",
            f"  pip install -e {target}",
            f"  audimax plugins check {name}",
            "",
            "Switch it on in audimax.toml, and start Audimax again:",
            "",
            f"  enabled_plugins = [{both}]",
            "",
            f"Its tests: pytest {target}",
        ]
    )
