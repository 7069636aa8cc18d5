"""A figure as one JSON line, and the middle of several rounds taken in turns."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence

Action = Callable[[], object]


def tell(name: str, value: float, *, target: float, better: str, detail: str) -> None:
    """One line on standard output. `better`: 'higher' or 'lower'; missing a target is no error."""
    met = value >= target if better == "higher" else value <= target
    line = {"name": name, "value": round(value, 3), "target": target, "better": better, "met": met}
    print(json.dumps({**line, "detail": detail}), flush=True)


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def timed(action: Action) -> float:
    """Seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def in_turns(rounds: int, *actions: Callable[[], float]) -> list[list[float]]:
    """What each action gives in each round, one after the other, so that a busy moment falls on all; one round first
    that does not count."""
    taken: list[list[float]] = [[] for _ in actions]
    for number in range(rounds + 1):
        for action, values in zip(actions, taken, strict=True):
            value = action()
            if number:
                values.append(value)
    return taken


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"
