"""A year of people reading what they may read: who came, what they opened and why, and what they were refused.

Every event agrees with the hub's own policy on the plan's cases, documents and issues as they stand; nothing
happens before the document was there, at a weekend, or on the day of loading.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from hub.access.actor import Actor
from hub.access.permissions import GRANTS, Permission, Role
from hub.access.policy import CaseFacts, Denied, DocumentFacts, require_on_document
from hub.demo.area import DemoArea, DemoPerson
from hub.demo.cases import DemoCase
from hub.demo.chance import chance, office_hour
from hub.demo.documents import DemoDocument, DemoIssue
from hub.ledger.events import Reason

DAYS = 365
_BUSY_DAYS = 45
_FRIDAY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoEvent:
    """One entry to be. `event` is a name of `hub.ledger.events.REGISTRY`; people, cases and documents are keys.

    Events of one `visit` (numbered from 1) are one session. `detail`: what was searched for, the filters of a look at
    the log, the part of the statement, why a refusal or failed sign-in, how a sign-out. `page` counts from 1 and may
    be beyond a short document's last: use the last. A download's end is not here: it follows its start.
    """

    at: datetime
    event: str
    person: str
    visit: int
    case: str | None = None
    document: str | None = None
    documents: tuple[str, ...] = ()
    meeting: str | None = None
    reason: Reason | None = None
    page: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What there is to read, and how it was given out; `affirmed`: meeting's key to the keys of those who may read."""

    documents: tuple[DemoDocument, ...]
    issues: tuple[DemoIssue, ...]
    affirmed: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """A document that a person may read, since when, and the meeting it came by, if by one."""

    document: DemoDocument
    since: datetime
    meeting: str | None


@dataclass(slots=True, kw_only=True)
class _Visit:
    """One session as it is being told; `at` moves on with each event."""

    rng: Random
    person: DemoPerson
    number: int
    at: datetime
    events: list[DemoEvent] = field(default_factory=list)

    def tell(self, event: str, after: int = 40, **fields: object) -> None:
        self.at += timedelta(seconds=self.rng.randint(3, 2 * after))
        self.events.append(
            DemoEvent(at=self.at, event=event, person=self.person.key, visit=self.number, **fields)  # type: ignore[arg-type]
        )


_WEIGHTS = {
    Role.PRACTITIONER: 6,
    Role.ATTENDEE: 4,
    Role.CHAIR: 3,
    Role.COORDINATOR: 7,
    Role.GOVERNANCE: 4,
    Role.ADMINISTRATOR: 1,
}
_REASONS = (
    *(Reason.MEETING,) * 5,
    *(Reason.CASEWORK,) * 7,
    *(Reason.RISK,) * 3,
    Reason.SUPERVISION,
    Reason.VICTIM,
)
_QUERIES = (
    "curfew", "tenancy AND arrears", '"woodworking group"', "exclusion area", "lost contact", "licence conditions",
    '"voice of the child"', "alcohol NOT clinic", "contingency recall", "unannounced visit", "travel permission",
)  # fmt: skip
_LOOKS = (
    "",
    "outcome=refused",
    "event=document.download_started",
    "person=corwin",
    "days=30",
    "agency=police",
)


def make_history(
    seed: str,
    today: date,
    area: DemoArea,
    cases: tuple[DemoCase, ...],
    papers: Papers,
) -> tuple[DemoEvent, ...]:
    """In order of time; about three thousand."""
    world = _world(area, cases, papers)
    told: list[DemoEvent] = []
    met: set[str] = set()
    number = 0
    for day in _days(today):
        rng = chance(seed, "day", (today - day).days)
        for person in _visitors(rng, area, today, day):
            number += 1
            visit = _Visit(rng=rng, person=person, number=number, at=office_hour(rng, day))
            _tell(visit, world, first=person.key not in met)
            met.add(person.key)
            told += visit.events
    return tuple(sorted(told, key=lambda event: (event.at, event.visit)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """What each person may reach, and what each would be refused and why, by the hub's own policy."""

    reach: dict[str, list[_Reach]]
    beyond: dict[str, list[tuple[DemoDocument, str]]]


def _world(area: DemoArea, cases: tuple[DemoCase, ...], papers: Papers) -> _World:
    reach: dict[str, list[_Reach]] = {person.key: [] for person in area.people}
    beyond: dict[str, list[tuple[DemoDocument, str]]] = {person.key: [] for person in area.people}
    facts = {case.key: facts_of(case) for case in cases}
    for document in papers.documents:
        issued = [issue for issue in papers.issues if issue.document == document.key]
        for person in area.people:
            found = _find(person, facts[document.case], document, issued, papers.affirmed)
            if isinstance(found, _Reach):
                reach[person.key].append(found)
            else:
                beyond[person.key].append((document, found))
    return _World(reach=reach, beyond=beyond)


def facts_of(case: DemoCase) -> CaseFacts:
    """The case as the policy sees it, with the plan's keys for ids."""
    return CaseFacts(
        case=case.key,
        area="fenmarch",
        coordinator=case.coordinator,
        agencies=frozenset(case.agencies),
        team=frozenset(member.person for member in case.team),
        excluded=frozenset(exclusion.person for exclusion in case.exclusions),
    )


def actor_of(person: DemoPerson) -> Actor:
    """The person as the policy sees them, with the plan's keys for ids."""
    return Actor(
        area="fenmarch", account=person.key, agency=person.agency, role=person.role, name=person.name
    )


def _find(
    person: DemoPerson,
    case: CaseFacts,
    document: DemoDocument,
    issued: list[DemoIssue],
    affirmed: dict[str, tuple[str, ...]],
) -> _Reach | str:
    """How the person reaches the document: at once through the case, or since it was issued; or why not."""
    if not _refusal(person, case, document, frozenset()):
        return _Reach(document=document, since=document.uploaded_at, meeting=None)
    mine = [issue for issue in issued if person.key in affirmed[issue.meeting]]
    why = _refusal(person, case, document, frozenset({person.key} if mine else ()))
    return why or _Reach(document=document, since=mine[0].at, meeting=mine[0].meeting)


def _refusal(person: DemoPerson, case: CaseFacts, document: DemoDocument, issued_to: frozenset[str]) -> str:
    facts = DocumentFacts(
        document=document.key,
        owner=document.owner,
        uploader=document.uploader,
        audience=document.audience,
        issued_to=issued_to,
    )
    try:
        require_on_document(actor_of(person), Permission.DOCUMENT_READ, case, facts)
    except Denied as denied:
        return str(denied)
    return ""


def _days(today: date) -> Iterator[date]:
    for back in range(DAYS, 0, -1):
        day = today - timedelta(days=back)
        if day.weekday() <= _FRIDAY:
            yield day


def _visitors(rng: Random, area: DemoArea, today: date, day: date) -> Iterable[DemoPerson]:
    """A few people on a day, more of them lately; nobody twice."""
    count = rng.choice((1, 1, 1, 2, 2, 3)) + (2 if (today - day).days <= _BUSY_DAYS else 0)
    weights = [_WEIGHTS[person.role] for person in area.people]
    chosen = rng.choices(range(len(area.people)), weights, k=count)
    return [area.people[index] for index in sorted(set(chosen))]


def _tell(visit: _Visit, world: _World, *, first: bool) -> None:
    if visit.rng.randrange(25) == 0:
        visit.tell("session.sign_in_failed", detail=visit.rng.choice(("password", "code")))
    visit.tell("session.signed_in")
    if first:
        visit.tell("statement.agreed", detail="confidentiality")
        visit.tell("statement.agreed", detail="equality")
    if Permission.CASE_LIST in GRANTS[visit.person.role]:
        _read(visit, world)
    elif Permission.LOG_READ in GRANTS[visit.person.role]:
        _inspect(visit)
    visit.tell("session.signed_out", detail=visit.rng.choice(("by the person", "by the person", "timed out")))


def _inspect(visit: _Visit) -> None:
    for _ in range(visit.rng.randint(1, 3)):
        visit.tell("log.read", detail=visit.rng.choice(_LOOKS))
    if visit.rng.randrange(4) == 0:
        visit.tell("log.exported", detail="days=30")


def _read(visit: _Visit, world: _World) -> None:
    there = [reach for reach in world.reach[visit.person.key] if reach.since < visit.at]
    visit.tell("case.listed")
    if there and visit.rng.randrange(8) == 0:
        shown = visit.rng.sample(there, min(len(there), visit.rng.randint(1, 5)))
        keys = tuple(reach.document.key for reach in shown)
        visit.tell("search.run", detail=visit.rng.choice(_QUERIES), documents=keys)
    for _ in range(visit.rng.randint(1, 2) if there else 0):
        _open(visit, there[-visit.rng.randint(1, min(len(there), 40))])
    _stray(visit, world)


def _open(visit: _Visit, reach: _Reach) -> None:
    document, rng = reach.document, visit.rng
    if reach.meeting:
        visit.tell("meeting.viewed", meeting=reach.meeting)
    else:
        visit.tell("case.viewed", case=document.case)
    reason = Reason.MEETING if reach.meeting else rng.choice(_REASONS)
    for page in range(1, rng.randint(1, 3) + 1):
        visit.tell(
            "document.page_viewed",
            70,
            case=document.case,
            document=document.key,
            meeting=reach.meeting,
            page=page,
            reason=reason,
        )
    if rng.randrange(6) == 0 and Permission.DOCUMENT_DOWNLOAD in GRANTS[visit.person.role]:
        visit.tell("document.download_started", case=document.case, document=document.key, reason=reason)


def _stray(visit: _Visit, world: _World) -> None:
    """Now and then someone follows an address to what is not theirs, and is refused."""
    beyond = [
        (document, why) for document, why in world.beyond[visit.person.key] if document.uploaded_at < visit.at
    ]
    if not beyond or visit.rng.randrange(14):
        return
    document, why = visit.rng.choice(beyond)
    visit.tell("access.refused", case=document.case, document=document.key, detail=why)
