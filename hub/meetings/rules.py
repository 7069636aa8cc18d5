"""What MAPPA says of a meeting, as pure decisions; numbers in brackets are those of the project's domain rules."""

from datetime import UTC, date, datetime, time
from enum import IntEnum, StrEnum
from zoneinfo import ZoneInfo

from hub.errors import Invalid

LONDON = ZoneInfo("Europe/London")
MINUTES_TYPE = "minutes"


class MeetingLevel(IntEnum):
    """Level 2 and level 3 (rule 8); level 1 is managed by one agency and has no MAPPA meeting."""

    TWO = 2
    THREE = 3

    @property
    def label(self) -> str:
        return {2: "Level 2 meeting", 3: "Level 3 meeting (MAPPP)"}[self.value]


class MeetingState(StrEnum):
    """`held` is written by whoever records the meeting; one whose hour has passed counts as past without it."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


class Issue(StrEnum):
    PAPERS = "papers"
    MINUTES = "minutes"


def starts(day: date, hour: time) -> datetime:
    """The moment in UTC of an hour in London. Raises Invalid for one that the clocks skip."""
    local = datetime.combine(day, hour, LONDON)
    moment = local.astimezone(UTC)
    if moment.astimezone(LONDON).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise Invalid("time", "The clocks go forward that night: this hour does not exist. Choose another.")
    return moment


def require_to_come(moment: datetime, now: datetime) -> None:
    if moment <= now:
        raise Invalid("day", "The meeting must be in the future.")


def require_issuable(what: Issue, document_type: str, starts_at: datetime, now: datetime) -> None:
    """Minutes are documents of that type and follow the meeting; anything may be a paper."""
    if what is not Issue.MINUTES:
        return
    if document_type != MINUTES_TYPE:
        raise Invalid("documents", "Only a document of the type minutes can be issued as minutes.")
    if starts_at > now:
        raise Invalid("documents", "Minutes are issued once the meeting has begun.")


def hour_of(text: str) -> time:
    """`10:30`, `9.30`, `14:00`; raises Invalid."""
    hours, colon, minutes = text.strip().replace(".", ":").partition(":")
    plain = hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()
    if not colon or not plain or len(minutes) != 2 or int(hours) > 23 or int(minutes) > 59:  # noqa: PLR2004 - a clock's face
        raise Invalid("time", "Enter the time as hours and minutes, such as 9:30 or 14:00.")
    return time(int(hours), int(minutes))
