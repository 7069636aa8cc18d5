"""The list of the cases a person may read: filtered, sorted and paged in a constant number of queries.

Names are sealed, so they are opened only for the rows that are shown; sorting by name opens those of
every case that passes the filters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.cases.access import visible_cases
from hub.cases.model import Case, CaseChange
from hub.cases.rules import SOON, Category, Level, Review, State, review_state
from hub.cases.sealed import destroyed_on, open_nominal
from hub.cases.timeline import shown_changes
from hub.documents.lists import shown
from hub.documents.model import Document
from hub.people.model import Agency, Area
from hub.vaults import Vaults
from hub.web.paging import PER_PAGE, Page, offset


class Sort(StrEnum):
    REFERENCE = "reference"
    NAME = "name"
    REVIEW = "review"
    LEVEL = "level"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilters:
    """None or empty: any. `text` is looked for in the reference."""

    category: Category | None = None
    level: Level | None = None
    locality: str | None = None
    lead_agency: str | None = None
    review: Review | None = None
    state: State | None = State.OPEN
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """`changed`: the newest change of the case, or of a document of it that the reader may see."""

    id: str
    reference: str
    name: str
    category: Category
    level: Level
    locality: str
    lead_agency: str
    state: State
    review_due: date | None
    review: Review
    changed: datetime
    destroyed: bool


def matching(actor: Actor, filters: CaseFilters, today: date) -> ColumnElement[bool]:
    """The condition on `Case` for what the actor may read and the filters let through."""
    wanted = [visible_cases(actor)]
    exact = {
        Case.category: filters.category,
        Case.level: filters.level,
        Case.locality: filters.locality,
        Case.lead_agency_id: filters.lead_agency,
        Case.state: filters.state,
    }
    wanted += [column == value for column, value in exact.items() if value is not None]
    if filters.text:
        wanted.append(Case.reference.icontains(filters.text, autoescape=True))
    return and_(*wanted, *_due(filters.review, today))


def _due(review: Review | None, today: date) -> list[ColumnElement[bool]]:
    if review is Review.OVERDUE:
        return [Case.review_due < today]
    if review is Review.SOON:
        return [Case.review_due >= today, Case.review_due <= today + SOON]
    return []


def page_of(
    session: Session,
    vaults: Vaults,
    actor: Actor,
    found: ColumnElement[bool],
    order: tuple[Sort, bool, int],
    today: date,
) -> Page[CaseLine]:
    """`order` is (sort, whether downwards, page number). Four queries, however many cases."""
    sort, down, number = order
    area = session.get_one(
        Area, actor.area
    )  # held here: each vault asks for it again, of the session's memory
    total = session.scalar(select(func.count()).select_from(Case).where(found)) or 0
    rows: Sequence[Row]
    if sort is Sort.NAME:
        rows = _by_name(session, vaults, actor, found, down=down)[offset(number) : offset(number) + PER_PAGE]
    else:
        rows = _sorted(session, _rows(actor, found).order_by(*_order(actor, sort, down=down)), number)
    names = {row.id: name_of(session, vaults, row) for row, _, _ in rows}
    lines = [_line(row, names[row.id], agency, changed, today) for row, agency, changed in rows]
    del area
    return Page(rows=lines, number=number, total=total)


Row = tuple[Case, str, datetime]


def _rows(actor: Actor, found: ColumnElement[bool]) -> Select[Case, str, datetime]:
    changed = newest_change(actor).label("changed")
    return select(Case, Agency.name, changed).join(Agency, Agency.id == Case.lead_agency_id).where(found)


def _sorted(session: Session, query: Select[Case, str, datetime], number: int) -> list[Row]:
    rows = session.execute(query.limit(PER_PAGE).offset(offset(number)))
    return [(row, agency, changed) for row, agency, changed in rows]


def _order(actor: Actor, sort: Sort, *, down: bool) -> list[Any]:
    """Cases without a review date come last either way; the reference decides between equals."""
    columns: dict[Sort, Any] = {
        Sort.REFERENCE: Case.reference,
        Sort.REVIEW: Case.review_due,
        Sort.LEVEL: Case.level,
        Sort.CHANGED: newest_change(actor),
    }
    way = columns[sort].desc() if down else columns[sort].asc()
    return [Case.review_due.is_(None), way, Case.reference] if sort is Sort.REVIEW else [way, Case.reference]


def _by_name(
    session: Session, vaults: Vaults, actor: Actor, found: ColumnElement[bool], *, down: bool
) -> list[Row]:
    rows = [(row, agency, changed) for row, agency, changed in session.execute(_rows(actor, found))]
    names = {row.id: name_of(session, vaults, row).casefold() for row, _, _ in rows}
    return sorted(rows, key=lambda found: (names[found[0].id], found[0].reference), reverse=down)


def name_of(session: Session, vaults: Vaults, row: Case) -> str:
    """The nominal's name; of a destroyed case only when that was."""
    return (
        open_nominal(vaults.of(session, row), row).name if row.key_wrapped else destroyed_on(row.destroyed_at)
    )


def newest_change(actor: Actor) -> ColumnElement[datetime]:
    """Of the case and of those of its documents that the actor may see: others must not show by their time."""
    changes = (
        select(func.max(CaseChange.at))
        .where(CaseChange.case_id == Case.id, shown_changes(actor))
        .correlate(Case)
        .scalar_subquery()
    )
    documents = (
        select(func.max(Document.changed_at))
        .where(Document.case_id == Case.id, shown(actor))
        .correlate(Case)
        .scalar_subquery()
    )
    own = func.coalesce(changes, Case.opened_at)
    return case((documents > own, documents), else_=own)


def _line(row: Case, name: str, agency: str, changed: datetime, today: date) -> CaseLine:
    return CaseLine(
        id=row.id,
        reference=row.reference,
        name=name,
        category=Category(row.category),
        level=Level(row.level),
        locality=row.locality,
        lead_agency=agency,
        state=State(row.state),
        review_due=row.review_due,
        review=review_state(row.review_due, today),
        changed=changed,
        destroyed=row.key_wrapped is None,
    )
