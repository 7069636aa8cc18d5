"""The access log as information governance reads it: ids become names, nothing of a case's content is opened.

* A document is known by its type and id, a case by its reference: titles and nominals stay sealed.
* Every look is itself an entry, committed before anything is shown; so is every export.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission
from hub.cases.model import Case
from hub.clock import Clock
from hub.db import Database, pairs
from hub.documents.model import Document
from hub.errors import HubError, NotHere
from hub.governance.rules import Filters, buckets
from hub.ledger.events import CasesListed, LogExported, LogRead
from hub.ledger.model import LogEntry, LogHead
from hub.ledger.service import open_private
from hub.people.model import Account, Agency
from hub.vaults import Vaults
from hub.web.paging import Page, offset

LONDON = ZoneInfo("Europe/London")
PER_PAGE = 50
EXPORT_LIMIT = 100_000
ASKED_EVERY = 200
"""Lines of an export between two looks at whether it may still go on; fewer than 100 kB."""
OPENINGS = ("document.page_viewed", "document.download_started", "search.shown")


class ExportCut(Exception):  # noqa: N818 - tells the server to drop the connection
    """The rest of the export is not handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry as shown. `address` and `device` come from its sealed part; `detail` is its other fields."""

    sequence: int
    at: datetime
    person: str
    person_id: str | None
    agency: str
    event: str
    operation: str | None
    outcome: str
    case: str
    case_id: str | None
    document: str
    document_id: str | None
    reason: str | None
    address: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    page: Page[Line]
    series: Sequence[tuple[str, int]]
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How often one person opened one document (pages as image or text, downloads, lines shown by search)."""

    person: str
    person_id: str
    agency: str
    document: str
    document_id: str
    case: str
    first: datetime
    last: datetime
    pages: int
    downloads: int
    snippets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """{id: name} for the filters."""

    people: Mapping[str, str]
    agencies: Mapping[str, str]
    cases: Mapping[str, str]


class GovernanceService:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults) -> None:
        self._db, self._clock, self._vaults = db, clock, vaults

    def is_ready(self) -> bool:
        """Whether an entry could be written and sealed bytes read now; writes nothing."""
        try:
            with self._db.work() as work:
                work.session.execute(update(LogHead).values(sequence=LogHead.sequence))
                self._vaults.keyring(work.session)
        except (HubError, SQLAlchemyError):
            return False
        return self._vaults.store.healthy()

    def overview(self, actor: Actor, filters: Filters, number: int) -> Overview:
        """One page of the log, newest first, and its chart over time."""
        self._look(actor, "log", filters)
        first, last = self._span(filters)
        with self._db.reading() as session:
            condition = _condition(actor.area, filters)
            total = session.scalar(select(func.count()).select_from(LogEntry).where(condition)) or 0
            query = select(LogEntry).where(condition).order_by(LogEntry.sequence.desc())
            entries = session.scalars(query.limit(PER_PAGE).offset(offset(number, PER_PAGE))).all()
            rows = self._lines(session, actor.area, entries)
            series = buckets(_by_day(session, condition, first), first, last)
        return Overview(
            page=Page(rows=rows, number=number, total=total, per_page=PER_PAGE),
            series=series,
            first=first,
            last=last,
        )

    def _span(self, filters: Filters) -> tuple[date, date]:
        today = self._clock().astimezone(LONDON).date()
        last = min(filters.last or today, today)
        return min(filters.first or last - timedelta(days=365), last), last

    def document(self, actor: Actor, document: str) -> list[Reading]:
        """Who has seen this document."""
        self._look(actor, "document", Filters(document=document))
        with self._db.reading() as session:
            row = session.get(Document, document)
            if row is None or session.get_one(Case, row.case_id).area_id != actor.area:
                raise NotHere(permission=Permission.LOG_READ, why="absent", document=document)
            return _readings(session, actor.area, LogEntry.document_id == document)

    def person(self, actor: Actor, account: str) -> tuple[str, list[Reading]]:
        """What this person has seen: their name, and each document."""
        self._look(actor, "person", Filters(person=account))
        with self._db.reading() as session:
            row = session.get(Account, account)
            if row is None or row.area_id != actor.area:
                raise NotHere(permission=Permission.LOG_READ, why="absent")
            return row.name, _readings(session, actor.area, LogEntry.actor_id == account)

    def choices(self, actor: Actor) -> Choices:
        authorise(actor, Permission.LOG_READ)
        with self._db.reading() as session:
            names = _Names(session, actor.area)
            return Choices(people=names.people, agencies=names.agencies, cases=names.cases)

    def export(
        self, actor: Actor, filters: Filters, still: Callable[[], bool]
    ) -> Generator[Line, None, None]:
        """The filtered log, oldest first, up to EXPORT_LIMIT entries; recorded before the first is given.

        `still`: whether the session lives and the statement is agreed; asked again every ASKED_EVERY lines.
        """
        authorise(actor, Permission.LOG_EXPORT)
        condition = _condition(actor.area, filters)
        with self._db.work() as work:
            found = work.session.scalar(select(func.count()).select_from(LogEntry).where(condition)) or 0
            work.record(actor, LogExported(rows=min(found, EXPORT_LIMIT), filters=filters.as_text()))
            work.commit()
        return _while(still, self._exported(actor.area, condition, min(found, EXPORT_LIMIT)))

    def _exported(self, area: str, condition: ColumnElement[bool], rows: int) -> Generator[Line, None, None]:
        query = select(LogEntry).where(condition).order_by(LogEntry.sequence).limit(rows)
        with self._db.reading() as session:
            names = _Names(session, area)
            with session.scalars(query.execution_options(yield_per=500)) as entries:
                for entry in entries:
                    yield self._line(session, entry, names, {})

    def _look(self, actor: Actor, page: str, filters: Filters) -> None:
        authorise(actor, Permission.LOG_READ)
        self._db.record(actor, LogRead(page=page, filters=filters.as_text()))

    def _lines(self, session: Session, area: str, entries: Sequence[LogEntry]) -> list[Line]:
        names = _Names(session, area)
        types = _document_types(session, [entry.document_id for entry in entries if entry.document_id])
        return [self._line(session, entry, names, types) for entry in entries]

    def _line(self, session: Session, entry: LogEntry, names: "_Names", types: Mapping[str, str]) -> Line:
        body = json.loads(entry.leaf)
        private = open_private(session, entry, self._vaults.open_log)
        fields = {name: value for name, value in body["fields"].items() if name not in _COLUMNS}
        return Line(
            sequence=entry.sequence,
            at=entry.at,
            person=names.people.get(
                entry.actor_id or "", "The hub itself" if body["role"] is None else "Unknown"
            ),
            person_id=entry.actor_id,
            agency=names.agencies.get(entry.agency_id or "", ""),
            event=entry.event,
            operation=entry.operation,
            outcome=entry.outcome,
            case=names.cases.get(entry.case_id or "", "no such case" if entry.case_id else ""),
            case_id=entry.case_id,
            document=types.get(entry.document_id or "", "document" if entry.document_id else ""),
            document_id=entry.document_id,
            reason=entry.reason,
            address=str(private["address"].value) if "address" in private else "",
            detail=_shown(fields, names),
        )


def _while(still: Callable[[], bool], lines: Generator[Line, None, None]) -> Generator[Line, None, None]:
    """Raises ExportCut, which drops the connection, when the right to the rest has gone."""
    with closing(lines):
        for number, line in enumerate(lines):
            if number % ASKED_EVERY == 0 and not still():
                raise ExportCut
            yield line


_COLUMNS = frozenset({"case", "document", "meeting", "reason"})


class _Names:
    """Ids of one area as names; three queries, however long the log."""

    def __init__(self, session: Session, area: str) -> None:
        self.people = pairs(
            session, select(Account.id, Account.name).where(Account.area_id == area).order_by(Account.name)
        )
        self.agencies = pairs(
            session, select(Agency.id, Agency.name).where(Agency.area_id == area).order_by(Agency.name)
        )
        self.cases = pairs(
            session, select(Case.id, Case.reference).where(Case.area_id == area).order_by(Case.reference)
        )


def _shown(fields: Mapping[str, Any], names: _Names) -> dict[str, Any]:
    """The other fields of an entry for people: an account by name, a list by its length."""
    shown: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, list):
            shown[name] = len(value)
        elif name == "subject" and value:
            shown[name] = names.people.get(value) or names.agencies.get(value) or value
        elif value not in (None, "") and name != "sha256":
            shown[name] = value
    return shown


def _condition(area: str, filters: Filters) -> ColumnElement[bool]:
    wanted = {
        LogEntry.actor_id: filters.person,
        LogEntry.agency_id: filters.agency,
        LogEntry.document_id: filters.document,
        LogEntry.event: filters.event,
        LogEntry.operation: filters.operation,
        LogEntry.outcome: filters.outcome,
    }
    conditions = [LogEntry.area_id == area, *(column == value for column, value in wanted.items() if value)]
    if filters.case:
        conditions.append(_of_case(filters.case))
    if filters.first:
        conditions.append(LogEntry.at >= _midnight(filters.first))
    if filters.last and filters.last < date.max:
        conditions.append(LogEntry.at < _midnight(filters.last + timedelta(days=1)))
    return and_(*conditions)


def _of_case(case: str) -> ColumnElement[bool]:
    """What is about the case, lists that named it among others included."""
    listed = and_(LogEntry.event == CasesListed.name, LogEntry.leaf.contains(f'"{case}"', autoescape=True))
    return or_(LogEntry.case_id == case, listed)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


def _by_day(session: Session, condition: ColumnElement[bool], first: date) -> list[tuple[date, int]]:
    """Entries counted by UTC day: the database cuts days, and no entry is counted twice."""
    day = func.date(LogEntry.at)
    query = select(day, func.count()).where(condition, LogEntry.at >= _midnight(first)).group_by(day)
    return [
        (found if isinstance(found, date) else date.fromisoformat(found), count)
        for found, count in session.execute(query)
    ]


def _document_types(session: Session, documents: list[str]) -> dict[str, str]:
    return pairs(session, select(Document.id, Document.type).where(Document.id.in_(documents)))


def _readings(session: Session, area: str, condition: ColumnElement[bool]) -> list[Reading]:
    def counted(event: str) -> Any:
        return func.count().filter(LogEntry.event == event)

    query = (
        select(
            LogEntry.actor_id,
            LogEntry.document_id,
            LogEntry.case_id,
            func.min(LogEntry.at),
            func.max(LogEntry.at),
            *(counted(event) for event in OPENINGS),
        )
        .where(
            LogEntry.area_id == area, LogEntry.event.in_(OPENINGS), LogEntry.actor_id.is_not(None), condition
        )
        .group_by(LogEntry.actor_id, LogEntry.document_id, LogEntry.case_id)
        .order_by(func.max(LogEntry.at).desc())
    )
    rows = session.execute(query).all()
    names, types = _Names(session, area), _document_types(session, [row[1] for row in rows])
    agencies = pairs(session, select(Account.id, Agency.name).join(Agency, Agency.id == Account.agency_id))
    return [_reading(row, names, types, agencies) for row in rows]


def _reading(row: Any, names: _Names, types: Mapping[str, str], agencies: Mapping[str, str]) -> Reading:
    person, document, case, first, last, pages, downloads, snippets = row
    return Reading(
        person=names.people.get(person, "Unknown"),
        person_id=person,
        agency=agencies.get(person, ""),
        document=types.get(document, "document"),
        document_id=document,
        case=names.cases.get(case, ""),
        first=first,
        last=last,
        pages=pages,
        downloads=downloads,
        snippets=snippets,
    )
