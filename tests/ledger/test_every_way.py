"""No record, no view: every way that `url_map` has is gone, and what it showed or changed is in the log, exactly as declared.

A new route fails here until it says what the log holds of it.
"""

import json

import pytest

from hub.web.routes import needs_of
from tests.conftest import ENGINES
from tests.documents.conftest import Desk, one_reader, pdf  # noqa: F401 - fixtures
from tests.ledger import ways as w

VIEWED, LISTED = ["case.viewed"], ["case.listed"]
LOOKED = {
    "cases.index": ("police", LISTED),
    "cases.show": ("police", VIEWED),
    "cases.timeline": ("police", VIEWED),
    "cases.change": ("coordinator", VIEWED),
    "cases.close": ("coordinator", VIEWED),
    "cases.team": ("coordinator", VIEWED),
    "disposal.ask": ("coordinator", ["disposal.viewed"]),
    "disposal.index": ("governance", ["disposal.viewed"]),
    "disposal.show": ("governance", ["disposal.viewed"]),
    "disposal.certificates": ("governance", ["disposal.viewed"]),
    "disposal.pdf": ("governance", ["disposal.certificate_read"]),
    "disposal.text": ("governance", ["disposal.certificate_read"]),
    "documents.upload": ("police", VIEWED),
    "documents.receipt": ("police", VIEWED),
    "documents.show": ("police", ["document.page_viewed"]),
    "documents.page_image": ("police", ["document.page_viewed"]),
    "documents.edit": ("police", ["document.page_viewed"]),
    "documents.new_version": ("police", ["document.page_viewed"]),
    "documents.unread": ("coordinator", ["case.listed"]),
    "documents.readers": ("police", ["document.readers_viewed"]),
    "documents.original": ("police", ["document.download_started", "document.download_ended"]),
    "glass.coordinated": ("coordinator", ["log.read"]),
    "governance.index": ("governance", ["log.read"]),
    "governance.agencies": ("governance", ["log.read"]),
    "governance.agency": ("governance", ["log.read"]),
    "governance.case": ("governance", ["log.read"]),
    "governance.document": ("governance", ["log.read"]),
    "governance.person": ("governance", ["log.read"]),
    "governance.figures": ("governance", ["log.read"]),
    "governance.peers": ("governance", ["log.read"]),
    "governance.export": ("governance", ["log.exported"]),
    "governance.export_json": ("governance", ["log.exported"]),
    "governance.receipts": ("governance", ["log.receipt_made"]),
    "bundles.ask": ("governance", ["log.read"]),
    "meetings.index": ("police", ["meeting.listed"]),
    "meetings.show": ("police", ["meeting.viewed", "case.listed"]),
    "meetings.agenda": ("coordinator", ["meeting.viewed", "case.listed", "case.listed"]),
    "meetings.change": ("coordinator", ["meeting.viewed", "case.listed", "case.listed"]),
    "meetings.new": ("coordinator", LISTED),
    "meetings.issue": ("coordinator", ["meeting.viewed", "case.listed"]),
    "meetings.readers": ("coordinator", ["meeting.viewed", "case.listed", "document.readers_viewed"]),
    "people.unsent": ("police", ["form.shown"]),
    "reviews.index": ("governance", ["log.read"]),
    "reviews.show": ("governance", ["log.read"]),
    "reviews.answer": ("outsider", ["log.read"]),
    "search.results": ("police", ["search.run", "search.shown", "search.shown"]),
    "statement.register": ("governance", ["log.read"]),
    "supplied.index": ("police", ["document.readers_viewed", "document.readers_viewed"]),
}
"""GET: who goes there, and what the log then holds."""
NOTHING = {
    "web.home": "police", "glass.ask": "police", "cases.new": "coordinator", "search.index": "police",
    "people.accounts": "administrator", "people.confirm": "administrator", "people.sessions": "police",
    "statement.show": "police", "statement.agree": "police", "statement.edit": "coordinator", "statement.preview": "coordinator",
    "statement.versions": "police", "statement.version": "police", "web.status": "administrator",
    "people.sign_in": None, "people.code": None, "people.signed_out": None, "people.enrol": None, "web.asset": None,
    "web.favicon": None, "web.help": None, "web.cookies": None, "web.accessibility": None, "web.healthz": None, "web.readyz": None,
}  # fmt: skip
"""GET: what shows nothing of any case, to whom; None: to anybody. Counts, forms still empty, and what is about the staff."""
EVERYBODY = (
    "police",
    "attendee",
    "outsider",
    "coordinator",
    "chair",
    "governance",
    "administrator",
    "excluded",
    "probation",
)


@pytest.fixture(scope="module", params=ENGINES)
def there(request, one_reader, tmp_path_factory):  # noqa: F811 - the fixture of that name
    with w.furnished(request, tmp_path_factory, one_reader) as made:
        yield made


def went(ways, who, rule, method="GET", **more):
    """The answer, read to its end, and the events that came of it."""
    ways.newest()
    answer = ways.world.client(who).open(ways.path(rule, **more), method=method)
    shown = w.shows(answer)
    answer.close()
    return answer, shown, [entry.event for entry in ways.newest()]


def test_every_route_that_is_read_says_what_the_log_holds_of_it(there):
    assert {rule.endpoint for rule in there.rules("GET")} == LOOKED.keys() | NOTHING.keys()
    assert not LOOKED.keys() & NOTHING.keys()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_whatever_is_looked_at_is_in_the_log_exactly_as_declared(there, method):
    for rule in there.rules("GET"):
        if rule.endpoint not in LOOKED:
            continue
        who, events = LOOKED[rule.endpoint]
        answer, _, found = went(there, who, rule, method)
        if (rule.endpoint, method) == ("documents.original", "HEAD"):
            events = events[:1]  # no byte was asked for, so that none can end
        assert (rule.endpoint, answer.status_code, found) == (rule.endpoint, 200, events)


def test_what_declares_nothing_shows_nothing_of_a_case(there):
    for rule in there.rules("GET"):
        if rule.endpoint in NOTHING:
            answer, shown, found = went(there, NOTHING[rule.endpoint], rule)
            assert answer.status_code < 400, rule.endpoint
            assert (rule.endpoint, shown, found) == (rule.endpoint, [], [])


def test_whoever_is_shown_a_word_of_a_case_by_whatever_route_is_in_the_log_with_it(there):
    showing = set()
    for who in EVERYBODY:
        for rule in there.rules("GET"):
            if needs_of(there.world.app, rule.endpoint).permission is None:
                continue
            there.newest()
            answer = there.world.client(who).get(there.path(rule))
            shown, seen = w.shows(answer), there.newest()
            answer.close()
            theirs = [entry for entry in seen if entry.actor_id == there.world.people[who]]
            assert not shown or any(entry.operation for entry in theirs), (who, rule.rule, shown)
            assert answer.status_code not in (404, 403) or not shown, (who, rule.rule)
            showing |= {rule.endpoint} if shown else set()
    assert len(showing) > 25, "the canaries are not where they should be"
    assert showing <= LOOKED.keys()


def test_the_entry_is_of_the_very_case_document_and_page(there):
    rules = {rule.endpoint: rule for rule in there.rules("GET")}
    for endpoint in (
        "documents.page_image",
        "documents.show",
        "documents.original",
        "documents.readers",
        "documents.edit",
    ):
        there.newest()
        there.world.client("police").get(there.path(rules[endpoint])).close()
        for entry in there.newest():
            assert (entry.case_id, entry.document_id) == (there.values["case"], there.values["document"]), (
                endpoint
            )
            assert entry.case_sequence, "it counts in the case's own sequence"


def test_a_download_tells_the_bytes_asked_for_and_those_delivered_and_how_it_ended(there):
    path = f"/documents/{there.plain}/versions/1/original"
    client = there.world.client("police")
    whole = client.get(path)
    size = len(whole.data)
    whole.close()
    there.newest()
    for asked, first, last, delivered, how in (
        ({}, 0, size - 1, size, "complete"),
        ({"Range": "bytes=5-14"}, 5, 14, 10, "complete"),
    ):
        answer = client.get(path, headers=asked)
        assert len(answer.data) == delivered
        answer.close()
        begun, ended = (json.loads(entry.leaf)["fields"] for entry in there.newest())
        assert (begun["first"], begun["last"], begun["reason"]) == (first, last, "risk")
        assert (ended["delivered"], ended["how"], ended["started"]) == (delivered, how, there.last - 1)
    for asked in ({"Range": f"bytes={size}-"},):
        client.get(path, headers=asked).close()
        (begun,) = (json.loads(entry.leaf)["fields"] for entry in there.newest())
        assert (begun["first"], begun["last"]) == (0, -1)
    answer = client.get(path, buffered=False)
    there.newest()
    answer.close()
    (ended,) = (json.loads(entry.leaf)["fields"] for entry in there.newest())
    assert ended["how"] == "cut by the reader"


def test_a_search_tells_sealed_what_was_sought_and_every_line_that_was_shown(there):
    rules = {rule.endpoint: rule for rule in there.rules("GET")}
    there.newest()
    there.world.client("police").get(there.path(rules["search.results"]))
    run, *shown = there.newest()
    assert w.TEXT not in run.leaf
    assert w.TEXT.encode() not in run.sealed
    fields = json.loads(run.leaf)["fields"]
    assert {one.document_id for one in shown} == set(fields["documents"])
    assert {one.case_id for one in shown} == {there.values["case"]}


def test_without_a_reason_given_the_edit_page_says_none_and_never_one_of_its_own(there):
    rules = {rule.endpoint: rule for rule in there.rules("GET")}
    for who, reason in (("coordinator", None), ("police", "risk")):
        there.newest()
        there.world.client(who).get(there.path(rules["documents.edit"]))
        assert [entry.reason for entry in there.newest()] == [reason]
