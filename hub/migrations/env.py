"""Alembic's entry: the connection is handed over by `hub.migrations.run`."""

from alembic import context

from hub.models import Base
from storage.failpoints import Point, failpoint

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    on_version_apply=lambda **_: failpoint(Point.REVISION_APPLIED),
)
with context.begin_transaction():
    context.run_migrations()
