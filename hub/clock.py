"""Time, handed in: whoever needs the hour asks the clock it was given."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present time, aware, in UTC."""


def system_clock() -> datetime:
    return datetime.now(UTC)
