"""A case destroyed, in steps of which each can be done again: whoever stops one half way runs the same command again.

keys      every wrapping of the case's key, every wrapped object key and everything sealed goes from the rows, in one
          unit of work with its log entry: from here on nothing of the case opens anywhere
objects   the sealed bytes go from the store, what no row names included
backups   each backup repository that the hub knows forgets the wrappings it holds
database  what the database's files kept of overwritten rows goes
done      the certificate is made, and its hash is in the log
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor, program
from hub.access.permissions import Permission
from hub.cases.model import Case
from hub.clock import Clock
from hub.db import Database
from hub.disposal import rules
from hub.disposal.certificate import Certificate, certificate_of, made_of
from hub.disposal.erasing import Found, erase, sealed_tables
from hub.disposal.holds import standing_holds
from hub.disposal.model import Disposal, DisposalRequest
from hub.disposal.reading import latest_request
from hub.disposal.remains import clean
from hub.disposal.rules import Barred, Request, RequestState, Standing, Step
from hub.errors import Invalid, Refused
from hub.ids import is_id
from hub.ledger.events import AccessRefused, CaseShredded, DisposalCertified
from hub.people.model import Account, AccountState
from hub.search.service import SearchService
from hub.vaults import Vaults
from storage.errors import NotFound
from storage.failpoints import Point, failpoint

BESIDE = ("staged_file", "held_form", "asked_search", "case_shard", "case_member")
"""Tables of which rows were removed or words cleared, beside those with something sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What one backup said. `place`: where it is; `made_at`: ISO 8601; `forgotten`: the case's wrappings are gone from it."""

    place: str
    made_at: str
    forgotten: bool
    why: str = ""


class Backups(Protocol):
    """The backups that the hub knows of."""

    def forget_case(self, case: str) -> Sequence[Copy]:
        """Take the case's wrapped keys out of every repository within reach; says of each backup how that went."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A case found by its id or reference; `step`: how far its destruction has come, None before it began."""

    case: str
    reference: str
    area: str
    step: Step | None


class Shredding:
    """`store`: how the certificate names the place of the sealed objects."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        vaults: Vaults,
        backups: Backups,
        search: SearchService,
        *,
        store: str,
    ) -> None:
        self._db, self._clock, self._vaults = db, clock, vaults
        self._backups, self._search, self._store = backups, search, store
        self._known = 0

    def find(self, named: str) -> Target:
        """Raises Invalid where no case, or more than one, is so named."""
        text = named.strip()
        condition = Case.id == text if is_id(text) else Case.reference == text.upper()
        query = select(Case, Disposal.step).outerjoin(Disposal, Disposal.case_id == Case.id).where(condition)
        with self._db.reading() as session:
            found = session.execute(query.limit(2)).all()
        if not found:
            raise Invalid("case", f"There is no case {text}.")
        if len(found) > 1:
            raise Invalid("case", f"More than one area has a case {text}. Name it by its id.")
        row, step = found[0]
        return Target(
            case=row.id, reference=row.reference, area=row.area_id, step=Step(step) if step else None
        )

    def require_ready(self, target: Target) -> None:
        """Raises Refused, and records it, where nobody has approved it or something stands against it."""
        actor = program(target.area)
        with self._told(actor, target.case), self._db.reading() as session:
            _require_executable(session, session.get_one(Case, target.case), self._clock())

    def shred(self, target: Target) -> Certificate:
        """Destroy the case, or go on where an earlier run stopped; when this returns it is complete.

        Raises Refused, StorageError: what is done stays done, and the same call goes on from there.
        """
        step = target.step or self._destroy_keys(target)
        self._forget()
        if step is Step.KEYS:
            self._delete_objects(target)
            step = self._advance(target, Step.OBJECTS, Point.SHRED_OBJECTS_GONE)
        if step is Step.OBJECTS:
            copies = self._backups.forget_case(target.case)
            outside = json.dumps([asdict(copy) for copy in copies])
            step = self._advance(target, Step.BACKUPS, Point.SHRED_BACKUPS_GONE, outside=outside)
        if step is Step.BACKUPS:
            tables = sorted({table.name for table, _ in sealed_tables(target.case)} | set(BESIDE))
            clean(self._db.engine, tables)
            step = self._advance(target, Step.DATABASE, Point.SHRED_DATABASE_CLEAN)
        if step is Step.DATABASE:
            self._certify(target)
        return self.certificate(target.case)

    def certificate(self, case: str) -> Certificate:
        """As it was first made. Raises Invalid where the destruction is not complete."""
        with self._db.reading() as session:
            row = session.get(Disposal, case)
            if row is None or row.certificate is None:
                raise Invalid(
                    "case", "There is no certificate: the destruction of this case is not complete."
                )
            return made_of(row)

    def forget_destroyed(self) -> None:
        """Drop the keys and indexes that this process keeps in memory, when another destroyed a case since the last call."""
        with self._db.reading() as session:
            count = session.scalars(select(func.count()).select_from(Disposal)).one()
        if count != self._known:
            self._forget()
            self._known = count

    def _forget(self) -> None:
        with self._db.reading() as session:
            self._vaults.keyring(session).forget()
        self._search.forget()

    # --- the steps ---------------------------------------------------------------------------

    def _destroy_keys(self, target: Target) -> Step:
        actor = program(target.area)
        with self._told(actor, target.case), self._db.work() as work:
            session, now = work.session, self._clock()
            row = _locked(session, target.case)
            request = _require_executable(session, row, now)
            found = erase(session, self._vaults, row)
            session.refresh(row)
            row.destroyed_at, request.state = now, RequestState.DONE
            session.add(_disposal(row, request, found, now))
            session.flush()
            failpoint(Point.SHRED_EMPTIED)
            work.record(actor, _event(row, request, found))
            work.commit()
        failpoint(Point.SHRED_KEYS_GONE)
        return Step.KEYS

    def _delete_objects(self, target: Target) -> None:
        store = self._vaults.store
        for name in list(store.names(f"{target.area}/{target.case}/")):
            with suppress(NotFound):
                store.delete(name)
            failpoint(Point.SHRED_OBJECT_GONE)

    def _advance(self, target: Target, step: Step, point: Point, *, outside: str | None = None) -> Step:
        with self._db.work() as work:
            row = work.session.get_one(Disposal, target.case)
            row.step = step
            if outside is not None:
                row.outside = outside
            work.commit()
        failpoint(point)
        return step

    def _certify(self, target: Target) -> None:
        with self._db.work() as work:
            session = work.session
            row = session.get_one(Disposal, target.case, with_for_update=True)
            if row.certificate is not None:
                return
            row.finished_at = self._clock()
            row.certificate = certificate_of(session, row, self._store)
            made = made_of(row)
            row.sha256, row.text_sha256, row.step = made.sha256, made.text_sha256, Step.DONE
            certified = DisposalCertified(
                case=row.case_id, request=row.request_id, sha256=made.sha256, text_sha256=made.text_sha256
            )
            work.record(program(target.area), certified)
            work.commit()
        failpoint(Point.SHRED_CERTIFIED)

    def _told(self, actor: Actor, case: str) -> "_Told":
        return _Told(self._db, actor, case)


class _Told:
    """What a rule forbids is recorded, in a transaction of its own, and told."""

    def __init__(self, db: Database, actor: Actor, case: str) -> None:
        self._db, self._actor, self._case = db, actor, case

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Barred):
            refused = AccessRefused(
                permission=Permission.DISPOSAL_DECIDE,
                why=f"forbidden: {error.why}",
                case=self._case,
                document=None,
            )
            self._db.record(self._actor, refused)
            raise Refused(error.sentence) from error


def _locked(session: Session, case: str) -> Case:
    return session.scalars(select(Case).where(Case.id == case).with_for_update()).one()


def _require_executable(session: Session, row: Case, now: datetime) -> DisposalRequest:
    standing = Standing(
        state=row.state,
        holds=standing_holds(session, row.id),
        destroyed=row.key_wrapped is None,
        closed_at=row.closed_at,
    )
    request = latest_request(session, row.id)
    if request is None:
        raise Barred(
            "request over", "Nobody has asked for this. The case's coordinator must ask for its destruction."
        )
    approver = session.get(Account, request.decided_by) if request.decided_by else None
    facts = Request(
        state=request.state,
        by=request.asked_by,
        ends_at=request.ends_at,
        decided_by=request.decided_by,
        asked_at=request.asked_at,
    )
    active = approver is not None and approver.state == AccountState.ACTIVE
    rules.require_executable(standing, facts, now, approver_active=active)
    return request


def _disposal(row: Case, request: DisposalRequest, found: Found, now: datetime) -> Disposal:
    told = {"kinds": found.kinds, "counts": found.counts, "keys": found.keys}
    return Disposal(
        case_id=row.id,
        request_id=request.id,
        step=Step.KEYS,
        began_at=now,
        objects=found.objects,
        bytes=found.bytes,
        found=json.dumps(told, sort_keys=True),
    )


def _event(row: Case, request: DisposalRequest, found: Found) -> CaseShredded:
    return CaseShredded(
        case=row.id,
        request=request.id,
        documents=found.counts["documents"],
        objects=found.objects,
        bytes=found.bytes,
        key=found.keys["key_wrapped"],
    )
