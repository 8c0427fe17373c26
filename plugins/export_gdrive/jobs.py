"""Background work of connections."""

import procrastinate

from core.api import db, settings
from plugins.export_gdrive import connections
from plugins.export_gdrive.settings import Settings

tasks = procrastinate.Blueprint()


@tasks.periodic(cron="40 * * * *")
@tasks.task(name="sweep", queueing_lock="export_gdrive_sweep")
def sweep(timestamp: int) -> None:
    """Forget who never came back, and let the newest key lock what an older one has locked."""
    if settings(Settings).key:
        connections.sweep()
        db.session.commit()
