"""Reviews: information governance looks at what was strange, asks the person, and closes with an outcome.

* Nobody reviews what they did themselves. Who looked, asked, answered and closed is in the access log.
* A question, an answer and a note are sealed under the area's box 'review'; the notice that there is one says nothing.
* Nothing disappears: a review is closed, never deleted, and what comes after belongs to a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission
from hub.cases.model import BreakGlass, Case
from hub.clock import Clock, london_date
from hub.db import Database, UnitOfWork
from hub.documents.model import Document
from hub.documents.rules import DOCUMENT_TYPES
from hub.errors import Conflict, Invalid, NotHere, Refused
from hub.governance.glass.service import settings_of
from hub.governance.model import AccessClass, ReviewItem, ReviewStep
from hub.governance.rules import Flag, GlassReason, Kind, Outcome, State, Why
from hub.ids import new_id
from hub.ledger.events import LogRead, ReviewAnswered, ReviewAsked, ReviewClosed
from hub.ledger.model import LogEntry
from hub.mail import Notices
from hub.people.model import Account, Agency
from hub.vaults import Vaults
from hub.web.paging import PER_PAGE, Page, offset

REVIEW = Permission.LOG_REVIEW
GLASS = "glass"
"""What a review of a break-glass is about."""
MIN_TEXT, MAX_TEXT = 10, 4000
SHOWN = 200
"""Accesses of one review on its page; all of them are in the export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewLine:
    """`case` is a reference, empty where the review is about the person; `own`: the reader's own accesses."""

    id: str
    person: str
    person_id: str
    agency: str
    case: str
    case_id: str | None
    about: str
    day: date
    flags: Flag
    accesses: int
    unexpected: int
    refusals: int
    due: date
    overdue: bool
    state: State
    outcome: Outcome | None
    closed_at: datetime | None
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLine:
    """`document` is its type; title and content stay sealed. `reason`: the code that the person chose, if asked."""

    sequence: int
    at: datetime
    kind: Kind
    reason: str | None
    case: str
    document: str
    document_id: str | None
    why: Why
    flags: Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    at: datetime
    by: str
    what: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassSaid:
    """What was said when the glass was broken."""

    reason: GlassReason
    why: str
    opened_at: datetime
    ends_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPage:
    line: ReviewLine
    accesses: Sequence[AccessLine]
    steps: Sequence[StepLine]
    glass: GlassSaid | None
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is not closed. `glass`: the break-glasses among them, to be reviewed within `glass_days` working days."""

    open: int
    overdue: int
    glass: int
    glass_overdue: int
    glass_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """`seen`: the `row_version` that was looked at."""

    outcome: str
    note: str
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which reviews: in a state, or all that are open (empty); about one thing, or any (empty).

    Of one person (an account's id) they are all, closed ones too, where no state is asked for.
    """

    state: str = ""
    about: str = ""
    person: str = ""

    def as_text(self) -> str:
        return " ".join(f"{name}={getattr(self, name)}" for name in self.__slots__ if getattr(self, name))

    def conditions(self) -> list[ColumnElement[bool]]:
        wanted = {
            ReviewItem.state: self.state,
            ReviewItem.about: self.about,
            ReviewItem.account_id: self.person,
        }
        chosen = [column == value for column, value in wanted.items() if value]
        return chosen if self.state or self.person else [*chosen, ReviewItem.state != State.CLOSED]


class ReviewService:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults, notices: Notices) -> None:
        self._db, self._clock, self._vaults, self._notices = db, clock, vaults, notices

    def waiting(self, actor: Actor) -> Waiting:
        authorise(actor, REVIEW)
        return self._waiting(actor.area)

    def unclosed(self, actor: Actor) -> Waiting:
        """The same numbers for who oversees the service, so that a queue nobody looks at is not unnoticed."""
        authorise(actor, Permission.SERVICE_STATUS)
        return self._waiting(actor.area)

    def _waiting(self, area: str) -> Waiting:
        late = func.count().filter(ReviewItem.due < self._today())
        query = (
            select(ReviewItem.about, func.count(), late)
            .where(ReviewItem.area_id == area, ReviewItem.state != State.CLOSED)
            .group_by(ReviewItem.about)
        )
        with self._db.reading() as session:
            found = {about: (number, overdue) for about, number, overdue in session.execute(query)}
            days = settings_of(session, area).glass_review_days
        glass, glass_overdue = found.get(GLASS, (0, 0))
        return Waiting(
            open=sum(number for number, _ in found.values()),
            overdue=sum(overdue for _, overdue in found.values()),
            glass=glass,
            glass_overdue=glass_overdue,
            glass_days=days,
        )

    def queue(self, actor: Actor, which: Which, number: int = 1) -> Page[ReviewLine]:
        """What is due first comes first; of closed ones, and of one person's, the newest."""
        authorise(actor, REVIEW)
        self._db.record(actor, LogRead(page="reviews", filters=which.as_text()))
        condition = and_(ReviewItem.area_id == actor.area, *which.conditions())
        newest = ReviewItem.day.desc() if which.person else ReviewItem.closed_at.desc()
        done = which.person or which.state == State.CLOSED
        order = (newest, ReviewItem.id) if done else (ReviewItem.due, ReviewItem.made_at, ReviewItem.id)
        query = _lines(condition).order_by(*order).limit(PER_PAGE).offset(offset(number))
        with self._db.reading() as session:
            rows = [self._line(actor, *row) for row in session.execute(query).all()]
            return Page(rows=rows, number=number, total=_number(session, condition))

    def show(self, actor: Actor, review: str) -> ReviewPage:
        """Raises NotHere; of one's own too, whose page is for another to see."""
        authorise(actor, REVIEW)
        with self._db.work() as work:
            item = self._load(work.session, actor, review)
            work.record(actor, LogRead(page="review", filters=f"review={review}"))
            row = work.session.execute(_lines(ReviewItem.id == review)).one()
            page = ReviewPage(
                line=self._line(actor, *row),
                accesses=_accesses(work.session, review),
                steps=self._steps(work.session, item),
                glass=self._glass(work.session, item),
                seen=item.row_version,
            )
            work.commit()
        return page

    def ask(self, actor: Actor, review: str, question: str, seen: int) -> None:
        """Ask the person. They get a notice without content, and answer in the hub."""
        authorise(actor, REVIEW)
        text = _checked("question", question)
        with self._db.work() as work:
            item = self._open(work.session, actor, review, seen)
            item.state = State.ASKED
            self._step(work, actor, item, "asked", text)
            work.record(actor, ReviewAsked(review=review, subject=item.account_id))
            address = work.session.get_one(Account, item.account_id).email
            work.after(lambda: self._notices.send([address], f"/reviews/{review}/answer"))
            _commit(work)

    def close(self, actor: Actor, review: str, closing: Closing) -> None:
        """Close with a coded outcome and a note. What comes later of the same day and case makes another review."""
        authorise(actor, REVIEW)
        if closing.outcome not in set(Outcome):
            raise Invalid("outcome", "Choose what the review came to.")
        text = _checked("note", closing.note)
        with self._db.work() as work:
            item = self._open(work.session, actor, review, closing.seen)
            item.state, item.outcome, item.closed_at = State.CLOSED, closing.outcome, self._clock()
            self._step(work, actor, item, "closed", text)
            closed = ReviewClosed(review=review, subject=item.account_id, result=closing.outcome)
            work.record(actor, closed)
            _commit(work)

    # --- the person's own side ------------------------------------------------------------------

    def asked_of(self, actor: Actor) -> list[str]:
        """The reviews about which the actor is asked and has not answered, oldest first."""
        query = select(ReviewItem.id).where(
            ReviewItem.account_id == actor.account, ReviewItem.state == State.ASKED
        )
        with self._db.reading() as session:
            return list(session.scalars(query.order_by(ReviewItem.made_at)))

    def question(self, actor: Actor, review: str) -> ReviewPage:
        """What the actor is asked, with the accesses that it is about. Raises NotHere for anybody else's."""
        authorise(actor, Permission.SELF)
        with self._db.work() as work:
            item = _own(work.session, actor, review)
            work.record(actor, LogRead(page="question", filters=f"review={review}"))
            row = work.session.execute(_lines(ReviewItem.id == review)).one()
            page = ReviewPage(
                line=self._line(actor, *row),
                accesses=[_as_answered(one) for one in _accesses(work.session, review)],
                steps=[step for step in self._steps(work.session, item) if step.what != "closed"],
                glass=None,
                seen=item.row_version,
            )
            work.commit()
        return page

    def answer(self, actor: Actor, review: str, text: str) -> None:
        authorise(actor, Permission.SELF)
        said = _checked("answer", text)
        with self._db.work() as work:
            item = _own(work.session, actor, review)
            if item.state == State.CLOSED:
                raise Refused("This question is closed; there is nothing more to answer.")
            item.state = State.ANSWERED
            self._step(work, actor, item, "answered", said)
            work.record(actor, ReviewAnswered(review=review))
            _commit(work)

    # --- parts ---------------------------------------------------------------------------------

    def _load(self, session: Session, actor: Actor, review: str) -> ReviewItem:
        item = session.get(ReviewItem, review)
        if item is None or item.area_id != actor.area:
            raise NotHere(permission=REVIEW, why="absent")
        if item.account_id == actor.account:
            raise NotHere(permission=REVIEW, why="forbidden: not theirs")
        return item

    def _open(self, session: Session, actor: Actor, review: str, seen: int) -> ReviewItem:
        item = self._load(session, actor, review)
        if item.state == State.CLOSED:
            raise Conflict("This review is closed already. Look at it again.")
        if item.row_version != seen:
            raise Conflict("Something was added to this review after you opened it. Look at it again.")
        return item

    def _step(self, work: UnitOfWork, actor: Actor, item: ReviewItem, what: str, text: str) -> None:
        id_ = new_id()
        sealed = self._vaults.box(work.session, item.area_id, "review").seal(text.encode(), "step", id_)
        step = ReviewStep(
            id=id_, review_id=item.id, at=self._clock(), by_id=actor.account, what=what, sealed_text=sealed
        )
        work.session.add(step)

    def _steps(self, session: Session, item: ReviewItem) -> list[StepLine]:
        box = self._vaults.box(session, item.area_id, "review")
        query = (
            select(ReviewStep, Account.name)
            .join(Account, Account.id == ReviewStep.by_id)
            .where(ReviewStep.review_id == item.id)
            .order_by(ReviewStep.at, ReviewStep.id)
        )
        return [
            StepLine(
                at=row.at, by=name, what=row.what, text=box.open(row.sealed_text, "step", row.id).decode()
            )
            for row, name in session.execute(query)
        ]

    def _glass(self, session: Session, item: ReviewItem) -> GlassSaid | None:
        row = session.scalars(select(BreakGlass).where(BreakGlass.review_id == item.id)).one_or_none()
        if row is None:
            return None
        box = self._vaults.box(session, item.area_id, "review")
        return GlassSaid(
            reason=GlassReason(row.reason),
            why=box.open(row.sealed_why, "glass", row.id).decode(),
            opened_at=row.opened_at,
            ends_at=row.ends_at,
            ended_at=row.ended_at,
        )

    def _line(self, actor: Actor, item: ReviewItem, person: str, agency: str, case: str | None) -> ReviewLine:
        return ReviewLine(
            id=item.id,
            person=person,
            person_id=item.account_id,
            agency=agency,
            case=case or "",
            case_id=item.case_id,
            about=item.about,
            day=item.day,
            flags=Flag(item.flags),
            accesses=item.accesses,
            unexpected=item.unexpected,
            refusals=item.refusals,
            due=item.due,
            overdue=item.state != State.CLOSED and item.due < self._today(),
            state=State(item.state),
            outcome=Outcome(item.outcome) if item.outcome else None,
            closed_at=item.closed_at,
            own=item.account_id == actor.account,
        )

    def _today(self) -> date:
        return london_date(self._clock())


def _lines(condition: ColumnElement[bool]) -> Select[ReviewItem, str, str, str]:
    return (
        select(ReviewItem, Account.name, Agency.name, Case.reference)
        .join(Account, Account.id == ReviewItem.account_id)
        .join(Agency, Agency.id == Account.agency_id)
        .outerjoin(Case, Case.id == ReviewItem.case_id)
        .where(condition)
    )


def _number(session: Session, condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(ReviewItem).where(condition)) or 0


def _accesses(session: Session, review: str) -> list[AccessLine]:
    """In order, the first `SHOWN`."""
    query = (
        select(AccessClass, Case.reference, Document.type, LogEntry.reason)
        .join(
            LogEntry, and_(LogEntry.area_id == AccessClass.area_id, LogEntry.sequence == AccessClass.sequence)
        )
        .outerjoin(Case, Case.id == AccessClass.case_id)
        .outerjoin(Document, Document.id == AccessClass.document_id)
        .where(AccessClass.review_id == review)
        .order_by(AccessClass.sequence)
        .limit(SHOWN)
    )
    return [
        AccessLine(
            sequence=row.sequence,
            at=row.at,
            kind=Kind(row.kind),
            reason=reason,
            case=reference or "",
            document=DOCUMENT_TYPES.get(type_ or "", type_ or ""),
            document_id=row.document_id,
            why=Why(row.why),
            flags=Flag(row.flags),
        )
        for row, reference, type_, reason in session.execute(query)
    ]


def _as_answered(line: AccessLine) -> AccessLine:
    """To the person a refusal was of nothing: whether there is such a case or document is not told them here either."""
    if line.kind is not Kind.REFUSAL:
        return line
    return replace(line, case="", document="", document_id=None)


def _own(session: Session, actor: Actor, review: str) -> ReviewItem:
    """Only once they were asked: before, that there is a review is not theirs to know."""
    item = session.get(ReviewItem, review)
    asked = select(ReviewStep.id).where(ReviewStep.review_id == review, ReviewStep.what == "asked")
    if item is None or item.account_id != actor.account or session.scalars(asked.limit(1)).first() is None:
        raise NotHere(permission=Permission.SELF, why="absent")
    return item


def _checked(field: str, text: str) -> str:
    said = text.strip()
    if not MIN_TEXT <= len(said) <= MAX_TEXT:
        raise Invalid(field, f"Write a sentence; it may have up to {MAX_TEXT:,} characters.")
    return said


def _commit(work: UnitOfWork) -> None:
    try:
        work.commit()
    except StaleDataError as stale:
        raise Conflict("Something was added to this review at the same moment. Look at it again.") from stale
