"""Several processes of many threads on one log: no gap, no fork, whoever is killed."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.ledger.events import CaseViewed
from hub.ledger.model import LogEntry
from tests.ledger.test_log import verified
from tests.ledger.writer import write

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def writers(world, count, threads, each):
    """As many processes; whoever has not ended by the end is killed."""
    world.token("police")
    words = [str(world.config.home), world.config.database_url, str(threads), str(each)]
    command = [sys.executable, "-m", "tests.ledger.writer", *words]
    started = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(count)]
    try:
        yield started
    finally:
        for one in started:
            one.kill()
            one.wait()
            one.stderr.close()


def append(world, each):
    """By 32 threads in each of 4 processes, this one among them; how many there are then."""
    with writers(world, 3, 32, each) as others:
        faults = write(world, 32, each)
        for other in others:
            _, told = other.communicate(timeout=900)
            assert other.returncode == 0, told.decode()[-2000:]
    assert faults == []
    with world.hub.db.reading() as session:
        query = select(func.count(), func.min(LogEntry.sequence), func.max(LogEntry.sequence))
        total, first, last = session.execute(query).one()
        assert (first, last) == (1, total)
        assert (
            total >= 4 * 32 * each
        )  # whoever was told that it could not be written in time may have been written all the same
        numbers = select(LogEntry.case_sequence).order_by(LogEntry.sequence)
        assert list(session.scalars(numbers)) == list(range(1, total + 1))
    assert verified(world) is None
    return total


def test_four_processes_of_thirty_two_threads_leave_no_gap_and_no_fork(world):
    append(world, 8)


@pytest.mark.faults
@pytest.mark.timeout(0)
def test_ten_thousand_entries_of_four_processes_leave_no_gap_and_no_fork(world):
    if os.environ.get("HUB_TEST_FAULTS") != "long":
        pytest.skip("the long run: make faults")
    engine = world.hub.db.engine.dialect.name
    print(
        json.dumps(
            {"name": "log-processes", "database": engine, "entries": append(world, 80), "gaps": 0, "forks": 0}
        )
    )


def test_a_process_that_is_killed_while_it_appends_leaves_a_log_that_verifies(world):
    with writers(world, 1, 16, 100_000) as (other,):
        while count(world) < 100:
            assert other.poll() is None
        os.kill(other.pid, signal.SIGKILL)
    assert verified(world) is None
    before = count(world)
    assert world.hub.db.record(world.actor("police"), CaseViewed(case=world.case)).sequence == before + 1
    assert verified(world) is None


def count(world):
    with world.hub.db.reading() as session:
        return session.scalar(select(func.count()).select_from(LogEntry))
