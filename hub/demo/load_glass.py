"""One break-glass in the demo, of the evening before it was loaded: it waits for its review."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from hub.access.actor import Actor
from hub.access.permissions import Role
from hub.access.policy import Standing, standing
from hub.cases.access import open_glass
from hub.demo.cases import DemoCase
from hub.demo.chance import moment, weekday_before
from hub.demo.history import actor_of, facts_of
from hub.demo.load_past import Past
from hub.demo.load_visits import Act
from hub.demo.plan import DemoPlan
from hub.governance.glass.service import Asked
from hub.governance.rules import GlassReason

WHY = "The duty inspector rang: a carer saw somebody like the nominal outside the school, and nobody of the team answers."


def acts(past: Past, plan: DemoPlan) -> list[Act]:
    """Empty where every practitioner stands to every open case."""
    for person in plan.area.people:
        case = _others(plan, actor_of(person)) if person.role is Role.PRACTITIONER else None
        if case is not None:
            reference = case.reference
            at = moment(weekday_before(plan.today - timedelta(days=1)), 21, 40)
            return [Act(at=at, person=person.key, do=partial(_read, past, reference))]
    return []


def _others(plan: DemoPlan, actor: Actor) -> DemoCase | None:
    open_ = (case for case in plan.cases if case.closed_at is None and case.key != plan.story.case)
    return next((case for case in open_ if standing(actor, facts_of(case)) is Standing.NONE), None)


def _read(past: Past, reference: str, actor: Actor) -> None:
    past.commit()
    asked = Asked(reference=reference, reason=GlassReason.RISK, why=WHY)
    case, _ = past.hub.glass.break_glass(actor, asked)
    with past.hub.db.reading() as session:
        opened = replace(actor, glass=open_glass(session, actor.account, past.now))
    past.hub.cases.show(opened, case)
