"""What the panel asks of the server."""

from flask import Blueprint
from pydantic import Field

from core.api import HOSTS, Body, db, here, order, running_in, view

in_room = Blueprint("hello", __name__)


class Ring(Body):
    words: str = Field(min_length=1, max_length=200)


@in_room.post("/ring")
@view(roles=HOSTS, body=Ring, status=204, limit="30/minute")
def ring(body: Ring) -> None:
    """Tell everybody in the room."""
    lecture = running_in(here.room)
    db.session.commit()
    order.tell(lecture, "hello", {"words": body.words})
