"""What the pages of meetings show, read in a constant number of queries.

* Of a case from which the reader is excluded nothing is shown, at no meeting.
* A nominal's name is for those who may read the case, and for those invited who re-affirmed the statement.
* A title is for those who may read the document; others are told how many there are.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.permissions import Role
from hub.cases.access import visible_cases
from hub.cases.listing import name_of
from hub.cases.model import Case, CaseExclusion
from hub.documents.lists import shown
from hub.documents.model import Document
from hub.documents.records import open_said
from hub.documents.rules import DOCUMENT_TYPES
from hub.ledger.events import DownloadStarted, MeetingViewed, PageViewed
from hub.ledger.model import LogEntry
from hub.meetings.access import chairs, coordinates, visible_meetings
from hub.meetings.model import Meeting, MeetingCase, MeetingInvitee, MeetingIssue
from hub.meetings.rules import Issue, MeetingLevel, MeetingState
from hub.people.model import Account, Agency, Area
from hub.vaults import Vaults
from hub.web.paging import PER_PAGE, Page, offset


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingLine:
    """One of my meetings. `new`: issued since I last opened its page; `unopened`: issued and not opened by me."""

    id: str
    starts_at: datetime
    level: MeetingLevel
    locality: str
    place: str
    state: MeetingState
    affirmed: bool
    issued: int
    new: int
    unopened: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MyMeetings:
    """`upcoming` soonest first and all of them; `past` latest first, paged. `unopened` over all of them."""

    upcoming: tuple[MeetingLine, ...]
    past: Page[MeetingLine]
    unopened: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    id: str
    name: str
    agency: str
    role: Role
    affirmed_at: datetime | None
    chairs: bool
    coordinates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """`name` None: not for this reader yet; `opens`: whether they may read the case."""

    id: str
    reference: str
    name: str | None
    opens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedLine:
    id: str
    case: str
    reference: str
    title: str
    type: str
    owner: str
    what: Issue
    issued_at: datetime
    changed_at: datetime
    version: int
    opened: bool
    withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingPage:
    """`shut`: documents issued that the reader may not read yet; re-affirming opens those of their meetings."""

    id: str
    starts_at: datetime
    level: MeetingLevel
    locality: str
    place: str
    state: MeetingState
    past: bool
    chair: str
    chair_id: str
    coordinator: str
    people: tuple[Invited, ...]
    cases: tuple[CaseLine, ...]
    issued: tuple[IssuedLine, ...]
    shut: int
    invited: bool
    affirmed_at: datetime | None
    arranges: bool
    issues: bool
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One person invited, and which of the documents issued they opened, by id."""

    name: str
    agency: str
    affirmed_at: datetime | None
    opened: frozenset[str]


OPENED = or_(
    and_(LogEntry.event == PageViewed.name, LogEntry.leaf.not_like('%"form":"details"%')),
    LogEntry.event == DownloadStarted.name,
)


def mine(session: Session, actor: Actor, now: datetime, page: int) -> MyMeetings:
    upcoming = select(Meeting).where(visible_meetings(actor), Meeting.starts_at >= now, _live())
    past_ones = and_(visible_meetings(actor), or_(Meeting.starts_at < now, ~_live()))
    total = session.scalar(select(func.count()).select_from(Meeting).where(past_ones)) or 0
    late = select(Meeting).where(past_ones).order_by(Meeting.starts_at.desc(), Meeting.id)
    rows = list(session.scalars(upcoming.order_by(Meeting.starts_at, Meeting.id)))
    older = list(session.scalars(late.limit(PER_PAGE).offset(offset(page))))
    lines = _lines(session, actor, [*rows, *older])
    return MyMeetings(
        upcoming=tuple(lines[: len(rows)]),
        past=Page(rows=lines[len(rows) :], number=page, total=total),
        unopened=unopened(session, actor),
    )


def _live() -> ColumnElement[bool]:
    return Meeting.state != MeetingState.CANCELLED


def unopened(session: Session, actor: Actor) -> int:
    """How many documents issued to the actor's meetings they have not opened."""
    query = _issued_to(actor).with_only_columns(MeetingIssue.document_id).distinct()
    documents = list(session.scalars(query.where(visible_meetings(actor), _live())))
    return len(set(documents) - _opened_by(session, actor, documents))


def _issued_to(actor: Actor) -> Select[MeetingIssue]:
    """What was issued, but of cases from which the actor is excluded, and but what was withdrawn or destroyed."""
    excluded = exists().where(
        CaseExclusion.case_id == Document.case_id, CaseExclusion.account_id == actor.account
    )
    return (
        select(MeetingIssue)
        .join(Document, Document.id == MeetingIssue.document_id)
        .join(Meeting, Meeting.id == MeetingIssue.meeting_id)
        .join(Case, Case.id == Document.case_id)
        .where(~excluded, Document.withdrawn_at.is_(None), Case.key_wrapped.is_not(None))
    )


def _opened_by(session: Session, actor: Actor, documents: Collection[str]) -> set[str]:
    query = (
        select(LogEntry.document_id)
        .where(LogEntry.area_id == actor.area, LogEntry.actor_id == actor.account, OPENED)
        .where(LogEntry.document_id.in_(documents))
        .distinct()
    )
    return {document for document in session.scalars(query) if document}


def _lines(session: Session, actor: Actor, meetings: Sequence[Meeting]) -> list[MeetingLine]:
    ids = [meeting.id for meeting in meetings]
    issues = list(session.scalars(_issued_to(actor).where(MeetingIssue.meeting_id.in_(ids))))
    opened = _opened_by(session, actor, [issue.document_id for issue in issues])
    looked = _last_looks(session, actor, ids)
    affirmed = set(
        session.scalars(
            select(MeetingInvitee.meeting_id).where(
                MeetingInvitee.meeting_id.in_(ids),
                MeetingInvitee.account_id == actor.account,
                MeetingInvitee.affirmed_at.is_not(None),
            )
        )
    )
    return [_line(meeting, issues, opened, looked, affirmed=meeting.id in affirmed) for meeting in meetings]


def _last_looks(session: Session, actor: Actor, meetings: Collection[str]) -> dict[str, datetime]:
    query = (
        select(LogEntry.meeting_id, func.max(LogEntry.at))
        .where(LogEntry.area_id == actor.area, LogEntry.actor_id == actor.account)
        .where(LogEntry.event == MeetingViewed.name, LogEntry.meeting_id.in_(meetings))
        .group_by(LogEntry.meeting_id)
    )
    return {str(meeting): at for meeting, at in session.execute(query)}


def _line(
    row: Meeting,
    issues: Sequence[MeetingIssue],
    opened: set[str],
    looked: Mapping[str, datetime],
    *,
    affirmed: bool,
) -> MeetingLine:
    own = [issue for issue in issues if issue.meeting_id == row.id]
    since = looked.get(row.id)
    return MeetingLine(
        id=row.id,
        starts_at=row.starts_at,
        level=MeetingLevel(row.level),
        locality=row.locality,
        place=row.place,
        state=MeetingState(row.state),
        affirmed=affirmed,
        issued=len(own),
        new=sum(since is None or issue.issued_at > since for issue in own),
        unopened=sum(issue.document_id not in opened for issue in own),
    )


def page_for(session: Session, vaults: Vaults, actor: Actor, row: Meeting, now: datetime) -> MeetingPage:
    area = session.get_one(
        Area, row.area_id
    )  # held here: each vault asks for it again, of the session's memory
    people = invited(session, row)
    me = next((person for person in people if person.id == actor.account), None)
    affirmed_at = me.affirmed_at if me else None
    total = len(list(session.scalars(_issued_to(actor).where(MeetingIssue.meeting_id == row.id))))
    issued = _issued(session, vaults, actor, row)
    page = MeetingPage(
        id=row.id,
        starts_at=row.starts_at,
        level=MeetingLevel(row.level),
        locality=row.locality,
        place=row.place,
        state=MeetingState(row.state),
        past=row.starts_at <= now,
        chair=session.get_one(Account, row.chair_id).name,
        chair_id=row.chair_id,
        coordinator=session.get_one(Account, row.coordinator_id).name,
        people=people,
        cases=_cases(
            session, vaults, actor, row, named=affirmed_at is not None and row.state != MeetingState.CANCELLED
        ),
        issued=issued,
        shut=total - sum(not one.withdrawn for one in issued),
        invited=me is not None,
        affirmed_at=affirmed_at,
        arranges=coordinates(actor, row),
        issues=coordinates(actor, row) or chairs(actor, row),
        seen=row.row_version,
    )
    del area
    return page


def invited(session: Session, row: Meeting) -> tuple[Invited, ...]:
    query = (
        select(Account, Agency.name, MeetingInvitee.affirmed_at)
        .join(MeetingInvitee, MeetingInvitee.account_id == Account.id)
        .join(Agency, Agency.id == Account.agency_id)
        .where(MeetingInvitee.meeting_id == row.id)
        .order_by(Account.name)
    )
    return tuple(
        Invited(
            id=account.id,
            name=account.name,
            agency=agency,
            role=account.role_,
            affirmed_at=affirmed_at,
            chairs=account.id == row.chair_id,
            coordinates=account.id == row.coordinator_id,
        )
        for account, agency, affirmed_at in session.execute(query)
    )


def _cases(
    session: Session, vaults: Vaults, actor: Actor, row: Meeting, *, named: bool
) -> tuple[CaseLine, ...]:
    excluded = exists().where(CaseExclusion.case_id == Case.id, CaseExclusion.account_id == actor.account)
    query = (
        select(Case, visible_cases(actor))
        .join(MeetingCase, MeetingCase.case_id == Case.id)
        .where(MeetingCase.meeting_id == row.id, ~excluded)
        .order_by(MeetingCase.position, Case.reference)
    )
    return tuple(
        CaseLine(
            id=case.id,
            reference=case.reference,
            name=name_of(session, vaults, case) if opens or named or case.key_wrapped is None else None,
            opens=bool(opens) and case.key_wrapped is not None,
        )
        for case, opens in session.execute(query).all()
    )


def _issued(session: Session, vaults: Vaults, actor: Actor, row: Meeting) -> tuple[IssuedLine, ...]:
    query = (
        select(MeetingIssue, Document, Case, Agency.name)
        .join(Document, Document.id == MeetingIssue.document_id)
        .join(Case, Case.id == Document.case_id)
        .join(Agency, Agency.id == Document.owner_id)
        .where(MeetingIssue.meeting_id == row.id, shown(actor))
        .order_by(MeetingIssue.issued_at.desc(), Document.id)
    )
    found = session.execute(query).all()
    opened = _opened_by(session, actor, [document.id for _, document, _, _ in found])
    return tuple(
        IssuedLine(
            id=document.id,
            case=case.id,
            reference=case.reference,
            title=open_said(vaults.of(session, case), document.id, document.sealed_details).title,
            type=DOCUMENT_TYPES.get(document.type, document.type),
            owner=owner,
            what=Issue(issue.what),
            issued_at=issue.issued_at,
            changed_at=document.changed_at,
            version=document.current,
            opened=document.id in opened,
            withdrawn=document.withdrawn_at is not None,
        )
        for issue, document, case, owner in found
        if case.key_wrapped is not None
    )


def readers(session: Session, actor: Actor, row: Meeting, documents: Collection[str]) -> tuple[Reader, ...]:
    """Who of those invited opened which of the documents, by the access log."""
    query = (
        select(LogEntry.actor_id, LogEntry.document_id)
        .where(LogEntry.area_id == actor.area, LogEntry.document_id.in_(documents), OPENED)
        .distinct()
    )
    opened: defaultdict[str, set[str]] = defaultdict(set)
    for account, document in session.execute(query):
        opened[str(account)].add(str(document))
    return tuple(
        Reader(
            name=person.name,
            agency=person.agency,
            affirmed_at=person.affirmed_at,
            opened=frozenset(opened[person.id]),
        )
        for person in invited(session, row)
    )
