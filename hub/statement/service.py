"""The statement: drafted, published and agreed; the gate asks `unagreed` on every request.

* A published version never changes; publishing another makes every earlier agreement insufficient.
* The two parts are agreed separately, each bound to the hash of the version that was shown.
* Agreements are kept for ever: there is no way to delete one.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import GRANTS, Permission
from hub.clock import Clock
from hub.conflicts import told_of_conflicts
from hub.db import Database, UnitOfWork
from hub.errors import Conflict, Invalid, NotHere
from hub.ids import new_id
from hub.ledger.events import LogRead, StatementAgreed, StatementDrafted, StatementPublished
from hub.people.model import Account, AccountState, Agency, Area
from hub.statement.model import Acceptance, StatementVersion
from hub.statement.rules import PARTS, Part, statement_hash, tidy

MAX_PART = 20_000
MIN_REASON = 10
CHANGED = "Somebody else changed this at the same moment. Open it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """One line of the register of agreements."""

    name: str
    number: int
    part: Part
    at: datetime
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAgreed:
    """Somebody who has not agreed all of the version in force; `agreed_before`: when they last agreed any version."""

    name: str
    agency: str
    parts: tuple[Part, ...]
    state: str
    agreed_before: datetime | None


class StatementService:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def current(self, actor: Actor) -> StatementVersion:
        """The version in force. Raises NotHere for an area that never published one."""
        with self._db.reading() as session:
            version = current_version(session, actor.area)
        if version is None:
            raise NotHere(permission=Permission.STATEMENT_AGREE, why="absent")
        return version

    def unagreed(self, actor: Actor) -> tuple[Part, ...]:
        """The parts of the current version that the actor has not agreed; both where no version is in force."""
        with self._db.reading() as session:
            return unagreed_parts(session, actor)

    def agree(self, actor: Actor, *, version: str, parts: frozenset[Part]) -> tuple[Part, ...]:
        """Agree parts of the version that was shown; what is still to be agreed.

        Raises Conflict when another version was published meanwhile: nobody agrees a text unseen.
        """
        with self._db.work() as work:
            _one_at_a_time(work.session, Account, str(actor.account))
            current = current_version(work.session, actor.area)
            if current is None or current.id != version:
                raise Conflict("A new version was published while you were reading. Please read this one.")
            for part in unagreed_parts(work.session, actor):
                if part in parts:
                    self._accept(work, actor, current, part)
            left = tuple(part for part in unagreed_parts(work.session, actor) if part not in parts)
            work.commit()
        return left

    def _accept(self, work: UnitOfWork, actor: Actor, current: StatementVersion, part: Part) -> None:
        sha256 = str(current.sha256)
        work.session.add(
            Acceptance(
                account_id=actor.account, version_id=current.id, part=part, at=self._clock(), sha256=sha256
            )
        )
        work.record(actor, StatementAgreed(version=int(current.number or 0), part=part, sha256=sha256))

    def draft(self, actor: Actor) -> StatementVersion:
        """The area's draft: as last saved, else a copy of the text in force (not yet saved)."""
        authorise(actor, Permission.STATEMENT_EDIT)
        with self._db.reading() as session:
            draft = _draft(session, actor.area)
            return draft or self._copy(actor, current_version(session, actor.area))

    def _copy(self, actor: Actor, current: StatementVersion | None) -> StatementVersion:
        return StatementVersion(
            id="",
            area_id=actor.area,
            number=None,
            confidentiality=current.confidentiality if current else "",
            equality=current.equality if current else "",
            edited_by=None,
            edited_at=self._clock(),
            row_version=0,
        )

    def save(self, actor: Actor, *, confidentiality: str, equality: str, seen: int) -> StatementVersion:
        """Save the draft. `seen` is the `row_version` that was edited (0 for none); Conflict when it moved on."""
        authorise(actor, Permission.STATEMENT_EDIT)
        texts = _checked(confidentiality, equality)
        with told_of_conflicts(CHANGED), self._db.work() as work:
            _one_at_a_time(work.session, Area, actor.area)
            draft = _draft(work.session, actor.area)
            if (draft.row_version if draft else 0) != seen:
                raise Conflict(
                    "Somebody else saved this draft after you opened it. Your text is below, not yet saved."
                )
            if draft is None:
                draft = self._copy(actor, None)
                draft.id = new_id()
                draft.row_version = 1
                work.session.add(draft)
            draft.confidentiality, draft.equality = texts
            draft.edited_by, draft.edited_at = actor.account, self._clock()
            work.record(actor, StatementDrafted(draft=draft.id))
            work.commit()
            return draft

    def publish(self, actor: Actor, *, reason: str, seen: int) -> StatementVersion:
        """Put the saved draft in force from the next request on. `seen` as in `save`."""
        authorise(actor, Permission.STATEMENT_EDIT)
        because = tidy(reason)
        if len(because) < MIN_REASON:
            raise Invalid("reason", "Say why the statement changes, in a sentence.")
        with told_of_conflicts(CHANGED), self._db.work() as work:
            _one_at_a_time(work.session, Area, actor.area)
            draft = _draft(work.session, actor.area)
            if draft is None or draft.row_version != seen:
                raise Conflict("The draft changed after you opened it. Read it again before you publish it.")
            current = current_version(work.session, actor.area)
            number = int(current.number or 0) + 1 if current else 1
            put_in_force(draft, number, because, self._clock())
            work.record(actor, StatementPublished(version=number, sha256=str(draft.sha256)))
            work.commit()
            return draft

    def versions(self, actor: Actor) -> list[StatementVersion]:
        """Every published version of the area, newest first."""
        published = StatementVersion.number.is_not(None)
        query = select(StatementVersion).where(StatementVersion.area_id == actor.area, published)
        with self._db.reading() as session:
            return list(session.scalars(query.order_by(StatementVersion.number.desc())))

    def version(self, actor: Actor, number: int) -> StatementVersion:
        found = [version for version in self.versions(actor) if version.number == number]
        if not found:
            raise NotHere(permission=Permission.STATEMENT_AGREE, why="absent")
        return found[0]

    def not_agreed(self, actor: Actor) -> list[NotAgreed]:
        """Who of the area may not go on yet, suspended people aside: as `register`."""
        if Permission.LOG_READ not in _granted(actor):
            authorise(actor, Permission.STATEMENT_EDIT)
        with self._db.reading() as session:
            version = current_version(session, actor.area)
            query = (
                select(Account.id, Account.name, Agency.name, Account.state, func.max(Acceptance.at))
                .join(Agency, Agency.id == Account.agency_id)
                .outerjoin(Acceptance, Acceptance.account_id == Account.id)
                .where(Account.area_id == actor.area, Account.state != AccountState.SUSPENDED)
                .group_by(Account.id, Account.name, Agency.name, Account.state)
                .order_by(Account.name, Account.id)
            )
            mine = select(Acceptance.account_id, Acceptance.part).where(
                Acceptance.version_id == (version.id if version else "")
            )
            agreed = {(account, part) for account, part in session.execute(mine)}
            lines = [
                NotAgreed(
                    name=name,
                    agency=agency,
                    parts=tuple(part for part in PARTS if (account, part.value) not in agreed),
                    state=state,
                    agreed_before=before,
                )
                for account, name, agency, state, before in session.execute(query)
            ]
        return [line for line in lines if line.parts]

    def register(self, actor: Actor) -> list[Agreed]:
        """Who agreed what and when, newest first: for who edits the statement and for information governance."""
        if Permission.LOG_READ not in _granted(actor):
            authorise(actor, Permission.STATEMENT_EDIT)
        query = (
            select(Account.name, StatementVersion.number, Acceptance.part, Acceptance.at, Acceptance.sha256)
            .join(Account, Account.id == Acceptance.account_id)
            .join(StatementVersion, StatementVersion.id == Acceptance.version_id)
            .where(StatementVersion.area_id == actor.area)
            .order_by(Acceptance.at.desc(), Account.name, Acceptance.part)
        )
        self._db.record(actor, LogRead(page="register", filters=""))
        with self._db.reading() as session:
            return [
                Agreed(name=name, number=number or 0, part=Part(part), at=at, sha256=sha256)
                for name, number, part, at, sha256 in session.execute(query)
            ]


def current_version(session: Session, area: str) -> StatementVersion | None:
    query = (
        select(StatementVersion)
        .where(StatementVersion.area_id == area, StatementVersion.number.is_not(None))
        .order_by(StatementVersion.number.desc())
        .limit(1)
    )
    return session.scalars(query).one_or_none()


def unagreed_parts(session: Session, actor: Actor) -> tuple[Part, ...]:
    agreed = set(session.scalars(_AGREED, {"area": actor.area, "account": actor.account}))
    return tuple(part for part in PARTS if part not in agreed)


_CURRENT = (
    select(StatementVersion.id)
    .where(StatementVersion.area_id == bindparam("area"), StatementVersion.number.is_not(None))
    .order_by(StatementVersion.number.desc())
    .limit(1)
)
_AGREED = select(Acceptance.part).where(
    Acceptance.version_id == _CURRENT.scalar_subquery(), Acceptance.account_id == bindparam("account")
)
"""Nothing where no version is in force. Asked with every request, so it is one question, made once."""


def put_in_force(draft: StatementVersion, number: int, reason: str, now: datetime) -> None:
    draft.number, draft.reason, draft.published_at = number, reason, now
    draft.sha256 = statement_hash(number, draft.confidentiality, draft.equality)


def _one_at_a_time(session: Session, table: type[Area] | type[Account], identity: str) -> None:
    """Two at the same moment: the second waits here and sees what the first did (a form sent twice, two first drafts)."""
    session.execute(select(table.id).where(table.id == identity).with_for_update())


def _draft(session: Session, area: str) -> StatementVersion | None:
    query = select(StatementVersion).where(
        StatementVersion.area_id == area, StatementVersion.number.is_(None)
    )
    return session.scalars(query).one_or_none()


def _checked(confidentiality: str, equality: str) -> tuple[str, str]:
    texts = tidy(confidentiality), tidy(equality)
    for field, text in zip(("confidentiality", "equality"), texts, strict=True):
        if not text or len(text) > MAX_PART:
            raise Invalid(field, f"Write this part; it may have up to {MAX_PART:,} characters.")
    return texts


def _granted(actor: Actor) -> frozenset[Permission]:
    return GRANTS[actor.role] if actor.role else frozenset()
