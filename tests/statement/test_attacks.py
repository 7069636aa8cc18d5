"""Attacks through the words of a statement."""

from contextlib import nullcontext

import pytest
from sqlalchemy.exc import DataError

from hub.people.model import Account

HIDDEN = ["\0", "\u202e", "\u200b", "\x1b"]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_statement_and_its_reason_hide_nothing_from_who_agrees_it(world, hidden):
    """A NUL was kept by one database; on the other the whole hub was said to be unable to write."""
    client = world.client("coordinator")
    words = {"confidentiality": f"Keep{hidden} it.\n\n* first", "equality": f"{hidden}Be fair.", "seen": "0"}
    assert world.post(client, "/statement/edit", words).status_code == 303
    answer = world.post(client, "/statement/publish", {"reason": f"Clearer{hidden} words.", "seen": "1"})
    assert answer.status_code == 303
    version = world.hub.statement.current(world.actor("coordinator"))
    assert (version.confidentiality, version.equality) == ("Keep it.\n\n* first", "Be fair.")
    assert version.reason == "Clearer words."


def test_a_value_that_a_database_does_not_take_is_not_told_as_a_log_that_cannot_be_written(world):
    """As far as a commit: SQLite takes it."""
    with world.hub.db.work() as work:
        work.session.get_one(Account, world.people["police"]).name = "a\0b"
        with (
            pytest.raises(DataError) if world.config.database_url.startswith("postgresql") else nullcontext()
        ):
            work.commit()
