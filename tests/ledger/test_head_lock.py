"""Two who append at once: the lock on the log's head keeps the second waiting, and without it the tables refuse the second.

So a fork or a gap cannot come silently, even from a program that forgot the lock.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from hub.errors import LogUnwritable
from hub.ledger import service
from hub.ledger.events import CaseViewed
from tests.ledger.test_log import verified

AT_ONCE = 4
SOON = 30


def append(world, actor):
    """An entry in a transaction of its own: what waits for others in one process would write all of them at once."""
    with world.hub.db.work() as work:
        entry = work.record(actor, CaseViewed(case=world.case))
        work.commit()
    return entry.sequence


def appended_at_once(world, seen):
    """What each of them was told: a number, or why not. `seen` is called with the end of the log that each saw."""
    actor, ledger = world.actor("police"), world.hub.db._ledger
    allowed = ledger._allow

    def watched(connection, area, sequence):
        seen(sequence)
        allowed(connection, area, sequence)

    ledger._allow = watched
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = [pool.submit(partial(append, world, actor)) for _ in range(AT_ONCE)]
            return [future.exception(SOON) or future.result() for future in futures]
    finally:
        ledger._allow = allowed


def unlocked(world, monkeypatch):
    """The statement without FOR UPDATE; a transaction that takes SQLite's write lock only when it writes."""
    head = service.HEAD
    query = select(head.c.sequence, head.c.frontier).where(head.c.area_id == service.bindparam("area"))
    monkeypatch.setattr(service, "_LOCKED_HEAD", query)
    monkeypatch.setattr(world.hub.db, "_writing", world.hub.db.engine)


def test_nobody_sees_the_end_of_the_log_that_another_is_writing_to(world):
    before, seen = len(world.events()), []
    told = appended_at_once(world, seen.append)
    assert sorted(told) == [before + 1 + number for number in range(AT_ONCE)]
    assert sorted(seen) == [before + number for number in range(AT_ONCE)]


def test_without_the_lock_one_is_written_and_the_others_are_refused_by_the_tables(world, monkeypatch):
    world.token("police")
    before, seen, together = len(world.events()), [], threading.Barrier(AT_ONCE, timeout=SOON)

    def wait(sequence):
        seen.append(sequence)
        together.wait()

    with monkeypatch.context() as broken:
        unlocked(world, broken)
        told = appended_at_once(world, wait)
    assert seen == [before] * AT_ONCE, "all of them saw the same end of the log"
    assert [one for one in told if isinstance(one, int)] == [before + 1]
    refused = [one for one in told if not isinstance(one, int)]
    assert all(isinstance(one, IntegrityError | LogUnwritable) for one in refused), refused
    assert [one.sequence for one in world.events()] == list(range(1, before + 2))
    assert verified(world) is None
    assert append(world, world.actor("police")) == before + 2


@pytest.mark.parametrize(
    "numbers", ["sequence, case_id, case_sequence + 1", "sequence + 1, case_id, case_sequence"]
)
def test_the_tables_take_no_second_entry_of_one_number(world, numbers):
    """Written past the log's own code, as a forgotten lock would have it."""
    append(world, world.actor("police"))
    same = "at, event, outcome, leaf, leaf_hash"
    again = text(
        f"INSERT INTO log_entry (area_id, sequence, case_id, case_sequence, {same})"
        f" SELECT area_id, {numbers}, {same} FROM log_entry"
        " WHERE sequence = (SELECT max(sequence) FROM log_entry)"
    )
    with world.hub.db.engine.execution_options(hub_writes=True).connect() as connection:
        with pytest.raises(IntegrityError):
            connection.execute(again)
        connection.rollback()
