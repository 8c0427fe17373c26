"""What is checked of a plugin, each with what to do where it isn't so. ``core.testing`` does the checking."""

from __future__ import annotations

from collections.abc import Mapping

# By the test's name: its words are the promise.
REMEDIES: Mapping[str, str] = {
    "test_it_says_what_it_is": (
        "Give `Plugin(…)` a title, and `__init__.py` a first line that says what it does."
    ),
    "test_no_hook_forgot_its_marker": "Put `@hookimpl` above the function, or call it something else.",
    "test_every_setting_explains_itself": (
        "Declare it as `setting(default, label=…)` or `setting(default, help=…)`."
    ),
    "test_addresses_places_and_keys_are_the_operators_alone": (
        "Leave out `editable=True` and make it a setting of the installation, not of a room or an export; "
        "name in `shown_only` an address that people are shown and the server never asks, and call by "
        "another name what is none."
    ),
    "test_templates_live_in_a_folder_of_its_own": (
        "Move them to `templates/<name>/`: all plugins share the names."
    ),
    "test_it_uses_core_only_through_the_one_door": (
        "Import from `core.api` only (`core.agents` in programs that come into lectures, `core.testing` in"
        " tests), and from no other plugin. What you miss there, ask for."
    ),
    "test_its_tables_come_and_go": (
        "Let `downgrade()` undo all that `upgrade()` does, and write a migration for what changed in the"
        " models: `audimax db revise <name> MESSAGE`."
    ),
    "test_its_tables_hang_on_core_only_and_go_with_it": (
        'Foreign keys lead to core or to your own tables, with `ondelete="CASCADE"` or `"SET NULL"`.'
    ),
    "test_columns_about_people_are_registered": (
        "Call `register_personal_columns` in the migration that makes the column, so that people's data "
        "is served and erased while your plugin is off."
    ),
    "test_core_goes_on_without_it": "Change nothing that belongs to core; keep to your own tables.",
    "test_ids_of_another_room_open_nothing": (
        "Load rows with `scoped(here.room, Model, id)` or `scoped(here.lecture, Model, id)`, never by "
        "the id alone."
    ),
    "test_its_own_ids_are_found": (
        "Give in `make_rows()` the public ids of rows that the routes find, and answer without an error "
        "of the server."
    ),
    "test_views_are_for_those_they_name": (
        "Leave it to `@view(roles=…)` who may call; refuse with `Refusal(403, …)`."
    ),
    "test_an_unknown_room_is_not_found": (
        "Use `here.room` and `here.lecture`; don't look rooms up yourself."
    ),
    "test_where_it_is_off_its_routes_are_gone": (
        "Mount the routes at `ROOM` or `LECTURE`: core answers 404 there."
    ),
    "test_bodies_that_are_wrong_are_refused_in_words": (
        "Describe the body as a `Body` with `@view(body=…)`; refuse what types can't say with "
        "`Refusal(422, …)`."
    ),
    "test_no_foreign_page_changes_anything": (
        "Leave it to core, which asks for the origin of each change; `@from_machines` is for programs that "
        "prove who calls, and each such endpoint is named in `machines`."
    ),
    "test_its_guard_asks_the_database_once_for_everybody": (
        "Read what `admit` needs for all joins with one query, before the loop."
    ),
    "test_its_rights_are_narrowed_for_all_at_once": (
        "`narrow_grants` gets a list, which may be empty, and gives `Grants` by `participant.id`."
    ),
    "test_its_sections_are_sections_for_every_viewer": (
        "`lecture_sections` works for hosts, admins, participants and strangers, and only reads."
    ),
    "test_its_signs_of_running_lectures_are_read_at_once": (
        "`live_signs` gets the ids of all running lectures, which may be none, and gives a `LiveSign` by id."
    ),
    "test_its_browser_code_is_there": (
        "Put the module and the styles below `static/`, name them in `package-data`, and let the module "
        "`export default function setup(room)`."
    ),
    "test_its_exporters_give_a_named_file_or_a_link": (
        "`export()` gives `File(name, mime, body)` with a name without slashes, a media type and a body,"
        " or a `Link`."
    ),
    "test_its_destinations_say_what_they_want_and_whether_they_are_ready": (
        "`contents()` gives `Contents`; `ready()` gives None, or a `Link` to a page of yours."
    ),
    "test_its_storages_keep_what_they_are_given": (
        "Let a test of yours subclass `StorageContract`: it names the promise that is broken."
    ),
    "test_a_person_can_be_served_and_erased_twice": (
        "`personal_data` gives `PersonalData` with rows that are JSON; `erase` works a second time, when"
        " nothing is left."
    ),
}


def words(test: str) -> str:
    """The sentence that a test's name is."""
    said = test.removeprefix("test_").replace("_", " ")
    return said[:1].upper() + said[1:]
