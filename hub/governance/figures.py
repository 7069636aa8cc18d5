"""Figures out of the sums that `hub.governance.following` keeps: who has seen what, by day, by person, by agency."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from hub.cases.model import Case
from hub.documents.model import Document
from hub.governance.entries import PER_PAGE
from hub.governance.model import CaseReader, DocumentReader, LogDay, PersonDay
from hub.governance.rules import Counts, Peer, compared
from hub.ledger.events import REGISTRY, Operation
from hub.meetings.model import Meeting, MeetingInvitee, MeetingIssue
from hub.people.model import Account, Agency

CANCELLED = "cancelled"
COLUMNS = (
    PersonDay.cases,
    PersonDay.pages,
    PersonDay.downloads,
    PersonDay.hits,
    PersonDay.refusals,
    PersonDay.unexpected,
    PersonDay.out_of_hours,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that one person has seen of one case or document. `last_entry`: number of the newest entry."""

    person: str
    person_id: str
    agency: str
    case: str
    case_id: str
    document: str
    document_id: str
    first: datetime
    last: datetime
    last_entry: int
    views: int
    pages: int
    downloads: int
    snippets: int
    unexpected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPage:
    """Newest first; `older`: the number to ask for more with, or None."""

    rows: Sequence[Seen]
    total: int
    older: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unopened:
    """Somebody to whom it was issued and who has not opened it; `issued` first, and for the meeting of that day."""

    person: str
    person_id: str
    agency: str
    issued: datetime
    meeting: datetime


def seen_of_document(session: Session, document: str, before: int = 0) -> SeenPage:
    return _documents_seen(session, DocumentReader.document_id == document, before)


def seen_by_person(session: Session, account: str, before: int = 0) -> SeenPage:
    return _documents_seen(session, DocumentReader.account_id == account, before)


def seen_of_agency(session: Session, agency: str, before: int = 0) -> SeenPage:
    """Who has seen what this agency supplied."""
    return _documents_seen(session, DocumentReader.owner_id == agency, before)


def _documents_seen(session: Session, condition: ColumnElement[bool], before: int) -> SeenPage:
    query = (
        select(DocumentReader, Account.name, Agency.name, Case.reference, Document.type)
        .join(Account, Account.id == DocumentReader.account_id)
        .join(Agency, Agency.id == Account.agency_id)
        .join(Case, Case.id == DocumentReader.case_id)
        .join(Document, Document.id == DocumentReader.document_id)
        .where(condition)
    )
    total = session.scalar(select(func.count()).select_from(DocumentReader).where(condition)) or 0
    return _page(session, query, DocumentReader, before, total)


def seen_of_case(session: Session, case: str, before: int = 0) -> SeenPage:
    return _cases_seen(session, CaseReader.case_id == case, before)


def cases_seen_by(session: Session, account: str) -> SeenPage:
    """The newest cases of a person."""
    return _cases_seen(session, CaseReader.account_id == account, 0)


def _cases_seen(session: Session, condition: ColumnElement[bool], before: int) -> SeenPage:
    query = (
        select(CaseReader, Account.name, Agency.name, Case.reference)
        .join(Account, Account.id == CaseReader.account_id)
        .join(Agency, Agency.id == Account.agency_id)
        .join(Case, Case.id == CaseReader.case_id)
        .where(condition)
    )
    total = session.scalar(select(func.count()).select_from(CaseReader).where(condition)) or 0
    return _page(session, query, CaseReader, before, total)


def _page(
    session: Session,
    query: Select[*tuple[Any, ...]],
    model: type[CaseReader] | type[DocumentReader],
    before: int,
    total: int,
) -> SeenPage:
    wanted = query.where(model.last < before) if before else query
    found = session.execute(wanted.order_by(model.last.desc()).limit(PER_PAGE + 1)).all()
    rows = [_seen(row) for row in found[:PER_PAGE]]
    return SeenPage(rows=rows, total=total, older=rows[-1].last_entry if len(found) > PER_PAGE else None)


def _seen(row: Any) -> Seen:
    sums, person, agency, case = row[:4]
    of_document = isinstance(sums, DocumentReader)
    return Seen(
        person=person,
        person_id=sums.account_id,
        agency=agency,
        case=case,
        case_id=sums.case_id,
        document=row[4] if of_document else "",
        document_id=sums.document_id if of_document else "",
        first=sums.first_at,
        last=sums.last_at,
        last_entry=sums.last,
        views=0 if of_document else sums.cases,
        pages=sums.pages,
        downloads=sums.downloads,
        snippets=sums.hits,
        unexpected=sums.unexpected,
    )


def unopened(session: Session, document: str) -> list[Unopened]:
    """Invited to a meeting to which it was issued, and has not opened it: a line of a search is not opening."""
    opened = select(DocumentReader.account_id).where(
        DocumentReader.document_id == document, DocumentReader.pages + DocumentReader.downloads > 0
    )
    query = (
        select(
            Account.name,
            Account.id,
            Agency.name,
            func.min(MeetingIssue.issued_at),
            func.min(Meeting.starts_at),
        )
        .join(Agency, Agency.id == Account.agency_id)
        .join(MeetingInvitee, MeetingInvitee.account_id == Account.id)
        .join(MeetingIssue, MeetingIssue.meeting_id == MeetingInvitee.meeting_id)
        .join(Meeting, Meeting.id == MeetingInvitee.meeting_id)
        .where(_issued(document), Account.id.not_in(opened))
        .group_by(Account.name, Account.id, Agency.name)
        .order_by(Account.name, Account.id)
    )
    return [
        Unopened(person=name, person_id=id_, agency=agency, issued=issued, meeting=meeting)
        for name, id_, agency, issued, meeting in session.execute(query)
    ]


def is_issued(session: Session, document: str) -> bool:
    """To a meeting that takes or took place."""
    query = (
        select(MeetingIssue.meeting_id)
        .join(Meeting, Meeting.id == MeetingIssue.meeting_id)
        .where(_issued(document))
    )
    return session.scalars(query.limit(1)).first() is not None


def _issued(document: str) -> ColumnElement[bool]:
    return and_(MeetingIssue.document_id == document, Meeting.state != CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """Sums of a span of days: `by_day` of all entries, `by_event` and `by_operation` with words' codes."""

    by_day: Sequence[tuple[date, int]]
    unexpected_by_day: Sequence[tuple[date, int]]
    refused_by_day: Sequence[tuple[date, int]]
    by_event: Sequence[tuple[str, int]]
    by_operation: Sequence[tuple[Operation, int]]


def day_figures(session: Session, area: str, first: date, last: date) -> DayFigures:
    within = and_(LogDay.area_id == area, LogDay.day.between(first, last))
    strange = and_(PersonDay.area_id == area, PersonDay.day.between(first, last))
    total = func.sum(LogDay.entries)
    by_event = [
        (event, int(count))
        for event, count in session.execute(
            select(LogDay.event, total)
            .where(within)
            .group_by(LogDay.event)
            .order_by(total.desc(), LogDay.event)
        )
    ]
    return DayFigures(
        by_day=_by_day(session, LogDay.day, LogDay.entries, within),
        unexpected_by_day=_by_day(session, PersonDay.day, PersonDay.unexpected, strange),
        refused_by_day=_by_day(
            session, LogDay.day, LogDay.entries, and_(within, LogDay.event == "access.refused")
        ),
        by_event=by_event,
        by_operation=[
            (one, sum(n for event, n in by_event if _operation(event) is one)) for one in Operation
        ],
    )


def _operation(event: str) -> Operation | None:
    return REGISTRY[event].operation if event in REGISTRY else None


def _by_day(
    session: Session, day: Any, counted: Any, condition: ColumnElement[bool]
) -> list[tuple[date, int]]:
    query = select(day, func.sum(counted)).where(condition).group_by(day).order_by(day)
    return [(found, int(count)) for found, count in session.execute(query)]


def entries_by_day(
    session: Session, area: str, span: tuple[date, date], event: str, outcome: str
) -> list[tuple[date, int]]:
    conditions = [LogDay.area_id == area, LogDay.day.between(*span)]
    if event:
        conditions.append(LogDay.event == event)
    if outcome:
        conditions.append(LogDay.outcome == outcome)
    return _by_day(session, LogDay.day, LogDay.entries, and_(*conditions))


def accesses_by_day(
    session: Session, area: str, span: tuple[date, date], *, account: str = "", agency: str = ""
) -> list[tuple[date, int]]:
    """Cases, pages, downloads and lines of search that one person or one agency opened."""
    conditions = [PersonDay.area_id == area, PersonDay.day.between(*span)]
    if account:
        conditions.append(PersonDay.account_id == account)
    if agency:
        conditions.append(PersonDay.agency_id == agency)
    opened = PersonDay.cases + PersonDay.pages + PersonDay.downloads + PersonDay.hits
    return _by_day(session, PersonDay.day, opened, and_(*conditions))


def peers(session: Session, area: str, first: date, last: date, *, agency: str = "") -> list[Peer]:
    """Everyone who opened anything, each against the average of the others in the same role."""
    sums = [func.sum(column) for column in COLUMNS]
    query = (
        select(PersonDay.account_id, Account.name, Account.role, Agency.id, Agency.name, *sums)
        .join(Account, Account.id == PersonDay.account_id)
        .join(Agency, Agency.id == Account.agency_id)
        .where(PersonDay.area_id == area, PersonDay.day.between(first, last))
        .group_by(PersonDay.account_id, Account.name, Account.role, Agency.id, Agency.name)
        .order_by(Account.name, PersonDay.account_id)
    )
    found = [
        (
            Peer(
                id=id_,
                name=name,
                role=role,
                agency_id=agency_id,
                agency=agency_name,
                counts=Counts(*map(int, counts)),
            )
        )
        for id_, name, role, agency_id, agency_name, *counts in session.execute(query)
    ]
    return [one for one in compared(found) if not agency or one.agency_id == agency]


def agencies(session: Session, area: str, first: date, last: date) -> list[tuple[str, str, Counts]]:
    """(id, name, what its people did), by name; those that did nothing too."""
    sums = [func.coalesce(func.sum(column), 0) for column in COLUMNS]
    on = and_(PersonDay.agency_id == Agency.id, PersonDay.area_id == area, PersonDay.day.between(first, last))
    query = (
        select(Agency.id, Agency.name, *sums)
        .outerjoin(PersonDay, on)
        .where(Agency.area_id == area)
        .group_by(Agency.id, Agency.name)
        .order_by(Agency.name)
    )
    return [(id_, name, Counts(*map(int, counts))) for id_, name, *counts in session.execute(query)]
