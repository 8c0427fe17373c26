"""Fill a settings dataclass from text or JSON; report every mistake at once."""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from core.errors import ConfigError

T = TypeVar("T")
YES, NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0", ""}
NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "a table"}


class SettingsError(ConfigError):
    """Settings that can't be read; ``mistakes`` has one sentence for each wrong name."""

    def __init__(self, mistakes: Mapping[str, str]) -> None:
        super().__init__("; ".join(mistakes.values()))
        self.mistakes = dict(mistakes)


@dataclass(frozen=True)
class Field:
    """What forms and admin pages need to know of one setting.

    ``kind`` is one of ``text``, ``secret``, ``number``, ``decimal``, ``switch``, ``choice``,
    ``choices``, ``list`` and ``table``.
    """

    name: str
    kind: str
    label: Any = ""
    help: Any = ""
    default: Any = None
    required: bool = False
    secret: bool = False
    editable: bool = False
    owner_only: bool = False
    variable: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    words: Mapping[Any, Any] = dataclasses.field(default_factory=dict)


def setting(
    default: Any = dataclasses.MISSING,
    *,
    factory: Callable[[], Any] | None = None,
    label: Any = "",
    help: Any = "",
    secret: bool = False,
    editable: bool = False,
    owner_only: bool = False,
    variable: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Iterable[Any] = (),
    words: Mapping[Any, Any] | None = None,
) -> Any:
    """A field of a settings dataclass with what its form needs.

    ``label`` and ``help`` may be lazy translations. ``secret``: never shown, logged or kept in
    the database. ``editable``: an admin may change it while the app runs. ``owner_only``:
    of a room's settings, one that co-hosts can't change. ``variable``: of the installation's settings, an
    environment variable by which it may be given too. ``minimum`` and
    ``maximum`` bound a number, the length of a text and of a list. ``choices``: the values
    allowed, where ``Literal`` isn't enough. ``words``: how forms name each choice.
    """
    if secret and editable:
        raise TypeError("a secret setting can't be editable: secrets never live in the database")
    facts = {
        "label": label,
        "help": help,
        "secret": secret,
        "editable": editable,
        "owner_only": owner_only,
        "variable": variable,
        "minimum": minimum,
        "maximum": maximum,
        "choices": tuple(choices),
        "words": dict(words or {}),
    }
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=facts, repr=not secret)
    if factory is not None:
        return dataclasses.field(default_factory=factory, metadata=facts, repr=not secret)
    return dataclasses.field(default=default, metadata=facts, repr=not secret)


def with_variables(cls: Any, raw: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """``raw``, completed by the variables of their own that settings name.

    Raises ``SettingsError`` where a setting is given twice: nobody could say which one holds.
    """
    given = {name: environ[field.variable] for name, field in fields(cls).items()
             if environ.get(field.variable, "")}  # fmt: skip
    twice = {name: f"{name!r} is set twice, by {fields(cls)[name].variable} too: remove one of the two"
             for name in given if raw.get(name) and raw[name] != given[name]}  # fmt: skip
    if twice:
        raise SettingsError(twice)
    return {**raw, **given}


def fill(cls: type[T], raw: Mapping[str, Any]) -> T:
    """Build ``cls`` from ``raw``, reading text as the declared types say.

    Raises ``SettingsError`` with every mistake: unknown names, missing and wrong values.
    """
    values, mistakes = read(cls, raw)
    if mistakes:
        raise SettingsError(mistakes)
    try:
        return cls(**values)
    except ValueError as error:
        raise SettingsError({"": str(error)}) from error


def read(cls: Any, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values that could be read, and a sentence for each name that could not."""
    known = fields(cls)
    kinds = hints(cls)
    mistakes = {str(name): _unknown(str(name), known) for name in raw if name not in known}
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name in raw:
            _read_one(field, kinds[name], raw[name], values, mistakes)
        elif field.required:
            mistakes[name] = f"{name!r} is required"
    return values, mistakes


def _read_one(field: Field, kind: Any, given: Any, values: dict[str, Any], mistakes: dict[str, str]) -> None:
    try:
        values[field.name] = _bounded(field, _value(given, kind))
    except _Wrong as wrong:
        mistakes[field.name] = f"{field.name!r} must be {wrong}" + _shown(field, given)


def _shown(field: Field, given: Any) -> str:
    if field.secret:
        return ""
    text = repr(given)
    return f", not {text if len(text) <= 80 else text[:77] + '…'}"


def setting_fields(cls: Any) -> Mapping[str, Field]:
    """What forms and pages need to know of each setting of ``cls``, by name, in their order."""
    return fields(cls)


@lru_cache(maxsize=256)
def fields(cls: Any) -> Mapping[str, Field]:
    """The settings of ``cls`` by name, in their order."""
    kinds = hints(cls)
    return types.MappingProxyType({f.name: _field(f, kinds[f.name]) for f in dataclasses.fields(cls)})


@lru_cache(maxsize=256)
def hints(cls: Any) -> Mapping[str, Any]:
    """The declared types of ``cls``, evaluated."""
    return types.MappingProxyType(typing.get_type_hints(cls))


def _field(field: dataclasses.Field[Any], kind: Any) -> Field:
    facts = {k: v for k, v in field.metadata.items() if k in Field.__dataclass_fields__}
    inner = _without_none(kind)
    choices = facts.pop("choices", ()) or _literals(inner)
    made = {**facts, "choices": choices, "default": _default(field), "required": _is_required(field)}
    made["label"] = facts.get("label") or field.name.replace("_", " ").capitalize()
    return Field(name=field.name, kind=_kind(inner, bool(choices), facts.get("secret", False)), **made)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return None if field.default_factory is dataclasses.MISSING else field.default_factory()


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _kind(kind: Any, has_choices: bool, secret: bool) -> str:
    if secret:
        return "secret"
    if _is_list(kind):
        return "choices" if has_choices else "list"
    if has_choices:
        return "choice"
    names = {bool: "switch", int: "number", float: "decimal", dict: "table"}
    return names.get(get_origin(kind) or kind, "text")


def _is_list(kind: Any) -> bool:
    return (get_origin(kind) or kind) in (list, tuple, set, frozenset)


def _literals(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    inner = _items(kind) if _is_list(kind) else None
    return get_args(inner) if get_origin(inner) is Literal else ()


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    rest = [part for part in get_args(kind) if part is not type(None)]
    if len(rest) != 1:
        raise TypeError(f"settings can't be of type {kind}: use one type, or one type and None")
    return rest[0]


def _items(kind: Any) -> Any:
    return (get_args(kind) or (str,))[0]


def _unknown(name: str, known: Mapping[str, Field]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    hint = f", did you mean {close[0]!r}?" if close else ""
    return f"unknown setting {name!r}{hint}"


class _Wrong(ValueError):
    """Carries what the value had to be."""


def _value(given: Any, kind: Any) -> Any:
    inner = _without_none(kind)
    if inner is not kind and (given is None or (given == "" and inner is not str)):
        return None
    if get_origin(inner) is Literal:
        return _choice(given, get_args(inner))
    if _is_list(inner):
        return _list(given, inner)
    return _plain(given, get_origin(inner) or inner)


def _choice(given: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if (given == choice and type(given) is type(choice)) or given == str(choice):
            return choice
    raise _Wrong(f"one of {', '.join(map(str, choices))}")


def _list(given: Any, kind: Any) -> Any:
    if isinstance(given, str):
        given = [part.strip() for part in given.replace("\n", ",").split(",") if part.strip()]
    if not isinstance(given, list | tuple | set | frozenset):
        raise _Wrong("a list")
    try:
        return (get_origin(kind) or kind)(_value(part, _items(kind)) for part in given)
    except _Wrong as wrong:
        raise _Wrong(f"a list in which each is {wrong}") from wrong


def _plain(given: Any, kind: Any) -> Any:
    reader = READERS.get(kind)
    if reader is None:
        return _of_class(given, kind)
    try:
        return reader(given)
    except (TypeError, ValueError, OverflowError) as error:
        raise _Wrong(NAMES[kind]) from error


def _of_class(given: Any, kind: Any) -> Any:
    if kind is Any or isinstance(given, kind):
        return given
    try:
        return kind(given)
    except (TypeError, ValueError) as error:
        raise _Wrong(f"a {kind.__name__}") from error


def _text(given: Any) -> str:
    if not isinstance(given, str) or "\0" in given:
        raise TypeError
    return given


def _whole(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise TypeError
    if isinstance(given, str) and len(given) > 40:
        raise TypeError
    return int(given)


def _number(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise TypeError
    number = float(given)
    if not math.isfinite(number):
        raise TypeError
    return number


def _truth(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    word = given.strip().lower() if isinstance(given, str) else None
    if word not in YES | NO:
        raise TypeError
    return word in YES


def _table(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise TypeError
    return dict(given)


READERS: dict[Any, Callable[[Any], Any]] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _truth,
    dict: _table,
}


def _bounded(field: Field, value: Any) -> Any:
    _check_choices(field, value)
    if value is None:
        return value
    amount, unit = _amount(value)
    if field.minimum is not None and amount < field.minimum:
        raise _Wrong(f"{field.minimum}{unit} or more")
    if field.maximum is not None and amount > field.maximum:
        raise _Wrong(f"{field.maximum}{unit} or less")
    return value


def plain(value: Any) -> Any:
    """A setting's value as JSON has it."""
    return list(value) if isinstance(value, tuple | set | frozenset) else value


def _check_choices(field: Field, value: Any) -> None:
    given = value if isinstance(value, list | tuple | set | frozenset) else (value,)
    if value is not None and field.choices and not set(given) <= set(field.choices):
        raise _Wrong(f"one of {', '.join(map(str, field.choices))}")


def _amount(value: Any) -> tuple[float, str]:
    if isinstance(value, str):
        return len(value), " characters"
    if isinstance(value, list | tuple | set | frozenset):
        return len(value), " entries"
    return (value, "") if isinstance(value, int | float) else (0, "")
