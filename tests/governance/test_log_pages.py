"""Information governance reads the log; nobody else does, and nothing of a case is in it."""

import csv
import io

from hub.governance.words import EVENTS
from hub.ledger.events import REGISTRY


def test_every_event_has_its_words():
    assert set(EVENTS) == set(REGISTRY)


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
    for query in ("person=%00", "first-day=99&first-month=99&first-year=1", "event=nonsense", "page=-1", "page=9999999"):
        assert client.get(f"/log/?{query}").status_code == 200
    for path in ("/log/documents/" + "a" * 26, "/log/people/" + "a" * 26):
        assert client.get(path).status_code == 404
