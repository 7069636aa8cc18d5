"""Break-glass: a practitioner opens a case that they do not stand to, for a stated reason and a limited time.

* A case is asked for by its exact reference. The attempt is on record before anything is looked up, and every attempt that
  fails gets the same answer: whoever guesses learns nothing but what a review of them will ask about.
* It gives reading, and nothing of a narrowed audience; never past an exclusion, an area or a suspension (`hub.access.policy`).
* It opens together with its review, its log entry and its notices, and ends by its time at the next request.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission, Role
from hub.access.policy import Standing, standing
from hub.cases.access import case_facts, facts_of_nothing
from hub.cases.model import BreakGlass, Case
from hub.clock import Clock, london_date
from hub.db import Database, UnitOfWork
from hub.errors import Conflict, Invalid, NotHere, Throttled
from hub.governance.days import add_working_days
from hub.governance.model import ReviewItem
from hub.governance.rules import Flag, GlassReason, Settings, State
from hub.ids import new_id
from hub.ledger.events import AccessRefused, GlassAsked, GlassEnded, GlassOpened, LogRead
from hub.ledger.model import LogEntry
from hub.mail import Notices
from hub.people.model import Account, AccountState, Agency, Area
from hub.people.parts import as_actor
from hub.vaults import Vaults

BREAK = Permission.CASE_BREAK_GLASS
MIN_WHY, MAX_WHY, MAX_REFERENCE = 20, 2000, 24
HOUR = timedelta(hours=1)
NONE_OPENS = "No case is opened by this reference. Your attempt is recorded."
GIVEN_BACK, TIME_OVER = "given back", "time over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is typed to open a case."""

    reference: str
    reason: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGlass:
    """One that is open now, for the banner."""

    case: str
    reference: str
    ends_at: datetime
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassLine:
    """One break-glass as its coordinator sees it."""

    reference: str
    case: str
    person: str
    agency: str
    reason: GlassReason
    why: str
    opened_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    reviewed: bool
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreviewed:
    """How many break-glasses wait for their review, and how many of them for longer than they may."""

    open: int
    overdue: int


class GlassService:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults, notices: Notices) -> None:
        self._db, self._clock, self._vaults, self._notices = db, clock, vaults, notices

    def hours(self, actor: Actor) -> int:
        """How long one lasts in the actor's area."""
        authorise(actor, BREAK)
        with self._db.reading() as session:
            return settings_of(session, actor.area).glass_hours

    def break_glass(self, actor: Actor, asked: Asked) -> tuple[str, bool]:
        """(the case's id, whether it was opened now and was not theirs to read already).

        Raises Invalid for what was typed and, in the same words, for every reference that opens nothing: there is no such
        case, they are excluded from it, it was shredded. Throttled; Conflict while it is open already.
        """
        authorise(actor, BREAK)
        checked = _checked(asked)
        self._note_attempt(actor, checked)
        try:
            return self._opened(actor, checked)
        except NotHere as nothing:
            refused = AccessRefused(
                permission=nothing.permission, why=nothing.why, case=nothing.case, document=None
            )
            self._db.record(actor, refused)
            raise Invalid("reference", NONE_OPENS) from nothing

    def _opened(self, actor: Actor, asked: Asked) -> tuple[str, bool]:
        with self._db.work() as work:
            _one_at_a_time(work.session, actor)
            case = self._find(work.session, actor, asked.reference)
            if work.session.scalars(_open(self._clock(), account=actor.account, case=case.id)).first():
                raise Conflict("This case is already open to you. Give it back first, or go on reading it.")
            if standing(actor, case_facts(work.session, case)) is not Standing.NONE:
                return case.id, False
            self._refuse_same_words(work.session, actor, case, asked.why)
            self._open(work, actor, case, asked)
            work.commit()
        return case.id, True

    def _note_attempt(self, actor: Actor, asked: Asked) -> None:
        """In a transaction of its own: what fails after it stays on record."""
        with self._db.work() as work:
            _one_at_a_time(work.session, actor)
            settings, now = settings_of(work.session, actor.area), self._clock()
            lately = (
                select(LogEntry.at)
                .where(LogEntry.area_id == actor.area, LogEntry.actor_id == actor.account)
                .where(LogEntry.event == GlassAsked.name, LogEntry.at > now - HOUR)
                .order_by(LogEntry.at)
            )
            tries = list(work.session.scalars(lately))
            if len(tries) >= settings.glass_tries:
                raise Throttled(int((tries[0] + HOUR - now).total_seconds()) + 1)
            work.record(actor, GlassAsked(reference=asked.reference, reason=asked.reason))
            work.commit()

    def _find(self, session: Session, actor: Actor, reference: str) -> Case:
        """By the same questions whether it is there or not."""
        query = select(Case).where(Case.area_id == actor.area, func.upper(Case.reference) == reference)
        case = session.scalars(query).one_or_none()
        if case is None:
            facts_of_nothing(session, reference)
            raise NotHere(permission=BREAK, why="absent")
        if standing(actor, case_facts(session, case)) is Standing.EXCLUDED:
            raise NotHere(permission=BREAK, why="forbidden: excluded", case=case.id)
        if case.key_wrapped is None:
            raise NotHere(permission=BREAK, why="shredded", case=case.id)
        return case

    def _refuse_same_words(self, session: Session, actor: Actor, case: Case, why: str) -> None:
        query = (
            select(BreakGlass)
            .where(BreakGlass.case_id == case.id, BreakGlass.account_id == actor.account)
            .order_by(BreakGlass.opened_at.desc())
            .limit(1)
        )
        last = session.scalars(query).first()
        if last is not None and self._words(session, actor.area, last) == why:
            raise Invalid("why", "You opened this case before with these words. Say what is so now.")

    def _open(self, work: UnitOfWork, actor: Actor, case: Case, asked: Asked) -> None:
        now, glass = self._clock(), new_id()
        settings = settings_of(work.session, actor.area)
        review = _review(actor, case, now, settings)
        work.session.add(review)
        sealed = self._vaults.box(work.session, actor.area, "review").seal(asked.why.encode(), "glass", glass)
        work.session.add(
            BreakGlass(
                id=glass,
                case_id=case.id,
                account_id=actor.account,
                agency_id=actor.agency,
                reason=asked.reason,
                sealed_why=sealed,
                opened_at=now,
                ends_at=now + timedelta(hours=settings.glass_hours),
                ended_at=None,
                how=None,
                review_id=review.id,
            )
        )
        opened = GlassOpened(case=case.id, glass=glass, reason=asked.reason, hours=settings.glass_hours)
        work.record(actor, opened)
        told = _to_tell(work.session, case)
        work.after(lambda: self._notices.send(told, "/"))

    def give_back(self, actor: Actor, case: str) -> None:
        """End the actor's own before its time. Raises NotHere when none is open."""
        authorise(actor, BREAK)
        with self._db.work() as work:
            rows = work.session.scalars(_open(self._clock(), account=actor.account, case=case)).all()
            if not rows:
                raise NotHere(permission=BREAK, why="absent", case=case)
            for row in rows:
                self._end(work, actor, row, GIVEN_BACK)
            work.commit()

    def end_expired(self) -> int:
        """Note the end of those whose time is over; nothing was readable by them since. Returns how many."""
        ended = 0
        query = select(BreakGlass.id).where(
            BreakGlass.ended_at.is_(None), BreakGlass.ends_at <= self._clock()
        )
        with self._db.reading() as session:
            expired = list(session.scalars(query))
        for id_ in expired:
            with self._db.work() as work:
                row = work.session.get_one(BreakGlass, id_, with_for_update=True)
                if row.ended_at is None:
                    self._end(work, _person(work.session, row), row, TIME_OVER)
                    work.commit()
                    ended += 1
        return ended

    def _end(self, work: UnitOfWork, actor: Actor, row: BreakGlass, how: str) -> None:
        row.ended_at = self._clock() if how == GIVEN_BACK else row.ends_at
        row.how = how
        work.record(actor, GlassEnded(case=row.case_id, glass=row.id, how=how))

    def mine(self, actor: Actor) -> list[OpenGlass]:
        """What the actor has open, first to end first."""
        if not actor.glass:
            return []
        now = self._clock()
        query = (
            select(Case.id, Case.reference, BreakGlass.ends_at)
            .join(BreakGlass, BreakGlass.case_id == Case.id)
            .where(BreakGlass.account_id == actor.account, BreakGlass.ended_at.is_(None))
            .where(BreakGlass.ends_at > now, BreakGlass.case_id.in_(actor.glass))
            .order_by(BreakGlass.ends_at)
        )
        with self._db.reading() as session:
            return [
                OpenGlass(
                    case=case,
                    reference=reference,
                    ends_at=ends,
                    minutes=max(1, int((ends - now).total_seconds() // 60)),
                )
                for case, reference, ends in session.execute(query)
            ]

    def unreviewed(self, actor: Actor) -> Unreviewed:
        """Of the cases that the actor coordinates."""
        today = london_date(self._clock())
        with self._db.reading() as session:
            due = list(session.scalars(_coordinated(actor)))
        return Unreviewed(open=len(due), overdue=sum(day < today for day in due))

    def coordinated(self, actor: Actor) -> list[GlassLine]:
        """Every break-glass into a case that the actor coordinates, the newest 200 first."""
        authorise(actor, Permission.CASE_CHANGE)
        query = (
            select(BreakGlass, Case, Account.name, Agency.name, ReviewItem)
            .join(Case, Case.id == BreakGlass.case_id)
            .join(Account, Account.id == BreakGlass.account_id)
            .join(Agency, Agency.id == BreakGlass.agency_id)
            .join(ReviewItem, ReviewItem.id == BreakGlass.review_id)
            .where(Case.area_id == actor.area, Case.coordinator_id == actor.account)
            .order_by(BreakGlass.opened_at.desc())
            .limit(200)
        )
        with self._db.work() as work:
            work.record(actor, LogRead(page="break-glass", filters=""))
            lines = [
                self._line(work.session, row, case, (person, agency), review)
                for row, case, person, agency, review in work.session.execute(query).all()
            ]
            work.commit()
        return lines

    def _line(
        self, session: Session, row: BreakGlass, case: Case, who: tuple[str, str], review: ReviewItem
    ) -> GlassLine:
        reviewed = review.state == State.CLOSED
        return GlassLine(
            reference=case.reference,
            case=case.id,
            person=who[0],
            agency=who[1],
            reason=GlassReason(row.reason),
            why=self._words(session, case.area_id, row),
            opened_at=row.opened_at,
            ends_at=row.ends_at,
            ended_at=row.ended_at,
            reviewed=reviewed,
            overdue=not reviewed and review.due < london_date(self._clock()),
        )

    def _words(self, session: Session, area: str, row: BreakGlass) -> str:
        return self._vaults.box(session, area, "review").open(row.sealed_why, "glass", row.id).decode()


def _one_at_a_time(session: Session, actor: Actor) -> None:
    """Of one person two attempts at the same moment neither count alike nor open twice."""
    session.execute(select(Account.id).where(Account.id == actor.account).with_for_update())


def settings_of(session: Session, area: str) -> Settings:
    return Settings.of(session.get_one(Area, area).settings)


def faults(asked: Asked) -> dict[str, str]:
    """What is wrong with what was typed, a sentence by field: in an emergency all of it is told at once."""
    found = {}
    reference, why = asked.reference.strip().upper(), asked.why.strip()
    if not reference or len(reference) > MAX_REFERENCE or not reference.isprintable():
        found["reference"] = "Give the case's whole reference, as it stands on a referral or a call."
    if asked.reason not in set(GlassReason):
        found["reason"] = "Choose why you must open this case."
    if not MIN_WHY <= len(why) <= MAX_WHY:
        found["why"] = f"Say in {MIN_WHY} to {MAX_WHY:,} characters what happened and who asked you."
    return found


def _checked(asked: Asked) -> Asked:
    for field, sentence in faults(asked).items():
        raise Invalid(field, sentence)
    return Asked(reference=asked.reference.strip().upper(), reason=asked.reason, why=asked.why.strip())


def _review(actor: Actor, case: Case, now: datetime, settings: Settings) -> ReviewItem:
    day = london_date(now)
    return ReviewItem(
        id=new_id(),
        area_id=actor.area,
        account_id=actor.account,
        case_id=case.id,
        about="glass",
        day=day,
        flags=int(Flag.GLASS),
        accesses=0,
        unexpected=0,
        refusals=0,
        made_at=now,
        due=add_working_days(day, settings.glass_review_days, settings.extra_holidays),
        state=State.WAITING,
        outcome=None,
        closed_at=None,
    )


def _to_tell(session: Session, case: Case) -> list[str]:
    """The addresses of the case's coordinator and of everyone in information governance."""
    query = (
        select(Account.email)
        .where(Account.area_id == case.area_id, Account.state == AccountState.ACTIVE)
        .where((Account.role == Role.GOVERNANCE) | (Account.id == case.coordinator_id))
        .order_by(Account.email)
    )
    return list(session.scalars(query))


def _open(now: datetime, *, account: str | None, case: str) -> Select[BreakGlass]:
    return select(BreakGlass).where(
        BreakGlass.account_id == account,
        BreakGlass.case_id == case,
        BreakGlass.ended_at.is_(None),
        BreakGlass.ends_at > now,
    )


def _coordinated(actor: Actor) -> Select[date]:
    """By when each review is due that is not closed."""
    return (
        select(ReviewItem.due)
        .join(BreakGlass, BreakGlass.review_id == ReviewItem.id)
        .join(Case, Case.id == BreakGlass.case_id)
        .where(Case.coordinator_id == actor.account, ReviewItem.state != State.CLOSED)
    )


def _person(session: Session, row: BreakGlass) -> Actor:
    """Whose it was, outside any session: the end is entered under their name."""
    return as_actor(session.get_one(Account, row.account_id), session=None, address="", device="")
