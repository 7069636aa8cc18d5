"""Time, handed in: whoever needs the hour asks the clock it was given."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Returns the present time, aware, in UTC."""


def system_clock() -> datetime:
    return datetime.now(UTC)


LONDON = ZoneInfo("Europe/London")


def london_date(moment: datetime) -> date:
    """The day it is at that moment in England and Wales."""
    return moment.astimezone(LONDON).date()
