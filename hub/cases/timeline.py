"""What happened in a case, newest first: its changes, its documents' versions, its meetings.

Documents appear to those who may see them and to nobody else; a meeting once its hour has come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, String, cast, func, literal, select, true, union_all
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.permissions import Role
from hub.cases.model import Case, CaseChange
from hub.cases.rules import Criterion
from hub.cases.sealed import open_because
from hub.documents.access import CANCELLED
from hub.documents.lists import shown
from hub.documents.model import Document, DocumentVersion
from hub.documents.records import open_said
from hub.ids import is_id
from hub.meetings.model import Meeting, MeetingCase
from hub.people.model import Account, Agency
from hub.web.paging import PER_PAGE, Page, offset
from storage.vault import Vault

EXCLUSIONS = ("exclusion added", "exclusion lifted")


class Kind(StrEnum):
    CHANGE = "change"
    DOCUMENT = "document"
    MEETING = "meeting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line. `what` is a change's code, a document's type or a meeting's place; `id` leads to it.

    `before` and `after` belong to a change, `title` and `number` (its version) to a document,
    `level` and `locality` to a meeting.
    """

    at: datetime
    kind: Kind
    id: str
    what: str
    by: str = ""
    title: str = ""
    number: int = 0
    before: str = ""
    after: str = ""
    reason: str = ""
    criteria: tuple[Criterion, ...] = ()
    level: int = 0
    locality: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose view of which case; `since`: only what came after, and not by the reader."""

    actor: Actor
    case: Case
    now: datetime
    since: datetime | None = None


def timeline(
    session: Session, vault: Vault, scope: Scope, number: int = 1, per_page: int = PER_PAGE
) -> Page[Happening]:
    """Seven queries, however long the history."""
    found = _all(scope).subquery()
    total = session.scalar(select(func.count()).select_from(found)) or 0
    order = (found.c.at.desc(), found.c.kind, found.c.id, found.c.number.desc())
    keys = session.execute(
        select(found).order_by(*order).limit(per_page).offset(offset(number, per_page))
    ).all()
    lines = _changes(session, vault, keys) | _documents(session, vault, keys) | _meetings(session, keys)
    rows = [lines[Kind(key.kind), key.id, key.number] for key in keys]
    return Page(rows=rows, number=number, total=total, per_page=per_page)


def shown_changes(actor: Actor) -> ColumnElement[bool]:
    """Who is kept from a case, and when, is for its coordinator alone."""
    return true() if actor.role is Role.COORDINATOR else CaseChange.what.not_in(EXCLUSIONS)


Lines = dict[tuple[Kind, str, int], Happening]


def _all(scope: Scope) -> Any:
    changes = _keys(CaseChange.at, Kind.CHANGE, CaseChange.id).where(
        CaseChange.case_id == scope.case.id, shown_changes(scope.actor)
    )
    documents = (
        _keys(DocumentVersion.uploaded_at, Kind.DOCUMENT, Document.id, DocumentVersion.number)
        .join(Document, Document.id == DocumentVersion.document_id)
        .join(Case, Case.id == Document.case_id)
        .where(Document.case_id == scope.case.id, shown(scope.actor))
    )
    meetings = (
        _keys(Meeting.starts_at, Kind.MEETING, Meeting.id)
        .join(MeetingCase, MeetingCase.meeting_id == Meeting.id)
        .where(
            MeetingCase.case_id == scope.case.id, Meeting.state != CANCELLED, Meeting.starts_at <= scope.now
        )
    )
    if scope.since is not None:
        changes = changes.where(CaseChange.by_id.is_distinct_from(scope.actor.account))
        documents = documents.where(DocumentVersion.uploaded_by != scope.actor.account)
    parts = {CaseChange.at: changes, DocumentVersion.uploaded_at: documents, Meeting.starts_at: meetings}
    return union_all(*(_since(query, at, scope.since) for at, query in parts.items()))


def _keys(at: Any, kind: Kind, id_: Any, number: Any = None) -> Select[Any]:
    numbered = literal(0, Integer) if number is None else number
    return select(
        at.label("at"),
        cast(literal(kind.value), String(10)).label("kind"),
        id_.label("id"),
        numbered.label("number"),
    )


def _since(query: Select[Any], at: Any, since: datetime | None) -> Select[Any]:
    return query if since is None else query.where(at > since)


def _ids(keys: Sequence[Any], kind: Kind) -> list[str]:
    return [key.id for key in keys if key.kind == kind]


def _changes(session: Session, vault: Vault, keys: Sequence[Any]) -> Lines:
    query = (
        select(CaseChange, Account.name)
        .outerjoin(Account, Account.id == CaseChange.by_id)
        .where(CaseChange.id.in_(_ids(keys, Kind.CHANGE)))
    )
    rows = session.execute(query).all()
    names = _names(session, {text for row, _ in rows for text in (row.before, row.after) if is_id(text)})
    return {(Kind.CHANGE, row.id, 0): _change(vault, row, name, names) for row, name in rows}


def _names(session: Session, ids: set[str]) -> dict[str, str]:
    """Of the agencies and people that a change is about."""
    agencies = session.execute(select(Agency.id, Agency.name).where(Agency.id.in_(ids)))
    people = session.execute(select(Account.id, Account.name).where(Account.id.in_(ids)))
    return {id_: name for rows in (agencies, people) for id_, name in rows}


def _change(vault: Vault, row: CaseChange, name: str | None, names: dict[str, str]) -> Happening:
    because = open_because(vault, row)
    return Happening(
        at=row.at,
        kind=Kind.CHANGE,
        id=row.id,
        what=row.what,
        by=name or "",
        before=names.get(row.before, row.before),
        after=names.get(row.after, row.after),
        reason=because.reason,
        criteria=because.criteria,
    )


def _documents(session: Session, vault: Vault, keys: Sequence[Any]) -> Lines:
    query = (
        select(DocumentVersion, Document, Account.name)
        .join(Document, Document.id == DocumentVersion.document_id)
        .join(Account, Account.id == DocumentVersion.uploaded_by)
        .where(Document.id.in_(_ids(keys, Kind.DOCUMENT)))
    )
    return {
        (Kind.DOCUMENT, document.id, version.number): Happening(
            at=version.uploaded_at,
            kind=Kind.DOCUMENT,
            id=document.id,
            what=document.type,
            by=name,
            title=open_said(vault, document.id, document.sealed_details).title,
            number=version.number,
        )
        for version, document, name in session.execute(query)
    }


def _meetings(session: Session, keys: Sequence[Any]) -> Lines:
    rows = session.scalars(select(Meeting).where(Meeting.id.in_(_ids(keys, Kind.MEETING))))
    return {
        (Kind.MEETING, row.id, 0): Happening(
            at=row.starts_at,
            kind=Kind.MEETING,
            id=row.id,
            what=row.place,
            level=row.level,
            locality=row.locality,
        )
        for row in rows
    }
