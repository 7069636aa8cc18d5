"""What the pages of holds and disposal show. Of a case's content nothing is opened here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from hub.access.actor import Actor
from hub.cases.model import Case
from hub.clock import london_date
from hub.disposal import rules
from hub.disposal.holds import held, standing_holds
from hub.disposal.model import Disposal, DisposalRequest, LegalHold
from hub.disposal.rules import DUE_SOON, Code
from hub.documents.model import Document, StoredObject
from hub.documents.rules import RETENTION_CLASSES
from hub.people.model import Account, Area
from hub.vaults import Vaults
from hub.web.paging import PER_PAGE, Page, offset

SOUGHT_MOST = 20
OVER = "ended"
"""How a request that nobody decided in time is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLine:
    id: str
    case: str
    reference: str
    set_at: datetime
    set_by: str
    reason: str = ""
    lifted_at: datetime | None = None
    lifted_by: str = ""
    lifting: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """`state`: of `RequestState`, or 'ended'. `stands`: it can still be decided, or carried out."""

    id: str
    case: str
    reference: str
    code: Code
    state: str
    stands: bool
    asked_at: datetime
    asked_by: str
    ends_at: datetime
    decided_at: datetime | None
    decided_by: str
    reason: str = ""
    decision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassLine:
    """The documents of one retention class. `default`: the years are not the area's own setting. `until` None: not known here."""

    name: str
    documents: int
    review_due: date | None
    years: int
    default: bool
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    holds: int
    request: RequestLine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """For the case's coordinator: whether a hold stands, and not why."""

    case: str
    reference: str
    closed_at: datetime | None
    open: bool
    holds: int
    request: RequestLine | None
    classes: tuple[ClassLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueLine:
    case: str
    reference: str
    closed_at: datetime
    due: date
    documents: int
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    case: str
    reference: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    requests: tuple[RequestLine, ...]
    holds: tuple[HoldLine, ...]
    due: Page[DueLine]
    found: tuple[Found, ...]
    years: tuple[ClassLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateLine:
    case: str
    reference: str
    began_at: datetime
    finished_at: datetime | None
    sha256: str | None


Certificates = Page[CertificateLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversight:
    """One case as information governance sees it."""

    case: str
    reference: str
    state: str
    opened_at: datetime
    closed_at: datetime | None
    documents: int
    objects: int
    bytes: int
    classes: tuple[ClassLine, ...]
    holds: tuple[HoldLine, ...]
    lifted: tuple[HoldLine, ...]
    requests: tuple[RequestLine, ...]
    standing: RequestLine | None
    destroyed: CertificateLine | None


# --- sealed reasons --------------------------------------------------------------------------


def seal_reason(session: Session, vaults: Vaults, case: Case, named: tuple[str, str], reason: str) -> bytes:
    """Under the area's key; `named`: what it is the reason of, and its row's id."""
    return vaults.box(session, case.area_id, "disposal").seal(reason.encode(), *named)


def open_reason(
    session: Session, vaults: Vaults, case: Case, named: tuple[str, str], sealed: bytes | None
) -> str:
    return vaults.box(session, case.area_id, "disposal").open(sealed, *named).decode() if sealed else ""


# --- requests and holds ----------------------------------------------------------------------


def latest_request(session: Session, case: str) -> DisposalRequest | None:
    query = select(DisposalRequest).where(DisposalRequest.case_id == case)
    return session.scalars(
        query.order_by(DisposalRequest.asked_at.desc(), DisposalRequest.id).limit(1)
    ).first()


def brief_of(session: Session, case: str, now: datetime) -> Brief:
    row = session.get_one(Case, case)
    return Brief(holds=standing_holds(session, case), request=_standing_line(session, row, now))


def _standing_line(session: Session, case: Case, now: datetime) -> RequestLine | None:
    lines = _request_lines(session, now, DisposalRequest.case_id == case.id)
    return next((line for line in lines if line.stands), None)


def _request_lines(session: Session, now: datetime, *where: object) -> list[RequestLine]:
    asked, decided = aliased(Account), aliased(Account)
    query = (
        select(DisposalRequest, Case.reference, asked.name, decided.name)
        .join(Case, Case.id == DisposalRequest.case_id)
        .join(asked, asked.id == DisposalRequest.asked_by)
        .outerjoin(decided, decided.id == DisposalRequest.decided_by)
        .where(*where)  # type: ignore[arg-type]
        .order_by(DisposalRequest.asked_at.desc(), DisposalRequest.id)
    )
    return [_request_line(row, reference, by, on, now) for row, reference, by, on in session.execute(query)]


def _request_line(
    row: DisposalRequest, reference: str, by: str, decided: str | None, now: datetime
) -> RequestLine:
    undecided = row.state in rules.STANDING
    stands = undecided and now < row.ends_at
    return RequestLine(
        id=row.id,
        case=row.case_id,
        reference=reference,
        code=Code(row.code),
        state=row.state if stands or not undecided else OVER,
        stands=stands,
        asked_at=row.asked_at,
        asked_by=by,
        ends_at=row.ends_at,
        decided_at=row.decided_at,
        decided_by=decided or "",
    )


def _hold_lines(session: Session, *where: object) -> list[tuple[LegalHold, HoldLine]]:
    by, lifted = aliased(Account), aliased(Account)
    query = (
        select(LegalHold, Case.reference, by.name, lifted.name)
        .join(Case, Case.id == LegalHold.case_id)
        .join(by, by.id == LegalHold.set_by)
        .outerjoin(lifted, lifted.id == LegalHold.lifted_by)
        .where(*where)  # type: ignore[arg-type]
        .order_by(LegalHold.set_at.desc(), LegalHold.id)
    )
    return [
        (
            row,
            HoldLine(
                id=row.id, case=row.case_id, reference=reference, set_at=row.set_at, set_by=name, lifted_at=row.lifted_at,
                lifted_by=lifter or "",
            ),
        )
        for row, reference, name, lifter in session.execute(query)
    ]  # fmt: skip


# --- retention -------------------------------------------------------------------------------


def classes_of(session: Session, case: str) -> dict[str, int]:
    """{retention class: how many documents}."""
    query = select(Document.retention_class, func.count()).where(Document.case_id == case)
    return {row[0]: row[1] for row in session.execute(query.group_by(Document.retention_class))}


def _class_lines(
    found: Mapping[str, int], closed: date | None, settings: Mapping[str, object], today: date
) -> tuple[ClassLine, ...]:
    lines = []
    for name, count in sorted(found.items()):
        years, default = rules.review_years(name, settings)
        due = rules.review_due(closed, name, settings, today) if closed else None
        label = RETENTION_CLASSES.get(name, name)
        lines.append(ClassLine(name=label, documents=count, review_due=due, years=years, default=default))
    return tuple(lines)


def asking(session: Session, row: Case, born: date | None, now: datetime) -> Asking:
    """With the ends of keeping, one of which is the nominal's hundredth birthday: for who may read the case."""
    settings = session.get_one(Area, row.area_id).settings
    closed = london_date(row.closed_at) if row.closed_at else None
    found = classes_of(session, row.id)
    lines = _class_lines(found, closed, settings, london_date(now))
    ends = [rules.kept_until(closed, name, born, settings) if closed else None for name in sorted(found)]
    brief = brief_of(session, row.id, now)
    return Asking(
        case=row.id,
        reference=row.reference,
        closed_at=row.closed_at,
        open=row.state != "closed",
        holds=brief.holds,
        request=brief.request,
        classes=tuple(replace(line, until=end) for line, end in zip(lines, ends, strict=True)),
    )


def _due(session: Session, actor: Actor, now: datetime, number: int) -> Page[DueLine]:
    """Closed cases whose earliest retention review is past or near, longest due first."""
    settings, today = session.get_one(Area, actor.area).settings, london_date(now)
    counts: dict[str, dict[str, int]] = {}
    closed = (Case.area_id == actor.area, Case.state == "closed", Case.key_wrapped.is_not(None))
    by_class = (
        select(Document.case_id, Document.retention_class, func.count())
        .join(Case, Case.id == Document.case_id)
        .where(*closed)
        .group_by(Document.case_id, Document.retention_class)
    )
    for case, name, count in session.execute(by_class):
        counts.setdefault(case, {})[name] = count
    rows = session.execute(select(Case.id, Case.reference, Case.closed_at, held(Case.id)).where(*closed))
    lines = [
        DueLine(
            case=case, reference=reference, closed_at=at, documents=sum(counts.get(case, {}).values()), holds=bool(holds),
            due=_earliest(counts.get(case) or {"agency": 0}, london_date(at), settings, today),
        )
        for case, reference, at, holds in rows if at is not None
    ]  # fmt: skip
    due = sorted(
        (line for line in lines if line.due <= today + DUE_SOON), key=lambda line: (line.due, line.reference)
    )
    return Page(rows=due[offset(number) : offset(number) + PER_PAGE], number=number, total=len(due))


def _earliest(found: Mapping[str, int], closed: date, settings: Mapping[str, object], today: date) -> date:
    return min(rules.review_due(closed, name, settings, today) for name in found)


# --- pages -----------------------------------------------------------------------------------


def overview(session: Session, actor: Actor, now: datetime, page: int, sought: str) -> Overview:
    of_area = and_(Case.area_id == actor.area, Case.key_wrapped.is_not(None))
    standing = _request_lines(
        session, now, of_area, DisposalRequest.state.in_(rules.STANDING), DisposalRequest.ends_at > now
    )
    settings, today = session.get_one(Area, actor.area).settings, london_date(now)
    return Overview(
        requests=tuple(standing),
        holds=tuple(line for _, line in _hold_lines(session, of_area, LegalHold.lifted_at.is_(None))),
        due=_due(session, actor, now, page),
        found=_sought(session, actor, sought),
        years=_class_lines(dict.fromkeys(RETENTION_CLASSES, 0), None, settings, today),
    )


def _sought(session: Session, actor: Actor, text: str) -> tuple[Found, ...]:
    if not text:
        return ()
    query = (
        select(Case.id, Case.reference, Case.state, Case.destroyed_at)
        .where(Case.area_id == actor.area, Case.reference.icontains(text, autoescape=True))
        .order_by(Case.reference)
        .limit(SOUGHT_MOST)
    )
    return tuple(
        Found(case=case, reference=reference, state="destroyed" if gone else state)
        for case, reference, state, gone in session.execute(query)
    )


def certificates(session: Session, actor: Actor, number: int) -> Certificates:
    query = (
        select(Disposal, Case.reference)
        .join(Case, Case.id == Disposal.case_id)
        .where(Case.area_id == actor.area)
    )
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    shown = query.order_by(Disposal.began_at.desc(), Disposal.case_id).limit(PER_PAGE).offset(offset(number))
    rows = [_certificate_line(row, reference) for row, reference in session.execute(shown)]
    return Page(rows=rows, number=number, total=total)


def _certificate_line(row: Disposal, reference: str) -> CertificateLine:
    return CertificateLine(
        case=row.case_id,
        reference=reference,
        began_at=row.began_at,
        finished_at=row.finished_at,
        sha256=row.sha256,
    )


def oversight(session: Session, vaults: Vaults, row: Case, now: datetime) -> Oversight:
    documents = classes_of(session, row.id)
    settings = session.get_one(Area, row.area_id).settings
    closed = london_date(row.closed_at) if row.closed_at else None
    objects = select(func.count(), func.coalesce(func.sum(StoredObject.sealed_size), 0))
    count, size = session.execute(objects.where(StoredObject.case_id == row.id)).one()
    holds = [
        _told_hold(session, vaults, row, hold, line)
        for hold, line in _hold_lines(session, LegalHold.case_id == row.id)
    ]
    requests = _told_requests(session, vaults, row, now)
    destroyed = session.get(Disposal, row.id)
    return Oversight(
        case=row.id,
        reference=row.reference,
        state="destroyed" if row.key_wrapped is None else row.state,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        documents=sum(documents.values()),
        objects=count,
        bytes=int(size),
        classes=_class_lines(documents, closed, settings, london_date(now)),
        holds=tuple(line for line in holds if line.lifted_at is None),
        lifted=tuple(line for line in holds if line.lifted_at is not None),
        requests=requests,
        standing=next((line for line in requests if line.stands), None),
        destroyed=_certificate_line(destroyed, row.reference) if destroyed else None,
    )


def _told_hold(session: Session, vaults: Vaults, case: Case, row: LegalHold, line: HoldLine) -> HoldLine:
    return replace(
        line,
        reason=open_reason(session, vaults, case, ("hold", row.id), row.sealed_reason),
        lifting=open_reason(session, vaults, case, ("lifting", row.id), row.sealed_lifting),
    )


def _told_requests(session: Session, vaults: Vaults, case: Case, now: datetime) -> tuple[RequestLine, ...]:
    rows = {
        row.id: row
        for row in session.scalars(select(DisposalRequest).where(DisposalRequest.case_id == case.id))
    }
    return tuple(
        replace(
            line,
            reason=open_reason(session, vaults, case, ("request", line.id), rows[line.id].sealed_reason),
            decision=open_reason(session, vaults, case, ("decision", line.id), rows[line.id].sealed_decision),
        )
        for line in _request_lines(session, now, DisposalRequest.case_id == case.id)
    )
