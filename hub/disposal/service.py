"""Legal holds, and the two people whose word destroys a case: one asks, another approves.

* The coordinator of a closed case asks; information governance decides, and opens nothing of the case.
* Whatever a rule forbids is told in one sentence and written to the access log.
* Reasons are sealed under the area's key: the case's own is gone when they are needed.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission
from hub.cases.access import load_case
from hub.cases.model import Case, CaseExclusion
from hub.cases.sealed import Nominal, open_nominal
from hub.clock import Clock, london_date
from hub.db import Database
from hub.disposal import rules
from hub.disposal.certificate import made_of
from hub.disposal.holds import standing_holds
from hub.disposal.model import Disposal, DisposalRequest, LegalHold
from hub.disposal.reading import (
    Asking,
    Brief,
    Certificates,
    Oversight,
    Overview,
    brief_of,
    classes_of,
    latest_request,
    oversight,
    overview,
    seal_reason,
)
from hub.disposal.reading import asking as asking_page
from hub.disposal.reading import certificates as certificates_page
from hub.disposal.rules import Barred, Code, Decider, Request, RequestState, Standing
from hub.errors import Invalid, NotHere, Refused
from hub.ids import id_from, new_id
from hub.ledger.events import (
    AccessRefused,
    CertificateRead,
    DisposalApproved,
    DisposalRefused,
    DisposalRequested,
    DisposalViewed,
    DisposalWithdrawn,
    HoldLifted,
    HoldSet,
)
from hub.people.model import Account, AccountState, Area
from hub.vaults import Vaults

ASK, READ, DECIDE, HOLD = (
    Permission.DISPOSAL_REQUEST,
    Permission.DISPOSAL_READ,
    Permission.DISPOSAL_DECIDE,
    Permission.HOLD_CHANGE,
)


class DisposalService:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults) -> None:
        self._db, self._clock, self._vaults = db, clock, vaults

    # --- the coordinator of the case ---------------------------------------------------------

    def brief(self, actor: Actor, case: str) -> Brief:
        """What the case page says of holds and disposal, to who coordinates it. Raises NotHere."""
        with self._db.reading() as session:
            load_case(session, actor, ASK, case)
            return brief_of(session, case, self._clock())

    def asking(self, actor: Actor, case: str) -> Asking:
        """Holds, the request that stands, and how long the case's papers are kept. Raises NotHere, Gone."""
        with self._db.work() as work:
            row = load_case(work.session, actor, ASK, case)
            nominal = self._nominal(work.session, row)
            page = asking_page(work.session, row, nominal.born, self._clock())
            work.record(actor, DisposalViewed(case=case))
            work.commit()
        return page

    def ask(self, actor: Actor, case: str, code: str, reason: str) -> None:
        """Ask for the destruction of a closed case. Raises Invalid, Refused, NotHere, Gone."""
        if code not in set(Code):
            raise Invalid("code", "Choose why it is to be destroyed.")
        checked = _checked(reason)
        with self._told(actor, ASK, case), self._db.work() as work:
            session, now = work.session, self._clock()
            row = _locked(session, load_case(session, actor, ASK, case))
            nominal = self._nominal(session, row)
            _require_unnamed(checked, nominal)
            before = latest_request(session, case)
            rules.require_askable(
                _standing(session, row), standing=bool(before and _facts(before).stands(now))
            )
            self._require_ended(session, row, Code(code), nominal)
            request = DisposalRequest(
                id=new_id(), case_id=case, code=code, state=RequestState.WAITING, asked_at=now, asked_by=actor.account,
                sealed_reason=b"", ends_at=rules.ends_at(now),
            )  # fmt: skip
            request.sealed_reason = seal_reason(session, self._vaults, row, ("request", request.id), checked)
            session.add(request)
            work.record(actor, DisposalRequested(case=case, request=request.id, code=code, reason=checked))
            work.commit()

    def _require_ended(self, session: Session, row: Case, code: Code, nominal: Nominal) -> None:
        closed, settings = london_date(_closed(row)), session.get_one(Area, row.area_id).settings
        ends = [
            rules.kept_until(closed, kept, nominal.born, settings) for kept in classes_of(session, row.id)
        ]
        rules.require_ended(code, ends, london_date(self._clock()))

    def withdraw(self, actor: Actor, case: str) -> None:
        """Take a request back, approved or not, until it is carried out. Raises Refused, NotHere."""
        with self._told(actor, ASK, case), self._db.work() as work:
            row = _locked(work.session, load_case(work.session, actor, ASK, case))
            request = self._standing_request(work.session, row)
            request.state = RequestState.WITHDRAWN
            work.record(actor, DisposalWithdrawn(case=case, request=request.id))
            work.commit()

    def _nominal(self, session: Session, row: Case) -> Nominal:
        return open_nominal(self._vaults.of(session, row), row)

    # --- information governance --------------------------------------------------------------

    def overview(self, actor: Actor, page: int = 1, sought: str = "") -> Overview:
        """Requests that wait, holds that stand, closed cases whose retention review is due; `sought`: of a reference."""
        self._look(actor, None)
        with self._db.reading() as session:
            return overview(session, actor, self._clock(), page, sought)

    def certificates(self, actor: Actor, page: int = 1) -> Certificates:
        self._look(actor, None)
        with self._db.reading() as session:
            return certificates_page(session, actor, page)

    def one(self, actor: Actor, case: str) -> Oversight:
        """Everything about one case but its content. Raises NotHere."""
        authorise(actor, READ)
        with self._db.work() as work:
            row = _overseen(work.session, actor, READ, case)
            found = oversight(work.session, self._vaults, row, self._clock())
            work.record(actor, DisposalViewed(case=case))
            work.commit()
        return found

    def certificate(self, actor: Actor, case: str, form: str) -> tuple[str, bytes]:
        """(file name without its ending, bytes) of the certificate; `form`: 'pdf' or 'text'. Raises NotHere, Refused.

        It is made anew each time; where a newer library draws the PDF otherwise, the one first made is not passed off.
        """
        authorise(actor, READ)
        with self._db.work() as work:
            row = _overseen(work.session, actor, READ, case)
            disposal = work.session.get(Disposal, case)
            if disposal is None or disposal.certificate is None:
                raise NotHere(permission=READ, why="absent", case=case)
            made = made_of(disposal)
            data, digest = (
                (made.pdf, made.sha256) if form == "pdf" else (made.text.encode(), made.text_sha256)
            )
            if digest != (disposal.sha256 if form == "pdf" else disposal.text_sha256):
                raise Refused(
                    "This version of the hub draws the certificate differently than it was. Take the other form."
                )
            work.record(actor, CertificateRead(case=case, form=form, sha256=digest))
            work.commit()
        return f"disposal-{row.reference}", data

    def _look(self, actor: Actor, case: str | None) -> None:
        authorise(actor, READ)
        self._db.record(actor, DisposalViewed(case=case))

    def set_hold(self, actor: Actor, case: str, reason: str, form: str) -> None:
        """From now on nothing of the case is destroyed. `form` stays the same when one form is sent twice."""
        authorise(actor, HOLD)
        checked = _checked(reason)
        if not form:
            raise Invalid("form", "This form came from elsewhere. Open the page again and send it.")
        with self._told(actor, HOLD, case), self._db.work() as work:
            row = _locked(work.session, _overseen(work.session, actor, HOLD, case))
            _require_say(work.session, actor, row)
            hold = id_from("hold", case, str(actor.account), form)
            if (before := work.session.get(LegalHold, hold)) is not None:
                if before.lifted_at is not None:
                    raise Barred(
                        "lifted already",
                        "The hold of this form has been lifted since. Open the page again to set one.",
                    )
                return
            sealed = seal_reason(work.session, self._vaults, row, ("hold", hold), checked)
            work.session.add(
                LegalHold(
                    id=hold, case_id=case, set_at=self._clock(), set_by=actor.account, sealed_reason=sealed
                )
            )
            work.record(actor, HoldSet(case=case, hold=hold, reason=checked))
            work.commit()

    def lift_hold(self, actor: Actor, case: str, hold: str, reason: str) -> None:
        authorise(actor, HOLD)
        checked = _checked(reason)
        with self._told(actor, HOLD, case), self._db.work() as work:
            row = _locked(work.session, _overseen(work.session, actor, HOLD, case))
            _require_say(work.session, actor, row)
            found = work.session.get(LegalHold, hold)
            if found is None or found.case_id != case:
                raise Invalid("hold", "Choose a hold of this case.")
            if found.lifted_at is not None:
                raise Barred("lifted already", "This hold has been lifted already.")
            found.lifted_at, found.lifted_by = self._clock(), actor.account
            found.sealed_lifting = seal_reason(work.session, self._vaults, row, ("lifting", hold), checked)
            work.record(actor, HoldLifted(case=case, hold=hold, reason=checked))
            work.commit()

    def approve(self, actor: Actor, case: str, reason: str) -> None:
        """The second person's word: the case may now be destroyed at the machine."""
        authorise(actor, DECIDE)
        checked = _checked(reason)
        with self._told(actor, DECIDE, case), self._db.work() as work:
            session = work.session
            row = _locked(session, _overseen(session, actor, DECIDE, case))
            request = self._standing_request(session, row)
            rules.require_approvable(
                _standing(session, row), _facts(request), _decider(session, actor, row), self._clock()
            )
            self._decide(session, row, request, actor, checked)
            request.state = RequestState.APPROVED
            work.record(actor, DisposalApproved(case=case, request=request.id, reason=checked))
            work.commit()

    def refuse(self, actor: Actor, case: str, reason: str) -> None:
        """Decide to keep the case, or take an approval back that was not carried out yet."""
        authorise(actor, DECIDE)
        checked = _checked(reason)
        with self._told(actor, DECIDE, case), self._db.work() as work:
            session = work.session
            row = _locked(session, _overseen(session, actor, DECIDE, case))
            _require_say(session, actor, row)
            request = self._standing_request(session, row)
            before, request.state = request.state, RequestState.REFUSED
            self._decide(session, row, request, actor, checked)
            work.record(actor, DisposalRefused(case=case, request=request.id, before=before, reason=checked))
            work.commit()

    def _decide(
        self, session: Session, row: Case, request: DisposalRequest, actor: Actor, reason: str
    ) -> None:
        request.decided_at, request.decided_by = self._clock(), actor.account
        request.sealed_decision = seal_reason(session, self._vaults, row, ("decision", request.id), reason)

    def _standing_request(self, session: Session, row: Case) -> DisposalRequest:
        request = latest_request(session, row.id)
        if row.key_wrapped is None:
            raise Barred("destroyed", "This case is destroyed already.")
        if request is None or not _facts(request).stands(self._clock()):
            raise Barred("request over", "No request to destroy this case stands.")
        return request

    @contextmanager
    def _told(self, actor: Actor, permission: Permission, case: str) -> Iterator[None]:
        """What a rule forbids is recorded, in a transaction of its own, and told."""
        try:
            yield
        except Barred as barred:
            why = f"forbidden: {barred.why}"
            self._db.record(actor, AccessRefused(permission=permission, why=why, case=case, document=None))
            raise Refused(barred.sentence) from barred


def _overseen(session: Session, actor: Actor, permission: Permission, case: str) -> Case:
    """A case of the actor's area, for those who see none of its content."""
    row = session.get(Case, case)
    if row is None or row.area_id != actor.area:
        raise NotHere(permission=permission, why="absent", case=case)
    return row


def _locked(session: Session, row: Case) -> Case:
    """Nobody else sets a hold, decides or destroys until this is done."""
    return session.scalars(
        select(Case).where(Case.id == row.id).with_for_update().execution_options(populate_existing=True)
    ).one()


def _closed(row: Case) -> datetime:
    return row.closed_at or row.opened_at


def _standing(session: Session, row: Case) -> Standing:
    return Standing(
        state=row.state,
        holds=standing_holds(session, row.id),
        destroyed=row.key_wrapped is None,
        closed_at=row.closed_at,
    )


def _facts(request: DisposalRequest) -> Request:
    return Request(
        state=request.state,
        by=request.asked_by,
        ends_at=request.ends_at,
        decided_by=request.decided_by,
        asked_at=request.asked_at,
    )


def _decider(session: Session, actor: Actor, row: Case) -> Decider:
    account = session.get_one(Account, actor.account, populate_existing=True)
    excluded = session.get(CaseExclusion, (row.id, account.id)) is not None
    return Decider(account=account.id, active=account.state == AccountState.ACTIVE, excluded=excluded)


def _require_say(session: Session, actor: Actor, row: Case) -> None:
    if row.key_wrapped is None:
        raise Barred("destroyed", "This case is destroyed already.")
    rules.require_decider(_decider(session, actor, row))


def _checked(reason: str) -> str:
    text = reason.replace("\r\n", "\n").strip()
    if len(text) < rules.MIN_REASON:
        raise Invalid("reason", "Say why, in a sentence.")
    if len(text) > rules.MAX_REASON:
        raise Invalid("reason", f"The reason may have up to {rules.MAX_REASON:,} characters.")
    return text


def _require_unnamed(reason: str, nominal: Nominal) -> None:
    """A reason outlives the case: it is refused where it has the nominal's name, another name, or surname in it."""
    names = {nominal.name, *nominal.aliases, nominal.name.split()[-1]}
    if any(re.search(rf"\b{re.escape(name)}\b", reason, re.IGNORECASE) for name in names if name):
        raise Invalid(
            "reason", "The reason outlives the case, so it must not name the person. Say it without the name."
        )
