"""Whether a database is of today is told without Alembic, and says what Alembic would."""

from alembic.script import ScriptDirectory
from sqlalchemy import text

from config import Config
from hub.engine import make_engine
from hub.migrations import alembic_config, is_current, migrate


def test_a_new_database_is_not_current_until_it_was_migrated(tmp_path):
    engine = make_engine(Config.from_env({"HUB_HOME": str(tmp_path / "home")}).database_url)
    assert not is_current(engine)
    migrate(engine)
    assert is_current(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert not is_current(engine)
    engine.dispose()


def test_the_newest_revision_by_its_file_is_alembics_head(tmp_path):
    engine = make_engine(Config.from_env({"HUB_HOME": str(tmp_path / "home")}).database_url)
    migrate(engine)
    with engine.connect() as connection:
        assert (
            connection.scalar(text("SELECT version_num FROM alembic_version"))
            == ScriptDirectory.from_config(alembic_config()).get_current_head()
        )
    assert is_current(engine)
    engine.dispose()
