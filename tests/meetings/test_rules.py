from datetime import UTC, date, datetime, time, timedelta

import pytest

from hub.errors import Invalid
from hub.meetings import rules
from hub.meetings.rules import Issue

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hour", "moment"),
    [
        (date(2026, 1, 5), time(9, 30), datetime(2026, 1, 5, 9, 30, tzinfo=UTC)),
        (date(2026, 7, 6), time(9, 30), datetime(2026, 7, 6, 8, 30, tzinfo=UTC)),
    ],
)
def test_an_hour_is_londons_winter_and_summer(day: date, hour: time, moment: datetime) -> None:
    assert rules.starts(day, hour) == moment


def test_an_hour_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(Invalid, match="does not exist"):
        rules.starts(date(2026, 3, 29), time(1, 30))


@pytest.mark.parametrize(
    ("text", "hour"),
    [("9:30", time(9, 30)), (" 09.05 ", time(9, 5)), ("23:59", time(23, 59)), ("0:00", time(0))],
)
def test_an_hour_is_read_as_people_write_it(text: str, hour: time) -> None:
    assert rules.hour_of(text) == hour


@pytest.mark.parametrize(
    "text", ["", "9", "24:00", "9:60", "9:5", "٩:30", "-1:30", "9:30pm", "9:30:00", ":", "²:00"]
)
def test_what_is_no_hour_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="such as 9:30"):
        rules.hour_of(text)


def test_a_meeting_is_arranged_for_the_future() -> None:
    rules.require_to_come(NOW + timedelta(minutes=1), NOW)
    for moment in (NOW, NOW - timedelta(minutes=1)):
        with pytest.raises(Invalid):
            rules.require_to_come(moment, NOW)


@pytest.mark.parametrize("what", list(Issue))
@pytest.mark.parametrize("kind", ["minutes", "risk-assessment"])
@pytest.mark.parametrize("begun", [True, False])
def test_minutes_are_of_their_type_and_follow_the_meeting(what: Issue, kind: str, begun: bool) -> None:
    starts_at = NOW - timedelta(hours=1) if begun else NOW + timedelta(hours=1)
    if what is Issue.PAPERS or (kind == "minutes" and begun):
        rules.require_issuable(what, kind, starts_at, NOW)
    else:
        with pytest.raises(Invalid):
            rules.require_issuable(what, kind, starts_at, NOW)
