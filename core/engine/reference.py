"""The reference for plugin authors, written from the code: ``python -m core.engine.reference``."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from core import api, contracts
from core.contracts import EVENT_TYPES
from core.engine.answers import SECONDS
from core.engine.plugins import HOOKS
from core.engine.settings import NAMES, setting
from core.hookspecs import OnError
from core.kit.promises import REMEDIES, words

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "plugins"
NOTE = "<!-- Written by `python -m core.engine.reference`; change the code, not this page. -->"
POLICIES = {
    OnError.STOP: "**STOP**: a mistake stops the start, with a message that names the plugin and the remedy.",
    OnError.DENY: "**DENY**: a guard that fails keeps the door shut; the others are still asked.",
    OnError.SKIP: "**SKIP**: the rest of the page goes on without it; it is logged and shown to admins.",
    OnError.RETRY: "**RETRY**: the others are asked all the same; this one is asked again later.",
}


def pages() -> dict[str, str]:
    """Every generated page by its name."""
    return {
        "hooks.md": hooks(),
        "contracts.md": border(),
        "settings.md": settings(),
        "events.md": events(),
        "promises.md": promises(),
    }


def write() -> None:
    """Write the pages into ``docs/plugins``."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


def hooks() -> str:
    """Every hook with its arguments, answer and error policy."""
    intro = [
        "A hook is a function in your `hooks.py`, marked with `@hookimpl`. Leave out arguments that you",
        "don't need. None is a fine answer to all of them: you have nothing to say.",
    ]
    rules = [f"- {POLICIES[policy]}" for policy in OnError]
    parts = [_hook(name, spec) for name, spec in HOOKS.items()]
    return _page("Hooks", [" ".join(intro), "\n".join(rules), *parts])


def _hook(name: str, spec: Any) -> str:
    facts = [
        f"On error: {spec.on_error.name}.",
        f"Time: {SECONDS[name]:g} s.",
    ]
    facts += [f"**{leaving}.**" for leaving in spec.leaving.values()]
    return "\n\n".join([f"## `{name}`", _code(_signature(name, spec)), _doc(spec), " ".join(facts)])


def border() -> str:
    """Every value that crosses the border, then everything else of ``core.api``."""
    crossing = {name: getattr(contracts, name) for name in api.__all__ if hasattr(contracts, name)}
    classes = {name: thing for name, thing in crossing.items() if inspect.isclass(thing)}
    others = {name: getattr(api, name) for name in api.__all__ if name not in classes}
    return _page(
        "What plugins give, get and may use",
        [
            "Import everything from `core.api`: it is the only module of core that a plugin may import.",
            *(_class(name, cls) for name, cls in sorted(classes.items())),
            "# Everything else in `core.api`",
            *(
                _thing(name, thing)
                for name, thing in sorted(others.items(), key=lambda pair: pair[0].lower())
            ),
        ],
    )


def settings() -> str:
    """How settings are declared."""
    kinds = [f"`{getattr(kind, '__name__', kind)}`: {words}" for kind, words in NAMES.items()]
    return _page(
        "Settings",
        [
            _SETTINGS,
            _code(_signature("setting", setting)),
            _doc(setting),
            "\n".join(
                [
                    "Types that can be declared:",
                    "",
                    *(f"- {kind}" for kind in kinds),
                    "- `Literal[…]`: one of those",
                    "- `list[…]`, `tuple[…, ...]` of these: a list; as text, separated by commas or lines",
                    "- `… | None`: may be left empty",
                ]
            ),
        ],
    )


_SETTINGS = """\
A frozen dataclass for the whole institution (`Plugin(settings=…)`) and one for each room
(`Plugin(room_settings=…)`). The declared type decides how text is read; every mistake is told at once,
with the nearest name.

Institution: `[plugins.<name>]` in `audimax.toml`, or `AUDIMAX_PLUGINS__<NAME>__<SETTING>`, read with
`settings(Settings)`. Rooms: the room's form and its API, read with `room_settings(room, RoomSettings)`;
every field needs a default. What an administrator may change while the app runs (`editable=True`) must
be asked for where it is used, each time: nothing may keep it. The operator's value wins over theirs. What
says where the server goes or lets it in there (`…_url`, `…_endpoint`, `…_folder`, `…_key` and their like) is
the operator's alone: neither editable nor a room's. A class
whose fields must fit each other raises `ValueError` in
`__post_init__`."""


def events() -> str:
    """Every event that ``on_event`` may hear of."""
    intro = (
        "`on_event(event)` is called in a job of your plugin's own, deferred in the transaction that caused "
        "the event. So none is lost, and a rollback takes it back; but you may hear of one twice, late, or "
        "after a later one, and the rows it names may be gone. What you raise is tried again, with growing "
        "pauses. "
        "Your plugin hears nothing of rooms in which it is off."
    )
    return _page("Events", [intro, *(_class(cls.__name__, cls) for cls in EVENT_TYPES)])


def promises() -> str:
    """What is checked of a plugin, and how tests of plugins are written."""
    from core import testing

    kept = [f"- **{words(test)}.** {REMEDIES[test]}" for test in tests_of(testing.PluginContract)]
    stored = [f"- {words(test)}" for test in tests_of(testing.StorageContract)]
    sent = [
        f"- {words(test)}"
        for test in tests_of(testing.DirectUploadsContract)
        if f"- {words(test)}" not in stored
    ]
    helpers = (getattr(testing, name) for name in FOR_TESTS)
    return _page(
        "Promises",
        [
            _PROMISES,
            "## `PluginContract`",
            _doc(testing.PluginContract),
            "\n".join(kept),
            "## `StorageContract`",
            _doc(testing.StorageContract),
            "\n".join(stored),
            "## `DirectUploadsContract`",
            _doc(testing.DirectUploadsContract),
            "\n".join(sent),
            "# What else `core.testing` has",
            *(_of_tests(thing) for thing in helpers),
        ],
    )


_PROMISES = """\
Everything that is checked of a plugin when a test subclasses `PluginContract` of `core.testing`, and by
`audimax plugins check <name>`: the promise, and what to do where it is broken. The database is a real one:
that of `AUDIMAX_TEST_DATABASE_URL`, or one that is made for the tests."""

FOR_TESTS = (
    "Place",
    "Caller",
    "add_guest",
    "add_host",
    "new_place",
    "new_admin",
    "sample_package",
    "example_body",
)


def tests_of(contract: type) -> list[str]:
    """The names of a contract's tests, in their order."""
    return [name for cls in reversed(contract.__mro__) for name in vars(cls) if name.startswith("test_")]


def _of_tests(thing: Any) -> str:
    return _class(thing.__name__, thing) if inspect.isclass(thing) else _thing(thing.__name__, thing)


# --- parts of pages -------------------------------------------------------------------


def _page(title: str, parts: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", NOTE, *(part for part in parts if part)]) + "\n"


def _class(name: str, cls: Any) -> str:
    heading = f"## `{name}`"
    if issubclass(cls, Enum):
        members = "\n".join(f"- `{member.name}` = `{member.value!r}`" for member in cls)
        return "\n\n".join(part for part in (heading, _doc(cls), members) if part)
    return "\n\n".join(part for part in (heading, _code("\n".join(_outline(name, cls))), _doc(cls)) if part)


def _outline(name: str, cls: Any) -> Iterator[str]:
    parents = [base.__name__ for base in cls.__bases__ if base in (contracts.Section, contracts.Event)]
    yield f"class {name}({', '.join(parents)})" if parents else f"class {name}"
    if dataclasses.is_dataclass(cls):
        yield from (f"    {field.name}: {field.type}{_value(field)}" for field in dataclasses.fields(cls))
    else:
        yield from (f"    {part}: {kind}" for part, kind in vars(cls).get("__annotations__", {}).items())
    for part, function in vars(cls).items():
        plain = getattr(function, "__func__", function)
        if inspect.isfunction(plain) and not part.startswith("_"):
            yield f"    {_signature(part, plain)}"


def _value(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        shown = field.default.value if isinstance(field.default, Enum) else field.default
        return f" = {getattr(shown, '__name__', None) or repr(shown)}"
    if field.default_factory is dataclasses.MISSING:
        return ""
    return f" = {getattr(field.default_factory, '__name__', '…')}()"


def _thing(name: str, thing: Any) -> str:
    heading = f"## `{name}`"
    if inspect.isclass(thing):
        return "\n\n".join(part for part in (heading, _doc(thing)) if part)
    if inspect.ismodule(thing):
        return "\n\n".join([heading, _doc(thing), *_functions(name, thing)])
    if inspect.isfunction(thing):
        return "\n\n".join(part for part in (heading, _code(_signature(name, thing)), _doc(thing)) if part)
    return f"{heading}\n\n{THINGS[name]}"


def _functions(name: str, module: Any) -> Iterator[str]:
    for part, function in vars(module).items():
        if inspect.isfunction(function) and function.__module__ == module.__name__ and part[0] != "_":
            yield _code(_signature(f"{name}.{part}", function))
            yield _doc(function)


THINGS = {
    "ADMINS": "Roles: admins.",
    "AGENTS": "Roles: the agent, by the key of its lecture. For views of an `INTERNAL` mount only.",
    "EVERYONE": "Roles: whoever asks, strangers too.",
    "HOSTS": "Roles: the room's owner and co-hosts.",
    "HOSTS_AND_ADMINS": "Roles: hosts and admins.",
    "PEOPLE_INSIDE": "Roles: participants and hosts.",
    "SIGNED_IN": "In place of roles: anybody with a verified account.",
    "db": "The database (Flask-SQLAlchemy): `db.Model`, `db.session`. Views and jobs commit themselves.",
    "here": "The room, lecture and caller of this request: `here.room`, `here.lecture`, `here.caller`.",
    "hookimpl": "Marks a function of `hooks.py` as a hook.",
    "limiter": "flask-limiter, for what `@view(limit=…)` can't say.",
}


def _signature(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    shown = [_parameter(parameter) for parameter in signature.parameters.values()]
    answer = _Raw.of(signature.return_annotation)
    return f"{name}{signature.replace(parameters=shown, return_annotation=answer)}"


def _parameter(parameter: inspect.Parameter) -> inspect.Parameter:
    default = _Raw("…") if parameter.default is dataclasses.MISSING else parameter.default
    return parameter.replace(annotation=_Raw.of(parameter.annotation), default=default)


class _Raw(str):
    """An annotation as it was written, without quotes."""

    @classmethod
    def of(cls, annotation: Any) -> Any:
        return cls(annotation) if isinstance(annotation, str) else annotation

    def __repr__(self) -> str:
        return str(self)


def _doc(thing: Any) -> str:
    doc = inspect.getdoc(thing) if thing.__doc__ else ""
    # What dataclass writes by itself says nothing that the outline doesn't.
    return "" if not doc or doc.startswith(f"{getattr(thing, '__name__', '')}(") else doc.replace("``", "`")


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


if __name__ == "__main__":
    write()
