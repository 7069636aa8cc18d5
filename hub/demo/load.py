"""Loads the fictional area into an empty hub: a few years of work told again in order, a year of it closely.

* Nothing is written behind the hub's back: cases, meetings, documents, agreements, searches and downloads go through
  the services that people use, with a clock that is set; what is only looked at is recorded in the access log as
  the services record it. The log is in order of time, without gaps, and verifies.
* The same seed and day give the same rows, but for ids, keys and what is random in sealing.
* A load that was ended half way is never served: see `unfinished`. The next start clears it and loads again.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from hub.access.actor import Actor
from hub.clock import london_date
from hub.demo import load_disposal, load_glass
from hub.demo.chance import moment, weekday_before
from hub.demo.load_cases import LoadedCases
from hub.demo.load_documents import LoadedDocuments, ReadAhead
from hub.demo.load_history import History, Loaded
from hub.demo.load_meetings import LoadedMeetings
from hub.demo.load_past import Past, Step
from hub.demo.load_people import ADDED, WHY, People, write_sign_ins
from hub.demo.load_visits import Act, Visits
from hub.demo.plan import DemoPlan, make_plan
from hub.demo.unfinished import finish
from hub.documents.service import DocumentService
from hub.governance.glass.service import GlassService
from hub.mail import Notices, Outbox
from hub.meetings.service import MeetingService
from hub.services import Services
from hub.statement.standard import CONFIDENTIALITY, EQUALITY

SEED = "Fenmarch"
FOUNDED_BEFORE = timedelta(days=14)
"""Before the first case: the area is founded and its people enrol."""
RENEWED_BEFORE = timedelta(days=372)
"""Before the day of loading: the statement in force is published, just before the year that is told closely."""
Progress = Callable[[str], None]


def load_demo(hub: Services, progress: Progress) -> None:
    """Write the demo into a hub that has no area; about ten seconds of one processor's work."""
    plan = make_plan(SEED, london_date(hub.clock()))
    progress(
        f"Demo: {len(plan.cases)} cases, {len(plan.meetings)} meetings, {len(plan.documents)} documents and a year of reading."
    )
    past = Past(hub.config, _founded(plan))
    gc.freeze()
    gc.disable()
    try:
        with ReadAhead(plan.documents) as reader:
            area = _tell(_silently(past, reader), plan, reader, progress)
    finally:
        past.close()
        gc.enable()
    write_sign_ins(plan.area, hub.config.home)
    finish(hub, area)
    progress(f"Demo: {plan.area.name} is ready.")


def _founded(plan: DemoPlan) -> datetime:
    first = min(case.opened_at for case in plan.cases)
    return moment(weekday_before((first - FOUNDED_BEFORE).date()), 8)


def _silently(past: Past, reader: ReadAhead) -> Past:
    """With the reader that has begun already, and without mail: nobody is told today of what was new long ago."""
    hub = past.hub
    past.hub = replace(
        hub,
        documents=DocumentService(
            hub.db, hub.clock, hub.vaults, reader, hub.search, max_upload=hub.config.max_upload
        ),
        meetings=MeetingService(
            hub.db, hub.clock, hub.vaults, _NoNotices(Outbox(folder=hub.config.home), hub.clock)
        ),
        glass=GlassService(
            hub.db, hub.clock, hub.vaults, _NoNotices(Outbox(folder=hub.config.home), hub.clock)
        ),
    )
    return past


class _NoNotices(Notices):
    def send(self, addresses: Sequence[str], path: str) -> None:
        """Nothing leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    past: Past
    plan: DemoPlan
    loaded: Loaded
    progress: Progress


def _tell(past: Past, plan: DemoPlan, reader: ReadAhead, progress: Progress) -> str:
    people = People(past, plan.area, past.now)
    cases = LoadedCases(past, people)
    documents = LoadedDocuments(past, people, cases, reader)
    meetings = LoadedMeetings(past, people, cases, documents)
    visits = Visits(past, people)
    loaded = Loaded(people=people, cases=cases, documents=documents, meetings=meetings, visits=visits)
    told = _Told(past=past, plan=plan, loaded=loaded, progress=progress)
    history = History(past, loaded)
    past.run([*_steps(told), *history.steps(plan.history)])
    history.note_visits()
    return people.area


def _steps(told: _Told) -> Iterator[Step]:
    plan, loaded = told.plan, told.loaded
    acts = [*_enrolments(told), *_publication(told)]
    acts += [act for case in plan.cases for act in loaded.cases.acts(case)]
    acts += [act for meeting in plan.meetings for act in loaded.meetings.acts(meeting)]
    acts += [act for document in plan.documents for act in loaded.documents.acts(document)]
    acts += [loaded.meetings.issue(issue) for issue in plan.issues]
    acts += load_glass.acts(told.past, plan)
    acts += load_disposal.acts(told.past, plan, loaded.cases)
    yield from loaded.visits.steps(acts)
    yield from loaded.documents.preparations(plan.documents, told.progress)


def _enrolments(told: _Told) -> Iterator[Act]:
    """On the day after the area was founded, one after the other."""
    start = told.past.now + timedelta(days=1)
    for number, person in enumerate(told.plan.area.people):
        at = start + timedelta(minutes=11 * number)
        yield Act(at=at, person=person.key, do=told.loaded.people.note_enrolment)


def _publication(told: _Told) -> Iterator[Act]:
    day = weekday_before(told.plan.today - RENEWED_BEFORE)
    editor = told.plan.story.coordinator
    yield Act(at=moment(day, 18, 20), person=editor, do=partial(_draft, told))
    yield Act(at=moment(day, 18, 30), person=editor, do=partial(_publish, told))


def _draft(told: _Told, actor: Actor) -> None:
    told.past.commit()
    told.past.hub.statement.save(actor, confidentiality=CONFIDENTIALITY + ADDED, equality=EQUALITY, seen=0)


def _publish(told: _Told, actor: Actor) -> None:
    service = told.past.hub.statement
    told.past.commit()
    service.publish(actor, reason=WHY, seen=service.draft(actor).row_version)
    told.loaded.visits.ask_again()
