"""The access matrix, generated from `app.url_map`: every route, method, role and relation to one case.

Whoever may not gets no word of the case, and the same bytes whether it exists or not; nobody gets a 500.
"""

import itertools
import re
from dataclasses import dataclass

import pytest
from flask import Blueprint, Flask
from werkzeug.routing import Rule

from hub.access.permissions import GRANTS, Role
from hub.ledger.events import FormKept
from hub.people.model import Account
from hub.web import guard
from hub.web.routes import ATTRIBUTE, needs_of
from tests.access.canary import FIRST, NAME, RELATIONS, SECOND
from tests.world import csrf

METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH")
ABSENT = "a" * 26
PLAINLY = {"Accept": "application/json"}
"""Where only the status counts: making a page costs most of what a refusal costs."""
STANDS = {
    "on case": {Role.PRACTITIONER, Role.CHAIR, Role.ATTENDEE},
    "coordinates": {Role.COORDINATOR},
}
READERS = {Role.PRACTITIONER, Role.CHAIR, Role.ATTENDEE, Role.COORDINATOR}


def values_for(world, rule, *, there, document=0):
    known = {
        "case": world.canary, "document": world.documents[document], "staged": world.staged, "held": world.held,
        "meeting": world.meeting, "account": world.people["outsider"],
    }  # fmt: skip
    plain = {
        "session_id": "0" * 64, "token": "t" * 26, "name": "hub.css", "number": 1, "version": 1, "page": 1,
        "what": "level",
    }  # fmt: skip
    ids = {name: id_ if there else ABSENT for name, id_ in known.items()}
    values = {}
    for name in rule.arguments:
        values[name] = ids[name] if name in ids else plain.get(name, ABSENT)
    return values


def paths(world, *, there=True, document=0):
    """(rule, path) of every route, filled in with what is there, or with ids of nothing."""
    adapter = world.app.url_map.bind("localhost")
    for rule in sorted(world.app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        yield (
            rule,
            adapter.build(
                rule.endpoint, values_for(world, rule, there=there, document=document), method=_a_method(rule)
            ),
        )


def _a_method(rule):
    return next(iter(rule.methods - {"HEAD", "OPTIONS"}))


def asked(world, client, method, path, **more):
    query = {"q": "assessment"} if path == "/search/" else None
    if method == "POST":
        return world.post(client, path, more.pop("data", {"q": "assessment"}), buffered=True, **more)
    return client.open(path, method=method, query_string=query, buffered=True, **more)


def same(answer, path):
    """The answer apart from what the asker said, the ids, and the moment that stands on every page."""
    told = re.sub(rb'<time datetime="[^"]+"', b"<time", answer.data)
    for id_ in re.findall("[a-z2-7]{26}", path):
        told = told.replace(id_.encode(), b"id")
    return told


def about_the_case(rule):
    return bool({"case", "document", "staged"} & rule.arguments)


def may(role, relation):
    return role in STANDS.get(relation, ())


PAIRS = [
    (role, relation)
    for role, relation in itertools.product(Role, RELATIONS)
    if relation != "coordinates" or role is Role.COORDINATOR
]
BARRED = [(role, relation) for role, relation in PAIRS if not may(role, relation)]


def words_not_for(role, relation):
    if relation == "invited" and role in READERS:
        return (SECOND,)
    return (NAME, FIRST, SECOND)


def test_the_matrix_knows_every_argument_of_every_route(hub):
    known = {
        "case", "document", "staged", "held", "meeting", "account", "session_id", "token", "name", "number", "version",
        "page", "what", "asked", "review", "agency", "saved",
    }  # fmt: skip
    unknown = {name for rule in hub.app.url_map.iter_rules() for name in rule.arguments} - known
    assert unknown == set()


@dataclass(frozen=True)
class Answer:
    rule: Rule
    method: str
    path: str
    status_code: int
    headers: dict[str, str]
    data: bytes


@pytest.fixture(scope="module")
def told():
    """What `answers` were given: two tests look at them, in different ways."""
    return {}


def answers(hub, told, role, relation):
    """Of every route and method, for the first document and for the second."""
    if (role, relation) not in told:
        client = hub.client(f"{role}, {relation}")
        csrf(client)
        told[role, relation] = list(itertools.chain.from_iterable(_answers(hub, client, at) for at in (0, 1)))
    return told[role, relation]


def _answers(hub, client, document):
    for rule, path in paths(hub, document=document):
        if (document and "document" not in rule.arguments) or rule.endpoint == "people.sign_out":
            continue
        for method in sorted(rule.methods):
            if method != "HEAD" or about_the_case(
                rule
            ):  # it has no body: what counts is that its headers are the same
                given = asked(hub, client, method, path)
                yield Answer(rule, method, path, given.status_code, dict(given.headers), given.data)


@pytest.mark.parametrize(("role", "relation"), BARRED)
def test_who_may_not_gets_no_word_of_the_case_by_any_route_or_method(hub, told, role, relation):
    for answer in answers(hub, told, role, relation):
        assert answer.status_code < 500, (answer.method, answer.path)
        for word in words_not_for(role, relation):
            assert word.encode() not in answer.data, (answer.method, answer.path)
            assert word not in str(answer.headers), (answer.method, answer.path)


@pytest.mark.parametrize(("role", "relation"), [pair for pair in BARRED if pair[1] != "invited"])
def test_forbidden_and_absent_are_the_same_in_status_headers_and_bytes(hub, told, role, relation):
    client = hub.client(f"{role}, {relation}")
    csrf(client)
    absent_for = {
        there: absent for (_, there), (_, absent) in zip(paths(hub), paths(hub, there=False), strict=True)
    }
    compared = 0
    for first in answers(hub, told, role, relation):
        overseen = role is Role.GOVERNANCE and first.rule.endpoint.startswith(("governance.", "disposal."))
        if not about_the_case(first.rule) or overseen or first.path not in absent_for:
            continue
        method, there, absent = first.method, first.path, absent_for[first.path]
        second = asked(hub, client, method, absent)
        assert first.status_code == second.status_code, (method, there)
        assert same(first, there) == same(second, absent), (method, there)
        assert first.headers == dict(second.headers), (method, there)
        if method != "OPTIONS":
            assert first.status_code in (400, 404), (method, there)
        compared += 1
    assert compared > 60


def test_nobody_without_a_session_gets_past_any_route_that_is_not_open(hub):
    client = hub.client()
    for rule, path in paths(hub):
        open_to_all = needs_of(hub.app, rule.endpoint).permission is None
        for method in sorted(rule.methods):
            answer = asked(hub, client, method, path)
            assert answer.status_code < 500, (method, path)
            assert not any(word.encode() in answer.data for word in (NAME, FIRST, SECOND))
            if not open_to_all:
                assert (answer.status_code, answer.location) == (303, "/sign-in"), (method, path)
                told = asked(hub, client, method, path, headers={"Accept": "application/json"})
                assert told.status_code == 401, (method, path)


OPEN = {
    "people.sign_in", "people.send_password", "people.code", "people.send_code", "people.signed_out", "people.enrol",
    "people.send_enrolment", "web.asset", "web.favicon", "web.help", "web.cookies", "web.accessibility", "web.healthz",
    "web.readyz",
}  # fmt: skip
BEFORE_AGREEING = {
    "people.sign_out", "people.sessions", "people.end_session", "web.extend_session", "statement.show", "statement.agree",
    "statement.send_agreement", "statement.edit", "statement.save", "statement.preview", "statement.publish",
    "statement.versions", "statement.version",
}  # fmt: skip
"""Written out a second time: whoever opens another route must say so here."""


def test_no_other_route_is_open_or_answers_before_the_statement_is_agreed(hub):
    declared = {rule.endpoint: needs_of(hub.app, rule.endpoint) for rule in hub.app.url_map.iter_rules()}
    assert {name for name, needs in declared.items() if needs.permission is None} == OPEN
    early = {name for name, needs in declared.items() if needs.permission and not needs.agreed}
    assert early == BEFORE_AGREEING


@pytest.mark.parametrize("role", Role)
def test_without_agreeing_nothing_answers_for_any_role_method_or_kind_of_answer(hub, role):
    client = hub.client(f"{role}, unagreed")
    before = max(entry.sequence for entry in hub.events())
    for rule, path in paths(hub):
        if rule.endpoint in OPEN | BEFORE_AGREEING:
            continue
        for method in sorted(rule.methods):
            answer = asked(hub, client, method, path)
            assert (answer.status_code, answer.location) == (303, "/statement/agree"), (method, path)
            told = asked(hub, client, method, path, headers={"Accept": "application/json"})
            assert told.status_code == 403, (method, path)
            assert not any(word.encode() in told.data + answer.data for word in (NAME, FIRST, SECOND))
    assert {entry.event for entry in hub.events() if entry.sequence > before} <= {FormKept.name}, (
        "something was done or shown, for it was recorded"
    )


def test_the_pages_before_agreeing_speak_of_no_case(hub):
    for role in Role:
        client = hub.client(f"{role}, unagreed")
        for rule, path in paths(hub):
            if rule.endpoint in OPEN | BEFORE_AGREEING - {"people.sign_out"} and "GET" in rule.methods:
                answer = client.get(path, buffered=True)
                assert answer.status_code < 500, path
                assert not any(word.encode() in answer.data for word in (NAME, FIRST, SECOND))


def test_a_method_that_a_route_lacks_is_refused_alike_for_everybody_and_everything(hub):
    clients = [hub.client(), hub.client("practitioner, on case"), hub.client("practitioner, none")]
    for (rule, there), (_, absent) in zip(paths(hub), paths(hub, there=False), strict=True):
        same_path = {
            method
            for other in hub.app.url_map.iter_rules()
            if other.rule == rule.rule
            for method in other.methods
        }
        for method in sorted(set(METHODS) - same_path):
            statuses = {
                asked(hub, client, method, path, headers=PLAINLY).status_code
                for client in clients
                for path in (there, absent)
            }
            assert statuses == {405}, (method, there)


@pytest.mark.parametrize("role", Role)
def test_who_lacks_the_permission_gets_nothing_even_on_their_own_case(hub, role):
    client = hub.client(f"{role}, on case")
    for rule, path in paths(hub):
        needs = needs_of(hub.app, rule.endpoint)
        if needs.permission is None or needs.permission in GRANTS[role]:
            continue
        for method in sorted(rule.methods):
            assert asked(hub, client, method, path, headers=PLAINLY).status_code == 404, (method, path)


def test_malformed_ids_and_numbers_are_no_route(hub):
    client = hub.client("practitioner, on case")
    for bad in (
        "A" * 26,
        "a" * 25,
        "a" * 27,
        "1" * 26,
        "..",
        "%00" * 26,
        "a" * 25 + "é",
        "a" * 26 + "%0a",
        "'--",
    ):
        for path in ("/cases/{}", "/documents/{}", "/unsent/{}", "/meetings/{}"):
            assert client.get(path.format(bad)).status_code == 404, (path, bad)
    for number in ("9" * 10, "-1", "1.0", "9" * 5000, "%00", "१"):
        assert client.get(f"/statement/versions/{number}").status_code == 404
        image = f"/documents/{hub.documents[0]}/versions/{number}/pages/1/image"
        assert client.get(image).status_code == 404
    assert (
        client.get(f"/documents/{hub.documents[0]}/versions/999999999/pages/999999999/image").status_code
        < 500
    )


HOSTILE = (
    "",
    "\x00",
    "é" * 300,
    "9" * 400,
    "-1",
    "' OR 1=1 --",
    "<img src=x onerror=alert(1)>",
    "\u202egpj",
    "{{7*7}}",
)


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("who", ["coordinator", "administrator", None])
def test_no_value_in_any_field_or_query_gives_a_500(hub_on_each, who, value):
    hub = hub_on_each
    client = hub.client(who)
    for rule, path in paths(hub):
        if rule.endpoint in ("people.sign_out", "people.suspend", "statement.publish"):
            continue
        if "POST" in rule.methods:
            fields = dict.fromkeys(_fields(hub, rule.endpoint), value)
            answer = hub.post(client, path, fields)
        else:
            answer = client.get(path, query_string=dict.fromkeys(QUERY, value), buffered=True)
        assert answer.status_code < 500, (path, answer.status_code)
        assert b"<img src=x" not in answer.data, path


QUERY = ("q", "page", "sort", "case", "type", "agency", "person", "document", "event", "outcome", "first-day", "category",
         "level", "locality", "state", "version", "v", "order", "review", "lead")  # fmt: skip


def _fields(hub, endpoint):
    return (
        "email", "password", "again", "code", "name", "role", "agency", "version", "confidentiality", "equality", "seen",
        "reason", "title", "type", "owner", "necessity", "audience_is", "audience", "form_token", "staged", "category",
        "level", "criteria", "born-day", "born-month", "born-year", "aliases", "locality", "lead", "member", "duty",
        "subject", "account", "route", "unsent", "page", "place", "starts-day", "reference", "why", "question", "answer", "outcome", "note", "starts", "meeting", "documents", "what",
    )  # fmt: skip


def test_a_route_that_declares_nothing_stops_the_start(hub):
    app = Flask("undeclared", static_folder=None)
    loose = Blueprint("loose", __name__)
    loose.add_url_rule("/loose", "page", lambda: "")
    app.register_blueprint(loose)
    app.secret_key = "x" * 40
    with pytest.raises(guard.UndeclaredRoute, match="/loose"):
        guard.install(app)


def test_a_declaration_that_is_lost_after_the_start_lets_nobody_through(hub, monkeypatch):
    monkeypatch.delattr(hub.app.view_functions["cases.index"], ATTRIBUTE)
    answer = hub.client("police").get("/cases/")
    assert answer.status_code == 500
    assert NAME.encode() not in answer.data


def test_the_readers_of_the_case_do_read_it(hub):
    """Without this the rest of the matrix could pass on an empty hub."""
    for role, relation in PAIRS:
        answer = hub.client(f"{role}, {relation}").get(f"/cases/{hub.canary}")
        assert (answer.status_code == 200) == may(role, relation), (role, relation)
        assert (NAME.encode() in answer.data) == may(role, relation)
    for role in Role:
        client, service = f"{role}, invited", hub.hub.documents
        if role in READERS:
            service.give_reason(hub.actor(client), hub.documents[0], "meeting")
            assert FIRST.encode() in hub.client(client).get(f"/documents/{hub.documents[0]}").data
        assert hub.client(client).get(f"/documents/{hub.documents[1]}").status_code == 404


def test_a_new_version_binds_on_the_next_request_of_every_session(hub):
    clients = {
        who: hub.client(who) for who in ("police", "coordinator", "chair", "governance", "administrator")
    }
    assert all(client.get("/").status_code == 200 for client in clients.values())
    second = hub.app.test_client()
    with hub.hub.db.work() as work:
        account = work.session.get_one(Account, hub.people["police"])
        token, _ = hub.hub.sessions.start(work, account, address="198.51.100.2", device="second")
        work.commit()
    second.set_cookie("hub_session", token)
    assert second.get(f"/cases/{hub.canary}").status_code == 200
    _publish(hub)
    for client in (*clients.values(), second):
        answer = client.get("/")
        assert (answer.status_code, answer.location) == (303, "/statement/agree")
    for path in (
        f"/cases/{hub.canary}",
        f"/documents/{hub.documents[0]}/versions/1/original",
        "/search/?q=assessment",
    ):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert second.open(path, method=method).location == "/statement/agree"


def _publish(hub):
    statement, editor = hub.hub.statement, hub.actor("coordinator")
    draft = statement.save(editor, confidentiality="New text.", equality="New text too.", seen=0)
    statement.publish(editor, reason="The law has changed.", seen=draft.row_version)
