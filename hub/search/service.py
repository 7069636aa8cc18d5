"""Search over exactly what a person may read.

* What may be read is asked of the database on every query; a kept index is used only if it is the same.
* Search is disclosure: the query (sealed), each hit and the lines shown are recorded before any is shown.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Row, delete, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission
from hub.cases.access import visible_cases
from hub.cases.model import Case
from hub.cases.sealed import Nominal, open_nominal
from hub.clock import Clock, london_date
from hub.db import Database, Entry, UnitOfWork
from hub.documents.access import visible_documents
from hub.documents.model import Document, DocumentVersion, StoredObject
from hub.documents.objects import sealed_object
from hub.documents.rules import DOCUMENT_TYPES
from hub.errors import NotHere
from hub.ids import new_id
from hub.ledger.events import RecordShown, SearchRun, SnippetShown
from hub.people.model import Agency
from hub.search.answer import Answered, Question, answer
from hub.search.engine import Filters, Hit, Parts, Sort, Window
from hub.search.kept import KeptIndexes
from hub.search.model import AskedSearch
from hub.search.query import Understood, also_said, names_added, understand
from hub.search.reading import ShardReader, readable
from hub.search.saved import Saved
from hub.search.shelves import NOMINAL, RECORD, IndexedDocument, Shelves, nominal_text, outdated
from hub.search.snippets import Fragment, snippet
from hub.vaults import Vaults

__all__ = ["IndexedDocument", "SearchService"]

KEPT_BYTES = 64 * 1024 * 1024
"""For all kept indexes of a process together; 2,000 cases of four documents take about 47 MB, with their words."""
KEPT_FOR = timedelta(hours=12)
"""How long the address of a page of results leads to it."""
DISCARDED_AT_ONCE = 1000
RENEWED_AT_ONCE = 20
"""Cases that a query itself makes searchable anew; the rest is left to the sweep."""
TYPES = {**DOCUMENT_TYPES, NOMINAL: "Nominal"}
NOTHING = frozenset({"none"})
"""A filter that lets nothing through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`types` and `agencies` (ids) empty means any; dates are the documents' own, both included."""

    text: str
    case: str | None = None
    types: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    first: date | None = None
    last: date | None = None
    sort: Sort = "best"
    sounds: bool = False
    page: int = 1

    def told(self) -> str:
        """What was asked, filters too, in one line for the access log."""
        said = [self.text, *(f"type:{code}" for code in sorted(self.types))]
        said += [f"agency:{agency}" for agency in sorted(self.agencies)]
        said += [f"case:{self.case}"] if self.case else []
        said += [f"{name}:{day}" for name, day in (("from", self.first), ("to", self.last)) if day]
        return " ".join([*said, *(["sounds:yes"] if self.sounds else [])])


def _told(request: Request, answered: Answered) -> str:
    """The same with the words that the answer itself told: names that were added, and what may have been meant."""
    said = [f"also:{name}" for name in names_added(answered.understood.tree)]
    said += [f"meant:{answered.instead}"] if answered.instead else []
    return " ".join([request.told(), *said])


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One result as shown. `page` counts from 1; `document` is None for a nominal. `alike`: found by a word that resembles one."""

    document: str | None
    case: str
    reference: str
    title: str
    type: str
    owner: str
    dated: date
    page: int
    alike: bool
    fragments: tuple[Fragment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`instead`: the text with words that are known, or empty. `waiting`: cases not searched, as they are being indexed anew."""

    found: tuple[Found, ...]
    total: int
    sentence: str
    instead: str
    waiting: int
    by_type: dict[str, int]
    by_agency: dict[str, int]
    by_year: dict[int, int]


PER_PAGE = 10


class SearchService(Shelves, Saved):
    def __init__(self, db: Database, clock: Clock, vaults: Vaults) -> None:
        super().__init__(db, clock, vaults)
        self._kept = KeptIndexes(KEPT_BYTES)

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
            work.session.add(asked)
            work.commit()
        return asked.id

    def discard_asked(self) -> int:
        """Remove what was asked longer ago than `KEPT_FOR`, whoever asked it; how many there were."""
        over = AskedSearch.at < self._clock() - KEPT_FOR
        with self._db.reading() as session:
            old = list(session.scalars(select(AskedSearch.id).where(over).limit(DISCARDED_AT_ONCE)))
        if old:
            with self._db.work() as work:
                work.session.execute(delete(AskedSearch).where(AskedSearch.id.in_(old)))
                work.commit()
        return len(old)

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
        waiting = self._renew_some(actor)
        answered = self._answered(actor, request)
        results = answered.results
        with self._db.work() as work:
            rows = _rows(work.session, actor, results.hits)
            hits = [hit for hit in results.hits if hit.document in rows]
            entries = self._record(work, actor, _told(request, answered), (hits, results.total), rows)
            work.commit()
            asked = answered.understood.asked
            typed = _types(asked.types), _agencies(work.session, actor, asked.agencies)
            found = tuple(
                self._found(work, entry, hit, rows[hit.document], answered.understood)
                for entry, hit in zip(entries, hits, strict=True)
            )
        return Answer(
            found=found,
            total=results.total,
            sentence=answered.understood.sentence,
            instead=answered.instead,
            waiting=waiting,
            by_type=_among(results.by_type, typed[0]),
            by_agency=_among(results.by_agency, typed[1]),
            by_year=dict(results.by_year),
        )

    def _renew_some(self, actor: Actor) -> int:
        """Make searchable what an older program left, as far as it is quickly done; how many cases still wait."""
        with self._db.reading() as session:
            old = outdated(session, visible_cases(actor))
        return len(old[RENEWED_AT_ONCE:]) + sum(not self.renewed(case) for case in old[:RENEWED_AT_ONCE])

    def _answered(self, actor: Actor, request: Request) -> Answered:
        understood = understand(request.text)
        with self._db.snapshot() as session:  # all parts of a shard are of one moment
            reader = ShardReader(self._vaults, session)
            person = str(actor.account)
            index = self._kept.index(person, readable(session, actor), reader.scans)
            parts = Parts(
                positions=reader.positions,
                vocabulary=lambda: self._kept.vocabulary(person, index, reader.words),
            )
            filters = _filters(session, actor, understood, request)
            question = Question(
                text=request.text,
                understood=also_said(understood, _contradictions(filters, understood, request)),
                filters=filters,
                window=Window(
                    today=london_date(self._clock()).toordinal(),
                    limit=PER_PAGE,
                    offset=(request.page - 1) * PER_PAGE,
                    sort=request.sort,
                ),
                sounds=request.sounds,
            )
            return answer(question, index, parts)

    def _record(
        self,
        work: UnitOfWork,
        actor: Actor,
        told: str,
        shown: tuple[list[Hit], int],
        rows: "dict[str, Shown]",
    ) -> list[Entry]:
        """The search, and each hit in its case's own sequence. `shown`: the hits of this page, and how many there are."""
        hits, total = shown
        work.record(
            actor,
            SearchRun(
                query=told,
                documents=tuple(hit.document for hit in hits if not isinstance(rows[hit.document], Case)),
                total=total,
            ),
        )
        return [work.record(actor, _shown(hit, rows[hit.document])) for hit in hits]

    def _found(self, work: UnitOfWork, entry: Entry, hit: Hit, row: "Shown", understood: Understood) -> Found:
        if isinstance(row, Case):
            return self._nominal(work.session, hit, row, understood)
        document, case = row.Document, row.Case
        vault = self._vaults.of(work.session, case)
        title = json.loads(vault.open_field("details", document.id, document.sealed_details))["title"]
        return Found(
            document=document.id,
            case=case.id,
            reference=case.reference,
            title=str(title),
            type=document.type,
            owner=document.owner_id,
            dated=document.dated,
            page=hit.page,
            alike=hit.alike,
            fragments=tuple(self._snippet(work, entry, hit, row, understood)),
        )

    def _nominal(self, session: Session, hit: Hit, case: Case, understood: Understood) -> Found:
        nominal: Nominal = open_nominal(self._vaults.of(session, case), case)
        return Found(
            document=None,
            case=case.id,
            reference=case.reference,
            title=nominal.name,
            type=NOMINAL,
            owner=case.lead_agency_id,
            dated=london_date(case.opened_at),
            page=1,
            alike=hit.alike,
            fragments=tuple(snippet(nominal_text(case, nominal), understood)),
        )

    def _snippet(
        self, work: UnitOfWork, entry: Entry, hit: Hit, row: "HitRow", understood: Understood
    ) -> list[Fragment]:
        if row.StoredObject is None:
            return []
        vault = self._vaults.of(work.session, row.Case)
        receipt = work.receipt(
            entry, case=row.Document.case_id, document=row.Document.id, objects=[row.StoredObject.id]
        )
        with vault.open(sealed_object(vault, row.StoredObject), receipt) as reader:
            pages = json.loads(reader.read())
        here, later = pages[hit.page - 1 : hit.page], pages[hit.page :]
        return snippet(str(here[0]), understood, goes_on=any(later)) if here and hit.page else []


HitRow = Row[Document, Case, StoredObject]
Shown = HitRow | Case
"""A document with what it takes to open its text; or a case, whose nominal was found."""


def _shown(hit: Hit, row: Shown) -> SnippetShown | RecordShown:
    if isinstance(row, Case):
        return RecordShown(case=row.id, kind=NOMINAL)
    return SnippetShown(case=hit.case, document=hit.document, version=row.Document.current, page=hit.page)


def _filters(session: Session, actor: Actor, understood: Understood, request: Request) -> Filters:
    asked = understood.asked
    days = [day for day in (asked.first_day, request.first and request.first.toordinal()) if day]
    ends = [day for day in (asked.last_day, request.last and request.last.toordinal()) if day]
    return Filters(
        cases=frozenset({request.case}) if request.case else frozenset(),
        types=_narrowed(request.types, _types(asked.types)),
        agencies=_narrowed(request.agencies, _agencies(session, actor, asked.agencies)),
        first_day=max(days, default=None),
        last_day=min(ends, default=None),
    )


def _narrowed(chosen: frozenset[str], typed: frozenset[str]) -> frozenset[str]:
    """What was ticked and what was typed narrow each other; an impossible one where nothing is left."""
    if not (chosen and typed):
        return chosen | typed
    return chosen & typed or NOTHING


def _contradictions(filters: Filters, understood: Understood, request: Request) -> tuple[str, ...]:
    """Where what was typed and what was ticked cannot both be."""
    asked = understood.asked
    said = (
        (filters.types, request.types and asked.types, "no type is both typed and ticked"),
        (filters.agencies, request.agencies and asked.agencies, "no agency is both typed and chosen"),
    )
    return tuple(sentence for left, both, sentence in said if both and left == NOTHING)


def _types(typed: tuple[str, ...]) -> frozenset[str]:
    """Codes of the types whose code or label was typed; an impossible one where none is meant."""
    meant = {
        code for code, label in TYPES.items() for word in typed if word == code or word in label.casefold()
    }
    return frozenset(meant) or (NOTHING if typed else frozenset())


def _among(counts: Mapping[str, int], typed: frozenset[str]) -> dict[str, int]:
    """What choosing beside a typed field would still leave."""
    return {code: count for code, count in counts.items() if not typed or code in typed}


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
    return frozenset(meant) or NOTHING


def _rows(session: Session, actor: Actor, hits: Sequence[Hit]) -> dict[str, Shown]:
    """What stands behind the hits; the right to each is asked once more, whatever the shard said."""
    documents = (
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
    records = [hit.case for hit in hits if hit.document == RECORD + hit.case]
    cases = select(Case).where(Case.id.in_(records), visible_cases(actor), Case.key_wrapped.is_not(None))
    found: dict[str, Shown] = {row.Document.id: row for row in session.execute(documents)}
    return found | {RECORD + case.id: case for case in session.scalars(cases)}
