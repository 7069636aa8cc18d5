"""Meetings as acts of their coordinators and of those invited: arranged, affirmed, issued to."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from hub.access.actor import Actor
from hub.demo.chance import moment, weekday_after
from hub.demo.documents import DemoIssue
from hub.demo.load_cases import LoadedCases
from hub.demo.load_documents import LoadedDocuments
from hub.demo.load_past import Past
from hub.demo.load_people import People
from hub.demo.load_visits import Act
from hub.demo.meetings import DemoMeeting
from hub.meetings.rules import Issue, MeetingLevel
from hub.meetings.service import NewMeeting, When
from hub.statement.rules import PARTS


class LoadedMeetings:
    """`ids` maps the plan's keys to the ids of meetings arranged so far."""

    def __init__(self, past: Past, people: People, cases: LoadedCases, documents: LoadedDocuments) -> None:
        self._past, self._people, self._cases, self._documents = past, people, cases, documents
        self.ids: dict[str, str] = {}

    def acts(self, meeting: DemoMeeting) -> Iterator[Act]:
        yield Act(at=meeting.created_at, person=meeting.coordinator, do=partial(self._arrange, meeting))
        day = weekday_after(meeting.created_at.date() + timedelta(days=1))
        for number, person in enumerate(meeting.affirmed):
            at = moment(day, 8 + number % 9, 7 + 3 * number)
            yield Act(at=at, person=person, do=partial(self._affirm, meeting))

    def issue(self, issue: DemoIssue) -> Act:
        return Act(at=issue.at, person=issue.by, do=partial(self._issue, issue))

    def _arrange(self, meeting: DemoMeeting, actor: Actor) -> None:
        self._past.commit()
        service, people = self._past.hub.meetings, self._people.ids
        when = When(
            starts_at=meeting.starts_at,
            level=MeetingLevel(meeting.level),
            locality=meeting.locality,
            place=meeting.place,
            chair=people[meeting.chair],
        )
        invited = frozenset(people[key] for key in meeting.invited)
        new = NewMeeting(form=meeting.key, when=when, cases=frozenset(), invited=invited)
        arranged = self.ids[meeting.key] = service.arrange(actor, new)
        for case in meeting.cases:
            service.add_case(actor, arranged, self._cases.ids[case])

    def _affirm(self, meeting: DemoMeeting, actor: Actor) -> None:
        self._past.commit()
        version = self._past.hub.statement.current(actor).id
        self._past.hub.meetings.affirm(actor, self.ids[meeting.key], version=version, parts=frozenset(PARTS))

    def _issue(self, issue: DemoIssue, actor: Actor) -> None:
        self._past.commit()
        documents = frozenset({self._documents.ids[issue.document]})
        self._past.hub.meetings.issue(actor, self.ids[issue.meeting], Issue(issue.what), documents)
