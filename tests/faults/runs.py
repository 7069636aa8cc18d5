"""Which runs are made, and that nothing was wrong after any of them."""

import os
import random

from tests.faults.harness import Outcome

LONG = os.environ.get("HUB_TEST_FAULTS") == "long"
SEED = int(os.environ.get("HUB_TEST_SEED", "17"))


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
