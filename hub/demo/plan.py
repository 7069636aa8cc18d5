"""The whole fictional area as one frozen value: same seed and same day, same plan, same bytes."""

from dataclasses import dataclass
from datetime import date

from hub.demo.area import DemoArea, make_area
from hub.demo.cases import DemoCase, make_cases
from hub.demo.documents import DemoDocument, DemoIssue, make_documents
from hub.demo.history import DemoEvent, Papers, make_history
from hub.demo.meetings import DemoMeeting, make_meetings


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStory:
    """The four people of one walk through the hub, by key, and where it takes place.

    The practitioner may upload to the case; the attendee stands to it only by the invitation to the
    meeting that is still to come, on whose agenda the case is; the coordinator has both.
    """

    practitioner: str
    attendee: str
    coordinator: str
    governance: str
    case: str
    meeting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """Everything is in order of time where it has one; keys are unique within their kind."""

    seed: str
    today: date
    area: DemoArea
    cases: tuple[DemoCase, ...]
    meetings: tuple[DemoMeeting, ...]
    documents: tuple[DemoDocument, ...]
    issues: tuple[DemoIssue, ...]
    history: tuple[DemoEvent, ...]
    story: DemoStory


def make_plan(seed: str, today: date) -> DemoPlan:
    area = make_area(seed)
    cases = make_cases(seed, today, area)
    meetings = make_meetings(seed, today, area, cases)
    documents, issues = make_documents(seed, today, area, cases, meetings)
    affirmed = {meeting.key: meeting.affirmed for meeting in meetings}
    papers = Papers(documents=documents, issues=issues, affirmed=affirmed)
    return DemoPlan(
        seed=seed,
        today=today,
        area=area,
        cases=cases,
        meetings=meetings,
        documents=documents,
        issues=issues,
        history=make_history(seed, today, area, cases, papers),
        story=_story(cases, meetings),
    )


def _story(cases: tuple[DemoCase, ...], meetings: tuple[DemoMeeting, ...]) -> DemoStory:
    by_key = {case.key: case for case in cases}
    for meeting in meetings:
        for case in (by_key[key] for key in meeting.cases):
            if meeting.state == "planned" and _fits(case, meeting):
                return DemoStory(
                    practitioner="corwin",
                    attendee="jarek",
                    coordinator=case.coordinator,
                    governance="agnes",
                    case=case.key,
                    meeting=meeting.key,
                )
    raise ValueError("This seed has no case for the walk through the hub; choose another.")


def _fits(case: DemoCase, meeting: DemoMeeting) -> bool:
    team = {member.person for member in case.team}
    return "jarek" in meeting.invited and "jarek" not in team and not case.exclusions
