"""Every page of the hub, for each role that may see it: whatever `app.url_map` has, somebody looks at here."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Rule

from hub.access.permissions import GRANTS, Permission, Role
from hub.app import create_app
from hub.cases.views import CHANGES
from hub.ids import new_id
from hub.people.views import CONFIRMED
from hub.web.routes import needs_of
from tests.browser import arranged
from tests.browser.conftest import People
from tests.browser.person import Person
from tests.browser.server import Server

NO_PAGES = {
    "web.asset": "style, script or picture",
    "web.favicon": "answers nothing",
    "web.healthz": "for an operator's checks, JSON",
    "web.readyz": "for an operator's checks, JSON",
    "documents.page_image": "a picture",
    "documents.original": "the file itself",
    "governance.export": "a spreadsheet",
    "disposal.pdf": "a certificate, which only a destroyed case has",
    "disposal.text": "a certificate, which only a destroyed case has",
    "governance.export_json": "for a program, JSON",
    "governance.receipts": "a PDF",
}
WALKERS = ("coordinator", "police", "chair", "attendee", "governance", "administrator")
FOR_ONE = frozenset({"web.help", "web.cookies", "web.accessibility"})
"""The same for all: one role's look is enough."""


@dataclass
class Walk:
    """`values`: what stands in for the parameters of a rule, endpoint by endpoint where it matters."""

    app: Flask
    server: Server
    values: dict[str, str]
    seen: set[str] = field(default_factory=set)

    def rules(self) -> Iterator[Rule]:
        for rule in sorted(self.app.url_map.iter_rules(), key=lambda one: one.rule):
            if "GET" in (rule.methods or ()) and rule.endpoint not in NO_PAGES:
                yield rule

    def paths(self, rule: Rule) -> list[str]:
        urls, values = self.app.url_map.bind("localhost"), self._values(rule)
        if rule.endpoint == "cases.change":
            return [
                urls.build(rule.endpoint, values | {"what": what})
                for what in CHANGES
                if what not in {"close", "reopen"}
            ]
        if rule.endpoint == "people.confirm":
            return [urls.build(rule.endpoint, values | {"what": what}) for what in CONFIRMED]
        return [urls.build(rule.endpoint, values)]

    def _values(self, rule: Rule) -> dict[str, Any]:
        own = {"documents.receipt": "receipt", "people.enrol": "invitation"}
        names = {name: own.get(rule.endpoint, name) if name == "token" else name for name in rule.arguments}
        fixed = {"number": 1, "version": 1}
        return {
            name: fixed.get(known) or self.values[known] for name, known in names.items() if known != "what"
        }

    def note(self, person: Person) -> None:
        """Which endpoints the pages that were checked belong to."""
        urls = self.app.url_map.bind("localhost")
        for url in person.checked:
            if url == person.refused:
                continue
            with contextlib.suppress(NotFound, MethodNotAllowed):
                self.seen.add(urls.match(urlsplit(url).path, method="GET")[0])


@pytest.fixture(scope="module")
def walk(server: Server) -> Walk:
    hub, world = server.hub, server.world
    filed = arranged.document(server)
    meeting = arranged.meeting(server, filed.document, server.login("attendee"))
    arranged.document(server, title="Not issued yet")
    invitation = hub.people.invite(
        world.actor("administrator"),
        email="nova@fenmarch.example",
        name="Nova Comer-Fable",
        role=Role.PRACTITIONER,
        agency=world.agencies["housing"],
    )
    values = {
        "case": server.case,
        "document": filed.document,
        "receipt": filed.receipt,
        "meeting": meeting,
        "account": world.people["police"],
        "invitation": invitation,
        "asked": new_id(),
        "agency": world.agencies["police"],
        "review": arranged.question(server, "outsider"),
    }
    hub.statement.save(
        world.actor("coordinator"), confidentiality="A draft, " * 20, equality="Another, " * 20, seen=0
    )
    return Walk(app=create_app(world.config), server=server, values=values)


@pytest.mark.parametrize("who", WALKERS)
def test_every_page_of_a_role(walk: Walk, people: People, who: str) -> None:
    login, person = walk.server.login(who), people(who)
    walk.values["held"] = walk.server.hub.people.hold_form(
        login.id,
        path=f"/cases/{walk.server.case}/documents/new",
        fields=[("necessity", "Typed before the end.")],
    )
    if Permission.SEARCH in GRANTS[login.role]:
        walk.values["asked"] = _search(person)
    for rule in walk.rules():
        asked = needs_of(walk.app, rule.endpoint)
        assert asked is not None
        if asked.permission is None or asked.permission in GRANTS[login.role]:
            if rule.endpoint not in FOR_ONE or who == WALKERS[0]:
                _look(person, walk.paths(rule))
        else:
            assert person.context.request.get(walk.paths(rule)[0]).status == 404, rule.rule
    walk.note(person)


def _search(person: Person) -> str:
    """The id of its results, which are for this session alone."""
    person.go("/search/")
    person.page.get_by_role("textbox", name="Search for").fill(arranged.WORD)
    person.send("Search")
    return person.page.url.rsplit("/", 1)[1]


def _look(person: Person, paths: list[str]) -> None:
    """What is not theirs is the same page for everyone: looked at once."""
    for path in paths:
        answer = person.page.goto(path)
        assert answer is not None
        assert answer.status in {200, 404}, f"{answer.status} for {path}"
        if answer.status == 404 and person.refused:
            person.pass_over()
            continue
        person.check()
        if answer.status == 404:
            person.refused = person.page.url
            continue
        if person.page.get_by_role("heading", name="Why are you opening this document?").count():
            person.send("Working on this case")


def test_a_break_glass_on_the_pages_of_whoever_broke_it(walk: Walk, people: People) -> None:
    """Its banner with the way to give it back, and the question that information governance asks about it."""
    person = people("outsider")
    person.go("/")
    assert person.page.get_by_role("button", name="Give back").count() == 1
    person.go(f"/reviews/{walk.values['review']}/answer")
    person.sees("Which call was that, and who took it?")
    person.go(f"/cases/{walk.server.case}")
    walk.note(person)


def test_pages_at_the_door(walk: Walk, people: People) -> None:
    """Signed out, signing in wrongly, and before the statement is agreed."""
    person = people()
    for path in ("/sign-in", "/signed-out", f"/enrol/{walk.values['invitation']}"):
        person.go(path)
    person.go("/no-such-page", status=404)
    person.go("/session/extend", status=405)
    person.go(f"/enrol/{'x' * 40}", status=403)
    login = walk.server.person("Dora Newman-Fable", Role.ATTENDEE, "health", agreed=False)
    wrong = people()
    wrong.go("/sign-in")
    wrong.send("Continue")
    wrong.sees("There is a problem")
    newcomer = people(login)
    assert newcomer.page.url.endswith("/statement/agree")
    newcomer.send("Agree and go on")
    newcomer.sees("There is a problem")
    for one in (person, wrong, newcomer):
        walk.note(one)


def test_forms_that_were_refused(walk: Walk, people: People) -> None:
    """An empty form of each kind comes back with its faults, as accessible as it went."""
    coordinator, case = people("coordinator"), walk.server.case
    for path, button in (
        ("/cases/new", "Open the case"),
        (f"/cases/{case}/documents/new", "Upload"),
        (f"/cases/{case}/change/level", "Change the level"),
        (f"/cases/{case}/close", "Close the case"),
        ("/meetings/new", "Arrange and invite"),
        (f"/meetings/{walk.values['meeting']}/issue", "Issue to those invited"),
        ("/statement/preview", "Publish"),
    ):
        coordinator.go(path)
        coordinator.send(button)
        assert coordinator.page.title().startswith("Error: "), path
        coordinator.sees("There is a problem")


def test_nothing_of_the_hub_was_left_out(walk: Walk) -> None:
    """Runs last: what the walkers above looked at is all that there is."""
    pages = {rule.endpoint for rule in walk.rules()}
    assert pages - walk.seen == set()
    assert set(NO_PAGES) <= {rule.endpoint for rule in walk.app.url_map.iter_rules()}
