"""Working days and hours of England and Wales: pure. The bank holidays are those of the Banking and Financial Dealings Act 1971.

Days proclaimed once (a coronation, a jubilee) are no rule: an area adds them to its settings.
"""

from datetime import date, time, timedelta
from functools import cache

MONDAY, SATURDAY, SUNDAY = 0, 5, 6


@cache
def bank_holidays(year: int) -> frozenset[date]:
    """Of England and Wales; one that falls on a weekend is kept on the next working day."""
    easter = easter_sunday(year)
    moved = {
        easter - timedelta(days=2),
        easter + timedelta(days=1),
        _monday(date(year, 5, 1)),
        _monday(date(year, 5, 25)),
        _monday(date(year, 8, 25)),
    }
    kept: set[date] = set()
    for fixed in (date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)):
        day = fixed
        while day.weekday() >= SATURDAY or day in kept:
            day += timedelta(days=1)
        kept.add(day)
    return frozenset(moved | kept)


def easter_sunday(year: int) -> date:
    """Gregorian, by the anonymous algorithm published in Nature in 1876."""
    golden, (century, in_century) = year % 19, divmod(year, 100)
    leaps, rest = divmod(century, 4)
    shift = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - leaps - shift + 15) % 30
    quarter, left = divmod(in_century, 4)
    weekday = (32 + 2 * rest + 2 * quarter - moon - left) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _monday(day: date) -> date:
    """The first Monday from that day on."""
    return day + timedelta(days=-day.weekday() % 7)


def is_working_day(day: date, extra: frozenset[date] = frozenset()) -> bool:
    return day.weekday() < SATURDAY and day not in bank_holidays(day.year) and day not in extra


def add_working_days(day: date, count: int, extra: frozenset[date] = frozenset()) -> date:
    """The day by whose end `count` whole working days have passed since `day`."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day, extra)
    return day


def in_hours(day: date, hour: time, opens: time, closes: time, extra: frozenset[date] = frozenset()) -> bool:
    """Whether a local moment is within working hours; the closing minute is outside."""
    return is_working_day(day, extra) and opens <= hour < closes
