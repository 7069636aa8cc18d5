"""The way of the database from nothing to today; `migrate` takes any database there."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from storage.failpoints import Point, failpoint

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent


def alembic_config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - a fifth of a second of every start, and needed by few

    config = Config()
    config.set_main_option("script_location", str(HERE))
    return config


def migrate(engine: Engine) -> None:
    """Bring the database to the newest revision; does nothing when it is there."""
    if is_current(engine):
        return
    from alembic import command  # noqa: PLC0415 - as above

    config = alembic_config()
    with engine.execution_options(hub_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        failpoint(Point.TABLES_MADE)


def upgrade_to(connection: Connection, revision: str) -> None:
    """Bring a database to a revision or to 'head', inside the caller's transaction."""
    from alembic import command  # noqa: PLC0415 - as above

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def known_revisions() -> frozenset[str]:
    """Those that this version of the program can make and upgrade from."""
    return frozenset(path.name.split("_")[0] for path in (HERE / "versions").glob("[0-9]*.py"))


def unmake(engine: Engine) -> None:
    """Take every table away, the access log and its guards too: for a demo whose load did not end."""
    from alembic import command  # noqa: PLC0415 - as above

    config = alembic_config()
    with engine.execution_options(hub_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")


def is_current(engine: Engine) -> bool:
    """Told without Alembic: each revision is named by the number that its file's name begins with."""
    newest = max(path.name.split("_")[0] for path in (HERE / "versions").glob("[0-9]*.py"))
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [newest]
