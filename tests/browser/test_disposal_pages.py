"""The pages of holds and disposal in every state that a case can be in: each wide and narrow, and by axe."""

import pytest

from hub.cases.rules import ExitReason
from hub.cases.service import Decision
from hub.disposal.rules import Code
from tests.browser.conftest import People
from tests.browser.server import Server

WHY = "The exit was reviewed and nothing in it is needed."
HELD = "A court asked for it to be kept."


def closed(server: Server) -> str:
    """A closed case of the area, coordinated by 'coordinator'."""
    case, who = server.world.make_case(), server.world.actor("coordinator")
    decision = Decision(reason="The registration ended.", seen=server.hub.cases.for_change(who, case).seen)
    server.hub.cases.close(who, case, ExitReason.REGISTRATION, decision)
    return case


@pytest.fixture(scope="module")
def case(server: Server) -> str:
    return closed(server)


@pytest.fixture(scope="module")
def destroyed(server: Server) -> str:
    case, hub, world = closed(server), server.hub, server.world
    hub.disposal.ask(world.actor("coordinator"), case, Code.REVIEWED, WHY)
    hub.disposal.approve(world.actor("governance"), case, WHY)
    hub.shredding.shred(hub.shredding.find(case))
    return case


def test_a_case_is_asked_for_held_lifted_approved_and_taken_back(
    case: str, server: Server, people: People
) -> None:
    coordinator, governance = people("coordinator"), people("governance")
    coordinator.go(f"/cases/{case}/disposal")
    coordinator.send("Ask for destruction")
    coordinator.sees("There is a problem")
    coordinator.page.get_by_label("A retention review decided", exact=False).check()
    coordinator.page.locator("textarea").fill(WHY)
    coordinator.send("Ask for destruction")
    assert coordinator.page.get_by_role("button", name="Withdraw the request").count() == 1

    overview = f"/disposal/cases/{case}"
    governance.go("/disposal/")
    governance.go(overview)
    governance.send("Set a legal hold")
    governance.sees("There is a problem")
    governance.page.locator("[name=hold-reason]").fill(HELD)
    governance.send("Set a legal hold")
    governance.sees("It cannot be approved while a legal hold stands.")
    coordinator.go(f"/cases/{case}/disposal")
    coordinator.sees_nothing_of(HELD)
    governance.go("/disposal/")
    governance.go(overview)
    governance.send("Lift this hold")
    governance.sees("There is a problem")
    governance.page.locator("[name=lift-reason]").fill("The court is done with it.")
    governance.send("Lift this hold")
    governance.send("Approve")
    governance.sees("There is a problem")
    governance.page.locator("[name=approve-reason]").fill(WHY)
    governance.send("Approve")
    governance.sees("Take the approval back")
    coordinator.go(f"/cases/{case}/disposal")
    governance.page.locator("[name=refuse-reason]").fill("It is still needed by the panel.")
    governance.send("Keep the case")
    governance.go("/disposal/")


def test_a_destroyed_case_shows_its_certificate_to_governance_and_that_it_is_gone_to_its_coordinator(
    destroyed: str, server: Server, people: People
) -> None:
    governance, coordinator = people("governance"), people("coordinator")
    governance.go("/disposal/certificates")
    governance.go(f"/disposal/cases/{destroyed}")
    governance.sees("Its keys were destroyed")
    made = server.hub.shredding.certificate(destroyed)
    for ending, data in (("pdf", made.pdf), ("txt", made.text.encode())):
        answer = governance.context.request.get(f"/disposal/cases/{destroyed}/certificate.{ending}")
        assert answer.status == 200
        assert answer.body() == data
    coordinator.go(f"/cases/{destroyed}", status=410)
    coordinator.go(f"/cases/{destroyed}/disposal", status=410)
