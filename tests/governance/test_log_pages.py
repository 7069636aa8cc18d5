"""Information governance reads the log; nobody else does, and nothing of a case is in it."""

import csv
import io
import json
import re
from dataclasses import fields

from sqlalchemy import insert

from hub.access.permissions import Permission
from hub.access.policy import Standing
from hub.governance.entries import Turn
from hub.governance.rules import Filters, Flag, Kind, Why
from hub.governance.words import (
    EVENTS,
    FIELDS,
    FLAGS,
    KINDS,
    LEFT_OUT,
    PLAIN,
    VALUES,
    WANTED,
    WHY,
    WHYS,
)
from hub.ledger.events import REGISTRY, MeetingsListed
from hub.people.model import Account
from tests.documents.conftest import Desk, pdf
from tests.world import START


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


CODED = re.compile(r"`(\w+)`([^`]*)")


def declared_codes():
    """{(field, code)} that the vocabulary's own words name; 'agency added|removed' is two."""
    for event in REGISTRY.values():
        for name, rest in CODED.findall(event.__doc__ or ""):
            if name in event.__dataclass_fields__:
                for code in re.findall("'([^']+)'", rest):
                    head, _, last = code.rpartition(" ")
                    yield from ((name, f"{head} {one}".strip()) for one in last.split("|"))


def test_every_code_that_the_vocabulary_names_is_told_in_words():
    codes = set(declared_codes())
    assert ("what", "agency added") in codes
    assert len(codes) > 40
    assert {pair for pair in codes if pair not in VALUES and pair[1] not in PLAIN} == set()


def test_every_reason_of_a_refusal_every_class_and_every_flag_has_words():
    standings = {f"forbidden: {one}" for one in (Standing.NONE, Standing.EXCLUDED, "role", "audience")}
    assert standings <= set(WHY)
    assert set(WHYS) == set(Why)
    assert set(KINDS) == set(Kind)
    assert set(FLAGS) == set(Flag)


def test_pages_of_the_log_go_by_the_numbers_of_entries(world):
    who = world.actor("police")
    for _ in range(130):
        world.hub.db.record(who, MeetingsListed(meetings=()))
    reader = world.actor("governance")
    first = world.hub.governance.overview(reader, Filters(event="meeting.listed")).page
    assert (len(first.rows), first.older, first.newer) == (50, True, False)
    numbers, turn = [], Turn()
    while True:
        page = world.hub.governance.overview(reader, Filters(event="meeting.listed"), turn).page
        numbers += [row.sequence for row in page.rows]
        if not page.older:
            break
        turn = Turn(before=page.rows[-1].sequence)
    assert numbers == sorted({entry.sequence for entry in world.events("meeting.listed")}, reverse=True)
    back = world.hub.governance.overview(
        reader, Filters(event="meeting.listed"), Turn(after=page.rows[0].sequence)
    ).page
    assert [row.sequence for row in back.rows] == numbers[50:100]


def test_who_has_seen_what_agrees_on_every_page(world):
    document = Desk(world).upload(pdf("words"), "w.pdf", "police").document
    world.hub.documents.give_reason(world.actor("probation"), document, "risk")
    world.client("probation").get(f"/documents/{document}")
    client = world.client("governance")
    for path in (
        f"/log/documents/{document}",
        f"/log/cases/{world.case}",
        f"/log/agencies/{world.agencies['police']}",
        "/log/peers",
        f"/log/agencies/{world.agencies['probation']}",
    ):
        assert "Prue Bates-Fable" in client.get(path).get_data(as_text=True), path
    assert document in client.get(f"/log/people/{world.people['probation']}").get_data(as_text=True)
    page = client.get("/log/figures").get_data(as_text=True)
    assert "Read a page" in page
    assert "<svg" in page
    for path in ("cases", "agencies", "documents", "people"):
        assert client.get(f"/log/{path}/{'a' * 26}").status_code == 404


def test_the_supplier_sees_who_read_and_on_which_days(world):
    document = Desk(world).upload(pdf("words"), "w.pdf", "police", title="Plainly invented").document
    world.hub.documents.give_reason(world.actor("probation"), document, "risk")
    world.client("probation").get(f"/documents/{document}")
    page = world.client("police").get("/supplied/").get_data(as_text=True)
    assert "Plainly invented" in page
    assert "Prue Bates-Fable" in page
    assert "2 March 2026" in page
    assert "1 person opened documents of yours" in world.client("police").get("/").get_data(as_text=True)
    assert "Prue" not in world.client("outsider").get("/supplied/").get_data(as_text=True)
    assert world.events("document.readers_viewed")


def test_the_export_in_json_is_logged_and_can_be_read(world):
    world.client("police").get("/log/")
    told = json.loads(world.client("governance").get("/log/export.json").get_data(as_text=True))
    assert [one["sequence"] for one in told] == list(range(1, len(told) + 1))
    assert told[0]["person"] == "Polly Sergeant-Fable"
    assert world.events("log.exported")
    assert (
        json.loads(world.client("governance").get("/log/export.json?outcome=failed").get_data(as_text=True))
        == []
    )


def test_the_register_names_who_has_not_agreed(world):
    with world.hub.db.work() as work:
        work.session.execute(insert(Account).values(
            id="n" * 26, area_id=world.area, agency_id=world.agencies["housing"], email="new@fenmarch.example",
            name="Newly Invited-Fable", role="practitioner", state="invited", totp_last_step=0, created_at=START,
        ))  # fmt: skip
        work.commit()
    page = world.client("governance").get("/statement/register").get_data(as_text=True)
    waiting = page[page.index("Who has not agreed") : page.index("Agreements, newest first")]
    assert "Newly Invited-Fable" in waiting
    assert "Polly" not in waiting
