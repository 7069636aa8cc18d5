"""Pure parts of reading the log: what the filters mean, how a chart is cut, how a cell is made safe."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

WEEK = 7
MOST_BARS = 40
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Empty means any. Ids, codes of the event vocabulary, and days of the area's calendar, both included."""

    person: str = ""
    agency: str = ""
    case: str = ""
    document: str = ""
    event: str = ""
    operation: str = ""
    outcome: str = ""
    first: date | None = None
    last: date | None = None

    def chosen(self) -> int:
        return sum(bool(getattr(self, name)) for name in self.__slots__)

    def as_text(self) -> str:
        """For the log entry that says how the log was read."""
        parts = [f"{name}={getattr(self, name)}" for name in self.__slots__ if getattr(self, name)]
        return " ".join(parts)


def buckets(days: Iterable[tuple[date, int]], first: date, last: date) -> list[tuple[str, int]]:
    """Counts of days as at most MOST_BARS bars: by day, by week (from Monday), or by month; gaps are zeros."""
    counts = Counter(dict(days))
    span = (last - first).days + 1
    if span <= MOST_BARS:
        return [(_day(first + timedelta(n)), counts[first + timedelta(n)]) for n in range(span)]
    start_of = _monday if span <= MOST_BARS * WEEK else _first_of_month
    return _grouped(counts, first, last, start_of)


def _grouped(
    counts: "Counter[date]", first: date, last: date, start_of: Callable[[date], date]
) -> list[tuple[str, int]]:
    found: Counter[date] = Counter()
    for n in range((last - first).days + 1):
        day = first + timedelta(n)
        found[start_of(day)] += counts[day]
    label = _day if start_of is _monday else _month
    return [(label(start), found[start]) for start in sorted(found)]


def _monday(day: date) -> date:
    return day - timedelta(day.weekday())


def _first_of_month(day: date) -> date:
    return day.replace(day=1)


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _month(day: date) -> str:
    return f"{day:%b %Y}"


def safe_cell(value: object) -> str:
    """For a spreadsheet: a text that would be read as a formula gets an apostrophe before it (OWASP ASVS 1.2.10)."""
    text = "" if value is None else str(value)
    return "'" + text if text.lstrip().startswith(FORMULA_STARTS) or text.startswith(FORMULA_STARTS) else text
