"""The whole of what is stored held against the rows, in batches: memory does not grow with the number of objects.

Nothing that a row names is ever removed, and no row either. `repair` removes orphans that were seen twice an hour
apart (what is being uploaded has no row yet), what writers left behind, and has documents indexed again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access.actor import program
from hub.cases.model import Case
from hub.db import Database
from hub.documents.model import Document, DocumentVersion, StagedFile, StoredObject, TextState
from hub.documents.objects import sealed_object
from hub.errors import NotHere
from hub.integrity.findings import Depth, Fault, Finding
from hub.ledger.events import ObjectsChecked
from hub.search.model import CaseShard
from hub.search.shelves import held
from hub.vaults import Vaults
from storage.errors import NotFound, StorageError, Tampered, WrongKey
from storage.receipts import Receipt
from storage.vault import SealedObject, Vault

_Row = TypeVar("_Row", Case, StagedFile)
BATCH = 500
"""Rows in hand at once."""
Progress = Callable[[int, int], None]
"""(objects looked at, objects in all)"""

FAULTS = {NotFound: Fault.MISSING, Tampered: Fault.ALTERED, WrongKey: Fault.WRONG_KEY}


@dataclass(slots=True, kw_only=True)
class Counts:
    cases: int = 0
    objects: int = 0
    bytes: int = 0
    staged: int = 0
    shards: int = 0
    stored: int = 0
    by_fault: dict[str, int] = field(default_factory=dict)


class Check:
    """One check of everything; `counts` grows as the findings are taken."""

    def __init__(self, db: Database, vaults: Vaults, *, depth: Depth, progress: Progress) -> None:
        self._db, self._vaults = db, vaults
        self._depth, self._progress = depth, progress
        self.counts = Counts()

    def findings(self) -> Iterator[Finding]:
        """Of cases and their shards, objects and received files; what no row names is `hub.integrity.orphans`."""
        staged = self._each(StagedFile, self._staged)
        for finding in chain(self._each(Case, self._case), self._objects(), staged):
            told = self.counts.by_fault
            told[finding.fault] = told.get(finding.fault, 0) + 1
            yield finding

    def _each(self, model: type[_Row], look: Callable[[Session, _Row], list[Finding]]) -> Iterator[Finding]:
        """Of every row, by id, a batch at a time."""
        after = ""
        while True:
            with self._db.reading() as session:
                query = select(model).where(model.id > after).order_by(model.id).limit(BATCH)
                rows = list(session.scalars(query))
                found = [finding for row in rows for finding in look(session, row)]
            yield from found
            if not rows:
                return
            after = rows[-1].id

    # --- cases ----------------------------------------------------------------------------------

    def _case(self, session: Session, case: Case) -> list[Finding]:
        self.counts.cases += 1
        try:
            vault = self._vaults.of(session, case)
            vault.open_field("nominal", case.id, case.sealed_nominal)
        except NotHere:
            return []  # shredded: there is no key, and nothing to open
        except StorageError:
            return [Finding(fault=Fault.CASE_KEY, what=case.id)]
        return self._shard(session, vault, case)

    def _shard(self, session: Session, vault: Vault, case: Case) -> list[Finding]:
        ready = select(Document.id).join(
            DocumentVersion,
            (DocumentVersion.document_id == Document.id) & (DocumentVersion.number == Document.current),
        )
        mine = (Document.case_id == case.id) & Document.withdrawn_at.is_(None)
        wanted = set(session.scalars(ready.where(mine, DocumentVersion.text_state == TextState.READY)))
        try:
            held = _held(session, vault, case.id)
        except StorageError:
            return [Finding(fault=Fault.SHARD, what=case.id)]
        self.counts.shards += bool(held)
        found = [
            Finding(fault=Fault.NOT_INDEXED, what=document, case=case.id)
            for document in sorted(wanted - held)
        ]
        if held - set(session.scalars(select(Document.id).where(mine))):
            found.append(Finding(fault=Fault.SHARD, what=case.id))
        return found

    # --- objects --------------------------------------------------------------------------------

    def _objects(self) -> Iterator[Finding]:
        with self._db.reading() as session:
            total = session.scalars(select(func.count()).select_from(StoredObject)).one()
        after = ("", "")
        while True:
            found, after = self._object_batch(after)
            yield from found
            self._progress(self.counts.objects, total)
            if not after[0]:
                return

    def _object_batch(self, after: tuple[str, str]) -> tuple[list[Finding], tuple[str, str]]:
        """By case and id, so that a case's vault is opened once; the last of them, or ("", "") at the end."""
        with self._db.reading() as session:
            beyond = (StoredObject.case_id > after[0]) | (
                (StoredObject.case_id == after[0]) & (StoredObject.id > after[1])
            )
            ordered = (
                select(StoredObject)
                .where(beyond)
                .order_by(StoredObject.case_id, StoredObject.id)
                .limit(BATCH)
            )
            rows = list(session.scalars(ordered))
            if not rows:
                return [], ("", "")
            gone = _destroyed(session, {row.case_id for row in rows})
            kept = [row for row in rows if row.case_id not in gone]
            found = [
                Finding(fault=Fault.UNUSED, what=row.id, case=row.case_id) for row in _unused(session, kept)
            ]
            by_case: dict[str, list[StoredObject]] = {}
            for row in kept:
                by_case.setdefault(row.case_id, []).append(row)
            opened = {case: self._records(session, case, some) for case, some in by_case.items()}
        found += self._remains([row for row in rows if row.case_id in gone])
        for case, (vault, records, faults) in opened.items():
            found += faults
            if vault is not None:
                found += self._case_objects(case, vault, records)
        return found, (rows[-1].case_id, rows[-1].id)

    def _remains(self, rows: Sequence[StoredObject]) -> list[Finding]:
        """Of destroyed cases: rows keep their ids, and nothing that they name may be in the store."""
        self.counts.objects += len(rows)
        return [
            Finding(fault=fault, what=row.id, case=row.case_id)
            for row in rows
            if (fault := self._remain(row))
        ]

    def _remain(self, row: StoredObject) -> Fault | None:
        try:
            self._vaults.store.size(row.name)
        except NotFound:
            return None
        except StorageError:
            return Fault.UNREADABLE
        return Fault.REMAINS

    def _records(
        self, session: Session, case: str, rows: Sequence[StoredObject]
    ) -> tuple[Vault | None, list[SealedObject], list[Finding]]:
        """A case whose key does not open was told of already."""
        self.counts.objects += len(rows)
        try:
            vault = self._vaults.of(session, session.get_one(Case, case))
        except (NotHere, StorageError):
            return None, [], []
        records, found = [], []
        for row in rows:
            try:
                records.append(sealed_object(vault, row))
            except StorageError:
                found.append(Finding(fault=Fault.WRONG_KEY, what=row.id, case=case))
        return vault, records, found

    def _case_objects(self, case: str, vault: Vault, records: Sequence[SealedObject]) -> list[Finding]:
        receipt = self._receipt(vault, records) if self._depth is Depth.DEEP and records else None
        found = []
        for record in records:
            self.counts.bytes += record.sealed_size
            fault = self._fault(vault, record, receipt)
            if fault is not None:
                found.append(Finding(fault=fault, what=record.object_id, case=case))
        return found

    def _receipt(self, vault: Vault, records: Sequence[SealedObject]) -> Receipt:
        """On record, with every id, before any of them is opened."""
        ids = tuple(record.object_id for record in records)
        actor = program(vault.area)
        with self._db.work() as work:
            entry = work.record(actor, ObjectsChecked(case=vault.case, objects=ids))
            work.commit()
        return work.receipt(entry, case=vault.case, objects=ids, purpose="check")

    def _fault(self, vault: Vault, record: SealedObject, receipt: Receipt | None) -> Fault | None:
        try:
            if not vault.holds_key(record):
                return Fault.WRONG_KEY
            if self._vaults.store.size(record.name) != record.sealed_size:
                return Fault.WRONG_SIZE
            if self._depth is not Depth.QUICK:
                vault.verify(record)
            if receipt is not None:
                _read_all(vault, record, receipt)
        except StorageError as error:
            return next(
                (fault for kind, fault in FAULTS.items() if isinstance(error, kind)), Fault.UNREADABLE
            )
        return None

    # --- received files -------------------------------------------------------------------------

    def _staged(self, session: Session, file: StagedFile) -> list[Finding]:
        self.counts.staged += 1
        try:
            vault = self._vaults.of(session, session.get_one(Case, file.case_id))
            vault.open_field("staged name", file.id, file.sealed_file_name)
        except NotHere:
            return []
        except StorageError:
            return [Finding(fault=Fault.STAGED_NAME, what=file.id, case=file.case_id)]
        return []


def _held(session: Session, vault: Vault, case: str) -> set[str]:
    """Ids of the documents in a case's shards."""
    return held(vault, list(session.scalars(select(CaseShard).where(CaseShard.case_id == case))))


def _destroyed(session: Session, cases: set[str]) -> set[str]:
    return set(session.scalars(select(Case.id).where(Case.id.in_(cases), Case.key_wrapped.is_(None))))


def _unused(session: Session, rows: Sequence[StoredObject]) -> list[StoredObject]:
    ids = [row.id for row in rows]
    columns = (
        DocumentVersion.original_id,
        DocumentVersion.copy_id,
        DocumentVersion.text_id,
        StagedFile.object_id,
    )
    used = {used for column in columns for used in session.scalars(select(column).where(column.in_(ids)))}
    return [row for row in rows if row.id not in used]


def _read_all(vault: Vault, record: SealedObject, receipt: Receipt) -> None:
    with vault.open(record, receipt) as reader:
        for _ in reader.chunks(size=1 << 20):
            pass
