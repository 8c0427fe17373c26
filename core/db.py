"""The database session, and the small rules that every table keeps."""

from __future__ import annotations

import secrets
import select
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
import sqlalchemy.orm
from flask_babel import gettext as _
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.errors import Refusal

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Parent of all tables; names of constraints are fixed so that migrations can find them."""

    registry = sa.orm.registry(
        metadata=sa.MetaData(naming_convention=CONVENTION),
        type_annotation_map={
            int: sa.BigInteger,
            str: sa.Text,
            datetime: sa.DateTime(timezone=True),
            dict[str, Any]: JSONB,
        },
    )


db = SQLAlchemy(model_class=Base)
migrate = Migrate()
# What tables inherit: the same class at run time, and one that type checkers can follow.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model
T = TypeVar("T")


def refuse_dead_connections(engine: sa.Engine) -> None:
    """Replace pooled connections whose server has gone, without the round trip of a ping.

    A server that stops closes its sockets, and a closed socket is readable: nothing else is ever
    waiting to be read on an idle connection.
    """

    @sa.event.listens_for(engine, "checkout")
    def check(connection: Any, _record: Any, _proxy: Any) -> None:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        if poll.poll(0):
            raise sa.exc.DisconnectionError("the server closed this connection")


def now() -> datetime:
    """The present moment, with its zone."""
    return datetime.now(UTC)


def new_public_id() -> str:
    """132 random bits in 22 URL-safe letters that start with none of `-_`."""
    while (made := secrets.token_urlsafe(16))[0] in "-_":
        pass
    return made


def random_id() -> Mapped[str]:
    """A column for the random id by which the outside knows a row."""
    return mapped_column(sa.Text, unique=True, default=new_public_id)


def quietly(statement: Any) -> Any:
    """Run an UPDATE or DELETE of many rows; objects that were loaded don't hear of it."""
    return db.session.execute(statement.execution_options(synchronize_session=False))


def inserted(made: T) -> T:
    """Let the session know an object whose row a plain INSERT has made, as if it had been loaded.

    A join pays for each row that the unit of work handles; what isn't set here is loaded when asked for.
    """
    sqlalchemy.orm.make_transient_to_detached(made)
    db.session.add(made)
    return made


def scoped(parent: Any, model: type[T], public_id: str) -> T:
    """The row of ``model`` with that public id below ``parent``, or a 404.

    The only way to load a child row by an id that came from outside: an id of another
    parent's row, and of one that is in the trash, is answered as if it didn't exist.
    """
    column = getattr(model, f"{parent.__tablename__}_id")
    own_id = getattr(model, "public_id")  # noqa: B009  (a plain access has no type)
    query = sa.select(model).where(own_id == public_id, column == parent.id)
    deleted_at = getattr(model, "deleted_at", None)
    if deleted_at is not None:
        query = query.where(deleted_at.is_(None))
    found: T | None = db.session.scalar(query)
    if found is None:
        raise Refusal(404, _("This doesn't exist here. It may have been deleted."), code="not_found")
    return found


def microseconds() -> int:
    """The present moment in microseconds since 1970, as pages compare which of two answers is newer."""
    return round(now().timestamp() * 1e6)


def first_values(model: Any) -> dict[str, Any]:
    """What a new row has where nothing is said, by column: for an ``INSERT`` that isn't made by the session.

    Defaults that are functions are left out.
    """
    columns = [column for column in model.__table__.columns if column.default is not None]
    return {column.name: column.default.arg for column in columns if column.default.is_scalar}
