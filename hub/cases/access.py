"""Which cases a person may see: one row loaded and authorised in one call, or all of them as SQL.

The two ways are held to each other by a test: `visible_cases` lists exactly what `load_case` gives.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    exists,
    false,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from hub.access.actor import Actor
from hub.access.permissions import GRANTS, Permission, Role
from hub.access.policy import CaseFacts, Denied, require_on_case
from hub.cases.model import BreakGlass, Case, CaseAgency, CaseExclusion, CaseMember
from hub.errors import NotHere


def load_case(session: Session, actor: Actor, permission: Permission, case: str) -> Case:
    """The case, if the actor may do this to it. Raises NotHere, alike for absent and forbidden."""
    row = session.get(Case, case)
    if row is None:
        facts_of_nothing(session, case)
        raise NotHere(permission=permission, why="absent", case=case)
    try:
        require_on_case(actor, permission, case_facts(session, row))
    except Denied as denied:
        raise NotHere(permission=permission, why=f"forbidden: {denied}", case=case) from denied
    return row


def case_facts(session: Session, case: Case) -> CaseFacts:
    found: dict[str, set[str]] = {kind: set() for kind in _LINKS}
    for kind, linked in session.execute(_LINKED, {"case": case.id}):
        found[kind].add(linked)
    return CaseFacts(
        case=case.id,
        area=case.area_id,
        coordinator=case.coordinator_id,
        agencies=frozenset(found["agency"]),
        team=frozenset(found["team"]),
        excluded=frozenset(found["excluded"]),
    )


def facts_of_nothing(session: Session, case: str) -> None:
    """The same query for a case that is not there: absence must not answer sooner."""
    session.execute(_LINKED, {"case": case}).all()


_LINKS: dict[str, tuple[InstrumentedAttribute[str], InstrumentedAttribute[str]]] = {
    "agency": (CaseAgency.agency_id, CaseAgency.case_id),
    "team": (CaseMember.account_id, CaseMember.case_id),
    "excluded": (CaseExclusion.account_id, CaseExclusion.case_id),
}
_LINKED = union_all(
    *(
        select(literal_column(f"'{kind}'", String).label("kind"), linked).where(case == bindparam("case"))
        for kind, (linked, case) in _LINKS.items()
    )
)
"""Who stands to a case, asked wherever one is loaded: one question, made once."""


def visible_cases(actor: Actor) -> ColumnElement[bool]:
    """The condition on `Case` that holds for the cases the actor may read; `false()` for most roles."""
    if actor.account is None or actor.role is None or Permission.CASE_READ not in GRANTS[actor.role]:
        return false()
    excluded = exists().where(CaseExclusion.case_id == Case.id, CaseExclusion.account_id == actor.account)
    stands = or_(_stands(actor), Case.id.in_(actor.glass)) if by_glass(actor) else _stands(actor)
    return and_(Case.area_id == actor.area, ~excluded, stands)


def by_glass(actor: Actor) -> bool:
    """Whether any case is open to the actor by break-glass."""
    return actor.role is Role.PRACTITIONER and bool(actor.glass)


def works(actor: Actor) -> ColumnElement[bool]:
    """The condition on `Case` for a standing that is no break-glass, exclusions aside."""
    return _stands(actor)


def open_glass(session: Session, account: str | None, now: datetime) -> frozenset[str]:
    """The cases that this person has open by break-glass at that moment."""
    return frozenset(session.scalars(_OPEN_GLASS, {"account": account, "now": now}))


def as_of(session: Session, actor: Actor, now: datetime) -> Actor:
    """The same actor with what is open by break-glass now: for what goes on after its request was answered."""
    return replace(actor, glass=open_glass(session, actor.account, now)) if actor.glass else actor


_OPEN_GLASS = select(BreakGlass.case_id).where(
    BreakGlass.account_id == bindparam("account"),
    BreakGlass.ended_at.is_(None),
    BreakGlass.ends_at > bindparam("now", type_=BreakGlass.ends_at.type),
)


def _stands(actor: Actor) -> ColumnElement[bool]:
    if actor.role is Role.COORDINATOR:
        return Case.coordinator_id == actor.account
    on_team = exists().where(CaseMember.case_id == Case.id, CaseMember.account_id == actor.account)
    if actor.role is Role.ATTENDEE:
        return on_team
    return or_(on_team, exists().where(CaseAgency.case_id == Case.id, CaseAgency.agency_id == actor.agency))
