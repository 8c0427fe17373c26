"""The job of an export: asked again who may have what, run behind walls, kept once."""

from __future__ import annotations

import logging
import tempfile
from datetime import timedelta
from pathlib import Path

import procrastinate
import sqlalchemy as sa
from flask_babel import force_locale
from flask_babel import gettext as _

from core import obstacles
from core.config import config
from core.contracts import Destination, LecturePackage, Link
from core.db import db, now
from core.engine import offers
from core.engine.plugins import plugins
from core.errors import DestinationDown, StorageDown, StorageFull
from core.exports import delivering, exports, fetching, packing, running
from core.exports.models import Export, State
from core.files import storages, stored
from core.files.models import OF_EXPORTS, StoredFile
from core.jobs import periodic, task
from core.lectures.models import Lecture

log = logging.getLogger(__name__)
# The storage may be away for a while, or the place to which it is brought.
PASSES = (StorageDown, DestinationDown)
RETRY = procrastinate.RetryStrategy(max_attempts=5, exponential_wait=3, retry_exceptions=set(PASSES))


@task(name="export", retry=RETRY, pass_context=True)
def export(context: procrastinate.JobContext, export_id: int, run: int) -> None:
    """Make it, unless it was called off or is somebody else's turn by now."""
    found = _taken(export_id, run)
    if found is None:
        return
    with force_locale(found.locale):
        try:
            _make(found, run)
        except running.Stopped:
            log.info("export %d was called off", export_id)
        except running.Failed as failed:
            _fail(export_id, run, failed)
        except PASSES as down:
            if context.job.attempts + 1 < (RETRY.max_attempts or 0):
                raise
            _fail(export_id, run, _given_up(down))
        except OSError as error:
            _fail(export_id, run, _of_disk(error))
        except Exception as error:
            # Whatever a plugin's exporter is made of: nobody waits for ever.
            _fail(export_id, run, _ours(error))


def _of_disk(error: OSError) -> running.Failed:
    """What the folder of temporary files refuses; what an exporter is made of may fail likewise."""
    found = _ours(error)
    words = obstacles.no_room_left() if obstacles.is_full(error) else found.words
    return running.Failed(words, problem=obstacles.of_disk(error) or found.problem)


def _ours(error: Exception) -> running.Failed:
    words = _("Something went wrong on our side. Your administrator can see why.")
    return running.Failed(words, problem=f"{type(error).__name__}: {error}")


def _given_up(down: Exception) -> running.Failed:
    if isinstance(down, DestinationDown):
        return running.Failed(str(down), problem=str(down.__cause__ or down))
    if isinstance(down, StorageFull):
        return running.Failed(obstacles.no_room_left(), problem=str(down))
    words = _("The file could not be kept: the storage can't be reached. Try again later.")
    return running.Failed(words, problem=str(down))


def _taken(export_id: int, run: int) -> Export | None:
    found = _locked(export_id, run)
    if found is not None:
        found.state, found.began_at = State.WORKING.value, now()
        exports.tell(found)
    db.session.commit()
    return found


def _locked(export_id: int, run: int) -> Export | None:
    """The export while this run of it is the one that counts, its row locked."""
    query = sa.select(Export).where(Export.id == export_id).with_for_update()
    found = db.session.scalar(query.execution_options(populate_existing=True))
    return found if found is not None and found.run == run and not found.is_over else None


def _make(found: Export, run: int) -> None:
    viewer = exports.owner(found)
    exporter = offers.exporters().get(found.exporter)
    if viewer is None:
        raise running.Failed(_("You may not read this lecture any more."))
    if exporter is None:
        raise running.Failed(_("This format was switched off."))
    plugin = offers.plugin_of_exporter(found.exporter)
    package = exports.package(found, viewer)
    digest = packing.digest(found.exporter, found.options, package, plugins.loaded[plugin].version)
    export_id, for_hosts = found.id, viewer.sees_hosts_part
    if _reuses(found, run, digest, for_hosts):
        return
    options, room_id = found.options, found.lecture.room.public_id
    db.session.commit()
    wanted = lambda: _is_wanted(export_id, run)  # noqa: E731
    with tempfile.TemporaryDirectory(prefix="audimax-export-") as folder:
        if isinstance(exporter, Destination):
            errand = delivering.Errand(plugin, exporter, package, options, viewer, room_id)
            link = delivering.delivered(errand, Path(folder), wanted)
            _keep(export_id, run, digest, for_hosts, package, link)
            return
        if getattr(exporter, "wants_files", False):
            package = fetching.with_files(package, viewer, Path(folder))
        with running.exported(plugin, exporter, package, options, Path(folder), wanted) as made:
            _keep(export_id, run, digest, for_hosts, package, made)


def _is_wanted(export_id: int, run: int) -> bool:
    query = sa.select(Export.id).where(
        Export.id == export_id, Export.run == run, Export.state == State.WORKING
    )
    wanted = db.session.scalar(query) is not None
    db.session.commit()
    return wanted


def _reuses(found: Export, run: int, digest: str, for_hosts: bool) -> bool:
    file = exports.finished_like(found, digest)
    mine = _locked(found.id, run) if file is not None else None
    if file is None or mine is None:
        return False
    mine.file_id, mine.digest, mine.for_hosts = file.id, digest, for_hosts
    exports.over(mine, State.DONE)
    db.session.commit()
    return True


def _keep(
    export_id: int, run: int, digest: str, for_hosts: bool, package: LecturePackage, made: running.Made | Link
) -> None:
    """Keep the bytes first: whoever loses the race takes them back, and nobody ever has half a file."""
    if not _is_wanted(export_id, run):
        raise running.Stopped
    lecture = db.session.scalar(sa.select(Lecture).where(Lecture.public_id == package.id))
    if lecture is None:
        raise running.Stopped
    file = None
    if isinstance(made, running.Made):
        file = stored.keep(
            lecture, OF_EXPORTS, name=made.name, body=made.body, size=made.size, mime=made.mime
        )
    mine = _locked(export_id, run)
    if mine is None:
        _take_back(file)
        raise running.Stopped
    mine.digest, mine.for_hosts = digest, for_hosts
    if isinstance(made, Link):
        mine.link, mine.link_title = made.url, made.title
    else:
        mine.file_id = file.id if file else None
    exports.over(mine, State.DONE)
    db.session.commit()


def _take_back(file: StoredFile | None) -> None:
    """It was called off, or its lecture deleted, while its bytes were on their way into the storage."""
    made = (file.storage, file.key) if file is not None else None
    db.session.rollback()
    if made is not None:
        storages.named(made[0]).delete(made[1])


def _fail(export_id: int, run: int, failed: running.Failed) -> None:
    db.session.rollback()
    found = _locked(export_id, run)
    if found is not None:
        exports.over(found, State.FAILED, failed.words)
        if failed.problem:
            plugin = (
                offers.plugin_of_exporter(found.exporter) if found.exporter in offers.exporters() else "core"
            )
            plugins.note(plugin, f"export {found.exporter}", failed)
    db.session.commit()


@periodic(cron="20 * * * *")
@task(name="sweep_exports", queueing_lock="sweep_exports")
def sweep_exports(timestamp: int) -> None:
    """Forget exports that are old; asked for again they are made again."""
    oldest = now() - timedelta(days=config().export_days)
    for found in db.session.scalars(sa.select(Export).where(Export.asked_at < oldest).limit(500)).all():
        exports.remove(found)
        db.session.commit()
