"""The way of the database from nothing to today; `migrate` takes any database there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

HERE = Path(__file__).parent


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    return config


def migrate(engine: Engine) -> None:
    """Bring the database to the newest revision; does nothing when it is there."""
    config = alembic_config()
    with engine.execution_options(hub_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def unmake(engine: Engine) -> None:
    """Take every table away, the access log and its guards too: for a demo whose load did not end."""
    config = alembic_config()
    with engine.execution_options(hub_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")


def is_current(engine: Engine) -> bool:
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head
