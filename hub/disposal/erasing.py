"""What of a case is emptied in the rows, inside one unit of work. Rows keep ids, dates, codes and sizes.

Every binary column of a table that leads to a case is emptied, unless its table is named in `KEPT`: what a later
feature seals of a case goes with the case without anybody remembering it here.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, LargeBinary, Table, delete, func, select, update
from sqlalchemy.orm import Session

from hub.cases.model import Case, CaseMember
from hub.cases.sealed import open_nominal
from hub.db import Base
from hub.documents.model import Document, DocumentVersion, StagedFile, StoredObject, TextState
from hub.errors import NotHere
from hub.people.model import Account, HeldForm
from hub.search import language
from hub.search.model import AskedSearch, CaseShard, SavedSearch
from hub.search.shelves import forget_case
from hub.vaults import Vaults
from storage.errors import StorageError

KEPT = {
    "legal_hold": "why it was held: sealed under the area's key",
    "disposal_request": "why it was destroyed: sealed under the area's key",
    "break_glass": "why somebody opened it without standing to it: sealed under the area's key",
    "review_step": "what was asked and said about an access to it: sealed under the area's key",
}
KEY_COLUMNS = "key_"
"""How the columns of `case_` begin that hold a wrapping of the case's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there was. `kinds`: {kind of object: (how many, sealed bytes)}; `keys`: {column: SHA-256 in hex of the wrapped key}."""

    kinds: dict[str, tuple[int, int]]
    counts: dict[str, int]
    keys: dict[str, str]

    @property
    def objects(self) -> int:
        return sum(count for count, _ in self.kinds.values())

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.kinds.values())


def erase(session: Session, vaults: Vaults, case: Case) -> Found:
    """Empty everything sealed of the case, its key first; the caller commits."""
    found = Found(kinds=_kinds(session, case.id), counts=_counts(session, case.id), keys=_fingerprints(case))
    forms, searches = _forget_typed(session, vaults, case)
    found.counts.update(forms=forms, searches=searches)
    _empty_sealed(session, case.id)
    _remove_rows(session, case.id)
    _clear_texts(session, case.id)
    return found


def _kinds(session: Session, case: str) -> dict[str, tuple[int, int]]:
    query = (
        select(StoredObject.kind, func.count(), func.sum(StoredObject.sealed_size))
        .where(StoredObject.case_id == case)
        .group_by(StoredObject.kind)
        .order_by(StoredObject.kind)
    )
    return {kind: (count, int(size)) for kind, count, size in session.execute(query)}


def _counts(session: Session, case: str) -> dict[str, int]:
    versions = (
        select(func.count())
        .select_from(DocumentVersion)
        .where(_of_documents(DocumentVersion.document_id, case))
    )
    return {
        "documents": session.scalars(_counted(Document, case)).one(),
        "versions": session.scalars(versions).one(),
        "staged": session.scalars(_counted(StagedFile, case)).one(),
        "shards": session.scalars(_counted(CaseShard, case)).one(),
    }


def _counted(table: type[Document | StagedFile | CaseShard], case: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - SQLAlchemy's own type
    return select(func.count()).select_from(table).where(table.case_id == case)


def _fingerprints(case: Case) -> dict[str, str]:
    wrapped = {column.name: getattr(case, column.name) for column in _key_columns()}
    return {name: hashlib.sha256(data).hexdigest() for name, data in wrapped.items() if data}


def _key_columns() -> list[ColumnElement[bytes]]:
    return [column for column in _binary(_table(Case)) if column.name.startswith(KEY_COLUMNS)]


def _empty_sealed(session: Session, case: str) -> None:
    for table, condition in sealed_tables(case):
        values = {column.name: None if column.nullable else b"" for column in _binary(table)}
        session.execute(update(table).where(condition).values(**values))


def sealed_tables(case: str) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """The tables that hold something sealed of a case, with the condition for this one's rows."""
    for table in Base.metadata.sorted_tables:
        condition = _leads_to(table, case)
        if condition is not None and table.name not in KEPT and _binary(table):
            yield table, condition


def _leads_to(table: Table, case: str) -> ColumnElement[bool] | None:
    if table is _table(Case):
        return table.c.id == case
    for column in table.columns:
        targets = {key.target_fullname for key in column.foreign_keys}
        if "case_.id" in targets:
            return column == case
        if "document.id" in targets:
            return _of_documents(column, case)
    return None


def _of_documents(column: object, case: str) -> ColumnElement[bool]:
    return column.in_(select(Document.id).where(Document.case_id == case))  # type: ignore[attr-defined, no-any-return]


def _binary(table: Table) -> list[ColumnElement[bytes]]:
    return [column for column in table.columns if isinstance(column.type, LargeBinary)]


def _table(model: type[Base]) -> Table:
    return Base.metadata.tables[model.__tablename__]


def _remove_rows(session: Session, case: str) -> None:
    """What has no meaning without its content; the objects of received files go with them."""
    staged = list(session.scalars(select(StagedFile.object_id).where(StagedFile.case_id == case)))
    session.execute(delete(StagedFile).where(StagedFile.case_id == case))
    session.execute(delete(StoredObject).where(StoredObject.id.in_(staged)))
    forget_case(session, case)


def _clear_texts(session: Session, case: str) -> None:
    """Words that people or the reader wrote in clear; a version that still waits is never prepared."""
    versions = _of_documents(DocumentVersion.document_id, case)
    waiting = DocumentVersion.text_state == TextState.WAITING
    session.execute(update(CaseMember).where(CaseMember.case_id == case).values(duty=""))
    session.execute(update(Case).where(Case.id == case).values(key_spare_version=None))
    session.execute(update(DocumentVersion).where(versions).values(note=None, recogniser=None))
    session.execute(update(DocumentVersion).where(versions, waiting).values(text_state=TextState.NO_TEXT))


def _forget_typed(session: Session, vaults: Vaults, case: Case) -> tuple[int, int]:
    """How many unsent forms spoke of the case, and how many searches of the area were kept: both are removed.

    A kept search is a convenience of some hours and its words may be the nominal's name: none of the area's stays.
    """
    forms = _forms_about(session, vaults, case)
    session.execute(delete(HeldForm).where(HeldForm.id.in_(forms)))
    people = select(Account.id).where(Account.area_id == case.area_id)
    saved = _saved_about(session, vaults, case)
    session.execute(delete(SavedSearch).where(SavedSearch.id.in_(saved)))
    searches = list(session.scalars(select(AskedSearch.id).where(AskedSearch.account_id.in_(people))))
    session.execute(delete(AskedSearch).where(AskedSearch.account_id.in_(people)))
    return len(forms), len(searches) + len(saved)


def _forms_about(session: Session, vaults: Vaults, case: Case) -> list[str]:
    named = {
        case.id,
        case.reference,
        *session.scalars(select(Document.id).where(Document.case_id == case.id)),
    }
    query = select(HeldForm).join(Account, Account.id == HeldForm.account_id)
    held = session.scalars(query.where(Account.area_id == case.area_id)).all()
    return [
        form.id
        for form in held
        if any(one in form.path + _typed(session, vaults, case, form) for one in named)
    ]


def _saved_about(session: Session, vaults: Vaults, case: Case) -> list[str]:
    """Saved searches that name the case or a word of its nominal's names; all of the area's once those cannot be read."""
    people = select(Account.id).where(Account.area_id == case.area_id)
    saved = session.scalars(select(SavedSearch).where(SavedSearch.account_id.in_(people))).all()
    try:
        nominal = open_nominal(vaults.of(session, case), case)
    except (NotHere, StorageError, ValueError):
        return [one.id for one in saved]
    named = language.words(language.clean(" ".join((nominal.name, *nominal.aliases))))
    box = vaults.box(session, case.area_id, "search")
    texts = {one.id: box.open(one.sealed_form, one.id, one.account_id).decode() for one in saved}
    return [
        id_
        for id_, text in texts.items()
        if case.id in text
        or case.reference in text
        or named & language.words(language.clean(str(json.loads(text))))
    ]


def _typed(session: Session, vaults: Vaults, case: Case, form: HeldForm) -> str:
    """What was typed; of a form that does not open nothing can be told but its path."""
    try:
        plain = vaults.box(session, case.area_id, "held").open(form.sealed_fields, form.id, form.account_id)
    except StorageError:
        return ""
    return json.dumps(json.loads(plain), ensure_ascii=False)
