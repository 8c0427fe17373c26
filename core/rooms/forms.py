"""The room form: core's fields, and those of every plugin that a room can switch, from dataclasses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from babel import Locale
from flask import url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from core.contracts import Plugin
from core.engine import house, room_plugins
from core.engine.house import NOT_SHOWN
from core.engine.plugins import plugins
from core.engine.settings import Field, fields, plain, read
from core.engine.standing import CORE
from core.errors import Refusal
from core.http.callers import signed_in
from core.http.forms import Form
from core.people.models import User
from core.retention import kinds
from core.rooms import rooms
from core.rooms import settings as core_settings
from core.rooms.models import Room
from core.rooms.settings import RoomSettings, settings_of
from core.text import clean_prose, clean_title

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sv", "da", "fi", "tr", "ru", "uk",
             "el", "ar", "he", "zh", "ja", "ko")  # fmt: skip
ON = "on"


@dataclass(frozen=True)
class Box:
    """One setting as the form shows it; ``name`` is that of its input.

    One that is ``locked`` is the institution's to decide.
    """

    name: str
    field: Field
    locked: bool = False

    @property
    def label(self) -> str:
        return str(self.field.label)

    @property
    def help(self) -> str:
        return str(self.field.help)

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(str(choice), self._word(choice)) for choice in self.field.choices]

    def _word(self, choice: Any) -> str:
        return str(self.field.words.get(choice, str(choice).replace("_", " ").capitalize()))


@dataclass(frozen=True)
class Group:
    """The settings of core or of one plugin; ``switch`` names the box that turns the plugin on.

    ``page`` is the address of the plugin's own page about this room, where it has one.
    """

    title: str
    help: str
    switch: str
    boxes: tuple[Box, ...]
    page: str = ""
    page_title: str = ""
    locked: bool = False


class RoomForm(Form):
    """What the host typed, over what the room has now."""

    def __init__(
        self, room: Room | None, given: MultiDict[str, str] | None = None, language: str = "en"
    ) -> None:
        self.room = room
        self.is_owners = room is None or _is_mine(room)
        now = _as_typed(room, language)
        typed = {name: ",".join(given.getlist(name)) for name in given} if given is not None else now
        super().__init__(typed)
        # A browser doesn't send them. What comes nevertheless is refused, and the page shows what holds.
        locked = _locked_boxes() & now.keys()
        self._tried = {name: self.values[name] for name in locked & self.values.keys()} if given else {}
        self.values |= {name: now[name] for name in locked}

    @property
    def groups(self) -> list[Group]:
        switchable = room_plugins.switchable()
        return [
            *_core_groups(),
            *(_plugin_group(manifest, self.room, self.is_owners) for manifest in switchable),
        ]

    def save(self, room: Room | None, by: User) -> Room | None:
        """Make or change the room; None, with the errors noted, when something is wrong."""
        title = self.clean("title", clean_title)
        description = self.clean("description", clean_prose)
        language = self._choice("language", LANGUAGES)
        core = self._read("core", RoomSettings, _core_of(self.room))
        switched = {manifest.name: self._plugin(manifest) for manifest in room_plugins.switchable()}
        if not self.ok:
            return None
        made = room or rooms.create(by, title)
        rooms.describe(made, title, description, language, by)
        core_settings.change(made, core)
        switch_plugins(made, switched, by)
        return made

    def _plugin(self, manifest: Plugin) -> tuple[bool, dict[str, Any] | None]:
        switch = switch_name(manifest.name)
        if not self._tried.get(switch) and not self.has(switch):
            return False, None
        assert manifest.room_settings is not None
        return True, self._read(manifest.name, manifest.room_settings, _of(self.room, manifest))

    def _read(self, owner: str, cls: type, now: Any) -> dict[str, Any]:
        """What was changed: what a host has left alone isn't set by them."""
        # What wasn't sent stays as it is; a switch that is off is never sent.
        boxes = [box for box in _boxes(owner, cls, self.is_owners) if self._is_sent(box)]
        raw = {box.field.name: self._raw(box) for box in boxes}
        values, mistakes = read(cls, raw)
        for box in boxes:
            if box.field.name in mistakes:
                self.fail(box.name, words(box.field))
        return {name: value for name, value in values.items() if name in raw and value != getattr(now, name)}

    def _is_sent(self, box: Box) -> bool:
        if box.locked:
            return box.name in self._tried
        return box.field.kind == "switch" or box.name in self.values

    def _raw(self, box: Box) -> Any:
        value = self._tried[box.name] if box.locked else self.value(box.name)
        return bool(value) if box.field.kind == "switch" else value

    def _choice(self, name: str, choices: tuple[str, ...]) -> str:
        if self.value(name) not in choices:
            self.fail(name, _("Please choose one of these."))
        return self.value(name)


def switch_plugins(room: Room, wanted: Mapping[str, tuple[bool, dict[str, Any] | None]], by: User) -> None:
    """Switch plugins and set what they are set to; those that stay as they are leave no trace."""
    for name, (on, given) in wanted.items():
        if on != room_plugins.is_enabled_in(room, name) or (given and given != _settings(room, name, given)):
            room_plugins.switch(room, name, on, given, actor=by)


def _settings(room: Room, plugin: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    cls = plugins.loaded[plugin].manifest.room_settings
    assert cls is not None
    now: Any = room_plugins.room_settings(room, cls)
    return {name: getattr(now, name, None) for name in wanted}


def words(field: Field) -> str:
    """What is wrong with a field, for somebody who never saw a data type."""
    if field.kind in ("number", "decimal"):
        return _number_words(field)
    if field.kind in ("choice", "choices"):
        return _("Please choose one of these.")
    if field.maximum is not None:
        return _("Please use at most %(limit)s characters.", limit=int(field.maximum))
    return _("This doesn’t fit here. Please check it.")


def _number_words(field: Field) -> str:
    if field.minimum is not None and field.maximum is not None:
        return _("Please type a number from %(low)s to %(high)s.", low=field.minimum, high=field.maximum)
    if field.minimum is not None:
        return _("Please type a number of %(low)s or more.", low=field.minimum)
    return _("Please type a number.")


# --- the shape of the form ------------------------------------------------------------


def switch_name(plugin: str) -> str:
    """The name of the box that turns a plugin on."""
    return f"on:{plugin}"


def _core_groups() -> tuple[Group, Group]:
    """What goes on in the room, and how long something of it is kept."""
    boxes = _boxes("core", RoomSettings)
    about_days = tuple(box for box in boxes if box.field.name.startswith(core_settings.KEPT))
    others = tuple(box for box in boxes if box not in about_days)
    return (
        Group(_("In the room"), "", "", others),
        Group(_("How long it is kept"), _about_days(), "", about_days),
    )


def _about_days() -> str:
    words = _("Days after a lecture’s end, when its content is deleted. 0: as the institution says.")
    house = [
        _("%(what)s: %(days)s", what=kinds.TITLES[kind], days=days)
        for kind in kinds.ROOMS
        if (days := kinds.days_of(kind))
    ]
    if not house:
        return f"{words} {_('It keeps everything without limit now.')}"
    more = _("A room can keep less long than the institution, never longer; the institution’s days are:")
    return f"{words} {more} {', '.join(house)}."


def _plugin_group(manifest: Plugin, room: Room | None, is_owners: bool) -> Group:
    assert manifest.room_settings is not None
    boxes = _boxes(manifest.name, manifest.room_settings, is_owners)
    page, title = room_page(manifest, room)
    switch = switch_name(manifest.name)
    locked = house.of(manifest.name, manifest.room_settings).is_switch_locked
    return Group(str(manifest.title), str(manifest.description), switch, boxes, page, title, locked)


def room_page(manifest: Plugin, room: Room | None) -> tuple[str, str]:
    """Address and title of a plugin's page about a room in which it is on; empty where there is none."""
    if not manifest.room_page or room is None or not room_plugins.is_enabled_in(room, manifest.name):
        return "", ""
    title = str(manifest.room_page_title or manifest.title)
    return url_for(manifest.room_page, room_id=room.public_id), title


def room_pages(room: Room) -> list[tuple[str, str]]:
    """Address and title of every plugin's page about this room."""
    found = (room_page(one.manifest, room) for one in plugins.loaded.values())
    return [(page, title) for page, title in found if page]


def _is_mine(room: Room) -> bool:
    user = signed_in()
    return user is not None and user.id == room.owner_id


def _boxes(owner: str, cls: type, is_owners: bool = True) -> tuple[Box, ...]:
    known = (field for field in fields(cls).values() if field.kind not in NOT_SHOWN)
    shown = (field for field in known if is_owners or not field.owner_only)
    locked = house.of(owner, cls).locked
    return tuple(Box(f"{owner}.{field.name}", field, field.name in locked) for field in shown)


def _locked_boxes() -> frozenset[str]:
    """The names of all that hosts can't change now."""
    return frozenset(
        switch_name(owner) if name == house.SWITCH else f"{owner}.{name}" for owner, name in _locked()
    )


def _locked() -> Iterator[tuple[str, str]]:
    """Owner and name of all that hosts can't change now; ``house.SWITCH``: whether a plugin is on."""
    switchable = ((manifest.name, manifest.room_settings) for manifest in room_plugins.switchable())
    for owner, cls in ((CORE, RoomSettings), *switchable):
        for name in sorted(house.of(owner, cls).locked, key=lambda name: (name != house.SWITCH, name)):
            yield owner, name


# --- what the room has now ------------------------------------------------------------


def _as_typed(room: Room | None, language: str) -> dict[str, str]:
    typed = _values("core", RoomSettings, _core_of(room))
    for manifest in room_plugins.switchable():
        assert manifest.room_settings is not None
        on = (
            room_plugins.is_enabled_in(room, manifest.name) if room else room_plugins.is_on_at_first(manifest)
        )
        typed[switch_name(manifest.name)] = ON if on else ""
        typed |= _values(manifest.name, manifest.room_settings, _of(room, manifest))
    if room is None:
        return {**typed, "title": "", "description": "", "language": _known(language)}
    return {**typed, "title": room.title, "description": room.description, "language": room.language}


def _of(room: Room | None, manifest: Plugin) -> Any:
    cls = manifest.room_settings
    assert cls is not None
    return room_plugins.room_settings(room, cls) if room else room_plugins.settings_at_first(cls)


def _core_of(room: Room | None) -> RoomSettings:
    return settings_of(room) if room else core_settings.at_first()


def _values(owner: str, cls: type, now: Any) -> dict[str, str]:
    return {box.name: text_of(getattr(now, box.field.name)) for box in _boxes(owner, cls)}


def text_of(value: Any) -> str:
    """A value as its box shows it."""
    if isinstance(value, bool):
        return ON if value else ""
    if isinstance(value, list | tuple | set | frozenset):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)


def languages() -> list[tuple[str, str]]:
    """The languages that may be spoken, each by its own name."""
    return [(code, (Locale.parse(code).get_display_name(code) or code).capitalize()) for code in LANGUAGES]


def _known(language: str) -> str:
    short = language.partition("-")[0].partition("_")[0]
    return short if short in LANGUAGES else LANGUAGES[0]


# --- the form as JSON -----------------------------------------------------------------


def described(room: Room) -> list[dict[str, Any]]:
    """The form's groups with what the room has now, for a page that draws them by itself."""
    is_owners = _is_mine(room)
    groups = [_described("core", group, settings_of(room)) for group in _core_groups()]
    for manifest in room_plugins.switchable():
        group = _plugin_group(manifest, room, is_owners)
        made = _described(manifest.name, group, _of(room, manifest))
        on = room_plugins.is_enabled_in(room, manifest.name)
        groups.append({**made, "on": on, "on_locked": group.locked})
    return groups


def _described(owner: str, group: Group, now: Any) -> dict[str, Any]:
    return {
        "owner": owner,
        "title": group.title,
        "help": group.help,
        "page": group.page,
        "page_title": group.page_title,
        "fields": [_described_box(box, getattr(now, box.field.name)) for box in group.boxes],
    }


def _described_box(box: Box, value: Any) -> dict[str, Any]:
    field = box.field
    return {
        "name": field.name,
        "kind": field.kind,
        "label": box.label,
        "help": box.help,
        "value": "" if value is None else plain(value),
        "locked": box.locked,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "choices": [{"value": value, "label": label} for value, label in box.choices],
    }


def from_json(room: Room, given: Mapping[str, Any], by: User) -> None:
    """Switch plugins as the API says: ``{name: {enabled, settings}}``; raises a ``Refusal``."""
    known = {manifest.name: manifest for manifest in room_plugins.switchable()}
    refuse([mistake for name in given for mistake in _mistakes(known.get(name), name, given[name])])
    for name, wanted in given.items():
        on = room_plugins.is_enabled_in(room, name) if wanted.enabled is None else wanted.enabled
        room_plugins.switch(room, name, on, wanted.settings, actor=by)


def _mistakes(manifest: Plugin | None, name: str, wanted: Any) -> list[dict[str, str]]:
    if manifest is None or manifest.room_settings is None:
        detail = _("%(plugin)s can't be switched in a room here.", plugin=name[:40])
        return [{"field": f"plugins.{name[:40]}", "message": detail}]
    return mistakes(manifest.room_settings, wanted.settings or {}, f"plugins.{name}.settings")


def mistakes(cls: type, given: Mapping[str, Any], place: str) -> list[dict[str, str]]:
    """What is wrong with some of a dataclass's settings, in the order of the form."""
    known, found = fields(cls), read(cls, {**given})[1]
    wrong = [name for name in (*known, *found) if name in found and name in given]
    told = {name: words(known[name]) if name in known else found[name] for name in wrong}
    return [{"field": f"{place}.{name}", "message": text} for name, text in told.items()]


def refuse(found: list[dict[str, str]]) -> None:
    """A 422 that names every field which is wrong; nothing when none is."""
    if not found:
        return
    named = ", ".join(mistake["field"] for mistake in found)
    detail = _("Please check: %(fields)s.", fields=named[:200])
    raise Refusal(422, detail, code="invalid", errors=found[:20])


def plugin_states(room: Room) -> dict[str, dict[str, Any]]:
    """Which plugins are on in the room, with those settings that may be shown."""
    found = {}
    for manifest in room_plugins.switchable():
        assert manifest.room_settings is not None
        now: Any = room_plugins.room_settings(room, manifest.room_settings)
        shown = [f for f in fields(manifest.room_settings).values() if f.kind != "secret"]
        found[manifest.name] = {
            "enabled": room_plugins.is_enabled_in(room, manifest.name),
            "settings": {f.name: plain(getattr(now, f.name)) for f in shown},
        }
    return found


def locked_names() -> list[str]:
    """What hosts can't change, as the API names it."""
    return [_named(owner, name) for owner, name in _locked()]


def _named(owner: str, name: str) -> str:
    if owner == CORE:
        return f"settings.{name}"
    return f"plugins.{owner}.enabled" if name == house.SWITCH else f"plugins.{owner}.settings.{name}"
