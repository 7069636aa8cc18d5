"""Information governance reads the log; nobody else does, and nothing of a case is in it."""

import csv
import io
from dataclasses import fields

from hub.access.permissions import Permission
from hub.governance.words import EVENTS, FIELDS, LEFT_OUT, WANTED
from hub.ledger.events import REGISTRY


def test_every_event_has_its_words():
    assert set(EVENTS) == set(REGISTRY)


def test_every_public_field_has_words_or_is_left_out():
    public = {f.name for event in REGISTRY.values() for f in fields(event) if not f.metadata.get("private")}
    assert set(FIELDS) | LEFT_OUT == public
    assert not set(FIELDS) & LEFT_OUT
    assert set(WANTED) == set(Permission)


def test_a_refusal_is_told_in_words_on_the_page_and_in_the_export(world):
    world.client("police").get("/log/")
    for path in ("/log/", "/log/export.csv"):
        page = world.client("governance").get(path).get_data(as_text=True)
        assert "wanted to read the access log, which their role may not" in page
        assert "log:read" not in page


def test_a_case_of_others_and_a_case_that_is_not_there_are_told_apart(world):
    world.client("outsider").get(f"/cases/{world.case}")
    world.client("outsider").get("/cases/" + "a" * 26)
    page = world.client("governance").get("/log/").get_data(as_text=True)
    assert "wanted to read a case, which is not theirs" in page
    assert "wanted to read a case, which does not exist" in page


def test_the_document_filter_is_there_only_when_it_is_set(world):
    client = world.client("governance")
    assert 'name="document"' not in client.get("/log/").get_data(as_text=True)
    assert 'name="document"' in client.get("/log/?document=" + "a" * 26).get_data(as_text=True)


def test_looking_at_the_log_is_logged_before_it_is_shown(world):
    answer = world.client("governance").get("/log/")
    assert answer.status_code == 200
    assert [entry.event for entry in world.events()] == ["log.read"]
    assert b"Looked at the access log" in answer.data


def test_a_refusal_is_found_by_its_outcome(world):
    world.client("police").get("/log/")
    page = world.client("governance").get("/log/?outcome=refused").get_data(as_text=True)
    assert "Was refused" in page
    assert "Polly Sergeant-Fable" in page
    assert "Looked at the access log (" not in page


def test_nobody_else_reads_or_exports_the_log(world):
    for who in ("police", "coordinator", "chair", "attendee", "administrator"):
        for path in ("/log/", "/log/export.csv", f"/log/people/{world.people['police']}"):
            assert world.client(who).get(path).status_code == 404


def test_the_export_is_logged_and_no_cell_begins_a_formula(world):
    with world.hub.db.work() as work:
        from hub.people.model import Account

        work.session.get_one(Account, world.people["police"]).name = "=HYPERLINK(1)"
        work.commit()
    world.client("police").get("/log/")
    answer = world.client("governance").get("/log/export.csv")
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert rows[0][0] == "Entry"
    assert any(cell == "'=HYPERLINK(1)" for row in rows for cell in row)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert world.events("log.exported")


def test_strange_filters_are_answered_not_failed(world):
    client = world.client("governance")
    for query in (
        "person=%00",
        "first-day=99&first-month=99&first-year=1",
        "event=nonsense",
        "page=-1",
        "page=9999999",
    ):
        assert client.get(f"/log/?{query}").status_code == 200
    for path in ("/log/documents/" + "a" * 26, "/log/people/" + "a" * 26):
        assert client.get(path).status_code == 404
