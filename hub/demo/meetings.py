"""Twelve meetings of the fictional area, held and to come: level 2 in each locality, level 3 by turns."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hub.access.permissions import Role
from hub.demo.area import LOCALITIES, DemoArea
from hub.demo.cases import DemoCase
from hub.demo.chance import chance, moment, weekday_after, weekday_before

MEETING_COUNT = 12
_WHEN = (
    (2, 0, -26), (2, 1, -20), (2, 2, -14), (2, 3, -7),
    (2, 0, 4), (2, 1, 9), (2, 2, 15), (2, 3, 22),
    (3, 0, -45), (3, 2, -11), (3, 1, 6), (3, 3, 18),
)  # fmt: skip
"""Level, locality's number, days from today."""
_PLACES = (
    "Lantern House, room 2",
    "County Offices, committee room B",
    "Video meeting",
    "The Old Granary, first floor",
)
_INVITABLE = frozenset({Role.PRACTITIONER, Role.ATTENDEE})
_CHAIRS = {2: "barnaby", 3: "philippa"}
_MOST_CASES = {2: 6, 3: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMeeting:
    """Cases in the order of the agenda; people by key. `state`: 'held' or 'planned'.

    `affirmed` are those invited who re-affirmed the statement for it.
    """

    key: str
    level: int
    locality: str
    starts_at: datetime
    place: str
    chair: str
    coordinator: str
    state: str
    cases: tuple[str, ...]
    invited: tuple[str, ...]
    affirmed: tuple[str, ...]
    created_at: datetime


def make_meetings(
    seed: str, today: date, area: DemoArea, cases: tuple[DemoCase, ...]
) -> tuple[DemoMeeting, ...]:
    made = [_meeting(seed, today, area, cases, number) for number in range(MEETING_COUNT)]
    return tuple(sorted(made, key=lambda meeting: meeting.starts_at))


def _meeting(seed: str, today: date, area: DemoArea, cases: tuple[DemoCase, ...], number: int) -> DemoMeeting:
    level, place, days = _WHEN[number]
    rng = chance(seed, "meeting", number)
    day = today + timedelta(days=days)
    starts = moment(weekday_before(day) if days < 0 else weekday_after(day), rng.choice((9, 10, 13)), 30)
    listed = _listed(cases, level, LOCALITIES[place])
    invited = _invited(area, listed, _CHAIRS[level])
    held = days < 0
    return DemoMeeting(
        key=f"meeting-{number + 1:02}",
        level=level,
        locality=LOCALITIES[place],
        starts_at=starts,
        place=rng.choice(_PLACES),
        chair=_CHAIRS[level],
        coordinator=listed[0].coordinator,
        state="held" if held else "planned",
        cases=tuple(case.key for case in listed),
        invited=invited,
        affirmed=invited if held else invited[: len(invited) // 3],
        created_at=moment(weekday_before(starts.date() - timedelta(days=35)), 11, rng.randrange(60)),
    )


def _listed(cases: tuple[DemoCase, ...], level: int, locality: str) -> list[DemoCase]:
    fitting = [
        case for case in cases if case.level == level and case.locality == locality and not case.closed_at
    ]
    return fitting[: _MOST_CASES[level]]


def _invited(area: DemoArea, listed: list[DemoCase], chair: str) -> tuple[str, ...]:
    """The chair, the coordinator, and whoever's agency is on a case, save anyone excluded from one of them."""
    agencies = {agency for case in listed for agency in case.agencies}
    excluded = {exclusion.person for case in listed for exclusion in case.exclusions}
    chosen = {chair, listed[0].coordinator}
    able = {person.key for person in area.people if person.agency in agencies and person.role in _INVITABLE}
    return tuple(person.key for person in area.people if person.key in (able - excluded) | chosen)
