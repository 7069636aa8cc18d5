"""The plan's year of reading, told to the hub: some of it done anew through the services, the rest recorded.

Searches, downloads, looks at meetings and exports are done anew, since only the hub knows what they give.
What is recorded agrees with what the hub's services record when the same is done in the browser.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import select

from hub.access.actor import Actor
from hub.access.permissions import Permission
from hub.cases.access import visible_cases
from hub.cases.model import Case, CaseVisit
from hub.clock import london_date
from hub.demo.history import DemoEvent
from hub.demo.load_cases import LoadedCases
from hub.demo.load_documents import LoadedDocuments
from hub.demo.load_meetings import LoadedMeetings
from hub.demo.load_past import Past, Step
from hub.demo.load_people import People
from hub.demo.load_visits import Visits
from hub.documents.service import Wanted
from hub.governance.rules import Filters
from hub.ledger.events import (
    AccessRefused,
    CasesListed,
    CaseViewed,
    LogRead,
    PageViewed,
    SignInFailed,
)
from hub.people.model import SessionReason
from hub.search.service import Request
from hub.statement.rules import Part
from hub.web.paging import PER_PAGE

ORDER = 4
WRONG = "details"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What the history refers to, by the plan's keys."""

    people: People
    cases: LoadedCases
    documents: LoadedDocuments
    meetings: LoadedMeetings
    visits: Visits


class History:
    def __init__(self, past: Past, loaded: Loaded) -> None:
        self._past, self._loaded = past, loaded
        self._actors: dict[int, Actor] = {}
        self._reasons: dict[tuple[int, str], str] = {}
        self._seen: dict[tuple[str, str], CaseVisit] = {}
        self._tell = {
            "session.sign_in_failed": self._sign_in_failed,
            "session.signed_in": self._signed_in,
            "session.signed_out": self._signed_out,
            "statement.agreed": self._agreed,
            "case.listed": self._listed,
            "case.viewed": self._viewed,
            "document.page_viewed": self._page_viewed,
            "document.download_started": self._downloaded,
            "meeting.viewed": self._meeting_viewed,
            "search.run": self._searched,
            "access.refused": self._refused,
            "log.read": self._log_read,
            "log.exported": self._log_exported,
        }

    def steps(self, events: Iterable[DemoEvent]) -> Iterator[Step]:
        for event in events:
            yield Step(at=event.at, do=partial(self._tell[event.event], event), order=ORDER)

    def note_visits(self) -> None:
        """When each person last opened each case: what is new since then is told by it."""
        self._past.session.add_all(self._seen.values())
        self._past.commit()

    def _sign_in_failed(self, event: DemoEvent) -> None:
        known = self._loaded.people.actor(event.person)
        nobody = Actor(
            area=known.area,
            account=None,
            agency=None,
            role=None,
            name="",
            address=known.address,
            device=known.device,
        )
        self._past.record(nobody, SignInFailed(subject=known.account, why=WRONG))

    def _signed_in(self, event: DemoEvent) -> None:
        self._actors[event.visit] = self._loaded.visits.sign_in(event.person)

    def _signed_out(self, event: DemoEvent) -> None:
        self._loaded.visits.sign_out(self._actors.pop(event.visit), event.detail)

    def _agreed(self, event: DemoEvent) -> None:
        self._loaded.visits.agree(self._actors[event.visit], event.person, (Part(event.detail),))

    def _listed(self, event: DemoEvent) -> None:
        """The list as it opens: open cases, the next review first."""
        actor = self._actors[event.visit]
        page = (
            select(Case.id)
            .where(visible_cases(actor), Case.state == "open")
            .order_by(Case.review_due.is_(None), Case.review_due, Case.reference)
            .limit(PER_PAGE)
        )
        self._past.record(actor, CasesListed(cases=tuple(self._past.session.scalars(page))))

    def _viewed(self, event: DemoEvent) -> None:
        actor, case = self._actors[event.visit], self._loaded.cases.ids[str(event.case)]
        self._past.record(actor, CaseViewed(case=case))
        visit = self._seen.setdefault(
            (case, event.person), CaseVisit(case_id=case, account_id=actor.account, before=None)
        )
        if visit.session_id and visit.session_id != actor.session:
            visit.before = visit.at
        visit.session_id, visit.at = actor.session, event.at

    def _page_viewed(self, event: DemoEvent) -> None:
        """Its text, and where it has one its image: the page shows both. Beyond the last it is the last."""
        actor, document = self._actors[event.visit], self._loaded.documents.ids[str(event.document)]
        case, reason = self._loaded.cases.ids[str(event.case)], self._reason(event)
        page = min(event.page or 1, self._loaded.documents.pages[str(event.document)])
        for form in ("text", "image"):
            self._past.record(
                actor,
                PageViewed(case=case, document=document, version=1, page=page, form=form, reason=reason),
            )

    def _reason(self, event: DemoEvent) -> str:
        """The one first given in this visit for this case: the hub asks once."""
        key, case = (event.visit, str(event.case)), self._loaded.cases.ids[str(event.case)]
        if key not in self._reasons:
            self._reasons[key] = str(event.reason)
            given = SessionReason(
                session_id=self._actors[event.visit].session,
                case_id=case,
                reason=event.reason,
                at=event.at,
            )
            self._past.session.add(given)
        return self._reasons[key]

    def _downloaded(self, event: DemoEvent) -> None:
        self._reason(event)
        self._past.commit()
        document = self._loaded.documents.ids[str(event.document)]
        wanted = Wanted(document=document, version=1)
        delivery = self._past.hub.documents.original(self._actors[event.visit], wanted, lambda: True)
        for _ in delivery.body or ():
            """Delivered: how it ended and how much it was is recorded by the service."""

    def _meeting_viewed(self, event: DemoEvent) -> None:
        self._past.commit()
        meeting = self._loaded.meetings.ids[str(event.meeting)]
        self._past.hub.meetings.show(self._actors[event.visit], meeting)

    def _searched(self, event: DemoEvent) -> None:
        self._past.commit()
        self._past.hub.search.search(self._actors[event.visit], Request(text=event.detail))

    def _refused(self, event: DemoEvent) -> None:
        refused = AccessRefused(
            permission=Permission.DOCUMENT_READ,
            why=f"forbidden: {event.detail}",
            case=self._loaded.cases.ids[str(event.case)],
            document=self._loaded.documents.ids[str(event.document)],
        )
        self._past.record(self._actors[event.visit], refused)

    def _log_read(self, event: DemoEvent) -> None:
        looked = LogRead(page="log", filters=self._filters(event).as_text())
        self._past.record(self._actors[event.visit], looked)

    def _log_exported(self, event: DemoEvent) -> None:
        self._past.commit()
        self._past.hub.governance.export(self._actors[event.visit], self._filters(event), lambda: True)

    def _filters(self, event: DemoEvent) -> Filters:
        """The plan's `name=value`; of people and agencies by key, of days back from then."""
        name, _, value = event.detail.partition("=")
        given, people = {name: value}, self._loaded.people
        days = given.get("days")
        return Filters(
            person=people.ids.get(given.get("person", ""), ""),
            agency=people.agencies.get(given.get("agency", ""), ""),
            event=given.get("event", ""),
            outcome=given.get("outcome", ""),
            first=london_date(event.at) - timedelta(days=int(days)) if days else None,
        )
