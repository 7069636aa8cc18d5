"""What keeps a case from being destroyed, up to the last moment."""

import pytest

from hub.cases.service import Decision
from hub.errors import Refused
from hub.people.model import Account, AccountState


def test_without_a_request_or_an_approval_nothing_is_destroyed(world, registry):
    registry.fill()
    registry.close()
    target = registry.shredding.find(world.case)
    with pytest.raises(Refused, match="coordinator must ask"):
        registry.shredding.require_ready(target)
    registry.ask()
    for refused in (registry.shredding.require_ready, registry.shredding.shred):
        with pytest.raises(Refused, match="nobody of information governance has approved"):
            refused(target)
    assert registry.refusals()[-2:] == ["forbidden: not approved"] * 2
    assert len(registry.sealed()) > 20


def test_a_hold_set_after_the_approval_keeps_the_case(world, registry):
    registry.ready()
    hold = registry.hold()
    with pytest.raises(Refused, match="legal hold"):
        registry.shred()
    assert registry.refusals()[-1] == "forbidden: legal hold"
    assert registry.names() != []
    registry.service.lift_hold(world.actor("governance"), world.case, hold, "The court is done with it.")
    registry.shred()


def test_a_hold_set_between_the_question_and_the_shredding_wins(world, registry):
    """It is asked again inside the transaction that destroys, whatever was so a moment before."""
    registry.ready()
    target = registry.shredding.find(world.case)
    registry.shredding.require_ready(target)
    registry.hold()
    with pytest.raises(Refused, match="legal hold"):
        registry.shredding.shred(target)


def test_a_case_opened_again_after_the_approval_is_kept(world, registry):
    registry.ready()
    world.hub.cases.reopen(
        world.actor("coordinator"), world.case, Decision(reason="The person is back.", seen=registry.seen())
    )
    with pytest.raises(Refused, match="This case is open"):
        registry.shred()
    assert registry.refusals()[-1] == "forbidden: case open"


def test_what_was_asked_for_before_the_case_was_opened_again_counts_no_more_once_it_is_closed(
    world, registry
):
    """Nobody has looked at what came to it meanwhile."""
    registry.ready()
    world.hub.cases.reopen(
        world.actor("coordinator"), world.case, Decision(reason="The person is back.", seen=registry.seen())
    )
    registry.close()
    with pytest.raises(Refused, match="opened again after this was asked for"):
        registry.shred()
    assert registry.refusals()[-1] == "forbidden: opened since"
    registry.service.withdraw(world.actor("coordinator"), world.case)
    registry.ask()
    registry.approve()
    registry.shred()


def test_the_approval_of_an_account_suspended_since_counts_no_more(world, registry):
    registry.ready()
    with world.hub.db.work() as work:
        work.session.get_one(Account, world.people["governance"]).state = AccountState.SUSPENDED
        work.commit()
    with pytest.raises(Refused, match="suspended"):
        registry.shred()


def test_after_thirty_days_it_must_be_asked_for_again(world, registry):
    registry.ready()
    world.clock.forward(days=31)
    with pytest.raises(Refused, match="No request stands"):
        registry.shred()
