"""kill -9 of real processes at every failpoint and at random, and what a power cut would leave: the oracle finds nothing wrong.

Two hundred runs here; `make faults` makes HUB_TEST_FAULT_RUNS of them (10,000), 500 of them with unsynced writes lost,
and writes what came of them to docs/evidence/faults.json.
"""

import json
import os
import platform
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.failpoints import Point
from tests.faults.harness import Faults, Outcome, Place, Zygote, summed
from tests.faults.operations import OPERATIONS

pytestmark = pytest.mark.faults
LONG = os.environ.get("HUB_TEST_FAULTS") == "long"
RUNS = int(os.environ.get("HUB_TEST_FAULT_RUNS", "10000"))
UNSYNCED = 500
SEED = int(os.environ.get("HUB_TEST_SEED", "17"))
EVIDENCE = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "faults.json"
PROCESSES = os.cpu_count() or 1


@pytest.fixture(scope="module")
def zygote():
    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="module")
def sqlite(zygote, tmp_path_factory):
    return Faults(zygote, Place("sqlite", tmp_path_factory.mktemp("sqlite")), SEED)


@pytest.fixture(scope="module")
def postgresql(zygote, postgres, tmp_path_factory):
    return Faults(zygote, Place("postgresql", tmp_path_factory.mktemp("postgresql"), postgres), SEED)


@pytest.fixture(params=["sqlite", "postgresql"])
def faults(request):
    return request.getfixturevalue(request.param)


def one_of_each(points: list[str], chance: random.Random) -> list[str]:
    """Of each failpoint one passage: which of them is left to chance."""
    by_name: dict[str, list[str]] = {}
    for point in points:
        by_name.setdefault(point.split(":")[0], []).append(point)
    return [chance.choice(passages) for passages in by_name.values()]


def check(outcomes: list[Outcome]) -> None:
    wrong = [fault for one in outcomes for fault in one.faults]
    assert wrong == []
    never = [f"{one.operation} at {one.point}" for one in outcomes if ":" in one.point and not one.stopped]
    assert never == [], "a failpoint was not reached"


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_killed_at_a_failpoint(faults, operation):
    points = one_of_each(faults.points(operation), random.Random(SEED + len(operation)))
    assert points
    check([faults.kill(operation, point) for point in points])


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_killed_at_random(sqlite, operation):
    check([sqlite.kill(operation) for _ in range(5)])


@pytest.mark.parametrize("operation", sorted(name for name, one in OPERATIONS.items() if not one.old))
def test_killed_and_what_was_not_synced_lost(sqlite, operation):
    chance = random.Random(SEED)
    points = [chance.choice(sqlite.points(operation)) for _ in range(3)]
    check([sqlite.kill(operation, point, unsynced=True) for point in points])


def test_a_failpoint_is_passed_by_some_operation(sqlite):
    passed = {name for operation in OPERATIONS for name in sqlite.template(operation).passed}
    assert {point.value for point in Point} - passed <= ELSEWHERE


ELSEWHERE = {
    "job-taken",  # a background job: tests/faults/test_server.py
    "restore-objects",  # into an empty home, tests/backup
    "restore-filled",
}


@pytest.mark.skipif(not LONG, reason="`make faults` runs it")
@pytest.mark.timeout(0)
def test_long(sqlite, postgresql):
    """Every passage of every failpoint on both databases, then at random up to the number asked for."""
    begun, chance = time.monotonic(), random.Random(SEED)
    plan = [
        (faults, operation, point, False)
        for faults in (sqlite, postgresql)
        for operation in sorted(OPERATIONS)
        for point in faults.points(operation)
    ]
    synced = [name for name, one in sorted(OPERATIONS.items()) if not one.old]
    for number in range(UNSYNCED):
        operation = synced[number % len(synced)]
        plan.append((sqlite, operation, chance.choice(["", *sqlite.points(operation)]), True))
    names = sorted(OPERATIONS)
    plan += [
        (postgresql if number % 5 == 0 else sqlite, names[number % len(names)], "", False)
        for number in range(RUNS - len(plan))
    ]
    with ThreadPoolExecutor(PROCESSES) as pool:
        outcomes = list(pool.map(lambda run: run[0].kill(run[1], run[2], unsynced=run[3]), plan))
    _write(outcomes, sum(run[3] for run in plan), time.monotonic() - begun)
    check(outcomes)


def _write(outcomes: list[Outcome], unsynced: int, seconds: float) -> None:
    found = Counter(one.state for one in outcomes)
    said = {
        "what": "runs of a real process ended by SIGKILL, each followed by a start and the oracle of tests/faults/oracle.py",
        "at": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {PROCESSES} processors",
        "python": platform.python_version(),
        "seconds": round(seconds),
        "runs": len(outcomes),
        "of them with unsynced writes lost": unsynced,
        "found after": dict(sorted(found.items())),
        "faults": sum(len(one.faults) for one in outcomes),
        "first faults": [fault for one in outcomes for fault in one.faults][:20],
        "by operation, failpoint and database": summed(outcomes),
    }
    EVIDENCE.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
