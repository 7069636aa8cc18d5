"""kill -9 of real processes at every failpoint, on PostgreSQL; tests/faults/test_kills.py has the rest."""

import random

import pytest

from tests.faults.operations import OPERATIONS
from tests.faults.runs import SEED, check, one_of_each

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_killed_at_a_failpoint(postgresql, operation):
    points = one_of_each(postgresql.points(operation), random.Random(SEED + len(operation)))
    assert points
    check([postgresql.kill(operation, point) for point in points])
