"""The long run of `make faults`: HUB_TEST_FAULT_RUNS (2,000) ends by SIGKILL, 500 of them with unsynced writes lost.

What came of them is written to docs/evidence/faults.json, whatever it was.
"""

import json
import os
import platform
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults import runs
from tests.faults.harness import Faults, Outcome, summed
from tests.faults.operations import OPERATIONS

pytestmark = pytest.mark.faults
RUNS = int(os.environ.get("HUB_TEST_FAULT_RUNS", "2000"))
UNSYNCED = 500
PASSAGES = 12
EVERY = 50
"""Runs after which what came of them so far is written."""
EVIDENCE = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "faults.json"
PROCESSES = os.cpu_count() or 1


@dataclass(frozen=True)
class Run:
    faults: Faults
    operation: str
    point: str
    unsynced: bool = False

    def made(self) -> Outcome:
        """A run that went wrong in the harness is a fault too, and ends no other."""
        try:
            return self.faults.kill(self.operation, self.point, unsynced=self.unsynced)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is written down
            judged = {"faults": [repr(error)[-1000:]], "state": None, "orphans": 0, "temporaries": 0}
            engine, stopped = self.faults.place.engine, False
            return Outcome(self.operation, engine, self.point or "at random", stopped, judged, states=0)


@pytest.mark.skipif(not runs.LONG, reason="`make faults` runs it")
@pytest.mark.timeout(0)
def test_long(sqlite, postgresql):
    """Every failpoint on both databases, then at random up to the number asked for."""
    begun, plan, outcomes = time.monotonic(), planned(sqlite, postgresql), []
    with ThreadPoolExecutor(PROCESSES) as pool:
        for outcome in pool.map(Run.made, plan):
            outcomes.append(outcome)
            if len(outcomes) % EVERY == 0 or len(outcomes) == len(plan):
                write(outcomes, plan, time.monotonic() - begun)
    runs.check(outcomes)


def planned(sqlite: Faults, postgresql: Faults) -> list[Run]:
    """In an order of chance, so that what is slow is spread."""
    chance, names = random.Random(runs.SEED), sorted(OPERATIONS)
    plan = [
        Run(faults, operation, point)
        for faults in (sqlite, postgresql)
        for operation in names
        for point in spread(faults.points(operation))
    ]
    synced = [name for name in names if not OPERATIONS[name].old]
    for number in range(UNSYNCED):
        operation = synced[number % len(synced)]
        plan.append(Run(sqlite, operation, chance.choice(["", *sqlite.points(operation)]), unsynced=True))
    plan += [
        Run((sqlite, postgresql)[number % 2], names[number // 2 % len(names)], "")
        for number in range(RUNS - len(plan))
    ]
    chance.shuffle(plan)
    return plan


def spread(points: list[str]) -> list[str]:
    """Every passage of each failpoint; of one that is passed often, the first and the last and some between."""
    by_name: dict[str, list[str]] = {}
    for point in points:
        by_name.setdefault(point.split(":")[0], []).append(point)
    chosen = []
    for passages in by_name.values():
        step = max(1, len(passages) / PASSAGES)
        chosen += [passages[int(n * step)] for n in range(min(len(passages), PASSAGES) - 1)] + passages[-1:]
    return chosen


def write(outcomes: list[Outcome], plan: list[Run], seconds: float) -> None:
    """As far as it has come: a run that is stopped has its evidence too. The outcomes are in the plan's order."""
    unsynced = sum(run.unsynced for run in plan[: len(outcomes)])
    found = Counter(one.state for one in outcomes)
    said = {
        "what": "runs of a real process ended by SIGKILL, each followed by a start and the oracle of tests/faults/oracle.py",
        "at": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {PROCESSES} processors",
        "python": platform.python_version(),
        "seconds": round(seconds),
        "runs": len(outcomes),
        "runs asked for": len(plan),
        "by database": dict(Counter(one.engine for one in outcomes)),
        "of them at a failpoint": sum(one.stopped for one in outcomes),
        "of them with unsynced writes lost": unsynced,
        "found after": dict(sorted(found.items())),
        "slowest start and judgement in seconds": max(one.judged.get("took", 0) for one in outcomes),
        "faults": sum(len(one.faults) for one in outcomes),
        "first faults": [fault for one in outcomes for fault in one.faults][:20],
        "by operation, failpoint and database": summed(outcomes),
    }
    EVIDENCE.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
