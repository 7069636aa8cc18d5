"""How the reading of files fares: for who runs the service, nothing of any document; for coordinators, what search misses."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission
from hub.cases.model import Case
from hub.documents.access import visible_documents
from hub.documents.model import Document, DocumentVersion, TextState
from hub.documents.reader import Guard
from hub.documents.records import Part
from hub.documents.rules import DOCUMENT_TYPES
from hub.ledger.events import CasesListed
from hub.people.model import Agency
from hub.web.paging import PER_PAGE, Page, offset

_UNREAD = or_(
    DocumentVersion.text_state.in_([TextState.NO_TEXT, TextState.FAILED]), DocumentVersion.unread > 0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadLine:
    """A document that search cannot find, or not all of; `note` is the sentence that says why. No title: the case names it."""

    document: str
    case: str
    reference: str
    type: str
    owner: str
    dated: date
    failed: bool
    note: str


class Health(Part):
    def guards(self, actor: Actor) -> tuple[Guard, ...]:
        """Which limits this machine enforces on the process that reads files; starts it if need be."""
        authorise(actor, Permission.SERVICE_STATUS)
        return self._reader.guards()

    def recogniser(self, actor: Actor) -> str:
        """What recognises text in pictures on this machine, with its version and languages; empty for nothing."""
        authorise(actor, Permission.SERVICE_STATUS)
        return self._reader.recogniser()

    def unread(self, actor: Actor) -> dict[str, int]:
        """How many versions of the area wait to be prepared, how many could not be, and (`in part`) not all of."""
        authorise(actor, Permission.SERVICE_STATUS)
        partly = and_(DocumentVersion.text_state == TextState.READY, DocumentVersion.unread > 0)
        of_area = (
            select(DocumentVersion.text_state, func.count())
            .join(Document, Document.id == DocumentVersion.document_id)
            .join(Case, Case.id == Document.case_id)
            .where(Case.area_id == actor.area)
            .group_by(DocumentVersion.text_state)
        )
        with self._db.reading() as session:
            counts = _by_state(session, of_area)
            in_part = _by_state(session, of_area.where(partly))
        return {state.value: counts.get(state, 0) for state in TextState} | {"in part": sum(in_part.values())}

    def unread_count(self, actor: Actor) -> int:
        """For a badge: documents of the actor's cases of which search misses something."""
        authorise(actor, Permission.CASE_CHANGE)
        with self._db.reading() as session:
            return session.scalars(_missed(actor).with_only_columns(func.count(Document.id))).one()

    def unread_documents(self, actor: Actor, page: int = 1) -> Page[UnreadLine]:
        """Those documents, last changed first."""
        authorise(actor, Permission.CASE_CHANGE)
        query = (
            _missed(actor)
            .with_only_columns(Document, DocumentVersion, Case, Agency.name)
            .join(Agency, Agency.id == Document.owner_id)
            .order_by(Document.changed_at.desc(), Document.id)
        )
        with self._db.reading() as session:
            found = session.execute(query.offset(offset(page)).limit(PER_PAGE)).all()
            rows = [_line(document, version, case, owner) for document, version, case, owner in found]
        total = self.unread_count(actor)
        self._db.record(actor, CasesListed(cases=tuple(sorted({row.case for row in rows}))))
        return Page(rows=rows, number=page, total=total)


def _by_state(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(query)}


def _missed(actor: Actor) -> Select[str]:
    """Ids of documents of the actor's cases of whose current version search misses something."""
    current = and_(DocumentVersion.document_id == Document.id, DocumentVersion.number == Document.current)
    return (
        select(Document.id)
        .join(Case, Case.id == Document.case_id)
        .join(DocumentVersion, current)
        .where(Case.coordinator_id == actor.account, visible_documents(actor))
        .where(Document.withdrawn_at.is_(None), _UNREAD)
    )


def _line(document: Document, version: DocumentVersion, case: Case, owner: str) -> UnreadLine:
    return UnreadLine(
        document=document.id,
        case=case.id,
        reference=case.reference,
        type=DOCUMENT_TYPES.get(document.type, document.type),
        owner=owner,
        dated=document.dated,
        failed=version.text_state == TextState.FAILED,
        note=version.note or "",
    )
