"""What a case page shows, read in a constant number of queries."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased

from hub.access.actor import Actor
from hub.access.permissions import Role
from hub.cases.model import Case, CaseAgency, CaseMember
from hub.cases.rules import Category, EntryRoute, ExitReason, Level, Review, State, review_state
from hub.cases.sealed import Nominal, open_nominal
from hub.cases.timeline import Happening, Scope, timeline
from hub.clock import london_date
from hub.documents.access import CANCELLED
from hub.documents.lists import DocumentLine, Listing
from hub.meetings.model import Meeting, MeetingCase, MeetingInvitee
from hub.people.model import Account, Agency
from hub.web.paging import Page
from storage.vault import Vault

LATEST, NEWS = 5, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: str
    name: str
    agency: str
    role: Role
    duty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    id: str
    name: str
    agency: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHead:
    """`seen` is the `row_version` for a form; `may_change`: whether the reader coordinates the case."""

    id: str
    reference: str
    nominal: Nominal
    category: Category
    level: Level
    state: State
    locality: str
    lead_agency: Named
    coordinator: Named
    review_due: date | None
    review: Review
    entry_route: EntryRoute
    exit_reason: ExitReason | None
    opened_at: datetime
    closed_at: datetime | None
    seen: int
    may_change: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NextMeeting:
    """`opens`: whether the reader may open its page."""

    id: str
    starts_at: datetime
    level: int
    locality: str
    place: str
    opens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """`news` is None at a first visit; else what others did since the visit that ended at `last_visit`."""

    head: CaseHead
    agencies: tuple[Named, ...]
    team: tuple[Person, ...]
    documents: Page[DocumentLine]
    latest: Page[Happening]
    last_visit: datetime | None
    news: Page[Happening] | None
    next_meeting: NextMeeting | None


def head_of(session: Session, vault: Vault, scope: Scope) -> CaseHead:
    row = scope.case
    agency = session.get_one(Agency, row.lead_agency_id)
    coordinator = session.get_one(Account, row.coordinator_id)
    return CaseHead(
        id=row.id,
        reference=row.reference,
        nominal=open_nominal(vault, row),
        category=Category(row.category),
        level=Level(row.level),
        state=State(row.state),
        locality=row.locality,
        lead_agency=Named(id=agency.id, name=agency.name),
        coordinator=Named(id=coordinator.id, name=coordinator.name),
        review_due=row.review_due,
        review=review_state(row.review_due, london_date(scope.now)),
        entry_route=EntryRoute(row.entry_route),
        exit_reason=ExitReason(row.exit_reason) if row.exit_reason else None,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        seen=row.row_version,
        may_change=coordinates(scope.actor, row),
    )


def coordinates(actor: Actor, case: Case) -> bool:
    return actor.role is Role.COORDINATOR and actor.account == case.coordinator_id


def staff_of(session: Session, case: Case) -> tuple[tuple[Named, ...], tuple[Person, ...]]:
    """The agencies and the named people that work the case."""
    return _agencies(session, case), _team(session, case)


def page_for(session: Session, vault: Vault, scope: Scope, documents: int = 1) -> CasePage:
    everything = Scope(actor=scope.actor, case=scope.case, now=scope.now)
    return CasePage(
        head=head_of(session, vault, scope),
        agencies=_agencies(session, scope.case),
        team=_team(session, scope.case),
        documents=Listing().in_case(session, scope.actor, vault, scope.case, documents),
        latest=timeline(session, vault, everything, per_page=LATEST),
        last_visit=scope.since,
        news=timeline(session, vault, scope, per_page=NEWS) if scope.since else None,
        next_meeting=_next_meeting(session, scope),
    )


def _agencies(session: Session, case: Case) -> tuple[Named, ...]:
    query = (
        select(Agency.id, Agency.name)
        .join(CaseAgency, CaseAgency.agency_id == Agency.id)
        .where(CaseAgency.case_id == case.id)
        .order_by(Agency.name)
    )
    return tuple(Named(id=id_, name=name) for id_, name in session.execute(query))


def _team(session: Session, case: Case) -> tuple[Person, ...]:
    query = (
        select(Account, Agency.name, CaseMember.duty)
        .join(CaseMember, CaseMember.account_id == Account.id)
        .join(Agency, Agency.id == Account.agency_id)
        .where(CaseMember.case_id == case.id)
        .order_by(Account.name)
    )
    return tuple(
        Person(id=account.id, name=account.name, agency=agency, role=account.role_, duty=duty)
        for account, agency, duty in session.execute(query)
    )


def _next_meeting(session: Session, scope: Scope) -> NextMeeting | None:
    account, mine = scope.actor.account, aliased(MeetingInvitee)
    invited = exists().where(mine.meeting_id == Meeting.id, mine.account_id == account)
    opens = or_(invited, Meeting.chair_id == account, Meeting.coordinator_id == account)
    query = (
        select(Meeting, opens)
        .join(MeetingCase, MeetingCase.meeting_id == Meeting.id)
        .where(
            MeetingCase.case_id == scope.case.id, Meeting.state != CANCELLED, Meeting.starts_at >= scope.now
        )
        .order_by(Meeting.starts_at, Meeting.id)
        .limit(1)
    )
    found = session.execute(query).first()
    if found is None:
        return None
    row, may = found
    return NextMeeting(
        id=row.id,
        starts_at=row.starts_at,
        level=row.level,
        locality=row.locality,
        place=row.place,
        opens=bool(may),
    )
