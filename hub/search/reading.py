"""Which shards a person may read now, and their parts, read and unsealed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.permissions import Role
from hub.cases.access import by_glass, visible_cases, works
from hub.cases.model import Case
from hub.documents.access import visible_documents
from hub.documents.model import Document, DocumentAudience
from hub.meetings.model import MeetingInvitee, MeetingIssue
from hub.search import shard
from hub.search.kept import Access
from hub.search.model import CaseShard, ShelfAgency, shelf_name
from hub.search.shelves import EVERYBODY, PARTS, shelf_for
from hub.vaults import Vaults

IN_CHUNKS = 500
"""Ids in one IN (...): SQLite takes 32,766 parameters, PostgreSQL plans long lists slowly."""


class ShardReader:
    """Reads and unseals one part of the shards of some cases, by the shelves' names."""

    def __init__(self, vaults: Vaults, session: Session) -> None:
        self._vaults, self._session = vaults, session

    def scans(self, shelves: Sequence[str]) -> dict[str, bytes]:
        return self._part("scan", shelves)

    def positions(self, shelves: Sequence[str]) -> dict[str, bytes]:
        return self._part("positions", shelves)

    def words(self, shelves: Sequence[str]) -> dict[str, bytes]:
        return self._part("words", shelves)

    def _part(self, kind: str, shelves: Sequence[str]) -> dict[str, bytes]:
        """Raises Tampered for a shard that is not as it was sealed: another case's, an older one, a changed one."""
        query = select(CaseShard.shelf, CaseShard.version, getattr(CaseShard, PARTS[kind]), *_KEYS).join(
            Case, Case.id == CaseShard.case_id
        )
        parts = {}
        for shelf, cases in _by_shelf(shelves):
            here = query.where(CaseShard.shelf == shelf, CaseShard.case_id.in_(cases))
            for row in self._session.execute(here):
                name = shelf_name(row.id, row.shelf)
                vault = self._vaults.of(self._session, cast("Case", row))
                parts[name] = vault.open_blob(f"shard {kind}", name, row.version, row[2])
        return parts


def _by_shelf(shelves: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each shelf with its cases, `IN_CHUNKS` at a time: no row is read that is not asked for."""
    cases: dict[str, list[str]] = {}
    for name in shelves:
        case, _, shelf = name.partition("/")
        cases.setdefault(shelf, []).append(case)
    for shelf, of_it in cases.items():
        for start in range(0, len(of_it), IN_CHUNKS):
            yield shelf, of_it[start : start + IN_CHUNKS]


_KEYS = (
    Case.id,
    Case.area_id,
    Case.key_version,
    Case.key_wrapped,
    Case.key_spare_version,
    Case.key_spare_wrapped,
)
"""What `Vaults.of` needs of a case: whole rows take longer to make than their shards to open."""


def readable(session: Session, actor: Actor) -> list[Access]:
    """What the actor may read now: whole shelves of their cases, and chosen documents of other shelves.

    Shelves that they may not read are not even counted: nothing here takes longer for them.
    """
    query = (
        select(CaseShard.case_id, CaseShard.shelf, CaseShard.version)
        .join(Case, Case.id == CaseShard.case_id)
        .where(visible_cases(actor), _on_shelf(actor), CaseShard.format == shard.VERSION)
        .order_by(CaseShard.case_id, CaseShard.shelf)
    )
    whole = [
        Access(shelf_name(case, shelf), version, None) for case, shelf, version in session.execute(query)
    ]
    issued = _issued(session, actor)
    others = issued.keys() - {access.case for access in whole}
    return whole + _partly(session, {name: issued[name] for name in sorted(others)})


def _on_shelf(actor: Actor) -> ColumnElement[bool]:
    """As `visible_documents` has it for what is on the shelf."""
    everybody = CaseShard.shelf == EVERYBODY
    if actor.role is Role.COORDINATOR:
        return CaseShard.case_id == Case.id
    theirs = exists().where(
        ShelfAgency.case_id == CaseShard.case_id,
        ShelfAgency.shelf == CaseShard.shelf,
        ShelfAgency.agency_id == actor.agency,
    )
    return or_(everybody, and_(works(actor), theirs) if by_glass(actor) else theirs)


def _issued(session: Session, actor: Actor) -> dict[str, set[str]]:
    """By shelf, what was issued to the meetings the actor affirmed the statement for."""
    to_them = (
        select(MeetingIssue.document_id)
        .join(MeetingInvitee, MeetingInvitee.meeting_id == MeetingIssue.meeting_id)
        .where(MeetingInvitee.account_id == actor.account, MeetingInvitee.affirmed_at.is_not(None))
    )
    query = (
        select(Document.id, Document.case_id, Document.narrowed, Document.owner_id)
        .join(Case, Case.id == Document.case_id)
        .where(Document.id.in_(to_them), visible_documents(actor))
    )
    rows = session.execute(query).all()
    audiences = _audiences(session, [row.id for row in rows if row.narrowed])
    found: dict[str, set[str]] = {}
    for row in rows:
        shelf = shelf_for({row.owner_id, *audiences.get(row.id, ())}).id if row.narrowed else EVERYBODY
        found.setdefault(shelf_name(row.case_id, shelf), set()).add(row.id)
    return found


def _audiences(session: Session, documents: Iterable[str]) -> dict[str, list[str]]:
    query = select(DocumentAudience.document_id, DocumentAudience.agency_id).where(
        DocumentAudience.document_id.in_(list(documents))
    )
    found: dict[str, list[str]] = {}
    for document, agency in session.execute(query):
        found.setdefault(document, []).append(agency)
    return found


def _partly(session: Session, chosen: dict[str, set[str]]) -> list[Access]:
    if not chosen:
        return []
    cases = {name.partition("/")[0] for name in chosen}
    query = select(CaseShard.case_id, CaseShard.shelf, CaseShard.version).where(
        CaseShard.case_id.in_(cases), CaseShard.format == shard.VERSION
    )
    versions = {shelf_name(case, shelf): version for case, shelf, version in session.execute(query)}
    return [
        Access(name, versions[name], frozenset(documents))
        for name, documents in chosen.items()
        if name in versions
    ]
