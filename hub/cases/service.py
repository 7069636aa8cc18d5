"""Cases: listed, shown, opened, changed under the rules of MAPPA, closed and opened again.

* Whoever may not read a case learns nothing of it: `load_case` raises the same for absent and forbidden.
* Every reading is recorded before anything of it is handed out.
* A change says why; the reason is sealed, the codes before and after go to the access log.
* A closed case takes no change but to be opened again, or to keep a named person from it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import GRANTS, Permission, Role
from hub.cases import rules
from hub.cases.access import load_case
from hub.cases.listing import CaseFilters, CaseLine, Sort, matching, page_of
from hub.cases.model import Case, CaseAgency, CaseChange, CaseExclusion, CaseMember, CaseVisit
from hub.cases.reading import CaseHead, CasePage, Excluded, Named, Person, head_of, page_for, staff_of
from hub.cases.rules import Category, Criterion, EntryRoute, ExitReason, Level, Review, State
from hub.cases.sealed import Nominal, open_exclusion, open_nominal, seal_because, seal_exclusion, seal_nominal
from hub.cases.timeline import Happening, Scope, timeline
from hub.clock import Clock, london_date
from hub.conflicts import told_of_conflicts
from hub.db import Database, UnitOfWork
from hub.errors import Closed, Conflict, Invalid
from hub.ids import id_from, is_id, new_id
from hub.ledger.events import CaseChanged, CaseOpened, CasesListed, CaseTeamChanged, CaseViewed
from hub.people.model import Account, AccountState, Agency, Area
from hub.search.shelves import Shelves
from hub.vaults import Vaults
from hub.web.paging import Page

MIN_REASON, MAX_REASON = 10, 4000
MAX_NAME, MAX_DUTY, MAX_VISOR, MAX_ALIASES = 120, 60, 40, 20
EARLIEST_BIRTH = date(1900, 1, 1)
TRIES = 6
CHANGED = "Somebody changed this case at the same moment. What you typed is below, not yet saved."
TEAM_CHANGED = "Somebody else changed the team at the same moment. Look again."
TEAM_ROLES = frozenset({Role.PRACTITIONER, Role.ATTENDEE, Role.CHAIR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why something is changed. `seen`: the `row_version` that was looked at."""

    reason: str
    seen: int
    criteria: frozenset[Criterion] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """`form` is any text that stays the same when one form is sent twice: then one case is opened."""

    form: str
    nominal: Nominal
    category: Category
    level: Level
    criteria: frozenset[Criterion]
    reason: str
    route: EntryRoute
    locality: str
    lead_agency: str
    agencies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What can be picked in this area; `people` only for coordinators."""

    localities: tuple[str, ...]
    agencies: tuple[Named, ...]
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPage:
    head: CaseHead
    agencies: tuple[Named, ...]
    team: tuple[Person, ...]
    excluded: tuple[Excluded, ...]
    choices: Choices


@dataclass(slots=True, kw_only=True)
class _Changing:
    """One change under way: the loaded row in its unit of work."""

    work: UnitOfWork
    actor: Actor
    case: Case
    area: Area
    now: datetime
    decision: Decision


class CaseService:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults, search: Shelves) -> None:
        self._db, self._clock, self._vaults, self._search = db, clock, vaults, search

    # --- reading -----------------------------------------------------------------------------

    def list(
        self,
        actor: Actor,
        filters: CaseFilters,
        sort: Sort = Sort.REVIEW,
        page: int = 1,
        *,
        down: bool = False,
    ) -> Page[CaseLine]:
        authorise(actor, Permission.CASE_LIST)
        today = london_date(self._clock())
        with self._db.reading() as session:
            found = page_of(
                session, self._vaults, actor, matching(actor, filters, today), (sort, down, page), today
            )
        self._db.record(actor, CasesListed(cases=tuple(line.id for line in found.rows)))
        return found

    def reviews(self, actor: Actor) -> dict[Review, int]:
        """How many of the open cases that the actor may read are overdue for review, and how many soon due."""
        authorise(actor, Permission.CASE_LIST)
        today = london_date(self._clock())
        with self._db.reading() as session:
            return {
                review: session.scalar(
                    select(func.count())
                    .select_from(Case)
                    .where(matching(actor, CaseFilters(review=review), today))
                )
                or 0
                for review in (Review.OVERDUE, Review.SOON)
            }

    def choices(self, actor: Actor) -> Choices:
        authorise(actor, Permission.CASE_LIST)
        with self._db.reading() as session:
            return _choices(session, actor)

    def show(self, actor: Actor, case: str, *, documents: int = 1) -> CasePage:
        """The case page; `documents` is the page of its documents. Raises NotHere."""
        with self._db.work() as work:
            row = load_case(work.session, actor, Permission.CASE_READ, case)
            before = _visit(work.session, actor, row, self._clock())
            vault = self._vaults.of(work.session, row)
            scope = Scope(actor=actor, case=row, now=self._clock(), since=before)
            page = page_for(work.session, vault, scope, documents)
            work.record(actor, CaseViewed(case=case))
            work.commit()
        return page

    def timeline(self, actor: Actor, case: str, page: int = 1) -> tuple[CaseHead, Page[Happening]]:
        with self._db.work() as work:
            row = load_case(work.session, actor, Permission.CASE_READ, case)
            vault = self._vaults.of(work.session, row)
            scope = Scope(actor=actor, case=row, now=self._clock())
            found = head_of(work.session, vault, scope), timeline(work.session, vault, scope, page)
            work.record(actor, CaseViewed(case=case))
            work.commit()
        return found

    def for_change(self, actor: Actor, case: str) -> CaseHead:
        """The head of a case that the actor may change. Raises NotHere."""
        with self._db.work() as work:
            row = load_case(work.session, actor, Permission.CASE_CHANGE, case)
            scope = Scope(actor=actor, case=row, now=self._clock())
            head = head_of(work.session, self._vaults.of(work.session, row), scope)
            work.record(actor, CaseViewed(case=case))
            work.commit()
        return head

    def team(self, actor: Actor, case: str) -> TeamPage:
        """Who works the case and who is kept from it, for its coordinator. Raises NotHere."""
        with self._db.work() as work:
            row = load_case(work.session, actor, Permission.CASE_CHANGE, case)
            vault = self._vaults.of(work.session, row)
            scope = Scope(actor=actor, case=row, now=self._clock())
            agencies, team = staff_of(work.session, row)
            excluded = _excluded(work.session, row)
            found = TeamPage(
                head=head_of(work.session, vault, scope),
                agencies=agencies,
                team=team,
                excluded=tuple(
                    Excluded(
                        id=one.account_id,
                        name=name,
                        agency=agency,
                        reason=open_exclusion(vault, one),
                        at=one.added_at,
                    )
                    for one, name, agency in excluded
                ),
                choices=_choices(work.session, actor),
            )
            work.record(actor, CaseViewed(case=case))
            work.commit()
        return found

    # --- opening -----------------------------------------------------------------------------

    def open_case(self, actor: Actor, new: NewCase) -> str:
        """The id of the new case, which the actor coordinates; of the first, where its form is sent again."""
        authorise(actor, Permission.CASE_OPEN)
        if not new.form:
            raise Invalid("token", "This form came from elsewhere. Open the page again and send it.")
        rules.require_level(new.category, new.level, new.criteria)
        rules.require_entry(new.category, new.route)
        checked = replace(
            new, nominal=_checked_nominal(new.nominal, self._today()), reason=_checked_reason(new.reason)
        )
        for _ in range(TRIES):
            try:
                return self._open(actor, checked)
            except IntegrityError:
                continue
        raise Conflict("Several cases are being opened at this moment. Send the form again.")

    def _open(self, actor: Actor, new: NewCase) -> str:
        case = id_from("case", str(actor.account), new.form)
        with self._db.work() as work:
            if work.session.get(Case, case) is None:
                row = self._new_row(work.session, actor, case, new)
                work.session.add(row)
                work.session.flush()
                self._complete(work, actor, row, new)
                work.commit()
        return case

    def _new_row(self, session: Session, actor: Actor, case: str, new: NewCase) -> Case:
        area = session.get_one(Area, actor.area)
        _require_locality(area, new.locality)
        for agency in new.agencies | {new.lead_agency}:
            _agency(session, actor, agency, "lead_agency" if agency == new.lead_agency else "agencies")
        key, now = self._vaults.new_case_key(session, area.id, case), self._clock()
        row = Case(
            id=case,
            area_id=area.id,
            reference=_next_reference(session, area, self._today().year),
            category=new.category,
            level=new.level,
            locality=new.locality,
            lead_agency_id=new.lead_agency,
            coordinator_id=actor.account,
            state=State.OPEN,
            entry_route=new.route,
            opened_at=now,
            review_due=rules.review_by(new.level, self._today(), area.settings),
            sealed_nominal=b"",
            key_version=key.version,
            key_wrapped=key.data,
        )
        row.sealed_nominal = seal_nominal(self._vaults.of(session, row), case, new.nominal)
        return row

    def _complete(self, work: UnitOfWork, actor: Actor, row: Case, new: NewCase) -> None:
        now = self._clock()
        for agency in sorted(new.agencies | {new.lead_agency}):
            work.session.add(CaseAgency(case_id=row.id, agency_id=agency, added_at=now))
        decision = Decision(reason=new.reason, seen=0, criteria=new.criteria)
        change = _Changing(
            work=work,
            actor=actor,
            case=row,
            area=work.session.get_one(Area, actor.area),
            now=now,
            decision=decision,
        )
        self._search.index_nominal(work, row, self._vaults.of(work.session, row))
        self._remember(change, "opened", "", str(new.level.value))
        opened = CaseOpened(
            case=row.id, category=new.category.value, level=new.level.value, route=new.route.value
        )
        work.record(actor, opened)

    # --- changing ----------------------------------------------------------------------------

    def change_category(self, actor: Actor, case: str, to: Category, decision: Decision) -> None:
        with self._changing(actor, case, decision) as change:
            row = change.case
            _require_other(row.category, to, "category", f"The case is in category {to} already.")
            if not rules.may_be(to, Level(row.level)):
                rules.require_level(to, Level(row.level), frozenset())
            before, row.category = row.category, to.value
            self._note(change, "category", str(before), str(to.value))

    def change_level(self, actor: Actor, case: str, to: Level, decision: Decision) -> None:
        """The review date follows the new level."""
        with self._changing(actor, case, decision) as change:
            row = change.case
            _require_other(row.level, to, "level", f"The case is at level {to} already.")
            rules.require_level(Category(row.category), to, decision.criteria)
            before, row.level = row.level, to.value
            self._note(change, "level", str(before), str(to.value))
            change.decision = replace(change.decision, reason="", criteria=frozenset())
            self._set_review(change, rules.review_by(to, self._today(), change.area.settings))

    def change_review(self, actor: Actor, case: str, to: date, decision: Decision) -> None:
        with self._changing(actor, case, decision) as change:
            latest = rules.review_by(Level(change.case.level), self._today(), change.area.settings)
            rules.require_review(to, self._today(), latest)
            _require_other(change.case.review_due, to, "review", "That is the review date already.")
            self._set_review(change, to)

    def change_lead_agency(self, actor: Actor, case: str, to: str, decision: Decision) -> None:
        """The new lead agency is put on the case as well."""
        with self._changing(actor, case, decision) as change:
            row = change.case
            _agency(change.work.session, actor, to, "lead_agency")
            _require_other(row.lead_agency_id, to, "lead_agency", "That agency leads the case already.")
            before, row.lead_agency_id = row.lead_agency_id, to
            self._note(change, "lead agency", before, to)
            if change.work.session.get(CaseAgency, (case, to)) is None:
                change.work.session.add(CaseAgency(case_id=case, agency_id=to, added_at=change.now))
                change.work.record(actor, CaseTeamChanged(case=case, what="agency added", subject=to))

    def correct_nominal(self, actor: Actor, case: str, to: Nominal, decision: Decision) -> None:
        checked = _checked_nominal(to, self._today())
        with self._changing(actor, case, decision) as change:
            vault = self._vaults.of(change.work.session, change.case)
            _require_other(open_nominal(vault, change.case), checked, "name", "Nothing was changed.")
            change.case.sealed_nominal = seal_nominal(vault, case, checked)
            self._search.index_nominal(change.work, change.case, vault)
            self._note(change, "nominal", "", "")

    def hand_over(self, actor: Actor, case: str, to: str, decision: Decision) -> None:
        """Another coordinator takes the case; the actor no longer stands to it."""
        with self._changing(actor, case, decision) as change:
            other = _account(change.work.session, actor, to, "coordinator")
            if other.role != Role.COORDINATOR or _is_excluded(change.work.session, case, to):
                raise Invalid(
                    "coordinator", "Choose a coordinator of this area who is not kept from the case."
                )
            _require_other(change.case.coordinator_id, to, "coordinator", "You coordinate this case already.")
            before, change.case.coordinator_id = change.case.coordinator_id, to
            self._note(change, "coordinator", before, to)

    def close(self, actor: Actor, case: str, how: ExitReason, decision: Decision) -> None:
        """The person leaves MAPPA: the case takes nothing more (rule 6)."""
        with self._changing(actor, case, decision) as change:
            row = change.case
            rules.require_exit(Category(row.category), how)
            row.state, row.exit_reason, row.closed_at, row.review_due = State.CLOSED, how, change.now, None
            self._note(change, "closed", State.OPEN, how)

    def reopen(self, actor: Actor, case: str, decision: Decision) -> None:
        with self._changing(actor, case, decision, state=State.CLOSED) as change:
            row = change.case
            before, row.exit_reason, row.closed_at, row.state = row.exit_reason or "", None, None, State.OPEN
            row.review_due = rules.review_by(Level(row.level), self._today(), change.area.settings)
            self._note(change, "reopened", before, State.OPEN)

    @contextmanager
    def _changing(
        self, actor: Actor, case: str, decision: Decision, *, state: State = State.OPEN
    ) -> Iterator[_Changing]:
        """Everything that a change must pass before it is made, and its commit after."""
        with told_of_conflicts(CHANGED), self._db.work() as work:
            row = load_case(work.session, actor, Permission.CASE_CHANGE, case)
            _require_state(row, state)
            if row.row_version != decision.seen:
                raise Conflict(
                    "Somebody changed this case after you opened it. What you typed is below, not yet saved."
                )
            checked = replace(decision, reason=_checked_reason(decision.reason))
            area = work.session.get_one(Area, row.area_id)
            yield _Changing(work=work, actor=actor, case=row, area=area, now=self._clock(), decision=checked)
            work.commit()

    def _set_review(self, change: _Changing, to: date) -> None:
        before, change.case.review_due = change.case.review_due, to
        if before != to:
            self._note(change, "review", before.isoformat() if before else "", to.isoformat())

    def _note(self, change: _Changing, what: str, before: str, after: str) -> None:
        """A line of the case's history and an entry of the access log."""
        self._remember(change, what, before, after)
        change.work.record(
            change.actor, CaseChanged(case=change.case.id, what=what, before=before, after=after)
        )

    def _remember(self, change: _Changing, what: str, before: str, after: str) -> None:
        session, line, decision = change.work.session, new_id(), change.decision
        vault = self._vaults.of(session, change.case)
        session.add(
            CaseChange(
                id=line,
                case_id=change.case.id,
                at=change.now,
                by_id=change.actor.account,
                what=what,
                before=before,
                after=after,
                sealed_reason=seal_because(vault, line, decision.reason, decision.criteria),
            )
        )

    # --- who works the case, and who must not see it -------------------------------------------

    def add_agency(self, actor: Actor, case: str, agency: str) -> None:
        with self._staffing(actor, case) as change:
            session = change.work.session
            _agency(session, actor, agency, "agency")
            if session.get(CaseAgency, (case, agency)) is None:
                session.add(CaseAgency(case_id=case, agency_id=agency, added_at=change.now))
                self._note_team(change, "agency added", agency)

    def remove_agency(self, actor: Actor, case: str, agency: str) -> None:
        with self._staffing(actor, case) as change:
            _agency(change.work.session, actor, agency, "agency")
            if agency == change.case.lead_agency_id:
                raise Invalid(
                    "agency", "The lead agency stays on the case. Choose another lead agency first."
                )
            row = change.work.session.get(CaseAgency, (case, agency))
            if row is not None:
                change.work.session.delete(row)
                self._note_team(change, "agency removed", agency)

    def add_member(self, actor: Actor, case: str, account: str, duty: str) -> None:
        """Put a named person on the team, or change their duty."""
        checked = _checked_text(duty, "duty", MAX_DUTY, "Say what this person does in the case")
        with self._staffing(actor, case) as change:
            session = change.work.session
            _require_teamable(session, case, _account(session, actor, account, "person"))
            row = session.get(CaseMember, (case, account))
            if row is not None:
                row.duty = checked
                return
            session.add(CaseMember(case_id=case, account_id=account, duty=checked, added_at=change.now))
            self._note_team(change, "member added", account)

    def remove_member(self, actor: Actor, case: str, account: str) -> None:
        with self._staffing(actor, case) as change:
            _account(change.work.session, actor, account, "person")
            self._drop_member(change, account)

    def exclude(self, actor: Actor, case: str, account: str, reason: str) -> None:
        """Keep a named person from the case, from their next request on, whatever else they are (rule 26)."""
        with self._staffing(actor, case, reason=_checked_reason(reason), even_closed=True) as change:
            session = change.work.session
            _account(session, actor, account, "person")
            if account == change.case.coordinator_id:
                raise Invalid(
                    "person",
                    "You coordinate this case. Hand it to another coordinator before you are excluded.",
                )
            self._drop_member(change, account)
            if not _is_excluded(session, case, account):
                sealed = seal_exclusion(
                    self._vaults.of(session, change.case), case, account, change.decision.reason
                )
                session.add(
                    CaseExclusion(case_id=case, account_id=account, sealed_reason=sealed, added_at=change.now)
                )
                self._note_team(change, "exclusion added", account)

    def lift_exclusion(self, actor: Actor, case: str, account: str, reason: str) -> None:
        with self._staffing(actor, case, reason=_checked_reason(reason)) as change:
            _account(change.work.session, actor, account, "person")
            row = change.work.session.get(CaseExclusion, (case, account))
            if row is not None:
                change.work.session.delete(row)
                self._note_team(change, "exclusion lifted", account)

    @contextmanager
    def _staffing(
        self, actor: Actor, case: str, *, reason: str = "", even_closed: bool = False
    ) -> Iterator[_Changing]:
        """Doing one of these twice does it once."""
        with told_of_conflicts(TEAM_CHANGED, IntegrityError), self._db.work() as work:
            row = load_case(work.session, actor, Permission.CASE_CHANGE, case)
            if not even_closed:
                _require_state(row, State.OPEN)
            area = work.session.get_one(Area, row.area_id)
            decision = Decision(reason=reason, seen=row.row_version)
            yield _Changing(work=work, actor=actor, case=row, area=area, now=self._clock(), decision=decision)
            work.commit()

    def _drop_member(self, change: _Changing, account: str) -> None:
        row = change.work.session.get(CaseMember, (change.case.id, account))
        if row is not None:
            change.work.session.delete(row)
            self._note_team(change, "member removed", account)

    def _note_team(self, change: _Changing, what: str, subject: str) -> None:
        self._remember(change, what, "", subject)
        change.work.record(change.actor, CaseTeamChanged(case=change.case.id, what=what, subject=subject))

    def _today(self) -> date:
        return london_date(self._clock())


def _visit(session: Session, actor: Actor, case: Case, now: datetime) -> datetime | None:
    """Note this visit; when the last one before it ended, or None at the first. A visit is one session."""
    row = session.get(CaseVisit, (case.id, str(actor.account)))
    if row is None:
        _first_visit(session, actor, case, now)
        return None
    if row.session_id != actor.session:
        row.session_id, row.before = actor.session, row.at
    row.at = now
    return row.before


def _first_visit(session: Session, actor: Actor, case: Case, now: datetime) -> None:
    visit = CaseVisit(
        case_id=case.id, account_id=actor.account, session_id=actor.session, at=now, before=None
    )
    try:
        with session.begin_nested():
            session.add(visit)
    except IntegrityError:
        """Another request of the same person noted it at the same moment."""


def _choices(session: Session, actor: Actor) -> Choices:
    area = session.get_one(Area, actor.area)
    agencies = session.execute(
        select(Agency.id, Agency.name).where(Agency.area_id == actor.area).order_by(Agency.name)
    )
    staffs = actor.role is not None and Permission.CASE_CHANGE in GRANTS[actor.role]
    return Choices(
        localities=tuple(area.localities),
        agencies=tuple(Named(id=id_, name=name) for id_, name in agencies),
        people=_people(session, actor) if staffs else (),
    )


def _people(session: Session, actor: Actor) -> tuple[Person, ...]:
    """Whoever might ever read a case of the area, by name."""
    readers = [role.value for role in Role if Permission.CASE_READ in GRANTS[role]]
    query = (
        select(Account, Agency.name)
        .join(Agency, Agency.id == Account.agency_id)
        .where(
            Account.area_id == actor.area, Account.role.in_(readers), Account.state != AccountState.SUSPENDED
        )
        .order_by(Account.name)
    )
    return tuple(
        Person(id=account.id, name=account.name, agency=agency, role=account.role_)
        for account, agency in session.execute(query)
    )


def _excluded(session: Session, case: Case) -> list[tuple[CaseExclusion, str, str]]:
    query = (
        select(CaseExclusion, Account.name, Agency.name)
        .join(Account, Account.id == CaseExclusion.account_id)
        .join(Agency, Agency.id == Account.agency_id)
        .where(CaseExclusion.case_id == case.id)
        .order_by(Account.name)
    )
    return [(row, name, agency) for row, name, agency in session.execute(query)]


def _is_excluded(session: Session, case: str, account: str) -> bool:
    return session.get(CaseExclusion, (case, account)) is not None


def _next_reference(session: Session, area: Area, year: int) -> str:
    """After the highest of the year; the unique index refuses the slower of two, who tries again."""
    start = rules.reference(area.name, year, 0).rpartition("-")[0] + "-"
    query = select(func.max(Case.reference)).where(Case.area_id == area.id, Case.reference.startswith(start))
    return rules.reference(area.name, year, rules.number_of(session.scalar(query) or "") + 1)


def _require_state(case: Case, state: State) -> None:
    if case.state != state:
        raise Closed(
            "This case is closed and takes nothing more. Open it again first."
            if case.state == State.CLOSED
            else "This case is open already."
        )


def _require_other(before: object, after: object, field: str, sentence: str) -> None:
    if before == after:
        raise Invalid(field, sentence)


def _require_locality(area: Area, locality: str) -> None:
    if locality not in area.localities:
        raise Invalid("locality", "Choose a locality of this area.")


def _agency(session: Session, actor: Actor, agency: str, field: str) -> Agency:
    row = session.get(Agency, agency) if is_id(agency) else None
    if row is None or row.area_id != actor.area:
        raise Invalid(field, "Choose an agency of this area.")
    return row


def _account(session: Session, actor: Actor, account: str, field: str) -> Account:
    row = session.get(Account, account) if is_id(account) else None
    if row is None or row.area_id != actor.area:
        raise Invalid(field, "Choose a person of this area.")
    return row


def _require_teamable(session: Session, case: str, account: Account) -> None:
    if account.role_ not in TEAM_ROLES:
        raise Invalid(
            "person", f"{account.role_.label} is not a role that works on cases. Choose somebody else."
        )
    if account.state == AccountState.SUSPENDED:
        raise Invalid("person", "This account is suspended. Choose somebody else.")
    if _is_excluded(session, case, account.id):
        raise Invalid(
            "person", "This person is excluded from the case. Lift the exclusion first, with a reason."
        )


def _checked_reason(reason: str) -> str:
    text = reason.replace("\r\n", "\n").strip()
    if len(text) < MIN_REASON:
        raise Invalid("reason", "Say why, in a sentence.")
    if len(text) > MAX_REASON:
        raise Invalid("reason", f"The reason may have up to {MAX_REASON:,} characters.")
    return text


def _checked_nominal(nominal: Nominal, today: date) -> Nominal:
    name = _checked_text(nominal.name, "name", MAX_NAME, "Enter the person's name")
    aliases = tuple(
        _checked_text(alias, "aliases", MAX_NAME, "Enter each other name") for alias in nominal.aliases
    )
    if len(aliases) > MAX_ALIASES:
        raise Invalid("aliases", f"Up to {MAX_ALIASES} other names can be kept.")
    if nominal.born and not EARLIEST_BIRTH <= nominal.born <= today:
        raise Invalid("born", "The date of birth must lie between 1900 and today.")
    visor = _checked_text(nominal.visor, "visor", MAX_VISOR, "Enter the reference") if nominal.visor else None
    return Nominal(name=name, aliases=aliases, born=nominal.born, visor=visor)


def _checked_text(text: str, field: str, most: int, ask: str) -> str:
    """One line without invisible characters, which could make one name look like another."""
    line = " ".join(text.split())
    if not line or len(line) > most or not line.isprintable():
        raise Invalid(field, f"{ask}: one line of up to {most} characters that can be seen.")
    return line
