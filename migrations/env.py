"""Run one history, the one that core.engine.schema chose, on the connection that it opened."""

from alembic import context

from core.db import db
from core.engine.schema import CORE, Target

target: Target = context.config.attributes.get("target", CORE)


def run(connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        version_table=target.version_table,
        include_name=target.reflects,
        include_object=target.compares,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if "connection" in context.config.attributes:
    run(context.config.attributes["connection"])
else:
    with db.engine.connect() as opened:
        run(opened)
