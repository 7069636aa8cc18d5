"""Entries of the log found and told: ids become names, filters become conditions that an index answers.

* A page is taken by the entries' numbers, never by counting past those before it: the last page costs what the first does.
* Days become numbers of entries by the sums of each day, so that a filter on days reads no entry outside them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, union_all
from sqlalchemy.orm import Session

from hub.cases.model import Case
from hub.clock import LONDON
from hub.db import pairs
from hub.documents.model import Document
from hub.governance.model import AccessClass, CaseReader, Followed, ListedCase, LogDay
from hub.governance.rules import Filters, Flag, Kind, Why
from hub.ids import is_id
from hub.ledger.events import CasesListed
from hub.ledger.model import LogEntry
from hub.ledger.service import Unseal, open_private
from hub.people.model import Account, Agency

PER_PAGE = 50
NO_FLAG = Flag(0)
COLUMNS = frozenset({"case", "document", "meeting", "reason"})
"""Fields of an event that have a place of their own in a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry as shown. `address` and `device` come from its sealed part; `detail` is its other fields.

    `why` None: the entry is no access, or none that was classed yet.
    """

    sequence: int
    at: datetime
    person: str
    person_id: str | None
    agency: str
    event: str
    operation: str | None
    outcome: str
    case: str
    case_id: str | None
    document: str
    document_id: str | None
    reason: str | None
    address: str
    detail: Mapping[str, Any]
    subject_id: str | None = None
    why: Why | None = None
    flags: Flag = NO_FLAG


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Which page: entries before a number, or after one (both 0: the newest)."""

    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Newest first. `older` and `newer`: whether there are more on that side."""

    rows: Sequence[Line]
    older: bool
    newer: bool


class Names:
    """Ids of one area as names; three queries, however long the log. `cases`: only these, or all of the area."""

    def __init__(self, session: Session, area: str, cases: Collection[str] | None = None) -> None:
        self.people = pairs(
            session, select(Account.id, Account.name).where(Account.area_id == area).order_by(Account.name)
        )
        self.agencies = pairs(
            session, select(Agency.id, Agency.name).where(Agency.area_id == area).order_by(Agency.name)
        )
        references = select(Case.id, Case.reference).where(Case.area_id == area).order_by(Case.reference)
        self.cases = pairs(session, references if cases is None else references.where(Case.id.in_(cases)))

    def of(self, id_: str) -> str:
        return self.people.get(id_) or self.agencies.get(id_) or self.cases.get(id_) or id_


def page_of(session: Session, area: str, filters: Filters, turn: Turn) -> tuple[list[int], bool, bool]:
    """(numbers of the entries, newest first; whether there are older; whether there are newer)."""
    way = _after if turn.after else _before
    found = sorted(
        {
            sequence
            for query, column in _branches(session, area, filters)
            for sequence in session.scalars(way(query, column, turn).limit(PER_PAGE + 1))
        },
        reverse=not turn.after,
    )
    more, numbers = len(found) > PER_PAGE, sorted(found[:PER_PAGE], reverse=True)
    return numbers, more or bool(turn.after), bool(turn.before) or (bool(turn.after) and more)


def _before(query: Select[Any], column: Any, turn: Turn) -> Select[Any]:
    return (query.where(column < turn.before) if turn.before else query).order_by(column.desc())


def _after(query: Select[Any], column: Any, turn: Turn) -> Select[Any]:
    return query.where(column > turn.after).order_by(column)


def _branches(session: Session, area: str, filters: Filters) -> list[tuple[Select[Any], Any]]:
    """Queries of numbers whose results together are what is wanted, and by what each is ordered."""
    condition = _condition(session, area, filters)
    if filters.unexpected:
        return [_unexpected(session, area, filters, condition)]
    plain = select(LogEntry.sequence).where(condition)
    number = _number(LogEntry, filters)
    if not filters.case:
        return [(plain, number)]
    listed = select(ListedCase.sequence).join(LogEntry, _same(ListedCase))
    of_case = (ListedCase.area_id == area, ListedCase.case_id == filters.case)
    return [
        (plain.where(LogEntry.case_id == filters.case), number),
        (listed.where(*of_case, condition), ListedCase.sequence),
        (plain.where(_listed_lately(session, area, filters.case)), LogEntry.sequence),
    ]


def _leave_few(filters: Filters) -> bool:
    return bool(filters.case or (filters.person and filters.chosen() > 1))


def _number(model: type[AccessClass] | type[LogEntry], filters: Filters) -> Any:
    """By what to order. Where the filters leave few, a sum that no index has: these few are sorted.

    Given the number itself, a database rather walks everybody's entries in its order (at a million, for over a second).
    """
    return model.sequence + 0 if _leave_few(filters) else model.sequence


def _unexpected(
    session: Session, area: str, filters: Filters, condition: ColumnElement[bool]
) -> tuple[Select[Any], Any]:
    expected = func.coalesce(AccessClass.expected, True) if _leave_few(filters) else AccessClass.expected
    joined = select(AccessClass.sequence).join(LogEntry, _same(AccessClass))
    joined = joined.where(
        AccessClass.area_id == area, expected.is_(False), AccessClass.kind != Kind.REFUSAL, condition
    )
    if filters.person:
        joined = joined.where(AccessClass.account_id == filters.person)
    if filters.case:
        people = _unexpected_of(session, filters.case)
        joined = joined.where(AccessClass.case_id == filters.case, AccessClass.account_id.in_(people))
    return joined, _number(AccessClass, filters)


def _unexpected_of(session: Session, case: str) -> Sequence[str]:
    """Whose entries to look among: by person they are found without reading everybody's."""
    readers = select(CaseReader.account_id).where(CaseReader.case_id == case, CaseReader.unexpected > 0)
    return session.scalars(readers).all()


def _same(model: type[AccessClass] | type[ListedCase]) -> ColumnElement[bool]:
    return and_(LogEntry.area_id == model.area_id, LogEntry.sequence == model.sequence)


def _listed_lately(session: Session, area: str, case: str) -> ColumnElement[bool]:
    """Lists that were not taken into `listed_case` yet."""
    return and_(
        LogEntry.sequence > _followed(session, area),
        LogEntry.event == CasesListed.name,
        LogEntry.leaf.contains(f'"{case}"', autoescape=True),
    )


def _followed(session: Session, area: str) -> int:
    return session.scalar(select(Followed.sequence).where(Followed.area_id == area)) or 0


def exported(session: Session, area: str, filters: Filters) -> ColumnElement[bool]:
    """The same, as one condition on entries that are taken in their order."""
    branches = [query for query, _ in _branches(session, area, filters)]
    if len(branches) == 1 and not filters.unexpected:
        return _condition(session, area, filters)
    return and_(LogEntry.area_id == area, LogEntry.sequence.in_(union_all(*branches)))


def _condition(session: Session, area: str, filters: Filters) -> ColumnElement[bool]:
    """All filters but the case and what was expected."""
    wanted = {
        LogEntry.actor_id: filters.person,
        LogEntry.agency_id: filters.agency,
        LogEntry.document_id: filters.document,
        LogEntry.event: filters.event,
        LogEntry.operation: filters.operation,
        LogEntry.outcome: filters.outcome,
    }
    conditions = [LogEntry.area_id == area, *(column == value for column, value in wanted.items() if value)]
    return and_(*conditions, *_days(session, area, filters))


def _days(session: Session, area: str, filters: Filters) -> list[ColumnElement[bool]]:
    """By number where the sums of the day know it, by time for what was not taken yet."""
    conditions: list[ColumnElement[bool]] = []
    done = _followed(session, area) if filters.first or filters.last else 0
    ours = LogDay.area_id == area
    if filters.first:
        low = session.scalar(select(func.min(LogDay.first)).where(ours, LogDay.day >= filters.first))
        conditions += [LogEntry.sequence >= (low or done + 1), LogEntry.at >= midnight(filters.first)]
    if filters.last and filters.last < date.max:
        high = session.scalar(select(func.max(LogDay.last)).where(ours, LogDay.day <= filters.last)) or 0
        within, late = LogEntry.sequence <= high, LogEntry.sequence > done
        end = midnight(filters.last + timedelta(days=1))
        # by a time that no index has: SQLite took all entries before that day
        late_in_time = exists().where(
            LogEntry.area_id == area, late, func.coalesce(LogEntry.at, LogEntry.at) < end
        )
        conditions += [
            or_(within, late) if session.scalar(select(late_in_time)) else within,
            LogEntry.at < end,
        ]
    return conditions


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


def lines(session: Session, area: str, numbers: Sequence[int], unseal: Unseal) -> list[Line]:
    """In the order of the numbers."""
    query = select(LogEntry).where(LogEntry.area_id == area, LogEntry.sequence.in_(numbers))
    rows = {row.sequence: row for row in session.scalars(query)}
    teller = Teller(session, area, unseal)
    teller.prepare(list(rows.values()))
    return [teller.line(rows[number]) for number in numbers if number in rows]


class Teller:
    """Tells entries as lines; `prepare` those that come together."""

    def __init__(self, session: Session, area: str, unseal: Unseal) -> None:
        self._session, self._area, self._unseal = session, area, unseal
        self._names = Names(session, area, ())
        self._types: dict[str, str] = {}
        self._classes: dict[int, tuple[str, int]] = {}

    def prepare(self, entries: Sequence[LogEntry]) -> None:
        documents = {entry.document_id for entry in entries if entry.document_id}
        self._types = document_types(self._session, documents)
        cases = {entry.case_id for entry in entries if entry.case_id}
        references = select(Case.id, Case.reference).where(Case.area_id == self._area, Case.id.in_(cases))
        self._names.cases = pairs(self._session, references)
        numbers = [entry.sequence for entry in entries]
        query = select(AccessClass.sequence, AccessClass.why, AccessClass.flags).where(
            AccessClass.area_id == self._area, AccessClass.sequence.in_(numbers)
        )
        self._classes = {sequence: (why, flags) for sequence, why, flags in self._session.execute(query)}

    def line(self, entry: LogEntry) -> Line:
        body, names = json.loads(entry.leaf), self._names
        private = open_private(self._session, entry, self._unseal)
        why, flags = self._classes.get(entry.sequence, (None, 0))
        return Line(
            sequence=entry.sequence,
            at=entry.at,
            person=names.people.get(
                entry.actor_id or "", "The hub itself" if body["role"] is None else "Unknown"
            ),
            person_id=entry.actor_id,
            agency=names.agencies.get(entry.agency_id or "", ""),
            event=entry.event,
            operation=entry.operation,
            outcome=entry.outcome,
            case=names.cases.get(entry.case_id or "", "no such case" if entry.case_id else ""),
            case_id=entry.case_id,
            document=self._types.get(entry.document_id or "", "document" if entry.document_id else ""),
            document_id=entry.document_id,
            reason=entry.reason,
            address=str(private["address"].value) if "address" in private else "",
            detail=_shown(body["fields"], names),
            subject_id=_subject(body["fields"], names),
            why=Why(why) if why else None,
            flags=Flag(flags),
        )


def document_types(session: Session, documents: set[str]) -> dict[str, str]:
    return pairs(session, select(Document.id, Document.type).where(Document.id.in_(documents)))


def _subject(fields: Mapping[str, Any], names: Names) -> str | None:
    """The account that an entry is about, where it has a page."""
    subject = fields.get("subject")
    return subject if subject in names.people else None


def _shown(fields: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The other fields of an entry for people: an id by its name, a list by its length."""
    shown: dict[str, Any] = {}
    for name, value in fields.items():
        if name in COLUMNS or value in (None, "") or name == "sha256":
            continue
        if isinstance(value, list):
            shown[name] = len(value)
        else:
            shown[name] = names.of(value) if isinstance(value, str) and is_id(value) else value
    return shown
