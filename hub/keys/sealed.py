"""Every sealed column of the database in one list: what a rotation must seal again, and how each is bound.

A column of bytes that is neither here nor in `EXEMPT`, with its reason, fails a test.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, select

from hub.cases.model import Case, CaseChange, CaseExclusion
from hub.db import Base
from hub.documents.model import Document, DocumentVersion, StagedFile, StoredObject
from hub.ledger.model import LogSigner
from hub.people.model import Account, HeldForm
from hub.search.model import AskedSearch, CaseShard, SavedSearch
from storage.errors import Tampered
from storage.receipts import Receipt
from storage.vault import FieldBox, SealedObject, Vault

Named = Callable[[Any], tuple[str | int, ...]]
"""A row -> what its sealed value names, beside the case or the area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """From one case key to the next: `new` opens with the next alone. `receipt` covers every object of the case."""

    old: Vault
    new: Vault
    receipt: Receipt | None


class CaseValue(Protocol):
    def is_new(self, turn: Turn, row: Any, sealed: bytes) -> bool:
        """Whether the value opens under the next key alone."""
        ...

    def again(self, turn: Turn, row: Any, sealed: bytes) -> bytes:
        """The value under the next key; raises Tampered or WrongKey when the old one does not open it either."""
        ...


@dataclass(frozen=True, slots=True)
class _Field:
    field: str
    row: Callable[[Any], str]

    def is_new(self, turn: Turn, row: Any, sealed: bytes) -> bool:
        return _opens(lambda: turn.new.open_field(self.field, self.row(row), sealed))

    def again(self, turn: Turn, row: Any, sealed: bytes) -> bytes:
        plain = turn.old.open_field(self.field, self.row(row), sealed)
        return turn.new.seal_field(self.field, self.row(row), plain)


@dataclass(frozen=True, slots=True)
class _Blob:
    kind: str

    def is_new(self, turn: Turn, row: CaseShard, sealed: bytes) -> bool:
        return _opens(lambda: turn.new.open_blob(self.kind, row.name, row.version, sealed))

    def again(self, turn: Turn, row: CaseShard, sealed: bytes) -> bytes:
        plain = turn.old.open_blob(self.kind, row.name, row.version, sealed)
        return turn.new.seal_blob(self.kind, row.name, row.version, plain)


class _ObjectKey:
    def is_new(self, turn: Turn, row: StoredObject, sealed: bytes) -> bool:
        return turn.new.holds_key(_record(row, sealed))

    def again(self, turn: Turn, row: StoredObject, sealed: bytes) -> bytes:
        if turn.receipt is None:
            raise ValueError("an object's key is wrapped again with a receipt")
        return turn.old.rewrap(_record(row, sealed), turn.receipt, turn.new).wrapped_key


def _record(row: StoredObject, wrapped: bytes) -> SealedObject:
    """Enough of it to move its key."""
    return SealedObject(
        object_id=row.id,
        kind=row.kind,
        version=row.version,
        size=row.size,
        sha256="",
        sealed_size=row.sealed_size,
        sealed_sha256=row.sealed_sha256,
        wrapped_key=wrapped,
        name=row.name,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCase:
    """A table with values sealed under case keys; `rows`: case id -> its rows."""

    model: type[Base]
    rows: Callable[[str], ColumnElement[bool]]
    values: Mapping[str, CaseValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfArea:
    """A table with a value sealed in a box of the area; `rows`: area id -> its rows."""

    model: type[Base]
    rows: Callable[[str], ColumnElement[bool]]
    column: str
    purpose: str
    named: Named

    def is_new(self, box: FieldBox, row: Any, sealed: bytes) -> bool:
        return _opens(lambda: box.open(sealed, *self.named(row)))

    def again(self, old: FieldBox, new: FieldBox, row: Any, sealed: bytes) -> bytes:
        return new.seal(old.open(sealed, *self.named(row)), *self.named(row))


def _opens(opening: Callable[[], bytes]) -> bool:
    with contextlib.suppress(Tampered):
        opening()
        return True
    return False


def _id(row: Any) -> str:
    return str(row.id)


def _of_documents(case: str) -> ColumnElement[bool]:
    return DocumentVersion.document_id.in_(select(Document.id).where(Document.case_id == case))


def _accounts(area: str) -> Select[str]:
    return select(Account.id).where(Account.area_id == area)


CASE_TABLES: tuple[OfCase, ...] = (
    OfCase(
        model=StoredObject,
        rows=lambda case: StoredObject.case_id == case,
        values={"wrapped_key": _ObjectKey(), "sha256": _Field("sha256", _id)},
    ),
    OfCase(model=Case, rows=lambda case: Case.id == case, values={"sealed_nominal": _Field("nominal", _id)}),
    OfCase(
        model=CaseExclusion,
        rows=lambda case: CaseExclusion.case_id == case,
        values={"sealed_reason": _Field("exclusion", lambda row: row.case_id + row.account_id)},
    ),
    OfCase(
        model=CaseChange,
        rows=lambda case: CaseChange.case_id == case,
        values={"sealed_reason": _Field("change", _id)},
    ),
    OfCase(
        model=Document,
        rows=lambda case: Document.case_id == case,
        values={"sealed_details": _Field("details", _id)},
    ),
    OfCase(
        model=DocumentVersion,
        rows=_of_documents,
        values={"sealed_file_name": _Field("file name", lambda row: f"{row.document_id}.{row.number}")},
    ),
    OfCase(
        model=StagedFile,
        rows=lambda case: StagedFile.case_id == case,
        values={"sealed_file_name": _Field("staged name", _id)},
    ),
    OfCase(
        model=CaseShard,
        rows=lambda case: CaseShard.case_id == case,
        values={
            "sealed_scan": _Blob("shard scan"),
            "sealed_positions": _Blob("shard positions"),
            "sealed_words": _Blob("shard words"),
        },
    ),
)

AREA_TABLES: tuple[OfArea, ...] = (
    OfArea(
        model=Account,
        rows=lambda area: Account.area_id == area,
        column="totp_sealed",
        purpose="totp",
        named=lambda row: (row.id,),
    ),
    OfArea(
        model=HeldForm,
        rows=lambda area: HeldForm.account_id.in_(_accounts(area)),
        column="sealed_fields",
        purpose="held",
        named=lambda row: (row.id, row.account_id),
    ),
    OfArea(
        model=AskedSearch,
        rows=lambda area: AskedSearch.account_id.in_(_accounts(area)),
        column="sealed_form",
        purpose="search",
        named=lambda row: (row.id,),
    ),
    OfArea(
        model=SavedSearch,
        rows=lambda area: SavedSearch.account_id.in_(_accounts(area)),
        column="sealed_form",
        purpose="search",
        named=lambda row: (row.id, row.account_id),
    ),
    OfArea(
        model=LogSigner,
        rows=lambda area: LogSigner.area_id == area,
        column="sealed_seed",
        purpose="checkpoint",
        named=lambda row: ("seed",),  # noqa: ARG005 - one for each area
    ),
)

_OWN = "a wrapped key: the rotation's own matter"
_HASH = "a hash or a public key, not sealed"
_KEPT = "on record for good: the area keeps the key of its purpose"

EXEMPT: Mapping[str, str] = {
    "area.key_wrapped": _OWN,
    "area.key_spare_wrapped": _OWN,
    "area_purpose_key.wrapped": _OWN,
    "case_.key_wrapped": _OWN,
    "case_.key_spare_wrapped": _OWN,
    "log_entry.sealed": _KEPT,
    "log_entry.leaf_hash": _HASH,
    "log_head.frontier": _HASH,
    "log_case_head.head": _HASH,
    "log_checkpoint.frontier": _HASH,
    "log_signer.public_key": _HASH,
    "break_glass.sealed_why": _KEPT,
    "review_step.sealed_text": _KEPT,
    "legal_hold.sealed_reason": _KEPT,
    "legal_hold.sealed_lifting": _KEPT,
    "disposal_request.sealed_reason": _KEPT,
    "disposal_request.sealed_decision": _KEPT,
}
