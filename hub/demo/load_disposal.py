"""Disposal in the demo: a closed case under a legal hold, and one whose destruction was asked for and waits for the second person."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from hub.access.actor import Actor
from hub.demo.cases import DemoCase
from hub.demo.chance import moment, weekday_before
from hub.demo.load_cases import LoadedCases
from hub.demo.load_past import Past
from hub.demo.load_visits import Act
from hub.demo.plan import DemoPlan
from hub.disposal.rules import Code

HELD = "An inquest was announced and may ask for the minutes. Nothing is destroyed before the coroner has said what is needed."
ASKED = "The review of the exit found nothing that any agency still needs; the panel agreed not to keep it."
HELD_BEFORE, ASKED_BEFORE = timedelta(days=9), timedelta(days=3)
"""Before the day of loading."""


def acts(past: Past, plan: DemoPlan, cases: LoadedCases) -> Iterator[Act]:
    """On the two cases that have been closed for longest by then."""
    held_at = moment(weekday_before(plan.today - HELD_BEFORE), 11, 20)
    asked_at = moment(weekday_before(plan.today - ASKED_BEFORE), 10, 15)
    closed = sorted(
        (case for case in plan.cases if case.closed_at is not None and case.closed_at < held_at),
        key=lambda case: case.closed_at or case.opened_at,
    )
    if len(closed) > 1:
        held, asked = closed[:2]
        yield Act(at=held_at, person=plan.story.governance, do=partial(_hold, past, cases, held))
        yield Act(at=asked_at, person=asked.coordinator, do=partial(_ask, past, cases, asked))


def _hold(past: Past, cases: LoadedCases, case: DemoCase, actor: Actor) -> None:
    past.commit()
    past.hub.disposal.set_hold(actor, cases.ids[case.key], HELD, case.key)


def _ask(past: Past, cases: LoadedCases, case: DemoCase, actor: Actor) -> None:
    past.commit()
    past.hub.disposal.ask(actor, cases.ids[case.key], Code.REVIEWED, ASKED)
