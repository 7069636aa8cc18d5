"""Repeatable chance and plain dates: nothing here reads a clock, a locale, the environment or a set's order."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")
_SATURDAY = 5


def words(text: str) -> tuple[str, ...]:
    """A long table of words, written as prose is."""
    return tuple(text.split())


_MONTHS = words("January February March April May June July August September October November December")


def chance(seed: str, *path: object) -> Random:
    """A generator of its own for each part of the plan, so that one part can change without moving the others."""
    text = "\x1f".join((seed, *(str(part) for part in path)))
    return Random(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))


def some(rng: Random, pool: Sequence[T], least: int, most: int) -> tuple[T, ...]:
    """Between `least` and `most` members of the pool, in the pool's order."""
    count = min(len(pool), rng.randint(least, most))
    return tuple(pool[index] for index in sorted(rng.sample(range(len(pool)), count)))


def in_words(day: date) -> str:
    """14 March 2026, whatever the machine's locale."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def weekday_before(day: date) -> date:
    """The day itself, or the Friday before a weekend."""
    return day - timedelta(days=max(0, day.weekday() - _SATURDAY + 1))


def weekday_after(day: date) -> date:
    """The day itself, or the Monday after a weekend."""
    return day + timedelta(days=7 - day.weekday()) if day.weekday() >= _SATURDAY else day


def moment(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute, second), tzinfo=UTC)


def office_hour(rng: Random, day: date) -> datetime:
    return moment(
        day,
        rng.choice((8, 9, 9, 10, 10, 11, 11, 13, 14, 14, 15, 15, 16)),
        rng.randrange(60),
        rng.randrange(60),
    )
