"""The fictional area: counts, the domain's rules, and agreement with the hub's own policy."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pyotp
import pytest

from hub.access.permissions import Permission, Role
from hub.access.policy import Denied, require_on_case
from hub.demo.history import actor_of, facts_of
from hub.demo.plan import DemoPlan, make_plan
from hub.documents.rules import DOCUMENT_TYPES, MARKING, RETENTION_CLASSES
from hub.ledger.events import REGISTRY
from hub.people.rules import AGENCY_KINDS

TODAY = date(2026, 3, 18)


@pytest.fixture(scope="module")
def plan() -> DemoPlan:
    return make_plan("a fixed seed", TODAY)


def test_the_area_has_what_the_brief_of_a_working_area_asks(plan):
    assert len(plan.area.people) == 14
    assert len(plan.area.agencies) == 10
    assert len(plan.cases) == 60
    assert len(plan.meetings) == 12
    assert len(plan.documents) == 250
    assert 2500 <= len(plan.history) <= 4000


def test_the_same_seed_and_day_make_the_same_plan(plan):
    assert make_plan("a fixed seed", TODAY) == plan


def test_another_seed_makes_other_people_secrets_and_cases(plan):
    other = make_plan("another seed", TODAY)
    assert {p.totp_secret for p in plan.area.people}.isdisjoint(p.totp_secret for p in other.area.people)
    assert [case.nominal for case in other.cases] != [case.nominal for case in plan.cases]


@pytest.mark.parametrize("seed", ["one", "two", "three", "four", "five"])
@pytest.mark.parametrize("today", [date(2024, 2, 29), date(2026, 1, 1), date(2027, 11, 20)])
def test_any_seed_and_any_day_make_a_whole_plan(seed, today):
    plan = make_plan(seed, today)
    assert len(plan.documents) == 250
    assert all(meeting.cases and len(meeting.invited) > 3 for meeting in plan.meetings)


def test_every_role_has_someone_and_every_person_a_usable_secret(plan):
    assert {person.role for person in plan.area.people} == set(Role)
    assert all(len(pyotp.TOTP(person.totp_secret).now()) == 6 for person in plan.area.people)
    assert len({person.email for person in plan.area.people}) == 14
    assert all(person.email.endswith(f"@{person.agency}.fenmarch.example") for person in plan.area.people)
    assert all(len(person.password) >= 20 for person in plan.area.people)


def test_agencies_have_kinds_that_the_hub_knows(plan):
    assert {agency.key for agency in plan.area.agencies} <= set(AGENCY_KINDS)


def test_all_categories_and_levels_occur_but_category_3_is_never_level_1(plan):
    shapes = Counter((case.category, case.level) for case in plan.cases)
    assert set(shapes) == {(c, lv) for c in (1, 2, 3, 4) for lv in (1, 2, 3)} - {(3, 1)}
    third = [case for case in plan.cases if case.category == 3]
    levels = {case.first_level for case in third} | {
        int(c.after) for case in third for c in case.changes if c.what == "level"
    }
    assert levels <= {2, 3}


def test_history_leads_from_the_first_level_to_the_present_one(plan):
    for case in plan.cases:
        steps = [change for change in case.changes if change.what == "level"]
        assert [str(case.first_level), *(step.after for step in steps)][-1] == str(case.level)
        assert all(earlier.after == later.before for earlier, later in pairwise(steps))
        assert all(earlier.at < later.at for earlier, later in pairwise(case.changes))
        assert all(case.opened_at < change.at for change in case.changes)


def test_some_cases_are_closed_with_a_reason_and_have_no_review(plan):
    closed = [case for case in plan.cases if case.closed_at]
    assert len(closed) == 5
    assert all(case.exit_reason and case.review_due is None for case in closed)
    assert all(case.exit_reason is None and case.review_due for case in plan.cases if not case.closed_at)
    assert 3 <= sum(case.review_due < TODAY for case in plan.cases if case.review_due) <= 10


def test_excluded_people_are_on_no_team_and_at_no_meeting_of_the_case(plan):
    excluded = {(case.key, ex.person) for case in plan.cases for ex in case.exclusions}
    assert len(excluded) == 4
    assert excluded.isdisjoint((case.key, member.person) for case in plan.cases for member in case.team)
    assert excluded.isdisjoint(
        (key, person) for m in plan.meetings for key in m.cases for person in m.invited
    )
    assert excluded.isdisjoint((doc.case, doc.uploader) for doc in plan.documents)


def test_the_lead_agency_works_the_case_and_each_member_s_agency_too(plan):
    for case in plan.cases:
        assert case.lead_agency in case.agencies
        assert {plan.area.person(member.person).agency for member in case.team} <= set(case.agencies)


def test_meetings_list_open_cases_of_their_own_level_locality_and_coordinator(plan):
    cases = {case.key: case for case in plan.cases}
    for meeting in plan.meetings:
        for case in (cases[key] for key in meeting.cases):
            assert (case.level, case.locality) == (meeting.level, meeting.locality)
            assert case.coordinator == meeting.coordinator
            assert case.closed_at is None
    assert {meeting.state == "held" for meeting in plan.meetings if meeting.starts_at.date() < TODAY} == {
        True
    }
    assert {meeting.state for meeting in plan.meetings} == {"held", "planned"}


def test_documents_carry_codes_that_the_hub_knows(plan):
    assert {document.type for document in plan.documents} == set(DOCUMENT_TYPES)
    assert {document.retention_class for document in plan.documents} == set(RETENTION_CLASSES)
    assert {document.marking for document in plan.documents} == {MARKING}
    assert {document.form for document in plan.documents} == {"pdf", "scan", "docx", "odt", "txt", "eml"}


def test_an_uploader_may_upload_to_the_case_and_the_audience_works_it(plan):
    cases = {case.key: case for case in plan.cases}
    for document in plan.documents:
        case = cases[document.case]
        require_on_case(
            actor_of(plan.area.person(document.uploader)), Permission.DOCUMENT_UPLOAD, facts_of(case)
        )
        assert document.owner in case.agencies
        assert document.audience is None or document.audience <= set(case.agencies)
    assert 10 < sum(document.audience is not None for document in plan.documents) < 70


def test_documents_were_dated_uploaded_and_issued_in_that_order_while_the_case_was_open(plan):
    cases = {case.key: case for case in plan.cases}
    uploaded = {document.key: document.uploaded_at for document in plan.documents}
    for document in plan.documents:
        case = cases[document.case]
        assert case.opened_at < document.uploaded_at
        assert document.dated <= document.uploaded_at.date() < TODAY
        assert case.closed_at is None or document.uploaded_at < case.closed_at
    assert all(uploaded[issue.document] < issue.at for issue in plan.issues)
    assert all(issue.at.date() < TODAY for issue in plan.issues)


def test_meetings_that_were_held_have_minutes_of_every_case_and_those_to_come_have_papers(plan):
    cases_of = {document.key: document.case for document in plan.documents}
    for meeting in plan.meetings:
        issued = {
            (issue.what, cases_of[issue.document]) for issue in plan.issues if issue.meeting == meeting.key
        }
        if meeting.state == "held":
            assert {case for what, case in issued if what == "minutes"} == set(meeting.cases)
        else:
            assert {what for what, _ in issued} == {"papers"}


def test_history_is_a_year_of_working_days_in_order(plan):
    times = [event.at for event in plan.history]
    assert times == sorted(times)
    assert all(at.weekday() < 5 and 8 <= at.hour <= 19 for at in times)
    assert TODAY - timedelta(days=366) <= times[0].date() < TODAY - timedelta(days=350)
    assert TODAY - timedelta(days=8) < times[-1].date() < TODAY


def test_history_uses_only_events_that_the_log_declares(plan):
    assert {event.event for event in plan.history} <= set(REGISTRY)
    assert {"search.run", "access.refused", "document.download_started", "log.read"} <= {
        e.event for e in plan.history
    }


def test_a_visit_is_one_person_and_begins_by_signing_in(plan):
    visits: dict[int, list] = {}
    for event in plan.history:
        visits.setdefault(event.visit, []).append(event)
    for events in visits.values():
        assert len({event.person for event in events}) == 1
        names = [event.event for event in events if event.event != "session.sign_in_failed"]
        assert (names[0], names[-1]) == ("session.signed_in", "session.signed_out")


def test_nobody_reads_before_it_was_uploaded_or_without_a_reason(plan):
    uploaded = {document.key: document.uploaded_at for document in plan.documents}
    read = [event for event in plan.history if event.event == "document.page_viewed"]
    assert all(uploaded[event.document] < event.at and event.reason for event in read)


def test_what_was_read_through_the_case_the_policy_allows_and_what_was_refused_it_refuses(plan):
    cases = {case.key: facts_of(case) for case in plan.cases}
    for event in plan.history:
        actor = actor_of(plan.area.person(event.person))
        if event.event == "document.page_viewed" and event.meeting is None:
            require_on_case(actor, Permission.DOCUMENT_READ, cases[event.case])
        if event.event == "access.refused" and event.detail != "audience":
            with pytest.raises(Denied):
                require_on_case(actor, Permission.DOCUMENT_READ, cases[event.case])


def test_the_story_s_attendee_stands_to_the_case_only_by_invitation(plan):
    story = plan.story
    case = next(case for case in plan.cases if case.key == story.case)
    meeting = next(meeting for meeting in plan.meetings if meeting.key == story.meeting)
    require_on_case(
        actor_of(plan.area.person(story.practitioner)), Permission.DOCUMENT_UPLOAD, facts_of(case)
    )
    require_on_case(actor_of(plan.area.person(story.coordinator)), Permission.CASE_CHANGE, facts_of(case))
    with pytest.raises(Denied):
        require_on_case(actor_of(plan.area.person(story.attendee)), Permission.CASE_READ, facts_of(case))
    assert story.attendee in meeting.invited
    assert story.case in meeting.cases


def test_a_plan_cannot_be_changed_by_its_reader(plan):
    with pytest.raises(AttributeError):
        plan.cases[0].level = 3
    assert replace(plan, seed="x") != plan


def test_a_case_s_level_on_a_day_is_the_one_its_history_says(plan):
    case = next(case for case in plan.cases if len([c for c in case.changes if c.what == "level"]) == 2)
    first, second = (change for change in case.changes if change.what == "level")
    assert case.level_on(case.opened_at.date()) == case.first_level
    assert case.level_on(first.at.date() - timedelta(days=1)) == int(first.before)
    assert case.level_on(second.at.date()) == int(second.after) == case.level


def test_nobody_was_a_child_when_their_case_was_opened(plan):
    assert all((case.opened_at.date() - case.nominal.born).days > 18 * 365.25 for case in plan.cases)
