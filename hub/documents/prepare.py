"""Versions prepared for reading and search: text page by page, and a reading copy of what is not a PDF.

The program opens a file only with the receipt of an entry that says so. Rows, the case's search
shard and the closing entry are one commit; a crash before it leaves the version waiting and
sealed objects that the sweep removes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.actor import program
from hub.cases.model import Case
from hub.db import UnitOfWork
from hub.disposal.holds import held, standing_holds
from hub.documents.model import Document, DocumentVersion, StagedFile, StoredObject, TextState
from hub.documents.objects import discard_all, load_object, sealed_object, store, take_back
from hub.documents.reader import VERSION, Examined, Kind, ReaderUnavailable, Refused
from hub.documents.reading import in_memory, text_pages
from hub.documents.records import Part, open_said
from hub.documents.rules import Had, search_note
from hub.errors import NotHere
from hub.ledger.events import DocumentPrepared, DocumentProcessed, FileDiscarded
from hub.search import length
from hub.search.shelves import Analysed, IndexedDocument, analyse
from storage.errors import NotFound
from storage.receipts import Receipt
from storage.vault import SealedObject, Vault

STAGED_FOR = timedelta(days=7)
ORPHANED_FOR = timedelta(hours=1)
NOTE_LENGTH = 200
NOT_SEARCHABLE = "Not searchable: {}"
ITS_OWN_PAGES = frozenset({Kind.PDF, Kind.TIFF})
"""Kinds whose pages are the file's own, so that one without text can be named."""

log = structlog.get_logger("hub.documents")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A version opened for the program; `text` is what was made of it before, if anything was. `said`: what search shows, but its pages."""

    case: Case
    vault: Vault
    document: str
    number: int
    kind: Kind
    original: SealedObject
    text: SealedObject | None
    said: IndexedDocument
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a file became, sealed. `pending`: its scans are to be read yet."""

    pages: tuple[str, ...]
    state: TextState
    note: str | None
    code: str
    unread: int = 0
    pending: bool = False
    text: SealedObject | None = None
    copy: SealedObject | None = None

    @property
    def objects(self) -> list[SealedObject]:
        return [one for one in (self.text, self.copy) if one is not None]


class Preparing(Part):
    def prepare(self, document: str, number: int) -> TextState | None:
        """Prepare a version that waits, or index again what was prepared before; None where nothing waits.

        Raises ReaderUnavailable: the version goes on waiting.
        """
        task = self._opened(document, number, _waits)
        if task is None:
            return None
        if task.text is not None:
            return self._reindex(task, task.text)
        outcome = self._prepared(task)
        try:
            return self._finish(task, outcome)
        except BaseException as error:
            take_back(task.vault, outcome.objects, error)
            raise

    def _opened(self, document: str, number: int, take: Callable[[DocumentVersion], bool]) -> Task | None:
        """The version, if `take` wants it, which may also mark it so."""
        with self._db.work() as work:
            version = work.session.get(DocumentVersion, (document, number), with_for_update=True)
            if version is None or not take(version):
                return None
            row = work.session.get_one(Document, document)
            case = work.session.get_one(Case, row.case_id)
            try:
                vault = self._vaults.of(work.session, case)
            except NotHere:
                return None
            original = load_object(work.session, vault, version.original_id)
            text = load_object(work.session, vault, version.text_id) if version.text_id else None
            entry = work.record(
                program(case.area_id),
                DocumentProcessed(case=case.id, document=document, version=number, purpose="indexing"),
            )
            work.commit()
        opened = text if text and version.text_state == TextState.WAITING else original
        return Task(
            case=case,
            vault=vault,
            document=document,
            number=number,
            kind=Kind(version.kind),
            original=original,
            text=text,
            said=_indexed(vault, row, ()),
            receipt=work.receipt(entry, case=case.id, objects=[opened.object_id], purpose="indexing"),
        )

    def _prepared(self, task: Task) -> Outcome:
        """Without its scans, which take minutes: it can be read at once, and its scans are read after."""
        try:
            with task.vault.open(task.original, task.receipt) as reader, in_memory(reader) as file:
                examined = self._reader.examine(task.kind, file)
        except Refused as refused:
            return failed(refused)
        return self._sealed(task, examined, pending=bool(examined.unread and self._reader.recogniser()))

    def _sealed(self, task: Task, examined: Examined, *, pending: bool = False) -> Outcome:
        text = json.dumps(examined.pages, ensure_ascii=False).encode()
        sealed = [task.vault.put("text", [text])]
        try:
            if examined.reading_copy:
                sealed.append(task.vault.put("copy", [examined.reading_copy]))
        except BaseException:
            discard_all(task.vault, sealed)
            raise
        found = examined.searchable
        had = _had(task.kind, examined, pending=pending)
        note = search_note(had) or examined.note
        return Outcome(
            pages=examined.pages,
            state=TextState.READY if found else TextState.NO_TEXT,
            note=note[:NOTE_LENGTH] if note else None,
            code="ready" if found else "no text",
            unread=examined.unread + examined.left_out + bool(had.first_words),
            pending=pending,
            text=sealed[0],
            copy=sealed[1] if len(sealed) > 1 else None,
        )

    def _finish(self, task: Task, outcome: Outcome) -> TextState | None:
        found = analysed(task, outcome.pages)
        with self._db.work() as work:
            version = _waiting(work.session, task)
            if version is None:
                discard_all(task.vault, outcome.objects)
                return None
            self._store(work, version, task, outcome)
            version.text_state = outcome.state
            if outcome.pending:
                work.after(self.announce_scan)
            self._close(work, task, found, outcome.code)
        return outcome.state

    def _store(self, work: UnitOfWork, version: DocumentVersion, task: Task, outcome: Outcome) -> None:
        """The outcome's objects in the case's present vault, and the version's row; its state is the caller's."""
        case = work.session.get_one(Case, task.case.id)
        vault, carried = self._vaults.carried(work.session, case, task.vault, outcome.objects)
        for sealed in carried:
            store(work, vault, sealed, self._clock())
        version.text_id = outcome.text.object_id if outcome.text else None
        version.copy_id = outcome.copy.object_id if outcome.copy else None
        version.pages = len(outcome.pages) or None
        version.note, version.unread = outcome.note, outcome.unread
        version.reader, version.recogniser = VERSION, None

    def _close(self, work: UnitOfWork, task: Task, found: Analysed | None, code: str) -> None:
        if found:
            self._index(work, task, found)
        work.record(
            program(task.case.area_id),
            DocumentPrepared(
                case=task.case.id,
                document=task.document,
                version=task.number,
                pages=len(found.document.pages) if found else 0,
                result=code,
            ),
        )
        work.commit()

    def _index(self, work: UnitOfWork, task: Task, found: Analysed) -> None:
        """Search knows a document by its newest version, and not while it is withdrawn."""
        document = work.session.get_one(Document, task.document, populate_existing=True)
        if document.current != task.number or document.withdrawn_at is not None:
            return
        vault = self._vaults.of(work.session, work.session.get_one(Case, task.case.id))
        self._search.index(work, task.case, vault, _indexed(vault, document, found.document.pages), found)

    def _reindex(self, task: Task, text: SealedObject) -> TextState | None:
        pages = tuple(text_pages(task.vault, text, task.receipt))
        state = TextState.READY if any(page.strip() for page in pages) else TextState.NO_TEXT
        found = analysed(task, pages)
        with self._db.work() as work:
            version = _waiting(work.session, task)
            if version is None:
                return None
            version.text_state = state
            self._close(work, task, found, "indexed again")
        return state

    def waiting(self, *, older_than: timedelta = timedelta()) -> list[tuple[str, int]]:
        """(document, version) of what waits to be prepared, longest first."""
        query = (
            select(DocumentVersion.document_id, DocumentVersion.number)
            .where(DocumentVersion.text_state == TextState.WAITING)
            .where(DocumentVersion.uploaded_at <= self._clock() - older_than)
            .order_by(DocumentVersion.uploaded_at)
        )
        with self._db.reading() as session:
            return [(document, number) for document, number in session.execute(query)]

    def prepare_waiting(self) -> int:
        """Prepare all that waits; how many were. Stops where the reader cannot be had."""
        done = 0
        for document, number in self.waiting():
            try:
                done += self.prepare(document, number) is not None
            except ReaderUnavailable:
                log.warning("reader unavailable")
                break
        return done

    def discard_stale(self) -> int:
        """Remove received files that nobody made a document of within `STAGED_FOR`, but of cases under a legal hold; how many."""
        before = self._clock() - STAGED_FOR
        with self._db.reading() as session:
            stale = list(
                session.scalars(
                    select(StagedFile.id).where(StagedFile.received_at < before, ~held(StagedFile.case_id))
                )
            )
        return sum(self._discard_one(staged) for staged in stale)

    def _discard_one(self, staged: str) -> bool:
        with self._db.work() as work:
            file = work.session.get(StagedFile, staged)
            if file is None:
                return False
            case = work.session.get_one(Case, file.case_id, with_for_update={"key_share": True})
            file = work.session.get(StagedFile, staged, with_for_update=True, populate_existing=True)
            if file is None or standing_holds(work.session, case.id):
                return False  # used, removed, or held since it was listed
            vault = self._vaults.of(work.session, case)
            stored = work.session.get_one(StoredObject, file.object_id)
            record = sealed_object(vault, stored)
            work.session.delete(file)
            work.session.flush()
            work.session.delete(stored)
            work.record(program(case.area_id), FileDiscarded(case=case.id, staged=staged))
            work.after(lambda: vault.discard(record))
            work.commit()
        return True

    def discard_orphans(self, since: dict[str, datetime]) -> int:
        """One look for sealed objects that no row names; removes those seen so for `ORPHANED_FOR`; how many.

        `since` is the caller's memory of earlier looks. What is being written has no row yet: the
        time between two looks, not the object's age, tells leftovers from an upload that goes on.
        """
        now, orphans = self._clock(), self._orphans()
        for name in since.keys() - orphans:
            del since[name]
        for name in orphans:
            since.setdefault(name, now)
        ripe = [name for name, first in since.items() if now - first >= ORPHANED_FOR]
        for name in ripe:
            self._remove(name)
            del since[name]
        return len(ripe)

    def _orphans(self) -> set[str]:
        names = set(self._vaults.store.names())
        with self._db.reading() as session:
            return names - set(session.scalars(select(StoredObject.name)))

    def _remove(self, name: str) -> None:
        try:
            self._vaults.store.delete(name)
        except NotFound:
            log.info("orphan gone already")


def analysed(task: Task, pages: tuple[str, ...]) -> Analysed | None:
    """What search finds of a version; None where there is no text to look at."""
    return analyse(replace(task.said, pages=pages)) if pages else None


def _indexed(vault: Vault, document: Document, pages: tuple[str, ...]) -> IndexedDocument:
    return IndexedDocument(
        document=document.id,
        title=open_said(vault, document.id, document.sealed_details).title,
        pages=pages,
        dated=document.dated,
        type=document.type,
        owner=document.owner_id,
    )


def _had(kind: Kind, examined: Examined, *, pending: bool) -> Had:
    without = tuple(number for number, text in enumerate(examined.pages, 1) if not text.strip())
    named = kind in ITS_OWN_PAGES and len(without) == examined.unread
    return Had(
        searchable=examined.searchable,
        unread=examined.unread,
        left_out=examined.left_out,
        pages=len(examined.pages),
        without=without if named else (),
        pending=pending,
        first_words=0 if length.is_whole(examined.pages) else length.MOST_WORDS,
    )


def failed(refused: Refused) -> Outcome:
    """Its sentence goes on from ours, so it begins small."""
    why = refused.sentence[:1].lower() + refused.sentence[1:]
    note = NOT_SEARCHABLE.format(why)[:NOTE_LENGTH]
    return Outcome(pages=(), state=TextState.FAILED, note=note, code=refused.code)


def _waits(version: DocumentVersion) -> bool:
    return version.text_state == TextState.WAITING


def _waiting(session: Session, task: Task) -> DocumentVersion | None:
    """The version, locked, unless another process was quicker."""
    version = locked_version(session, task)
    return version if version is not None and _waits(version) else None


def locked_version(session: Session, task: Task) -> DocumentVersion | None:
    """The document is locked before it, as by all who change one: what is indexed is so until the commit."""
    session.execute(select(Document.id).where(Document.id == task.document).with_for_update())
    query = select(DocumentVersion).where(
        DocumentVersion.document_id == task.document, DocumentVersion.number == task.number
    )
    return session.scalars(query.with_for_update()).one_or_none()
