"""Entries of many threads written together: none lost, none twice, an error to each, and nobody waits for long."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.access.actor import program
from hub.db import Entry, _Group, _Waiter
from hub.engine import _Line
from hub.errors import LogUnwritable
from hub.ids import new_id
from hub.ledger.events import AccessRefused, CaseViewed, PageViewed, SignedIn

ROOT = Path(__file__).parent.parent.parent


def entry():
    return Entry(actor=program("area"), event=SignedIn())


class Writing:
    """Stands in for the transaction: holds the first batch until `go`, and notes each."""

    def __init__(self, fails=()):
        self.batches, self.begun, self.go, self.fails = [], threading.Event(), threading.Event(), list(fails)

    def __call__(self, entries):
        self.batches.append(list(entries))
        self.begun.set()
        if len(self.batches) == 1:
            assert self.go.wait(10)
        if self.fails:
            error = self.fails.pop(0)
            if error:
                raise error


def held_with(writing, count):
    """One writes and is held; `count` others wait. Returns the futures, the first one's first."""
    group, pool = _Group(writing), ThreadPoolExecutor(count + 2)
    futures = [pool.submit(group.add, entry())]
    assert writing.begun.wait(10)
    futures += [pool.submit(group.add, entry()) for _ in range(count)]
    while len(group._queue) < count:
        pass
    return group, pool, futures


def test_who_is_alone_writes_at_once():
    writing = Writing()
    writing.go.set()
    _Group(writing).add(entry())
    assert [len(batch) for batch in writing.batches] == [1]


def test_those_who_wait_are_written_together():
    writing = Writing()
    _, pool, futures = held_with(writing, 20)
    writing.go.set()
    assert [future.result(10) for future in futures] == [None] * 21
    assert [len(batch) for batch in writing.batches] == [1, 20]
    pool.shutdown()


def test_an_unwritable_log_is_told_to_all_who_wait_and_the_next_tries_again():
    writing = Writing(fails=[LogUnwritable("told")])
    group, pool, futures = held_with(writing, 5)
    writing.go.set()
    assert {str(future.exception(10)) for future in futures} == {"told"}
    assert len(writing.batches) == 1
    group.add(entry())
    assert len(writing.batches) == 2
    pool.shutdown()


def test_an_entry_that_is_refused_keeps_back_no_other():
    class Refuses(Writing):
        bad = None

        def __call__(self, entries):
            super().__call__(entries)
            if any(one.event.name == "case.viewed" for one in entries):
                raise ValueError("refused")

    writing = Refuses()
    group, pool, futures = held_with(writing, 4)
    bad = pool.submit(group.add, Entry(actor=program("area"), event=CaseViewed(case="c")))
    while len(group._queue) < 5:
        pass
    writing.go.set()
    assert [future.result(10) for future in futures] == [None] * 5
    with pytest.raises(ValueError, match="refused"):
        bad.result(10)
    pool.shutdown()


def test_who_waits_too_long_is_told_and_their_entry_is_not_written_later(monkeypatch):
    monkeypatch.setattr("hub.db.PATIENCE_SECONDS", 0.05)
    writing = Writing()
    group, pool, futures = held_with(writing, 3)
    assert all(isinstance(future.exception(10), LogUnwritable) for future in futures[1:])
    writing.go.set()
    assert futures[0].result(10) is None
    group.add(entry())
    assert [len(batch) for batch in writing.batches] == [1, 1]
    pool.shutdown()


def test_who_loses_patience_while_a_failure_is_told_never_takes_it_for_success(monkeypatch):
    seen = []

    class Watched(_Waiter):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == "done" and value:
                seen.append(self.error)

    monkeypatch.setattr("hub.db._Waiter", Watched)
    writing = Writing(fails=[LogUnwritable("told")])
    _, pool, futures = held_with(writing, 2)
    writing.go.set()
    assert {str(future.exception(10)) for future in futures} == {"told"}
    assert [str(error) for error in seen] == ["told"] * 3
    pool.shutdown()


# --- on a real database ----------------------------------------------------------------------------


def test_what_a_caller_gets_is_its_own_entry_and_durable(world):
    actor = world.actor("police")
    cases = [new_id() for _ in range(40)]
    with ThreadPoolExecutor(16) as pool:
        refused = lambda case: world.hub.db.record(  # noqa: E731 - one use
            actor, AccessRefused(permission="p", why="w", case=case, document=None)
        )
        recorded = list(pool.map(refused, cases))
    stored = {one.sequence: one.case_id for one in world.events()}
    assert [stored[one.sequence] for one in recorded] == cases


def test_a_receipt_is_had_of_the_entrys_own_case_and_document_alone(world):
    actor, document = world.actor("police"), new_id()
    viewed = PageViewed(case=world.case, document=document, version=1, page=1, form="text", reason="risk")
    recorded = world.hub.db.record(actor, viewed)
    receipt = recorded.receipt(case=world.case, document=document, objects=["o1"])
    assert (receipt.entry, receipt.case, receipt.objects) == (
        recorded.sequence,
        world.case,
        frozenset({"o1"}),
    )
    for case, of in ((new_id(), document), (world.case, new_id()), (world.case, None)):
        with pytest.raises(ValueError, match="opens nothing"):
            recorded.receipt(case=case, document=of, objects=["o1"])
    refusal = world.hub.db.record(actor, SignedIn())
    with pytest.raises(ValueError, match="opens nothing"):
        refusal.receipt(case=world.case, objects=["o1"])
    with world.hub.db.work() as work:
        entry = work.record(actor, viewed)
        work.commit()
        with pytest.raises(ValueError, match="opens nothing"):
            work.receipt(entry, case=new_id(), document=document, objects=["o1"])


def queued(line, number):
    """Wait until so many threads stand in the line."""
    while len(line._waiting) < number:
        time.sleep(0.001)


def test_who_wants_to_write_is_served_as_they_came_and_who_gives_up_holds_nobody_back():
    line, served, gave_up = _Line(), [], []

    def want(name):
        with line.turn(60) as came:
            served.append((name, came))

    def lose_patience():
        with line.turn(0.05) as came:
            gave_up.append(came)

    with line.turn(0) as first:
        assert first
        threads = []
        for number, act in enumerate((lambda: want(1), lose_patience, lambda: want(2), lambda: want(3))):
            threads.append(threading.Thread(target=act))
            threads[-1].start()
            if number != 1:
                queued(line, len([one for one in threads if one.is_alive()]))
            else:
                threads[-1].join()
        assert (served, gave_up) == ([], [False])
    for one in threads:
        one.join()
    assert served == [(1, True), (2, True), (3, True)]
    with line.turn(0) as again:
        assert again


def test_a_thread_that_is_ended_in_the_line_leaves_it(monkeypatch):
    line = _Line()

    class Ended(threading.Event):
        def wait(self, timeout=None):
            raise SystemExit

    with line.turn(0):
        monkeypatch.setattr("hub.db.threading.Event", Ended)
        with pytest.raises(SystemExit), line.turn(60):
            pass
        assert not line._waiting
    with line.turn(0) as again:
        assert again
