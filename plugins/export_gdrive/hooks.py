"""What Google Drive does in the product."""

import procrastinate

from core.api import (
    Destination,
    Exporter,
    HealthCheck,
    Mount,
    MountPoint,
    Person,
    hookimpl,
    settings,
)
from plugins.export_gdrive import connections, health, oauth, pages
from plugins.export_gdrive import jobs as background
from plugins.export_gdrive.destination import GoogleDrive
from plugins.export_gdrive.settings import Settings


@hookimpl
def blueprints() -> list[Mount]:
    return [Mount(MountPoint.SITE, pages.site)]


@hookimpl
def jobs() -> list[procrastinate.Blueprint]:
    return [background.tasks]


@hookimpl
def exporters() -> list[Exporter | Destination]:
    # Half set up it would only disappoint; `audimax doctor` says what is missing.
    return [] if settings(Settings).missing else [GoogleDrive()]


@hookimpl
def health_checks() -> list[HealthCheck]:
    return [
        HealthCheck("settings", health.check_settings),
        HealthCheck("google", health.check_google, health.SECONDS),
    ]


@hookimpl
def erase(person: Person) -> None:
    if person.user_id is not None and (token := connections.end(person.user_id)):
        oauth.revoke(token)
