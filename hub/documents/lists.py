"""Documents in lists: of a case, new since a moment, for a meeting. The number of queries never depends on theirs.

These read inside the caller's session: the caller has authorised the case and records what it shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.permissions import Role
from hub.cases.model import Case
from hub.documents.access import visible_documents
from hub.documents.model import Document, DocumentVersion
from hub.documents.records import open_said
from hub.documents.rules import DOCUMENT_TYPES
from hub.people.model import Account, Agency
from hub.web.paging import PER_PAGE, Page, offset
from storage.vault import Vault

AT_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """One document in a list.

    `note` says why it cannot be searched, where that is so; `pages` None: not yet known;
    `own`: the reader uploaded its current version.
    """

    id: str
    title: str
    type: str
    owner: str
    uploader: str
    dated: date
    created_at: datetime
    changed_at: datetime
    version: int
    pages: int | None
    state: str
    note: str | None
    withdrawn: bool
    own: bool


class Listing:
    def in_case(
        self, session: Session, actor: Actor, vault: Vault, case: Case, page: int = 1
    ) -> Page[DocumentLine]:
        """What the actor may read of the case, last changed first."""
        total = session.scalars(_counted(actor, case)).one()
        query = _newest(actor, case).offset(offset(page)).limit(PER_PAGE)
        return Page(rows=_lines(actor, vault, session.execute(query).all()), number=page, total=total)

    def new_since(
        self, session: Session, actor: Actor, vault: Vault, case: Case, moment: datetime
    ) -> list[DocumentLine]:
        """What was added or changed after the moment, newest first, `AT_MOST` of them."""
        query = _newest(actor, case).where(Document.changed_at > moment).limit(AT_MOST)
        return _lines(actor, vault, session.execute(query).all())

    def issuable(self, session: Session, actor: Actor, vault: Vault, case: Case) -> list[DocumentLine]:
        """What could be issued to a meeting: nothing withdrawn; newest first, `AT_MOST` of them."""
        query = _newest(actor, case).where(Document.withdrawn_at.is_(None)).limit(AT_MOST)
        return _lines(actor, vault, session.execute(query).all())


def shown(actor: Actor) -> ColumnElement[bool]:
    """As `records.require_shown`, in SQL: withdrawn documents only for those who can restore them."""
    theirs = or_(Document.uploader_id == actor.account, Case.coordinator_id == actor.account)
    if actor.role is Role.PRACTITIONER:
        theirs = or_(theirs, Document.owner_id == actor.agency)
    return and_(visible_documents(actor), or_(Document.withdrawn_at.is_(None), theirs))


def _counted(actor: Actor, case: Case) -> Select[int]:
    query = select(func.count(Document.id)).select_from(Document).join(Case, Case.id == Document.case_id)
    return query.where(Document.case_id == case.id, shown(actor))


def _newest(actor: Actor, case: Case) -> Select[Document, int | None, str, str | None, str, str, str]:
    version = and_(DocumentVersion.document_id == Document.id, DocumentVersion.number == Document.current)
    return (
        select(
            Document,
            DocumentVersion.pages,
            DocumentVersion.text_state,
            DocumentVersion.note,
            Agency.name,
            Account.name,
            DocumentVersion.uploaded_by,
        )
        .join(Case, Case.id == Document.case_id)
        .join(DocumentVersion, version)
        .join(Agency, Agency.id == Document.owner_id)
        .join(Account, Account.id == Document.uploader_id)
        .where(Document.case_id == case.id, shown(actor))
        .order_by(Document.changed_at.desc(), Document.id)
    )


def _lines(
    actor: Actor, vault: Vault, rows: Sequence[Row[Document, int | None, str, str | None, str, str, str]]
) -> list[DocumentLine]:
    return [_line(actor, vault, row) for row in rows]


def _line(
    actor: Actor, vault: Vault, row: Row[Document, int | None, str, str | None, str, str, str]
) -> DocumentLine:
    document, pages, state, note, owner, uploader, by = row
    return DocumentLine(
        id=document.id,
        title=open_said(vault, document.id, document.sealed_details).title,
        type=DOCUMENT_TYPES.get(document.type, document.type),
        owner=owner,
        uploader=uploader,
        dated=document.dated,
        created_at=document.created_at,
        changed_at=document.changed_at,
        version=document.current,
        pages=pages,
        state=state,
        note=note,
        withdrawn=document.withdrawn_at is not None,
        own=by == actor.account,
    )
