"""What people can do with meetings, on both databases."""

import email
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.access.permissions import Permission
from hub.documents.access import load_document
from hub.errors import Conflict, Invalid, NotHere, Refused
from hub.ids import new_id
from hub.meetings.access import load_meeting, visible_meetings
from hub.meetings.model import Meeting, MeetingInvitee
from hub.meetings.rules import Issue, MeetingState
from hub.statement.rules import Part
from tests.cases.counting import statements
from tests.meetings.conftest import Table
from tests.world import PEOPLE

MAY_OPEN = {"coordinator", "chair", "attendee", "police"}


def may_read(table: Table, who: str, document: str) -> bool:
    with table.world.hub.db.reading() as session:
        try:
            load_document(session, table.world.actor(who), Permission.DOCUMENT_READ, document)
        except NotHere:
            return False
    return True


def mails(table: Table) -> list[tuple[str, str]]:
    """(recipient, whole text) of each notice so far."""
    folder = table.world.config.home / "outbox"
    read = [email.message_from_bytes(path.read_bytes()) for path in sorted(folder.glob("*.eml"))]
    return [(str(one["To"]), one.as_string()) for one in read]


# --- who knows of a meeting ------------------------------------------------------------------


def test_a_meeting_is_there_for_those_invited_its_chair_and_its_coordinator_alone(table: Table) -> None:
    for who in PEOPLE:
        if who in MAY_OPEN:
            assert table.service.show(table.world.actor(who), table.meeting).place == "Room 2"
        else:
            for meeting in (table.meeting, new_id()):
                with pytest.raises(NotHere):
                    table.service.show(table.world.actor(who), meeting)
    assert len(table.world.events("meeting.viewed")) == len(MAY_OPEN)


def test_the_list_holds_exactly_what_can_be_opened(table: Table) -> None:
    for who in PEOPLE:
        actor = table.world.actor(who)
        with table.world.hub.db.reading() as session:
            listed = set(session.scalars(select(Meeting.id).where(visible_meetings(actor))))
            try:
                load_meeting(session, actor, Permission.MEETING_READ, table.meeting)
                opens = {table.meeting}
            except NotHere:
                opens = set()
        assert listed == opens, who


def test_only_its_coordinator_arranges_a_meeting(table: Table) -> None:
    for who in ("chair", "other coordinator", "attendee", "governance"):
        actor = table.world.actor(who)
        attempts = [
            lambda actor=actor: table.service.change(actor, table.meeting, table.when(), seen=1),
            lambda actor=actor: table.service.cancel(actor, table.meeting, seen=1),
            lambda actor=actor: table.service.add_case(actor, table.meeting, table.world.case),
            lambda actor=actor: table.service.invite(actor, table.meeting, table.world.people["outsider"]),
            lambda actor=actor: table.service.withdraw(actor, table.meeting, table.world.people["police"]),
        ]
        for attempt in attempts:
            with pytest.raises(NotHere):
                attempt()


# --- re-affirming ----------------------------------------------------------------------------


def test_what_was_issued_is_read_only_after_affirming_for_that_meeting(table: Table) -> None:
    document = table.document(kind="risk-assessment")
    table.service.issue(table.world.actor("coordinator"), table.meeting, Issue.PAPERS, frozenset({document}))
    before = table.service.show(table.world.actor("attendee"), table.meeting)
    assert (before.issued, before.shut, before.cases[0].name) == ((), 1, None)
    assert not may_read(table, "attendee", document)
    table.affirm("attendee")
    after = table.service.show(table.world.actor("attendee"), table.meeting)
    assert ([one.title for one in after.issued], after.shut) == (["Zebrafinch minutes"], 0)
    assert after.cases[0].name == "Norman Nominal-Fable"
    assert may_read(table, "attendee", document)
    affirmed = table.world.events("statement.affirmed")
    assert [(entry.actor_id, entry.meeting_id) for entry in affirmed] == [
        (table.world.people["attendee"], table.meeting)
    ]


def test_affirming_for_one_meeting_opens_no_other(table: Table) -> None:
    other = table.service.arrange(table.world.actor("coordinator"), table.new())
    document = table.document(kind="risk-assessment")
    table.service.issue(table.world.actor("coordinator"), other, Issue.PAPERS, frozenset({document}))
    table.affirm("attendee")
    assert not may_read(table, "attendee", document)


def test_both_parts_are_ticked_and_of_the_version_shown(table: Table) -> None:
    attendee = table.world.actor("attendee")
    current = table.world.hub.statement.current(attendee).id
    for part in Part:
        with pytest.raises(Invalid) as refused:
            table.service.affirm(attendee, table.meeting, version=current, parts=frozenset({part}))
        assert refused.value.field == ({*Part} - {part}).pop().value
    with pytest.raises(Conflict):
        table.service.affirm(attendee, table.meeting, version=new_id(), parts=frozenset(Part))
    assert not table.world.events("statement.affirmed")


def test_a_person_excluded_from_a_case_gets_nothing_of_it_at_a_meeting(table: Table) -> None:
    document = table.document(kind="risk-assessment")
    table.service.issue(table.world.actor("coordinator"), table.meeting, Issue.PAPERS, frozenset({document}))
    table.affirm("attendee")
    table.world.exclude("attendee")
    page = table.service.show(table.world.actor("attendee"), table.meeting)
    assert (page.cases, page.issued, page.shut) == ((), (), 0)
    assert table.service.unopened(table.world.actor("attendee")) == 0
    assert not may_read(table, "attendee", document)


def test_withdrawing_an_invitation_or_cancelling_shuts_what_was_issued(table: Table) -> None:
    coordinator = table.world.actor("coordinator")
    document = table.document(kind="risk-assessment")
    table.service.issue(coordinator, table.meeting, Issue.PAPERS, frozenset({document}))
    table.affirm("attendee")
    table.service.withdraw(coordinator, table.meeting, table.world.people["attendee"])
    assert not may_read(table, "attendee", document)
    with pytest.raises(NotHere):
        table.service.show(table.world.actor("attendee"), table.meeting)
    table.service.invite(coordinator, table.meeting, table.world.people["attendee"])
    assert not may_read(table, "attendee", document)
    table.affirm("attendee")
    assert may_read(table, "attendee", document)
    seen = table.service.show(coordinator, table.meeting).seen
    table.service.cancel(coordinator, table.meeting, seen=seen)
    assert not may_read(table, "attendee", document)
    page = table.service.show(table.world.actor("attendee"), table.meeting)
    assert (page.state, page.issued, page.cases[0].name) == (MeetingState.CANCELLED, (), None)


# --- arranging -------------------------------------------------------------------------------


def test_a_form_sent_twice_arranges_one_meeting(table: Table) -> None:
    new = table.new()
    first, second = (table.service.arrange(table.world.actor("coordinator"), new) for _ in range(2))
    assert first == second
    assert len(table.world.events("meeting.arranged")) == 2


def test_chair_and_coordinator_are_invited_and_stay(table: Table) -> None:
    page = table.service.show(table.world.actor("coordinator"), table.meeting)
    assert {person.id for person in page.people if person.chairs or person.coordinates} == {
        table.world.people["chair"],
        table.world.people["coordinator"],
    }
    with pytest.raises(Invalid, match="stay invited"):
        table.service.withdraw(table.world.actor("coordinator"), table.meeting, table.world.people["chair"])


def test_what_breaks_a_rule_is_refused_at_its_field(table: Table) -> None:
    people, theirs = table.world.people, table.world.make_case(coordinator="other coordinator")
    closed = table.world.make_case(state="closed")
    wrong = [
        (table.new(form=""), "token"),
        (table.new(when=table.when(starts_at=table.world.clock())), "day"),
        (table.new(when=table.when(locality="Elsewhere")), "locality"),
        (table.new(when=table.when(place=" ")), "place"),
        (table.new(when=table.when(place="Room\u202e2")), "place"),
        (table.new(when=table.when(chair=people["police"])), "chair"),
        (table.new(when=table.when(chair="\x00")), "chair"),
        (table.new(cases=frozenset({theirs})), "cases"),
        (table.new(cases=frozenset({closed})), "cases"),
        (table.new(cases=frozenset({"\x00"})), "cases"),
        (table.new(invited=frozenset({people["governance"]})), "invited"),
        (table.new(invited=frozenset({new_id()})), "invited"),
    ]
    for new, field in wrong:
        with pytest.raises(Invalid) as refused:
            table.service.arrange(table.world.actor("coordinator"), new)
        assert refused.value.field == field
    assert len(table.world.events("meeting.arranged")) == 1


def test_a_change_made_on_an_older_reading_is_refused(table: Table) -> None:
    coordinator = table.world.actor("coordinator")
    seen = table.service.show(coordinator, table.meeting).seen
    table.service.change(coordinator, table.meeting, table.when(place="Room 3"), seen=seen)
    with pytest.raises(Conflict):
        table.service.change(coordinator, table.meeting, table.when(place="Room 4"), seen=seen)
    assert table.service.show(coordinator, table.meeting).place == "Room 3"


def test_a_cancelled_meeting_takes_no_changes_and_a_held_one_is_not_cancelled(table: Table) -> None:
    coordinator = table.world.actor("coordinator")
    seen = table.service.show(coordinator, table.meeting).seen
    table.begin()
    with pytest.raises(Refused, match="has begun"):
        table.service.cancel(table.world.actor("coordinator"), table.meeting, seen=seen)
    other = table.service.arrange(table.world.actor("coordinator"), table.new())
    table.service.cancel(table.world.actor("coordinator"), other, seen=1)
    with pytest.raises(Refused, match="cancelled"):
        table.service.add_case(table.world.actor("coordinator"), other, table.world.case)
    with pytest.raises(Refused, match="cancelled"):
        table.service.issue(
            table.world.actor("coordinator"), other, Issue.PAPERS, frozenset({table.document()})
        )


def test_a_case_stays_listed_once_documents_of_it_were_issued(table: Table) -> None:
    coordinator, second = table.world.actor("coordinator"), table.world.make_case()
    table.service.add_case(coordinator, table.meeting, second)
    table.service.issue(coordinator, table.meeting, Issue.PAPERS, frozenset({table.document(case=second)}))
    with pytest.raises(Invalid, match="stays listed"):
        table.service.remove_case(coordinator, table.meeting, second)
    for _ in range(2):
        table.service.remove_case(coordinator, table.meeting, table.world.case)
    assert [one.id for one in table.service.show(coordinator, table.meeting).cases] == [second]


# --- issuing and reading ---------------------------------------------------------------------


def test_issuing_twice_issues_once_and_for_good(table: Table) -> None:
    coordinator, document = table.world.actor("coordinator"), table.document()
    for _ in range(2):
        table.service.issue(coordinator, table.meeting, Issue.PAPERS, frozenset({document}))
    issued = table.world.events("meeting.issued")
    assert [(entry.case_id, entry.document_id, entry.operation) for entry in issued] == [
        (table.world.case, document, "disclosure")
    ]


def test_minutes_follow_the_meeting_and_a_chair_issues_nothing_else(table: Table) -> None:
    table.world.join_team("chair")
    minutes, report = table.document(), table.document(kind="risk-assessment")
    chair = table.world.actor("chair")
    with pytest.raises(Invalid, match="once the meeting has begun"):
        table.service.issue(chair, table.meeting, Issue.MINUTES, frozenset({minutes}))
    with pytest.raises(Refused, match="a chair issues minutes"):
        table.service.issue(chair, table.meeting, Issue.PAPERS, frozenset({report}))
    table.begin()
    chair = table.world.actor("chair")
    with pytest.raises(Invalid, match="of the type minutes"):
        table.service.issue(chair, table.meeting, Issue.MINUTES, frozenset({report}))
    table.service.issue(chair, table.meeting, Issue.MINUTES, frozenset({minutes}))
    assert [one.what for one in table.service.show(chair, table.meeting).issued] == [Issue.MINUTES]
    with pytest.raises(NotHere):
        table.service.issue(table.world.actor("attendee"), table.meeting, Issue.MINUTES, frozenset({minutes}))


def test_only_documents_of_the_meetings_cases_that_the_issuer_reads_are_issued(table: Table) -> None:
    table.begin()
    elsewhere, theirs = table.world.make_case(), table.world.make_case(coordinator="other coordinator")
    wrong = [table.document(case=elsewhere), table.document(case=theirs), new_id(), "\x00"]
    for document in wrong:
        with pytest.raises(Invalid):
            table.service.issue(
                table.world.actor("coordinator"), table.meeting, Issue.PAPERS, frozenset({document})
            )
    with pytest.raises(Invalid):
        table.service.issue(
            table.world.actor("chair"), table.meeting, Issue.MINUTES, frozenset({table.document()})
        )
    with pytest.raises(Invalid):
        table.service.issue(table.world.actor("coordinator"), table.meeting, Issue.PAPERS, frozenset())
    assert not table.world.events("meeting.issued")


def test_my_meetings_tell_what_is_new_and_what_i_have_not_opened(table: Table) -> None:
    coordinator, attendee = table.world.actor("coordinator"), table.world.actor("attendee")
    first, second = table.document(), table.document()
    table.service.issue(coordinator, table.meeting, Issue.PAPERS, frozenset({first}))
    table.affirm("attendee")

    def mine() -> tuple[int, int, int]:
        line = table.service.mine(attendee).upcoming[0]
        assert table.service.unopened(attendee) == line.unopened
        return line.issued, line.new, line.unopened

    assert mine() == (1, 1, 1)
    table.service.show(attendee, table.meeting)
    table.open_page("attendee", first, form="details")
    assert mine() == (1, 0, 1)
    table.open_page("attendee", first)
    table.service.issue(coordinator, table.meeting, Issue.PAPERS, frozenset({second}))
    assert mine() == (2, 1, 1)
    table.begin()
    later = table.service.mine(table.world.actor("attendee"))
    assert (later.upcoming, later.past.total, later.unopened) == ((), 1, 1)


def test_coordinator_and_chair_see_who_read_what_and_that_is_logged(table: Table) -> None:
    document = table.document()
    table.service.issue(table.world.actor("coordinator"), table.meeting, Issue.PAPERS, frozenset({document}))
    table.affirm("attendee")
    table.open_page("attendee", document)
    found = table.service.readers(table.world.actor("coordinator"), table.meeting)
    opened = {reader.name: (reader.affirmed_at is not None, reader.opened) for reader in found.readers}
    assert opened[PEOPLE["attendee"][0]] == (True, {document})
    assert opened[PEOPLE["police"][0]] == (False, set())
    assert [entry.document_id for entry in table.world.events("document.readers_viewed")] == [document]
    with pytest.raises(NotHere):
        table.service.readers(table.world.actor("attendee"), table.meeting)


# --- mail ------------------------------------------------------------------------------------


def test_a_notice_says_that_there_is_something_and_not_what(table: Table) -> None:
    def clear() -> None:
        for path in Path(table.world.config.home / "outbox").glob("*"):
            path.unlink()

    assert {to for to, _ in mails(table)} == {
        f"{who}@fenmarch.example" for who in ("attendee", "police", "chair")
    }
    clear()
    table.service.issue(
        table.world.actor("coordinator"), table.meeting, Issue.PAPERS, frozenset({table.document()})
    )
    sent = mails(table)
    assert len(sent) == 3
    for _, text in sent:
        for secret in ("Nominal", "Zebrafinch", "FEN-2026", "minutes", "Room 2", "Northfen"):
            assert secret not in text
    clear()
    with pytest.raises(Invalid):
        table.service.issue(
            table.world.actor("coordinator"), table.meeting, Issue.PAPERS, frozenset({new_id()})
        )
    assert mails(table) == []


def test_an_outbox_that_cannot_be_written_loses_nothing_but_the_notice(table: Table) -> None:
    outbox = table.world.config.home / "outbox"
    outbox.rename(outbox.with_name("moved"))
    outbox.write_text("a file where the folder should be")
    table.service.issue(
        table.world.actor("coordinator"), table.meeting, Issue.PAPERS, frozenset({table.document()})
    )
    assert len(table.world.events("meeting.issued")) == 1


def test_a_meeting_far_away_keeps_its_invitations(table: Table) -> None:
    later = table.when(starts_at=table.world.clock() + timedelta(days=400))
    table.service.change(table.world.actor("coordinator"), table.meeting, later, seen=1)
    with table.world.hub.db.reading() as session:
        assert len(list(session.scalars(select(MeetingInvitee)))) == 4


def test_the_pages_take_as_many_queries_for_many_meetings_and_documents(table: Table) -> None:
    coordinator, attendee = table.world.actor("coordinator"), table.world.actor("attendee")
    table.service.issue(coordinator, table.meeting, Issue.PAPERS, frozenset({table.document()}))
    table.affirm("attendee")
    acts = [lambda: table.service.mine(attendee), lambda: table.service.show(attendee, table.meeting)]
    few = [statements(table.world, act) for act in acts]
    for _ in range(3):
        table.service.add_case(coordinator, table.meeting, table.world.make_case())
        table.service.arrange(coordinator, table.new())
    more = frozenset(table.document() for _ in range(5))
    table.service.issue(coordinator, table.meeting, Issue.PAPERS, more)
    assert [statements(table.world, act) for act in acts] == few
