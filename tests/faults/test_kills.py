"""kill -9 of real processes at every failpoint and at random, and what a power cut would leave: the oracle finds nothing wrong.

Here on SQLite; with tests/faults/test_kills_postgresql.py two hundred runs, of each failpoint one passage. tests/faults/test_long.py
makes them all.
"""

import random

import pytest

from storage.failpoints import Point
from tests.faults.operations import OPERATIONS
from tests.faults.runs import SEED, check, one_of_each

pytestmark = pytest.mark.faults
AT_RANDOM = 2


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_killed_at_a_failpoint(sqlite, operation):
    points = one_of_each(sqlite.points(operation), random.Random(SEED + len(operation)))
    assert points
    check([sqlite.kill(operation, point) for point in points])


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_killed_at_random(sqlite, operation):
    check([sqlite.kill(operation) for _ in range(AT_RANDOM)])


@pytest.mark.parametrize("operation", sorted(name for name, one in OPERATIONS.items() if not one.old))
def test_killed_and_what_was_not_synced_lost(sqlite, operation):
    """After a commit: what its rows name must be there."""
    commits = [point for point in sqlite.points(operation) if point.startswith("committed:")]
    point = random.Random(SEED).choice(commits)
    check([sqlite.kill(operation, point, unsynced=True)])


def test_a_failpoint_is_passed_by_some_operation(sqlite):
    passed = {name for operation in OPERATIONS for name in sqlite.template(operation).passed}
    assert {point.value for point in Point} - passed == ELSEWHERE


ELSEWHERE = {
    "job-taken",  # a background job: tests/faults/test_server.py
    "restore-objects",  # into an empty home, tests/backup
    "restore-filled",
}
