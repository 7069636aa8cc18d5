"""Pure parts of reading the log: what the filters mean, how a chart is cut, how a cell is made safe.

And what of it was to be expected: domain rules 23, 24 and 26.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from enum import IntFlag, StrEnum
from typing import Any, NamedTuple

WEEK = 7
MOST_BARS = 40
MOST_SETTING = 10_000
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
    unexpected: str = ""
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


# --- was it expected, and what about it is strange --------------------------------------------


class Kind(StrEnum):
    """What sort of access an entry is."""

    CASE = "case"
    PAGE = "page"
    DOWNLOAD = "download"
    HIT = "hit"
    REFUSAL = "refusal"


class Why(StrEnum):
    """Why an access was expected, or why it was not (the last four)."""

    COORDINATOR = "coordinator"
    TEAM = "team"
    ISSUED = "issued"
    INVITED = "invited"
    SUPPLIED = "supplied"
    CONTRIBUTED = "contributed"
    AGENCY_MEETING = "agency meeting"
    AGENCY_NEW = "agency new"
    GLASS = "glass"
    AGENCY_ONLY = "agency only"
    NOTHING = "nothing"
    REFUSED = "refused"

    @property
    def expected(self) -> bool:
        return self not in _UNEXPECTED


_UNEXPECTED = frozenset({Why.GLASS, Why.AGENCY_ONLY, Why.NOTHING, Why.REFUSED})


class Flag(IntFlag):
    """What is strange about an access, whether it was expected or not."""

    OUT_OF_HOURS = 1
    BULK = 2
    LEFT = 4
    NEW_PLACE = 8
    GLASS = 16
    REFUSALS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """An area's own numbers; what `area.settings["review"]` does not name has the default here. Hours are London's."""

    opens: time = time(7)
    closes: time = time(19)
    extra_holidays: frozenset[date] = frozenset()
    before_meeting: int = 21
    after_meeting: int = 14
    contributed_days: int = 90
    new_agency_days: int = 14
    bulk_minutes: int = 60
    bulk_documents: int = 30
    bulk_cases: int = 20
    refusals: int = 5
    review_days: int = 5
    queued_days: int = 28
    glass_hours: int = 4
    glass_review_days: int = 2
    glass_tries: int = 5

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Settings":
        """From an area's settings. Raises ValueError for a name or value that cannot be meant."""
        given = {name: _setting(name, value) for name, value in stored.get("review", {}).items()}
        return cls(**given)


def _setting(name: str, value: Any) -> Any:
    defaults: dict[str, Any] = {one.name: one.default for one in fields(Settings)}
    if name not in defaults:
        raise ValueError(f"There is no setting {name!r} for reviews.")
    if isinstance(defaults[name], time):
        return time.fromisoformat(value)
    if isinstance(defaults[name], frozenset):
        return frozenset(date.fromisoformat(day) for day in value)
    if not 0 < int(value) <= MOST_SETTING:
        raise ValueError(f"{name} must be from 1 to {MOST_SETTING}.")
    return int(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One access: all ids. `owner`: the agency that owns the document, where one was opened."""

    kind: Kind
    at: datetime
    account: str
    agency: str | None
    document: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingTie:
    """A meeting at which the case was listed when the access was made: who was invited or chairs, what was issued."""

    on: datetime
    people: frozenset[str]
    issued: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """Who stood how to the case at the moment of the access, not later.

    `contributed`: the person's own last upload or change in it; `joined`: when their agency came to it; `left`: their
    agency had been taken off it; `glass`: open to them by break-glass.
    """

    coordinator: str
    team: frozenset[str]
    agencies: frozenset[str]
    meetings: tuple[MeetingTie, ...]
    contributed: datetime | None = None
    joined: datetime | None = None
    left: bool = False
    glass: bool = False


def classify(access: Access, ties: Ties, settings: Settings) -> Why:
    """The first reason for which this person could be expected to open this, or why they could not.

    That somebody's agency works the case is not enough by itself: it may employ hundreds. It is so around a meeting of
    the case, when the agency came to it lately, or when the person has worked on the case themselves.
    """
    return _by_name(access, ties, settings) or _through_agency(access, ties, settings)


def _by_name(access: Access, ties: Ties, settings: Settings) -> Why | None:
    if access.account == ties.coordinator:
        return Why.COORDINATOR
    if access.account in ties.team:
        return Why.TEAM
    mine = [meeting for meeting in ties.meetings if access.account in meeting.people]
    if any(access.document in meeting.issued for meeting in mine if access.document):
        return Why.ISSUED
    if any(_around(access.at, meeting.on, settings) for meeting in mine):
        return Why.INVITED
    return None


def _through_agency(access: Access, ties: Ties, settings: Settings) -> Why:
    if access.owner is not None and access.owner == access.agency:
        return Why.SUPPLIED
    if _within(access.at, ties.contributed, settings.contributed_days):
        return Why.CONTRIBUTED
    if access.agency not in ties.agencies:
        return Why.GLASS if ties.glass else Why.NOTHING
    if any(_around(access.at, meeting.on, settings) for meeting in ties.meetings):
        return Why.AGENCY_MEETING
    new = _within(access.at, ties.joined, settings.new_agency_days)
    return Why.AGENCY_NEW if new else Why.AGENCY_ONLY


def _around(at: datetime, meeting: datetime, settings: Settings) -> bool:
    return -timedelta(settings.before_meeting) <= at - meeting <= timedelta(settings.after_meeting)


def _within(at: datetime, since: datetime | None, days: int) -> bool:
    return since is not None and timedelta() <= at - since <= timedelta(days)


Change = tuple[str, str]
"""(what, subject): 'member added', say, and the id of whom."""


def undone(now: frozenset[str], later: Iterable[Change], added: str, removed: str) -> frozenset[str]:
    """Who was in a set before the later changes, oldest first, made it what it is now."""
    before = set(now)
    for what, subject in reversed(list(later)):
        if what == added:
            before.discard(subject)
        elif what == removed:
            before.add(subject)
    return frozenset(before)


class Spree:
    """How much one person opened of late: more than the area's threshold within its minutes is in bulk."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._span = timedelta(minutes=settings.bulk_minutes)
        self._opened: deque[tuple[datetime, Kind, str]] = deque()

    def add(self, at: datetime, kind: Kind, thing: str) -> bool:
        """Note that a case or document was opened, a hit shown, or a try refused; whether that makes too many."""
        self._opened.append((at, kind, thing))
        while at - self._opened[0][0] > self._span:
            self._opened.popleft()
        if kind is Kind.REFUSAL:
            return self._count(Kind.REFUSAL, distinct=False) >= self._settings.refusals
        if kind is Kind.CASE:
            return self._count(Kind.CASE) > self._settings.bulk_cases
        return self._count(Kind.PAGE, Kind.DOWNLOAD) > self._settings.bulk_documents

    def _count(self, *kinds: Kind, distinct: bool = True) -> int:
        things = [thing for _, kind, thing in self._opened if kind in kinds]
        return len(set(things)) if distinct else len(things)


class State(StrEnum):
    """How far a review has come."""

    WAITING = "waiting"
    ASKED = "asked"
    ANSWERED = "answered"
    CLOSED = "closed"


class Outcome(StrEnum):
    """What a review came to."""

    EXPLAINED = "explained"
    TRAINING = "training"
    INVESTIGATE = "to be investigated"
    BREACH = "breach reported"

    @property
    def label(self) -> str:
        return _OUTCOMES[self]


_OUTCOMES = {
    Outcome.EXPLAINED: "Explained: there was a need to know",
    Outcome.TRAINING: "Training: an honest mistake",
    Outcome.INVESTIGATE: "To be investigated by the person's agency",
    Outcome.BREACH: "Reported as a personal data breach",
}


class GlassReason(StrEnum):
    """Why a case is opened by somebody who does not stand to it."""

    RISK = "immediate risk"
    DUTY = "on duty"
    COVER = "covering"
    MISSING = "missing person"
    COURT = "court or custody"

    @property
    def label(self) -> str:
        return _GLASS_REASONS[self]


_GLASS_REASONS = {
    GlassReason.RISK: "An immediate risk of serious harm",
    GlassReason.DUTY: "On duty out of hours, and it was passed to me",
    GlassReason.COVER: "Covering for a colleague who is away",
    GlassReason.MISSING: "The nominal or a possible victim is missing",
    GlassReason.COURT: "An urgent request from a court, prison or custody suite",
}


# --- people compared with their peers ------------------------------------------------------------


class Counts(NamedTuple):
    """What somebody did in a span of days."""

    cases: int
    pages: int
    downloads: int
    hits: int
    refusals: int
    unexpected: int
    out_of_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """`average`: of the others in the same role who opened anything; None where there is nobody else."""

    id: str
    name: str
    role: str
    agency_id: str
    agency: str
    counts: Counts
    average: tuple[float, ...] | None = None

    def stands_out(self, index: int) -> bool:
        """Whether a figure is three times what the peers do, and no mere handful."""
        if self.average is None or self.counts[index] < HANDFUL:
            return False
        return self.counts[index] >= TIMES_PEERS * self.average[index]

    @property
    def stands_out_at_all(self) -> bool:
        return any(self.stands_out(index) for index in range(len(self.counts)))


TIMES_PEERS, HANDFUL = 3, 10


def compared(peers: Sequence[Peer]) -> list[Peer]:
    """Each against the average of the others of their role: nobody's own figures hide in it."""
    sums: dict[str, list[int]] = {}
    numbers = Counter(peer.role for peer in peers)
    for peer in peers:
        so_far = sums.setdefault(peer.role, [0] * len(Counts._fields))
        sums[peer.role] = [total + own for total, own in zip(so_far, peer.counts, strict=True)]
    return [
        replace(peer, average=_of_others(peer, sums[peer.role], numbers[peer.role] - 1)) for peer in peers
    ]


def _of_others(peer: Peer, sums: Sequence[int], others: int) -> tuple[float, ...] | None:
    if not others:
        return None
    return tuple((total - own) / others for total, own in zip(sums, peer.counts, strict=True))
