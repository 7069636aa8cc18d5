"""Sixty fictional cases under the domain's rules: category 3 is never level 1, history leads up to what is so now."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from random import Random

from hub.cases.rules import REVIEW_WEEKS, Criterion, EntryRoute, ExitReason, Level, reference
from hub.clock import london_date
from hub.demo.area import AREA_NAME, LOCALITIES, DemoArea
from hub.demo.chance import chance, moment, office_hour, some, weekday_after, weekday_before, words

CASE_COUNT = 60
_CLOSED = frozenset({(1, 3), (1, 10), (2, 5), (2, 14), (2, 23)})
"""(level, how many of that level came before): spread over the localities, and none of the few at level 3."""
_EXCLUSIONS = {4: "tamsin", 17: "corwin", 26: "isolde", 38: "emeka"}

_SHAPE = (
    ((1, 1), 12), ((1, 2), 14), ((1, 3), 4),
    ((2, 1), 5), ((2, 2), 8), ((2, 3), 2),
    ((3, 2), 7), ((3, 3), 3),
    ((4, 1), 1), ((4, 2), 2), ((4, 3), 2),
)  # fmt: skip
"""How many cases of each (category, level)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoNominal:
    """`female` chooses the words of the prose; `visor` is the national record's reference, plainly invented."""

    name: str
    aliases: tuple[str, ...]
    born: date
    female: bool
    visor: str

    @property
    def formal(self) -> str:
        return f"{'Ms' if self.female else 'Mr'} {self.name.rsplit(' ', maxsplit=1)[1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMember:
    person: str
    duty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoExclusion:
    person: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoChange:
    """One step of the history: `what` is 'level', 'review' or 'closed', as in the log; `by` a person's key.

    Of a review `after` is the day; `before` is empty, since it follows from the level.
    """

    at: datetime
    by: str
    what: str
    before: str
    after: str
    reason: str
    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCase:
    """`category` and `level` are what is so now; `first_category`, `first_level` what it was opened with.

    `changes` in order of time lead from the one to the other. People and agencies are keys.
    """

    key: str
    reference: str
    nominal: DemoNominal
    category: int
    level: int
    first_category: int
    first_level: int
    locality: str
    lead_agency: str
    coordinator: str
    agencies: tuple[str, ...]
    team: tuple[DemoMember, ...]
    exclusions: tuple[DemoExclusion, ...]
    entry_route: EntryRoute
    opened_at: datetime
    changes: tuple[DemoChange, ...]
    review_due: date | None
    closed_at: datetime | None
    exit_reason: ExitReason | None

    @property
    def last_day(self) -> date | None:
        return self.closed_at.date() if self.closed_at else None

    def level_on(self, day: date) -> int:
        """The level in force at the end of that day; before the case was opened, the first."""
        past = [
            int(change.after) for change in self.changes if change.what == "level" and change.at.date() <= day
        ]
        return past[-1] if past else self.first_level


_MEN = words(
    "Alder Barnabas Cassian Dorian Edwin Fergus Gideon Hollis Ivor Jonty Kester Leopold Magnus Ned Osric Piers "
    "Quentin Roderick Silas Tobias Ulric Vernon Wilfred Ambrose Benedick Clement Digby Ellis Florian Godwin "
    "Horace Ignatius Jasper Kelvin Linus Merrick Nathaniel Orlando Percival Rufford Stellan Thaddeus Umberto "
    "Valentine Warwick Yorick Zebedee Aubrey Bertram Crispin"
)
_WOMEN = words("Araminta Beatrix Clemency Delphine Eglantine Fenella Ginevra Hermia Imelda Jocasta")
_SURNAMES = words(
    "Thistlemoor Brackwater Ossingdale Merrowby Cobblethwaite Fennimoss Gallowglade Hagglestone Inklebarrow "
    "Jessamund Kettlewick Lorncastle Mossgrave Nettlefold-Ashe Oxlipper Pennywhistle Quagmorton Rushbeacon "
    "Sedgeworthy Tansyfield Underhollin Vetchling Wexcombe-Dray Yarrowgate Zennorby Bellwattle Crakehaven "
    "Dunnockson Elverstone Flaxenby Gorsemarch Heronsway Icklethorpe Jackdawson Knapweed Loosestrife Marshwiggan "
    "Nightjarrow Orfordness-Lyle Plumstock Quillerby Ragwortham Spindlecote Tussockby Umberlow Vipersbugle "
    "Wagtailing Yellowhammond Zephyrstone Burdockson Chaffinder Dabchickley Eiderbourne Fieldfarrow Goldcrestor "
    "Harebellamy Ironwright-Moss Juncusby Kingcupper Lapwingham"
)
_ROUTES = {
    1: (EntryRoute.SENTENCE, EntryRoute.FINDING, EntryRoute.TRANSFER, EntryRoute.OVERSEAS),
    2: (EntryRoute.SENTENCE, EntryRoute.SENTENCE, EntryRoute.TRANSFER),
    3: (EntryRoute.REFERRAL,),
    4: (EntryRoute.SENTENCE,),
}
_EXITS = {
    1: (ExitReason.REGISTRATION, ExitReason.TRANSFER),
    2: (ExitReason.LICENCE, ExitReason.DISCHARGED, ExitReason.TRANSFER),
    3: (ExitReason.NO_RISK,),
    4: (ExitReason.LICENCE,),
}
_LEADS = {
    1: ("police", "police", "probation"),
    2: ("probation", "probation", "health"),
    3: ("probation",),
    4: ("probation",),
}
_PARTNERS = ("prison", "children", "adults", "health", "youth", "housing", "education", "jobcentre")
_DUTIES = {
    "isolde": "Offender manager (police)",
    "corwin": "Offender manager (probation)",
    "hester": "Prison offender management",
    "tamsin": "Safeguarding children",
    "emeka": "Health and mental health",
    "ottoline": "Safeguarding adults",
    "jarek": "Accommodation",
    "nerys": "Youth offending",
}
_UP = (
    "Risk of serious harm was assessed as high and the plan needs active work by more than one agency.",
    "The lead agency asked for joint management after a change of address brought new people into contact.",
    "Two agencies reported a decline in compliance within the same month and asked for a shared plan.",
)
_UP_3 = (
    "The plan calls for senior decisions about resources and there is likely media interest at release.",
    "The case was named a critical public protection case and needs oversight by senior managers.",
)
_DOWN = (
    "The actions that needed several agencies are complete and single-agency management is enough.",
    "Six months of settled behaviour, confirmed by three agencies, support ordinary agency management.",
)
CRITERIA: dict[int, tuple[Criterion, ...]] = {
    1: (),
    2: (Criterion.HIGH_RISK, Criterion.SEVERAL_AGENCIES),
    3: (Criterion.HIGH_RISK, Criterion.SEVERAL_AGENCIES, Criterion.SENIOR_COMPLEXITY),
}
"""The limbs that are met at each level: of the opening, and of each change to the level."""
_REVIEWED = (
    "Reviewed with the lead agency: the plan goes on and the next review is fixed for this day.",
    "The agencies reviewed the case, found the level right and agreed when to look at it again.",
    "Reviewed in supervision; two actions were closed and the date of the next review was agreed.",
)
_EXCLUDED_BECAUSE = (
    "Former neighbour of the nominal's family; declared by the person themselves.",
    "Was at school with the nominal; declared on being named for the case team.",
    "A relative is a witness in the index matter.",
    "Previously treated a member of the household in a private capacity.",
)


@dataclass(slots=True, kw_only=True)
class _Draft:
    number: int
    category: int
    level: int
    rng: Random
    today: date
    area: DemoArea
    locality: str = ""
    closing: bool = False
    lead: str = ""
    coordinator: str = ""
    changes: list[DemoChange] = field(default_factory=list)


def make_cases(seed: str, today: date, area: DemoArea) -> tuple[DemoCase, ...]:
    shapes = [shape for shape, count in _SHAPE for _ in range(count)]
    chance(seed, "shapes").shuffle(shapes)
    surnames, men, women = list(_SURNAMES), list(_MEN), list(_WOMEN)
    for names, part in ((surnames, "surnames"), (men, "men"), (women, "women")):
        chance(seed, part).shuffle(names)
    cases, at_level = [], {1: 0, 2: 0, 3: 0}
    for number, (category, level) in enumerate(shapes):
        draft = _Draft(
            number=number,
            category=category,
            level=level,
            rng=chance(seed, "case", number),
            today=today,
            area=area,
        )
        draft.locality = LOCALITIES[at_level[level] % len(LOCALITIES)]
        draft.closing = (level, at_level[level]) in _CLOSED
        at_level[level] += 1
        female = number % 6 == 5  # noqa: PLR2004 - every sixth, so ten of sixty
        first = women[number // 6] if female else men[number - number // 6 - (1 if female else 0)]
        cases.append(_case(draft, f"{first} {surnames[number]}", female=female))
    return _numbered(cases)


def _numbered(cases: list[DemoCase]) -> tuple[DemoCase, ...]:
    """References as the hub gives them: by the year and in the order in which the cases were opened."""
    counts: Counter[int] = Counter()
    references = {}
    for case in sorted(cases, key=lambda case: (case.opened_at, case.key)):
        year = london_date(case.opened_at).year
        counts[year] += 1
        references[case.key] = reference(AREA_NAME, year, counts[year])
    return tuple(replace(case, reference=references[case.key]) for case in cases)


def _case(draft: _Draft, name: str, *, female: bool) -> DemoCase:
    rng, today, number = draft.rng, draft.today, draft.number
    draft.coordinator = "sunniva" if draft.locality in LOCALITIES[: len(LOCALITIES) // 2] else "devan"
    draft.lead = rng.choice(_LEADS[draft.category])
    opened = office_hour(rng, weekday_before(today - timedelta(days=rng.randint(500, 2200))))
    first = _history(draft)
    closed = _closing(draft) if draft.closing else None
    review = None if closed else _review(draft, opened)
    agencies = _agencies(draft)
    exclusions = _exclusions(draft)
    return DemoCase(
        key=f"case-{number + 1:02}",
        reference="",
        nominal=_nominal(rng, name, today, female=female),
        category=draft.category,
        level=draft.level,
        first_category=draft.category,
        first_level=first,
        locality=draft.locality,
        lead_agency=draft.lead,
        coordinator=draft.coordinator,
        agencies=agencies,
        team=_team(draft, agencies, {exclusion.person for exclusion in exclusions}),
        exclusions=exclusions,
        entry_route=rng.choice(_ROUTES[draft.category]),
        opened_at=opened,
        changes=tuple(draft.changes),
        review_due=review,
        closed_at=closed,
        exit_reason=rng.choice(_EXITS[draft.category]) if closed else None,
    )


def _nominal(rng: Random, name: str, today: date, *, female: bool) -> DemoNominal:
    born = date(today.year - rng.randint(28, 69), rng.randint(1, 12), rng.randint(1, 28))
    first, last = name.split(" ", maxsplit=1)
    pool = (f"{first[:3]} {last}", f"{first} {last[:5]}ley", f"'{last[:4]}y'")
    return DemoNominal(
        name=name,
        aliases=some(rng, pool, 0, 2),
        born=born,
        female=female,
        visor=f"V/{rng.randint(100000, 999999)}/FICTION",
    )


def _history(draft: _Draft) -> int:
    """Append the level's changes, oldest first; the level it was opened with."""
    lowest = 2 if draft.category == 3 else 1  # noqa: PLR2004 - category 3 is never level 1
    first = draft.rng.randint(lowest, 3)
    levels = [first]
    while levels[-1] != draft.level:
        levels.append(levels[-1] + (1 if draft.level > levels[-1] else -1))
    for step, (before, after) in enumerate(pairwise(levels)):
        days = 420 - 150 * step - draft.rng.randint(0, 60)
        draft.changes.append(_level_change(draft, days, before, after))
    return first


def _level_change(draft: _Draft, days: int, before: int, after: int) -> DemoChange:
    reasons = _DOWN if after < before else _UP_3 if after == 3 else _UP  # noqa: PLR2004 - level 3
    return DemoChange(
        at=office_hour(draft.rng, weekday_before(draft.today - timedelta(days=days))),
        by=draft.coordinator,
        what="level",
        before=str(before),
        after=str(after),
        reason=draft.rng.choice(reasons),
        criteria=CRITERIA[after],
    )


def _closing(draft: _Draft) -> datetime:
    day = weekday_before(draft.today - timedelta(days=draft.rng.randint(20, 55)))
    closed = moment(day, 16, draft.rng.randrange(60))
    reason = (
        "The grounds for management under the arrangements have ended; each agency confirmed its last action."
    )
    draft.changes.append(
        DemoChange(
            at=closed, by=draft.coordinator, what="closed", before="open", after="closed", reason=reason
        )
    )
    return closed


def _agencies(draft: _Draft) -> tuple[str, ...]:
    most = {1: 2, 2: 4, 3: 6}[draft.level]
    partners = some(draft.rng, _PARTNERS, most - 1, most)
    chosen = {"police", "probation", draft.lead, *partners}
    return tuple(agency.key for agency in draft.area.agencies if agency.key in chosen)


def _team(draft: _Draft, agencies: tuple[str, ...], excluded: set[str]) -> tuple[DemoMember, ...]:
    able = [
        person.key
        for person in draft.area.people
        if person.key in _DUTIES and person.agency in agencies and person.key not in excluded
    ]
    return tuple(
        DemoMember(person=key, duty=_DUTIES[key]) for key in some(draft.rng, able, 1, draft.level + 1)
    )


def _exclusions(draft: _Draft) -> tuple[DemoExclusion, ...]:
    if draft.number not in _EXCLUSIONS:
        return ()
    at = office_hour(draft.rng, weekday_before(draft.today - timedelta(days=draft.rng.randint(370, 480))))
    reason = _EXCLUDED_BECAUSE[sorted(_EXCLUSIONS).index(draft.number)]
    return (DemoExclusion(person=_EXCLUSIONS[draft.number], reason=reason, at=at),)


def _review(draft: _Draft, opened: datetime) -> date:
    """The day that the last change of the history fixes: a few overdue, most within the level's weeks ahead."""
    if draft.number % 8 == 3:  # noqa: PLR2004 - any fixed remainder
        due = weekday_before(draft.today - timedelta(days=draft.rng.randint(4, 24)))
    else:
        weeks = {1: 40, 2: 14, 3: 7}[draft.level]
        due = weekday_before(draft.today + timedelta(days=draft.rng.randint(3, weeks * 7)))
    draft.changes.append(_review_change(draft, due, opened))
    return due


def _review_change(draft: _Draft, due: date, opened: datetime) -> DemoChange:
    """Decided on a day from which the review lies within the level's weeks, after all that came before."""
    last = max((opened, *(change.at for change in draft.changes))).date() + timedelta(days=1)
    earliest = max(last, due - timedelta(weeks=REVIEW_WEEKS[Level(draft.level)] - 1))
    latest = min(draft.today, due) - timedelta(days=3)
    day = earliest + timedelta(days=draft.rng.randrange(max(1, (latest - earliest).days)))
    return DemoChange(
        at=office_hour(draft.rng, weekday_before(day) if weekday_before(day) > last else weekday_after(day)),
        by=draft.coordinator,
        what="review",
        before="",
        after=due.isoformat(),
        reason=draft.rng.choice(_REVIEWED),
    )
