"""A ``LecturePackage`` as JSON and back: how it reaches the child, and what its digest is made of."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from core.contracts import SECTION_TYPES, LecturePackage, Section

KINDS: Mapping[str, type[Section]] = {cls.__name__.lower(): cls for cls in SECTION_TYPES}


def to_json(package: LecturePackage) -> dict[str, Any]:
    """As JSON can hold it; each section names its ``kind``: prose, timeline, facts, table, film or files."""
    made: dict[str, Any] = _plain(package)
    made["sections"] = [{"kind": kind_of(one), **_plain(one)} for one in package.sections]
    return made


def from_json(said: Mapping[str, Any]) -> LecturePackage:
    """The package that ``to_json`` made this of."""
    sections = tuple(_read(KINDS[one["kind"]], one) for one in said["sections"])
    made: LecturePackage = _read(LecturePackage, {**said, "sections": ()})
    return dataclasses.replace(made, sections=sections)


def kind_of(section: Section) -> str:
    """What sort of section it is, in one word."""
    return next(name for name, cls in KINDS.items() if isinstance(section, cls))


def digest(exporter: str, options: Mapping[str, Any], package: LecturePackage, version: str) -> str:
    """The same for the same content taken out in the same way by the same version of the exporter."""
    whole = [exporter, version, dict(options), to_json(package)]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return value


def _read(kind: Any, said: Any) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if said is None:
        return None
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        known = {f.name for f in dataclasses.fields(kind)}
        return kind(**{name: _read(hints[name], part) for name, part in said.items() if name in known})
    if origin is tuple:
        return tuple(_read(_inner(inner, at), part) for at, part in enumerate(said))
    if origin in (typing.Union, types.UnionType):
        return _read(next(one for one in inner if one is not type(None)), said)
    if kind is datetime:
        return datetime.fromisoformat(said)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(said)
    return said


def _inner(inner: tuple[Any, ...], at: int) -> Any:
    return inner[0] if inner[-1] is Ellipsis else inner[at]
