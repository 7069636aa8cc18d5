"""Holds and requests: who may, who may not, and what the log says of it."""

import json

import pytest
from sqlalchemy import select

from hub.access.permissions import Role
from hub.cases.model import Case
from hub.disposal.model import DisposalRequest, LegalHold
from hub.documents.model import StagedFile
from hub.errors import Gone, Invalid, NotHere, Refused
from hub.ids import new_id
from hub.people.model import Account, AccountState
from tests.disposal.conftest import NAME, WHY
from tests.documents.conftest import pdf

HELD = "A court asked for it to be kept."


def become(world, who, **values):
    with world.hub.db.work() as work:
        account = work.session.get_one(Account, world.people[who])
        for name, value in values.items():
            setattr(account, name, value)
        work.commit()


def fields(entry):
    return json.loads(entry.leaf)["fields"]


# --- two people ------------------------------------------------------------------------------


def test_one_asks_another_approves_and_both_stand_in_the_log(world, registry):
    registry.close()
    registry.ask()
    registry.approve()
    (asked,), (approved,) = world.events("disposal.requested"), world.events("disposal.approved")
    assert asked.actor_id == world.people["coordinator"]
    assert approved.actor_id == world.people["governance"]
    assert fields(asked)["code"] == "review decided"
    assert fields(asked)["request"] == fields(approved)["request"]
    assert WHY not in asked.leaf + approved.leaf


def test_whoever_asked_cannot_approve_it(world, registry):
    registry.close()
    registry.ask()
    become(world, "coordinator", role=Role.GOVERNANCE)
    with pytest.raises(Refused, match="Somebody else must approve"):
        registry.approve("coordinator")
    assert registry.refusals()[-1] == "forbidden: own request"
    assert world.events("disposal.approved") == []


def test_a_suspended_account_approves_nothing(world, registry):
    registry.close()
    registry.ask()
    who = world.actor("governance")
    become(world, "governance", state=AccountState.SUSPENDED)
    with pytest.raises(Refused, match="suspended"):
        registry.service.approve(who, world.case, WHY)
    assert registry.refusals()[-1] == "forbidden: suspended"


def test_who_is_excluded_from_the_case_decides_nothing_about_it(world, registry):
    world.exclude("governance")
    registry.close()
    registry.ask()
    for call in (registry.approve, registry.hold):
        with pytest.raises(Refused, match="excluded"):
            call()
    with pytest.raises(Refused, match="excluded"):
        registry.service.refuse(world.actor("governance"), world.case, WHY)
    assert registry.refusals()[-3:] == ["forbidden: excluded"] * 3


def test_nothing_is_approved_under_a_hold_and_nothing_of_an_open_case_is_asked_for(world, registry):
    with pytest.raises(Refused, match="Only a closed case"):
        registry.ask()
    registry.close()
    hold = registry.hold()
    registry.ask()
    with pytest.raises(Refused, match="legal hold"):
        registry.approve()
    assert registry.refusals()[-2:] == ["forbidden: case open", "forbidden: legal hold"]
    registry.service.lift_hold(world.actor("governance"), world.case, hold, "The court is done with it.")
    registry.approve()


def test_a_case_opened_again_cannot_be_approved(world, registry):
    from hub.cases.service import Decision

    registry.close()
    registry.ask()
    with world.hub.db.reading() as session:
        seen = session.get_one(Case, world.case).row_version
    world.hub.cases.reopen(
        world.actor("coordinator"), world.case, Decision(reason="The person is back.", seen=seen)
    )
    with pytest.raises(Refused, match="This case is open"):
        registry.approve()


def test_one_request_at_a_time_and_none_after_thirty_days(world, registry):
    registry.close()
    registry.ask()
    with pytest.raises(Refused, match="asked for already"):
        registry.ask()
    world.clock.forward(days=30)
    world.tokens.clear()
    with pytest.raises(Refused, match="No request"):
        registry.approve()
    registry.ask()
    registry.approve()


def test_either_may_take_it_back_even_when_approved(world, registry):
    registry.close()
    for approved in (False, True):
        registry.ask()
        if approved:
            registry.approve()
        registry.service.withdraw(world.actor("coordinator"), world.case)
        registry.ask()
        if approved:
            registry.approve()
        registry.service.refuse(world.actor("governance"), world.case, "It is still needed by the panel.")
    with world.hub.db.reading() as session:
        states = session.scalars(select(DisposalRequest.state).order_by(DisposalRequest.asked_at)).all()
    assert states == ["withdrawn", "refused"] * 2
    assert [fields(entry)["before"] for entry in world.events("disposal.refused")] == ["waiting", "approved"]
    with pytest.raises(Refused, match="No request"):
        registry.service.withdraw(world.actor("coordinator"), world.case)


def test_only_the_cases_coordinator_asks_and_only_information_governance_decides(world, registry):
    registry.close()
    for who in ("other coordinator", "police", "governance", "administrator", "chair", "attendee"):
        with pytest.raises(NotHere):
            registry.ask(who=who)
    registry.ask()
    for who in ("coordinator", "police", "administrator", "chair", "attendee"):
        actor = world.actor(who)
        for call in (
            lambda actor=actor: registry.service.approve(actor, world.case, WHY),
            lambda actor=actor: registry.service.refuse(actor, world.case, WHY),
            lambda actor=actor: registry.service.set_hold(actor, world.case, HELD, "x"),
            lambda actor=actor: registry.service.lift_hold(actor, world.case, "a" * 26, HELD),
            lambda actor=actor: registry.service.one(actor, world.case),
            lambda actor=actor: registry.service.overview(actor),
            lambda actor=actor: registry.service.certificates(actor),
            lambda actor=actor: registry.service.certificate(actor, world.case, "pdf"),
        ):
            with pytest.raises(NotHere):
                call()


# --- reasons ---------------------------------------------------------------------------------


def test_reasons_are_sealed_under_the_areas_key_and_read_after_the_case_is_gone(world, registry):
    registry.ready()
    with world.hub.db.reading() as session:
        request = session.scalars(select(DisposalRequest)).one()
        assert WHY.encode() not in request.sealed_reason
    registry.shred()
    found = registry.service.one(world.actor("governance"), world.case)
    assert (found.requests[0].reason, found.requests[0].decision) == (WHY, WHY)
    assert found.state == "destroyed"


def test_a_reason_that_names_the_nominal_is_refused(world, registry):
    registry.close()
    who = world.actor("coordinator")
    for reason in (
        f"{NAME} left the area.",
        "The papers on NOBBY FABLE are done.",
        "Nominal-Fable has moved away.",
    ):
        with pytest.raises(Invalid, match="must not name the person"):
            registry.service.ask(who, world.case, "review decided", reason)
    with pytest.raises(Invalid, match="in a sentence"):
        registry.service.ask(who, world.case, "review decided", "short")
    with pytest.raises(Invalid, match="2,000"):
        registry.service.ask(who, world.case, "review decided", "x" * 2001)
    with pytest.raises(Invalid, match="Choose why"):
        registry.service.ask(who, world.case, "because", WHY)


def test_that_keeping_has_ended_is_no_reason_while_something_is_kept(world, registry):
    registry.desk.prepared(pdf("kept"), retention_class="police-long-term")
    registry.close()
    with pytest.raises(Refused, match="29 February 2080"):
        registry.ask(code="retention ended")
    assert registry.refusals()[-1] == "forbidden: still kept"
    registry.ask(code="ordered")


# --- holds -----------------------------------------------------------------------------------


def test_holds_stand_side_by_side_and_each_is_lifted_for_itself(world, registry):
    first = registry.hold()
    second = registry.hold()
    assert first != second
    who = world.actor("governance")
    registry.service.lift_hold(who, world.case, first, "The first is done with.")
    found = registry.service.one(who, world.case)
    assert [(line.id, line.reason) for line in found.holds] == [(second, HELD)]
    assert [(line.id, line.lifting) for line in found.lifted] == [(first, "The first is done with.")]
    with pytest.raises(Refused, match="lifted already"):
        registry.service.lift_hold(who, world.case, first, "Once more with feeling.")
    with pytest.raises(Invalid):
        registry.service.lift_hold(who, world.case, new_id(), "There is none such.")
    assert [len(world.events(f"disposal.hold_{what}")) for what in ("set", "lifted")] == [2, 1]


def test_a_form_sent_twice_sets_one_hold(world, registry):
    form = new_id()
    for _ in range(2):
        registry.service.set_hold(world.actor("governance"), world.case, HELD, form)
    with world.hub.db.reading() as session:
        assert len(session.scalars(select(LegalHold)).all()) == 1


def test_a_form_sent_again_after_its_hold_was_lifted_does_not_pass_for_a_hold(world, registry):
    form, who = new_id(), world.actor("governance")
    registry.service.set_hold(who, world.case, HELD, form)
    (hold,) = registry.service.one(who, world.case).holds
    registry.service.lift_hold(who, world.case, hold.id, "The inquiry is over.")
    with pytest.raises(Refused, match="lifted since"):
        registry.service.set_hold(who, world.case, HELD, form)


def test_under_a_hold_no_received_file_is_removed_by_anybody_or_by_time(world, registry):
    staged = registry.desk.stage(pdf("staged"))
    hold = registry.hold()
    with pytest.raises(Refused, match="legal hold"):
        world.hub.documents.discard(world.actor("police"), world.case, staged)
    world.clock.forward(days=8)
    world.tokens.clear()
    assert world.hub.documents.discard_stale() == 0
    registry.service.lift_hold(world.actor("governance"), world.case, hold, "The court is done with it.")
    assert world.hub.documents.discard_stale() == 1


def test_a_hold_set_after_old_files_were_listed_keeps_them(world, registry):
    staged = registry.desk.stage(pdf("staged"))
    world.clock.forward(days=8)
    world.tokens.clear()
    registry.hold()
    assert not world.hub.documents._discard_one(staged)
    with world.hub.db.reading() as session:
        assert session.get(StagedFile, staged) is not None


def test_the_case_of_another_area_is_absent(world, registry):
    with pytest.raises(NotHere):
        registry.service.one(world.actor("governance"), "a" * 26)
    with pytest.raises(NotHere):
        registry.service.set_hold(world.actor("governance"), "a" * 26, HELD, "x")


# --- what the pages show ---------------------------------------------------------------------


def test_the_coordinator_sees_that_it_is_held_and_not_why(world, registry):
    registry.hold()
    found = registry.service.asking(world.actor("coordinator"), world.case)
    assert found.holds == 1
    assert HELD not in repr(found)
    assert registry.service.brief(world.actor("coordinator"), world.case).holds == 1


def test_the_overview_lists_what_waits_what_is_held_and_what_is_due(world, registry):
    registry.desk.prepared(pdf("one"), retention_class="probation-6")
    registry.close()
    who = world.actor("governance")
    assert registry.service.overview(who).due.rows == []
    registry.hold()
    registry.ask()
    found = registry.service.overview(who, sought="fen-2026")
    assert [len(part) for part in (found.requests, found.holds, found.found)] == [1, 1, 1]
    assert {line.default for line in found.years} == {True}
    world.clock.forward(days=6 * 366)
    world.tokens.clear()
    (due,) = registry.service.overview(world.actor("governance")).due.rows
    assert (due.case, due.documents, due.holds) == (world.case, 1, True)
    assert (due.due.year, due.due.month, due.due.day) == (2032, 3, 2)
    assert world.events("disposal.viewed") != []


def test_nobody_asks_about_a_case_that_is_gone(world, registry):
    registry.ready()
    registry.shred()
    with pytest.raises(Gone):
        registry.service.asking(world.actor("coordinator"), world.case)
    for call in (
        registry.approve,
        registry.hold,
        lambda: registry.service.refuse(world.actor("governance"), world.case, WHY),
    ):
        with pytest.raises(Refused, match="destroyed already"):
            call()
