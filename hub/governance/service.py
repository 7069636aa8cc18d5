"""The access log as information governance reads it: ids become names, nothing of a case's content is opened.

* A document is known by its type and id, a case by its reference: titles and nominals stay sealed.
* Every look is itself an entry, committed before anything is shown; so is every export.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission
from hub.cases.model import Case
from hub.clock import LONDON, Clock
from hub.db import Database
from hub.documents.model import Document
from hub.errors import NotHere
from hub.governance import entries, figures, receipts
from hub.governance.entries import Entries, Line, Names, Teller, Turn
from hub.governance.figures import DayFigures, SeenPage, Unopened
from hub.governance.receipts import Receipts
from hub.governance.rules import Counts, Filters, Peer, buckets
from hub.ledger.events import LogExported, LogRead, ReceiptMade
from hub.ledger.model import LogEntry
from hub.people.model import Account, Agency
from hub.vaults import Vaults

EXPORT_LIMIT = 100_000
ASKED_EVERY = 200
"""Lines of an export between two looks at whether it may still go on; fewer than 100 kB."""
COMPARED = timedelta(days=27)
"""Four weeks, with their last day: over which people and agencies are compared."""
Series = Sequence[tuple[str, int]]


class ExportCut(Exception):  # noqa: N818 - tells the server to drop the connection
    """The rest of the export is not handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """`series` empty where the filters ask for something that no sum of days knows."""

    page: Entries
    series: Series
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresPage:
    first: date
    last: date
    days: DayFigures
    entries: Series
    unexpected: Series
    refused: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    reference: str
    seen: SeenPage


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPage:
    type: str
    reference: str
    case: str
    seen: SeenPage
    issued: bool
    unopened: Sequence[Unopened]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """`peer` None: they opened nothing in the last four weeks."""

    name: str
    agency: str
    agency_id: str
    documents: SeenPage
    cases: SeenPage
    series: Series
    peer: Peer | None
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyPage:
    name: str
    people: Sequence[Peer]
    supplied: SeenPage
    series: Series
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """{id: name} for the filters."""

    people: Mapping[str, str]
    agencies: Mapping[str, str]
    cases: Mapping[str, str]


class GovernanceService:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults) -> None:
        self._db, self._clock, self._vaults = db, clock, vaults

    def overview(self, actor: Actor, filters: Filters, turn: Turn | None = None) -> Overview:
        """One page of the log, newest first, and its chart over time."""
        self._look(actor, "log", filters)
        first, last = self._span(filters)
        with self._db.reading() as session:
            numbers, older, newer = entries.page_of(session, actor.area, filters, turn or Turn())
            rows = entries.lines(session, actor.area, numbers, self._vaults.open_log)
            series: Series = []
            if filters.person or filters.agency:
                days = figures.accesses_by_day(
                    session, actor.area, (first, last), account=filters.person, agency=filters.agency
                )
            else:
                days = figures.entries_by_day(
                    session, actor.area, (first, last), filters.event, filters.outcome
                )
            if not (filters.case or filters.document or filters.unexpected):
                series = buckets(days, first, last)
        page = Entries(rows=rows, older=older, newer=newer)
        return Overview(page=page, series=series, first=first, last=last)

    def _span(self, filters: Filters) -> tuple[date, date]:
        today = self._today()
        last = min(filters.last or today, today)
        return min(filters.first or last - timedelta(days=365), last), last

    def figures(self, actor: Actor, filters: Filters) -> FiguresPage:
        """The whole log in figures: by day, what was done, what was unexpected, what was refused."""
        self._look(actor, "figures", filters)
        first, last = self._span(filters)
        with self._db.reading() as session:
            days = figures.day_figures(session, actor.area, first, last)
        return FiguresPage(
            first=first,
            last=last,
            days=days,
            entries=buckets(days.by_day, first, last),
            unexpected=buckets(days.unexpected_by_day, first, last),
            refused=buckets(days.refused_by_day, first, last),
        )

    def case(self, actor: Actor, case: str, before: int = 0) -> CasePage:
        """Who has seen this case, and how much of it."""
        self._look(actor, "case", Filters(case=case))
        with self._db.reading() as session:
            row = session.get(Case, case)
            if row is None or row.area_id != actor.area:
                raise NotHere(permission=Permission.LOG_READ, why="absent", case=case)
            return CasePage(reference=row.reference, seen=figures.seen_of_case(session, case, before))

    def document(self, actor: Actor, document: str, before: int = 0) -> DocumentPage:
        """Who has seen this document, when, and to whom it was issued who have not."""
        self._look(actor, "document", Filters(document=document))
        with self._db.reading() as session:
            row = session.get(Document, document)
            case = session.get(Case, row.case_id) if row else None
            if row is None or case is None or case.area_id != actor.area:
                raise NotHere(permission=Permission.LOG_READ, why="absent", document=document)
            return DocumentPage(
                type=row.type,
                reference=case.reference,
                case=case.id,
                seen=figures.seen_of_document(session, document, before),
                issued=figures.is_issued(session, document),
                unopened=figures.unopened(session, document),
            )

    def person(self, actor: Actor, account: str, before: int = 0) -> PersonPage:
        """What this person has seen, beside the average of their peers."""
        self._look(actor, "person", Filters(person=account))
        first, last = self._lately()
        with self._db.reading() as session:
            row = session.get(Account, account)
            if row is None or row.area_id != actor.area:
                raise NotHere(permission=Permission.LOG_READ, why="absent")
            days = figures.accesses_by_day(session, actor.area, (first, last), account=account)
            found = figures.peers(session, actor.area, first, last)
            return PersonPage(
                name=row.name,
                agency=session.get_one(Agency, row.agency_id).name,
                agency_id=row.agency_id,
                documents=figures.seen_by_person(session, account, before),
                cases=figures.cases_seen_by(session, account),
                series=buckets(days, first, last),
                peer=next((peer for peer in found if peer.id == account), None),
                first=first,
                last=last,
            )

    def agencies(self, actor: Actor) -> Sequence[tuple[str, str, Counts]]:
        """(id, name, what its people did in four weeks) of every agency."""
        self._look(actor, "agency", Filters())
        with self._db.reading() as session:
            return figures.agencies(session, actor.area, *self._lately())

    def agency(self, actor: Actor, agency: str, before: int = 0) -> AgencyPage:
        """What an agency's people did, and who has seen what it supplied."""
        self._look(actor, "agency", Filters(agency=agency))
        first, last = self._lately()
        with self._db.reading() as session:
            row = session.get(Agency, agency)
            if row is None or row.area_id != actor.area:
                raise NotHere(permission=Permission.LOG_READ, why="absent")
            days = figures.accesses_by_day(session, actor.area, (first, last), agency=agency)
            return AgencyPage(
                name=row.name,
                people=figures.peers(session, actor.area, first, last, agency=agency),
                supplied=figures.seen_of_agency(session, agency, before),
                series=buckets(days, first, last),
                first=first,
                last=last,
            )

    def peers(self, actor: Actor) -> Sequence[Peer]:
        """Everybody of the last four weeks beside the average of the others in their role; who stands out comes first."""
        self._look(actor, "peers", Filters())
        with self._db.reading() as session:
            found = figures.peers(session, actor.area, *self._lately())
        return sorted(found, key=lambda peer: not peer.stands_out_at_all)

    def receipts(self, actor: Actor, account: str, case: str = "") -> Receipts:
        """What this person accepted and read, of one case or of all, for a court. On record before it is handed out."""
        authorise(actor, Permission.LOG_EXPORT)
        with self._db.work() as work:
            found = receipts.gather(work.session, actor.area, account, case)
            last = work.session.scalar(
                select(func.max(LogEntry.sequence)).where(LogEntry.area_id == actor.area)
            )
            work.record(actor, ReceiptMade(subject=account, from_entry=1, to_entry=last or 0))
            work.commit()
        return found

    def choices(self, actor: Actor) -> Choices:
        authorise(actor, Permission.LOG_READ)
        with self._db.reading() as session:
            names = Names(session, actor.area)
            return Choices(people=names.people, agencies=names.agencies, cases=names.cases)

    def exportable(self, actor: Actor) -> Choices:
        """As `choices`, shown to somebody who is about to export the log with its proofs."""
        self._db.record(actor, LogRead(page="proofs", filters=""))
        return self.choices(actor)

    def export(
        self, actor: Actor, filters: Filters, still: Callable[[], bool]
    ) -> Generator[Line, None, None]:
        """The filtered log, oldest first, up to EXPORT_LIMIT entries; recorded before the first is given.

        `still`: whether the session lives and the statement is agreed; asked again every ASKED_EVERY lines.
        """
        authorise(actor, Permission.LOG_EXPORT)
        with self._db.work() as work:
            condition = entries.exported(work.session, actor.area, filters)
            first = select(LogEntry.sequence).where(condition).limit(EXPORT_LIMIT).subquery()
            found = work.session.scalar(select(func.count()).select_from(first)) or 0
            work.record(actor, LogExported(rows=found, filters=filters.as_text()))
            work.commit()
        return _while(still, self._exported(actor.area, filters, found))

    def _exported(self, area: str, filters: Filters, rows: int) -> Generator[Line, None, None]:
        with self._db.reading() as session:
            condition = entries.exported(session, area, filters)
            query = select(LogEntry).where(condition).order_by(LogEntry.sequence).limit(rows)
            teller = Teller(session, area, self._vaults.open_log)
            with session.scalars(query.execution_options(yield_per=500)) as found:
                for some in found.partitions():
                    teller.prepare(some)
                    yield from map(teller.line, some)

    def _look(self, actor: Actor, page: str, filters: Filters) -> None:
        authorise(actor, Permission.LOG_READ)
        self._db.record(actor, LogRead(page=page, filters=filters.as_text()))

    def _lately(self) -> tuple[date, date]:
        today = self._today()
        return today - COMPARED, today

    def _today(self) -> date:
        return self._clock().astimezone(LONDON).date()


def _while(still: Callable[[], bool], lines: Generator[Line, None, None]) -> Generator[Line, None, None]:
    """Raises ExportCut, which drops the connection, when the right to the rest has gone."""
    with closing(lines):
        for number, line in enumerate(lines):
            if number % ASKED_EVERY == 0 and not still():
                raise ExportCut
            yield line
