"""Meetings: arranged by a coordinator, issued papers and minutes, read by those invited who re-affirmed the statement.

* Only those invited, the chair and the coordinator know of a meeting; to all others it is absent.
* A coordinator lists cases that they coordinate, and no others.
* What is issued is issued for good: it is superseded by a new version, never taken back or changed.
* Nothing issued is readable through a meeting before the reader re-affirmed the statement for it (rule 9).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import GRANTS, Permission, Role
from hub.cases.access import load_case, visible_cases
from hub.cases.listing import name_of
from hub.cases.model import Case
from hub.cases.reading import Named, Person
from hub.cases.rules import State
from hub.clock import Clock
from hub.conflicts import told_of_conflicts
from hub.db import Database, UnitOfWork
from hub.documents.access import load_document
from hub.documents.lists import DocumentLine, Listing
from hub.documents.model import Document
from hub.errors import Conflict, Invalid, NotHere, Refused
from hub.ids import id_from, is_id
from hub.ledger.events import (
    CasesListed,
    DocumentIssued,
    MeetingArranged,
    MeetingCaseListed,
    MeetingInvited,
    MeetingsListed,
    MeetingViewed,
    ReadersViewed,
    StatementAffirmed,
)
from hub.mail import Notices
from hub.meetings import rules
from hub.meetings.access import chairs, coordinates, load_meeting
from hub.meetings.model import Meeting, MeetingCase, MeetingInvitee, MeetingIssue
from hub.meetings.reading import (
    IssuedLine,
    MeetingPage,
    MyMeetings,
    Reader,
    mine,
    page_for,
    readers,
    unopened,
)
from hub.meetings.rules import Issue, MeetingLevel, MeetingState
from hub.people.model import Account, AccountState, Agency, Area
from hub.statement.rules import PARTS, Part
from hub.statement.service import current_version
from hub.vaults import Vaults

MAX_PLACE = 120
CHANGED = "Somebody changed this meeting at the same moment. Look again."
MAX_CASES, MAX_INVITED = 60, 200
READERS = frozenset(role for role in Role if Permission.MEETING_READ in GRANTS[role])


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """`starts_at` aware; `chair` an account id."""

    starts_at: datetime
    level: MeetingLevel
    locality: str
    place: str
    chair: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMeeting:
    """`form` is any text that stays the same when one form is sent twice: then one meeting is arranged."""

    form: str
    when: When
    cases: frozenset[str]
    invited: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """`cases`: open ones that the actor coordinates, named 'reference: name'."""

    localities: tuple[str, ...]
    cases: tuple[Named, ...]
    chairs: tuple[Person, ...]
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDocuments:
    """What could be issued of one case of the meeting, and has not been."""

    case: str
    reference: str
    documents: tuple[DocumentLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadersPage:
    page: MeetingPage
    documents: tuple[IssuedLine, ...]
    readers: tuple[Reader, ...]


@dataclass(slots=True, kw_only=True)
class _Arranging:
    """One change under way: the loaded row in its unit of work."""

    work: UnitOfWork
    actor: Actor
    row: Meeting
    now: datetime

    @property
    def session(self) -> Session:
        return self.work.session


class MeetingService:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults, notices: Notices) -> None:
        self._db, self._clock, self._vaults, self._notices = db, clock, vaults, notices

    # --- reading -----------------------------------------------------------------------------

    def mine(self, actor: Actor, page: int = 1) -> MyMeetings:
        authorise(actor, Permission.MEETING_LIST)
        with self._db.reading() as session:
            found = mine(session, actor, self._clock(), page)
        ids = tuple(line.id for line in (*found.upcoming, *found.past.rows))
        self._db.record(actor, MeetingsListed(meetings=ids))
        return found

    def unopened(self, actor: Actor) -> int:
        """For a badge: documents issued to the actor's meetings that they have not opened."""
        authorise(actor, Permission.MEETING_LIST)
        with self._db.reading() as session:
            return unopened(session, actor)

    def show(self, actor: Actor, meeting: str) -> MeetingPage:
        """Raises NotHere."""
        with self._db.work() as work:
            row = load_meeting(work.session, actor, Permission.MEETING_READ, meeting)
            page = page_for(work.session, self._vaults, actor, row, self._clock())
            _record_view(work, actor, page)
            work.commit()
        return page

    def arranged(self, actor: Actor, meeting: str) -> MeetingPage:
        """A meeting that the actor may arrange. Raises NotHere."""
        with self._db.work() as work:
            row = load_meeting(work.session, actor, Permission.MEETING_ARRANGE, meeting)
            page = page_for(work.session, self._vaults, actor, row, self._clock())
            _record_view(work, actor, page)
            work.commit()
        return page

    def readers(self, actor: Actor, meeting: str) -> ReadersPage:
        """Who re-affirmed and who opened what: for the coordinator and the chair."""
        with self._db.work() as work:
            row = load_meeting(work.session, actor, Permission.MEETING_ISSUE, meeting)
            page = page_for(work.session, self._vaults, actor, row, self._clock())
            ids = [one.id for one in page.issued]
            found = ReadersPage(
                page=page, documents=page.issued, readers=readers(work.session, actor, row, ids)
            )
            _record_view(work, actor, page)
            for one in page.issued:
                work.record(actor, ReadersViewed(case=one.case, document=one.id))
            work.commit()
        return found

    def choices(self, actor: Actor) -> Choices:
        """What a coordinator can pick from when arranging."""
        authorise(actor, Permission.MEETING_ARRANGE)
        with self._db.work() as work:
            found, shown = _choices(work.session, self._vaults, actor)
            work.record(actor, CasesListed(cases=shown))
            work.commit()
        return found

    def affirm(self, actor: Actor, meeting: str, *, version: str, parts: frozenset[Part]) -> None:
        """Re-affirm both parts of the statement for this meeting; `version` is the id of the one that was shown."""
        with self._db.work() as work:
            row = load_meeting(work.session, actor, Permission.MEETING_READ, meeting)
            invitee = work.session.get(MeetingInvitee, (meeting, str(actor.account)))
            if invitee is None or row.state == MeetingState.CANCELLED:
                raise Refused(
                    "Only those invited to a meeting that is going ahead affirm the statement for it."
                )
            current = current_version(work.session, actor.area)
            if current is None or current.id != version:
                raise Conflict(
                    "Another version of the statement was published meanwhile. Read it and tick again."
                )
            for part in PARTS:
                if part not in parts:
                    raise Invalid(part.value, f"Tick the {part.label.lower()} part to go on.")
            if invitee.affirmed_at is None:
                invitee.affirmed_at, invitee.affirmed_version_id = self._clock(), current.id
                number, sha256 = int(current.number or 0), str(current.sha256)
                work.record(actor, StatementAffirmed(meeting=meeting, version=number, sha256=sha256))
            work.commit()

    # --- arranging ---------------------------------------------------------------------------

    def arrange(self, actor: Actor, new: NewMeeting) -> str:
        """The id of the meeting; of the first, where its form is sent again. Chair and coordinator are invited too."""
        authorise(actor, Permission.MEETING_ARRANGE)
        if not new.form:
            raise Invalid("token", "This form came from elsewhere. Open the page again and send it.")
        meeting = id_from("meeting", str(actor.account), new.form)
        with told_of_conflicts(CHANGED, IntegrityError), self._db.work() as work:
            if work.session.get(Meeting, meeting) is None:
                self._arrange(work, actor, meeting, new)
                work.commit()
        return meeting

    def _arrange(self, work: UnitOfWork, actor: Actor, meeting: str, new: NewMeeting) -> None:
        now = self._clock()
        row = Meeting(
            id=meeting,
            area_id=actor.area,
            coordinator_id=actor.account,
            state=MeetingState.PLANNED,
            created_at=now,
        )
        _set_when(work.session, actor, row, new.when, now)
        work.session.add(row)
        work.session.flush()
        work.record(actor, MeetingArranged(meeting=meeting, what="arranged"))
        change = _Arranging(work=work, actor=actor, row=row, now=now)
        for account in sorted(new.invited | {new.when.chair, str(actor.account)}):
            _invite(change, account)
        for case in sorted(new.cases):
            _list_case(change, case)
        addresses = _addresses(work.session, meeting, but=str(actor.account))
        work.after(lambda: self._notices.send(addresses, f"/meetings/{meeting}"))

    def change(self, actor: Actor, meeting: str, when: When, *, seen: int) -> None:
        with self._arranging(actor, meeting, seen=seen) as change:
            _set_when(change.session, actor, change.row, when, change.now)
            _invite(change, when.chair)
            change.work.record(actor, MeetingArranged(meeting=meeting, what="changed"))
            self._tell(change)

    def cancel(self, actor: Actor, meeting: str, *, seen: int) -> None:
        """What was issued to it is no longer readable through it."""
        with self._arranging(actor, meeting, seen=seen) as change:
            if change.row.starts_at <= change.now:
                raise Refused("This meeting has begun; it can no longer be cancelled.")
            change.row.state = MeetingState.CANCELLED
            change.work.record(actor, MeetingArranged(meeting=meeting, what="cancelled"))
            self._tell(change)

    def add_case(self, actor: Actor, meeting: str, case: str) -> None:
        with self._arranging(actor, meeting) as change:
            _list_case(change, case)

    def remove_case(self, actor: Actor, meeting: str, case: str) -> None:
        with self._arranging(actor, meeting) as change:
            row = change.session.get(MeetingCase, (meeting, case)) if is_id(case) else None
            if row is None:
                return
            if change.session.scalar(select(_issued_of(meeting, case))):
                raise Invalid(
                    "case", "Documents of this case were issued to the meeting, so it stays listed."
                )
            change.session.delete(row)
            change.work.record(actor, MeetingCaseListed(meeting=meeting, case=case, what="removed"))

    def invite(self, actor: Actor, meeting: str, account: str) -> None:
        with self._arranging(actor, meeting) as change:
            if _invite(change, account):
                self._tell(change, only=account)

    def withdraw(self, actor: Actor, meeting: str, account: str) -> None:
        """From the next request on they read nothing through this meeting."""
        with self._arranging(actor, meeting) as change:
            if account in {change.row.chair_id, change.row.coordinator_id}:
                raise Invalid("person", "The chair and the coordinator stay invited.")
            row = change.session.get(MeetingInvitee, (meeting, account)) if is_id(account) else None
            if row is not None:
                change.session.delete(row)
                change.work.record(actor, MeetingInvited(meeting=meeting, subject=account, what="withdrawn"))

    @contextmanager
    def _arranging(self, actor: Actor, meeting: str, *, seen: int | None = None) -> Iterator[_Arranging]:
        with told_of_conflicts(CHANGED, IntegrityError), self._db.work() as work:
            row = load_meeting(work.session, actor, Permission.MEETING_ARRANGE, meeting)
            if row.state == MeetingState.CANCELLED:
                raise Refused("This meeting was cancelled and takes no more changes.")
            if seen is not None and row.row_version != seen:
                raise Conflict(
                    "Somebody changed this meeting after you opened it. What you typed is below, not yet saved."
                )
            yield _Arranging(work=work, actor=actor, row=row, now=self._clock())
            work.commit()

    def _tell(self, change: _Arranging, *, only: str | None = None) -> None:
        change.session.flush()
        meeting = change.row.id
        addresses = _addresses(change.session, meeting, but=str(change.actor.account), only=only)
        change.work.after(lambda: self._notices.send(addresses, f"/meetings/{meeting}"))

    # --- issuing -----------------------------------------------------------------------------

    def issuable(self, actor: Actor, meeting: str) -> tuple[MeetingPage, tuple[CaseDocuments, ...]]:
        """What the actor may read of the meeting's cases and was not issued to it yet."""
        with self._db.work() as work:
            row = load_meeting(work.session, actor, Permission.MEETING_ISSUE, meeting)
            page = page_for(work.session, self._vaults, actor, row, self._clock())
            issued = {one.id for one in page.issued}
            found = tuple(
                _issuable(work.session, self._vaults, actor, work.session.get_one(Case, line.id), issued)
                for line in page.cases
                if line.opens
            )
            _record_view(work, actor, page)
            work.commit()
        return page, found

    def issue(self, actor: Actor, meeting: str, what: Issue, documents: frozenset[str]) -> None:
        """To everyone invited, for good; what was issued before is left as it is. A chair issues minutes only."""
        with told_of_conflicts(CHANGED, IntegrityError), self._db.work() as work:
            row = load_meeting(work.session, actor, Permission.MEETING_ISSUE, meeting)
            _require_issuing(actor, row, what)
            if not documents:
                raise Invalid("documents", "Choose at least one document.")
            change = _Arranging(work=work, actor=actor, row=row, now=self._clock())
            fresh = [document for document in sorted(documents) if _issue(change, what, document)]
            if fresh:
                self._tell(change)
            work.commit()


def _record_view(work: UnitOfWork, actor: Actor, page: MeetingPage) -> None:
    """The meeting, and the cases whose nominal was named."""
    work.record(actor, MeetingViewed(meeting=page.id))
    named = tuple(line.id for line in page.cases if line.name is not None)
    if named:
        work.record(actor, CasesListed(cases=named))


def _set_when(session: Session, actor: Actor, row: Meeting, when: When, now: datetime) -> None:
    if row.starts_at != when.starts_at:
        rules.require_to_come(when.starts_at, now)
    if when.locality not in session.get_one(Area, actor.area).localities:
        raise Invalid("locality", "Choose a locality of this area.")
    place = " ".join(when.place.split())
    if not place or len(place) > MAX_PLACE or not place.isprintable():
        raise Invalid("place", f"Say where it is, in one line of up to {MAX_PLACE} characters.")
    chair = _account(session, actor, when.chair, "chair")
    if chair.role_ is not Role.CHAIR or chair.state == AccountState.SUSPENDED:
        raise Invalid("chair", "Choose somebody whose role is chair.")
    row.starts_at, row.level, row.locality = when.starts_at, when.level.value, when.locality
    row.place, row.chair_id = place, chair.id


def _invite(change: _Arranging, account: str) -> bool:
    """Whether they were not invited before."""
    meeting, session = change.row.id, change.session
    person = _account(session, change.actor, account, "invited")
    if person.role_ not in READERS or person.state == AccountState.SUSPENDED:
        raise Invalid(
            "invited", f"{person.name} cannot be invited: {person.role_.label} does not attend meetings."
        )
    if session.get(MeetingInvitee, (meeting, account)) is not None:
        return False
    _require_room(
        session, MeetingInvitee.account_id, MeetingInvitee.meeting_id == meeting, MAX_INVITED, "invited"
    )
    session.add(MeetingInvitee(meeting_id=meeting, account_id=account, invited_at=change.now))
    session.flush()
    change.work.record(change.actor, MeetingInvited(meeting=meeting, subject=account, what="invited"))
    return True


def _list_case(change: _Arranging, case: str) -> None:
    """An open case that the actor coordinates, at the end of the agenda."""
    session, meeting = change.session, change.row.id
    try:
        row = load_case(session, change.actor, Permission.CASE_CHANGE, case if is_id(case) else "")
    except NotHere as none:
        raise Invalid("cases", "Choose cases that you coordinate.") from none
    if row.state != State.OPEN:
        raise Invalid("cases", f"Case {row.reference} is closed.")
    if session.get(MeetingCase, (meeting, case)) is not None:
        return
    listed = MeetingCase.meeting_id == meeting
    _require_room(session, MeetingCase.case_id, listed, MAX_CASES, "cases")
    last = session.scalar(select(func.max(MeetingCase.position)).where(listed)) or 0
    session.add(MeetingCase(meeting_id=meeting, case_id=case, position=last + 1))
    session.flush()
    change.work.record(change.actor, MeetingCaseListed(meeting=meeting, case=case, what="added"))


def _require_room(session: Session, column: object, where: object, most: int, field: str) -> None:
    if (session.scalar(select(func.count(column)).where(where)) or 0) >= most:  # type: ignore[arg-type]
        raise Invalid(field, f"A meeting takes up to {most}.")


def _require_issuing(actor: Actor, row: Meeting, what: Issue) -> None:
    if row.state == MeetingState.CANCELLED:
        raise Refused("This meeting was cancelled; nothing can be issued to it.")
    if not coordinates(actor, row) and not (chairs(actor, row) and what is Issue.MINUTES):
        raise Refused("Papers are issued by the meeting's coordinator; a chair issues minutes.")


def _issue(change: _Arranging, what: Issue, document: str) -> bool:
    """Whether it had not been issued to this meeting before."""
    session, meeting, actor = change.session, change.row.id, change.actor
    try:
        case, row = load_document(
            session, actor, Permission.DOCUMENT_READ, document if is_id(document) else ""
        )
    except NotHere as none:
        raise Invalid("documents", "Choose documents of the cases on this meeting.") from none
    if session.get(MeetingCase, (meeting, case.id)) is None or row.withdrawn_at is not None:
        raise Invalid("documents", "Choose documents of the cases on this meeting.")
    if session.get(MeetingIssue, (meeting, document)) is not None:
        return False
    rules.require_issuable(what, row.type, change.row.starts_at, change.now)
    session.add(
        MeetingIssue(
            meeting_id=meeting, document_id=document, what=what, issued_at=change.now, issued_by=actor.account
        )
    )
    change.work.record(
        actor, DocumentIssued(meeting=meeting, case=case.id, document=document, what=what.value)
    )
    return True


def _issued_of(meeting: str, case: str) -> ColumnElement[bool]:
    of_case = exists().where(Document.id == MeetingIssue.document_id, Document.case_id == case)
    return exists().where(MeetingIssue.meeting_id == meeting).where(of_case)


def _issuable(session: Session, vaults: Vaults, actor: Actor, case: Case, issued: set[str]) -> CaseDocuments:
    vault = vaults.of(session, case)
    lines = [line for line in Listing().issuable(session, actor, vault, case) if line.id not in issued]
    return CaseDocuments(case=case.id, reference=case.reference, documents=tuple(lines))


def _addresses(session: Session, meeting: str, *, but: str, only: str | None = None) -> list[str]:
    query = (
        select(Account.email)
        .join(MeetingInvitee, MeetingInvitee.account_id == Account.id)
        .where(
            MeetingInvitee.meeting_id == meeting, Account.id != but, Account.state != AccountState.SUSPENDED
        )
        .order_by(Account.email)
    )
    return list(session.scalars(query if only is None else query.where(Account.id == only)))


def _choices(session: Session, vaults: Vaults, actor: Actor) -> tuple[Choices, tuple[str, ...]]:
    area = session.get_one(Area, actor.area)
    open_ = select(Case).where(visible_cases(actor), Case.state == State.OPEN).order_by(Case.reference)
    cases = tuple(
        Named(id=case.id, name=f"{case.reference}: {name_of(session, vaults, case)}")
        for case in session.scalars(open_).all()
    )
    people = _people(session, actor)
    choices = Choices(
        localities=tuple(area.localities),
        cases=cases,
        chairs=tuple(person for person in people if person.role is Role.CHAIR),
        people=people,
    )
    return choices, tuple(case.id for case in cases)


def _people(session: Session, actor: Actor) -> tuple[Person, ...]:
    query = (
        select(Account, Agency.name)
        .join(Agency, Agency.id == Account.agency_id)
        .where(Account.area_id == actor.area, Account.role.in_([role.value for role in READERS]))
        .where(Account.state != AccountState.SUSPENDED)
        .order_by(Account.name)
    )
    return tuple(
        Person(id=account.id, name=account.name, agency=agency, role=account.role_)
        for account, agency in session.execute(query)
    )


def _account(session: Session, actor: Actor, account: str, field: str) -> Account:
    row = session.get(Account, account) if is_id(account) else None
    if row is None or row.area_id != actor.area:
        raise Invalid(field, "Choose a person of this area.")
    return row
