"""Find, check and load the enabled plugins; ask them questions so that no answer can do harm."""

from __future__ import annotations

import difflib
import inspect
import logging
import os
import pkgutil
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple, TypeVar, cast

import pluggy
from flask import Flask, current_app
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from werkzeug.local import LocalProxy

from core import deprecation, hookspecs
from core.config import Config
from core.contracts import NoSettings, Plugin
from core.db import Base, db, now
from core.engine import answers, isolation
from core.engine.settings import SettingsError, fields, fill, with_variables
from core.errors import PluginError
from core.hookspecs import PROJECT, OnError
from core.metrics import counts
from core.version import VERSION

log = logging.getLogger(__name__)
T = TypeVar("T")
GROUP = f"{PROJECT}.plugins"
BUILTIN = "plugins"
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
LONGEST_NAME = 30
# Words that already mean something in core's own addresses below a room or a lecture.
RESERVED = frozenset(
    {"admin", "api", "archive", "code", "core", "end", "export", "exports", "hosts", "internal", "join"}
    | {"leave", "plugin", "plugins", "room", "sections", "start", "stream", "token", "waiting"}
)
KEPT_FAILURES = 100
SECONDS_TO_IMPORT = 60


class Answer(NamedTuple):
    """What one plugin said."""

    plugin: str
    value: Any


@dataclass(frozen=True)
class Hook:
    """One plugin's implementation of one hook."""

    plugin: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Loaded:
    """A plugin that is enabled, imported and found in order."""

    manifest: Plugin
    settings: Any
    folder: Path
    package: str
    version: str
    hooks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Installed:
    """A plugin that could be enabled. ``source`` is the package it was found in."""

    name: str
    package: str
    version: str
    source: str


@dataclass(frozen=True)
class Failure:
    """A hook that raised or answered wrongly, for the admin pages."""

    at: datetime
    plugin: str
    hook: str
    problem: str


class PluginsFailed(Exception):
    """Some plugins failed in a hook in which all must succeed; ``answers`` are the others'."""

    def __init__(self, hook: str, failures: Mapping[str, Exception], answers: list[Answer]) -> None:
        named = "; ".join(f"plugin {name!r}: {error}" for name, error in failures.items())
        super().__init__(f"{hook}() failed: {named}")
        self.failures, self.answers = dict(failures), answers


@dataclass
class Plugins:
    """The enabled plugins of one app."""

    loaded: dict[str, Loaded] = field(default_factory=dict)
    failures: deque[Failure] = field(default_factory=lambda: deque(maxlen=KEPT_FAILURES))
    hooks: dict[str, list[Hook]] = field(default_factory=dict)
    by_settings: dict[type, str] = field(default_factory=dict)

    def load(self, config: Config) -> None:
        """Import what ``enabled_plugins`` names; the first mistake stops the start."""
        known = installed()
        for name in dict.fromkeys(config.enabled_plugins):
            self.add(package_of(name, known), name, _table(name, config.plugins), known)
        _refuse_strays(config, known)

    def add(
        self,
        package: str,
        name: str,
        raw: Mapping[str, Any],
        known: Mapping[str, Sequence[Installed]] | None = None,
    ) -> None:
        """Load one plugin from ``package``, with its settings as they were read.

        ``known`` is ``installed()``, where it was asked already.
        """
        module = _import(name, package)
        manifest = _manifest(name, module)
        self._put_settings(manifest)
        before = set(db.metadata.tables)
        hooks = _hooks(name, _import(name, f"{package}.hooks"))
        _check_tables(name, package, set(db.metadata.tables) - before)
        self.loaded[name] = Loaded(
            manifest=manifest,
            settings=_settings(manifest, raw),
            folder=Path(module.__file__ or "").parent,
            package=package,
            version=manifest.version or _version(name, package, installed() if known is None else known),
            hooks=tuple(hooks),
        )
        for hook, implementation in hooks.items():
            self.hooks.setdefault(hook, []).append(implementation)

    def _put_settings(self, manifest: Plugin) -> None:
        for cls in (manifest.settings, manifest.room_settings):
            if cls is None or cls is NoSettings:
                continue
            if self.by_settings.setdefault(cls, manifest.name) != manifest.name:
                problem = f"its settings class is that of plugin {self.by_settings[cls]!r}"
                raise PluginError(manifest.name, problem, "give it a class of its own")

    def ask(self, hook: str, *, only: str | None = None, **question: Any) -> list[Answer]:
        """Put one question to every plugin that is on, or to one; what fails is treated as the hook says.

        STOP raises ``PluginError``, DENY answers in the plugin's place with a refusal, SKIP leaves
        it out, RETRY asks the others too and then raises ``PluginsFailed``.
        """
        implementations = [one for one in self._asked(hook, question) if only in (None, one.plugin)]
        if not implementations:
            return []
        spec = getattr(hookspecs, hook)
        if spec.on_error is OnError.STOP:
            return self._ask_at_start(hook, implementations)
        if spec.on_error is OnError.RETRY:
            return self._ask_until_all_succeed(hook, implementations, question)
        return self._ask_readers(hook, implementations, question)

    def ask_one(self, plugin: str, hook: str, **question: Any) -> Any:
        """Put one question to one plugin; whatever it raises is the caller's."""
        for implementation in self.hooks.get(hook, ()):
            if implementation.plugin == plugin:
                return _call(hook, implementation, question)
        return None

    def folders(self) -> dict[str, Path]:
        """Where each enabled plugin lives."""
        return {name: loaded.folder for name, loaded in self.loaded.items()}

    def variables(self) -> list[str]:
        """The variables without our prefix by which settings of the enabled plugins are given now."""
        named = [f.variable for one in self.loaded.values() for f in fields(one.manifest.settings).values()]
        return [variable for variable in named if os.environ.get(variable, "")]

    def users_of(self, hook: str) -> list[str]:
        """The names of the plugins that implement a hook."""
        return [implementation.plugin for implementation in self.hooks.get(hook, ())]

    def _asked(self, hook: str, question: Mapping[str, Any]) -> list[Hook]:
        everyone = self.hooks.get(hook, [])
        room = _room_of(question)
        if not everyone or room is None:
            return everyone
        from core.engine.room_plugins import enabled_in

        on = enabled_in(room)
        return [implementation for implementation in everyone if implementation.plugin in on]

    def _ask_at_start(self, hook: str, implementations: list[Hook]) -> list[Answer]:
        found = []
        for implementation in implementations:
            try:
                value = _call(hook, implementation, {})
            except PluginError:
                raise
            except Exception as error:
                remedy = "take it out of enabled_plugins or install a version that works"
                raise PluginError(implementation.plugin, f"{hook}() failed: {error}", remedy) from error
            if value is not None:
                found.append(Answer(implementation.plugin, value))
        return found

    def _ask_readers(self, hook: str, implementations: list[Hook], question: dict[str, Any]) -> list[Answer]:
        found = []
        with isolation.reading(db.session) as shelter:
            for implementation in implementations:
                value = self._ask_reader(hook, implementation, question, shelter)
                if value is not None:
                    found.append(Answer(implementation.plugin, value))
        return found

    def _ask_reader(
        self, hook: str, implementation: Hook, question: dict[str, Any], shelter: isolation.Shelter
    ) -> Any:
        try:
            value = _call(hook, implementation, question)
            shelter.refuse_writes()
        except Exception as error:
            shelter.recover()
            self.note(implementation.plugin, hook, error)
            return answers.refusal(hook, question)
        return value

    def _ask_until_all_succeed(
        self, hook: str, implementations: list[Hook], question: dict[str, Any]
    ) -> list[Answer]:
        found: list[Answer] = []
        failures: dict[str, Exception] = {}
        for implementation in implementations:
            try:
                with db.session.begin_nested():
                    value = _call(hook, implementation, question)
            except Exception as error:
                self.note(implementation.plugin, hook, error)
                failures[implementation.plugin] = error
            else:
                found += [Answer(implementation.plugin, value)] if value is not None else []
        if failures:
            raise PluginsFailed(hook, failures, found)
        return found

    def note(self, plugin: str, hook: str, error: Exception) -> None:
        """Keep a failure for the log and for the admins."""
        about = {"plugin": plugin, "hook": hook}
        log.error("plugin %s failed in %s(): %s", plugin, hook, error, exc_info=error, extra=about)
        counts.hook_error(plugin, hook)
        problem = f"{type(error).__name__}: {error}"[:500]
        self.failures.append(Failure(now(), plugin, hook, problem))


def init_app(app: Flask) -> None:
    """Load the enabled plugins; a mistake stops the start with a message that names plugin and remedy."""
    isolation.init_app(app)
    made = app.extensions["audimax_plugins"] = Plugins()
    made.load(app.extensions["audimax_config"])


plugins = cast(Plugins, LocalProxy(lambda: current_app.extensions["audimax_plugins"]))


def settings(cls: type[T]) -> T:
    """The running app's settings of that class, as they are now: ``settings(Settings).bucket``."""
    owner = plugins.by_settings.get(cls)
    if owner is None or plugins.loaded[owner].manifest.settings is not cls:
        raise LookupError(f"no enabled plugin has {cls.__name__} as its settings")
    return cast(T, settings_of(owner))


def settings_of(plugin: str) -> Any:
    """The settings of a plugin that is enabled, as they are now."""
    start = plugins.loaded[plugin].settings
    standing = current_app.extensions.get("audimax_standing")
    return start if standing is None else standing.of(plugin, start)


# --- what is installed ----------------------------------------------------------------


def installed() -> dict[str, list[Installed]]:
    """Every plugin that could be enabled, by name: folders of ``plugins/``, then pip packages.

    Nothing is imported. A name with two entries can't be enabled.
    """
    found: dict[str, list[Installed]] = {}
    for one in [*_builtin(), *_packaged()]:
        found.setdefault(one.name, []).append(one)
    return found


def _builtin() -> Iterable[Installed]:
    folders = import_module(BUILTIN).__path__
    for module in pkgutil.iter_modules(folders):
        if module.ispkg and not module.name.startswith("_"):
            yield Installed(module.name, f"{BUILTIN}.{module.name}", VERSION, PROJECT)


def _packaged() -> Iterable[Installed]:
    for entry in metadata.entry_points(group=GROUP):
        source, version = (entry.dist.name, entry.dist.version) if entry.dist else ("", "")
        yield Installed(entry.name, entry.module, version, source)


def _version(name: str, package: str, known: Mapping[str, Sequence[Installed]]) -> str:
    return next((one.version for one in known.get(name, ()) if one.package == package), "")


@dataclass(frozen=True)
class Description:
    """A line of ``audimax plugins``."""

    name: str
    version: str
    enabled: bool
    source: str
    title: str = ""
    hooks: tuple[str, ...] = ()


def describe(app: Flask | None = None) -> list[Description]:
    """Every installed plugin: its version, whether it is enabled, and what it hooks into.

    What a plugin hooks into is known of enabled ones only: others aren't imported.
    """
    loaded = app.extensions["audimax_plugins"].loaded if app else {}
    found = {name: several[0] for name, several in installed().items()}
    return [_described(name, found.get(name), loaded.get(name)) for name in sorted({*found, *loaded})]


def _described(name: str, one: Installed | None, loaded: Loaded | None) -> Description:
    source = one.source if one else ""
    if loaded is None:
        return Description(name, one.version if one else "", False, source)
    return Description(name, loaded.version, True, source, str(loaded.manifest.title), loaded.hooks)


# --- start-up checks ------------------------------------------------------------------


def package_of(name: str, known: Mapping[str, list[Installed]]) -> str:
    """The Python package of that plugin; a ``PluginError`` when there is none, or two, or it can't be."""
    several = known.get(name, [])
    if not several:
        raise PluginError(name, "is not installed", _nearest(name, known))
    if len(several) > 1:
        where = " and ".join(one.package for one in several)
        raise PluginError(name, f"is provided twice, by {where}", "uninstall one of them")
    if not NAME.match(name) or len(name) > LONGEST_NAME:
        remedy = f"use small letters, digits and single underscores, {LONGEST_NAME} at most"
        raise PluginError(name, "has an impossible name", remedy)
    if name in RESERVED:
        raise PluginError(name, "has a name that core uses in addresses", "rename it")
    return several[0].package


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    if close:
        return f"did you mean {close[0]!r}?"
    names = ", ".join(sorted(known)) or "none"
    return f"install its package or take it out of enabled_plugins; installed: {names}"


def _table(name: str, tables: Mapping[str, Any]) -> Mapping[str, Any]:
    found = tables.get(name, {})
    if not isinstance(found, Mapping):
        raise PluginError(name, "its settings are not a table", f"write them below [plugins.{name}]")
    return found


def _refuse_strays(config: Config, known: Mapping[str, Any]) -> None:
    """Settings of a plugin that is switched off are kept; of one that nobody knows are a typing mistake."""
    for name in config.plugins:
        if name not in known:
            raise PluginError(name, "has settings but is not installed", _nearest(name, known))


def _import(name: str, target: str) -> ModuleType:
    problem = f"could not import {target}"
    try:
        with isolation.time_limit(SECONDS_TO_IMPORT):
            return import_module(target)
    except ModuleNotFoundError as error:
        raise PluginError(name, f"{problem}: {error}", _libraries(name, target, error)) from error
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise PluginError(name, f"{problem}: {reason}", "install a version that works") from error


def _libraries(name: str, target: str, error: ModuleNotFoundError) -> str:
    if error.name == target and target.endswith(".hooks"):
        return "its package must have a module `hooks`"
    if target.startswith(f"{BUILTIN}."):
        return f"install its libraries: pip install 'audimax[{name}]'"
    return "install its libraries: reinstall its package with pip"


def mistakes(name: str, package: str) -> list[PluginError]:
    """Everything of one plugin's package that would stop the start, not just the first mistake.

    What its hooks answer is another matter: nobody is asked here.
    """
    found: list[PluginError] = []
    module = _tried(found, lambda: _import(name, package))
    if module is None:
        return found
    manifest = _tried(found, lambda: _says_what_it_is(name, module))
    for check in _checks(name, manifest) if manifest else ():
        _tried(found, check)
    before = set(db.metadata.tables)
    hooks = _tried(found, lambda: _import(name, f"{package}.hooks"))
    for one in _marked(hooks) if hooks else ():
        _tried(found, partial(_hooks, name, one))
    _tried(found, lambda: _check_tables(name, package, set(db.metadata.tables) - before))
    return found


def _tried(found: list[PluginError], work: Callable[[], T]) -> T | None:
    try:
        return work()
    except PluginError as error:
        found.append(error)
        return None


def _marked(module: ModuleType) -> Iterator[ModuleType]:
    """Each hook of a module in one of its own: pluggy stops at the first that is wrong."""
    for name, thing in vars(module).items():
        if hasattr(thing, f"{PROJECT}_impl"):
            alone = ModuleType(module.__name__)
            setattr(alone, name, thing)
            yield alone


def _manifest(name: str, module: ModuleType) -> Plugin:
    manifest = _says_what_it_is(name, module)
    for check in _checks(name, manifest):
        check()
    return manifest


def _says_what_it_is(name: str, module: ModuleType) -> Plugin:
    manifest = getattr(module, "plugin", None)
    if not isinstance(manifest, Plugin):
        raise PluginError(name, "doesn't say what it is", "its __init__.py must define `plugin = Plugin(…)`")
    return manifest


def _checks(name: str, manifest: Plugin) -> Iterator[Callable[[], None]]:
    yield lambda: _check_own_name(name, manifest)
    yield lambda: _check_core(name, manifest)
    yield lambda: _check_settings_class(name, "settings", manifest.settings)
    if manifest.room_settings is not None:
        yield lambda: _check_room_settings(name, manifest.room_settings)


def _check_own_name(name: str, manifest: Plugin) -> None:
    if manifest.name != name:
        problem = f"calls itself {manifest.name!r}"
        raise PluginError(name, problem, "folder or entry point and manifest need the same name")


def _check_core(name: str, manifest: Plugin) -> None:
    wanted = _versions(name, manifest.requires_core)
    if VERSION not in wanted:
        problem = f"needs core {manifest.requires_core}, this is {VERSION}"
        too_old = not any(map(_is_later, wanted))
        remedy = "install a version of it that fits"
        remedy += ": this one is too old for this Audimax" if too_old else ", or update Audimax"
        raise PluginError(name, problem, remedy)


def _versions(name: str, said: Any) -> SpecifierSet:
    try:
        if said and isinstance(said, str):
            return SpecifierSet(said, prereleases=True)
    except InvalidSpecifier:
        pass
    raise PluginError(name, f"requires_core is {said!r}", "write it like '>=0.1,<2'")


def _is_later(specifier: Specifier) -> bool:
    """Whether what it asks for is still to come."""
    try:
        version = Version(specifier.version.removesuffix(".*"))
    except InvalidVersion:
        return True
    return version > Version(VERSION) and not specifier.operator.startswith(("<", "!"))


def _check_room_settings(name: str, cls: Any) -> None:
    _check_settings_class(name, "room_settings", cls)
    _check_defaults(name, cls)


def _check_settings_class(name: str, which: str, cls: Any) -> None:
    parameters = getattr(cls, "__dataclass_params__", None)
    if not inspect.isclass(cls) or parameters is None or not parameters.frozen:
        raise PluginError(name, f"its {which} are no frozen dataclass", "write @dataclass(frozen=True)")


def _check_defaults(name: str, cls: type) -> None:
    try:
        fill(cls, {})
    except (SettingsError, TypeError) as error:
        problem = f"a room can't start with its room_settings: {error}"
        raise PluginError(name, problem, "give every field a default that works") from error


def _settings(manifest: Plugin, raw: Mapping[str, Any]) -> Any:
    try:
        return fill(manifest.settings, with_variables(manifest.settings, raw, os.environ))
    except SettingsError as error:
        variable = f"AUDIMAX_PLUGINS__{manifest.name.upper()}__…"
        remedy = f"see [plugins.{manifest.name}] in audimax.toml or {variable}"
        raise PluginError(manifest.name, f"bad settings: {error}", remedy) from error


HOOKS: Mapping[str, Any] = MappingProxyType(
    {name: spec for name, spec in vars(hookspecs).items() if hasattr(spec, "on_error")}
)


def _hooks(name: str, module: ModuleType) -> dict[str, Hook]:
    """Let pluggy find the marked functions and compare them with the specs."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name)
        manager.check_pending()
    except (ValueError, pluggy.PluginValidationError) as error:
        raise PluginError(name, *_hook_problem(error, module)) from error
    found = {}
    for caller in manager.get_hookcallers(manager.get_plugin(name)) or []:
        for implementation in caller.get_hookimpls():
            found[caller.name] = _plain(name, caller.name, implementation)
            _warn_of_what_goes(caller.name, found[caller.name])
    return found


def _warn_of_what_goes(hook: str, implementation: Hook) -> None:
    for part, leaving in HOOKS[hook].leaving.items():
        if part == hook or part in implementation.arguments:
            deprecation.warn_of(implementation.function, leaving)


def _hook_problem(error: Exception, module: ModuleType) -> tuple[str, str]:
    """What is wrong with its hooks and what to do, in other words than pluggy's where there are some."""
    for name, function in vars(module).items():
        if not hasattr(function, f"{PROJECT}_impl"):
            continue
        if name not in HOOKS:
            close = difflib.get_close_matches(name, HOOKS, 1)
            hint = f", did you mean {close[0]!r}?" if close else ": see docs/plugins/hooks.md"
            return f"marks {name}() as a hook", f"there is no hook {name!r}{hint}"
        known = inspect.signature(HOOKS[name]).parameters
        if unknown := [one for one in inspect.signature(function).parameters if one not in known]:
            takes = (
                f"may take {', '.join(known)}; leave out what you don't need" if known else "takes nothing"
            )
            return f"asks for {', '.join(unknown)} in {name}()", f"{name}() {takes}"
    return " ".join(str(error).split()), "compare it with docs/plugins/hooks.md"


def _plain(name: str, hook: str, implementation: pluggy.HookImpl) -> Hook:
    function = implementation.function
    if implementation.wrapper or implementation.hookwrapper or inspect.isgeneratorfunction(function):
        raise PluginError(name, f"{hook}() is a wrapper", "return an answer, without yield")
    if inspect.iscoroutinefunction(function):
        raise PluginError(name, f"{hook}() is async", "write it as a plain function")
    return Hook(name, function, tuple(implementation.argnames))


def _check_tables(name: str, package: str, new: set[str]) -> None:
    """Its own tables carry its name, whether mapped to a class or not."""
    mapped = {
        str(getattr(mapper.local_table, "name", ""))
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith(f"{package}.")
    }
    for table in sorted(mapped | new):
        if not table.startswith(f"{name}__"):
            raise PluginError(name, f"table {table!r} has another's name", f"call it '{name}__…'")


# --- asking ---------------------------------------------------------------------------


def _room_of(question: Mapping[str, Any]) -> Any:
    if "room" in question:
        return question["room"]
    return question["lecture"].room if "lecture" in question else None


def _call(hook: str, implementation: Hook, question: Mapping[str, Any]) -> Any:
    with isolation.time_limit(answers.SECONDS[hook]):
        value = implementation.function(*(question[name] for name in implementation.arguments))
    answers.check(hook, value, question)
    return value
