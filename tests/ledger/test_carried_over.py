"""A log of the first tables, with its linear chain, becomes a tree; its entries stay as they were written."""

import json

import pytest
from sqlalchemy import select, text

from config import Config
from hub.app import build_services
from hub.engine import make_engine
from hub.errors import HubError
from hub.ledger.model import LogCaseHead, LogEntry, LogHead
from hub.ledger.service import open_private, verify
from hub.migrations import migrate
from tests.old_home import make_old_home
from tests.world import SECRET


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    if request.param == "sqlite":
        yield home, ""
        return
    server = request.getfixturevalue("postgres")
    yield home, server.database("old_log")
    server.drop("old_log")


def opened(old):
    """The old home's services, its tables still those of the first revision."""
    home, url = old
    config = Config.from_env({"HUB_HOME": str(home), "HUB_SECRET": SECRET, "HUB_DATABASE_URL": url})
    engine = make_engine(config.database_url)
    make_old_home(home, engine)
    engine.dispose()
    return build_services(config)


def test_old_entries_verify_in_the_tree_and_their_private_parts_still_open(old):
    hub = opened(old)
    with hub.db.engine.connect() as connection:
        before = connection.execute(text("SELECT sequence, leaf FROM log_entry ORDER BY sequence")).all()
    migrate(hub.db.engine)
    with hub.db.reading() as session:
        head = session.scalars(select(LogHead)).one()
        entries = session.scalars(select(LogEntry).order_by(LogEntry.sequence)).all()
        assert [(entry.sequence, entry.leaf) for entry in entries] == before
        assert before, "an old home without a log shows nothing"
        assert {json.loads(entry.leaf)["v"] for entry in entries} == {1}
        assert verify(session, head.area_id, hub.vaults.open_log) is None
        sealed = [entry for entry in entries if entry.sealed]
        assert sealed
        assert all("address" in open_private(session, entry, hub.vaults.open_log) for entry in sealed)
        cases = {entry.case_id for entry in entries if entry.case_sequence}
        assert {row.case_id for row in session.scalars(select(LogCaseHead))} == cases
    hub.db.engine.dispose()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE log_entry SET leaf = replace(leaf, 'area', 'aera') WHERE sequence = 2",
        "DELETE FROM log_entry WHERE sequence = 2",
        "DELETE FROM log_entry WHERE sequence = (SELECT max(sequence) FROM log_entry)",
    ],
)
def test_an_old_log_that_was_changed_is_not_carried_over(old, damage):
    hub = opened(old)
    with hub.db.engine.execution_options(hub_writes=True).begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER log_entry_no_update"))
            connection.execute(text("DROP TRIGGER log_entry_no_delete"))
        else:
            connection.execute(text("ALTER TABLE log_entry DISABLE TRIGGER ALL"))
        connection.execute(text(damage))
    with pytest.raises(HubError, match="not carried over"):
        migrate(hub.db.engine)
    with hub.db.engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0001"
    hub.db.engine.dispose()
