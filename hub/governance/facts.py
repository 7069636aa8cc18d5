"""How everybody stood to a case when an entry was written: the rows as they are, less what the log says changed since."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from hub.cases.model import BreakGlass, Case, CaseAgency, CaseChange, CaseMember
from hub.db import pairs
from hub.documents.model import Document, DocumentVersion
from hub.governance.rules import Access, Change, MeetingTie, Settings, Ties, undone
from hub.ledger.events import (
    CaseChanged,
    CaseTeamChanged,
    MeetingArranged,
    MeetingCaseListed,
    MeetingInvited,
)
from hub.ledger.model import LogEntry
from hub.meetings.model import Meeting, MeetingCase, MeetingInvitee, MeetingIssue

CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One change that the log tells: `about` a case or a meeting."""

    sequence: int
    at: datetime
    about: str
    event: str
    what: str
    subject: str
    before: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issue:
    document: str
    at: datetime


@dataclass(slots=True)
class _Known:
    """Rows by their ids, as they are now."""

    coordinators: dict[str, str] = field(default_factory=dict)
    agencies: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    joined: dict[tuple[str, str], datetime] = field(default_factory=dict)
    team: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    meetings: dict[str, Meeting] = field(default_factory=dict)
    listed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    invited: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    issues: dict[str, list[_Issue]] = field(default_factory=lambda: defaultdict(list))
    contributed: dict[tuple[str, str], list[datetime]] = field(default_factory=lambda: defaultdict(list))
    glass: dict[tuple[str, str], list[tuple[datetime, datetime]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    owners: dict[str, str] = field(default_factory=dict)


class Facts:
    """For a run of entries whose cases, documents, people and times are known: a fixed number of queries."""

    def __init__(
        self, session: Session, area: str, entries: Sequence[Row[*tuple[Any, ...]]], settings: Settings
    ) -> None:
        self._session, self._area, self._settings = session, area, settings
        self._known = _Known()
        self._changes: dict[str, list[Changed]] = defaultdict(list)
        cases = {entry.case_id for entry in entries if entry.case_id}
        people = {entry.actor_id for entry in entries if entry.actor_id}
        if cases:
            self._read_cases(cases)
            self._read_meetings(cases, entries)
            self._read_work(cases, people, entries)
        self._known.owners = pairs(
            session,
            select(Document.id, Document.owner_id).where(
                Document.id.in_({entry.document_id for entry in entries if entry.document_id})
            ),
        )

    def owner(self, document: str | None) -> str | None:
        return self._known.owners.get(document or "")

    def ties(self, access: Access, case: str, sequence: int) -> Ties:
        """As of the entry of that number."""
        known, changes = self._known, self._changes[case]
        later = [one for one in changes if one.sequence > sequence]
        team = [(one.what, one.subject) for one in later if one.event == CaseTeamChanged.name]
        agencies = undone(frozenset(known.agencies[case]), team, "agency added", "agency removed")
        return Ties(
            coordinator=self._coordinator(case, later),
            team=undone(frozenset(known.team[case]), team, "member added", "member removed"),
            agencies=agencies,
            meetings=tuple(self._meetings(access, case, sequence)),
            contributed=_newest(known.contributed[case, access.account], access.at),
            joined=known.joined.get((case, access.agency or "")),
            left=access.agency not in agencies and _was_removed(changes, access.agency, sequence),
            glass=any(begin <= access.at < end for begin, end in known.glass[case, access.account]),
        )

    def _coordinator(self, case: str, later: list[Changed]) -> str:
        handed = [one.before for one in later if one.event == CaseChanged.name and one.what == "coordinator"]
        return handed[0] if handed else self._known.coordinators.get(case, "")

    def _meetings(self, access: Access, case: str, sequence: int) -> Iterable[MeetingTie]:
        known = self._known
        for id_, meeting in known.meetings.items():
            later = [one for one in self._changes[id_] if one.sequence > sequence]
            cases = undone(
                frozenset(known.listed[id_]), _told(later, MeetingCaseListed.name), "added", "removed"
            )
            if case not in cases or not _was_on(meeting, later):
                continue
            invited = undone(
                frozenset(known.invited[id_]), _told(later, MeetingInvited.name), "invited", "withdrawn"
            )
            yield MeetingTie(
                on=meeting.starts_at,
                people=invited | {meeting.chair_id, meeting.coordinator_id},
                issued=frozenset(one.document for one in known.issues[id_] if one.at <= access.at),
            )

    # --- reading the rows ---------------------------------------------------------------------

    def _read_cases(self, cases: Collection[str]) -> None:
        session, known = self._session, self._known
        known.coordinators = pairs(session, select(Case.id, Case.coordinator_id).where(Case.id.in_(cases)))
        agencies = select(CaseAgency.case_id, CaseAgency.agency_id, CaseAgency.added_at)
        for case, agency, added in session.execute(agencies.where(CaseAgency.case_id.in_(cases))):
            known.agencies[case].add(agency)
            known.joined[case, agency] = added
        team = select(CaseMember.case_id, CaseMember.account_id).where(CaseMember.case_id.in_(cases))
        for case, account in session.execute(team):
            known.team[case].add(account)
        told = (LogEntry.case_id.in_(cases), LogEntry.event.in_((CaseTeamChanged.name, CaseChanged.name)))
        self._read_changes(select(*_COLUMNS).where(LogEntry.area_id == self._area, *told))

    def _read_meetings(self, cases: Collection[str], entries: Sequence[Row[*tuple[Any, ...]]]) -> None:
        session, known = self._session, self._known
        span = timedelta(max(self._settings.before_meeting, self._settings.after_meeting) + 1)
        listed = (
            select(LogEntry.meeting_id)
            .where(LogEntry.area_id == self._area, LogEntry.case_id.in_(cases))
            .where(LogEntry.event == MeetingCaseListed.name)
        )
        now = select(MeetingCase.meeting_id).where(MeetingCase.case_id.in_(cases))
        near = (
            Meeting.starts_at > min(entry.at for entry in entries) - span,
            Meeting.starts_at < max(entry.at for entry in entries) + span,
        )
        issued = select(MeetingIssue.meeting_id).where(
            MeetingIssue.document_id.in_({entry.document_id for entry in entries if entry.document_id})
        )
        ids = {*session.scalars(now), *session.scalars(listed)}
        wanted = select(Meeting).where(Meeting.id.in_(ids)).where(or_(and_(*near), Meeting.id.in_(issued)))
        known.meetings = {row.id: row for row in session.scalars(wanted)}
        self._read_attendance(set(known.meetings), min(entry.sequence for entry in entries))

    def _read_attendance(self, meetings: Collection[str], since: int) -> None:
        session, known = self._session, self._known
        cases = select(MeetingCase.meeting_id, MeetingCase.case_id)
        for meeting, case in session.execute(cases.where(MeetingCase.meeting_id.in_(meetings))):
            known.listed[meeting].add(case)
        people = select(MeetingInvitee.meeting_id, MeetingInvitee.account_id)
        for meeting, account in session.execute(people.where(MeetingInvitee.meeting_id.in_(meetings))):
            known.invited[meeting].add(account)
        issues = select(MeetingIssue.meeting_id, MeetingIssue.document_id, MeetingIssue.issued_at)
        for meeting, document, at in session.execute(issues.where(MeetingIssue.meeting_id.in_(meetings))):
            known.issues[meeting].append(_Issue(document=document, at=at))
        told = (MeetingArranged.name, MeetingCaseListed.name, MeetingInvited.name)
        later = (LogEntry.area_id == self._area, LogEntry.sequence > since, LogEntry.event.in_(told))
        self._read_changes(select(*_COLUMNS).where(*later, LogEntry.meeting_id.in_(meetings)))

    def _read_work(
        self, cases: Collection[str], people: Collection[str], entries: Sequence[Row[*tuple[Any, ...]]]
    ) -> None:
        session, known = self._session, self._known
        since = min(entry.at for entry in entries) - timedelta(self._settings.contributed_days)
        until = max(entry.at for entry in entries)
        uploads = (
            select(Document.case_id, DocumentVersion.uploaded_by, DocumentVersion.uploaded_at)
            .join(Document, Document.id == DocumentVersion.document_id)
            .where(Document.case_id.in_(cases), DocumentVersion.uploaded_by.in_(people))
            .where(DocumentVersion.uploaded_at.between(since, until))
        )
        changes = (
            select(CaseChange.case_id, CaseChange.by_id, CaseChange.at)
            .where(CaseChange.case_id.in_(cases), CaseChange.by_id.in_(people))
            .where(CaseChange.at.between(since, until))
        )
        for query in (uploads, changes):
            for case, account, at in session.execute(query):
                known.contributed[case, str(account)].append(at)
        ends = func.coalesce(BreakGlass.ended_at, BreakGlass.ends_at, type_=BreakGlass.ends_at.type)
        glass = select(BreakGlass.case_id, BreakGlass.account_id, BreakGlass.opened_at, ends)
        for case, account, begin, end in session.execute(glass.where(BreakGlass.case_id.in_(cases))):
            known.glass[case, account].append((begin, end))

    def _read_changes(self, query: Select[*tuple[Any, ...]]) -> None:
        for row in self._session.execute(query.order_by(LogEntry.sequence)):
            fields = json.loads(row.leaf)["fields"]
            change = Changed(
                sequence=row.sequence,
                at=row.at,
                about=row.meeting_id or row.case_id,
                event=row.event,
                what=str(fields["what"]),
                subject=str(fields.get("subject") or row.case_id or ""),
                before=str(fields.get("before", "")),
            )
            self._changes[change.about].append(change)


_COLUMNS = (
    LogEntry.sequence,
    LogEntry.at,
    LogEntry.case_id,
    LogEntry.meeting_id,
    LogEntry.event,
    LogEntry.leaf,
)


def _told(changes: list[Changed], event: str) -> list[Change]:
    return [(one.what, one.subject) for one in changes if one.event == event]


def _was_on(meeting: Meeting, later: list[Changed]) -> bool:
    """Whether it was not yet cancelled."""
    return meeting.state != CANCELLED or any(
        one.event == MeetingArranged.name and one.what == "cancelled" for one in later
    )


def _was_removed(changes: list[Changed], agency: str | None, sequence: int) -> bool:
    return any(
        one.what == "agency removed" and one.subject == agency and one.sequence < sequence for one in changes
    )


def _newest(moments: list[datetime], until: datetime) -> datetime | None:
    return max((moment for moment in moments if moment <= until), default=None)
