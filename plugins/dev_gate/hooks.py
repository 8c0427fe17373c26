"""A door before everything, and the page at which it opens."""

from core.api import FrontDoor, HealthCheck, Mount, MountPoint, hookimpl
from plugins.dev_gate import door, health, pages


@hookimpl
def blueprints() -> list[Mount | FrontDoor]:
    return [Mount(MountPoint.SITE, pages.site), FrontDoor(door.keeps_out)]


@hookimpl
def health_checks() -> list[HealthCheck]:
    return [HealthCheck("door", health.check)]
