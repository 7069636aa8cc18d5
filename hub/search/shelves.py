"""The upkeep of the sealed shards: one for everybody on a case, and one for each narrower audience.

* A shard is rewritten in the transaction of the text that it indexes: the next query finds it.
* Who may not read a document never has its shard opened for them: neither an answer nor its time depends on it.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import structlog
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from hub.access.actor import program
from hub.cases.model import Case
from hub.cases.sealed import Nominal, open_nominal
from hub.clock import Clock, london_date
from hub.db import Database, UnitOfWork
from hub.documents.model import Document, DocumentAudience, DocumentVersion, StoredObject, TextState
from hub.documents.objects import sealed_object
from hub.errors import Conflict, NotHere
from hub.ids import id_from
from hub.ledger.events import CaseIndexed
from hub.search import length, shard
from hub.search.model import CaseShard, ShelfAgency
from hub.vaults import Vaults
from storage.failpoints import Point, failpoint
from storage.receipts import Receipt
from storage.vault import Vault

EVERYBODY = ""
NOMINAL = "nominal"
"""The type of what a case says of its nominal, found like a document."""
RECORD = "n:"
"""What the key of a record that is no document begins with; the case's id follows."""
PARTS = {"scan": "sealed_scan", "positions": "sealed_positions", "words": "sealed_words"}
TRIES = 5
log = structlog.get_logger("hub.search")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedDocument:
    """What is found of a document: `pages` in order, `type` its code, `owner` the owning agency's id."""

    document: str
    title: str
    pages: tuple[str, ...]
    dated: date
    type: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysed:
    """A document, and what is found of it."""

    document: IndexedDocument
    found: shard.Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where a document stands: `id` empty for everybody on the case, else that of these agencies."""

    id: str = EVERYBODY
    agencies: frozenset[str] = frozenset()


class Shelves:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults) -> None:
        self._db, self._clock, self._vaults = db, clock, vaults

    # --- inside the unit of work that changes the text -----------------------------------------

    def index(
        self,
        work: UnitOfWork,
        case: Case,
        vault: Vault,
        document: IndexedDocument,
        before: Analysed | None = None,
    ) -> None:
        """Put a document's text on the shelf of its audience, in place of what was there for it anywhere.

        `before`: what was worked out before; it is used when the document is still so.
        """
        analysed = before if before is not None and before.document == document else analyse(document)
        self._put(work, case, vault, analysed.found, shelf_of(work.session, document.document))

    def index_nominal(self, work: UnitOfWork, case: Case, vault: Vault) -> None:
        """Put who the nominal is where everybody on the case finds it."""
        self._put(work, case, vault, shard.build([nominal_entry(case, open_nominal(vault, case))]), Shelf())

    def remove(self, work: UnitOfWork, case: Case, vault: Vault, document: str) -> None:
        """Take a document off its shelf; nothing happens when it is on none."""
        for row in _locked(work.session, case.id):
            if row.format == shard.VERSION and document in _keys(vault, row):
                self._store(work, vault, row, shard.remove(_parts(vault, row), document))

    def place(self, work: UnitOfWork, case: Case, vault: Vault, document: str) -> None:
        """Move a document whose audience was changed to the shelf of those who may read it now."""
        rows = {row.shelf: row for row in _locked(work.session, case.id) if row.format == shard.VERSION}
        wanted = shelf_of(work.session, document)
        for row in rows.values():
            if row.shelf != wanted.id and document in _keys(vault, row):
                target = rows.get(wanted.id)
                rest, moved = shard.moved(
                    _parts(vault, row), document, _parts(vault, target) if target else None
                )
                self._store(work, vault, row, rest)
                if moved is not None:
                    self._store(work, vault, target or self._new(work, case.id, wanted), moved)

    def _put(self, work: UnitOfWork, case: Case, vault: Vault, entry: shard.Shard, shelf: Shelf) -> None:
        """`entry`: of one document."""
        (key,) = entry.keys
        rows = {row.shelf: row for row in _locked(work.session, case.id)}
        if any(row.format != shard.VERSION for row in rows.values()):
            return  # the whole case is made anew, this document with it
        for row in rows.values():
            if row.shelf != shelf.id and key in _keys(vault, row):
                self._store(work, vault, row, shard.remove(_parts(vault, row), key))
        if not rows and key != RECORD + case.id:
            self.index_nominal(work, case, vault)
            rows = {row.shelf: row for row in _locked(work.session, case.id)}
        own = rows.get(shelf.id)
        parts = shard.joined(_parts(vault, own) if own else None, entry)
        self._store(work, vault, own or self._new(work, case.id, shelf), parts)

    def _new(self, work: UnitOfWork, case: str, shelf: Shelf) -> CaseShard:
        row = CaseShard(case_id=case, shelf=shelf.id, version=0)
        known = select(ShelfAgency.agency_id).where(
            ShelfAgency.case_id == case, ShelfAgency.shelf == shelf.id
        )
        work.session.add_all(
            ShelfAgency(case_id=case, shelf=shelf.id, agency_id=agency)
            for agency in sorted(shelf.agencies - set(work.session.scalars(known)))
        )
        return row

    def _store(self, work: UnitOfWork, vault: Vault, row: CaseShard, parts: shard.Parts) -> None:
        row.version, row.format, row.changed_at = row.version + 1, shard.VERSION, self._clock()
        for kind, column in PARTS.items():
            sealed = vault.seal_blob(f"shard {kind}", row.name, row.version, getattr(parts, kind))
            setattr(row, column, sealed)
        work.session.add(row)
        work.session.flush()
        failpoint(Point.SHARD_WRITTEN)

    # --- made anew, from the documents' sealed text ----------------------------------------------

    def rebuild(self, case: str) -> int | None:
        """Make a case's shards anew while others search; how many documents they hold, None for a destroyed case.

        Raises Conflict where the case's documents change all the time.
        """
        for _ in range(TRIES):
            done = self._rebuilt(case)
            if done is not Again:
                return done if isinstance(done, int) else None
        raise Conflict("The case's documents are being changed at this moment. Run the command again.")

    def _rebuilt(self, case: str) -> "int | type[Again] | None":
        with self._db.work() as work:
            row = work.session.get_one(Case, case)
            try:
                vault = self._vaults.of(work.session, row)
            except NotHere:
                return None
            before = _state(work.session, case)
            texts = _texts(work.session, case)
            entry = work.record(program(row.area_id), CaseIndexed(case=case, documents=len(texts)))
            work.commit()
        objects = [one.text.id for one in texts]
        receipt = work.receipt(entry, case=case, objects=objects, purpose="indexing") if objects else None
        shelves: dict[Shelf, list[shard.Document]] = {Shelf(): []}
        for one in texts:
            shelves.setdefault(one.shelf, []).append(_read(vault, one, receipt))
        shelves[Shelf()].append(nominal_entry(row, open_nominal(vault, row)))
        made = {shelf: shard.encode(shard.build(documents)) for shelf, documents in shelves.items()}
        return self._replace(case, before, made) and len(texts)

    def _replace(self, case: str, before: object, made: dict[Shelf, shard.Parts]) -> "bool | type[Again]":
        with self._db.work() as work:
            row = work.session.get_one(Case, case)
            known = {one.shelf: one for one in _locked(work.session, case)}
            if _state(work.session, case) != before:
                return Again
            vault = self._vaults.of(work.session, row)
            for emptied in known.keys() - {shelf.id for shelf in made}:
                # Not removed: its version must go on, or an older seal of the same shelf would open again.
                self._store(work, vault, known[emptied], shard.encode(shard.build([])))
            for shelf, parts in made.items():
                self._store(work, vault, known.get(shelf.id) or self._new(work, case, shelf), parts)
            work.commit()
        return True

    def outdated(self, among: ColumnElement[bool] | None = None) -> list[str]:
        """Cases with documents or a nominal that no shard of today's format holds, by id."""
        with self._db.reading() as session:
            return outdated(session, among)

    def renew(self, progress: Callable[[int, int], None] = lambda done, of: None) -> int:  # noqa: ARG005 - of both, nothing is told
        """Make anew what an older program wrote; how many cases. What one case raises is told and left to the next time."""
        cases, done = self.outdated(), 0
        for number, case in enumerate(cases, start=1):
            done += self.renewed(case)
            progress(number, len(cases))
        return done

    def renewed(self, case: str) -> bool:
        """Whether a case could be made anew: what one case raises is told, and keeps nobody from searching the others."""
        try:
            return self.rebuild(case) is not None
        except Exception:
            log.exception("a case could not be indexed", case=case)
            return False


class Again:
    """The case changed while it was being indexed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A document's row, and where its text lies; nothing of it is open yet."""

    row: Document
    text: StoredObject
    shelf: Shelf


def analyse(document: IndexedDocument) -> Analysed:
    """Takes seconds for hundreds of pages, so it is done before any row is locked."""
    return Analysed(document=document, found=shard.build([_entry(document)]))


def outdated(session: Session, among: ColumnElement[bool] | None = None) -> list[str]:
    current = select(CaseShard.case_id).where(CaseShard.format == shard.VERSION)
    query = select(Case.id).where(Case.key_wrapped.is_not(None), Case.id.not_in(current))
    if among is not None:
        query = query.where(among)
    return list(session.scalars(query.order_by(Case.id)))


def shelf_of(session: Session, document: str) -> Shelf:
    """Who may read a document beside coordinators, as it stands in its rows."""
    row = session.get_one(Document, document)
    if not row.narrowed:
        return Shelf()
    query = select(DocumentAudience.agency_id).where(DocumentAudience.document_id == document)
    return shelf_for({row.owner_id, *session.scalars(query)})


def shelf_for(agencies: Iterable[str]) -> Shelf:
    chosen = frozenset(agencies)
    return Shelf(id=id_from("shelf", *sorted(chosen)), agencies=chosen)


def nominal_entry(case: Case, nominal: Nominal) -> shard.Document:
    """What a case says of its nominal: names first, so that a name finds the person before what was written of them."""
    return shard.Document(
        key=RECORD + case.id,
        title=" ".join((nominal.name, *nominal.aliases)),
        pages=(nominal_text(case, nominal),),
        day=london_date(case.opened_at).toordinal(),
        type_code=NOMINAL,
        agency=case.lead_agency_id,
        names=(nominal.name, *nominal.aliases),
    )


def nominal_text(case: Case, nominal: Nominal) -> str:
    """The nominal in lines, as search shows them."""
    said = [nominal.name]
    if nominal.aliases:
        said.append(f"Also known as {', '.join(nominal.aliases)}")
    if nominal.born:
        said.append(f"Born {nominal.born.day} {nominal.born:%B %Y}")
    if nominal.visor:
        said.append(f"ViSOR {nominal.visor}")
    return "\n".join((*said, f"Case {case.reference}, {case.locality}"))


def _entry(document: IndexedDocument) -> shard.Document:
    return shard.Document(
        key=document.document,
        title=document.title,
        pages=length.bounded(document.pages),
        day=document.dated.toordinal(),
        type_code=document.type,
        agency=document.owner,
    )


def _locked(session: Session, case: str) -> list[CaseShard]:
    """A case's shards, for whoever holds that of everybody alone: asked for after it, they are as another left them."""
    everybody = (CaseShard.case_id == case) & (CaseShard.shelf == EVERYBODY)
    session.execute(select(CaseShard.version).where(everybody).with_for_update())
    query = select(CaseShard).where(CaseShard.case_id == case).order_by(CaseShard.shelf)
    return list(session.scalars(query.with_for_update()))


def _keys(vault: Vault, row: CaseShard) -> tuple[str, ...]:
    scan = vault.open_blob("shard scan", row.name, row.version, row.sealed_scan)
    return tuple(key.decode("ascii") for key in shard.Header.of(scan).cut(scan).rows["key"].tolist())


def _parts(vault: Vault, row: CaseShard) -> shard.Parts:
    return shard.Parts(
        **{
            kind: vault.open_blob(f"shard {kind}", row.name, row.version, getattr(row, column))
            for kind, column in PARTS.items()
        }
    )


def held(vault: Vault, rows: Sequence[CaseShard]) -> set[str]:
    """Ids of the documents in these shards, every part of which was opened and checked."""
    return {
        key for row in rows for key in shard.decode(_parts(vault, row)).keys if not key.startswith(RECORD)
    }


def _state(session: Session, case: str) -> object:
    """What a rebuild reads, to be compared with the same later."""
    documents = (
        select(Document.id, Document.row_version, DocumentVersion.text_id, DocumentVersion.text_state)
        .join(
            DocumentVersion,
            (DocumentVersion.document_id == Document.id) & (DocumentVersion.number == Document.current),
        )
        .where(Document.case_id == case)
        .order_by(Document.id)
    )
    shards = select(CaseShard.shelf, CaseShard.version).where(CaseShard.case_id == case)
    return (
        [tuple(row) for row in session.execute(documents)],
        sorted(tuple(row) for row in session.execute(shards)),
        session.scalars(select(Case.row_version).where(Case.id == case)).one(),
    )


def _texts(session: Session, case: str) -> list[_Text]:
    query = (
        select(Document, StoredObject)
        .join(
            DocumentVersion,
            (DocumentVersion.document_id == Document.id) & (DocumentVersion.number == Document.current),
        )
        .join(StoredObject, StoredObject.id == DocumentVersion.text_id)
        .where(Document.case_id == case, Document.withdrawn_at.is_(None))
        .where(DocumentVersion.text_state.in_([TextState.READY, TextState.NO_TEXT]))
        .order_by(Document.created_at, Document.id)
    )
    return [
        _Text(row=row, text=text, shelf=shelf_of(session, row.id)) for row, text in session.execute(query)
    ]


def _read(vault: Vault, one: _Text, receipt: Receipt | None) -> shard.Document:
    """Title and text, once the entry is durable that says so."""
    if receipt is None:
        raise ValueError("a text is read with a receipt")
    row = one.row
    with vault.open(sealed_object(vault, one.text), receipt) as reader:
        pages = tuple(str(page) for page in json.loads(reader.read()))
    details = json.loads(vault.open_field("details", row.id, row.sealed_details))
    return _entry(
        IndexedDocument(
            document=row.id,
            title=str(details["title"]),
            pages=pages,
            dated=row.dated,
            type=row.type,
            owner=row.owner_id,
        )
    )


def forget_case(session: Session, case: str) -> None:
    """Remove every shard of a case that is being destroyed."""
    session.execute(delete(CaseShard).where(CaseShard.case_id == case))
    session.execute(delete(ShelfAgency).where(ShelfAgency.case_id == case))
