"""Background work of the PIN."""

import procrastinate
import sqlalchemy as sa

from core.api import Room, Waiting, db, live_in, order
from plugins.pin import tries
from plugins.pin.models import Held

tasks = procrastinate.Blueprint()


@tasks.task(name="tell_hosts")
def tell_hosts(room_id: int) -> None:
    """Let the hosts' pages look who waits."""
    room = db.session.get(Room, room_id)
    lecture = live_in(room) if room else None
    hosts = [one for one in order.people_in(lecture) if one.is_host] if lecture else []
    if lecture and hosts:
        order.tell(lecture, "pin", {"waiting": True}, to=hosts)


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="sweep", queueing_lock="pin_sweep")
def sweep(timestamp: int) -> None:
    """Remove old tries, and who was held and doesn't wait any more."""
    tries.sweep()
    waits = sa.exists().where(
        Waiting.room_id == Held.room_id, Waiting.guest_session_id == Held.guest_session_id
    )
    db.session.execute(sa.delete(Held).where(~waits).execution_options(synchronize_session=False))
    db.session.commit()
