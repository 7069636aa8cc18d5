"""A break-glass from the call at night to the closed review, without JavaScript."""

from hub.access.permissions import Role
from tests.browser import arranged
from tests.browser.conftest import People
from tests.browser.server import Server


def test_opened_told_asked_answered_and_closed(people: People, server: Server) -> None:
    login = server.person("Nellie Nightshift-Fable", Role.PRACTITIONER, "housing")
    nellie, governance = people(login, script=False), people("governance", script=False)
    nellie.follow("Open a case that is not yours")
    nellie.page.get_by_label("Reference of the case").fill(arranged.REFERENCE)
    nellie.page.get_by_label("On duty out of hours, and it was passed to me").check()
    nellie.page.get_by_label("What happened, and who asked you").fill(
        "An invented call from the duty sergeant."
    )
    nellie.send("Open the case")
    nellie.sees("Norman Nominal-Fable")
    assert nellie.page.get_by_role("button", name="Give back").count() == 1

    governance.go("/reviews/?about=glass")
    governance.follow(governance.page.get_by_role("link", name=login.name))
    governance.sees("An invented call from the duty sergeant.")
    governance.page.get_by_label("What you want to know").fill("Which call was that?")
    governance.send("Ask")

    nellie.follow(nellie.page.get_by_role("button", name="Give back"))
    nellie.follow("See the question and answer it")
    nellie.page.get_by_label("Your answer").fill("The call of 21:40, for a colleague.")
    nellie.send("Send your answer")
    nellie.go(f"/cases/{server.case}", status=404)

    governance.go("/reviews/?state=answered")
    governance.follow(governance.page.get_by_role("link", name=login.name))
    governance.sees("The call of 21:40, for a colleague.")
    governance.send("Close the review")
    governance.sees("There is a problem")
    governance.page.get_by_label("Explained: there was a need to know").check()
    governance.page.get_by_label("Note", exact=True).fill("The sergeant confirms the call.")
    governance.send("Close the review")
    governance.go("/reviews/?state=closed")
    governance.sees(login.name)
