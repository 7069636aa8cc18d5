"""Search over exactly what a person may read, and the upkeep of the sealed shards it reads.

* A shard is rewritten in the transaction of the text that it indexes: the next query finds it.
* What may be read is asked of the database on every query; a kept index is used only if it is the same.
* Search is disclosure: the query (sealed), each hit and the lines shown are recorded before any is shown.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Row, Select, delete, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission
from hub.cases.access import visible_cases
from hub.cases.model import Case
from hub.clock import Clock
from hub.db import Database, Entry, UnitOfWork
from hub.documents.access import visible_documents
from hub.documents.model import Document, DocumentVersion, StoredObject
from hub.documents.objects import sealed_object
from hub.errors import NotHere
from hub.ids import new_id
from hub.ledger.events import SearchRun, SnippetShown
from hub.people.model import Agency
from hub.search import shard
from hub.search.engine import Filters, Hit, Parts, Results, Window, search
from hub.search.kept import Access, KeptIndexes
from hub.search.model import AskedSearch, CaseShard
from hub.search.query import Understood, understand
from hub.search.snippets import Fragment, snippet
from hub.vaults import Vaults
from storage.failpoints import Point, failpoint
from storage.vault import Vault

KEPT_BYTES = 64 * 1024 * 1024
"""For all kept indexes of a process together; 2,000 cases of four documents take about 30 MB."""
KEPT_FOR = timedelta(hours=12)
IN_CHUNKS = 500
"""Ids in one IN (...): SQLite takes 32,766 parameters, PostgreSQL plans long lists slowly."""
BLOBS = {"scan": "sealed_scan", "positions": "sealed_positions", "words": "sealed_words"}


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
class Request:
    """`types` and `agencies` (ids) empty means any; dates are the documents' own, both included."""

    text: str
    case: str | None = None
    types: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    first: date | None = None
    last: date | None = None
    newest_first: bool = False
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One result as shown. `page` counts from 1."""

    document: str
    case: str
    reference: str
    title: str
    type: str
    owner: str
    dated: date
    page: int
    fragments: tuple[Fragment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    found: tuple[Found, ...]
    total: int
    sentence: str
    by_type: dict[str, int]
    by_agency: dict[str, int]
    by_year: dict[int, int]


PER_PAGE = 10


class SearchService:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults) -> None:
        self._db, self._clock, self._vaults = db, clock, vaults
        self._kept = KeptIndexes(KEPT_BYTES)

    # --- upkeep, inside the unit of work that changes the text ------------------------------

    def index(self, work: UnitOfWork, case: Case, vault: Vault, document: IndexedDocument) -> None:
        """Put a document's text in its case's shard, in place of what was there for it."""
        entry = shard.Document(
            key=document.document,
            title=document.title,
            pages=document.pages,
            day=document.dated.toordinal(),
            type_code=document.type,
            agency=document.owner,
        )
        row = _locked_shard(work.session, case.id)
        self._store(work, case, vault, row, shard.add(_parts(vault, row), entry))

    def remove(self, work: UnitOfWork, case: Case, vault: Vault, document: str) -> None:
        """Take a document out of its case's shard; nothing happens when it is not there."""
        row = _locked_shard(work.session, case.id)
        parts = _parts(vault, row)
        if parts is not None:
            self._store(work, case, vault, row, shard.remove(parts, document))

    def _store(
        self, work: UnitOfWork, case: Case, vault: Vault, row: CaseShard | None, parts: shard.Parts
    ) -> None:
        version = row.version + 1 if row else 1
        sealed = {
            BLOBS[kind]: vault.seal_blob(f"shard {kind}", case.id, version, getattr(parts, kind))
            for kind in BLOBS
        }
        if row is None:
            work.session.add(CaseShard(case_id=case.id, version=version, changed_at=self._clock(), **sealed))
        else:
            row.version, row.changed_at = version, self._clock()
            for column, value in sealed.items():
                setattr(row, column, value)
        work.session.flush()
        failpoint(Point.SHARD_WRITTEN)

    def forget(self) -> None:
        """Drop every index kept in memory, as when a case was destroyed."""
        self._kept.clear()

    # --- what was asked, kept for the visit ---------------------------------------------------

    def keep(self, actor: Actor, form: Sequence[tuple[str, str]]) -> str:
        """Keep a search form, sealed, for this session; the id that its results are found at."""
        authorise(actor, Permission.SEARCH)
        asked = AskedSearch(
            id=new_id(), account_id=actor.account, session_id=actor.session, sealed_form=b"", at=self._clock()
        )
        with self._db.work() as work:
            box = self._vaults.box(work.session, actor.area, "search")
            asked.sealed_form = box.seal(json.dumps(form).encode(), asked.id)
            over = (AskedSearch.account_id == actor.account) & (AskedSearch.at < self._clock() - KEPT_FOR)
            work.session.execute(delete(AskedSearch).where(over))
            work.session.add(asked)
            work.commit()
        return asked.id

    def kept(self, actor: Actor, asked: str) -> list[tuple[str, str]]:
        """The form kept in this very session; NotHere for anybody else and afterwards."""
        authorise(actor, Permission.SEARCH)
        with self._db.reading() as session:
            row = session.get(AskedSearch, asked)
            if row is None or (row.account_id, row.session_id) != (actor.account, actor.session):
                raise NotHere(permission=Permission.SEARCH, why="absent")
            plain = self._vaults.box(session, actor.area, "search").open(row.sealed_form, row.id)
            return [(str(name), str(value)) for name, value in json.loads(plain)]

    # --- asking ------------------------------------------------------------------------------

    def search(self, actor: Actor, request: Request) -> Answer:
        """One page of results. Never fails on what was typed: the answer's sentence says how it was understood."""
        authorise(actor, Permission.SEARCH)
        understood = understand(request.text)
        with self._db.reading() as session:
            results = self._results(session, actor, understood, request)
        with self._db.work() as work:
            rows = _rows(work.session, actor, results.hits)
            hits = [hit for hit in results.hits if hit.document in rows]
            entries = self._record(work, actor, request, (hits, results.total), rows)
            titles = {hit.document: self._title(work.session, rows[hit.document]) for hit in hits}
            work.commit()
            found = tuple(
                self._found(work, entry, hit, rows[hit.document], titles[hit.document], understood)
                for entry, hit in zip(entries, hits, strict=True)
            )
        return Answer(
            found=found,
            total=results.total,
            sentence=understood.sentence,
            by_type=dict(results.by_type),
            by_agency=dict(results.by_agency),
            by_year=dict(results.by_year),
        )

    def _results(self, session: Session, actor: Actor, understood: Understood, request: Request) -> Results:
        access = readable(session, actor)
        fetch = _Fetch(self._vaults, session)
        index = self._kept.index(str(actor.account), access, fetch.scans)
        window = Window(
            today=self._clock().date().toordinal(),
            limit=PER_PAGE,
            offset=(request.page - 1) * PER_PAGE,
            sort="newest" if request.newest_first else "best",
        )
        filters = _filters(session, actor, understood, request)
        return search(understood, index, filters, Parts(positions=fetch.positions, words=fetch.words), window)

    def _record(
        self,
        work: UnitOfWork,
        actor: Actor,
        request: Request,
        shown: tuple[list[Hit], int],
        rows: "dict[str, HitRow]",
    ) -> list[Entry]:
        """The search, and each hit in its case's own sequence. `shown`: the hits of this page, and how many there are."""
        hits, total = shown
        work.record(
            actor, SearchRun(query=request.text, documents=tuple(hit.document for hit in hits), total=total)
        )
        return [
            work.record(
                actor,
                SnippetShown(
                    case=hit.case,
                    document=hit.document,
                    version=rows[hit.document].Document.current,
                    page=hit.page,
                ),
            )
            for hit in hits
        ]

    def _title(self, session: Session, row: "HitRow") -> str:
        sealed = self._vaults.of(session, row.Case).open_field(
            "details", row.Document.id, row.Document.sealed_details
        )
        return str(json.loads(sealed)["title"])

    def _found(
        self, work: UnitOfWork, entry: Entry, hit: Hit, row: "HitRow", title: str, understood: Understood
    ) -> Found:
        document, case = row.Document, row.Case
        return Found(
            document=document.id,
            case=case.id,
            reference=case.reference,
            title=title,
            type=document.type,
            owner=document.owner_id,
            dated=document.dated,
            page=hit.page,
            fragments=tuple(snippet(self._page_text(work, entry, hit, row), understood)),
        )

    def _page_text(self, work: UnitOfWork, entry: Entry, hit: Hit, row: "HitRow") -> str:
        if row.StoredObject is None:
            return ""
        vault = self._vaults.of(work.session, row.Case)
        receipt = work.receipt(
            entry, case=row.Document.case_id, document=row.Document.id, objects=[row.StoredObject.id]
        )
        with vault.open(sealed_object(vault, row.StoredObject), receipt) as reader:
            pages = json.loads(reader.read())
        return str(pages[hit.page - 1]) if 0 < hit.page <= len(pages) else ""


HitRow = Row[Document, Case, StoredObject]


class _Fetch:
    """Reads and unseals one part of the shards of some cases."""

    def __init__(self, vaults: Vaults, session: Session) -> None:
        self._vaults, self._session = vaults, session

    def scans(self, cases: Sequence[str]) -> dict[str, bytes]:
        return self._part("scan", cases)

    def positions(self, cases: Sequence[str]) -> dict[str, bytes]:
        return self._part("positions", cases)

    def words(self, cases: Sequence[str]) -> dict[str, bytes]:
        return self._part("words", cases)

    def _part(self, kind: str, cases: Sequence[str]) -> dict[str, bytes]:
        column = getattr(CaseShard, BLOBS[kind])
        query = select(Case, CaseShard.version, column).join(CaseShard, CaseShard.case_id == Case.id)
        parts = {}
        for start in range(0, len(cases), IN_CHUNKS):
            some = query.where(Case.id.in_(cases[start : start + IN_CHUNKS]))
            for case, version, sealed in self._session.execute(some):
                vault = self._vaults.of(self._session, case)
                parts[case.id] = vault.open_blob(f"shard {kind}", case.id, version, sealed)
        return parts


def readable(session: Session, actor: Actor) -> list[Access]:
    """What the actor may read now: whole cases, and chosen documents of others."""
    shards = select(CaseShard.case_id, CaseShard.version).join(Case, Case.id == CaseShard.case_id)
    whole = _versions_of(session, shards.where(visible_cases(actor)))
    hidden = select(Document.case_id).join(Case, Case.id == Document.case_id)
    some_hidden = set(
        session.scalars(hidden.where(visible_cases(actor), ~visible_documents(actor)).distinct())
    )
    chosen: dict[str, set[str]] = {case: set() for case in some_hidden}
    for case, document in session.execute(_chosen(actor, some_hidden)):
        chosen.setdefault(case, set()).add(document)
    versions = whole | _versions(session, set(chosen) - set(whole))
    return [
        Access(case, version, frozenset(chosen[case]) if case in chosen else None)
        for case, version in sorted(versions.items())
    ]


def _chosen(actor: Actor, some_hidden: set[str]) -> Select[str, str]:
    """Readable documents of cases of which not all may be read."""
    partly = Document.case_id.in_(some_hidden) | ~visible_cases(actor)
    return (
        select(Document.case_id, Document.id)
        .join(Case, Case.id == Document.case_id)
        .where(visible_documents(actor), partly)
    )


def _versions(session: Session, cases: set[str]) -> dict[str, int]:
    query = select(CaseShard.case_id, CaseShard.version).where(CaseShard.case_id.in_(cases))
    return _versions_of(session, query)


def _versions_of(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(query)}


def _filters(session: Session, actor: Actor, understood: Understood, request: Request) -> Filters:
    asked = understood.asked
    days = [day for day in (asked.first_day, request.first and request.first.toordinal()) if day]
    ends = [day for day in (asked.last_day, request.last and request.last.toordinal()) if day]
    return Filters(
        cases=frozenset({request.case}) if request.case else frozenset(),
        types=request.types | frozenset(asked.types),
        agencies=request.agencies | _agencies(session, actor, asked.agencies),
        first_day=max(days, default=None),
        last_day=min(ends, default=None),
    )


def _agencies(session: Session, actor: Actor, typed: tuple[str, ...]) -> frozenset[str]:
    """Ids of the area's agencies whose kind or name was typed; an impossible id where none is meant."""
    if not typed:
        return frozenset()
    rows = session.execute(select(Agency.id, Agency.kind, Agency.name).where(Agency.area_id == actor.area))
    meant = {
        id_
        for id_, kind, name in rows
        if any(word in (kind, name.casefold()) or word in name.casefold() for word in typed)
    }
    return frozenset(meant or {"none"})


def _rows(session: Session, actor: Actor, hits: Sequence[Hit]) -> dict[str, HitRow]:
    """What stands behind the hits; the right to each is asked once more, whatever the shard said."""
    query = (
        select(Document, Case, StoredObject)
        .join(Case, Case.id == Document.case_id)
        .join(
            DocumentVersion,
            (DocumentVersion.document_id == Document.id) & (DocumentVersion.number == Document.current),
        )
        .outerjoin(StoredObject, StoredObject.id == DocumentVersion.text_id)
        .where(Document.id.in_([hit.document for hit in hits]), Document.withdrawn_at.is_(None))
        .where(visible_documents(actor))
    )
    return {row.Document.id: row for row in session.execute(query)}


def _locked_shard(session: Session, case: str) -> CaseShard | None:
    return session.scalars(select(CaseShard).where(CaseShard.case_id == case).with_for_update()).one_or_none()


def _parts(vault: Vault, row: CaseShard | None) -> shard.Parts | None:
    if row is None:
        return None
    opened = {
        kind: vault.open_blob(f"shard {kind}", row.case_id, row.version, getattr(row, column))
        for kind, column in BLOBS.items()
    }
    return shard.Parts(**opened)
