"""Who has read what one's own agency supplied, or one uploaded, with the days: the owner answers for it (rule 16)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission, Role
from hub.cases.model import Case
from hub.clock import Clock, london_date
from hub.db import Database
from hub.documents.access import visible_documents
from hub.documents.model import Document
from hub.documents.records import open_said
from hub.governance.entries import PER_PAGE
from hub.governance.model import DocumentReader
from hub.ledger.events import DownloadStarted, PageViewed, ReadersViewed
from hub.ledger.model import LogEntry
from hub.people.model import Account, Agency
from hub.vaults import Vaults

READERS = Permission.DOCUMENT_READERS
LATELY = timedelta(days=7)
DAYS = 40
"""Days told of one reader; older ones are in their first and their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppliedLine:
    """One person and one document. `days`: on which they opened it, newest first, `DAYS` at most."""

    document: str
    title: str
    case: str
    person: str
    agency: str
    first: datetime
    last: datetime
    last_entry: int
    pages: int
    downloads: int
    days: Sequence[date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    rows: Sequence[SuppliedLine]
    older: int | None


class SuppliedService:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults) -> None:
        self._db, self._clock, self._vaults = db, clock, vaults

    def lately(self, actor: Actor) -> int:
        """How many others opened something of the actor's in the last seven days."""
        authorise(actor, READERS)
        query = (
            select(func.count(DocumentReader.account_id.distinct()))
            .join(Document, Document.id == DocumentReader.document_id)
            .join(Case, Case.id == Document.case_id)
            .where(_theirs(actor), DocumentReader.last_at > self._clock() - LATELY, _opened())
        )
        with self._db.reading() as session:
            return session.scalar(query) or 0

    def readers(self, actor: Actor, before: int = 0) -> Supplied:
        """Newest first; on record, document by document, before it is shown."""
        authorise(actor, READERS)
        query = (
            select(DocumentReader, Document, Case, Account.name, Agency.name)
            .join(Document, Document.id == DocumentReader.document_id)
            .join(Case, Case.id == Document.case_id)
            .join(Account, Account.id == DocumentReader.account_id)
            .join(Agency, Agency.id == Account.agency_id)
            .where(_theirs(actor), _opened(), Case.key_wrapped.is_not(None))
        )
        if before:
            query = query.where(DocumentReader.last < before)
        with self._db.work() as work:
            found = work.session.execute(query.order_by(DocumentReader.last.desc()).limit(PER_PAGE + 1)).all()
            rows = [self._line(work.session, actor.area, row) for row in found[:PER_PAGE]]
            for document, case in {(row[1].id, row[2].id) for row in found[:PER_PAGE]}:
                work.record(actor, ReadersViewed(case=case, document=document))
            work.commit()
        return Supplied(rows=rows, older=rows[-1].last_entry if len(found) > PER_PAGE else None)

    def _line(self, session: Session, area: str, row: Any) -> SuppliedLine:
        sums, document, case, person, agency = row
        said = open_said(self._vaults.of(session, case), document.id, document.sealed_details)
        return SuppliedLine(
            document=document.id,
            title=said.title,
            case=case.reference,
            person=person,
            agency=agency,
            first=sums.first_at,
            last=sums.last_at,
            last_entry=sums.last,
            pages=sums.pages,
            downloads=sums.downloads,
            days=_days(session, area, document.id, sums.account_id),
        )


def _theirs(actor: Actor) -> ColumnElement[bool]:
    """What they uploaded, and as a practitioner what their agency owns; only what they may still read; others' reading.

    What is open to them by break-glass alone is for reading: of its readers they are told nothing.
    """
    own = Document.uploader_id == actor.account
    if actor.role is Role.PRACTITIONER:
        own = or_(own, Document.owner_id == actor.agency)
    return and_(
        own,
        visible_documents(replace(actor, glass=frozenset())),
        Document.withdrawn_at.is_(None),
        DocumentReader.account_id != actor.account,
    )


def _opened() -> ColumnElement[bool]:
    return DocumentReader.pages + DocumentReader.downloads > 0


def _days(session: Session, area: str, document: str, account: str) -> list[date]:
    query = (
        select(LogEntry.at)
        .where(LogEntry.area_id == area, LogEntry.document_id == document, LogEntry.actor_id == account)
        .where(LogEntry.event.in_((PageViewed.name, DownloadStarted.name)))
        .order_by(LogEntry.sequence.desc())
        .limit(2000)
    )
    return sorted({london_date(at) for at in session.scalars(query)}, reverse=True)[:DAYS]
